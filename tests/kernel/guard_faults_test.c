// SPDX-License-Identifier: MIT
/* Faults at guarded pages where they are not a thread's own: in interrupts, in NMIs, on other CPUs. */
#include <drivers/lapic.h>
#include <harness.h>
#include <kernel/cpu.h>
#include <kernel/ipi.h>
#include <kernel/nmi.h>
#include <kernel/smp.h>
#include <kernel/time.h>
#include <kernel/trap.h>
#include <mm/kmalloc.h>
#include <mm/nolock.h>
#include <unit/guarded.h>

#define PIT_TICKS 100u

static uint8_t *victim;
static unsigned reads;
static void read_victim(void)
{
	(void)*(volatile uint8_t *)victim;
	__atomic_fetch_add(&reads, 1, __ATOMIC_RELAXED);
}

static bool start(void)
{
	if (!lapic_init()) {
		test_skip("no local APIC");
		return false;
	}
	reads = 0;
	victim = NULL;
	if (!guarded_start()) {
		test_skip("no guard pages here");
		return false;
	}
	victim = guarded_kmalloc(40, GUARDED_LEFT);
	return EXPECT(victim);
}

static void in_tick(struct trap_frame *frame)
{
	(void)frame;
	read_victim();
}

TEST(in_an_interrupt)
{
	if (!start())
		return;
	kfree(victim);
	expect_report(MM_REPORT_USE_AFTER_FREE, 1);
	timer_arm(PIT_TICKS, in_tick);
	while (!__atomic_load_n(&reads, __ATOMIC_RELAXED))
		ipi_wait();
	timer_start(TIMER_HZ, NULL);
	EXPECT_EQ(reads, 1);
	EXPECT_REPORT_TEXT("read of ");
	EXPECT_REPORT_TEXT(", 0 bytes inside the 40-byte object at ");
}

static void in_nmi(struct trap_frame *frame)
{
	(void)frame;
	EXPECT(cpu_in_nmi());
	read_victim();
	EXPECT(cpu_in_nmi());
}

static void send_nmi_here(nmi_handler handler)
{
	unsigned long before = nmi_count(cpu_here->id);

	nmi_set_ipi_handler(handler);
	ipi_nmi(cpu_here->id);
	while (nmi_count(cpu_here->id) == before)
		ipi_wait();
	nmi_set_ipi_handler(NULL);
}

/* The report is kept, and printed by who comes next. */
TEST(in_an_nmi)
{
	if (!start())
		return;
	kfree(victim);
	expect_report(MM_REPORT_USE_AFTER_FREE, 1);
	send_nmi_here(in_nmi);
	EXPECT_EQ(reads, 1);
	mm_drain_deferred();
	EXPECT_REPORT_TEXT(", 0 bytes inside the 40-byte object at ");
}

static void free_in_nmi(struct trap_frame *frame)
{
	(void)frame;
	kfree_nolock(victim);
	__atomic_fetch_add(&reads, 1, __ATOMIC_RELAXED);
}

TEST(freed_in_an_nmi)
{
	uint8_t byte;

	if (!start())
		return;
	send_nmi_here(free_in_nmi);
	EXPECT_EQ(reads, 1);
	EXPECT(!probe_read(victim, &byte, 1)); /* which forgives the fault, without a report */
	expect_report(MM_REPORT_USE_AFTER_FREE, 1);
	read_victim();
}

static void read_elsewhere(void *cpu)
{
	if (cpu_here->id == (uintptr_t)cpu)
		read_victim();
}

/* Its translations are gone there, too. */
TEST(on_another_cpu)
{
	unsigned here = cpu_here->id;

	if (smp_count() == 1)
		SKIP("one CPU only");
	if (!start())
		return;
	for (unsigned cpu = 0; cpu < smp_count(); cpu++)
		ipi_call_each(read_elsewhere, (void *)(uintptr_t)cpu);
	EXPECT_EQ(reads, smp_count());
	kfree(victim);
	expect_report(MM_REPORT_USE_AFTER_FREE, 1);
	ipi_call_each(read_elsewhere, (void *)(uintptr_t)(here ? 0 : 1));
	EXPECT_EQ(reads, smp_count() + 1);
}

TEST_SUITE(guard_faults, in_an_interrupt, in_an_nmi, freed_in_an_nmi, on_another_cpu);
