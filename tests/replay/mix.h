/* SPDX-License-Identifier: MIT */
/*
 * A random mix of sizes: how much memory the allocator spends on 20,000 live blocks while they come
 * and go without end, and when half of them has gone.
 */
#ifndef TESTS_REPLAY_MIX_H
#define TESTS_REPLAY_MIX_H

#include "replay.h"

#define MIX_BLOCKS     20000u
#define MIX_SIZE_MIN   8u
#define MIX_SIZE_MAX   4096u

/* For figures that compare with others: as often as this, twice. */
#define MIX_OPERATIONS 1000000u

enum mix_moment {
	MIX_FILLED, /* MIX_BLOCKS allocated, none freed yet */
	MIX_AFTER_FIRST,
	MIX_AFTER_SECOND,
	MIX_HALVED, /* each block freed with a chance of one half */
	NR_MIX_MOMENTS
};

struct mix_waste {
	ratio_t slabs, everything; /* as in struct replay_result */
};

/*
 * mix_run - the whole workload: fill; twice `operations` times free a block chosen at random and
 * allocate one of another size in its place; halve; free all.
 *
 * Sizes are log-uniform from MIX_SIZE_MIN to MIX_SIZE_MAX.  The same seed does the same.  False when
 * memory does not suffice; then too everything is free again.  Contexts: a thread.
 */
bool mix_run(uint64_t seed, uint32_t operations, struct mix_waste waste[NR_MIX_MOMENTS]);

#endif
