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
#include <mm/port.h>
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
MM_FASTCALL void kfree(const void *p);

/* kfree_sensitive - the same after wiping all ksize(p) bytes. */
void kfree_sensitive(const void *p);

/*
 * kmalloc - `size` bytes; kzalloc - the same, all zero.
 *
 * Where size and flags are constants, the size class is chosen by the compiler, and the
 * object is taken from this CPU's stack right where kmalloc stands.
 */
static inline void *kmalloc(size_t size, gfp_t gfp);
static inline void *kzalloc(size_t size, gfp_t gfp);

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

/* --- what kmalloc becomes; no interface ------------------------------------------- */

/*
 * The size classes, ascending: each X(bytes).  Every 16 bytes to 128, then four to a doubling, and a
 * few more of which slabs hold a whole number.  mm/kmalloc.c says what they must fulfil.
 */
/* clang-format off */
#define KMALLOC_CLASSES(X) \
	X(16) X(32) X(48) X(64) X(80) X(96) X(112) X(128) \
	X(160) X(192) X(224) X(256) X(320) X(384) X(448) X(512) \
	X(640) X(768) X(896) X(1024) X(1152) X(1280) X(1536) X(1792) \
	X(2048) X(2304) X(2560) X(2688) X(3072) X(3584) X(4096) \
	X(5120) X(6144) X(7168) X(8192)
/* clang-format on */

#define KMALLOC_ONE_MORE(bytes)  +1
#define KMALLOC_IF_LARGER(bytes) +(size > bytes)
#define KMALLOC_NR_CLASSES       (0 KMALLOC_CLASSES(KMALLOC_ONE_MORE))

/* The class of a constant size, 1 .. KMALLOC_MAX_CACHE_SIZE. */
static inline __attribute__((always_inline)) unsigned kmalloc_class_of(size_t size)
{
	return 0 KMALLOC_CLASSES(KMALLOC_IF_LARGER);
}

/* The stacks of the caches for kernel memory. */
extern struct mm_stack kmalloc_stacks[KMALLOC_NR_CLASSES][MM_HOST_NR_CPUS];

/* Bytes of the class of a constant size. */
#define KMALLOC_IF_FITS(bytes) size <= bytes ? bytes:

static inline __attribute__((always_inline)) size_t kmalloc_class_size(size_t size)
{
	return KMALLOC_CLASSES(KMALLOC_IF_FITS) 0;
}

/*
 * kmalloc_any - any size, any flags.  kmalloc_kernel, kmalloc_atomic - any size, with the flags
 * that nearly all calls have.  kzalloc_any - as the first of them, zeroed.  kmalloc_slow - a size
 * of which this CPU has no object ready, or may not take it like that.
 */
MM_FASTCALL void *kmalloc_any(size_t size, gfp_t gfp) __attribute__((malloc, alloc_size(1)));
MM_FASTCALL void *kmalloc_kernel(size_t size) __attribute__((malloc, alloc_size(1)));
MM_FASTCALL void *kmalloc_atomic(size_t size) __attribute__((malloc, alloc_size(1)));
MM_FASTCALL void *kzalloc_any(size_t size, gfp_t gfp) __attribute__((malloc, alloc_size(1)));
MM_FASTCALL void *kmalloc_slow(size_t size, gfp_t gfp) __attribute__((malloc, alloc_size(1)));

/* Are size and flags constants for which a class will do? */
#define KMALLOC_IS_CLASS(size, gfp)                                         \
	(__builtin_constant_p(size) && (size)-1 < KMALLOC_MAX_CACHE_SIZE && \
	 __builtin_constant_p(gfp) && !((gfp) & ~GFP_PLAIN_OR_SLEEPS))

/* `size` is no constant. */
static inline __attribute__((always_inline)) void *kmalloc_by_flags(size_t size, gfp_t gfp)
{
	if (__builtin_constant_p(gfp) && gfp == GFP_KERNEL)
		return kmalloc_kernel(size);
	if (__builtin_constant_p(gfp) && gfp == GFP_ATOMIC)
		return kmalloc_atomic(size);
	return kmalloc_any(size, gfp);
}

/* Size and flags are such constants.  NULL: this CPU has none ready. */
static inline __attribute__((always_inline)) void *kmalloc_pop(size_t size, gfp_t gfp)
{
	return gfp_is_plain(gfp) ? mm_stack_pop(kmalloc_stacks[kmalloc_class_of(size)]) : NULL;
}

static inline __attribute__((always_inline, malloc, alloc_size(1))) void *kmalloc(size_t size,
										  gfp_t gfp)
{
	void *p;

	if (!KMALLOC_IS_CLASS(size, gfp))
		return kmalloc_by_flags(size, gfp);
	p = kmalloc_pop(size, gfp);
	return __builtin_expect(p != NULL, 1) ? p : kmalloc_slow(size, gfp);
}

#define KMALLOC_STORES_MAX 64u /* bytes that are zeroed by single stores */

typedef unsigned long __attribute__((may_alias)) kmalloc_word;

/* The processor's own loop takes longer to begin than such a class takes altogether. */
static inline __attribute__((always_inline)) void kmalloc_zero(void *p, size_t class_size)
{
	kmalloc_word *words = p, zero;

	if (class_size > KMALLOC_STORES_MAX) {
		__builtin_memset(p, 0, class_size);
		return;
	}
	__asm__("" : "=r"(zero) : "0"(0)); /* in a register: half the code */
#pragma GCC unroll 16
	for (size_t i = 0; i < class_size / sizeof(*words); i++)
		words[i] = zero;
}

/* The bytes beyond `size` are zeroed, too: krealloc may hand them out. */
static inline __attribute__((always_inline, malloc, alloc_size(1))) void *kzalloc(size_t size,
										  gfp_t gfp)
{
	void *p;

	if (!KMALLOC_IS_CLASS(size, gfp))
		return kzalloc_any(size, gfp);
	p = kmalloc_pop(size, gfp);
	if (__builtin_expect(p == NULL, 0))
		return kmalloc_slow(size, gfp | __GFP_ZERO);
	kmalloc_zero(p, kmalloc_class_size(size));
	return p;
}

#endif
