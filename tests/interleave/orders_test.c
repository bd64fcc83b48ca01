// SPDX-License-Identifier: MIT
/* The search itself: does it find what is known to be there, and does it try each order once? */
#include "explore.h"
#include <harness.h>
#include <host/host.h>
#include <kmalloc.h>
#include <mm/kmalloc.h>
#include <mm/port.h>

static uint32_t value, word;
static unsigned long ends;

static void nothing(void)
{
}

static void clear(void)
{
	value = word = 0;
}

static void one_step(void)
{
	__atomic_fetch_add(&value, 1, __ATOMIC_RELAXED);
}

static void expect_two(void)
{
	ends++;
	EXPECT_EQ(value, 2);
}

/*
 * Each thread has a place before its step, and none behind it.  Either thread 0 goes on there; or
 * thread 1 comes to its own, and then one of them goes on.
 */
TEST(each_order_once)
{
	const struct exploration two = {clear, {one_step, one_step}, expect_two, 9, false,
					NULL};
	unsigned long orders;

	ends = 0;
	orders = explore(&two);
	EXPECT_EQ(orders, 3);
	EXPECT_EQ(ends, 3);
}

static void not_atomic(void)
{
	uint32_t seen = __atomic_load_n(&value, __ATOMIC_RELAXED);

	__atomic_store_n(&value, seen + 1, __ATOMIC_RELAXED);
}

TEST(lost_update)
{
	const struct exploration none = {clear, {not_atomic, not_atomic}, expect_two, 0, false,
					 NULL};
	const struct exploration one = {clear, {not_atomic, not_atomic}, expect_two, 1, false,
					NULL};

	EXPECT(!explore_finds_failure(&none));
	EXPECT(explore_finds_failure(&one));
}

static void wait(void)
{
	if (!__atomic_load_n(&word, __ATOMIC_ACQUIRE))
		mm_host_wait(&word, 0, 10);
}

static void wake(void)
{
	__atomic_store_n(&word, 1, __ATOMIC_RELEASE);
	mm_host_wake(&word);
}

static void wake_too_early(void)
{
	mm_host_wake(&word);
	__atomic_store_n(&word, 1, __ATOMIC_RELEASE);
}

TEST(lost_wake_up)
{
	const struct exploration right = {clear, {wait, wake}, nothing, 4, false, NULL};
	const struct exploration wrong = {clear, {wait, wake_too_early}, nothing, 4, false,
					  NULL};
	const struct exploration late = {clear, {wait, wake_too_early}, nothing, 3, true, NULL};

	EXPECT(explore(&right) > 3);
	EXPECT(explore_finds_failure(&wrong));
	EXPECT(explore(&late) > 3);
}

/* mm/ on a machine whose locks exclude nobody. */
static void break_locks(void)
{
	host.no_locks = true;
}

static void use_cache(void)
{
	void *p = kmalloc(100, GFP_ATOMIC);

	kfree(p);
	kmem_cache_shrink(kmalloc_cache(100, GFP_ATOMIC));
}

static void expect_sound(void)
{
	EXPECT_EQ(mm_check(), 0);
}

TEST(locks_are_needed)
{
	const struct exploration right = {
		nothing, {use_cache, use_cache}, expect_sound, 1, false, NULL};
	const struct exploration wrong = {
		break_locks, {use_cache, use_cache}, expect_sound, 1, false, NULL};

	EXPECT(explore(&right) > 10);
	EXPECT(explore_finds_failure(&wrong));
}

TEST_SUITE(orders, each_order_once, lost_update, lost_wake_up, locks_are_needed);
