// SPDX-License-Identifier: MIT
/* Rows for what only our own allocator has, and for what lies beyond the caches. */
#include <bench.h>
#include <mm/nolock.h>

BENCH_PAIR(nolock, void *, kmalloc_nolock(64, 0), kfree_nolock(p))
BENCH_PAIR(whole_pages, void *, kmalloc(16384, GFP_KERNEL), kfree(p))
BENCH_PAIR(high, void *, kmalloc(8192, GFP_HIGHUSER), kfree(p))

static const struct bench_row rows[] = {
	BENCH_ROW("kmalloc-64-nolock", "kmalloc_nolock + kfree_nolock, 64 B, constant", nolock,
		  64),
	BENCH_ROW("kmalloc-16384", "kmalloc + kfree, 16384 B: whole pages", whole_pages, 16384),
	BENCH_ROW("kmalloc-high-8192", "kmalloc(GFP_HIGHUSER) + kfree, 8192 B", high, 8192),
};

BENCH_WORKLOAD(ours);
