// SPDX-License-Identifier: MIT
/*
 * Memory that is touched, over memory that is live: the same random mix as in mix.c, all
 * bytes written; how much more of the process lies in memory than before, when the most
 * that was ever live is divided by it.
 *
 * It starts the allocator itself, so nothing else may have used it before.
 */
#include "../bench.h"
#include <stdio.h>

#define LIVE       20000u
#define OPERATIONS 1000000u
#define SEED       2463534242u
#define KIB        1024u

static const struct bench_row rows[] = {
	BENCH_FIGURE("touched-filled", "bytes touched / live: 20,000 objects", 1),
	BENCH_FIGURE("touched-1m", "bytes touched / most live: after 1 M operations", 1),
};

struct figures {
	uint64_t live, touched;
};

static struct notes {
	void *object[LIVE];
	uint32_t size[LIVE];
	uint64_t live, most;
	uint32_t random;
} * notes;

/* What of this process lies in memory, counted anew by the system. */
static uint64_t resident(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	unsigned long kib = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f) && sscanf(line, "Rss: %lu", &kib) != 1)
		;
	if (f)
		fclose(f);
	return (uint64_t)kib * KIB;
}

static void alloc(unsigned i)
{
	notes->size[i] = bench_random_size(&notes->random);
	notes->object[i] = kmalloc(notes->size[i], GFP_KERNEL);
	memset(notes->object[i], 1, notes->size[i]);
	notes->live += notes->size[i];
	notes->most = notes->live > notes->most ? notes->live : notes->most;
}

static void measure(struct figures figures[2])
{
	uint64_t before;

	resident(); /* what reading itself needs */
	before = resident();
	if (!bench_start())
		return;
	for (unsigned i = 0; i < LIVE; i++)
		alloc(i);
	figures[0] = (struct figures){notes->most, resident() - before};
	for (unsigned n = 0; n < OPERATIONS; n++) {
		unsigned i = bench_random_below(&notes->random, LIVE);

		kfree(notes->object[i]);
		notes->live -= notes->size[i];
		alloc(i);
	}
	figures[1] = (struct figures){notes->most, resident() - before};
}

static bool begin(void)
{
	notes = bench_area(sizeof(*notes));
	if (!notes)
		return false;
	notes->random = SEED;
	return true;
}

static void end(void)
{
	bench_area_free(notes);
}

static void run(void)
{
	struct figures figures[2] = {{0, 0}, {0, 0}};

	measure(figures);
	for (unsigned i = 0; i < 2; i++)
		bench_report(&rows[i], figures[i].live, figures[i].touched);
}

BENCH_WORKLOAD(touched, .run = run, .once = true, .begin = begin, .end = end);
