// SPDX-License-Identifier: MIT
/*
 * The numbers: those of zones, caches and memory add up, each operation moves the ones it
 * should by what it should, and the tables show them.
 */
#include "live.h"
#include <bits.h>
#include <magazine.h>
#include <mem.h>
#include <mm/format.h>
#include <mm/kmalloc.h>
#include <window.h>
#include <zone.h>

static size_t free_in_lists(const struct mm_zone_info *zone)
{
	size_t pages = 0;

	for (unsigned order = 0; order < MM_NR_ORDERS; order++)
		pages += (zone->free_blocks[0][order] + zone->free_blocks[1][order]) << order;
	return pages;
}

TEST(zones_add_up)
{
	size_t managed = 0, free = 0;
	struct mm_memory_info memory;
	pfn_t last = 0;

	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		struct mm_zone_info zone;

		if (!mm_zone_info((enum mm_zone_id)i, &zone))
			continue;
		EXPECT(zone.name && zone.name[0]);
		EXPECT(zone.start >= last && zone.start < zone.end);
		EXPECT(zone.present <= zone.end - zone.start);
		EXPECT(zone.managed <= zone.present);
		EXPECT(zone.free <= zone.managed);
		EXPECT(zone.min <= zone.low && zone.low <= zone.high);
		EXPECT_EQ(free_in_lists(&zone), zone.free);
		for (unsigned j = 0; j <= i; j++)
			EXPECT_EQ(zone.reserve[j], 0);
		last = zone.end;
		managed += zone.managed;
		free += zone.free;
	}
	mm_memory_info(&memory);
	EXPECT_EQ(memory.managed_pages, managed);
	EXPECT_EQ(memory.free_pages, free);
	EXPECT_EQ(nr_free_pages(), free);
}

TEST(no_such_zone)
{
	struct mm_zone_info zone;

	EXPECT(!mm_zone_info(MM_NR_ZONES, &zone));
	EXPECT(!mm_zone_info((enum mm_zone_id) - 1, &zone));
}

/* The watermarks are Linux's, for the sizes that this machine has. */
TEST(watermarks_follow_the_arithmetic)
{
	struct zone_sizing sizing = {0};

	for (unsigned i = 0; i < MM_NR_ZONES; i++)
		sizing.managed[i] = zones[i].managed;
	zone_size_watermarks(&sizing);
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		struct mm_zone_info zone;

		if (!mm_zone_info((enum mm_zone_id)i, &zone))
			continue;
		EXPECT_EQ(zone.min, sizing.min[i]);
		EXPECT_EQ(zone.low, sizing.low[i]);
		EXPECT_EQ(zone.high, sizing.high[i]);
		for (unsigned j = 0; j < MM_NR_ZONES; j++)
			EXPECT_EQ(zone.reserve[j], sizing.reserve[i][j]);
	}
}

TEST(operations_are_counted)
{
	struct mm_zone_info before, now;
	struct page *page = alloc_pages(GFP_KERNEL, 3);
	enum mm_zone_id id;

	ASSERT(page);
	id = live_zone_of(page);
	mm_zone_info(id, &before);
	__free_pages(page, 3);
	mm_zone_info(id, &now);
	EXPECT_EQ(now.frees, before.frees + 1);
	EXPECT_EQ(now.allocs, before.allocs);
	EXPECT_EQ(now.free, before.free + 8);
	page = alloc_pages(GFP_KERNEL, 3);
	mm_zone_info(id, &now);
	EXPECT_EQ(now.allocs, before.allocs + 1);
	EXPECT_EQ(now.free, before.free);
	__free_pages(page, 3);
}

/* --- caches ------------------------------------------------------------------------------------ */

static size_t pages_of_list(const struct list *slabs)
{
	const struct list *link;
	size_t pages = 0;

	list_for_each (link, slabs)
		pages += (size_t)1 << list_entry(link, struct slab, link)->order;
	return pages;
}

static struct {
	size_t caches, visits;
	const char *wrong;
	const char *wanted;
	struct mm_cache_info info;
} seen;

static bool look(const struct mm_cache_info *info, void *arg)
{
	EXPECT(arg == &seen);
	seen.caches++;
	if (!info->name[0] || info->slot_size < info->object_size ||
	    info->objects_per_slab == 0 || info->empty_slabs > info->slabs ||
	    info->live + info->cached > info->slabs * info->objects_per_slab)
		seen.wrong = "the numbers of a cache";
	if (seen.wanted && live_name_begins(info->name, seen.wanted))
		seen.info = *info;
	return true;
}

static bool stop_at_third(const struct mm_cache_info *info, void *arg)
{
	(void)info;
	(void)arg;
	return ++seen.visits < 3;
}

TEST(caches_are_visited)
{
	const struct list *link;
	size_t n = 0;

	memset(&seen, 0, sizeof(seen));
	list_for_each (link, &cache_list)
		n++;
	mm_for_each_cache(look, &seen);
	EXPECT_EQ(seen.caches, n);
	EXPECTF(!seen.wrong, "%s", seen.wrong);
	mm_for_each_cache(stop_at_third, NULL);
	EXPECT_EQ(seen.visits, 3);
}

TEST(cache_numbers_move)
{
	struct kmem_cache *cache = kmem_cache_create("test-stats", 100, 0, 0, NULL);
	void *objects[10];

	ASSERT(cache);
	memset(&seen, 0, sizeof(seen));
	seen.wanted = "test-stats";
	for (unsigned i = 0; i < 10; i++) {
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		mm_for_each_cache(look, &seen);
		EXPECT_EQ(seen.info.live, i + 1);
		EXPECT_EQ(seen.info.live + seen.info.cached, cache->nr_taken);
	}
	EXPECT_EQ(seen.info.object_size, 100);
	EXPECT_EQ(seen.info.slot_size, 104);
	EXPECT_EQ(seen.info.slabs, cache->nr_slabs);
	for (unsigned i = 0; i < 10; i++) {
		kmem_cache_free(cache, objects[i]);
		mm_for_each_cache(look, &seen);
		EXPECT_EQ(seen.info.live, 9 - i);
	}
	kmem_cache_shrink(cache);
	mm_for_each_cache(look, &seen);
	EXPECT_EQ(seen.info.slabs, 0);
	EXPECT_EQ(seen.info.cached, 0);
	EXPECT(kmem_cache_destroy(cache));
}

TEST(slab_pages_add_up)
{
	struct mm_memory_info memory;
	const struct list *link;
	size_t pages = 0;

	list_for_each (link, &cache_list) {
		const struct kmem_cache *cache = list_entry(link, struct kmem_cache, link);

		pages += pages_of_list(&cache->partial) + pages_of_list(&cache->full) +
			 pages_of_list(&cache->empty);
	}
	mm_memory_info(&memory);
	EXPECT_EQ(memory.slab_pages, pages);
	EXPECT(memory.slab_reclaimable_pages <= memory.slab_pages);
	EXPECT_EQ(memory.page_array_bytes, memory.page_array_entries * 16);
	EXPECT_EQ(memory.window_pages, window_pages());
	EXPECT_EQ(memory.window_pages_used, window_pages_used());
	EXPECT_EQ(memory.window_pages_stale, window_pages_stale());
	/* Nobody but slabs, large blocks and page tables holds pages while tests run. */
	EXPECT(memory.managed_pages - memory.free_pages - memory.slab_pages -
		       memory.large_pages - memory.vmalloc_pages <
	       200);
}

/* --- tables -------------------------------------------------------------------------------------- */

TEST(tables_show_the_numbers)
{
	struct mm_memory_info memory;
	struct fingerprint settled;
	char text[120];
	void *p = kmalloc(64, GFP_KERNEL);

	ASSERT(p);
	live_settle(&settled); /* few caches are in use now, so that the log is short */
	test_log_begin();
	mm_show_zones();
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		struct mm_zone_info zone;

		if (!mm_zone_info((enum mm_zone_id)i, &zone)) {
			mm_snprintf(text, sizeof(text), "%-7s none", zones[i].name);
		} else {
			mm_snprintf(text, sizeof(text), "%9zu %9zu %9zu %9zu %6zu %6zu %6zu",
				    zone.present, zone.managed, zone.present - zone.managed,
				    zone.free, zone.min, zone.low, zone.high);
		}
		EXPECT_LOG(text);
	}
	test_log_begin();
	mm_show_summary();
	mm_memory_info(&memory);
	mm_snprintf(text, sizeof(text), "%zu of %zu pages free; %zu in slabs",
		    memory.free_pages, memory.managed_pages, memory.slab_pages);
	EXPECT_LOG(text);
	EXPECT_LOG("kmalloc-64 ");
	EXPECT_LOG("free blocks by order:");
	test_log_begin();
	mm_show_page_array();
	EXPECT_LOG("frames of 16 bytes");
	kfree(p);
}

TEST_SUITE(stats, zones_add_up, no_such_zone, watermarks_follow_the_arithmetic,
	   operations_are_counted, caches_are_visited, cache_numbers_move, slab_pages_add_up,
	   tables_show_the_numbers);
