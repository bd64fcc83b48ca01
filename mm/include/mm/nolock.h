/* SPDX-License-Identifier: MIT */
/*
 * Memory where no other function of this library may be called: in an NMI handler, in code
 * that hooks into the allocator's own critical sections, holding any lock.
 *
 * These functions never wait for a lock: they take one only if nobody has it.  So an
 * allocation may fail although there is memory, and NULL means "not now".  A free never
 * fails: where the lock cannot be had, the memory waits until somebody comes by with it.
 * It wakes nobody who sleeps for memory: they look again by themselves, after a while.
 *
 * Any context.  What the host must do for that: mm_spin_lock(), mm_spin_trylock() and
 * mm_spin_unlock() really write, on one CPU too, and the compiler moves no access across
 * them (port.h).  (Linux: kmalloc_nolock, alloc_pages_nolock.)
 */
#ifndef MM_NOLOCK_H
#define MM_NOLOCK_H

#include <mm/gfp.h>
#include <mm/page_alloc.h>
#include <mm/types.h>

/*
 * Flags that make sense here; others are reported and the answer is NULL.  A request may take
 * what GFP_NOWAIT may: down to the min watermark.  Failure is never reported.
 */
#define GFP_NOLOCK_BITS                                                                       \
	(__GFP_ZERO | __GFP_DMA | __GFP_HIGHMEM | __GFP_USER | __GFP_MOVABLE | __GFP_NOWARN | \
	 __GFP_NOMEMALLOC | __GFP_COMP)

/*
 * kmalloc_nolock - as kmalloc(), from low memory: __GFP_HIGHMEM is reported.  The block is like
 * any other: kfree(), ksize() and krealloc() work on it, where these may be called.
 *
 * kfree_nolock - as kfree(), for whatever kfree() accepts but memory in the mapping window
 * (kmalloc() with __GFP_HIGHMEM), which is reported and left alone.
 *
 * Freeing a block here in an NMI that interrupted a free of the same block is not noticed.
 */
void *kmalloc_nolock(size_t size, gfp_t gfp) __attribute__((malloc, alloc_size(1)));
void kfree_nolock(const void *p);

/*
 * alloc_pages_nolock - as alloc_pages(); __GFP_HIGHMEM with __GFP_ZERO is reported, since high
 * memory cannot be mapped here.  free_pages_nolock - as __free_pages().
 */
struct page *alloc_pages_nolock(gfp_t gfp, unsigned order);
void free_pages_nolock(struct page *page, unsigned order);

/*
 * mm_drain_deferred - free at once what waits for its lock, and print the reports that had to
 * wait.  The slow paths, mm_check() and kmem_cache_shrink() (for its cache) do so too;
 * call this to be sure.  Contexts: any but NMI, no lock held.
 */
void mm_drain_deferred(void);

/* What happened so far.  Any context. */
struct mm_nolock_info {
	unsigned long allocs;   /* that succeeded */
	unsigned long busy;     /* a lock that an allocation wanted was held */
	unsigned long frees;    /* by kfree_nolock and free_pages_nolock */
	unsigned long deferred; /* of these, had to wait for a lock */
};

void mm_nolock_info(struct mm_nolock_info *info);

#endif
