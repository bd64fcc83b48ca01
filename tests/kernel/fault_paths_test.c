// SPDX-License-Identifier: MIT
/*
 * What the kernel's own operations do when memory is refused to them: each request that they make
 * fails once, and nothing stays behind.
 */
#include "user_programs.h"
#include <harness.h>
#include <kernel/address_space.h>
#include <kernel/thread.h>
#include <mm/fault.h>
#include <mm/kmalloc.h>
#include <mm/page_alloc.h>
#include <mm/stats.h>
#include <unit/live.h>
#include <window.h>

#define MOST_NTHS 200u

static unsigned ran;

static void run(void *arg)
{
	(void)arg;
	__atomic_fetch_add(&ran, 1, __ATOMIC_RELAXED);
}

static bool do_thread(void)
{
	struct thread *thread = thread_create("fault", run, NULL);

	if (thread)
		thread_join(thread);
	return thread;
}

static bool do_address_space(void)
{
	struct address_space *space = address_space_create();

	if (space)
		address_space_destroy(space);
	return space;
}

static bool do_process(void)
{
	const struct program worker = program_worker();
	struct process *process = process_create(&worker, JOB_STATUS, 5);
	struct process_end end;

	if (!process)
		return false;
	process_wait(process, &end);
	EXPECT(end.fate == PROCESS_EXITED && end.status == 5);
	return true;
}

/* What was used lately, and is reclaimable, is not leaked. */
static void settle(struct fingerprint *now)
{
	window_flush();
	live_settle(now);
}

/*
 * Each failure of an operation, at least `least` of them, and at last none; it can do without none
 * of these.
 */
static void meet_each(bool (*operation)(void), unsigned least)
{
	struct fingerprint before, now;
	unsigned long n = 1;

	for (unsigned i = 0; i < 3; i++) /* what is made once is made */
		EXPECT(operation());
	settle(&before);
	allow_reports(MM_REPORT_ALLOC_FAILED);
	for (; n < MOST_NTHS && !test_failed(); n++) {
		unsigned reports = test_reports_seen(MM_REPORT_ALLOC_FAILED);
		bool ok, injected;

		mm_fault_nth(n);
		ok = operation();
		injected = mm_fault_nth(0);
		EXPECTF(ok == !injected, "request %lu: %u", n, ok);
		EXPECTF(test_reports_seen(MM_REPORT_ALLOC_FAILED) - reports == injected,
			"request %lu: %u reports", n,
			test_reports_seen(MM_REPORT_ALLOC_FAILED) - reports);
		settle(&now);
		fingerprint_expect(&now, &before);
		live_expect_whole();
		if (!injected)
			break;
	}
	EXPECTF(n > least && n < MOST_NTHS, "%lu", n);
}

TEST(threads)
{
	unsigned before;

	allow_kept_pages(PROCESS_KEEPS);
	threads_start_on(BOOT_CPU);
	before = ran;
	meet_each(do_thread, 2);
	EXPECT_EQ(ran, before + 4); /* the three at first, and the last one */
}

TEST(address_spaces)
{
	meet_each(do_address_space, 1);
}

TEST(processes)
{
	allow_kept_pages(PROCESS_KEEPS);
	threads_start_on(BOOT_CPU);
	meet_each(do_process, 4);
}

/* --- arming while others allocate ------------------------------------------------------------ */

#define BUSY   3u
#define ARMED  10u
#define BURSTS 50u

static bool stop;
static unsigned long bursts;

/* What fills stacks and lists, and empties them. */
static void be_busy(void *arg)
{
	void *p[BURSTS];

	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		for (unsigned i = 0; i < BURSTS; i++)
			p[i] = i % 4 ? kmalloc(96, GFP_KERNEL | __GFP_NOWARN)
				     : (void *)alloc_page(GFP_KERNEL | __GFP_NOWARN);
		for (unsigned i = 0; i < BURSTS; i++) {
			if (i % 4)
				kfree(p[i]);
			else if (p[i])
				__free_page(p[i]);
		}
		__atomic_fetch_add(&bursts, 1, __ATOMIC_RELAXED);
		thread_sleep_ms(1); /* emulated CPUs that all spin wait for each other long */
	}
}

static bool add_cached(const struct mm_cache_info *info, void *arg)
{
	*(size_t *)arg += info->cached;
	return true;
}

static size_t objects_in_stacks(void)
{
	size_t cached = 0;

	mm_for_each_cache(add_cached, &cached);
	return cached;
}

static void wait_for_bursts(unsigned long n)
{
	unsigned long until = __atomic_load_n(&bursts, __ATOMIC_RELAXED) + n;

	while (__atomic_load_n(&bursts, __ATOMIC_RELAXED) < until)
		thread_sleep_ms(1);
}

/* From the first moment on no request can go by: no stack has an object, on any CPU. */
TEST(arming_while_others_allocate)
{
	struct mm_fault fault = {.this_thread = true, .probability = MM_FAULT_PER};
	struct thread *busy[BUSY];
	size_t before = 0;

	allow_kept_pages(PROCESS_KEEPS);
	stop = false;
	for (unsigned i = 0; i < BUSY; i++)
		busy[i] = thread_create("busy", be_busy, NULL);
	for (unsigned i = 0; i < ARMED && !test_failed(); i++) {
		wait_for_bursts(2);
		before += objects_in_stacks();
		mm_fault_set(&fault);
		EXPECT_EQ(objects_in_stacks(), 0);
		EXPECT(!kmalloc(96, GFP_KERNEL | __GFP_NOWARN));
		EXPECT(!alloc_page(GFP_KERNEL | __GFP_NOWARN));
		wait_for_bursts(2);
		EXPECT_EQ(objects_in_stacks(), 0);
		mm_fault_clear();
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < BUSY; i++)
		if (EXPECT(busy[i]))
			thread_join(busy[i]);
	EXPECT(before > 0);
	live_expect_whole();
}

TEST_SUITE(fault_paths, threads, address_spaces, processes, arming_while_others_allocate);
