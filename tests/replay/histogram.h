/* SPDX-License-Identifier: MIT */
/*
 * How often each cost came: exact below EXACT, then 32 steps to a doubling.  Constant time and
 * memory, whatever comes.
 */
#ifndef TESTS_REPLAY_HISTOGRAM_H
#define TESTS_REPLAY_HISTOGRAM_H

#include <mm/types.h>

#define HISTOGRAM_EXACT   1024u
#define HISTOGRAM_STEPS   32u                                       /* to a doubling */
#define HISTOGRAM_BUCKETS (HISTOGRAM_EXACT + HISTOGRAM_STEPS * 22u) /* up to 2^32 */

struct histogram {
	uint64_t calls, sum, max;
	uint32_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t cost);

/*
 * The least cost that is at or above `per_mille` of all calls; 0 without calls.  Beyond EXACT the
 * upper end of its step, and never more than the largest that came.
 */
uint64_t histogram_quantile(const struct histogram *histogram, unsigned per_mille);

#endif
