// SPDX-License-Identifier: MIT
/* Object caches: one object at a time, with and without a constructor, and many at once. */
#include "bench.h"

#define BULK 16u

static struct kmem_cache *plain, *constructed;
static void *bulk[BULK];

static void construct(void *object)
{
	*(uint32_t *)object = 1;
}

BENCH_PAIR(pair, void *, kmem_cache_alloc(plain, GFP_KERNEL), kmem_cache_free(plain, p))
BENCH_PAIR(pair_atomic, void *, kmem_cache_alloc(plain, GFP_ATOMIC), kmem_cache_free(plain, p))
BENCH_PAIR(zeroed, void *, kmem_cache_zalloc(plain, GFP_KERNEL), kmem_cache_free(plain, p))
BENCH_PAIR(with_constructor, void *, kmem_cache_alloc(constructed, GFP_KERNEL),
	   kmem_cache_free(constructed, p))
BENCH_LOOP(bulk_pair, size_t got = kmem_cache_alloc_bulk(plain, GFP_KERNEL, BULK, bulk);
	   BENCH_KEEP(got); kmem_cache_free_bulk(plain, BULK, bulk))

static const struct bench_row rows[] = {
	BENCH_ROW("cache-40", "kmem_cache_alloc + free, 40 B, KERNEL", pair, 40),
	BENCH_ROW("cache-40-atomic", "kmem_cache_alloc + free, 40 B, ATOMIC", pair_atomic, 40),
	BENCH_ROW("cache-40-zeroed", "kmem_cache_zalloc + free, 40 B, KERNEL", zeroed, 40),
	BENCH_ROW("cache-40-ctor", "kmem_cache_alloc + free, 40 B, with constructor",
		  with_constructor, 40),
	BENCH_ROW("cache-40-bulk", "kmem_cache bulk, 40 B: 16 objects, alloc + free", bulk_pair,
		  40),
};

static bool begin(void)
{
	plain = kmem_cache_create("bench-40", 40, 0, 0, NULL);
	constructed = kmem_cache_create("bench-40-ctor", 40, 0, 0, construct);
	return plain && constructed;
}

static void end(void)
{
	kmem_cache_destroy(plain);
	kmem_cache_destroy(constructed);
}

BENCH_WORKLOAD(cache, .begin = begin, .end = end);
