// SPDX-License-Identifier: MIT
/*
 * An NMI at every boundary of every critical section.
 *
 * The thread of nolock_work.h is interrupted once, by an NMI at its first step, then
 * everything is repeated with one at its second step, and so on to the last; then by one at
 * each k-th step, for many k.  When all is freed, no page and no object is missing.
 */
#include "host.h"
#include <harness.h>
#include <mm/kmalloc.h>
#include <mm/nolock.h>
#include <string.h>
#include <unit/live.h>
#include <unit/nolock_work.h>

static struct mm_nolock_info before_info;

static void begin(void)
{
	nolock_work_begin();
	mm_nolock_info(&before_info);
}

/* One round; the machine ends as it began. */
static void round_with_nmis(unsigned long first, unsigned long every,
			    const struct fingerprint *settled)
{
	host_on_nmi(nolock_work_nmi, first, every);
	nolock_work_thread();
	host.steps = false;
	EXPECT_EQ(mm_check(), 0);
	nolock_work_end();
	live_expect_settled(settled);
}

/* That something was tried in vain, and something had to wait, shows that sections were hit. */
static void expect_collisions(void)
{
	struct mm_nolock_info info;

	mm_nolock_info(&info);
	test_note("%lu allocations, %lu in vain; %lu frees, %lu deferred", nolock_work.allocs,
		  nolock_work.failures, info.frees - before_info.frees,
		  info.deferred - before_info.deferred);
	EXPECT(nolock_work.allocs > 100);
	EXPECT(info.busy > before_info.busy);
	EXPECT(info.deferred > before_info.deferred);
}

TEST(once_at_each_step)
{
	struct host_nmi_counts counts = {0};
	unsigned long step = 0, in_section = 0;
	struct fingerprint settled;

	begin();
	live_settle(&settled);
	do {
		round_with_nmis(++step, 0, &settled);
		host_nmi_counts(&counts);
		in_section += counts.in_section;
	} while (counts.delivered && !test_failed());
	test_note("%lu steps, %lu of them with a lock held", step - 1, in_section);
	EXPECT(step > 500);
	EXPECT(in_section > 100);
	EXPECT_EQ(counts.steps, step - 1);
	expect_collisions();
	host_on_nmi(NULL, 0, 0);
}

/* An NMI that comes right after one has returned, and at all distances. */
TEST(at_each_multiple_of_a_step)
{
	struct fingerprint settled;

	begin();
	live_settle(&settled);
	for (unsigned long every = 1; every <= 60 * test_effort() && !test_failed(); every++)
		round_with_nmis(1 + test_random_below((uint32_t)every), every, &settled);
	expect_collisions();
	host_on_nmi(NULL, 0, 0);
}

static void make_a_mistake(void)
{
	static unsigned calls;

	if (calls++ % 50 == 0)
		kfree_nolock("no memory of the allocator's");
}

/* The host dies when it is asked to print while a lock is held. */
TEST(reports_in_sections_come_later)
{
	begin();
	allow_reports(MM_REPORT_BAD_ADDRESS);
	host_on_nmi(make_a_mistake, 1, 1);
	nolock_work_thread();
	host_on_nmi(NULL, 0, 0);
	nolock_work_end();
	EXPECT(test_reports_seen(MM_REPORT_BAD_ADDRESS) > 3);
}

/* Who calls other functions there is called broken: this test can fail. */
static void use_the_wrong_function(void)
{
	kfree(kmalloc(250, GFP_ATOMIC));
}

TEST(a_wrong_handler)
{
	host_on_nmi(use_the_wrong_function, 1, 1);
	nolock_work_thread();
	host_on_nmi(NULL, 0, 0);
}

static const struct test_suite wrong = {
	"wrong", (const struct test_case *const[]){a_wrong_handler, NULL}};

TEST(a_handler_that_waits_for_locks_is_found)
{
	const struct test_suite *const suites[] = {&wrong, NULL};
	char output[4096];

	EXPECT(!host_run_tests(suites, NULL, output, sizeof(output)));
	EXPECT(strstr(output, "in an NMI") != NULL);
}

TEST_SUITE(nmi, once_at_each_step, at_each_multiple_of_a_step, reports_in_sections_come_later,
	   a_handler_that_waits_for_locks_is_found);
