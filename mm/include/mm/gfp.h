/* SPDX-License-Identifier: MIT */
/*
 * GFP flags ("get free pages"): how a request may behave, and where its memory
 * may lie.  Names, meaning and, where they exist, bit positions are Linux's, so
 * that drivers and textbooks apply.
 *
 * A gfp_t is a mask: bits combine freely.  These combinations have no meaning
 * and are refused with a report and NULL:
 *	any bit not listed here
 *	__GFP_DMA with __GFP_HIGHMEM		(nowhere is both)
 *	two of NORETRY, RETRY_MAYFAIL, NOFAIL	(they answer one question differently)
 *	__GFP_NOFAIL without DIRECT_RECLAIM	(who may not wait may be told no)
 *	__GFP_MEMALLOC with __GFP_NOMEMALLOC
 */
#ifndef MM_GFP_H
#define MM_GFP_H

#include <mm/port.h>
#include <mm/types.h>

/* Where the memory may lie. */
#define __GFP_DMA            ((gfp_t)0x01u) /* the DMA zone, and no other */
#define __GFP_HIGHMEM        ((gfp_t)0x02u) /* the High zone first, then lower ones */
#define __GFP_MOVABLE        ((gfp_t)0x08u) /* the owner can have it moved: user pageblocks */
#define __GFP_USER           ((gfp_t)0x100000u) /* for a user process: user pageblocks */

/* How far the request may go. */
#define __GFP_HIGH           ((gfp_t)0x20u) /* may take from the reserve below the min watermark */
#define __GFP_IO             ((gfp_t)0x40u)  /* reclaim may start input or output */
#define __GFP_FS             ((gfp_t)0x80u)  /* reclaim may call into file systems */
#define __GFP_DIRECT_RECLAIM ((gfp_t)0x400u) /* may sleep, and reclaim by itself */
#define __GFP_KSWAPD_RECLAIM ((gfp_t)0x800u) /* wakes the reclaim thread at the low watermark */
#define __GFP_RETRY_MAYFAIL  ((gfp_t)0x4000u)  /* try hard, then give up */
#define __GFP_NOFAIL         ((gfp_t)0x8000u)  /* never NULL: the caller cannot cope */
#define __GFP_NORETRY        ((gfp_t)0x10000u) /* one round of reclaim, then give up */
#define __GFP_MEMALLOC       ((gfp_t)0x20000u) /* all reserves: frees more than it takes */
#define __GFP_NOMEMALLOC     ((gfp_t)0x80000u) /* not MEMALLOC's reserves, nor GFP_ATOMIC's extra */

/* What comes back. */
#define __GFP_ZERO           ((gfp_t)0x100u)   /* zeroed */
#define __GFP_NOWARN         ((gfp_t)0x2000u)  /* no report when there is no memory */
#define __GFP_COMP           ((gfp_t)0x40000u) /* accepted; every block here knows its order */

#define __GFP_RECLAIM        (__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM)

/*
 * The ones to use.
 *
 *				may sleep	zones, in order		reserve
 *	GFP_KERNEL		yes		Normal, DMA		no
 *	GFP_ATOMIC		never		Normal, DMA		yes
 *	GFP_NOWAIT		never		Normal, DMA		no
 *	GFP_NOIO, GFP_NOFS	yes		Normal, DMA		no
 *	GFP_USER		yes		Normal, DMA		no	user pageblocks
 *	GFP_HIGHUSER		yes		High, Normal, DMA	no	user pageblocks
 *	GFP_HIGHUSER_MOVABLE	yes		High, Normal, DMA	no	user pageblocks
 *	GFP_DMA			combine it: GFP_KERNEL | GFP_DMA; DMA only, never elsewhere
 */
#define GFP_KERNEL           (__GFP_RECLAIM | __GFP_IO | __GFP_FS)
#define GFP_ATOMIC           (__GFP_HIGH | __GFP_KSWAPD_RECLAIM)
#define GFP_NOWAIT           (__GFP_KSWAPD_RECLAIM | __GFP_NOWARN)
#define GFP_NOIO             (__GFP_RECLAIM)
#define GFP_NOFS             (__GFP_RECLAIM | __GFP_IO)
#define GFP_USER             (GFP_KERNEL | __GFP_USER)
#define GFP_HIGHUSER         (GFP_USER | __GFP_HIGHMEM)
#define GFP_HIGHUSER_MOVABLE (GFP_HIGHUSER | __GFP_MOVABLE)
#define GFP_DMA              (__GFP_DMA)

/* Every bit that means something. */
#define GFP_ALL_BITS                                                                      \
	(__GFP_DMA | __GFP_HIGHMEM | __GFP_MOVABLE | __GFP_USER | __GFP_HIGH | __GFP_IO | \
	 __GFP_FS | __GFP_RECLAIM | __GFP_RETRY_MAYFAIL | __GFP_NOFAIL | __GFP_NORETRY |  \
	 __GFP_MEMALLOC | __GFP_NOMEMALLOC | __GFP_ZERO | __GFP_NOWARN | __GFP_COMP)

/*
 * gfp_describe - the flags in words, "GFP_KERNEL|__GFP_ZERO", into `buffer`.
 *
 * Bits without a name come last, in hex.  Returns `buffer`; cut off, always
 * terminated, when it is too small.  Any context.
 */
const char *gfp_describe(gfp_t gfp, char *buffer, size_t size);

/* --- what the headers with fast paths share; no interface --------------------------- */

/* What changes nothing for a request that finds an object ready; but DIRECT_RECLAIM wants a look. */
#define GFP_PLAIN \
	(__GFP_HIGH | __GFP_KSWAPD_RECLAIM | __GFP_IO | __GFP_FS | __GFP_NOWARN | __GFP_COMP)
#define GFP_PLAIN_OR_SLEEPS (GFP_PLAIN | __GFP_DIRECT_RECLAIM)

/* May a request just take an object that is ready?  No check would find anything, then. */
static inline __attribute__((always_inline)) bool gfp_is_plain(gfp_t gfp)
{
	if (__builtin_expect(!(gfp & ~GFP_PLAIN), 1))
		return true;
	return !(gfp & ~GFP_PLAIN_OR_SLEEPS) && __builtin_expect(mm_may_sleep(), 1);
}

#endif
