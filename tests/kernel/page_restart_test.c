// SPDX-License-Identifier: MIT
/*
 * An interrupt before every single instruction of an allocation and a free of pages, and of the slow
 * paths behind them, whose handler allocates and frees as well.  That it would go wrong without the
 * rewind, restart_test.c shows; here it shows that pop and push are rewound.
 */
#include "each_instruction.h"
#include "icount.h"
#include <harness.h>
#include <kernel/restart.h>
#include <kernel/time.h>
#include <mm/page_alloc.h>
#include <page_list.h>
#include <unit/live.h>

#ifdef MM_HOST_RESTARTABLE
#define FAST_PATH_RESTARTS true
#else
#define FAST_PATH_RESTARTS false
#endif

#define MANY 40u

static struct page *own, *kept,
	*victim;         /* the thread's, the handler's, and what that is to free */
static unsigned doubled; /* pages that both had at a time */

/* --- the interrupt ------------------------------------------------------------------------- */

static void pop_and_push(struct trap_frame *frame)
{
	(void)frame;
	event_came();
	kept = alloc_pages(GFP_ATOMIC, 0);
	if (victim)
		__free_pages(victim, 0);
	victim = NULL;
}

static void arm(unsigned ticks)
{
	timer_arm(ticks, pop_and_push);
}

static void prepare(void)
{
	victim = alloc_pages(GFP_KERNEL, 0);
	EXPECT(victim != NULL);
}

static void clean_up(void)
{
	__free_pages(kept, 0);
	__free_pages(victim, 0); /* where no interrupt came */
	kept = victim = NULL;
}

static const struct event interrupt = {arm, prepare, clean_up};

/* --- what it interrupts --------------------------------------------------------------------- */

static void take(struct page *page)
{
	own = page;
	doubled += own && own == kept;
}

static void constant_atomic(void)
{
	take(alloc_pages(GFP_ATOMIC, 0));
	__free_pages(own, 0);
}

static void constant_kernel(void)
{
	take(alloc_pages(GFP_KERNEL, 0));
	__free_page(own);
}

static volatile unsigned order;

static void any_order(void)
{
	take(alloc_pages(GFP_KERNEL, order));
	__free_pages(own, order);
}

/* With nothing in any list, and then with all of them shut. */
static void through_the_zone(void)
{
	page_lists_drain_here();
	take(alloc_pages(GFP_ATOMIC, 0));
	page_lists_drain_here();
	__free_pages(own, 0);
}

/* More than a list holds, there and back. */
static void many(void)
{
	static struct page *pages[MANY];

	for (unsigned i = 0; i < MANY; i++) {
		take(alloc_pages(GFP_ATOMIC, 0));
		pages[i] = own;
	}
	for (unsigned i = 0; i < MANY; i++)
		__free_pages(pages[i], 0);
}

TEST(an_interrupt_before_every_instruction)
{
	struct fingerprint settled;
	unsigned long restarts;

	if (!clock_counts_instructions())
		SKIP("the clock does not count instructions");
	doubled = 0;
	live_settle(&settled);
	restarts = restart_count();
	at_each_instruction(&interrupt, "alloc_pages and free, GFP_ATOMIC", constant_atomic);
	at_each_instruction(&interrupt, "alloc_pages and free, GFP_KERNEL", constant_kernel);
	at_each_instruction(&interrupt, "alloc_pages and free, any order", any_order);
	at_each_instruction(&interrupt, "through the zone", through_the_zone);
	at_each_instruction(&interrupt, "more than lists hold", many);
	timer_start(TIMER_HZ, NULL);
	EXPECT_EQ(doubled, 0);
	EXPECT(!FAST_PATH_RESTARTS || restart_count() > restarts);
	live_expect_whole();
	live_expect_settled(&settled);
}

/* The handler frees the very page that is being freed: one of the two is told. */
static void free_the_same(struct trap_frame *frame)
{
	(void)frame;
	event_came();
	__free_pages(victim, 0);
}

static void arm_the_same(unsigned ticks)
{
	timer_arm(ticks, free_the_same);
}

static void forget(void)
{
	victim = NULL;
}

static unsigned frees; /* by the thread */

static void free_victim(void)
{
	frees++;
	__free_pages(victim, 0);
}

static const struct event same_free = {arm_the_same, prepare, forget};

TEST(a_handler_frees_the_page_that_is_being_freed)
{
	struct fingerprint settled;
	unsigned reports;

	if (!clock_counts_instructions())
		SKIP("the clock does not count instructions");
	allow_reports(MM_REPORT_DOUBLE_FREE);
	live_settle(&settled);
	reports = test_reports_seen(MM_REPORT_DOUBLE_FREE);
	frees = 0;
	at_each_instruction(&same_free, "the same page", free_victim);
	timer_start(TIMER_HZ, NULL);
	reports = test_reports_seen(MM_REPORT_DOUBLE_FREE) - reports;
	test_note("%u frees by the thread, %u second ones reported", frees, reports);
	EXPECT_EQ(reports, frees);
	live_expect_whole();
	live_expect_settled(&settled);
}

TEST_SUITE(page_restart, an_interrupt_before_every_instruction,
	   a_handler_frees_the_page_that_is_being_freed);
