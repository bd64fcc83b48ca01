// SPDX-License-Identifier: MIT
/*
 * Runs of pages whose number is no power of two (Linux: alloc_pages_exact).
 *
 * A block that is large enough is taken and cut: the pages asked for become blocks of one
 * page each, the rest goes back at once, in the largest blocks that it is made of.  So a
 * run of 33 pages holds 33, where alloc_pages() would hold 64.
 *
 * I1. Each page of a run is a block of order 0 with one reference, so that nothing else
 *     needs to know of runs: get_page() and mapping work page by page.  Its price is
 *     that a free with too small a size cannot be told from a right one.
 *
 * No state, no locks.
 */
#include <mem.h>
#include <page_alloc.h>
#include <report.h>

#define RUN_BYTES_MAX (PAGE_SIZE << MM_MAX_ORDER)

static size_t pages_in(size_t size)
{
	return (size + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/* Can a run have this size, under these flags?  Reported if not. */
static bool admit(size_t size, gfp_t *gfp, uintptr_t caller)
{
	if (!gfp_admit(gfp, caller))
		return false;
	if (*gfp & __GFP_HIGHMEM) {
		report_now(MM_REPORT_BAD_FLAGS, 0, caller, "the request fails: NULL",
			   "gfp 0x%x: an address was asked for, and a page of high memory has "
			   "none",
			   *gfp);
		return false;
	}
	if (size - 1 < RUN_BYTES_MAX) /* 0 wraps */
		return true;
	if (!(*gfp & __GFP_NOWARN))
		report_now(MM_REPORT_BAD_SIZE, 0, caller, "the request fails: NULL",
			   "alloc_pages_exact of %zu bytes; 1 is the least, %zu the most", size,
			   RUN_BYTES_MAX);
	return false;
}

/* Free the pages [from, end) of a block that pages_cut() has cut. */
static void give_back_tail(struct page *page, size_t from, size_t end)
{
	while (from < end) {
		unsigned order = lowest_bit((uint32_t)from);

		pages_free(page + from, order);
		from += (size_t)1 << order;
	}
}

/* For who looks for leaks: whoever has the address of one page has them all. */
static void mark_run(struct page *page, size_t pages)
{
	for (size_t i = 0; i < pages; i++) {
		page[i].window = (uintptr_t)page_address(page);
		page_set_home(&page[i], PAGE_OF_RUN);
	}
}

void *alloc_pages_exact(size_t size, gfp_t gfp)
{
	unsigned order = get_order(size);
	size_t pages = pages_in(size);
	struct page *page;
	void *address;

	if (!admit(size, &gfp, CALLER()))
		return NULL;
	page = pages_alloc(gfp & ~__GFP_ZERO, order, CALLER());
	if (!page)
		return NULL;
	pages_cut(page, order, pages);
	mark_run(page, pages);
	give_back_tail(page, pages, (size_t)1 << order);
	address = page_address(page);
	if (gfp & __GFP_ZERO)
		memset(address, 0, pages << PAGE_SHIFT);
	return address;
}

/* The first page of what should be a run of this size; NULL, reported, when it cannot be one. */
static struct page *run_at(void *address, size_t size, uintptr_t caller)
{
	struct page *page = page_of_address(address);

	if (size - 1 >= RUN_BYTES_MAX)
		report_now(MM_REPORT_BAD_SIZE, (uintptr_t)address, caller, "nothing is freed",
			   "free_pages_exact of %zu bytes at %p", size, address);
	else if (!page || (uintptr_t)address % PAGE_SIZE ||
		 !page_of_address((char *)address + size - 1))
		report_now(MM_REPORT_BAD_ADDRESS, (uintptr_t)address, caller,
			   "nothing is freed",
			   "free of %zu bytes of pages at %p, which is no page of low memory",
			   size, address);
	else
		return page;
	return NULL;
}

static bool is_part_of_run(const struct page *page)
{
	return page->kind == PAGE_BLOCK && page->order == 0 && page->refs > 0;
}

void free_pages_exact(void *address, size_t size)
{
	struct page *page;

	if (!address)
		return;
	page = run_at(address, size, CALLER());
	if (!page)
		return;
	/* All are looked at before the first is freed: all or none, but for a race. */
	for (size_t i = 0; i < pages_in(size); i++) {
		if (!is_part_of_run(&page[i])) {
			pages_free_checked(&page[i], 0, CALLER()); /* says what it is */
			return;
		}
	}
	for (size_t i = 0; i < pages_in(size); i++)
		pages_free_checked(&page[i], 0, CALLER());
}
