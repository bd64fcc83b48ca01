/* SPDX-License-Identifier: MIT */
/* The gate that every request passes.  See gfp.c. */
#ifndef MM_INTERNAL_GFP_H
#define MM_INTERNAL_GFP_H

#include <bits.h>
#include <mm/gfp.h>
#include <mm/port.h>

/* Why a mask makes no sense, in words; NULL if it does.  Pure. */
const char *gfp_refusal(gfp_t gfp);

/* Flags whose presence calls for a closer look; the rest combine freely, but for two zones. */
#define GFP_SUSPECT \
	(~GFP_ALL_BITS | __GFP_NORETRY | __GFP_RETRY_MAYFAIL | __GFP_NOFAIL | __GFP_MEMALLOC)
#define GFP_ZONES (__GFP_DMA | __GFP_HIGHMEM)

static inline bool gfp_is_suspect(gfp_t gfp)
{
	return (gfp & GFP_SUSPECT) || (gfp & GFP_ZONES) == GFP_ZONES;
}

bool gfp_admit_slow(gfp_t *gfp, uintptr_t caller);

/*
 * gfp_admit - may this request go on?  False, after a report, for flags that make
 * no sense.  Sleeping flags where sleeping is not allowed are reported once a call
 * site, and become GFP_NOWAIT's.
 */
static inline bool gfp_admit(gfp_t *gfp, uintptr_t caller)
{
	if (gfp_is_suspect(*gfp) || ((*gfp & __GFP_DIRECT_RECLAIM) && !mm_may_sleep()))
		return gfp_admit_slow(gfp, caller);
	return true;
}

#endif
