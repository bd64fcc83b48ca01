/* SPDX-License-Identifier: MIT */
/*
 * Reclaim: getting memory back from those who hold some that they can do without.
 *
 * It runs in a thread of its own (mm_kswapd) from the low watermark to the high one,
 * and in every request that may sleep and finds no page (direct reclaim).  The
 * allocator's own spare memory goes first: magazines and empty slabs.  Then the
 * shrinkers are asked, gently at first: 1/4096 of what each says it has, then twice as
 * much, up to all of it.
 */
#ifndef MM_RECLAIM_H
#define MM_RECLAIM_H

#include <mm/gfp.h>
#include <mm/types.h>

/* What one call of a shrinker is about. */
struct shrink_control {
	gfp_t gfp; /* of the request behind it: without __GFP_FS, say, take no FS lock */
	unsigned priority; /* 12 .. 0: how desperate; 0 is the last attempt */
	size_t nr_to_scan; /* scan_objects: look at this many objects */
	size_t nr_scanned; /* scan_objects may set it, when it looked at fewer or more */
};

/* From scan_objects: nothing can be done now, do not ask again in this round. */
#define SHRINK_STOP    (~(size_t)0)
/* From count_objects: there is nothing, and nothing will come by asking. */
#define SHRINK_EMPTY   (~(size_t)0 - 1)

#define DEFAULT_SEEKS  2u
#define SHRINK_BATCH   128u
#define SHRINK_LIGHTLY 12u /* the first priority */

/*
 * Who can give something back.  Fill in the first fields, leave the rest zero; the
 * structure must live until unregister_shrinker().
 *
 * count_objects: how many objects could be freed, roughly; 0 when none or when it cannot
 *	be told now.  Quick, no locks that an allocation might be made under.
 * scan_objects: try to free control->nr_to_scan objects; returns how many it freed, or
 *	SHRINK_STOP.
 *
 * Both run in a thread: kswapd's, or that of any request that may sleep, several at
 * a time.  No lock of mm's is held.  They may allocate: such requests do not enter reclaim
 * again, but may take the reserves; with __GFP_NOFAIL they may still have to wait.  What they return is not believed: progress is
 * pages that have come back to their zones.
 */
struct shrinker {
	size_t (*count_objects)(struct shrinker *shrinker, struct shrink_control *control);
	size_t (*scan_objects)(struct shrinker *shrinker, struct shrink_control *control);
	const char *name;
	void *private_data; /* the owner's */
	unsigned batch;     /* objects a call; 0: SHRINK_BATCH */
	unsigned seeks;     /* cost of getting an object back: 1 cheap .. ; 0: DEFAULT_SEEKS */

	/* mm's */
	struct shrinker *next;
	size_t deferred; /* what earlier rounds should have scanned, and did not */
	uint32_t users;
	bool listed;
};

/*
 * register_shrinker - false, after a report, when it lacks a function or is
 *	registered already.  Contexts: a thread.
 * unregister_shrinker - on return nobody is in its functions, or will be.  Not
 *	registered, or called from a shrinker (or after memalloc_noreclaim_enter(), which
 *	looks the same): reported, nothing happens.  Contexts: a thread.
 */
bool register_shrinker(struct shrinker *shrinker);
void unregister_shrinker(struct shrinker *shrinker);

/*
 * mm_kswapd - the reclaim thread.  A host that has threads calls it in one of its own,
 * once, after mm_init(); it returns only where mm_host_wait() cannot sleep.  `unused`
 * makes it fit a thread's entry.
 */
void mm_kswapd(void *unused);

/*
 * mm_shrink_all - give back all that can be given back, now: caches' spare memory and
 * whatever the shrinkers have.  Returns pages freed; 0 from a shrinker, where it does
 * nothing.  Contexts: a thread that may sleep.
 */
size_t mm_shrink_all(void);

/*
 * memalloc_noreclaim_enter - from here to memalloc_noreclaim_leave(), requests of this
 * thread do not reclaim or sleep (but for __GFP_NOFAIL), and may take all reserves: for
 * code that frees memory, and needs a little to do so.  Nests.  Contexts: a thread.
 */
void memalloc_noreclaim_enter(void);
void memalloc_noreclaim_leave(void);

#endif
