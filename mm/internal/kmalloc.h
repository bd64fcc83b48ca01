/* SPDX-License-Identifier: MIT */
/* kmalloc from the inside.  See kmalloc.c. */
#ifndef MM_INTERNAL_KMALLOC_H
#define MM_INTERNAL_KMALLOC_H

#include <mm/kmalloc.h>
#include <slab_debug.h>

void kmalloc_init(void);

/* kmalloc(), kfree() and krealloc() on behalf of `caller`, whom a report names. */
void *kmalloc_for(size_t size, gfp_t gfp, uintptr_t caller);
void kfree_for(const void *p, uintptr_t caller);
void *krealloc_for(const void *p, size_t size, gfp_t gfp, uintptr_t caller);

/* ksize() that says nothing about what it does not know: 0. */
size_t kmalloc_size_of(const void *p);

/* The cache that serves this size, 1 .. KMALLOC_MAX_CACHE_SIZE. */
struct kmem_cache *kmalloc_cache(size_t size, gfp_t gfp);

/*
 * What __GFP_ZERO clears of an object: the slack too, since krealloc() may hand it out; but not where
 * it is a red zone.
 */
static inline size_t kmalloc_bytes_to_zero(const struct kmem_cache *cache, size_t size)
{
	return slab_is_debugged(cache) ? size : cache->size;
}

/* Pages in blocks beyond the caches.  [a] */
extern size_t kmalloc_large_pages;

#endif
