// SPDX-License-Identifier: MIT
/*
 * The page array, the live one: which frames have a struct page, from frame to page
 * and back, from address to page, and from any page of a block to its head.
 */
#include <bootmem.h>
#include <harness.h>
#include <mm/page_alloc.h>
#include <mm/port.h>
#include <page.h>
#include <page_list.h>
#include <zone.h>

/* Frames to look at: all of a small machine, some of a large one. */
static pfn_t stride(void)
{
	return 1 + (page_array.end - page_array.start) / (32768 * test_effort());
}

TEST(frame_to_page_and_back)
{
	for (pfn_t pfn = page_array.start; pfn < page_array.end; pfn += stride()) {
		struct page *page = page_of_pfn(pfn);

		EXPECT_EQ(pfn_of_page(page), pfn);
		if (pfn > page_array.start)
			EXPECT_EQ(page - page_of_pfn(pfn - 1), 1);
	}
}

/* In the largest block of 4 MiB around it there is RAM, or it is low memory. */
static bool should_exist(pfn_t pfn)
{
	paddr_t block = (paddr_t)(pfn / 1024 * 1024) << PAGE_SHIFT;

	if (pfn < page_array.start || pfn >= page_array.end)
		return false;
	if (block < bootmem.low_limit)
		return true;
	for (size_t i = 0; i < bootmem.ram.count; i++) {
		if (bootmem.ram.ranges[i].start < block + 0x400000 &&
		    bootmem.ram.ranges[i].end > block)
			return true;
	}
	return false;
}

TEST(which_frames_exist)
{
	size_t entries = 0;

	EXPECT_EQ(page_array.start % 1024, 0);
	EXPECT_EQ(page_array.end % 1024, 0);
	for (pfn_t pfn = page_array.start; pfn < page_array.end; pfn += 1024) {
		EXPECT_EQ(page_exists(pfn), should_exist(pfn));
		EXPECT_EQ(page_exists(pfn + 1023), should_exist(pfn));
		entries += should_exist(pfn) ? 1024 : 0;
	}
	EXPECT_EQ(page_array.bytes, entries * sizeof(struct page));
	EXPECT(!page_exists(page_array.end));
	EXPECT(!page_exists(PFN_NONE));
	EXPECT(page_array.start == 0 || !page_exists(page_array.start - 1));
}

/* What the map says of a frame, the page array says too. */
TEST(kinds_follow_the_map)
{
	size_t ram = 0;

	for (pfn_t pfn = page_array.start; pfn < page_array.end; pfn += stride()) {
		paddr_t start = (paddr_t)pfn << PAGE_SHIFT;
		bool in_ram = memmap_contains(&bootmem.ram, start, start + PAGE_SIZE);

		if (!page_exists(pfn))
			continue;
		ram += in_ram;
		if (!EXPECTF((page_of_pfn(pfn)->kind == PAGE_HOLE) == !in_ram,
			     "frame 0x%x: expected %s, found %s", pfn,
			     in_ram ? "RAM" : "a hole",
			     page_kind_name((enum page_kind)page_of_pfn(pfn)->kind)))
			return;
	}
	EXPECT(ram > 0);
}

static void check_address(pfn_t pfn)
{
	char *address = mm_phys_to_virt((paddr_t)pfn << PAGE_SHIFT);

	EXPECT_EQ(page_of_address(address), page_of_pfn(pfn));
	EXPECT_EQ(page_of_address(address + PAGE_SIZE - 1), page_of_pfn(pfn));
}

TEST(address_to_page)
{
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		const struct buddy *buddy = &zones[i].buddy;

		if (i == MM_ZONE_HIGH || buddy->start == buddy->end)
			continue;
		check_address(buddy->start);
		check_address(buddy->end - 1);
		for (unsigned j = 0; j < 100; j++)
			check_address(buddy->start +
				      test_random_below(buddy->end - buddy->start));
	}
	/* The bytes just outside, at either end of low memory. */
	EXPECT(!page_of_address((char *)mm_phys_to_virt(page_array.low_bytes - 1) + 1));
	EXPECT(!page_of_address(
		(char *)mm_phys_to_virt((paddr_t)page_array.start << PAGE_SHIFT) - 1));
	EXPECT(!page_of_address(NULL));
	EXPECT(!page_of_address((void *)16));
	EXPECT(!page_of_address((void *)UINTPTR_MAX));
}

/* Each page lies in a free block, whose head is found.  Where lists are shut, none is listed. */
static void expect_free_around(struct page *page, size_t size, enum page_kind kind)
{
	for (size_t i = 0; i < size; i++) {
		struct page *head = page_head(page + i);

		ASSERT(head);
		EXPECT(head->kind == kind || head->kind == PAGE_FREE);
		EXPECT(head <= page + i && page + i < head + ((size_t)1 << head->order));
	}
}

/* From every page of a block to its head, for blocks of every order, taken and free. */
static void check_block(unsigned order)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_NOWARN, order);
	size_t size = (size_t)1 << order;

	if (!page)
		return;
	for (size_t i = 0; i < size; i++) {
		EXPECT_EQ(page_head(page + i), page);
		EXPECT_EQ(page[i].kind, i ? PAGE_TAIL : PAGE_BLOCK);
	}
	__free_pages(page, order);
	expect_free_around(page, size, order < PAGE_LIST_ORDERS ? PAGE_LISTED : PAGE_FREE);
	page_lists_drain();
	expect_free_around(page, size, PAGE_FREE);
}

TEST(head_of_a_block)
{
	for (unsigned order = 0; order < MM_NR_ORDERS; order++)
		check_block(order);
}

/* A head that says it is smaller than it is; one that is gone; what has no head. */
TEST(head_is_damaged)
{
	struct page *page = alloc_pages(GFP_KERNEL, 3);

	ASSERT(page);
	page->order = 1;
	EXPECT_EQ(page_head(page + 1), page);
	for (unsigned i = 2; i < 8; i++)
		EXPECT(!page_head(page + i));
	page->order = 3;
	page->kind = PAGE_RESERVED;
	EXPECT(!page_head(page));
	page->kind = PAGE_HOLE;
	EXPECT(!page_head(page));
	page->kind = PAGE_BLOCK;
	__free_pages(page, 3);
}

TEST(names_of_kinds)
{
	for (unsigned i = 0; i < PAGE_NR_KINDS; i++) {
		const char *name = page_kind_name((enum page_kind)i);

		EXPECT(name && *name);
		for (unsigned j = 0; j < i; j++) /* free is free, wherever */
			EXPECT(name != page_kind_name((enum page_kind)j) ||
			       (j == PAGE_FREE && i == PAGE_LISTED));
	}
	EXPECT_STR(page_kind_name(PAGE_NR_KINDS), "a damaged struct page");
	EXPECT_STR(page_kind_name((enum page_kind)0xff), "a damaged struct page");
}

TEST_SUITE(page, frame_to_page_and_back, which_frames_exist, kinds_follow_the_map,
	   address_to_page, head_of_a_block, head_is_damaged, names_of_kinds);
