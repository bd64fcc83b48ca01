// SPDX-License-Identifier: MIT
/*
 * Threads: their life, their turns, and what belongs to each of them alone.  Turns are
 * counted, never measured; every case gives back all that it took.  What is said of turns is true of
 * one CPU: cases about them have their threads there.
 */
#include "icount.h"
#include <harness.h>
#include <kernel/layout.h>
#include <kernel/paging.h>
#include <kernel/symbols.h>
#include <kernel/thread.h>
#include <kernel/time.h>
#include <kernel/trap.h>
#include <mem.h>
#include <mm/highmem.h>
#include <mm/kmalloc.h>
#include <mm/port.h>
#include <unit/live.h>

#define FEW 3u

/* Where threads that must not end yet wait. */
static struct wait_queue gate;
static volatile bool gate_open;

static void wait_at_gate(void *arg)
{
	(void)arg;
	wait_event(&gate, gate_open);
}

static void open_gate(void)
{
	gate_open = true;
	wait_wake_all(&gate);
}

/* --- life ----------------------------------------------------------------------------------- */

static struct {
	unsigned runs;
	void *arg;
	struct thread *self;
	bool may_sleep, irqs_on, on_its_stack;
	char name[THREAD_NAME_BYTES];
	uint32_t mm_word;
} seen;

static void look_around(void *arg)
{
	char here;

	seen.runs++;
	seen.arg = arg;
	seen.self = current();
	seen.may_sleep = may_sleep();
	seen.irqs_on = irqs_enabled();
	seen.on_its_stack = (uintptr_t)&here >= current()->stack.start &&
			    (uintptr_t)&here < current()->stack.end;
	memcpy(seen.name, current()->name, sizeof(seen.name));
	seen.mm_word = (*mm_host_thread_word())++;
}

TEST(runs_once_and_ends)
{
	struct thread *thread;

	memset(&seen, 0, sizeof(seen));
	thread = thread_create("worker", look_around, &seen.arg);
	ASSERT(thread != NULL);
	thread_join(thread);
	EXPECT_EQ(seen.runs, 1);
	EXPECT(seen.arg == &seen.arg);
	EXPECT(seen.self == thread);
	EXPECT(seen.may_sleep);
	EXPECT(seen.irqs_on);
	EXPECT(seen.on_its_stack);
	EXPECT_STR(seen.name, "worker");
	EXPECT_EQ(seen.mm_word, 0);
	EXPECT(current() == &main_thread);
}

TEST(long_names_are_cut)
{
	struct thread *thread =
		thread_create("a name that is much too long for it", look_around, NULL);

	ASSERT(thread != NULL);
	thread_join(thread);
	EXPECT_STR(seen.name, "a name that is much too");
}

static void exit_early(void *arg)
{
	if (arg)
		thread_exit();
	seen.runs++;
}

TEST(exit_ends_it)
{
	struct thread *threads[2];

	seen.runs = 0;
	threads[0] = thread_create("early", exit_early, &seen);
	threads[1] = thread_create("late", exit_early, NULL);
	ASSERT(threads[0] && threads[1]);
	thread_join(threads[1]);
	thread_join(threads[0]); /* which has ended long ago */
	EXPECT_EQ(seen.runs, 1);
}

TEST(every_page_comes_back)
{
	struct fingerprint before;
	struct stack_area stack;
	struct thread *thread;
	paddr_t phys;

	live_settle(&before);
	gate_open = false;
	thread = thread_create("waits", wait_at_gate, NULL);
	ASSERT(thread != NULL);
	stack = thread->stack;
	EXPECT_EQ(stack.end - stack.start, THREAD_STACK_BYTES);
	for (uintptr_t page = stack.start; page < stack.end; page += PAGE_SIZE)
		EXPECT(paging_translate(page, &phys));
	EXPECT(!paging_translate(stack.start - 1, &phys));
	EXPECT(!paging_translate(stack.end, &phys));
	thread_yield();
	open_gate();
	thread_join(thread);
	for (uintptr_t page = stack.start; page < stack.end; page += PAGE_SIZE)
		EXPECT(!paging_translate(page, &phys));
	live_expect_settled(&before);
}

#define MOST_THREADS 128u

/* As many as there is room for; that is the limit, and no harm comes of reaching it. */
TEST(until_there_is_no_room)
{
	static struct thread *threads[MOST_THREADS];
	struct fingerprint before;
	unsigned n = 0;

	allow_reports(MM_REPORT_ALLOC_FAILED); /* when memory ends before the stacks do */
	live_settle(&before);
	gate_open = false;
	while (n < MOST_THREADS &&
	       (threads[n] = thread_create("one of many", wait_at_gate, NULL)))
		n++;
	EXPECT(n >= FEW);
	EXPECT(n < MOST_THREADS);
	open_gate();
	for (unsigned i = 0; i < n; i++)
		thread_join(threads[i]);
	live_expect_settled(&before);
}

/* Out of memory at each page that a thread needs: NULL, and nothing is lost. */
TEST(without_memory)
{
	struct fingerprint before;
	struct held few, held;

	allow_reports(MM_REPORT_ALLOC_FAILED);
	kfree(kmalloc(sizeof(struct thread), GFP_KERNEL)); /* its slab is there now */
	live_settle(&before);
	for (unsigned pages = 0; pages < THREAD_STACK_BYTES / PAGE_SIZE; pages++) {
		struct thread *thread;

		held_init(&few);
		held_init(&held);
		held_take(&few, GFP_KERNEL, 0, pages);
		held_drain(&held, GFP_NOWAIT);
		held_free(&few);
		thread = thread_create("too much", look_around, NULL);
		EXPECT(thread == NULL);
		held_free(&held);
	}
	live_expect_settled(&before);
}

/* --- turns ---------------------------------------------------------------------------------- */

#define ROUNDS 40u

static struct {
	char order[FEW * ROUNDS + 1];
	volatile size_t used;
} turns;

static void take_turns(void *arg)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t flags = irq_save();

		turns.order[turns.used++] = *(char *)arg;
		irq_restore(flags);
		thread_yield();
	}
}

/* The timer is off: who gives way decides alone. */
TEST(yield_is_round_robin)
{
	threads_start_on(BOOT_CPU);
	static char names[FEW] = {'a', 'b', 'c'};
	struct thread *threads[FEW];
	bool in_turn = true;

	turns.used = 0;
	timer_stop();
	for (unsigned i = 0; i < FEW; i++)
		threads[i] = thread_create("turns", take_turns, &names[i]);
	for (unsigned i = 0; i < FEW; i++)
		if (EXPECT(threads[i] != NULL))
			thread_join(threads[i]);
	timer_start(TIMER_HZ, NULL);
	ASSERT_EQ(turns.used, FEW * ROUNDS);
	for (unsigned i = 0; i < FEW * ROUNDS; i++)
		in_turn = in_turn && turns.order[i] == names[i % FEW];
	EXPECTF(in_turn, "the turns were %s", turns.order);
}

struct spinner {
	struct thread *thread;
	volatile unsigned long count; /* of its loop */
	unsigned slices;              /* between timer interrupts */
	volatile bool *stop;
};

static volatile bool stop_spinning;

/* Never gives way by itself. */
static void spin(void *arg)
{
	struct spinner *spinner = arg;
	unsigned long tick = timer_count() - 1;

	while (!stop_spinning) {
		unsigned long now = timer_count();

		spinner->count++;
		spinner->slices += now != tick;
		tick = now;
	}
}

static bool start_spinners(struct spinner *spinners, unsigned n)
{
	stop_spinning = false;
	memset(spinners, 0, n * sizeof(*spinners));
	for (unsigned i = 0; i < n; i++) {
		spinners[i].thread = thread_create("spinner", spin, &spinners[i]);
		if (!EXPECT(spinners[i].thread != NULL))
			return false;
	}
	return true;
}

static void stop_spinners(struct spinner *spinners, unsigned n)
{
	stop_spinning = true;
	for (unsigned i = 0; i < n; i++)
		thread_join(spinners[i].thread);
}

#define FAIR_TICKS (20u * FEW)

static bool within(unsigned long value, unsigned long expected, unsigned long by)
{
	return value + by >= expected && value <= expected + by;
}

/*
 * Busy loops are preempted, and each gets its share: of slices, and of instructions.  Where
 * the host decides when interrupts come, two of them may come at once.
 */
TEST(slices_are_fair)
{
	struct spinner spinners[FEW];
	unsigned long slices = 0, count = 0, end;
	bool exact = clock_counts_instructions();

	threads_start_on(BOOT_CPU);
	if (!start_spinners(spinners, FEW))
		return;
	end = timer_count() + FAIR_TICKS;
	while (timer_count() < end)
		thread_sleep_ms(1);
	stop_spinners(spinners, FEW);
	for (unsigned i = 0; i < FEW; i++) {
		slices += spinners[i].slices;
		count += spinners[i].count;
	}
	for (unsigned i = 0; i < FEW; i++) {
		EXPECTF(within(spinners[i].slices, slices / FEW, exact ? 1 : slices / FEW / 2),
			"spinner %u had %u slices of %lu", i, spinners[i].slices, slices);
		EXPECTF(!exact || within(spinners[i].count, count / FEW, count / FEW / 10),
			"spinner %u counted %lu of %lu", i, spinners[i].count, count);
	}
	EXPECT(!exact || slices >= FAIR_TICKS);
}

/* Without cpu_relax(): where the clock counts instructions, tens of milliseconds of these take seconds. */
static void wait_ticks(unsigned n)
{
	unsigned long end = timer_count() + n;

	while (timer_count() < end)
		;
}

TEST(preemption_can_be_off)
{
	struct spinner spinner;
	unsigned long before;

	threads_start_on(BOOT_CPU);
	if (!start_spinners(&spinner, 1))
		return;
	while (spinner.count == 0)
		thread_yield();
	preempt_disable();
	before = spinner.count;
	preempt_disable();
	wait_ticks(5);
	EXPECT_EQ(spinner.count, before);
	preempt_enable();
	EXPECT_EQ(spinner.count, before);
	EXPECT(this_cpu()->need_resched);
	preempt_enable(); /* what was due happens here */
	EXPECT(spinner.count > before);
	EXPECT(!this_cpu()->need_resched);
	stop_spinners(&spinner, 1);
}

/* With interrupts off the end of that stretch is no place to change threads. */
TEST(no_preemption_with_interrupts_off)
{
	struct spinner spinner;
	unsigned long before;
	uint32_t flags;

	threads_start_on(BOOT_CPU);
	if (!start_spinners(&spinner, 1))
		return;
	while (spinner.count == 0)
		thread_yield();
	preempt_disable();
	wait_ticks(2);
	flags = irq_save();
	before = spinner.count;
	preempt_enable();
	EXPECT_EQ(spinner.count, before);
	irq_restore(flags);
	stop_spinners(&spinner, 1);
}

/* A handler that lets interrupts in: those preempt nobody, the outer one does. */
static struct {
	unsigned deepest;
	struct thread *before, *volatile after;
} nested;

static void nest(struct trap_frame *frame)
{
	(void)frame;
	nested.deepest = cpu_irq_depth();
	nested.before = current();
	this_cpu()->need_resched = true;
	irqs_enable();
	preempt_now();
	nested.after = current();
	irqs_disable();
	timer_start(TIMER_HZ, NULL);
}

TEST(handlers_are_not_preempted)
{
	struct spinner spinner;

	threads_start_on(BOOT_CPU);
	memset(&nested, 0, sizeof(nested));
	if (!start_spinners(&spinner, 1))
		return;
	while (spinner.count == 0)
		thread_yield();
	timer_arm(100, nest);
	while (!nested.after)
		cpu_relax();
	EXPECT_EQ(nested.deepest, 1);
	EXPECT(nested.before == nested.after);
	stop_spinners(&spinner, 1);
}

static struct {
	volatile unsigned in_idle, ticks;
	bool halted;
} resting;

static void look_at_idle(struct trap_frame *frame)
{
	const char *name;
	size_t offset;

	resting.ticks++;
	if (current() != this_cpu()->idle)
		return;
	resting.in_idle++;
	resting.halted = symbol_find(frame->eip, &name, &offset) && name[0] == 'i' &&
			 ((const uint8_t *)frame->eip)[-1] == 0xf4; /* hlt */
}

/* When nobody is ready the CPU is halted, in a thread that may not sleep. */
TEST(idle_halts)
{
	unsigned sleeps = 0;

	memset(&resting, 0, sizeof(resting));
	timer_start(TIMER_HZ, look_at_idle);
	for (; resting.in_idle < 5 && sleeps < 100; sleeps++)
		thread_sleep_ms(20);
	timer_start(TIMER_HZ, NULL);
	EXPECT(resting.in_idle >= 5);
	EXPECT(resting.in_idle + sleeps >= resting.ticks); /* between two sleeps it is awake */
	EXPECT(resting.halted || !live_has_symbols());
}

/* --- what belongs to a thread --------------------------------------------------------------- */

static __attribute__((no_sanitize("undefined", "address"))) void read_byte(void *address)
{
	(void)*(volatile char *)address;
}

static void touch_the_guard(void *arg)
{
	const struct stack_area *stack = &current()->stack;
	struct trap_caught *caught = arg;

	read_byte((void *)stack->start);
	if (!trap_expect(VECTOR_PAGE_FAULT, read_byte, (void *)(stack->start - 1), caught))
		caught->address = 0;
}

TEST(stack_has_a_guard)
{
	struct trap_caught caught = {0};
	struct thread *thread = thread_create("guarded", touch_the_guard, &caught);
	uintptr_t guard;

	ASSERT(thread != NULL);
	guard = thread->stack.start - 1;
	thread_join(thread);
	EXPECT_EQ(caught.address, guard);
}

static volatile unsigned others_caught;

static void trap_and_yield(void *arg)
{
	(void)arg;
	thread_yield();
	read_byte(NULL);
}

static void expect_traps(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 100; i++)
		if (trap_expect(VECTOR_PAGE_FAULT, trap_and_yield, NULL, NULL))
			__atomic_add_fetch(&others_caught, 1, __ATOMIC_RELAXED);
}

/* Each thread catches its own faults, though others wait for theirs at the same time. */
TEST(traps_are_each_threads_own)
{
	struct thread *threads[FEW];

	others_caught = 0;
	for (unsigned i = 0; i < FEW; i++)
		threads[i] = thread_create("traps", expect_traps, NULL);
	for (unsigned i = 0; i < FEW; i++)
		if (EXPECT(threads[i] != NULL))
			thread_join(threads[i]);
	EXPECT_EQ(others_caught, FEW * 100);
	EXPECT(current()->guard == NULL);
}

static void free_nonsense(void *arg)
{
	kfree(arg);
	seen.runs++; /* or else the call above would be a jump */
}

/* Reports say which thread it was, and how it came there. */
TEST(reports_name_the_thread)
{
	struct thread *thread;

	threads_start_on(BOOT_CPU);
	expect_report(MM_REPORT_BAD_ADDRESS, 1);
	test_log_begin();
	thread = thread_create("culprit", free_nonsense, (void *)8192);
	ASSERT(thread != NULL);
	thread_join(thread);
	EXPECT_LOG("context   CPU 0, thread culprit, interrupt depth 0, interrupts on");
	if (live_has_symbols()) {
		EXPECT_LOG("caller    0x");
		EXPECT_LOG("free_nonsense+0x");
		EXPECT_LOG("thread_begin+0x");
	}
}

/* Two threads have a page of high memory each: neither is in the other's way. */
static void map_for_long(void *arg)
{
	struct page *page = arg;

	for (unsigned i = 0; i < 200; i++) {
		volatile unsigned *address = kmap_local_page(page);

		*address += 1;
		cpu_relax();
		kunmap_local((const void *)address);
		thread_yield();
	}
}

TEST(local_mappings_pin)
{
	struct thread *threads[2];
	struct page *pages[2];

	for (unsigned i = 0; i < 2; i++)
		pages[i] = alloc_pages(GFP_HIGHUSER | __GFP_ZERO, 0);
	ASSERT(pages[0] && pages[1]);
	timer_start(TIMER_HZ_MAX, NULL);
	for (unsigned i = 0; i < 2; i++)
		threads[i] = thread_create("maps", map_for_long, pages[i]);
	for (unsigned i = 0; i < 2; i++)
		if (EXPECT(threads[i] != NULL))
			thread_join(threads[i]);
	timer_start(TIMER_HZ, NULL);
	for (unsigned i = 0; i < 2; i++) {
		unsigned *address = kmap_local_page(pages[i]);

		EXPECT_EQ(*address, 200);
		EXPECT(!page_is_highmem(pages[i]) || !may_sleep());
		kunmap_local(address);
		EXPECT(may_sleep());
		__free_page(pages[i]);
	}
}

static void use_fpu(void *arg)
{
	(void)arg;
	__asm__ volatile("fnop");
}

static void use_sse(void *arg)
{
	(void)arg;
	__asm__ volatile("xorps %xmm0, %xmm0");
}

/* Nobody saves these registers: nobody may use them. */
TEST(fpu_is_off)
{
	EXPECT(trap_expect(VECTOR_NO_FPU, use_fpu, NULL, NULL));
	EXPECT(trap_expect(VECTOR_INVALID_CODE, use_sse, NULL, NULL));
}

TEST_SUITE(thread, runs_once_and_ends, long_names_are_cut, exit_ends_it, every_page_comes_back,
	   until_there_is_no_room, without_memory, yield_is_round_robin, slices_are_fair,
	   preemption_can_be_off, no_preemption_with_interrupts_off, handlers_are_not_preempted,
	   idle_halts, stack_has_a_guard, traps_are_each_threads_own, reports_name_the_thread,
	   local_mappings_pin, fpu_is_off);
