/* SPDX-License-Identifier: MIT */
/*
 * Starting the other CPUs: they are reset and sent to a page below 1 MiB, all at once, by two
 * broadcasts of the local APIC (INIT, then twice STARTUP, as Intel's MP specification has it).
 *
 * They come in any order, so each draws its number (boot/trampoline.S) and finds ready what
 * belongs to that number: a stack, an idle thread, segments.  How many come the ACPI tables
 * say, where there are any; elsewhere the boot CPU waits until nobody has come for a while.
 *
 * I1: whoever draws a number below smp_prepared before the boot CPU closes the list is waited
 *     for, and runs; all others are parked.
 * I2: the pages of the trampoline are never used for anything else, for those who come late.
 */
#include <boot/acpi.h>
#include <drivers/lapic.h>
#include <drivers/pit.h>
#include <kernel/gdt.h>
#include <kernel/paging.h>
#include <kernel/panic.h>
#include <kernel/printk.h>
#include <kernel/sched.h>
#include <kernel/smp.h>
#include <kernel/string.h>
#include <kernel/tick.h>
#include <kernel/time.h>

#include "page_table.h"

#define TRAMPOLINE_BYTES (2 * PAGE_BYTES) /* code, then the page directory that it needs */
#define LOW_END          0x9f000u         /* what STARTUP reaches, without the BIOS's own */
#define RESET_US         10000u
#define STARTUP_US       200u
#define STEP_US          1000u
#define TURNS_PER_LOOK   200u
#define KNOWN_STEPS      5000u /* wait so long for CPUs that are said to be there */
#define UNKNOWN_STEPS    50u   /* and so long after the last one, where nobody knows */
#define CLOSED           0x10000u

/* At trampoline_words. */
struct trampoline_words {
	uint16_t gdt_limit;
	uint32_t gdt_base;
	uint32_t start;
	uint16_t start_selector;
	uint32_t page_tables;
	uint32_t no_execute;
} __attribute__((packed));

extern const char trampoline[], trampoline_words[], trampoline_gdt[], trampoline_protected[],
	trampoline_end[];
extern struct entry kernel_pdpt[NR_DIRECTORIES];

/* For the trampoline: the next number, numbers below this, their stacks, who was parked. */
extern uint32_t smp_drawn, smp_prepared, smp_stacks[MAX_CPUS], smp_parked;
_Noreturn void smp_enter(unsigned id);

uint32_t smp_drawn = 1;
uint32_t smp_prepared, smp_stacks[MAX_CPUS], smp_parked;

static paddr_t trampoline_page; /* 0: none */
static unsigned expected;       /* CPUs that ACPI tells of; 0: unknown */

static struct segments *segments[MAX_CPUS];
static unsigned apic_ids[MAX_CPUS];
static uint32_t online = 1;

uint32_t smp_online(void)
{
	return __atomic_load_n(&online, __ATOMIC_RELAXED);
}

unsigned smp_count(void)
{
	return (unsigned)__builtin_popcount(smp_online());
}

unsigned smp_apic_id(unsigned id)
{
	return apic_ids[id];
}

/* --- a place to start from --------------------------------------------------------------- */

static bool is_inside(const struct range_set *set, paddr_t start, paddr_t end)
{
	for (size_t i = 0; i < set->nr; i++)
		if (start >= set->ranges[i].start && end <= set->ranges[i].end)
			return true;
	return false;
}

static bool touches(const struct range_set *set, paddr_t start, paddr_t end)
{
	for (size_t i = 0; i < set->nr; i++)
		if (start < set->ranges[i].end && end > set->ranges[i].start)
			return true;
	return false;
}

void smp_reserve(struct boot *boot)
{
	expected = acpi_count_cpus();
	if (!cpu_features.apic || expected == 1)
		return;
	for (paddr_t at = PAGE_BYTES; at + TRAMPOLINE_BYTES <= LOW_END; at += PAGE_BYTES) {
		paddr_t end = at + TRAMPOLINE_BYTES;

		if (is_inside(&boot->ram, at, end) && !touches(&boot->reserved, at, end)) {
			range_set_cover(&boot->reserved, at, end);
			trampoline_page = at;
			return;
		}
	}
}

/* The page itself, its page tables: the first 2 MiB where they are, and the kernel's gigabyte. */
static void fill_trampoline(void)
{
	char *page = phys_to_virt(trampoline_page);
	struct entry *directory = phys_to_virt(trampoline_page + PAGE_BYTES);
	struct entry *pdpt = (struct entry *)(page + PAGE_BYTES) - NR_DIRECTORIES;
	struct trampoline_words *words =
		(struct trampoline_words *)(page + (trampoline_words - trampoline));

	memset(page, 0, TRAMPOLINE_BYTES);
	memcpy(page, trampoline, (size_t)(trampoline_end - trampoline));
	entry_set(&directory[0], PTE_PRESENT | PTE_WRITE | PTE_LARGE);
	entry_set(&pdpt[0], (trampoline_page + PAGE_BYTES) | PTE_PRESENT);
	entry_set(&pdpt[NR_DIRECTORIES - 1], virt_to_phys(kernel_pd) | PTE_PRESENT);
	words->gdt_base = (uint32_t)trampoline_page + (uint32_t)(trampoline_gdt - trampoline);
	words->start =
		(uint32_t)trampoline_page + (uint32_t)(trampoline_protected - trampoline);
	words->page_tables = (uint32_t)virt_to_phys(pdpt);
	words->no_execute = pte_no_execute != 0;
}

/* --- what they need ------------------------------------------------------------------------ */

static bool prepare(unsigned id)
{
	struct thread *idle = idle_new(id);

	segments[id] = gdt_new();
	if (!idle || !segments[id]) {
		gdt_free(segments[id]);
		if (idle)
			idle_free(idle);
		return false;
	}
	cpus[id] = (struct cpu){
		.id = id, .self = &cpus[id], .busy = BUSY_IDLE, .current = idle, .idle = idle};
	idle->state = THREAD_RUNNING;
	smp_stacks[id] = idle->stack.end;
	return true;
}

static void prepare_all(void)
{
	unsigned n = expected && expected < MAX_CPUS ? expected : MAX_CPUS;

	smp_prepared = 1;
	while (smp_prepared < n && prepare(smp_prepared))
		smp_prepared++;
}

/* Of numbers that nobody has drawn. */
static void free_rest(void)
{
	for (unsigned id = smp_count(); id < smp_prepared; id++) {
		idle_free(cpus[id].idle);
		gdt_free(segments[id]);
		cpus[id] = (struct cpu){0};
	}
}

/* --- the start ----------------------------------------------------------------------------- */

/* An emulator is slow to answer, and to relax: it is asked now and then. */
static void wait_us(unsigned us)
{
	pit_span_start((unsigned)((uint64_t)us * PIT_HZ / 1000000 + 1));
	while (!pit_span_over()) {
		cpu_relax();
		for (volatile unsigned i = 0; i < TURNS_PER_LOOK; i++)
			;
	}
}

static void broadcast(void)
{
	lapic_broadcast_init();
	wait_us(RESET_US);
	for (unsigned i = 0; i < 2; i++) {
		lapic_broadcast_startup((unsigned)(trampoline_page / PAGE_BYTES));
		wait_us(STARTUP_US);
	}
}

static uint32_t drawn(void)
{
	return __atomic_load_n(&smp_drawn, __ATOMIC_RELAXED);
}

static void wait_for_all(void)
{
	uint32_t seen = drawn();

	for (unsigned step = 0; step < (expected ? KNOWN_STEPS : UNKNOWN_STEPS); step++) {
		if (expected && drawn() >= expected)
			return;
		wait_us(STEP_US);
		if (drawn() != seen)
			step = 0;
		seen = drawn();
	}
}

/* Nobody else gets a number; those who have one come. */
static void close_list(void)
{
	uint32_t last = __atomic_fetch_add(&smp_drawn, CLOSED, __ATOMIC_ACQ_REL);

	if (last > smp_prepared)
		last = smp_prepared;
	while (smp_count() < last)
		cpu_relax();
}

/* The first C code of another CPU, on the stack of its idle thread; interrupts off. */
_Noreturn void smp_enter(unsigned id)
{
	gdt_load(segments[id], &cpus[id]);
	trap_load();
	cpu_forbid_fpu();
	lapic_init();
	apic_ids[id] = lapic_id();
	tick_start(TIMER_HZ, NULL);
	__atomic_fetch_or(&online, 1u << id, __ATOMIC_ACQ_REL);
	irqs_enable();
	idle_run();
}

void smp_start(void)
{
	unsigned n;

	if (!trampoline_page || !lapic_init())
		return;
	apic_ids[0] = lapic_id();
	tick_calibrate();
	fill_trampoline();
	prepare_all();
	broadcast();
	wait_for_all();
	close_list();
	free_rest();
	n = smp_count();
	if (expected > n)
		printk("cpu: %u CPUs run, of %u", n, expected);
	else
		printk("cpu: %u CPUs run%s", n, smp_parked ? "; others are parked" : "");
}
