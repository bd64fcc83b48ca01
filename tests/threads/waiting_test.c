// SPDX-License-Identifier: MIT
/*
 * Threads that wait for memory, and threads that give it back.
 *
 * Where one wake-up decides, waits are patient: they know no time limit, so that a lost
 * wake-up is a hang, and the watchdog tells.
 */
#include "threads.h"
#include <harness.h>
#include <host.h>
#include <mm/kmalloc.h>
#include <mm/page_alloc.h>
#include <mm/port.h>
#include <mm/reclaim.h>
#include <mm/stats.h>
#include <sched.h>
#include <unistd.h>
#include <unit/live.h>

/* All that these flags can have, at once. */
static void drain(struct held *held, gfp_t gfp)
{
	held_init(held);
	mm_shrink_all();
	held_drain(held, gfp | __GFP_NORETRY);
}

/* Let the threads have n of the pages held. */
static void release_pages(struct held *held, unsigned n)
{
	while (n-- > 0) {
		struct page *page = held_pop(held);

		/* A block of order 0 gives one page; what is larger is cut. */
		while (page->order > 0) {
			unsigned order = page->order;

			split_page(page, order);
			for (size_t i = 1; i < (size_t)1 << order; i++)
				held_add(held, page + i);
		}
		__free_page(page);
	}
}

/* --- one page, two threads --------------------------------------------------------------- */

#define HANDOFFS 10000u

static struct page *tray; /* [a] */

static void consume(struct worker *worker)
{
	for (unsigned i = 0; i < HANDOFFS; i++) {
		struct page *page;

		worker_progress(worker, "waits for the page");
		page = alloc_page(GFP_KERNEL);
		if (!EXPECT(page != NULL))
			return;
		EXPECT(__atomic_exchange_n(&tray, page, __ATOMIC_ACQ_REL) == NULL);
	}
}

static void produce(struct worker *worker)
{
	for (unsigned i = 0; i < HANDOFFS && !test_failed(); i++) {
		struct page *page;

		worker_progress(worker, "waits for the tray to be filled");
		while (!(page = __atomic_exchange_n(&tray, NULL, __ATOMIC_ACQ_REL)) &&
		       !test_failed())
			sched_yield();
		if (worker_below(worker, 4) ==
		    0) /* it should be asleep by then, or just about to */
			usleep(worker_below(worker, 400));
		__free_page(page);
	}
}

static void consume_or_produce(struct worker *worker)
{
	(worker->id ? produce : consume)(worker);
}

/* The consumer always finds memory empty; each time, the producer's free must wake it. */
TEST(handoff)
{
	struct held held;

	drain(&held, GFP_KERNEL);
	release_pages(&held, 1);
	threads_be_patient(true);
	workers_run(2, consume_or_produce, NULL);
	held_free(&held);
}

/* --- few pages, many threads --------------------------------------------------------------- */

#define CONSUMERS 6u
#define PRODUCERS 2u
#define TRAYS     8u

static struct page *trays[TRAYS]; /* [a] */
static unsigned consumers;        /* [a] that are not done */

static void put_on_tray(struct worker *worker, struct page *page)
{
	__free_page(__atomic_exchange_n(&trays[worker_below(worker, TRAYS)], page,
					__ATOMIC_ACQ_REL));
}

static void consume_many(struct worker *worker)
{
	for (unsigned i = 0; i < 200 * test_effort() && !test_failed(); i++) {
		struct page *page;
		uint32_t *words;

		worker_progress(worker, "waits for any page");
		page = alloc_page(GFP_KERNEL);
		if (!EXPECT(page != NULL))
			break;
		words = page_address(page);
		*words = worker->id;
		if (worker_below(worker, 4) == 0)
			sched_yield();
		EXPECT_EQ(*words, worker->id);
		put_on_tray(worker, page);
	}
	__atomic_fetch_sub(&consumers, 1, __ATOMIC_RELAXED);
}

static void produce_many(struct worker *worker)
{
	while (__atomic_load_n(&consumers, __ATOMIC_RELAXED)) {
		put_on_tray(worker, NULL);
		sched_yield();
	}
}

static void consume_or_produce_many(struct worker *worker)
{
	(worker->id < CONSUMERS ? consume_many : produce_many)(worker);
}

TEST(crowd)
{
	struct held held;

	drain(&held, GFP_KERNEL);
	release_pages(&held, 3);
	consumers = CONSUMERS;
	threads_be_patient(true);
	workers_run(CONSUMERS + PRODUCERS, consume_or_produce_many, NULL);
	for (unsigned i = 0; i < TRAYS; i++)
		__free_page(__atomic_exchange_n(&trays[i], NULL, __ATOMIC_ACQ_REL));
	held_free(&held);
}

/* --- without reclaimable memory ----------------------------------------------------------------- */

static unsigned oom_calls; /* [a] */

static bool nobody_to_kill(gfp_t gfp, unsigned order)
{
	(void)gfp;
	(void)order;
	__atomic_fetch_add(&oom_calls, 1, __ATOMIC_RELAXED);
	return false;
}

static void never_fail(struct worker *worker)
{
	for (unsigned i = 0; i < 5; i++) {
		struct page *page;

		worker_progress(worker, "cannot fail, so waits");
		page = alloc_page(GFP_KERNEL | __GFP_NOFAIL);
		if (!EXPECT(page != NULL))
			return;
		sched_yield();
		__free_page(page);
	}
}

/* Not even the reserves have a page left; two go round. */
TEST(nofail)
{
	struct held held;

	drain(&held, GFP_KERNEL | __GFP_MEMALLOC);
	release_pages(&held, 2);
	threads_on_oom(nobody_to_kill);
	workers_run(4, never_fail, NULL);
	held_free(&held);
}

static void give_up(struct worker *worker)
{
	gfp_t gfp = worker->id % 2 ? __GFP_NORETRY : __GFP_RETRY_MAYFAIL;

	for (unsigned i = 0; i < 4; i++) {
		worker_progress(worker, "asks where nothing is to be had");
		EXPECT(!alloc_page(GFP_KERNEL | __GFP_NOWARN | gfp));
		EXPECT(!kmalloc(4 * PAGE_SIZE, GFP_KERNEL | __GFP_NOWARN | gfp));
	}
}

/* These fail without a victim. */
TEST(giving_up)
{
	struct held held;

	drain(&held, GFP_KERNEL);
	threads_on_oom(nobody_to_kill);
	oom_calls = 0;
	workers_run(4, give_up, NULL);
	EXPECT_EQ(oom_calls, 0);
	held_free(&held);
}

/* --- out of memory -------------------------------------------------------------------------------- */

#define VICTIMS      4u
#define VICTIM_PAGES 16u
#define OOM_THREADS  4u

static struct page *victims[VICTIMS][VICTIM_PAGES];
static unsigned next_victim; /* [a] */

/* The next victim's pages go, all at once. */
static bool kill_next(gfp_t gfp, unsigned order)
{
	unsigned i = __atomic_fetch_add(&next_victim, 1, __ATOMIC_RELAXED);

	(void)gfp;
	(void)order;
	if (i >= VICTIMS)
		return false;
	for (unsigned j = 0; j < VICTIM_PAGES; j++)
		__free_page(victims[i][j]);
	return true;
}

static void take_until_null(struct worker *worker)
{
	struct page *taken[VICTIMS * VICTIM_PAGES + 1];
	unsigned *total = worker->arg, n = 0;

	worker_progress(worker, "takes what victims leave");
	while (n <= VICTIMS * VICTIM_PAGES && (taken[n] = alloc_page(GFP_KERNEL)) != NULL) {
		n++;
		worker_progress(worker, "takes what victims leave");
	}
	__atomic_fetch_add(total, n, __ATOMIC_RELAXED);
	while (__atomic_load_n(&next_victim, __ATOMIC_RELAXED) < VICTIMS + OOM_THREADS)
		sched_yield(); /* nobody may live on what we free */
	while (n > 0)
		__free_page(taken[--n]);
}

/* Every page of every victim is found by somebody, and then it is over for each. */
TEST(out_of_memory)
{
	unsigned total = 0;
	struct held held;

	for (unsigned i = 0; i < VICTIMS; i++)
		for (unsigned j = 0; j < VICTIM_PAGES; j++)
			victims[i][j] = alloc_page(GFP_KERNEL);
	drain(&held, GFP_KERNEL);
	next_victim = 0;
	threads_on_oom(kill_next);
	expect_report(MM_REPORT_ALLOC_FAILED, OOM_THREADS);
	workers_run(OOM_THREADS, take_until_null, &total);
	EXPECT_EQ(total, VICTIMS * VICTIM_PAGES);
	held_free(&held);
}

TEST_SUITE(waiting_threads, handoff, crowd, nofail, giving_up, out_of_memory);
