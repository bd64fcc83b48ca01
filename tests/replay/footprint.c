// SPDX-License-Identifier: MIT
/*
 * What the allocator spends on objects.
 *
 * Its own slabs, of descriptors and magazines, are told from those that hold callers' objects
 * by mm_cache_info.internal.  What one slab costs besides its pages is counted too: the pages'
 * entries in the page array, and a struct kmem_cache for each cache.
 */
#include "footprint.h"
#include <mm/stats.h>
#include <slab.h>

struct sums {
	size_t internal_pages, caches;
};

static bool add_cache(const struct mm_cache_info *info, void *arg)
{
	struct sums *sums = arg;

	sums->caches++;
	if (info->internal)
		sums->internal_pages += info->slabs << info->slab_order;
	return true;
}

void footprint_take(struct footprint *footprint)
{
	struct mm_memory_info info;
	struct sums sums = {0};

	mm_memory_info(&info);
	mm_for_each_cache(add_cache, &sums);
	footprint->slabs = (uint64_t)(info.slab_pages - sums.internal_pages) * PAGE_SIZE;
	footprint->everything = (uint64_t)info.slab_pages * (PAGE_SIZE + sizeof(struct page)) +
				sums.caches * sizeof(struct kmem_cache);
}

void footprint_since(struct footprint *footprint, const struct footprint *before)
{
	footprint_take(footprint);
	footprint->slabs -= before->slabs;
	footprint->everything -= before->everything;
}

ratio_t footprint_ratio(uint64_t spent, uint64_t asked)
{
	return asked ? (ratio_t)((spent * RATIO_ONE + asked / 2) / asked) : 0;
}
