/* SPDX-License-Identifier: MIT */
/*
 * What the workloads stand on beside ours: some library's malloc, under the names of a kernel's.
 * BENCH_ALLOCATOR is its name.  What it has in use cannot be asked: see ../touched.c.
 */
#ifndef BENCH_HOST_H
#define BENCH_HOST_H

#include "../hosted.h"
#include "../library.h"

#define BENCH_CALLS                BENCH_CALLS_OF(BENCH_ALLOCATOR)
#define BENCH_CALLS_OF(name)       BENCH_CALLS_OF_AGAIN(name)
#define BENCH_CALLS_OF_AGAIN(name) name##_calls

extern struct library_calls BENCH_CALLS;

#define GFP_KERNEL         0
#define GFP_ATOMIC         0
#define kmalloc(size, gfp) (BENCH_CALLS.malloc(size))
#define kzalloc(size, gfp) (BENCH_CALLS.calloc(1, (size)))
#define kfree(p)           (BENCH_CALLS.free(p))

static inline bool bench_start(void)
{
	return true;
}

static inline void bench_settle(void)
{
}

static inline uint64_t bench_slab_bytes(void)
{
	return 0;
}

#endif
