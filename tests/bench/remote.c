// SPDX-License-Identifier: MIT
/*
 * Objects that one CPU allocates and another one frees: a thousand at a time, for ever in the
 * same direction.
 *
 * Only what this CPU does is timed; the other one does its part in an interrupt handler, and
 * has nothing to do meanwhile.
 */
#include "bench.h"

#define BATCH 1000u

static void *objects[BATCH];

static const struct bench_row rows[] = {
	{.name = "remote-alloc-64",
	 .text = "64 B, freed on another CPU: alloc each",
	 .n = BATCH,
	 .size = 64},
	{.name = "remote-free-64",
	 .text = "64 B, allocated on another CPU: free each",
	 .n = BATCH,
	 .size = 64},
};

static void alloc_all(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < BATCH; i++)
		objects[i] = kmalloc(64, GFP_ATOMIC);
}

static void free_all(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < BATCH; i++)
		kfree(objects[i]);
}

static uint64_t timed(void (*f)(void *))
{
	uint64_t start = bench_ticks();

	f(NULL);
	return bench_ticks() - start;
}

/* Several times the same: what one CPU gathers must flow back to the other. */
#define TIMES 20u

static void run(void)
{
	uint64_t ticks = 0;

	for (unsigned i = 0; i < TIMES; i++) {
		ticks += timed(alloc_all);
		if (!bench_on_other_cpu(free_all, NULL)) {
			free_all(NULL);
			return;
		}
	}
	bench_report(&rows[0], TIMES * BATCH, ticks);
	ticks = 0;
	for (unsigned i = 0; i < TIMES; i++) {
		if (!bench_on_other_cpu(alloc_all, NULL))
			return;
		ticks += timed(free_all);
	}
	bench_report(&rows[1], TIMES * BATCH, ticks);
}

BENCH_WORKLOAD(remote, .run = run);
