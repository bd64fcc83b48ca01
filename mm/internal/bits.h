/* SPDX-License-Identifier: MIT */
/* Arithmetic on powers of two and bit masks. */
#ifndef MM_INTERNAL_BITS_H
#define MM_INTERNAL_BITS_H

#include <mm/types.h>

/* Branch hints: the common case is laid out straight. */
#define likely(x)      __builtin_expect(!!(x), 1)
#define unlikely(x)    __builtin_expect(!!(x), 0)

/* The return address of a public function: the caller that a report names. */
#define CALLER()       ((uintptr_t)__builtin_return_address(0))

/*
 * Have a value in a register from here on: in a loop that is short of them, compilers would rather
 * compute it anew at each use.
 */
#define IN_REGISTER(x) __asm__("" : "+r"(x))

static inline bool is_power_of_2(size_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

/* Index of the lowest and the highest set bit; the mask is not 0. */
static inline unsigned lowest_bit(uint32_t mask)
{
	return (unsigned)__builtin_ctz(mask);
}

static inline unsigned highest_bit(uint32_t mask)
{
	return 31u - (unsigned)__builtin_clz(mask);
}

/* `align` is a power of two.  Wraps for n within `align` of the type's end. */
static inline size_t align_up(size_t n, size_t align)
{
	return (n + align - 1) & ~(align - 1);
}

static inline pfn_t pfn_align_down(pfn_t pfn, unsigned order)
{
	return pfn & ~(((pfn_t)1 << order) - 1);
}

static inline size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

/*
 * Both halves of the product with *b.  On i386 compilers would go by way of the stack, and keep
 * *b in a register for which the fast paths have no room: so they are told that it may
 * have changed.
 */
static inline uint32_t multiply(uint32_t a, uint32_t *b, uint32_t *high)
{
#ifdef __i386__
	uint32_t low;

	__asm__("mull %2" : "=a"(low), "=d"(*high), "+m"(*b) : "a"(a) : "cc");
	return low;
#else
	uint64_t product = (uint64_t)a * *b;

	*high = (uint32_t)(product >> 32);
	return (uint32_t)product;
#endif
}

#endif
