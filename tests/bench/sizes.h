/* SPDX-License-Identifier: MIT */
/*
 * Sizes of 8 to 4096 bytes, log-uniform: each doubling is as likely as any other.
 *
 * A table of STEPS sizes for each doubling, of which one is drawn with equal chances.
 */
#ifndef TESTS_BENCH_SIZES_H
#define TESTS_BENCH_SIZES_H

#include "bench.h"

#define BENCH_STEPS      512u
#define BENCH_MIN_LOG2   3u
#define BENCH_DOUBLINGS  9u
#define BENCH_NR_SIZES   (BENCH_STEPS * BENCH_DOUBLINGS)
#define BENCH_STEP_RATIO 5818478u /* (2^(1 / BENCH_STEPS) - 1) * 2^32 */

struct bench_sizes {
	uint16_t bytes[BENCH_NR_SIZES];
};

/* In fixed point, with 32 bits behind it. */
static inline void bench_make_sizes(struct bench_sizes *sizes)
{
	uint64_t size = (uint64_t)1 << (32 + BENCH_MIN_LOG2);

	for (unsigned i = 0; i < BENCH_NR_SIZES; i++) {
		sizes->bytes[i] = (uint16_t)(size >> 32);
		size += (size >> 32) * BENCH_STEP_RATIO +
			((size & 0xffffffffu) * BENCH_STEP_RATIO >> 32);
	}
}

static inline uint32_t bench_random_size(const struct bench_sizes *sizes, uint32_t *state)
{
	return sizes->bytes[bench_random_below(state, BENCH_NR_SIZES)];
}

#endif
