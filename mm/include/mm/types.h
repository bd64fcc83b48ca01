/* SPDX-License-Identifier: MIT */
/*
 * The few scalar types that the allocator's interface is written in, and the
 * size of a page.  Freestanding: needs nothing but the compiler's own headers.
 */
#ifndef MM_TYPES_H
#define MM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t pfn_t; /* page frame number: physical address >> PAGE_SHIFT; reaches 16 TiB */
typedef uint64_t
	paddr_t;        /* physical address in bytes; 64 bits because PAE reaches past 4 GiB */
typedef uint32_t gfp_t; /* allocation flags, a bit mask: see <mm/gfp.h> */

#define PAGE_SHIFT   12
#define PAGE_SIZE    ((size_t)1 << PAGE_SHIFT)
#define PAGE_MASK    (~(PAGE_SIZE - 1))

/* Largest block of the buddy allocator: 2^MM_MAX_ORDER pages, 4 MiB. */
#define MM_MAX_ORDER 10
#define MM_NR_ORDERS (MM_MAX_ORDER + 1)

/*
 * The calling convention of the functions that are called most.  On i386 it passes three
 * arguments in registers, as Linux does for all of its functions.
 */
#ifdef __i386__
#define MM_FASTCALL __attribute__((regparm(3)))
#else
#define MM_FASTCALL
#endif

#endif
