/* SPDX-License-Identifier: MIT */
/*
 * The kernel whose compiler checks each access to memory (`make KASAN=1`): what it must be told.
 * In all other kernels these are nothing.  See kernel/kasan.c.
 */
#ifndef KERNEL_KASAN_H
#define KERNEL_KASAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef KASAN

/* kasan_init - before other threads, after paging_init() and mm_init(): all is checked from now on. */
void kasan_init(void);

/* This stack, or what of the running thread's lies below this function's frame, holds nothing any more. */
void kasan_forget_stack(uintptr_t start, uintptr_t end);
void kasan_forget_below(void);

#else

static inline void kasan_init(void)
{
}

static inline void kasan_forget_stack(uintptr_t start, uintptr_t end)
{
	(void)start;
	(void)end;
}

static inline void kasan_forget_below(void)
{
}

#endif
#endif
