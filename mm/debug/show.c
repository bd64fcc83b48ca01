// SPDX-License-Identifier: MIT
/*
 * Numbers for programs and tables for people.
 *
 * A table's numbers are taken one lock at a time, and printed without any: rows of a busy
 * system are each right, but not of the same moment.
 */
#include <bits.h>
#include <guard_hook.h>
#include <kmalloc.h>
#include <log.h>
#include <magazine.h>
#include <mem.h>
#include <mm/format.h>
#include <page_alloc.h>
#include <report.h>
#include <window.h>
#include <zone.h>

bool mm_zone_info(enum mm_zone_id id, struct mm_zone_info *info)
{
	if ((unsigned)id >= MM_NR_ZONES || zones[id].present == 0)
		return false;
	zone_read(&zones[id], info);
	return true;
}

/* [g] */
static void read_cache_locked(struct kmem_cache *cache, struct mm_cache_info *info,
			      char name[KMEM_CACHE_NAME_MAX])
{
	size_t taken;

	cache_lock(cache);
	info->slabs = cache->nr_slabs;
	info->empty_slabs = cache->nr_empty;
	info->cached = magazine_count(cache);
	taken = cache->nr_taken;
	cache_unlock(cache);
	info->live = taken > info->cached ? taken - info->cached : 0;
	info->live += guard_live(cache, NULL, 0);
	memcpy(name, cache->name, KMEM_CACHE_NAME_MAX);
	info->name = name;
	info->object_size = cache->object_size;
	info->slot_size = cache->size;
	info->objects_per_slab = cache->nr;
	info->slab_order = cache->order;
	info->internal = (cache->flags & SLAB_INTERNAL) != 0;
}

/* Numbers of the i-th cache; false when there are not so many.  It may be gone right after. */
static bool read_cache_at(size_t i, struct mm_cache_info *info, char name[KMEM_CACHE_NAME_MAX])
{
	mm_irqflags_t flags = mm_irq_save();
	struct list *link;
	bool exists = false;

	mm_spin_lock(&cache_list_lock);
	list_for_each (link, &cache_list) {
		if (i-- > 0)
			continue;
		read_cache_locked(list_entry(link, struct kmem_cache, link), info, name);
		exists = true;
		break;
	}
	mm_spin_unlock(&cache_list_lock);
	mm_irq_restore(flags);
	return exists;
}

void mm_for_each_cache(bool (*visit)(const struct mm_cache_info *info, void *arg), void *arg)
{
	char name[KMEM_CACHE_NAME_MAX];
	struct mm_cache_info info;

	for (size_t i = 0; read_cache_at(i, &info, name); i++) {
		if (!visit(&info, arg))
			return;
	}
}

void mm_memory_info(struct mm_memory_info *info)
{
	memset(info, 0, sizeof(*info));
	for (unsigned i = 0; i < MM_NR_ZONES; i++)
		info->managed_pages += zones[i].managed;
	info->free_pages = nr_free_pages();
	info->slab_pages = __atomic_load_n(&slab_pages, __ATOMIC_RELAXED);
	info->slab_reclaimable_pages =
		__atomic_load_n(&slab_reclaimable_pages, __ATOMIC_RELAXED);
	info->large_pages = __atomic_load_n(&kmalloc_large_pages, __ATOMIC_RELAXED);
	info->vmalloc_pages = window_pages_of(WINDOW_VMALLOC);
	info->page_array_bytes = (size_t)page_array.bytes;
	info->page_array_entries = (size_t)page_array.bytes / sizeof(struct page);
	info->window_pages = window_pages();
	info->window_pages_used = window_pages_used();
	info->window_pages_stale = window_pages_stale();
}

#define KB_PER_PAGE (PAGE_SIZE / 1024)

void mm_show_zones(void)
{
	mm_log("mm: %-7s %-25s %9s %9s %9s %9s %6s %6s %6s %s", "zone", "range; sizes in pages",
	       "present", "managed", "reserved", "free", "min", "low", "high",
	       "kept from Normal, High");
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		struct mm_zone_info info;

		if (!mm_zone_info((enum mm_zone_id)i, &info)) {
			mm_log("mm: %-7s none", zones[i].name);
			continue;
		}
		mm_log("mm: %-7s %011llx - %011llx %9zu %9zu %9zu %9zu %6zu %6zu %6zu %zu, %zu",
		       info.name, (unsigned long long)info.start << PAGE_SHIFT,
		       (unsigned long long)info.end << PAGE_SHIFT, info.present, info.managed,
		       info.present - info.managed, info.free, info.min, info.low, info.high,
		       info.reserve[MM_ZONE_NORMAL], info.reserve[MM_ZONE_HIGH]);
	}
}

/* Hundredths of a percent; 64 bits, since 64 GiB are many bytes. */
static unsigned share_of(size_t part, uint64_t whole)
{
	return whole ? (unsigned)((uint64_t)part * 10000 / whole) : 0;
}

void mm_show_page_array(void)
{
	uint64_t present = 0;
	struct mm_memory_info info;
	unsigned share;

	mm_memory_info(&info);
	for (unsigned i = 0; i < MM_NR_ZONES; i++)
		present += (uint64_t)zones[i].present << PAGE_SHIFT;
	share = share_of(info.page_array_bytes, present);
	mm_log("mm: page array: %zu KiB for %zu frames of %zu bytes, %u.%02u %% of %llu KiB of "
	       "RAM",
	       info.page_array_bytes / 1024, info.page_array_entries, sizeof(struct page),
	       share / 100, share % 100, (unsigned long long)(present >> 10));
}

#define LINE_BYTES 160

void mm_show_free_lists(void)
{
	static const char *const types[NR_BLOCK_TYPES] = {"kernel", "user"};

	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		struct mm_zone_info info;

		if (!mm_zone_info((enum mm_zone_id)i, &info))
			continue;
		for (unsigned type = 0; type < NR_BLOCK_TYPES; type++) {
			char line[LINE_BYTES];
			size_t used = 0;

			for (unsigned order = 0; order < MM_NR_ORDERS; order++)
				used += (size_t)mm_snprintf(line + used, sizeof(line) - used,
							    " %6zu",
							    info.free_blocks[type][order]);
			mm_log("mm: %-7s %-6s free blocks by order:%s", info.name, types[type],
			       line);
		}
		if (info.moved)
			mm_log("mm: %-7s compaction has moved %lu pages, and gained %lu blocks",
			       info.name, info.moved, info.compacted);
	}
}

static bool show_cache(const struct mm_cache_info *info, void *arg)
{
	(void)arg;
	if (info->slabs)
		mm_log("mm: %-20s %6zu %6zu %5u %6zu %8zu %7zu %9zu", info->name,
		       info->object_size, info->slot_size, info->objects_per_slab,
		       KB_PER_PAGE << info->slab_order, info->live, info->cached, info->slabs);
	return true;
}

void mm_show_caches(void)
{
	mm_log("mm: %-20s %6s %6s %5s %6s %8s %7s %9s", "cache", "object", "slot", "/slab",
	       "KiB", "live", "cached", "slabs");
	mm_for_each_cache(show_cache, NULL);
}

void mm_show_summary(void)
{
	struct mm_memory_info info;

	mm_memory_info(&info);
	mm_show_zones();
	mm_show_free_lists();
	mm_show_caches();
	mm_log("mm: %zu of %zu pages free; %zu in slabs (%zu reclaimable), %zu in large "
	       "blocks, %zu in vmalloc areas; window %zu of %zu pages used, %zu stale; %lu "
	       "reports",
	       info.free_pages, info.managed_pages, info.slab_pages,
	       info.slab_reclaimable_pages, info.large_pages, info.vmalloc_pages,
	       info.window_pages_used, info.window_pages, info.window_pages_stale,
	       mm_report_total());
}
