// SPDX-License-Identifier: MIT
/*
 * The random mix: 20,000 live objects of 8 to 4095 bytes, and at each operation a random one
 * of them is freed and another one allocated in its place.
 *
 * Every call is timed by itself: the figures are without the clock's own cost, and there are
 * percentiles.  Then a half of the objects is freed, at random, which shows what is left in
 * thin slabs.
 *
 * One more stretch of operations is timed as a whole, with all that is around them; on a
 * processor that works on many instructions at once this is the honest mean.
 */
#include "bench.h"

#define LIVE      20000u
#define MILLION   1000000u
#define MILLIONS  2u
#define WHOLE     200000u
#define SEED      2463534242u

/* Calls are counted by their ticks; those above the last are known by the maximum only. */
#define NR_COUNTS 16384u

enum {
	FILL,
	ALLOC_MEAN,
	ALLOC_P50,
	ALLOC_P99,
	ALLOC_P999,
	ALLOC_MAX,
	FREE_MEAN,
	FREE_P50,
	FREE_P99,
	FREE_P999,
	FREE_MAX,
	WHOLE_MEAN,
	AROUND_MEAN,
	SLABS_FILLED,
	SLABS_1M,
	SLABS_2M,
	SLABS_HALF,
};

static const struct bench_row rows[] = {
	[FILL] = BENCH_STEP_FIGURE("mix-fill", "random mix: alloc, the first 20,000", LIVE),
	[ALLOC_MEAN] = BENCH_STEP_FIGURE("mix-alloc", "random mix: alloc, mean", MILLION),
	[ALLOC_P50] = BENCH_STEP_FIGURE("mix-alloc-p50", "random mix: alloc, p50", 1),
	[ALLOC_P99] = BENCH_STEP_FIGURE("mix-alloc-p99", "random mix: alloc, p99", 1),
	[ALLOC_P999] = BENCH_STEP_FIGURE("mix-alloc-p99.9", "random mix: alloc, p99.9", 1),
	[ALLOC_MAX] = BENCH_STEP_FIGURE("mix-alloc-max", "random mix: alloc, max", 1),
	[FREE_MEAN] = BENCH_STEP_FIGURE("mix-free", "random mix: free, mean", MILLION),
	[FREE_P50] = BENCH_STEP_FIGURE("mix-free-p50", "random mix: free, p50", 1),
	[FREE_P99] = BENCH_STEP_FIGURE("mix-free-p99", "random mix: free, p99", 1),
	[FREE_P999] = BENCH_STEP_FIGURE("mix-free-p99.9", "random mix: free, p99.9", 1),
	[FREE_MAX] = BENCH_STEP_FIGURE("mix-free-max", "random mix: free, max", 1),
	[WHOLE_MEAN] =
		BENCH_FIGURE("mix-both", "random mix: free + alloc, and what is around", WHOLE),
	[AROUND_MEAN] = BENCH_FIGURE("mix-around", "random mix: only what is around", WHOLE),
	[SLABS_FILLED] = BENCH_FIGURE("mix-slabs-filled", "slab bytes / requested: filled", 1),
	[SLABS_1M] = BENCH_FIGURE("mix-slabs-1m", "slab bytes / requested: after 1 M", 1),
	[SLABS_2M] = BENCH_FIGURE("mix-slabs-2m", "slab bytes / requested: after 2 M", 1),
	[SLABS_HALF] = BENCH_FIGURE("mix-slabs-half", "slab bytes / requested: half freed", 1),
};

/* What one kind of call took. */
struct times {
	uint64_t sum;
	uint32_t calls, max;
	uint32_t count[NR_COUNTS];
};

static struct notes {
	struct {
		void *object;
		uint32_t size;
	} live[LIVE];
	struct times alloc, free;
	uint32_t random;
	uint32_t clock_cost;
	uint32_t calls;      /* so far */
	uint64_t slab_bytes; /* in use before */
	uint64_t requested;  /* of those that are live */
} * notes;

static bool begin(void)
{
	notes = bench_area(sizeof(*notes));
	if (!notes || !bench_has_room(2 * LIVE * 1024))
		return false;
	return true;
}

static void end(void)
{
	bench_area_free(notes);
}

static void count(struct times *times, uint32_t ticks)
{
	ticks = ticks > notes->clock_cost ? ticks - notes->clock_cost : 0;
	ticks = bench_least(notes->calls++, ticks);
	times->sum += ticks;
	times->calls++;
	times->max = ticks > times->max ? ticks : times->max;
	times->count[ticks < NR_COUNTS ? ticks : NR_COUNTS - 1]++;
}

/* The least time that so many of 1000 calls do not exceed. */
static uint32_t quantile(const struct times *times, uint32_t of_1000)
{
	uint64_t below = (uint64_t)times->calls * of_1000;
	uint64_t seen = 0;

	for (unsigned ticks = 0; ticks < NR_COUNTS - 1; ticks++) {
		seen += times->count[ticks];
		if (seen * 1000 >= below)
			return ticks;
	}
	return times->max;
}

static uint32_t random_size(void)
{
	return bench_random_size(&notes->random);
}

static void timed_alloc(unsigned i)
{
	uint32_t size = random_size(), start = bench_clock();
	void *object = kmalloc(size, GFP_KERNEL);

	count(&notes->alloc, bench_clock() - start);
	notes->live[i].object = object;
	notes->live[i].size = size;
	notes->requested += size;
	if (object)
		*(uint32_t *)object = size; /* it is there, and its page is */
}

static void timed_free(unsigned i)
{
	void *object = notes->live[i].object;
	uint32_t start = bench_clock();

	kfree(object);
	count(&notes->free, bench_clock() - start);
	notes->live[i].object = NULL;
	notes->requested -= notes->live[i].size;
}

static void report_slabs(unsigned row)
{
	bench_report(&rows[row], notes->requested, bench_slab_bytes() - notes->slab_bytes);
}

static void fill(void)
{
	for (unsigned i = 0; i < LIVE; i++)
		timed_alloc(i);
	bench_report(&rows[FILL], LIVE, notes->alloc.sum);
	report_slabs(SLABS_FILLED);
	memset(&notes->alloc, 0, sizeof(notes->alloc));
}

static void replace(unsigned operations)
{
	for (unsigned n = 0; n < operations; n++) {
		unsigned i = bench_random_below(&notes->random, LIVE);

		timed_free(i);
		timed_alloc(i);
	}
}

static void report_times(const struct times *times, unsigned mean)
{
	bench_report(&rows[mean], times->calls, times->sum);
	bench_report(&rows[mean + 1], 1, quantile(times, 500));
	bench_report(&rows[mean + 2], 1, quantile(times, 990));
	bench_report(&rows[mean + 3], 1, quantile(times, 999));
	bench_report(&rows[mean + 4], 1, times->max);
}

/* The same stretch twice, the second time without a call. */
static void whole(void)
{
	uint64_t start = bench_ticks();

	for (unsigned n = 0; n < WHOLE; n++) {
		unsigned i = bench_random_below(&notes->random, LIVE);
		uint32_t size = random_size();
		void *object = notes->live[i].object;

		notes->requested += size - notes->live[i].size;
		notes->live[i].size = size;
		kfree(object);
		object = kmalloc(size, GFP_KERNEL);
		notes->live[i].object = object;
		*(uint32_t *)object = size;
	}
	bench_report(&rows[WHOLE_MEAN], WHOLE, bench_ticks() - start);
}

static void around(void)
{
	uint64_t start = bench_ticks();

	for (unsigned n = 0; n < WHOLE; n++) {
		unsigned i = bench_random_below(&notes->random, LIVE);
		uint32_t size = random_size();
		void *object = notes->live[i].object;

		notes->requested += size - notes->live[i].size;
		notes->live[i].size = size;
		BENCH_KEEP(object);
		notes->live[i].object = object;
		*(uint32_t *)object = size;
	}
	bench_report(&rows[AROUND_MEAN], WHOLE, bench_ticks() - start);
}

static void free_half(void)
{
	unsigned left = LIVE, wanted = LIVE / 2;

	/* Each with the chance that makes it exactly a half. */
	for (unsigned i = 0; i < LIVE; i++, left--) {
		if (bench_random_below(&notes->random, left) < wanted) {
			timed_free(i);
			wanted--;
		}
	}
}

static void run(void)
{
	memset(&notes->alloc, 0, sizeof(notes->alloc));
	memset(&notes->free, 0, sizeof(notes->free));
	notes->requested = 0;
	notes->calls = 0;
	notes->random = SEED;
	notes->clock_cost = bench_clock_cost();
	bench_settle();
	notes->slab_bytes = bench_slab_bytes();
	fill();
	for (unsigned i = 0; i < MILLIONS; i++) {
		replace(MILLION);
		report_slabs(SLABS_1M + i);
	}
	report_times(&notes->alloc, ALLOC_MEAN);
	report_times(&notes->free, FREE_MEAN);
	free_half();
	report_slabs(SLABS_HALF);
	for (unsigned i = 0; i < LIVE; i++) {
		if (!notes->live[i].object)
			timed_alloc(i);
	}
	whole();
	around();
	for (unsigned i = 0; i < LIVE; i++)
		kfree(notes->live[i].object);
}

BENCH_WORKLOAD(mix, .run = run, .once = true, .begin = begin, .end = end);
