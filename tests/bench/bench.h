/* SPDX-License-Identifier: MIT */
/*
 * What a workload is made of, and what it has to stand on.
 *
 * The workloads, the files of tests/bench, are the same source wherever they run: in our kernel,
 * in Linux as a module, and in a program beside other allocators.  They speak to the
 * allocator by the names that all kernels use (kmalloc, kmem_cache_alloc, alloc_pages ...);
 * <bench_host.h>, which each place has its own of, brings these names, and defines
 *
 *	bench_ticks()		the clock, uint64_t; its lower half:
 *	bench_clock()		uint32_t, for single steps
 *	bench_area(bytes)	zeroed memory for the workload's own notes, not measured; or NULL
 *	bench_area_free(p)
 *	bench_has_room(bytes)	can the workload allocate so much?
 *	bench_in_interrupt(f, arg)	call f(arg) in an interrupt handler; false: there is none
 *	bench_on_other_cpu(f, arg)	call f(arg) in an interrupt handler of CPU 1; false: no such CPU
 *	bench_least(call, ticks)	ticks of the call with this number, in this round; a place
 *				that repeats the very same round may make it the least so far
 *	bench_settle()		have the allocator give back what it only keeps at hand
 *	bench_slab_bytes()	uint64_t: memory that the allocator has in use for small objects
 *
 * A workload is a table of rows.  A row is a figure: operations, and the ticks that all of
 * them took together.  Either it has a function that measures it, or the workload's run()
 * reports it, together with others that come out of the same work.
 *
 * The cost of the loop around an operation, 3 instructions, is in the figures; the row
 * "loop" shows it.  Single steps, which are timed one by one, are without the clock's own
 * cost.
 */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include <bench_host.h>

struct bench_row {
	const char *name; /* for programs: no blanks */
	const char *text; /* for people */
	unsigned n;       /* operations to do */
	uint64_t (*measure)(
		const struct bench_row *row); /* their ticks; 0: cannot be done here */
	size_t size;                          /* of what, if not a constant */
	bool least; /* disturbance can only add to it: the least of all rounds counts */
};

struct bench_workload {
	const struct bench_row *rows;
	unsigned nr_rows;
	void (*run)(void);   /* reports the rows that have no function; or NULL */
	bool once;           /* it is long, and its own average: one round will do */
	bool (*begin)(void); /* before the first round; false: it cannot run here; or NULL */
	void (*end)(void);   /* after the last, also when begin() failed; or NULL */
};

/* A pair that is repeated; a row that run() reports; a figure of it that is made of single steps. */
#define BENCH_ROW(row_name, row_text, function, bytes)                    \
	{                                                                 \
		.name = (row_name), .text = (row_text), .n = BENCH_LOOPS, \
		.measure = (function), .size = (bytes)                    \
	}
#define BENCH_FIGURE(row_name, row_text, operations)                      \
	{                                                                 \
		.name = (row_name), .text = (row_text), .n = (operations) \
	}
#define BENCH_STEP_FIGURE(row_name, row_text, operations)                                \
	{                                                                                \
		.name = (row_name), .text = (row_text), .n = (operations), .least = true \
	}

/* The workload of the table `rows`; other members by name. */
#define BENCH_WORKLOAD(id, ...)                              \
	extern const struct bench_workload BENCH_SYMBOL(id); \
	const struct bench_workload BENCH_SYMBOL(id) = {     \
		.rows = rows, .nr_rows = sizeof(rows) / sizeof(rows[0]), ##__VA_ARGS__}

/* Is the row asked for?  For a run() that can do a part of its work. */
bool bench_wanted(const struct bench_row *row);

/* From run(): what a row came to.  `operations` is 1 for a figure that is no sum. */
void bench_report(const struct bench_row *row, uint64_t operations, uint64_t ticks);

/* A host may have its own: how often a pair is repeated, and how a workload is called. */
#ifndef BENCH_LOOPS
#define BENCH_LOOPS 1000u
#endif
#ifndef BENCH_SYMBOL
#define BENCH_SYMBOL(id) id##_workload
#endif

#define BENCH_CLOCK_TRIES 64u

/* Keeps the compiler from knowing a value, and from dropping what makes it. */
#define BENCH_KEEP(x)     __asm__ volatile("" : "+r"(x) : : "memory")

/* A function for a row: `body` n times.  `size` is the row's, and not known to the compiler. */
#define BENCH_LOOP(name, body)                            \
	static uint64_t name(const struct bench_row *row) \
	{                                                 \
		size_t size = row->size;                  \
		unsigned n = row->n;                      \
		uint64_t start;                           \
                                                          \
		BENCH_KEEP(size);                         \
		BENCH_KEEP(n);                            \
		start = bench_ticks();                    \
		for (unsigned i = 0; i < n; i++) {        \
			body;                             \
			BENCH_KEEP(i);                    \
		}                                         \
		return bench_ticks() - start;             \
	}

/* Allocate and free, again and again: the fast path of both. */
#define BENCH_PAIR(name, type, alloc, free) \
	BENCH_LOOP(name, type p = alloc; BENCH_KEEP(p); free)

/* What the clock itself costs: two readings with nothing between, the least of some. */
static inline uint32_t bench_clock_cost(void)
{
	uint32_t least = ~(uint32_t)0;

	for (unsigned i = 0; i < BENCH_CLOCK_TRIES; i++) {
		uint32_t start = bench_clock(), ticks = bench_clock() - start;

		least = ticks < least ? ticks : least;
	}
	return least;
}

/* --- random numbers: the same ones in every place and every run ------------------------- */

/* xorshift32 (Marsaglia 2003); the state is never 0. */
static inline uint32_t bench_random(uint32_t *state)
{
	uint32_t x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

/* 0 .. n - 1: the upper half of a product. */
static inline uint32_t bench_random_below(uint32_t *state, uint32_t n)
{
	return (uint32_t)((uint64_t)bench_random(state) * n >> 32);
}

#define BENCH_SIZE_MIN       8u
#define BENCH_SIZE_DOUBLINGS 9u

/* A size of 8 to 4095 bytes: each doubling is as likely as any other, and so is each size in it. */
static inline uint32_t bench_random_size(uint32_t *state)
{
	uint32_t least = BENCH_SIZE_MIN << bench_random_below(state, BENCH_SIZE_DOUBLINGS);

	return least + bench_random_below(state, least);
}

#endif
