/* SPDX-License-Identifier: MIT */
/* Red zones, poison and owners, from the inside.  See debug/slab_debug.c. */
#ifndef MM_INTERNAL_SLAB_DEBUG_H
#define MM_INTERNAL_SLAB_DEBUG_H

#include <late.h>
#include <mm/slab_debug.h>
#include <report.h>
#include <slab.h>
#include <track.h>

static inline bool slab_is_debugged(const struct kmem_cache *cache)
{
	return unlikely(cache->flags & SLAB_DEBUG);
}

/*
 * cache_lock() where one may wait for it; where reports must be kept for later one may not, and
 * false says that somebody has it.  Interrupts are off.
 */
static inline bool cache_lock_if_allowed(struct kmem_cache *cache)
{
	if (!late_wanted()) {
		cache_lock(cache);
		return true;
	}
	if (!mm_spin_trylock(&cache->lock))
		return false;
	cache_drain_locked(cache);
	return true;
}

/* What is remembered of an object, beside the slab: see slab_debug.c, I3. */
struct slab_history {
	struct track alloc, free; /* with SLAB_STORE_USER */
	uint32_t requested;       /* bytes of the object that its owner asked for */
};

/* The layout and the making of slabs; for slab.c. */
void slab_debug_choose_layout(struct kmem_cache *cache);
size_t slab_debug_descriptor_size(const struct kmem_cache *cache);
void slab_debug_form(struct slab *slab);
void slab_debug_make_history(struct slab *slab, gfp_t gfp);
void slab_debug_drop_history(struct slab *slab);

/*
 * An object leaves for its owner, or has come back from it.  It is live: nobody else looks
 * at it.  False: it was damaged, which has been reported, and its slab is isolated now.
 */
bool slab_debug_take(void *object, uintptr_t caller);
bool slab_debug_give(void *object, uintptr_t caller);

/* Bytes that the object's owner may use; and a new number of them, no larger than object_size. */
size_t slab_debug_requested_slow(const struct slab *slab, unsigned index);

static inline size_t slab_debug_requested(const struct slab *slab, unsigned index)
{
	return slab_is_debugged(slab->cache) ? slab_debug_requested_slow(slab, index)
					     : slab->cache->object_size;
}

void slab_debug_resize(void *object, size_t size);

/*
 * kmalloc's fast path rounds sizes 1 .. this up to a class before anybody has noted them.  All that
 * it has; 0 while somebody wants to know what was asked for.
 */
extern size_t slab_debug_rounded_sizes; /* [a] */

enum slab_debug_exact {
	EXACT_FOR_RED_ZONES = 1, /* they begin behind what was asked for */
	EXACT_FOR_GUARD = 2,     /* the next one is to be guarded */
};

void slab_debug_round_sizes(size_t most);
void slab_debug_want_exact(enum slab_debug_exact who, bool wanted);

/* What is known of an object of a debugged cache; NULL: nothing. */
const struct slab_history *slab_debug_history(const struct slab *slab, unsigned index);

/* Lines of a report: who had the object. */
void slab_debug_describe(const struct report *report, const struct slab *slab, unsigned index);

/* The option. */
void slab_debug_init(const char *text);
slab_flags_t slab_debug_wanted(const char *name);
bool slab_debug_matches(const char *pattern, const char *name);

#endif
