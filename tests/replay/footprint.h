/* SPDX-License-Identifier: MIT */
/* What the allocator spends on objects, against what is asked of it.  See footprint.c. */
#ifndef TESTS_REPLAY_FOOTPRINT_H
#define TESTS_REPLAY_FOOTPRINT_H

#include "replay.h"

struct footprint {
	uint64_t slabs;      /* bytes of slabs that hold callers' objects */
	uint64_t everything; /* and of all that is kept to know them */
};

/* What is spent now.  Contexts: a thread. */
void footprint_take(struct footprint *footprint);

/* What has come since `before`. */
void footprint_since(struct footprint *footprint, const struct footprint *before);

/* spent / asked in 1/10000, rounded to the nearest; 0 for nothing asked. */
ratio_t footprint_ratio(uint64_t spent, uint64_t asked);

#endif
