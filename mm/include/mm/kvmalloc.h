/* SPDX-License-Identifier: MIT */
/*
 * kvmalloc: kmalloc where that is easy, vmalloc where it is not.
 *
 * For buffers whose size is only known at run time and that no device has to read.  Up to a
 * page it is kmalloc.  Beyond, kmalloc is asked first, but without effort or complaint when
 * no large block is free (unless __GFP_RETRY_MAYFAIL says that one is worth it), then
 * vmalloc; sizes beyond KMALLOC_MAX_SIZE are vmalloc's.  A host without a mapping window
 * gets kmalloc only.
 *
 * Flags, failure and contexts are kmalloc's and __vmalloc's; vmalloc's pages may always
 * come from the High zone, unless the flags want the DMA zone.  With __GFP_NOFAIL it is
 * kmalloc only.
 */
#ifndef MM_KVMALLOC_H
#define MM_KVMALLOC_H

#include <mm/gfp.h>
#include <mm/types.h>

void *kvmalloc(size_t size, gfp_t gfp) __attribute__((malloc, alloc_size(1)));
void *kvzalloc(size_t size, gfp_t gfp) __attribute__((malloc, alloc_size(1)));

/* n elements of `size` bytes; NULL when n * size does not fit a size_t. */
void *kvmalloc_array(size_t n, size_t size, gfp_t gfp)
	__attribute__((malloc, alloc_size(1, 2)));
void *kvcalloc(size_t n, size_t size, gfp_t gfp) __attribute__((malloc, alloc_size(1, 2)));

/*
 * kvrealloc - as krealloc, for memory of kvmalloc, kmalloc or vmalloc: it may move from one
 * kind to the other.  On failure NULL, and the old block is untouched.
 */
void *kvrealloc(const void *p, size_t size, gfp_t gfp) __attribute__((warn_unused_result));

/* Free memory of kvmalloc, kmalloc or vmalloc.  Never sleeps: any context but NMI. */
void kvfree(const void *p);

#endif
