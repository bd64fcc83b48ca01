// SPDX-License-Identifier: MIT
/*
 * vmalloc and vmap: areas of the mapping window made of single pages.
 *
 * An area has no record of its own.  Its addresses are the window's (window.c knows where
 * an area begins and how long it is), and its pages are found by translating them back,
 * which the page tables do anyway.  A page of vmalloc's says so, and where it is mapped:
 *
 * I1. A page of a vmalloc area is PAGE_VMALLOC, of order 0, and `window` is the address
 *     that it is mapped at.  It has no references: nobody but vfree() can free it.
 * I2. Each page of a vmap area has a reference for each time that it is mapped there.
 *
 * What is mapped halfway when memory runs out is taken apart like a whole area.  Pages come
 * and go in batches that fit on the stack, unmapped before they are freed; the addresses
 * go to the window's quarantine when all is done.
 *
 * No locks of its own; the window's is taken for moments.  An area that is being made or
 * freed has one owner: window_publish() shows it to the world, window_claim() takes it
 * back, and the second of two who free it finds nothing to claim.
 */
#include <bits.h>
#include <fault_hook.h>
#include <gfp.h>
#include <mem.h>
#include <page_alloc.h>
#include <pointer.h>
#include <report.h>
#include <vmalloc.h>
#include <window.h>
#include <zone.h>

#define BATCH 16u

/* --- refusals and failures ----------------------------------------------------- */

/*
 * Could there be such an area, if all were free?  Nobody else's memory is reclaimed for one
 * that could not.
 */
static inline bool is_possible(size_t n, gfp_t gfp)
{
	return n > 0 && n < zone_reach[gfp_zone(gfp)] && n < window.nr_pages &&
	       !(gfp & __GFP_NOFAIL);
}

static __attribute__((noinline)) void report_impossible(size_t size, gfp_t gfp,
							uintptr_t caller)
{
	if (gfp & __GFP_NOFAIL)
		report_now(MM_REPORT_BAD_FLAGS, 0, caller, "the request fails: NULL",
			   "vmalloc with __GFP_NOFAIL: addresses may run out");
	else if (gfp & __GFP_NOWARN)
		return;
	else if (window.nr_pages == 0)
		report_now(MM_REPORT_ALLOC_FAILED, 0, caller, "the request fails: NULL",
			   "vmalloc of %zu bytes: this machine has no mapping window", size);
	else
		report_now(
			MM_REPORT_BAD_SIZE, 0, caller, "the request fails: NULL",
			"vmalloc of %zu bytes; the window has %zu, the zones allowed %zu pages",
			size, window.nr_pages, zone_reach[gfp_zone(gfp)]);
}

#define FLAG_TEXT_MAX 200

/* What is missing where memory is not. */
static const char injected[] = "page";

/* Something ran out, with `done` of n pages mapped. */
static void report_failure(const char *action, const char *what, size_t done, size_t n,
			   gfp_t gfp, uintptr_t caller)
{
	char text[FLAG_TEXT_MAX];
	struct report report;

	if (gfp & __GFP_NOWARN)
		return;
	report_begin(&report, MM_REPORT_ALLOC_FAILED, 0, caller,
		     "%s%s of %zu pages: no %s, with %zu mapped",
		     what == injected ? "injected: " : "", action, n, what, done);
	report_line(&report, "flags     %s", gfp_describe(gfp, text, sizeof(text)));
	report_line(&report, "window    %zu of %zu pages used, %zu stale", window_pages_used(),
		    window_pages(), window_pages_stale());
	pages_report_zones(&report, gfp);
	report_end(&report, "the request fails: NULL");
}

/* --- pages of an area ---------------------------------------------------------- */

/* The i-th page from `start`, an address of the window. */
static uintptr_t page_at(uintptr_t start, size_t i)
{
	return start + i * PAGE_SIZE;
}

static paddr_t phys_of(const struct page *page)
{
	return (paddr_t)pfn_of_page(page) << PAGE_SHIFT;
}

/* What to do with pages that are mapped no more. */
typedef void (*drop_pages)(const pfn_t *frames, size_t n);

static void free_own(const pfn_t *frames, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct page *page = page_of_pfn(frames[i]);

		page_set_kind(page, PAGE_BLOCK);
		pages_free(page, 0);
	}
}

static void put_shared(const pfn_t *frames, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_page(page_of_pfn(frames[i]));
}

/* Unmap n pages from `start`, no more than a batch, and let them go by `drop`. */
static inline void unmap_some(uintptr_t start, size_t n, drop_pages drop)
{
	pfn_t frames[BATCH];

	mm_host_unmap_run(start, frames, n);
	drop(frames, n);
}

static inline void unmap_pages(uintptr_t start, size_t n, drop_pages drop)
{
	for (; unlikely(n > BATCH); n -= BATCH, start = page_at(start, BATCH))
		unmap_some(start, BATCH, drop);
	unmap_some(start, n, drop);
}

/* Take an area of n pages, of which `done` are mapped, apart again. */
static void take_apart(uintptr_t start, size_t n, size_t done, drop_pages drop)
{
	unmap_pages(start, done, drop);
	window_release(start, n);
}

/* --- vmalloc ------------------------------------------------------------------- */

/* A page, where many cannot be had; it tries hard, if it may.  NULL, or what is missing. */
static __attribute__((noinline)) const char *get_page_slow(struct page **page, gfp_t gfp,
							   uintptr_t caller)
{
	if (fault_fails(NULL, gfp, 0, caller))
		return injected;
	*page = pages_alloc_asked(gfp, 0, caller);
	return *page ? NULL : "page";
}

/* Pages for the area, at least one; 0 when there is none, with what is missing. */
static inline size_t get_pages(struct page **batch, size_t n, gfp_t gfp, uintptr_t caller,
			       const char **missing)
{
	size_t got;

	gfp = (gfp & ~(__GFP_ZERO | __GFP_MOVABLE)) | __GFP_NOWARN;
	got = pages_alloc_bulk(gfp, batch, n);
	if (likely(got > 0))
		return got;
	*missing = get_page_slow(batch, gfp, caller);
	return *missing ? 0 : 1;
}

/* Make n pages the area's own, from `address` on; returns how many of them the host has mapped. */
static inline size_t map_own(uintptr_t address, struct page *const *pages, pfn_t *frames,
			     size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct page *page = pages[i];

		page->window = page_at(address, i);
		page_set_kind(page, PAGE_VMALLOC);
		frames[i] = pfn_of_page(page);
	}
	return mm_host_map_run(address, frames, n);
}

/*
 * Get and map pages of an area, from `address` on: up to n of them, at least one.  Returns how
 * many, and when there are no more, of what, in *missing.
 */
static inline size_t fill_some(uintptr_t address, size_t n, gfp_t gfp, uintptr_t caller,
			       const char **missing)
{
	struct page *batch[BATCH];
	pfn_t frames[BATCH];
	size_t got = get_pages(batch, min_size(n, BATCH), gfp, caller, missing), mapped;

	if (unlikely(got == 0))
		return 0;
	mapped = map_own(address, batch, frames, got);
	if (gfp & __GFP_ZERO) /* here, since High pages have no other address */
		memset((void *)address, 0, mapped * PAGE_SIZE);
	if (unlikely(mapped < got)) {
		*missing = "page table";
		free_own(frames + mapped, got - mapped);
	}
	return mapped;
}

MM_FASTCALL void *vmalloc_for(size_t size, gfp_t gfp, uintptr_t caller)
{
	size_t n = (size + PAGE_SIZE - 1) / PAGE_SIZE; /* 0 for the largest sizes of all */
	const char *missing = NULL;
	uintptr_t start;
	size_t done;

	if (unlikely(!is_possible(n, gfp))) {
		report_impossible(size, gfp, caller);
		return NULL;
	}
	start = window_reserve(n);
	if (unlikely(start == 0)) {
		report_failure("vmalloc", "addresses", 0, n, gfp, caller);
		return NULL;
	}
	done = fill_some(start, n, gfp, caller, &missing);
	while (unlikely(done < n) && !missing)
		done += fill_some(page_at(start, done), n - done, gfp, caller, &missing);
	if (unlikely(missing)) {
		take_apart(start, n, done, free_own);
		report_failure("vmalloc", missing, done, n, gfp, caller);
		return NULL;
	}
	window_publish(start, n, WINDOW_VMALLOC);
	return (void *)start;
}

/* Is a page of such an area mapped at p?  Whether the area starts there, its edges tell. */
static bool is_mapped_as(const void *p, enum window_use use)
{
	struct page *page = window_page(p);

	return page && (uintptr_t)p % PAGE_SIZE == 0 &&
	       window_use_of(page, (uintptr_t)p) == use;
}

MM_FASTCALL void vfree_for(const void *p, uintptr_t caller)
{
	const struct page *page = window_page(p);
	size_t n = 0;

	if (likely(page && page_get_kind(page) == PAGE_VMALLOC && page->window == (uintptr_t)p))
		n = window_claim((uintptr_t)p, WINDOW_VMALLOC);
	if (likely(n > 0))
		take_apart((uintptr_t)p, n, n, free_own);
	else
		pointer_refuse_area(p, WINDOW_VMALLOC, caller);
}

size_t vmalloc_size(const void *p)
{
	return is_mapped_as(p, WINDOW_VMALLOC) ? window_measure((uintptr_t)p) * PAGE_SIZE : 0;
}

static MM_FASTCALL __attribute__((noinline)) void *admit(size_t size, gfp_t gfp,
							 uintptr_t caller)
{
	return gfp_admit(&gfp, caller) ? vmalloc_for(size, gfp, caller) : NULL;
}

void *__vmalloc(size_t size, gfp_t gfp)
{
	return admit(size, gfp, CALLER());
}

#define GFP_VMALLOC (GFP_KERNEL | __GFP_HIGHMEM)

void *vmalloc(size_t size)
{
	if (likely(mm_may_sleep())) /* it would pass */
		return vmalloc_for(size, GFP_VMALLOC, CALLER());
	return admit(size, GFP_VMALLOC, CALLER());
}

void *vzalloc(size_t size)
{
	return admit(size, GFP_VMALLOC | __GFP_ZERO, CALLER());
}

void vfree(const void *p)
{
	if (p)
		vfree_for(p, CALLER());
}

/* --- vmap ---------------------------------------------------------------------- */

static bool can_map(size_t n, uintptr_t caller)
{
	if (likely(n > 0 && n < window.nr_pages))
		return true;
	report_now(MM_REPORT_BAD_SIZE, 0, caller, "nothing is mapped: NULL",
		   "vmap of %zu pages; the window has %zu", n, window.nr_pages);
	return false;
}

/* Map the i-th of n pages and take a reference; false, after a report, if either cannot be. */
static bool share_page(uintptr_t start, size_t i, size_t n, struct page *page, uintptr_t caller)
{
	if (!pages_get(page)) {
		report_now(MM_REPORT_BAD_PAGE, (uintptr_t)page, caller,
			   "nothing is mapped: NULL",
			   "vmap of %p, page %zu of %zu: it has no references to take",
			   (void *)page, i, n);
		return false;
	}
	if (mm_host_map(page_at(start, i), phys_of(page)))
		return true;
	put_page(page);
	report_failure("vmap", "page table", i, n, GFP_ATOMIC, caller);
	return false;
}

static void *vmap_for(struct page *const *pages, size_t n, uintptr_t caller)
{
	uintptr_t start;

	if (!can_map(n, caller))
		return NULL;
	start = window_reserve(n);
	if (start == 0) {
		report_failure("vmap", "addresses", 0, n, GFP_ATOMIC, caller);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		if (share_page(start, i, n, pages[i], caller))
			continue;
		take_apart(start, n, i, put_shared);
		return NULL;
	}
	window_publish(start, n, WINDOW_VMAP);
	return (void *)start;
}

void *vmap(struct page *const *pages, size_t n)
{
	return vmap_for(pages, n, CALLER());
}

void vunmap(const void *p)
{
	size_t n = 0;

	if (!p)
		return;
	if (is_mapped_as(p, WINDOW_VMAP))
		n = window_claim((uintptr_t)p, WINDOW_VMAP);
	if (n > 0)
		take_apart((uintptr_t)p, n, n, put_shared);
	else
		pointer_refuse_area(p, WINDOW_VMAP, CALLER());
}

/* --- looking ------------------------------------------------------------------- */

struct page *vmalloc_to_page(const void *p)
{
	return window_page(p);
}

bool is_vmalloc_addr(const void *p)
{
	struct page *page = window_page(p);

	return page && window_use_of(page, (uintptr_t)p) != WINDOW_BLOCK;
}
