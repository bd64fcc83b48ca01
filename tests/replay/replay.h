/* SPDX-License-Identifier: MIT */
/*
 * Replays a trace on the live allocator, through its public interface only, and measures.
 *
 * One source for the kernel and for hosted programs.  See replay.c.
 */
#ifndef TESTS_REPLAY_REPLAY_H
#define TESTS_REPLAY_REPLAY_H

#include "trace.h"

/* What is timed apart: zeroing costs by the byte. */
enum replay_step {
	STEP_KMALLOC,
	STEP_KZALLOC,
	STEP_KFREE,
	STEP_CACHE_ALLOC,
	STEP_CACHE_ZALLOC,
	STEP_CACHE_FREE,
	STEP_PAGES_ALLOC,
	STEP_PAGES_ZALLOC,
	STEP_PAGES_FREE,
	STEP_VMALLOC,
	STEP_VFREE,
	NR_REPLAY_STEPS
};

struct replay_cost {
	uint64_t calls, sum; /* of all calls */
	uint64_t p99, p999;  /* at or above 99 % and 99.9 % of the calls; to 1/32 */
	uint64_t max;
};

/* A ratio in 1/10000. */
typedef uint32_t ratio_t;

#define RATIO_ONE 10000u

/* Bytes spent for each byte that is live and was asked for. */
struct replay_waste {
	ratio_t mean; /* of all samples with live objects */
	ratio_t peak; /* at the sample with the most bytes live */
	ratio_t end;  /* at the last sample */
};

struct replay_options {
	/* Fill each block with bytes of its own, and compare them when it is freed. */
	bool check;
	/* Clock that costs are told in; NULL: they are not measured. */
	uint64_t (*clock)(void);
	/* For tests of the replay itself: the block of this event, the first being 1, gets
	   another's contents; 0: none.  With `check`. */
	uint32_t damage_at;
};

struct replay_result {
	/* What went wrong, NULL if nothing did, and the event at which. */
	const char *error;
	uint32_t at;

	uint64_t live_peak, live_end; /* bytes asked for by live objects, at samples */
	uint32_t nr_samples;

	/* Pages of slabs that hold callers' objects. */
	struct replay_waste slabs;
	/* These, and all that the allocator keeps to know them: the slabs of its own
	   descriptors and magazines, caches, and their pages' entries in the page array. */
	struct replay_waste everything;
	/* The first of the two, of the recording kernel; zeros if the trace does not say. */
	struct replay_waste recorded;

	struct replay_cost costs[NR_REPLAY_STEPS];
};

/*
 * replay_run - do all that the trace did, then free what it left.
 *
 * False on failure: a block that could not be had, a slot misused, contents damaged, memory
 * that does not come back.  `result` is filled as far as it came.  Leaves all memory as
 * it was, if nothing failed.  Contexts: a thread.
 */
bool replay_run(const struct trace *trace, const struct replay_options *options,
		struct replay_result *result);

const char *replay_step_name(enum replay_step step);

#endif
