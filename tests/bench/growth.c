// SPDX-License-Identifier: MIT
/*
 * Does a call cost more when more is live?
 *
 * A machine is filled, with objects of 256 bytes and then with single pages.  At each decade
 * 100 random ones are freed, and as many allocated again, a hundred times.  Each call is
 * timed by itself: the means, and the longest one.
 */
#include "bench.h"

#define GROUP        100u
#define GROUPS       100u
#define OBJECT_BYTES 256u
#define MIB          ((size_t)1 << 20)
#define SEED         2463534242u

/* What may live at most: the notes are for so many. */
#define OBJECTS_MAX  (700 * MIB / OBJECT_BYTES)
#define PAGES_MAX    (3000 * MIB / PAGE_SIZE)
#define NOTES_MAX    (OBJECTS_MAX > PAGES_MAX ? OBJECTS_MAX : PAGES_MAX)

#define NR_FIGURES   3u

/* Mean of alloc and of free, and the longest call; `size`: MiB that are live. */
#define FIGURES(kind, mib)                                                                  \
	{.name = "live-" kind "-" #mib "m-alloc",                                           \
	 .text = #mib " MiB of " kind " live: alloc",                                       \
	 .n = GROUPS * GROUP,                                                               \
	 .size = mib},                                                                      \
		{.name = "live-" kind "-" #mib "m-free",                                    \
		 .text = #mib " MiB of " kind " live: free",                                \
		 .n = GROUPS * GROUP,                                                       \
		 .size = mib},                                                              \
	{                                                                                   \
		.name = "live-" kind "-" #mib "m-max",                                      \
		.text = #mib " MiB of " kind " live: the longest call", .n = 1, .size = mib \
	}

static const struct bench_row rows[] = {
	FIGURES("objects", 1),   FIGURES("objects", 10), FIGURES("objects", 100),
	FIGURES("objects", 700), FIGURES("pages", 1),    FIGURES("pages", 10),
	FIGURES("pages", 100),   FIGURES("pages", 1000), FIGURES("pages", 3000),
};

#define NR_ROWS        (sizeof(rows) / sizeof(rows[0]))
#define NR_OBJECT_ROWS (4 * NR_FIGURES)

/* What is allocated: [0 .. nr_live - 1]. */
static void **live;
static size_t nr_live;
static uint32_t state;

struct figures {
	uint64_t allocs, frees;
	uint32_t max, clock_cost;
};

/* How to allocate and to free one; `fill` may fail, and then nobody is told. */
struct kind {
	size_t bytes;
	void *(*fill)(void);
	void *(*alloc)(void);
	void (*free)(void *p);
};

static void *fill_object(void)
{
	return kmalloc(OBJECT_BYTES, GFP_NOWAIT | __GFP_NOWARN);
}

static void *alloc_object(void)
{
	return kmalloc(OBJECT_BYTES, GFP_KERNEL);
}

static void free_object(void *p)
{
	kfree(p);
}

static void *fill_page(void)
{
	return alloc_pages(GFP_NOWAIT | __GFP_HIGHMEM | __GFP_NOWARN, 0);
}

static void *alloc_one_page(void)
{
	return alloc_pages(GFP_HIGHUSER, 0);
}

static void free_one_page(void *p)
{
	__free_pages(p, 0);
}

static const struct kind objects = {OBJECT_BYTES, fill_object, alloc_object, free_object};
static const struct kind pages = {PAGE_SIZE, fill_page, alloc_one_page, free_one_page};

/* False: there is not so much memory. */
static bool fill(const struct kind *kind, size_t bytes)
{
	if (!bench_has_room(bytes - nr_live * kind->bytes))
		return false;
	for (; nr_live < bytes / kind->bytes; nr_live++) {
		live[nr_live] = kind->fill();
		if (!live[nr_live])
			return false;
	}
	return true;
}

/* One call, timed. */
static uint32_t timed_free(const struct kind *kind, uint32_t i)
{
	uint32_t start = bench_clock();

	kind->free(live[i]);
	return bench_clock() - start;
}

static uint32_t timed_alloc(const struct kind *kind, uint32_t i)
{
	uint32_t start = bench_clock();

	live[i] = kind->alloc();
	return bench_clock() - start;
}

/* One that is live; it counts as freed from now on. */
static uint32_t choose(uint32_t *chosen, unsigned n)
{
	uint32_t i = bench_random_below(&state, (uint32_t)nr_live);

	for (unsigned k = 0; k < n; k++) {
		if (chosen[k] == i)
			return choose(chosen, n);
	}
	return chosen[n] = i;
}

static void replace_group(const struct kind *kind, struct figures *f)
{
	uint32_t chosen[GROUP], ticks;

	for (unsigned k = 0; k < GROUP; k++) {
		ticks = timed_free(kind, choose(chosen, k)) - f->clock_cost;
		f->frees += ticks;
		f->max = ticks > f->max ? ticks : f->max;
	}
	for (unsigned k = 0; k < GROUP; k++) {
		ticks = timed_alloc(kind, chosen[k]) - f->clock_cost;
		f->allocs += ticks;
		f->max = ticks > f->max ? ticks : f->max;
	}
}

static void replace_some(const struct kind *kind, const struct bench_row *row)
{
	struct figures f = {0, 0, 0, bench_clock_cost()};

	for (unsigned n = 0; n < GROUPS; n++)
		replace_group(kind, &f);
	bench_report(&row[0], GROUPS * GROUP, f.allocs);
	bench_report(&row[1], GROUPS * GROUP, f.frees);
	bench_report(&row[2], 1, f.max);
}

static void grow(const struct kind *kind, unsigned first_row, unsigned end_row)
{
	nr_live = 0;
	for (unsigned i = first_row; i < end_row; i += NR_FIGURES) {
		if (!fill(kind, rows[i].size * MIB))
			break;
		replace_some(kind, &rows[i]);
	}
	while (nr_live)
		kind->free(live[--nr_live]);
}

static bool begin(void)
{
	live = bench_area(NOTES_MAX * sizeof(*live));
	state = SEED;
	return live;
}

static void end(void)
{
	bench_area_free(live);
}

static void run(void)
{
	grow(&objects, 0, NR_OBJECT_ROWS);
	grow(&pages, NR_OBJECT_ROWS, NR_ROWS);
}

BENCH_WORKLOAD(growth, .run = run, .once = true, .begin = begin, .end = end);
