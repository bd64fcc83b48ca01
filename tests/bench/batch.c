// SPDX-License-Identifier: MIT
/*
 * Batches: many objects live at once, which brings in what lies behind the fast path.
 *
 * 10,000 are allocated, then all are freed: the last one first, the first one first, or in
 * random order.  The figures are for one object.
 */
#include "bench.h"

#define BATCH 10000u
#define SEED  2463534242u

enum order {
	LIFO,
	FIFO,
	RANDOM,
	NR_ORDERS,
};

#define FIGURE(bytes, order, call)                                                     \
	{                                                                              \
		.name = "batch-" #bytes "-" order "-" call,                            \
		.text = "10,000 x " #bytes " B, " order ": " call " each", .n = BATCH, \
		.size = bytes                                                          \
	}
#define ROWS(bytes, order) FIGURE(bytes, order, "alloc"), FIGURE(bytes, order, "free")

/* By size, then by order as above; alloc, free. */
static const struct bench_row rows[] = {
	ROWS(64, "lifo"),  ROWS(64, "fifo"),  ROWS(64, "random"),
	ROWS(256, "lifo"), ROWS(256, "fifo"), ROWS(256, "random"),
};

#define NR_ROWS (sizeof(rows) / sizeof(rows[0]))

static struct {
	void *object[BATCH];
	uint16_t order[NR_ORDERS][BATCH]; /* which one is freed when */
} * notes;

/* Fisher and Yates. */
static void shuffle(uint16_t *order)
{
	uint32_t state = SEED;

	for (unsigned i = BATCH - 1; i > 0; i--) {
		unsigned j = bench_random_below(&state, i + 1);
		uint16_t other = order[j];

		order[j] = order[i];
		order[i] = other;
	}
}

static bool begin(void)
{
	notes = bench_area(sizeof(*notes));
	if (!notes || !bench_has_room(BATCH * 256))
		return false;
	for (unsigned i = 0; i < BATCH; i++) {
		notes->order[LIFO][i] = (uint16_t)(BATCH - 1 - i);
		notes->order[FIFO][i] = notes->order[RANDOM][i] = (uint16_t)i;
	}
	shuffle(notes->order[RANDOM]);
	return true;
}

static void end(void)
{
	bench_area_free(notes);
}

static uint64_t alloc_all(size_t size)
{
	uint64_t start = bench_ticks();

	for (unsigned i = 0; i < BATCH; i++)
		notes->object[i] = kmalloc(size, GFP_KERNEL);
	return bench_ticks() - start;
}

static uint64_t free_all(const uint16_t *order)
{
	uint64_t start = bench_ticks();

	for (unsigned i = 0; i < BATCH; i++)
		kfree(notes->object[order[i]]);
	return bench_ticks() - start;
}

static void run(void)
{
	for (unsigned i = 0; i < NR_ROWS; i += 2) {
		if (!bench_wanted(&rows[i]) && !bench_wanted(&rows[i + 1]))
			continue;
		bench_report(&rows[i], BATCH, alloc_all(rows[i].size));
		bench_report(&rows[i + 1], BATCH, free_all(notes->order[i / 2 % NR_ORDERS]));
	}
}

BENCH_WORKLOAD(batch, .run = run, .begin = begin, .end = end);
