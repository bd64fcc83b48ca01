// SPDX-License-Identifier: MIT
/* See histogram.h. */
#include "histogram.h"

#define EXACT_BITS 10u
#define STEP_BITS  5u

_Static_assert(1u << EXACT_BITS == HISTOGRAM_EXACT && 1u << STEP_BITS == HISTOGRAM_STEPS,
	       "shifts and sizes agree");

static unsigned bucket_of(uint64_t cost)
{
	unsigned top;

	if (cost < HISTOGRAM_EXACT)
		return (unsigned)cost;
	if (cost > UINT32_MAX)
		return HISTOGRAM_BUCKETS - 1;
	top = 31u - (unsigned)__builtin_clz((uint32_t)cost); /* 2^top <= cost */
	return HISTOGRAM_EXACT + (top - EXACT_BITS) * HISTOGRAM_STEPS +
	       ((uint32_t)cost >> (top - STEP_BITS)) % HISTOGRAM_STEPS;
}

/* The largest cost that falls into a bucket. */
static uint64_t end_of(unsigned bucket)
{
	unsigned top, step;

	if (bucket < HISTOGRAM_EXACT)
		return bucket;
	top = EXACT_BITS + (bucket - HISTOGRAM_EXACT) / HISTOGRAM_STEPS;
	step = (bucket - HISTOGRAM_EXACT) % HISTOGRAM_STEPS;
	return ((uint64_t)(HISTOGRAM_STEPS + step + 1) << (top - STEP_BITS)) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t cost)
{
	histogram->calls++;
	histogram->sum += cost;
	if (cost > histogram->max)
		histogram->max = cost;
	histogram->buckets[bucket_of(cost)]++;
}

uint64_t histogram_quantile(const struct histogram *histogram, unsigned per_mille)
{
	uint64_t wanted = (histogram->calls * per_mille + 999) / 1000, seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS && histogram->calls; i++) {
		seen += histogram->buckets[i];
		if (seen >= wanted && seen > 0)
			return end_of(i) < histogram->max ? end_of(i) : histogram->max;
	}
	return 0;
}
