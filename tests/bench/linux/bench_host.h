/* SPDX-License-Identifier: MIT */
/* What the workloads stand on in Linux, as a module: see tests/bench/bench.h. */
#ifndef BENCH_HOST_H
#define BENCH_HOST_H

#include <linux/gfp.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <asm/msr.h>

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
	return div64_u64(a, b);
}

static inline void *bench_area(size_t bytes)
{
	return vzalloc(bytes);
}

static inline void bench_area_free(void *p)
{
	vfree(p);
}

static inline bool bench_has_room(size_t bytes)
{
	return (uint64_t)si_mem_available() > bytes / PAGE_SIZE * 5 / 4 + 4096;
}

static inline uint32_t bench_least(uint32_t call, uint32_t ticks)
{
	return ticks;
}

static inline void bench_settle(void)
{
}

uint64_t bench_slab_bytes(void);
bool bench_in_interrupt(void (*f)(void *arg), void *arg);

#endif
