// SPDX-License-Identifier: MIT
/* Runs of pages: their exact size, what goes back at once, and frees that are wrong. */
#include "live.h"
#include <mem.h>
#include <page_alloc.h>
#include <page_list.h>
#include <zone.h>

/* Pages a run of this many bytes must hold. */
static size_t pages_of(size_t size)
{
	return size / PAGE_SIZE + (size % PAGE_SIZE != 0);
}

static void check_run(size_t size)
{
	size_t free = nr_free_pages();
	void *run = alloc_pages_exact(size, GFP_KERNEL | __GFP_NOWARN);
	struct page *page = virt_to_page(run);

	if (!run) {
		EXPECT(size > PAGE_SIZE << 8); /* a small machine has no such block */
		EXPECT_EQ(nr_free_pages(), free);
		return;
	}
	EXPECT_EQ(nr_free_pages(), free - pages_of(size));
	EXPECT_EQ(page_to_pfn(page) & (((pfn_t)1 << get_order(size)) - 1), 0);
	for (size_t i = 0; i < pages_of(size); i++)
		if (page_count(page + i) != 1 || page[i].order != 0)
			test_fail(__FILE__, __LINE__,
				  "page %zu of %zu bytes is no block of one", i, size);
	live_fill(run, size, (uint32_t)size);
	live_expect_whole();
	EXPECT(live_filled(run, size, (uint32_t)size));
	free_pages_exact(run, size);
	EXPECT_EQ(nr_free_pages(), free);
}

TEST(every_number_of_pages)
{
	struct fingerprint before;

	live_settle(&before);
	for (size_t pages = 1; pages <= 40 && !test_failed(); pages++) {
		check_run(pages * PAGE_SIZE);
		check_run(pages * PAGE_SIZE - 1);
		check_run(pages * PAGE_SIZE - PAGE_SIZE + 1);
	}
	check_run((PAGE_SIZE << 9) + 1);
	check_run((PAGE_SIZE << MM_MAX_ORDER) - PAGE_SIZE);
	check_run(PAGE_SIZE << MM_MAX_ORDER);
	live_expect_settled(&before);
}

/* The tail is free at once, in the largest blocks: 8 - 3 pages are 1 + 4. */
TEST(the_tail_goes_back_as_blocks)
{
	struct page *page;
	void *run = alloc_pages_exact(3 * PAGE_SIZE, GFP_KERNEL);
	void *five = alloc_pages_exact(5 * PAGE_SIZE, GFP_KERNEL);

	ASSERT(run && five);
	page_lists_drain();
	page = virt_to_page(run);
	EXPECT_EQ(page[3].kind, PAGE_FREE);
	EXPECT_EQ(page[3].order, 0);
	page = virt_to_page(five);
	EXPECT_EQ(page[5].kind, PAGE_FREE);
	EXPECT_EQ(page[5].order, 0);
	EXPECT_EQ(page[6].kind, PAGE_FREE);
	EXPECT_EQ(page[6].order, 1);
	EXPECT_EQ(page[7].kind, PAGE_TAIL);
	free_pages_exact(run, 3 * PAGE_SIZE);
	free_pages_exact(five, 5 * PAGE_SIZE);
}

TEST(zeroed)
{
	unsigned char *run = alloc_pages_exact(3 * PAGE_SIZE, GFP_KERNEL);

	ASSERT(run);
	memset(run, 0xa5, 3 * PAGE_SIZE);
	free_pages_exact(run, 3 * PAGE_SIZE);
	run = alloc_pages_exact(2 * PAGE_SIZE + 1, GFP_KERNEL | __GFP_ZERO);
	ASSERT(run);
	EXPECT(live_all_bytes(run, 3 * PAGE_SIZE, 0));
	free_pages_exact(run, 2 * PAGE_SIZE + 1);
}

TEST(the_zone_is_the_one_asked_for)
{
	void *run = alloc_pages_exact(5 * PAGE_SIZE, GFP_ATOMIC | GFP_DMA);

	ASSERT(run);
	EXPECT_EQ(live_zone_of(virt_to_page(run)), MM_ZONE_DMA);
	free_pages_exact(run, 5 * PAGE_SIZE);
}

TEST(requests_that_make_no_sense)
{
	expect_report(MM_REPORT_BAD_SIZE, 3);
	EXPECT(!alloc_pages_exact(0, GFP_KERNEL));
	EXPECT(!alloc_pages_exact((PAGE_SIZE << MM_MAX_ORDER) + 1, GFP_KERNEL));
	EXPECT(!alloc_pages_exact(SIZE_MAX, GFP_KERNEL));
	EXPECT(!alloc_pages_exact(SIZE_MAX, GFP_KERNEL | __GFP_NOWARN));
	expect_report(MM_REPORT_BAD_FLAGS, 2);
	EXPECT(!alloc_pages_exact(PAGE_SIZE, GFP_HIGHUSER));
	EXPECT(!alloc_pages_exact(PAGE_SIZE, 0x80000000u));
}

/* No memory: NULL, one report, nothing lost. */
TEST(without_memory)
{
	struct held held;

	held_init(&held);
	held_drain(&held, GFP_NOWAIT);
	EXPECT(!alloc_pages_exact(3 * PAGE_SIZE, GFP_NOWAIT));
	held_free(&held);
}

TEST(frees_that_are_wrong)
{
	char *run = alloc_pages_exact(3 * PAGE_SIZE, GFP_KERNEL);
	struct page *block = alloc_pages(GFP_KERNEL, 1);
	size_t free = nr_free_pages();

	ASSERT(run && block);
	expect_report(MM_REPORT_BAD_SIZE, 2);
	free_pages_exact(run, 0);
	free_pages_exact(run, SIZE_MAX);
	expect_report(MM_REPORT_BAD_ADDRESS, 2);
	free_pages_exact(run + 8, PAGE_SIZE);
	free_pages_exact((void *)8, 3 * PAGE_SIZE);
	expect_report(MM_REPORT_WRONG_ORDER, 1);
	free_pages_exact(page_address(block), 2 * PAGE_SIZE);
	/* The fourth page is the tail that went back. */
	expect_report(MM_REPORT_DOUBLE_FREE, 1);
	free_pages_exact(run, 4 * PAGE_SIZE);
	EXPECT_EQ(nr_free_pages(), free);
	EXPECT_EQ(test_reports_seen(MM_REPORT_DOUBLE_FREE), 1);

	free_pages_exact(run, 3 * PAGE_SIZE);
	EXPECT_EQ(nr_free_pages(), free + 3);
	expect_report(MM_REPORT_DOUBLE_FREE, 1);
	free_pages_exact(run, 3 * PAGE_SIZE);
	EXPECT_EQ(nr_free_pages(), free + 3);
	free_pages_exact(NULL, PAGE_SIZE);
	__free_pages(block, 1);
}

/* A page that somebody else holds too outlives the run. */
TEST(a_reference_keeps_its_page)
{
	char *run = alloc_pages_exact(3 * PAGE_SIZE, GFP_KERNEL);
	size_t free = nr_free_pages();
	struct page *middle;

	ASSERT(run);
	middle = virt_to_page(run + PAGE_SIZE);
	get_page(middle);
	free_pages_exact(run, 3 * PAGE_SIZE);
	EXPECT_EQ(nr_free_pages(), free + 2);
	EXPECT_EQ(page_count(middle), 1);
	put_page(middle);
	EXPECT_EQ(nr_free_pages(), free + 3);
}

TEST_SUITE(exact, every_number_of_pages, the_tail_goes_back_as_blocks, zeroed,
	   the_zone_is_the_one_asked_for, requests_that_make_no_sense, without_memory,
	   frees_that_are_wrong, a_reference_keeps_its_page);
