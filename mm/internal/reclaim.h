/* SPDX-License-Identifier: MIT */
/* Reclaim as the allocators use it.  See reclaim.c. */
#ifndef MM_INTERNAL_RECLAIM_H
#define MM_INTERNAL_RECLAIM_H

#include <mm/reclaim.h>
#include <mm/stats.h>

/* What one request has tried so far.  Starts as all zeros. */
struct reclaim_effort {
	unsigned rounds;  /* of reclaim */
	unsigned idle;    /* rounds since anybody freed a page */
	bool woken;       /* the last wait was ended by somebody */
	unsigned in_vain; /* waits that were, and brought no page, since then */
	size_t freed;     /* zones_freed() at the last look */
	bool compacted;   /* once, before all rounds */
	bool waiting;     /* counted as a waiter */
	uint32_t event;   /* of the zones' wait queue, from before the last attempt */
	gfp_t more;       /* flags that the next attempt has in addition */
};

/*
 * reclaim_round - after an attempt that failed: reclaim, wait, or tell the host.  True: try
 * again.  reclaim_done() must follow in the end.
 */
bool reclaim_round(struct reclaim_effort *effort, gfp_t gfp, unsigned order);
void reclaim_done(struct reclaim_effort *effort);

/* Is this code part of reclaim?  Then it may use reserves, and must not reclaim. */
bool reclaim_is_running(void);

void reclaim_wake_kswapd(void);

/*
 * For tests that count every page and every object: while it is parked, kswapd reclaims nothing.
 * It may be at it still when this returns; it is not when its thread next sleeps.
 */
void reclaim_park_kswapd(bool park);

/*
 * The layer above says how its spare memory is given back, this CPU's or everybody's, by a function that returns pages,
 * and what it has to know when the first one begins to wait for memory.
 */
void reclaim_set_spare(size_t (*release)(bool everywhere), void (*close)(void));

void reclaim_reset(void);

/* shrinker.c */
size_t shrink_all(gfp_t gfp, unsigned priority);
void shrinkers_reset(void);

#endif
