/* SPDX-License-Identifier: MIT */
/*
 * kmalloc: memory by the byte, physically contiguous.
 *
 * Sizes up to KMALLOC_MAX_CACHE_SIZE come from a family of object caches, larger
 * ones as whole blocks of pages.  Alignment: at least 8 bytes; a size that is a
 * power of two is aligned to itself, any other to its largest power-of-two
 * divisor.  So a block of up to 64 KiB never crosses a 64 KiB boundary, which the
 * ISA DMA controller needs.
 *
 * With GFP_HIGHUSER the memory comes as whole pages from the High zone and is
 * mapped contiguously in the mapping window, so the pointer can be used at once.
 * Without a High zone, with an exhausted one, or with no window left, low memory
 * serves the request.
 *
 * Allocation fails with NULL, contexts as alloc_pages().  kfree never sleeps and
 * works in any context but NMI, also for memory that another CPU allocated.
 */
#ifndef MM_KMALLOC_H
#define MM_KMALLOC_H

#include <mm/gfp.h>
#include <mm/types.h>

/* kmalloc(0): a pointer that faults when touched, and that kfree accepts. */
#define ZERO_SIZE_PTR ((void *)16)

static inline bool ZERO_OR_NULL_PTR(const void *p)
{
	return (uintptr_t)p <= (uintptr_t)ZERO_SIZE_PTR;
}

#define KMALLOC_MIN_SIZE       16u   /* smallest object */
#define KMALLOC_MAX_CACHE_SIZE 8192u /* larger requests get whole pages */
#define KMALLOC_MAX_SIZE       ((size_t)PAGE_SIZE << MM_MAX_ORDER)

/*
 * kfree - give memory back.
 *
 * NULL and ZERO_SIZE_PTR do nothing.  Anything but the start of a live kmalloc or
 * cache object is reported and left alone; the allocator's state is unharmed.
 */
void kfree(const void *p);

/* kfree_sensitive - the same after wiping all ksize(p) bytes. */
void kfree_sensitive(const void *p);

void *kmalloc(size_t size, gfp_t gfp) __attribute__((malloc, alloc_size(1)));
void *kzalloc(size_t size, gfp_t gfp) __attribute__((malloc, alloc_size(1)));

/* n elements of `size` bytes; NULL when n * size does not fit a size_t. */
void *kmalloc_array(size_t n, size_t size, gfp_t gfp) __attribute__((malloc, alloc_size(1, 2)));
void *kcalloc(size_t n, size_t size, gfp_t gfp) __attribute__((malloc, alloc_size(1, 2)));

/*
 * krealloc - change the size of a block, keeping its contents.
 *
 * p NULL or ZERO_SIZE_PTR: as kmalloc.  size 0: frees, returns ZERO_SIZE_PTR.  It
 * stays in place when the new size rounds to what the block has.  With __GFP_ZERO
 * all bytes beyond the old ksize(p) read zero; use it on every call for a block,
 * from its allocation on, to have the slack zeroed too.  On failure: NULL, and
 * the old block is untouched.
 */
void *krealloc(const void *p, size_t size, gfp_t gfp) __attribute__((warn_unused_result));
void *krealloc_array(void *p, size_t n, size_t size, gfp_t gfp)
	__attribute__((warn_unused_result));

/* Bytes usable at p; 0 for NULL and ZERO_SIZE_PTR, and, reported, for a pointer kfree would refuse. */
size_t ksize(const void *p);

/* What ksize() of a block of `size` would be: 0 for 0, `size` itself when too large. */
size_t kmalloc_size_roundup(size_t size);

/* Copies.  kstrdup(NULL) is NULL; kstrndup copies at most max characters and terminates. */
void *kmemdup(const void *from, size_t size, gfp_t gfp) __attribute__((malloc));
char *kstrdup(const char *s, gfp_t gfp) __attribute__((malloc));
char *kstrndup(const char *s, size_t max, gfp_t gfp) __attribute__((malloc));

#endif
