/* SPDX-License-Identifier: MIT */
/* The page allocator as the layers above it see it.  See page_alloc.c. */
#ifndef MM_INTERNAL_PAGE_ALLOC_H
#define MM_INTERNAL_PAGE_ALLOC_H

#include <gfp.h>
#include <mm/page_alloc.h>
#include <mm/stats.h>
#include <page.h>

/* alloc_pages for a request that passed gfp_admit(); `caller` is who a report names. */
struct page *pages_alloc(gfp_t gfp, unsigned order, uintptr_t caller);

/* The same, not zeroed, for who has asked whether it shall fail: fault_fails(). */
struct page *pages_alloc_asked(gfp_t gfp, unsigned order, uintptr_t caller);

/*
 * One attempt of it, which neither sleeps nor reclaims nor complains, and does not zero; and the
 * complaint, for those who reclaim between their attempts (reclaim_round()) themselves.
 */
struct page *pages_try(gfp_t gfp, unsigned order);
void pages_fail(gfp_t gfp, unsigned order, uintptr_t caller);

/* While `always`, each request asks whether it shall fail: for fault.c, after it has set the hook. */
void pages_ask(bool always);

/*
 * Up to n single pages, as far as the zones have some above their low watermarks: without any
 * effort, not zeroed.  Returns how many; the rest is pages_alloc()'s.  n is small, since a zone's
 * lock may be held meanwhile, but not 0.
 */
MM_FASTCALL size_t pages_alloc_bulk(gfp_t gfp, struct page **pages, size_t n);

/* Free a block whose owner has vouched for it: PAGE_BLOCK, one reference, this order. */
MM_FASTCALL void pages_free(struct page *page, unsigned order);

/* The same for a block that was taken in vain: those who reclaim do not take it for progress. */
void pages_put_back(struct page *page, unsigned order);

/*
 * The same for what a caller only says is one: reported if it is not.  pages_drop_checked()
 * only drops the reference: true when it was the last, and the block is to be freed.
 */
bool pages_drop_checked(struct page *page, unsigned order, uintptr_t caller);
MM_FASTCALL void pages_free_checked(struct page *page, unsigned order, uintptr_t caller);

/*
 * Make blocks of one page out of the first n pages of a block, and the largest blocks that
 * are possible out of the rest.
 */
void pages_cut(struct page *page, unsigned order, size_t n);

/*
 * The first n pages of a block become a slab's, and in the end those of a block again.
 * All at one stroke for whoever walks the zone.
 */
void pages_to_slab(struct page *page, size_t n, struct slab *slab);
void pages_to_slab_locked(struct page *page, size_t n, struct slab *slab); /* [z] */
void pages_from_slab(struct page *page, size_t n, unsigned order);

/* Take a reference of the block around `page`; false when it is none that has any. */
bool pages_get(struct page *page);

/* Lines of a report: the zones that these flags allow, with their marks and free blocks. */
struct report;
void pages_report_zones(const struct report *report, gfp_t gfp);

/* The highest zone that a mask allows, and the pageblock type that it asks for. */
static inline enum mm_zone_id gfp_zone(gfp_t gfp)
{
	static const uint8_t zone_of[4] = {
		[0] = MM_ZONE_NORMAL,
		[__GFP_DMA] = MM_ZONE_DMA,
		[__GFP_HIGHMEM] = MM_ZONE_HIGH,
		[__GFP_DMA | __GFP_HIGHMEM] = MM_ZONE_DMA, /* refused before */
	};

	return (enum mm_zone_id)zone_of[gfp & GFP_ZONES];
}

static inline enum block_type gfp_block_type(gfp_t gfp)
{
	return gfp & (__GFP_USER | __GFP_MOVABLE) ? BLOCK_USER : BLOCK_KERNEL;
}

#endif
