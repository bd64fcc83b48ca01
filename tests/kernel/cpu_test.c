// SPDX-License-Identifier: MIT
/*
 * The CPUs: that all come, that each has its own data, and what they ask of each other.  On a
 * machine with one, as much as one can do.
 */
#include <harness.h>
#include <kernel/ipi.h>
#include <kernel/nmi.h>
#include <kernel/options.h>
#include <kernel/paging.h>
#include <kernel/shootdown.h>
#include <kernel/smp.h>
#include <kernel/spinlock.h>
#include <kernel/thread.h>
#include <kernel/tick.h>
#include <kernel/time.h>
#include <kernel/trap.h>
#include <mem.h>
#include <mm/page_alloc.h>
#include <mm/port.h>
#include <window.h>

#define ONE_CPU "one CPU only"
#define LONG_MS 5000u

/* Wait until it is so; false if it takes too long. */
#define WAIT_UNTIL(condition)                                     \
	({                                                        \
		uint64_t end_ = wait_deadline(LONG_MS);           \
		bool met_;                                        \
                                                                  \
		while (!(met_ = (condition)) && time_ns() < end_) \
			ipi_wait();                               \
		met_;                                             \
	})

/* cpus=N on the command line: so many the machine has. */
TEST(all_arrive)
{
	uint64_t wanted;

	if (cmdline_u64("cpus", &wanted))
		EXPECT_EQ(smp_count(), wanted < MAX_CPUS ? wanted : MAX_CPUS);
	EXPECT_EQ(smp_online(), (uint32_t)((1ull << smp_count()) - 1));
	for (unsigned i = 1; i < smp_count(); i++) {
		unsigned long before = tick_count(i);

		EXPECT(cpus[i].id == i && cpus[i].self == &cpus[i]);
		EXPECT(smp_apic_id(i) != smp_apic_id(0));
		EXPECTF(WAIT_UNTIL(tick_count(i) > before + 1), "CPU %u has no timer", i);
	}
}

/* --- data of each ------------------------------------------------------------------------ */

static struct {
	unsigned id, busy;
	struct cpu *self;
	bool irqs_on;
	uintptr_t stack;
	unsigned long calls;
} __attribute__((aligned(CPU_STRIDE))) seen[MAX_CPUS];

/* The same instruction writes another word on each CPU. */
static void look(void *arg)
{
	unsigned id = cpu_here->id;
	char here;

	__asm__ volatile("incl %%gs:%c0" : : "i"(&seen[0].calls) : "memory", "cc");
	seen[id].id = id;
	seen[id].self = this_cpu();
	seen[id].busy = cpu_here->busy;
	seen[id].irqs_on = irqs_enabled();
	seen[id].stack = (uintptr_t)&here;
	EXPECT(arg == seen);
}

TEST(each_has_its_own_data)
{
	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < 3; i++)
		ipi_call_each(look, seen);
	for (unsigned i = 0; i < MAX_CPUS; i++) {
		if (i >= smp_count()) {
			EXPECT_EQ(seen[i].calls, 0);
			continue;
		}
		EXPECT_EQ(seen[i].calls, 3);
		EXPECT_EQ(seen[i].id, i);
		EXPECT(seen[i].self == &cpus[i]);
		EXPECT(!seen[i].irqs_on);
		EXPECT(i == 0 || seen[i].busy & BUSY_IRQ);
	}
	EXPECT_EQ(mm_cpu_id(), 0);
	EXPECT(may_sleep());
}

static void count_call(void *arg)
{
	__atomic_fetch_add((unsigned *)arg, 1, __ATOMIC_RELAXED);
}

TEST(calls_reach_every_cpu)
{
	unsigned others = 0, all = 0;

	for (unsigned i = 0; i < 100; i++) {
		ipi_call_others(count_call, &others);
		EXPECT_EQ(others, (i + 1) * (smp_count() - 1));
		mm_host_on_each_cpu(count_call, &all);
		EXPECT_EQ(all, (i + 1) * smp_count());
	}
}

/* --- spinlocks ----------------------------------------------------------------------------- */

/* More CPUs take more turns together, and wait longer for each: for the one that has no host CPU. */
#define INCREMENTS 8000u
#define SHOTS      100u

static struct spinlock lock;
static unsigned counter, violations;
static bool inside;

static unsigned increments(void)
{
	return INCREMENTS / (smp_count() * smp_count());
}

static void increment(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < increments(); i++) {
		if (i % 4 || !spin_trylock(&lock))
			spin_lock(&lock);
		violations += inside;
		inside = true;
		*(volatile unsigned *)&counter = *(volatile unsigned *)&counter + 1;
		inside = false;
		spin_unlock(&lock);
	}
}

TEST(spinlock_excludes)
{
	counter = violations = 0;
	for (unsigned round = 0; round < 3; round++)
		ipi_call_each(increment, NULL);
	EXPECT_EQ(counter, 3 * increments() * smp_count());
	EXPECT_EQ(violations, 0);
	EXPECT(!spin_is_locked(&lock));
}

TEST(spinlock_numbers_wrap)
{
	uint32_t flags = irq_save();

	lock.word = 0xffffffff;
	EXPECT(!spin_is_locked(&lock));
	spin_lock(&lock);
	EXPECT(spin_is_locked(&lock));
	EXPECT(!spin_trylock(&lock));
	spin_unlock(&lock);
	EXPECT(!spin_is_locked(&lock));
	EXPECT(spin_trylock(&lock));
	spin_unlock(&lock);
	EXPECT_EQ(lock.word, 0x00010001);
	lock.word = 0;
	irq_restore(flags);
}

/* --- holding still --------------------------------------------------------------------------- */

TEST(held_cpus_do_nothing)
{
	unsigned long before[MAX_CPUS];
	uint64_t end;

	for (unsigned round = 0; round < 3; round++) {
		ipi_hold_others();
		ipi_hold_others();
		ipi_release_others();
		for (unsigned i = 1; i < smp_count(); i++)
			before[i] = tick_count(i);
		end = wait_deadline(40);
		while (time_ns() < end)
			ipi_wait();
		for (unsigned i = 1; i < smp_count(); i++)
			EXPECT_EQ(tick_count(i), before[i]);
		EXPECT(!may_sleep());
		shootdown(); /* serves them */
		ipi_release_others();
		EXPECT(may_sleep());
		for (unsigned i = 1; i < smp_count(); i++)
			EXPECT(WAIT_UNTIL(tick_count(i) > before[i]));
	}
}

/* --- shootdown ------------------------------------------------------------------------------- */

static struct {
	uintptr_t address;
	uint32_t value[MAX_CPUS];
	bool faulted[MAX_CPUS];
} remote;

static void read_it(void *arg)
{
	unsigned id = cpu_here->id;

	(void)arg;
	remote.value[id] = 0;
	remote.faulted[id] = !probe_read((const void *)remote.address, &remote.value[id],
					 sizeof(remote.value[id]));
}

static bool all_read(uint32_t value)
{
	unsigned right = 0;

	ipi_call_each(read_it, NULL);
	for (unsigned i = 0; i < smp_count(); i++)
		right += !remote.faulted[i] && remote.value[i] == value;
	return right == smp_count();
}

static bool all_fault(void)
{
	unsigned right = 0;

	ipi_call_each(read_it, NULL);
	for (unsigned i = 0; i < smp_count(); i++)
		right += remote.faulted[i];
	return right == smp_count();
}

/* What is unmapped here faults there; what is mapped instead is seen there. */
TEST(unmapped_on_every_cpu)
{
	struct page *pages[2];
	unsigned long before;

	allow_kept_pages(1); /* a page table of the window */
	remote.address = window_reserve(1);
	for (uint32_t i = 0; i < 2; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		ASSERT(pages[i] && remote.address);
		*(uint32_t *)page_address(pages[i]) = i + 1;
	}
	for (unsigned round = 0; round < 20; round++) {
		ASSERT(paging_map(remote.address, page_to_phys(pages[round % 2])));
		EXPECT(all_read(round % 2 + 1));
		before = shootdown_count();
		paging_unmap(remote.address, 1);
		EXPECT_EQ(shootdown_count() - before, smp_count() > 1 ? 1 : 0);
		EXPECT(all_fault());
	}
	ASSERT(paging_map(remote.address, page_to_phys(pages[0])));
	EXPECT(all_read(1));
	paging_unmap_lazy(remote.address, 1);
	paging_flush();
	EXPECT(all_fault());
	window_release(remote.address, 1);
	window_flush();
	for (unsigned i = 0; i < 2; i++)
		__free_page(pages[i]);
}

static struct {
	struct page *pages[2]; /* what is mapped first, and what then */
	uint32_t arrived, remapped, stale;
} remap;

static uint32_t seen_there(void)
{
	return *(volatile uint32_t *)remote.address;
}

/* Knows the first page's translation.  Whoever comes last maps the second one there; then, who sees it? */
static void look_twice(void *arg)
{
	(void)arg;
	seen_there();
	if (__atomic_add_fetch(&remap.arrived, 1, __ATOMIC_ACQ_REL) == smp_count() - 1) {
		paging_unmap(remote.address, 1);
		paging_map(remote.address, page_to_phys(remap.pages[1]));
		__atomic_store_n(&remap.remapped, 1, __ATOMIC_RELEASE);
	}
	while (!__atomic_load_n(&remap.remapped, __ATOMIC_ACQUIRE))
		ipi_wait();
	__atomic_fetch_add(&remap.stale, seen_there() == 1, __ATOMIC_ACQ_REL);
}

/* How many CPUs go on seeing the first page. */
static unsigned stale_cpus(void)
{
	remap.arrived = remap.remapped = remap.stale = 0;
	paging_map(remote.address, page_to_phys(remap.pages[0]));
	preempt_disable();
	seen_there();
	ipi_call_others(look_twice, NULL);
	remap.stale += seen_there() == 1;
	preempt_enable();
	paging_unmap(remote.address, 1);
	return remap.stale;
}

/* Proof that a translation which is not shot down is found here: all but who has unmapped it know it. */
TEST(without_shootdown_it_goes_wrong)
{
	unsigned stale;

	if (smp_count() == 1)
		SKIP(ONE_CPU);
	allow_kept_pages(1); /* a page table of the window */
	remote.address = window_reserve(1);
	for (uint32_t i = 0; i < 2; i++) {
		remap.pages[i] = alloc_page(GFP_KERNEL);
		ASSERT(remap.pages[i] && remote.address);
		*(uint32_t *)page_address(remap.pages[i]) = i + 1;
	}
	EXPECT_EQ(stale_cpus(), 0);
	shootdown_switch(false);
	stale = stale_cpus();
	shootdown_switch(true);
	shootdown();
	EXPECT_EQ(stale, smp_count() - 1);
	EXPECT_EQ(stale_cpus(), 0);
	window_release(remote.address, 1);
	window_flush();
	for (unsigned i = 0; i < 2; i++)
		__free_page(remap.pages[i]);
}

static void shoot_often(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < SHOTS / smp_count(); i++) {
		shootdown();
		spin_lock(&lock);
		counter++;
		if (i % 4 == 0)
			shootdown();
		spin_unlock(&lock);
	}
}

/* Everybody waits for everybody, with interrupts off, also with a lock that the others want. */
TEST(shootdowns_cross)
{
	counter = 0;
	ipi_call_each(shoot_often, NULL);
	EXPECT_EQ(counter, SHOTS / smp_count() * smp_count());
	if (smp_count() == 1)
		SKIP(ONE_CPU);
}

static bool shootdown_interrupts_nobody(void)
{
	unsigned long before = shootdown_sent();

	shootdown();
	return shootdown_sent() == before;
}

/* A halted CPU is let sleep: it serves when it wakes. */
TEST(halted_cpus_serve_later)
{
	if (smp_count() == 1)
		SKIP(ONE_CPU);
	ipi_hold_others();
	EXPECT(WAIT_UNTIL(shootdown_interrupts_nobody()));
	ipi_release_others();
}

/* --- NMIs and timers ------------------------------------------------------------------------- */

static unsigned nmis_handled;

static void count_nmi(struct trap_frame *frame)
{
	(void)frame;
	__atomic_fetch_add(&nmis_handled, 1, __ATOMIC_RELAXED);
}

TEST(nmis_from_another_cpu)
{
	nmis_handled = 0;
	if (smp_count() == 1)
		SKIP(ONE_CPU);
	nmi_set_ipi_handler(count_nmi);
	for (unsigned i = 1; i < smp_count(); i++) {
		unsigned long before = nmi_count(i);

		ipi_nmi(i);
		EXPECT(WAIT_UNTIL(nmi_count(i) == before + 1));
	}
	EXPECT(WAIT_UNTIL(nmis_handled == smp_count() - 1));
	nmi_set_ipi_handler(NULL);
}

static unsigned long ticks_handled[MAX_CPUS];

static void count_tick(struct trap_frame *frame)
{
	(void)frame;
	ticks_handled[cpu_here->id]++;
	EXPECT(cpu_irq_depth() == 1);
}

static void tick_fast(void *arg)
{
	(void)arg;
	ticks_handled[cpu_here->id] = 0;
	tick_start(1000 + 100 * cpu_here->id, count_tick);
}

static void tick_as_before(void *arg)
{
	(void)arg;
	if (cpu_here->id)
		tick_start(TIMER_HZ, NULL);
	else
		tick_stop();
}

TEST(timers_of_all_cpus)
{
	if (smp_count() == 1)
		SKIP(ONE_CPU);
	ipi_call_each(tick_fast, NULL);
	for (unsigned i = 0; i < smp_count(); i++)
		EXPECTF(WAIT_UNTIL(*(volatile unsigned long *)&ticks_handled[i] >= 5),
			"CPU %u: %lu ticks", i, ticks_handled[i]);
	ipi_call_each(tick_as_before, NULL);
}

TEST_SUITE(cpu, all_arrive, each_has_its_own_data, calls_reach_every_cpu, spinlock_excludes,
	   spinlock_numbers_wrap, held_cpus_do_nothing, unmapped_on_every_cpu,
	   without_shootdown_it_goes_wrong, shootdowns_cross, halted_cpus_serve_later,
	   nmis_from_another_cpu, timers_of_all_cpus);
