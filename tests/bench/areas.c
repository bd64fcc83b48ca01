// SPDX-License-Identifier: MIT
/* Areas: memory that is mapped page by page. */
#include "bench.h"

BENCH_PAIR(vmalloc_pair, void *, vmalloc(size), vfree(p))
BENCH_PAIR(kvmalloc_pair, void *, kvmalloc(size, GFP_KERNEL), kvfree(p))

static const struct bench_row rows[] = {
	BENCH_ROW("vmalloc-8192", "vmalloc + vfree, 8192 B", vmalloc_pair, 8192),
	BENCH_ROW("vmalloc-65536", "vmalloc + vfree, 65536 B", vmalloc_pair, 65536),
	BENCH_ROW("kvmalloc-8192", "kvmalloc + kvfree, 8192 B", kvmalloc_pair, 8192),
};

BENCH_WORKLOAD(areas);
