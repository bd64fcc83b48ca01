// SPDX-License-Identifier: MIT
/* Pages: a block of each order, allocated and freed at once, and many of them live. */
#include "bench.h"

#define BATCH_MAX 1000u

#define PAIR(order)                                                                       \
	BENCH_PAIR(there_##order, struct page *,                                          \
		   alloc_pages(GFP_KERNEL | __GFP_NOWARN, order), __free_pages(p, order)) \
                                                                                          \
	/* A small machine may have no block so large: a failure would be measured. */    \
	static uint64_t pair_##order(const struct bench_row *row)                         \
	{                                                                                 \
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_NOWARN, order);        \
                                                                                          \
		if (!page)                                                                \
			return 0;                                                         \
		__free_pages(page, order);                                                \
		return there_##order(row);                                                \
	}

PAIR(0)
PAIR(1)
PAIR(3)
PAIR(9)

#define FIRST_BATCH 4

#define FIGURE(order, blocks, call)                                                \
	{                                                                          \
		.name = "pages-" #order "-batch-" call,                            \
		.text = #blocks " blocks of order " #order " live: " call " each", \
		.n = blocks, .size = order                                         \
	}
#define BATCH(order, blocks) FIGURE(order, blocks, "alloc"), FIGURE(order, blocks, "free")

static const struct bench_row rows[] = {
	BENCH_ROW("pages-0", "alloc_pages + free, order 0", pair_0, 0),
	BENCH_ROW("pages-1", "alloc_pages + free, order 1", pair_1, 1),
	BENCH_ROW("pages-3", "alloc_pages + free, order 3", pair_3, 3),
	BENCH_ROW("pages-9", "alloc_pages + free, order 9", pair_9, 9),
	BATCH(0, 1000),
	BATCH(1, 1000),
	BATCH(3, 500),
	BATCH(9, 8),
};

#define NR_ROWS (sizeof(rows) / sizeof(rows[0]))

static struct page **blocks;

static bool begin(void)
{
	blocks = bench_area(BATCH_MAX * sizeof(*blocks));
	return blocks;
}

static void end(void)
{
	bench_area_free(blocks);
}

/* Returns how many there were. */
static unsigned alloc_all(const struct bench_row *row, uint64_t *ticks)
{
	unsigned order = (unsigned)row->size, got = 0;
	uint64_t start = bench_ticks();

	for (unsigned i = 0; i < row->n; i++)
		blocks[i] = alloc_pages(GFP_KERNEL | __GFP_NOWARN, order);
	*ticks = bench_ticks() - start;
	for (unsigned i = 0; i < row->n; i++)
		got += blocks[i] != NULL;
	return got;
}

static uint64_t free_all(const struct bench_row *row)
{
	unsigned order = (unsigned)row->size;
	uint64_t start = bench_ticks();

	for (unsigned i = 0; i < row->n; i++)
		__free_pages(blocks[i], order);
	return bench_ticks() - start;
}

static void batch(const struct bench_row *alloc_row)
{
	const struct bench_row *free_row = alloc_row + 1;
	uint64_t alloc, free;

	if (!bench_wanted(alloc_row) && !bench_wanted(free_row))
		return;
	if (!bench_has_room(alloc_row->n * PAGE_SIZE << alloc_row->size))
		return;
	if (alloc_all(alloc_row, &alloc) < alloc_row->n)
		alloc = 0;
	free = free_all(alloc_row);
	bench_report(alloc_row, alloc_row->n, alloc);
	bench_report(free_row, free_row->n, alloc ? free : 0);
}

static void run(void)
{
	for (unsigned i = FIRST_BATCH; i < NR_ROWS; i += 2)
		batch(&rows[i]);
}

BENCH_WORKLOAD(pages, .run = run, .begin = begin, .end = end);
