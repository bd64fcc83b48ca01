// SPDX-License-Identifier: MIT
/*
 * High memory: kmap() with its counts and its end, kmap_local_page() to its full depth,
 * misuse of both, and kmalloc(GFP_HIGHUSER): pages of the High zone behind a pointer, a guard
 * page behind the block, and low memory when High or the window has no more.
 */
#include "live.h"
#include "world.h"
#include <bits.h>
#include <highmem.h>
#include <mem.h>
#include <mm/kmalloc.h>
#include <window.h>

#define NO_HIGH "no High zone on this machine"

static bool has_high(void)
{
	struct mm_zone_info zone;

	allow_kept_pages(8); /* page tables of the mapping window */
	return mm_zone_info(MM_ZONE_HIGH, &zone) && zone.free > zone.low + 2 * KMAP_SLOTS;
}

static struct page *high_page(void)
{
	struct page *page = alloc_page(GFP_HIGHUSER);

	EXPECT(page && page_is_highmem(page));
	return page;
}

/* --- kmap ------------------------------------------------------------------------------- */

TEST(low_pages_have_their_address)
{
	struct page *page = alloc_page(GFP_KERNEL);
	char *address;

	ASSERT(page);
	address = page_address(page);
	EXPECT(!page_is_highmem(page));
	EXPECT(kmap(page) == address);
	EXPECT(kmap_local_page(page) == address);
	kunmap_local(address + 100);
	kunmap(page);
	kunmap(page); /* nothing was mapped: nothing to say */
	EXPECT(page_address(page) == address);
	__free_page(page);
}

TEST(kmap_counts)
{
	struct page *page;
	char *address;

	if (!has_high())
		SKIP(NO_HIGH);
	page = high_page();
	EXPECT(!page_address(page));
	address = kmap(page);
	ASSERT(address);
	EXPECT(kmap(page) == address);
	EXPECT(page_address(page) == address);
	live_fill(address, PAGE_SIZE, 1);
	kunmap(page);
	EXPECT(page_address(page) == address);
	EXPECT(live_filled(address, PAGE_SIZE, 1));
	kunmap(page);
	EXPECT(!page_address(page));
	expect_report(MM_REPORT_MISUSE, 1);
	kunmap(page);
	EXPECT_REPORT_TEXT("which nobody has mapped");
	EXPECT(kmap(page) == address); /* an idle mapping is found again */
	EXPECT(live_filled(address, PAGE_SIZE, 1));
	kunmap(page);
	__free_page(page);
}

TEST(kunmap_of_what_was_never_mapped)
{
	struct page *page;

	if (!has_high())
		SKIP(NO_HIGH);
	page = high_page();
	expect_report(MM_REPORT_MISUSE, 1);
	kunmap(page);
	__free_page(page);
}

/* Two mappings of one page show the same memory; those of two pages do not. */
TEST(kmap_and_local_agree)
{
	struct page *a, *b;
	uint32_t *shared, *local;

	if (!has_high())
		SKIP(NO_HIGH);
	a = high_page();
	b = high_page();
	shared = kmap(a);
	ASSERT(shared);
	live_fill(shared, PAGE_SIZE, 3);
	local = kmap_local_page(b);
	live_fill(local, PAGE_SIZE, 4);
	kunmap_local(local);
	local = kmap_local_page(a);
	EXPECT(local != shared);
	EXPECT(live_filled(local, PAGE_SIZE, 3));
	local[5]++;
	EXPECT_EQ(shared[5], local[5]);
	kunmap_local(local + 5);
	kunmap(a);
	__free_page(a);
	__free_page(b);
}

/* Every slot held at once: all different, all right; then there is no more. */
TEST(kmap_until_no_slot_is_left)
{
	struct held held, last;
	struct page *page, *beyond;
	unsigned mapped = 0;
	size_t wrong = 0;

	if (!has_high())
		SKIP(NO_HIGH);
	held_init(&held);
	held_init(&last);
	EXPECT_EQ(held_take(&held, GFP_HIGHUSER, 0, KMAP_SLOTS), KMAP_SLOTS);
	beyond = high_page();
	for (pfn_t pfn = held.first; pfn != PFN_NONE; pfn = page_of_pfn(pfn)->next) {
		pfn_t *address = kmap(page_of_pfn(pfn));

		if (!EXPECT(address != NULL))
			break;
		*address = pfn;
		mapped++;
	}
	EXPECT_EQ(mapped, KMAP_SLOTS);
	EXPECT(!kmap(beyond));
	for (pfn_t pfn = held.first; pfn != PFN_NONE; pfn = page_of_pfn(pfn)->next)
		wrong += *(pfn_t *)page_address(page_of_pfn(pfn)) != pfn;
	EXPECT_EQ(wrong, 0);

	page = held_pop(&held);
	kunmap(page);
	__free_page(page);
	EXPECT(kmap(beyond) != NULL);
	kunmap(beyond);
	__free_page(beyond);
	while ((page = held_pop(&held)) != NULL) {
		kunmap(page);
		__free_page(page);
	}
}

/* More pages than slots, one after the other: slots are used again, for the right page. */
TEST(kmap_reuses_slots)
{
	struct held held;
	size_t wrong = 0;

	if (!has_high())
		SKIP(NO_HIGH);
	held_init(&held);
	held_take(&held, GFP_HIGHUSER, 0, 2 * KMAP_SLOTS);
	for (unsigned round = 0; round < 3; round++) {
		for (pfn_t pfn = held.first; pfn != PFN_NONE; pfn = page_of_pfn(pfn)->next) {
			pfn_t *address = kmap(page_of_pfn(pfn));

			if (!EXPECT(address != NULL))
				break;
			wrong += round > 0 && *address != pfn;
			*address = pfn;
			kunmap(page_of_pfn(pfn));
		}
	}
	EXPECT_EQ(wrong, 0);
	held_free(&held);
}

/* --- kmap_local_page ----------------------------------------------------------------------- */

TEST(local_to_the_full_depth)
{
	struct page *pages[KMAP_LOCAL_DEPTH];
	char *addresses[KMAP_LOCAL_DEPTH];

	if (!has_high())
		SKIP(NO_HIGH);
	for (unsigned i = 0; i < KMAP_LOCAL_DEPTH; i++)
		pages[i] = high_page();
	for (unsigned i = 0; i < KMAP_LOCAL_DEPTH; i++) {
		addresses[i] = kmap_local_page(pages[i]);
		live_fill(addresses[i], PAGE_SIZE, i);
		for (unsigned j = 0; j < i; j++)
			EXPECT(addresses[i] != addresses[j]);
	}
	for (unsigned i = KMAP_LOCAL_DEPTH; i-- > 0;) {
		EXPECT(live_filled(addresses[i], PAGE_SIZE, i));
		kunmap_local(addresses[i] + (i % 2 ? PAGE_SIZE - 1 : 0));
		__free_page(pages[i]);
	}
}

TEST(local_in_the_wrong_order)
{
	struct page *a, *b;
	char *first, *second;

	if (!has_high())
		SKIP(NO_HIGH);
	a = high_page();
	b = high_page();
	first = kmap_local_page(a);
	second = kmap_local_page(b);
	live_fill(first, PAGE_SIZE, 1);
	expect_report(MM_REPORT_MISUSE, 2);
	kunmap_local(first);
	EXPECT_REPORT_TEXT("which is not the last that this CPU mapped");
	EXPECT(live_filled(first, PAGE_SIZE, 1)); /* nothing was unmapped */
	kunmap_local(second);
	kunmap_local(first);
	kunmap_local(first); /* once too often */
	__free_page(a);
	__free_page(b);
}

TEST(local_is_of_this_cpu)
{
	struct page *page;
	char *here, *there;
	unsigned home;

	if (!has_high())
		SKIP(NO_HIGH);
	if (world_cpus() < 2)
		SKIP("one CPU only");
	page = high_page();
	here = kmap_local_page(page);
	home = world_set_cpu(1);
	there = kmap_local_page(page);
	EXPECT(here != there);
	expect_report(MM_REPORT_MISUSE, 1);
	kunmap_local(here);
	kunmap_local(there);
	world_set_cpu(home);
	kunmap_local(here);
	__free_page(page);
}

TEST(clear_and_copy)
{
	struct page *pages[4];
	bool high = has_high();

	for (unsigned i = 0; i < 4; i++) {
		pages[i] = alloc_page(i < 2 || !high ? GFP_KERNEL : GFP_HIGHUSER);
		ASSERT(pages[i]);
	}
	for (unsigned from = 0; from < 4; from++) {
		for (unsigned to = 0; to < 4; to++) {
			if (to == from)
				continue;
			live_fill_pages(pages[from], 0, from + 1);
			copy_highpage(pages[to], pages[from]);
			EXPECT(live_filled_pages(pages[to], 0, from + 1));
			EXPECT(live_filled_pages(pages[from], 0, from + 1));
			clear_highpage(pages[from]);
			EXPECT(live_pages_all_bytes(pages[from], 0, 0));
			EXPECT(live_filled_pages(pages[to], 0, from + 1));
		}
	}
	for (unsigned i = 0; i < 4; i++)
		__free_page(pages[i]);
}

/* --- kmalloc(GFP_HIGHUSER) ------------------------------------------------------------------ */

TEST(without_high_memory_low_serves)
{
	struct mm_zone_info zone;
	char *p;

	if (mm_zone_info(MM_ZONE_HIGH, &zone))
		SKIP("there is a High zone on this machine");
	p = kmalloc(3 * PAGE_SIZE, GFP_HIGHUSER);
	ASSERT(p);
	EXPECT(virt_to_page(p) != NULL);
	live_fill(p, 3 * PAGE_SIZE, 1);
	kfree(p);
	p = kmalloc(10, GFP_HIGHUSER);
	ASSERT(p);
	EXPECT_EQ(ksize(p), kmalloc_size_roundup(10));
	kfree(p);
}

/* What kfree() and reports look up: the page behind an address of the window. */
static void check_mapped_block(char *p, size_t size, uint32_t seed)
{
	size_t usable = PAGE_SIZE << get_order(size);
	struct page *page = window_page(p);

	EXPECT_EQ(ksize(p), usable);
	EXPECT(!virt_to_page(p));
	if (!EXPECT(page != NULL))
		return;
	EXPECT(page_is_highmem(page));
	EXPECT_EQ(live_zone_of(page), MM_ZONE_HIGH);
	live_fill(p, usable, seed);
	for (size_t i = 0; i < usable / PAGE_SIZE; i++) {
		const char *address;

		EXPECT(window_page(p + i * PAGE_SIZE) == page + i); /* contiguous */
		address = kmap(page + i);
		if (!EXPECT(address != NULL))
			continue;
		EXPECT(memcmp(address, p + i * PAGE_SIZE, PAGE_SIZE) == 0);
		kunmap(page + i);
	}
	EXPECT(world_faults(p + usable)); /* the guard */
}

TEST(mapped_blocks)
{
	static const size_t sizes[] = {1, 64, 4096, 4097, 12288, 40000, 65536, 262144};
	char *p;

	if (!has_high())
		SKIP(NO_HIGH);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t used = window_pages_used();

		p = kmalloc(sizes[i], i & 1 ? GFP_HIGHUSER : GFP_ATOMIC | __GFP_HIGHMEM);
		ASSERT(p);
		EXPECT_EQ(window_pages_used(), used + (1u << get_order(sizes[i])) + 1);
		check_mapped_block(p, sizes[i], i);
		kfree(p);
		EXPECT_EQ(window_pages_used(), used);
		window_flush();
		EXPECT(world_faults(p));
	}
}

TEST(mapped_and_zeroed)
{
	char *p;

	if (!has_high())
		SKIP(NO_HIGH);
	for (unsigned i = 0; i < 3; i++) {
		p = kmalloc(20000, GFP_HIGHUSER | __GFP_ZERO);
		ASSERT(p);
		EXPECT(live_all_bytes(p, ksize(p), 0));
		memset(p, 0xff, ksize(p));
		kfree(p);
	}
}

TEST(mapped_blocks_grow)
{
	char *p, *q;

	if (!has_high())
		SKIP(NO_HIGH);
	p = kmalloc(5000, GFP_HIGHUSER);
	ASSERT(p);
	live_fill(p, 5000, 8);
	q = krealloc(p, 8000, GFP_HIGHUSER);
	EXPECT(q == p);
	q = krealloc(p, 30000, GFP_HIGHUSER);
	ASSERT(q && q != p);
	EXPECT(live_filled(q, 5000, 8));
	window_flush();
	EXPECT(world_faults(p));
	q = krealloc(q, 100, GFP_KERNEL); /* to low memory */
	ASSERT(q);
	EXPECT(virt_to_page(q) != NULL);
	EXPECT(live_filled(q, 100, 8));
	kfree_sensitive(q);
}

TEST(bad_frees_of_mapped_blocks)
{
	char *p;

	if (!has_high())
		SKIP(NO_HIGH);
	p = kmalloc(3 * PAGE_SIZE, GFP_HIGHUSER);
	ASSERT(p);
	test_log_begin();
	expect_report(MM_REPORT_INTERIOR_FREE, 3);
	kfree(p + 8);
	EXPECT_LOG("8 bytes inside a large kmalloc block of 16384 bytes");
	kfree(p + PAGE_SIZE);
	EXPECT_LOG("4096 bytes inside a large kmalloc block of 16384 bytes");
	kfree(p + 4 * PAGE_SIZE - 1);
	expect_report(MM_REPORT_BAD_ADDRESS, 2);
	kfree(p + 4 * PAGE_SIZE); /* the guard page */
	EXPECT_LOG("in the guard page behind the kmalloc block of 4 pages");
	live_fill(p, 4 * PAGE_SIZE, 2);
	EXPECT(live_filled(p, 4 * PAGE_SIZE, 2));
	kfree(p);
	expect_report(MM_REPORT_DOUBLE_FREE, 1);
	kfree(p);
	EXPECT_LOG("0 bytes inside the area of 4 pages");
	window_flush();
	kfree(p); /* from now on nobody knows whose it was */
	EXPECT_LOG("no memory of the allocator's");
}

static void expect_low(const char *p)
{
	EXPECT(p && virt_to_page(p));
}

TEST(low_serves_when_high_is_exhausted)
{
	struct held held;
	struct page *page;
	char *p;

	if (!has_high())
		SKIP(NO_HIGH);
	held_init(&held);
	/* Every page of High, and none of low memory. */
	for (unsigned order = MM_NR_ORDERS; order-- > 0;) {
		while ((page = alloc_pages(GFP_NOWAIT | __GFP_HIGHMEM, order)) != NULL) {
			if (!page_is_highmem(page)) {
				__free_pages(page, order);
				break;
			}
			held_add(&held, page);
		}
	}
	p = kmalloc(3 * PAGE_SIZE, GFP_HIGHUSER);
	expect_low(p);
	kfree(p);
	p = kmalloc(100, GFP_HIGHUSER);
	expect_low(p);
	EXPECT_EQ(ksize(p), kmalloc_size_roundup(100));
	kfree(p);
	held_free(&held);
}

struct chain {
	struct chain *next;
};

/* Largest gaps first, until no page of the window is free or High is used up. */
TEST(low_serves_when_the_window_is_full)
{
	size_t size = KMALLOC_MAX_SIZE, used;
	struct chain *blocks = NULL, *p;
	bool full;

	if (!has_high())
		SKIP(NO_HIGH);
	allow_kept_pages(64);
	used = window_pages_used();
	while (size >= PAGE_SIZE) {
		p = kmalloc(size, GFP_NOWAIT | __GFP_HIGHMEM);
		if (p && window_page(p)) {
			p->next = blocks;
			blocks = p;
			continue;
		}
		kfree(p);
		size /= 2;
	}
	full = window_pages() - window_pages_used() < 16; /* gaps of a page or two */
	p = kmalloc(3 * PAGE_SIZE, GFP_NOWAIT | __GFP_HIGHMEM);
	if (full) {
		EXPECT(!p || virt_to_page(p));
	}
	kfree(p);
	while (blocks) {
		p = blocks;
		blocks = p->next;
		kfree(p);
	}
	EXPECT_EQ(window_pages_used(), used);
	if (!full && !test_failed())
		SKIP("High memory ends before the window does on this machine");
}

TEST_SUITE(highmem, low_pages_have_their_address, kmap_counts, kunmap_of_what_was_never_mapped,
	   kmap_and_local_agree, kmap_until_no_slot_is_left, kmap_reuses_slots,
	   local_to_the_full_depth, local_in_the_wrong_order, local_is_of_this_cpu,
	   clear_and_copy, without_high_memory_low_serves, mapped_blocks, mapped_and_zeroed,
	   mapped_blocks_grow, bad_frees_of_mapped_blocks, low_serves_when_high_is_exhausted,
	   low_serves_when_the_window_is_full);
