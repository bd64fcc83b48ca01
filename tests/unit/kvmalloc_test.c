// SPDX-License-Identifier: MIT
/*
 * kvmalloc: kmalloc while that is easy, vmalloc where it is not or cannot be, and kvfree and
 * kvrealloc know which it was.
 */
#include "live.h"
#include <bits.h>
#include <mem.h>
#include <mm/kmalloc.h>
#include <mm/kvmalloc.h>
#include <mm/vmalloc.h>
#include <window.h>

static size_t opaque(size_t n)
{
	__asm__ volatile("" : "+r"(n));
	return n;
}

static bool begin(void)
{
	allow_kept_pages(16); /* page tables of the window */
	window_flush();       /* what is freed now, is stale for a while */
	return window_pages() > 0;
}

TEST(small_and_easy_ones_are_kmalloc)
{
	static const size_t sizes[] = {1, 100, 4096, 5000, 8192, 16384};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *p = kvmalloc(sizes[i], GFP_KERNEL);

		ASSERT(p);
		EXPECT(!is_vmalloc_addr(p));
		EXPECT_EQ(ksize(p), kmalloc_size_roundup(sizes[i]));
		live_fill(p, sizes[i], i);
		EXPECT(live_filled(p, sizes[i], i));
		kvfree(p);
	}
	EXPECT(kvmalloc(0, GFP_KERNEL) == ZERO_SIZE_PTR);
	kvfree(ZERO_SIZE_PTR);
	kvfree(NULL);
}

#define SINGLE_PAGES 160u

/* Of low memory, only pages whose buddies are taken are left: no block of two. */
static void leave_single_pages(struct held *held)
{
	struct fingerprint settled;
	struct held single;
	struct page *page;

	live_settle(&settled); /* what slabs can spare would be reclaimed */
	held_init(held);
	held_init(&single);
	held_take(&single, GFP_NOWAIT | __GFP_MEMALLOC, 0, SINGLE_PAGES);
	held_drain(held, GFP_NOWAIT | __GFP_MEMALLOC);
	while ((page = held_pop(&single)) != NULL) {
		if (page_to_pfn(page) % 2)
			held_add(held, page);
		else
			__free_page(page);
	}
}

TEST(without_large_blocks_vmalloc_serves)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_MEMALLOC;
	struct held held;
	char *p, *q;

	if (!begin())
		SKIP("no mapping window on this machine");
	leave_single_pages(&held);
	p = kvmalloc(60000, gfp);
	q = kvzalloc(60000, gfp);
	held_free(&held);
	ASSERT(p && q);
	EXPECT(is_vmalloc_addr(p));
	EXPECT(is_vmalloc_addr(q));
	EXPECT(live_all_bytes(q, 60000, 0));
	live_fill(p, 60000, 4);
	live_fill(q, 60000, 5);
	EXPECT(live_filled(p, 60000, 4));
	kvfree(p);
	kvfree(q);
}

TEST(too_large_for_kmalloc)
{
	size_t size = opaque(KMALLOC_MAX_SIZE + 1);
	char *p;

	if (!begin())
		SKIP("no mapping window on this machine");
	if (nr_free_pages() < 4 * (size / PAGE_SIZE))
		SKIP("not enough memory on this machine");
	p = kvmalloc(size, GFP_KERNEL);
	ASSERT(p);
	EXPECT(is_vmalloc_addr(p));
	p[0] = p[size - 1] = 7;
	kvfree(p);
	p = kvcalloc(size / 8 + 1, 8, GFP_KERNEL);
	ASSERT(p);
	EXPECT(is_vmalloc_addr(p));
	EXPECT(live_all_bytes(p, size, 0));
	kvfree(p);
}

TEST(arrays)
{
	uint32_t *p = kvcalloc(1000, sizeof(*p), GFP_KERNEL);

	ASSERT(p);
	EXPECT(live_all_bytes(p, 1000 * sizeof(*p), 0));
	kvfree(p);
	p = kvmalloc_array(5000, sizeof(*p), GFP_KERNEL);
	ASSERT(p);
	kvfree(p);
	EXPECT(!kvmalloc_array(opaque(SIZE_MAX / 2), 3, GFP_KERNEL));
	EXPECT(!kvcalloc(3, opaque(SIZE_MAX / 2), GFP_KERNEL));
	EXPECT(!kvcalloc(opaque((size_t)1 << (4 * sizeof(size_t))),
			 (size_t)1 << (4 * sizeof(size_t)), GFP_KERNEL));
}

TEST(impossible_requests)
{
	expect_report(MM_REPORT_BAD_SIZE, 2);
	EXPECT(!kvmalloc(opaque(SIZE_MAX), GFP_KERNEL));
	EXPECT(!kvzalloc(opaque(SIZE_MAX - 4095), GFP_KERNEL));
	EXPECT(!kvmalloc(opaque(SIZE_MAX), GFP_KERNEL | __GFP_NOWARN));
	expect_report(MM_REPORT_BAD_FLAGS, 1);
	EXPECT(!kvmalloc(5000, GFP_DMA | __GFP_HIGHMEM));
}

TEST(dma_stays_dma)
{
	char *p = kvmalloc(3 * PAGE_SIZE, GFP_KERNEL | GFP_DMA | __GFP_NOWARN);

	begin();
	if (!p)
		SKIP("no DMA memory is free on this machine");
	EXPECT_EQ(live_zone_of(is_vmalloc_addr(p) ? vmalloc_to_page(p) : virt_to_page(p)),
		  MM_ZONE_DMA);
	kvfree(p);
}

static char *resize(char *p, size_t old, size_t size)
{
	char *q = kvrealloc(p, size, GFP_KERNEL);

	if (!EXPECT(q != NULL))
		return p;
	EXPECTF(live_filled(q, min_size(old, size), 8), "%zu bytes to %zu", old, size);
	live_fill(q, size, 8);
	return q;
}

TEST(resized_within_kmalloc)
{
	static const size_t sizes[] = {10, 16, 100, 4096, 20000, 3000, 1};
	char *p = kvrealloc(NULL, 5, GFP_KERNEL);
	size_t old = 5;

	ASSERT(p);
	live_fill(p, 5, 8);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		p = resize(p, old, sizes[i]);
		old = sizes[i];
	}
	EXPECT(kvrealloc(p, 0, GFP_KERNEL) == ZERO_SIZE_PTR);
}

TEST(resized_from_kind_to_kind)
{
	static const size_t sizes[] = {5 * 4096, 5 * 4096 - 1, 4 * 4096 + 1, 100000, 10, 70000};
	char *p, *q;
	size_t old = 3 * PAGE_SIZE;

	if (!begin())
		SKIP("no mapping window on this machine");
	p = vmalloc(old);
	ASSERT(p);
	live_fill(p, old, 8);
	q = kvrealloc(p, old - 4095, GFP_KERNEL);
	EXPECT(q == p); /* still three pages */
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		p = resize(p, i ? old : old - 4095, sizes[i]);
		old = sizes[i];
	}
	kvfree(p);
}

/* Beyond the old end all is zero, in an area's slack too. */
TEST(resized_and_zeroed)
{
	char *p, *q;

	if (!begin())
		SKIP("no mapping window on this machine");
	p = __vmalloc(opaque(PAGE_SIZE + 1), GFP_KERNEL | __GFP_ZERO);
	ASSERT(p);
	memset(p, 0xff, 2 * PAGE_SIZE);
	q = kvrealloc(p, PAGE_SIZE + 5, GFP_KERNEL | __GFP_ZERO);
	EXPECT(q == p);
	EXPECT(live_all_bytes(q, PAGE_SIZE + 5, 0xff));
	EXPECT(live_all_bytes(q + PAGE_SIZE + 5, PAGE_SIZE - 5, 0));
	q = kvrealloc(p, 5 * PAGE_SIZE, GFP_KERNEL | __GFP_ZERO);
	ASSERT(q);
	EXPECT(live_all_bytes(q, PAGE_SIZE + 5, 0xff));
	EXPECT(live_all_bytes(q + PAGE_SIZE + 5, 4 * PAGE_SIZE - 5, 0));
	kvfree(q);
}

TEST(mistakes)
{
	char *p = kvmalloc(100, GFP_KERNEL), *area, *q;

	ASSERT(p);
	expect_report(MM_REPORT_INTERIOR_FREE, 1);
	kvfree(p + 16);
	expect_report(MM_REPORT_BAD_ADDRESS, 1);
	q = kvrealloc(p + 16, 200, GFP_KERNEL);
	EXPECT(!q);
	kvfree(p);
	expect_report(MM_REPORT_DOUBLE_FREE, 1);
	kvfree(p);
	if (!begin())
		return;
	area = vmalloc(3 * PAGE_SIZE);
	ASSERT(area);
	expect_report(MM_REPORT_INTERIOR_FREE, 1);
	kvfree(area + PAGE_SIZE);
	expect_report(MM_REPORT_BAD_ADDRESS, 1);
	q = kvrealloc(area + PAGE_SIZE, 10, GFP_KERNEL);
	EXPECT(!q);
	q = kvrealloc(area, opaque(SIZE_MAX), GFP_KERNEL | __GFP_NOWARN);
	EXPECT(!q);
	kvfree(area);
	expect_report(MM_REPORT_DOUBLE_FREE, 1);
	kvfree(area);
}

TEST_SUITE(kvmalloc, small_and_easy_ones_are_kmalloc, without_large_blocks_vmalloc_serves,
	   too_large_for_kmalloc, arrays, impossible_requests, dma_stays_dma,
	   resized_within_kmalloc, resized_from_kind_to_kind, resized_and_zeroed, mistakes);
