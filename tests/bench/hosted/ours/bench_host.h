/* SPDX-License-Identifier: MIT */
/* What the workloads stand on in a program that has mm/ linked in: see tests/bench/bench.h. */
#ifndef BENCH_HOST_H
#define BENCH_HOST_H

#include "../hosted.h"
#include "../port/arena.h"
#include <mm/kmalloc.h>
#include <mm/reclaim.h>
#include <mm/stats.h>

/* For a child of its own: nothing has touched the allocator there before. */
static inline bool bench_start(void)
{
	return arena_start();
}

static inline void bench_settle(void)
{
	mm_shrink_all();
}

static inline uint64_t bench_slab_bytes(void)
{
	struct mm_memory_info info;

	mm_memory_info(&info);
	return (uint64_t)(info.slab_pages + info.large_pages) * PAGE_SIZE;
}

#endif
