// SPDX-License-Identifier: MIT
/* The page allocator, in all orders: references, lists of single CPUs, frees without a lock. */
#include "explore.h"
#include <harness.h>
#include <host/host.h>
#include <mm/nolock.h>
#include <mm/page_alloc.h>
#include <mm/vmalloc.h>
#include <page.h>

static size_t free_before;
static struct page *first, *second, *taken[2];

static void two_pages(void)
{
	free_before = nr_free_pages();
	first = alloc_page(GFP_ATOMIC);
	second = alloc_page(GFP_ATOMIC);
	taken[0] = taken[1] = NULL;
}

static void a_shared_page(void)
{
	two_pages();
	get_page(first);
}

static void put_first(void)
{
	put_page(first);
}

static void free_first(void)
{
	__free_page(first);
}

static void free_first_nolock(void)
{
	free_pages_nolock(first, 0);
}

static void free_second_nolock(void)
{
	free_pages_nolock(second, 0);
}

static void take_three(void)
{
	taken[0] = alloc_pages(GFP_ATOMIC, 3);
}

static void take_nolock(void)
{
	taken[1] = alloc_pages_nolock(0, 3);
}

static void drain(void)
{
	mm_drain_deferred();
}

/* `held`, and what was taken, go back, and then nothing is lost. */
static void expect_all(struct page *held)
{
	EXPECT_EQ(mm_check(), 0);
	EXPECT(taken[0] != taken[1] || !taken[0]);
	__free_pages(taken[0], 3);
	__free_pages(taken[1], 3);
	__free_pages(held, 0);
	mm_drain_deferred();
	EXPECT_EQ(nr_free_pages(), free_before);
	EXPECT_EQ(mm_check(), 0);
}

static void expect_second_held(void)
{
	expect_all(second);
}

static void expect_none_held(void)
{
	expect_all(NULL);
}

TEST(last_reference)
{
	const struct exploration e = {
		a_shared_page, {put_first, put_first}, expect_second_held, 4, false, NULL};

	test_note("%lu orders", explore(&e));
}

/* Freed by two CPUs: once it is, and once that is reported. */
TEST(double_free)
{
	const struct exploration e = {
		two_pages, {free_first, free_first}, expect_second_held, 3, false, NULL};
	unsigned long orders;

	allow_reports(MM_REPORT_DOUBLE_FREE);
	orders = explore(&e);
	EXPECT_EQ(test_reports_seen(MM_REPORT_DOUBLE_FREE), orders);
	test_note("%lu orders", orders);
}

TEST(frees_without_a_lock)
{
	const struct exploration e = {two_pages,
				      {free_first_nolock, free_second_nolock, drain},
				      expect_none_held,
				      2,
				      false,
				      NULL};

	test_note("%lu orders", explore(&e));
}

TEST(allocations_without_a_lock)
{
	const struct exploration e = {two_pages,
				      {take_three, take_nolock, free_first_nolock},
				      expect_second_held,
				      1,
				      false,
				      NULL};

	test_note("%lu orders", explore(&e));
}

/* --- the last block ----------------------------------------------------------------------- */

#define ALL_PAGES (GFP_NOWAIT | __GFP_MEMALLOC | __GFP_NOWARN)
#define MOST_HELD 1024u

static struct {
	struct page *page;
	unsigned order;
} held[MOST_HELD];
static unsigned nr_held;

/* Nothing is free but one block of eight pages. */
static void one_block(void)
{
	struct page *page;

	free_before = nr_free_pages();
	nr_held = 0;
	taken[0] = taken[1] = NULL;
	first = alloc_pages(ALL_PAGES, 3);
	for (unsigned order = MM_NR_ORDERS; order-- > 0;) {
		while (nr_held < MOST_HELD && (page = alloc_pages(ALL_PAGES, order)) != NULL) {
			held[nr_held].page = page;
			held[nr_held++].order = order;
		}
	}
	__free_pages(first, 3);
	EXPECT_EQ(nr_free_pages(), 8);
}

static void take_first_page(void)
{
	taken[0] = alloc_page(ALL_PAGES);
}

static void take_second_page(void)
{
	taken[1] = alloc_page(ALL_PAGES);
}

/* There is room for both at each moment, and so both have a page. */
static void expect_both_served(void)
{
	EXPECT(taken[0] && taken[1] && taken[0] != taken[1]);
	EXPECT_EQ(nr_free_pages(), 6);
	__free_pages(taken[0], 0);
	__free_pages(taken[1], 0);
	while (nr_held > 0) {
		nr_held--;
		__free_pages(held[nr_held].page, held[nr_held].order);
	}
	EXPECT_EQ(nr_free_pages(), free_before);
	EXPECT_EQ(mm_check(), 0);
}

TEST(one_block_for_two_cpus)
{
	const struct exploration e = {
		one_block, {take_first_page, take_second_page}, expect_both_served, 2, false,
		NULL};

	test_note("%lu orders", explore(&e));
}

/* --- areas of several pages --------------------------------------------------------------- */

static char *areas[2];

static void no_area(void)
{
	areas[0] = areas[1] = NULL;
}

static void map_and_unmap(unsigned i)
{
	areas[i] = vmalloc(PAGE_SIZE + 1);
	if (EXPECT(areas[i]))
		areas[i][PAGE_SIZE] = (char)i;
	explore_step(areas[i]);
	if (areas[i])
		EXPECT_EQ(areas[i][PAGE_SIZE], i);
	vfree(areas[i]);
}

static void first_area(void)
{
	map_and_unmap(0);
}

static void second_area(void)
{
	map_and_unmap(1);
}

static void expect_sound(void)
{
	EXPECT_EQ(mm_check(), 0);
}

TEST(areas_on_two_cpus)
{
	const struct exploration e = {
		no_area, {first_area, second_area}, expect_sound, 1, false, NULL};

	test_note("%lu orders", explore(&e));
}

TEST_SUITE(page_orders, last_reference, double_free, frees_without_a_lock,
	   allocations_without_a_lock, one_block_for_two_cpus, areas_on_two_cpus);
