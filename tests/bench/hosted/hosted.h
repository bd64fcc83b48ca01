/* SPDX-License-Identifier: MIT */
/*
 * What the workloads stand on in a program, whichever allocator is measured: the clock, and
 * memory for notes.  The rest is in ours/bench_host.h and library/bench_host.h.
 *
 * The workloads are compiled once for each allocator, and call it as a program that uses it
 * would: ours is linked in, the others through a pointer, as from any shared library.
 */
#ifndef BENCH_HOSTED_H
#define BENCH_HOSTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define BENCH_LOOPS            20000u

/* One name for each allocator's copy of a workload. */
#define BENCH_SYMBOL(id)       BENCH_JOIN(BENCH_ALLOCATOR, id)
#define BENCH_JOIN(a, b)       BENCH_JOIN_AGAIN(a, b)
#define BENCH_JOIN_AGAIN(a, b) a##_##b##_workload

static inline uint64_t bench_ticks(void)
{
	return __builtin_ia32_rdtsc();
}

/* Waits for what was begun before, and lets nothing begin early: a single step is timed whole. */
static inline uint32_t bench_clock(void)
{
	uint32_t low;

	__asm__ volatile("lfence; rdtsc; lfence" : "=a"(low) : : "edx", "memory");
	return low;
}

/* The size stands in a page of its own before the area; all of it is touched at once. */
static inline void *bench_area(size_t bytes)
{
	size_t page = 4096, *p;

	p = mmap(NULL, bytes + page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	*p = bytes + page;
	return (char *)p + page;
}

static inline void bench_area_free(void *area)
{
	size_t *p = (size_t *)((char *)area - 4096);

	if (area)
		munmap(p, *p);
}

/*
 * Each round of an allocator begins in the same state, so that a call does the same in all
 * of them; what it took more in one of them was the machine's doing.
 */
#define BENCH_CALLS_MAX 4100000u
extern uint32_t *bench_least_of_call;

static inline uint32_t bench_least(uint32_t call, uint32_t ticks)
{
	if (call >= BENCH_CALLS_MAX)
		return ticks;
	if (ticks < bench_least_of_call[call])
		bench_least_of_call[call] = ticks;
	return bench_least_of_call[call];
}

static inline bool bench_has_room(size_t bytes)
{
	(void)bytes;
	return true;
}

#endif
