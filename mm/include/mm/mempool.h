/* SPDX-License-Identifier: MIT */
/*
 * Pools: a reserve of elements for those who must go on when memory is gone, such as whoever
 * frees memory by writing it out (Linux's mempool).
 *
 * A pool allocates from whatever it was told to allocate from, and only if that fails, from
 * the reserve of min_nr elements that it was filled with when it was made.  What is freed
 * refills the reserve first.
 *
 * So an atomic caller can rely on this: as long as not more than min_nr elements that came
 * from the reserve are out, the next request succeeds.  And a caller that may sleep, on a
 * host with threads, always succeeds, if those who have elements free them without
 * waiting for it.
 */
#ifndef MM_MEMPOOL_H
#define MM_MEMPOOL_H

#include <mm/gfp.h>
#include <mm/slab.h>
#include <mm/types.h>

struct mempool; /* opaque */
typedef struct mempool mempool_t;

/*
 * Where the elements come from and go to: called with no lock held, in the context of the
 * pool's caller.  `data` is what mempool_create() was given.  `alloc` obeys the flags and
 * may return NULL.
 */
typedef void *(mempool_alloc_t)(gfp_t gfp, void *data);
typedef void(mempool_free_t)(void *element, void *data);

/*
 * mempool_create - a pool with a reserve of min_nr elements (0 counts as 1).
 *
 * NULL when there is no memory for the reserve.  The others: elements are objects of a
 * cache, kmalloc blocks of `size` bytes, or blocks of pages (the element is the struct
 * page).  Contexts: a thread that may sleep.
 */
struct mempool *mempool_create(unsigned min_nr, mempool_alloc_t *alloc, mempool_free_t *free,
			       void *data);
struct mempool *mempool_create_slab_pool(unsigned min_nr, struct kmem_cache *cache);
struct mempool *mempool_create_kmalloc_pool(unsigned min_nr, size_t size);
struct mempool *mempool_create_page_pool(unsigned min_nr, unsigned order);

/*
 * mempool_alloc - an element, newly allocated or from the reserve.
 *
 * The first attempt is made without reclaim, without complaint, and without touching the
 * allocator's own reserves further than plain __GFP_HIGH does, so that a full pool costs
 * nobody anything.  With flags that may
 * sleep, the next ones reclaim, and when that does not help, the caller sleeps until an
 * element is freed: never NULL.  Only on a host that cannot sleep (mm_host_wait()) it is
 * NULL when the reserve is empty.  With other flags: NULL when the reserve is empty.
 *
 * __GFP_ZERO is refused with a report and NULL: elements of the reserve are as they were
 * freed.  Contexts: as alloc_pages; never NMI.
 */
void *mempool_alloc(struct mempool *pool, gfp_t gfp);

/*
 * mempool_free - give an element back: to the reserve if that is not full, and wake who waits
 * for it; else to where it came from.  NULL does nothing.  An element that lies in the
 * reserve already is reported and left there; finding that out takes a look at each
 * element of the reserve, which is meant to be tens.  Any context but NMI.
 */
void mempool_free(void *element, struct mempool *pool);

/*
 * mempool_resize - change the size of the reserve.
 *
 * False when there is no memory: the pool is as before.  Elements beyond the new size go
 * back at once.  Others may use the pool meanwhile, but neither resize nor destroy it.
 * Contexts: a thread that may sleep.
 */
bool mempool_resize(struct mempool *pool, unsigned min_nr);

/*
 * mempool_destroy - free the reserve and the pool.
 *
 * With elements still out: reports how many, keeps the pool usable, and returns false.
 * NULL returns true.  Contexts: a thread, nobody else using the pool.
 */
bool mempool_destroy(struct mempool *pool);

/* For mempool_create(): objects of the cache `data`, kmalloc, pages of order `data`. */
void *mempool_alloc_slab(gfp_t gfp, void *data);
void mempool_free_slab(void *element, void *data);
void *mempool_kmalloc(gfp_t gfp, void *data);
void mempool_kfree(void *element, void *data);
void *mempool_alloc_pages(gfp_t gfp, void *data);
void mempool_free_pages(void *element, void *data);

#endif
