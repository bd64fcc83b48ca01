/* SPDX-License-Identifier: MIT */
/* What the workloads stand on in our own kernel: see tests/bench/bench.h. */
#ifndef BENCH_HOST_H
#define BENCH_HOST_H

#include <kernel/cpu.h>
#include <kernel/string.h>
#include <mm/kmalloc.h>
#include <mm/kvmalloc.h>
#include <mm/page_alloc.h>
#include <mm/reclaim.h>
#include <mm/slab.h>
#include <mm/stats.h>
#include <mm/vmalloc.h>

static inline uint64_t bench_ticks(void)
{
	return rdtsc();
}

static inline uint32_t bench_clock(void)
{
	return (uint32_t)rdtsc();
}

static inline uint64_t bench_divide(uint64_t a, uint64_t b)
{
	return a / b;
}

static inline void *bench_area(size_t bytes)
{
	return kvzalloc(bytes, GFP_KERNEL | __GFP_NOWARN);
}

static inline void bench_area_free(void *p)
{
	kvfree(p);
}

/* Far from the watermarks, behind which each request costs more. */
static inline bool bench_has_room(size_t bytes)
{
	return nr_free_pages() > bytes / PAGE_SIZE * 5 / 4 + 1024;
}

static inline uint32_t bench_least(uint32_t call, uint32_t ticks)
{
	(void)call;
	return ticks;
}

bool bench_in_interrupt(void (*f)(void *arg), void *arg);
bool bench_on_other_cpu(void (*f)(void *arg), void *arg);

static inline void bench_settle(void)
{
	mm_shrink_all();
}

/* Slabs, ours for the allocator's own notes too, and the blocks of what is larger. */
static inline uint64_t bench_slab_bytes(void)
{
	struct mm_memory_info info;

	mm_memory_info(&info);
	return (uint64_t)(info.slab_pages + info.large_pages) * PAGE_SIZE;
}

#endif
