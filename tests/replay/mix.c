// SPDX-License-Identifier: MIT
/*
 * See mix.h.  Log-uniform means that each doubling is as likely as the next: first one of the nine
 * doublings is drawn, then a size between its ends, by a cubic that meets 2^x at both ends, without
 * floating point, which a kernel has not.
 */
#include "mix.h"
#include "footprint.h"
#include <harness.h>
#include <mm/kmalloc.h>
#include <mm/reclaim.h>
#include <mm/vmalloc.h>

#define DOUBLINGS     9u /* from 8 to 4096 */
#define FRACTION_BITS 16u
#define FRACTION_ONE  (1u << FRACTION_BITS)

_Static_assert(MIX_SIZE_MIN << DOUBLINGS == MIX_SIZE_MAX, "so many doublings");

struct mix {
	uint64_t random;
	uint64_t live; /* bytes */
	struct footprint before;
	struct {
		void *p;
		size_t size;
	} blocks[MIX_BLOCKS];
};

static uint32_t below(struct mix *mix, uint32_t n)
{
	return (uint32_t)(((test_random_from(&mix->random) >> 32) * n) >> 32);
}

/*
 * 2^x for x in [0, 1), both in units of 2^-16: 1 + 0.6951 x + 0.2276 x^2 + 0.0773 x^3, which
 * is off by less than 0.0002.
 */
static uint32_t power_of_two(uint32_t x)
{
	uint64_t sum = 5066;                        /* 0.0773 */
	sum = 14916 + ((sum * x) >> FRACTION_BITS); /* 0.2276 */
	sum = 45554 + ((sum * x) >> FRACTION_BITS); /* 0.6951 */
	return (uint32_t)(FRACTION_ONE + ((sum * x) >> FRACTION_BITS));
}

static size_t draw_size(struct mix *mix)
{
	uint32_t doubling = below(mix, DOUBLINGS);
	uint64_t size = (uint64_t)MIX_SIZE_MIN << doubling;

	return (size_t)((size * power_of_two(below(mix, FRACTION_ONE)) + FRACTION_ONE / 2) >>
			FRACTION_BITS);
}

static void drop(struct mix *mix, uint32_t i)
{
	mix->live -= mix->blocks[i].size;
	kfree(mix->blocks[i].p);
	mix->blocks[i].p = NULL;
	mix->blocks[i].size = 0;
}

static bool fill(struct mix *mix, uint32_t i)
{
	mix->blocks[i].size = draw_size(mix);
	mix->blocks[i].p = kmalloc(mix->blocks[i].size, GFP_KERNEL | __GFP_NOWARN);
	if (!mix->blocks[i].p) {
		mix->blocks[i].size = 0;
		return false;
	}
	mix->live += mix->blocks[i].size;
	return true;
}

static bool churn(struct mix *mix, uint32_t operations)
{
	while (operations-- > 0) {
		uint32_t i = below(mix, MIX_BLOCKS);

		drop(mix, i);
		if (!fill(mix, i))
			return false;
	}
	return true;
}

static void measure(const struct mix *mix, struct mix_waste *waste)
{
	struct footprint now;

	footprint_since(&now, &mix->before);
	waste->slabs = footprint_ratio(now.slabs, mix->live);
	waste->everything = footprint_ratio(now.everything, mix->live);
}

static bool run(struct mix *mix, uint32_t operations, struct mix_waste waste[NR_MIX_MOMENTS])
{
	for (uint32_t i = 0; i < MIX_BLOCKS; i++) {
		if (!fill(mix, i))
			return false;
	}
	measure(mix, &waste[MIX_FILLED]);
	for (unsigned moment = MIX_AFTER_FIRST; moment <= MIX_AFTER_SECOND; moment++) {
		if (!churn(mix, operations))
			return false;
		measure(mix, &waste[moment]);
	}
	for (uint32_t i = 0; i < MIX_BLOCKS; i++) {
		if (below(mix, 2))
			drop(mix, i);
	}
	measure(mix, &waste[MIX_HALVED]);
	return true;
}

bool mix_run(uint64_t seed, uint32_t operations, struct mix_waste waste[NR_MIX_MOMENTS])
{
	struct mix *mix = vzalloc(sizeof(*mix));
	bool ran;

	for (unsigned i = 0; i < NR_MIX_MOMENTS; i++)
		waste[i] = (struct mix_waste){0};
	if (!mix)
		return false;
	mix->random = seed;
	mm_shrink_all(); /* what others left empty is not spent on this */
	footprint_take(&mix->before);
	ran = run(mix, operations, waste);
	for (uint32_t i = 0; i < MIX_BLOCKS; i++)
		drop(mix, i);
	vfree(mix);
	return ran;
}
