/* SPDX-License-Identifier: MIT */
/*
 * Object caches: many objects of one size, packed in slabs (Bonwick, 1994),
 * with a magazine of ready objects per CPU in front (Bonwick and Adams, 2001).
 *
 * Bookkeeping lies outside the slabs: an object that is written beyond its end
 * or after its free damages other objects, never the allocator.
 */
#ifndef MM_SLAB_H
#define MM_SLAB_H

#include <mm/gfp.h>
#include <mm/port.h>
#include <mm/types.h>

struct kmem_cache; /* opaque */

typedef uint32_t slab_flags_t;

#define SLAB_HWCACHE_ALIGN      ((slab_flags_t)0x1u) /* objects start on a cache line */
#define SLAB_PANIC              ((slab_flags_t)0x2u) /* panic when the cache cannot be created */
#define SLAB_CACHE_DMA          ((slab_flags_t)0x4u)  /* slabs from the DMA zone */
#define SLAB_RECLAIM_ACCOUNT    ((slab_flags_t)0x8u)  /* count the slabs as reclaimable */
#define SLAB_USER               ((slab_flags_t)0x10u) /* slabs from user pageblocks */

/* Debugging: see <mm/slab_debug.h>. */
#define SLAB_CONSISTENCY_CHECKS ((slab_flags_t)0x100u)
#define SLAB_RED_ZONE           ((slab_flags_t)0x200u)
#define SLAB_POISON             ((slab_flags_t)0x400u)
#define SLAB_STORE_USER         ((slab_flags_t)0x800u)
#define SLAB_DEBUG              ((slab_flags_t)0xf00u) /* all four */

#define KMEM_CACHE_ALIGN_MIN    8u         /* every object is aligned to at least this */
#define KMEM_CACHE_SIZE_MAX     (1u << 22) /* largest object: one largest block */
#define KMEM_CACHE_NAME_MAX     32         /* with the terminating 0; longer names are cut */

/*
 * kmem_cache_create - a new cache.
 *
 * size: bytes of an object, 1 .. KMEM_CACHE_SIZE_MAX.  align: a power of two up
 * to PAGE_SIZE, or 0 for no wish.  ctor: NULL, or called once for each object
 * when its slab is made, with no lock held; an object keeps its constructed
 * state from free to alloc, so free objects in that state.  The name is copied.
 *
 * Returns NULL when there is no memory and, after a report, for arguments that
 * make no sense.  Contexts: a thread.
 */
struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align,
				     slab_flags_t flags, void (*ctor)(void *object));

/*
 * kmem_cache_destroy - give back all slabs, and the cache.
 *
 * With objects still live: reports how many and where, keeps the cache usable,
 * and returns false.  What is no cache, or none any more, is reported, too: false.
 * NULL returns true.  Contexts: a thread, nobody else using the cache.
 */
bool kmem_cache_destroy(struct kmem_cache *cache);

/*
 * kmem_cache_alloc - one object, or NULL.
 *
 * __GFP_ZERO, and kmem_cache_zalloc, give a zeroed object; refused for a cache
 * with a constructor.  Zone and pageblock type belong to the cache: __GFP_HIGHMEM,
 * and __GFP_DMA for a cache without SLAB_CACHE_DMA, are refused; __GFP_USER and
 * __GFP_MOVABLE change nothing.  Contexts: as alloc_pages.
 */
static inline void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp);
static inline void *kmem_cache_zalloc(struct kmem_cache *cache, gfp_t gfp);

/*
 * kmem_cache_free - give an object back to its cache.
 *
 * NULL does nothing.  Anything but the start of a live object of this cache is
 * reported and left alone.  Never sleeps.  Contexts: any but NMI, on any CPU.
 */
MM_FASTCALL void kmem_cache_free(struct kmem_cache *cache, void *object);

/*
 * kmem_cache_alloc_bulk - n objects at once, into p[0 .. n - 1].  All or none: returns n,
 * or 0 when there is not memory for all of them.  Otherwise as kmem_cache_alloc.
 *
 * kmem_cache_free_bulk - give the n objects of p[] back; what p[] holds afterwards means
 * nothing.  Each is looked at as by kmem_cache_free: NULL is skipped, and what is no live
 * object of this cache is reported and left alone, while the others are freed.  Contexts:
 * any but NMI, on any CPU.
 *
 * Both work on up to 64 objects with interrupts off.  (Linux's functions of these names.)
 */
MM_FASTCALL size_t kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t gfp, size_t n,
					 void **p);
MM_FASTCALL void kmem_cache_free_bulk(struct kmem_cache *cache, size_t n, void **p);

/*
 * kmem_cache_shrink - give the empty slabs, and what this CPU's magazine holds,
 * back to the page allocator.  Returns the number of pages freed.  Contexts: any but NMI.
 */
size_t kmem_cache_shrink(struct kmem_cache *cache);

/* Bytes that a caller may use of each object, and its name.  Any context. */
unsigned kmem_cache_size(const struct kmem_cache *cache);
const char *kmem_cache_name(const struct kmem_cache *cache);

/* --- what kmem_cache_alloc becomes; no interface ------------------------------------- */

/* The front of every struct kmem_cache. */
struct mm_cache_front {
	struct mm_stack *stacks;
};

MM_FASTCALL void *kmem_cache_alloc_any(struct kmem_cache *cache, gfp_t gfp)
	__attribute__((malloc));
MM_FASTCALL void *kmem_cache_zalloc_any(struct kmem_cache *cache, gfp_t gfp)
	__attribute__((malloc));

static inline __attribute__((always_inline, malloc)) void *kmem_cache_alloc(
	struct kmem_cache *cache, gfp_t gfp)
{
	if (__builtin_constant_p(gfp) && gfp_is_plain(gfp)) {
		void *object = mm_stack_pop(((struct mm_cache_front *)cache)->stacks);

		if (__builtin_expect(object != NULL, 1))
			return object;
	}
	return kmem_cache_alloc_any(cache, gfp);
}

static inline __attribute__((always_inline, malloc)) void *kmem_cache_zalloc(
	struct kmem_cache *cache, gfp_t gfp)
{
	return kmem_cache_zalloc_any(cache, gfp);
}

#endif
