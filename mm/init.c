// SPDX-License-Identifier: MIT
/*
 * Bringing the allocator up, bottom first: each layer may use those before it.
 *
 * High memory and its mapping window depend on each other: pages above the direct map
 * are of use only if they can be mapped, and mapping wants page tables, which are
 * pages.  So the zones come first, then the slots; a host that cannot map leaves the
 * High zone without anybody who could touch it, which is why that is fatal.  Without high
 * memory the window is there for vmalloc only, and may be missing.
 */
#include <bits.h>
#include <bootmem.h>
#include <guard_hook.h>
#include <highmem.h>
#include <kmalloc.h>
#include <log.h>
#include <mm/boot.h>
#include <page_list.h>
#include <poison.h>
#include <reclaim.h>
#include <report.h>
#include <shuffle.h>
#include <slab.h>
#include <slab_debug.h>
#include <slab_map.h>
#include <window.h>
#include <zone.h>

static bool no_room(const char *what)
{
	mm_log("mm: no low memory for %s", what);
	return false;
}

/*
 * Whole pages of the window that the boot info offers.  False when they are too few
 * to be of use.
 */
static bool window_bounds(const struct mm_boot_info *info, uintptr_t *start, uintptr_t *end)
{
	*start = align_up(info->window_start, PAGE_SIZE);
	*end = info->window_end & PAGE_MASK;
	return *start<*end && * end - *start> HIGHMEM_SLOT_BYTES + WINDOW_LEAST_BYTES;
}

/* What lies in page lists is free, but only the zones poison it. */
static void shut_lists_where_checked(void)
{
	for (unsigned i = 0; poison_is_wanted() && i < MM_NR_ZONES; i++)
		page_lists_shut(&zones[i]);
}

bool mm_init(const struct mm_boot_info *info)
{
	uintptr_t window_start, window_end;
	bool can_map = window_bounds(info, &window_start, &window_end);
	bool high;

	report_reset(info->panic_on_report);
	__atomic_store_n(&guard_hook, NULL, __ATOMIC_RELAXED);
	slab_debug_init(info->slab_debug);
	shuffle_init(info->shuffle_seed);
	page_array_reset();
	highmem_reset();
	reclaim_reset();
	window_reset();

	if (!bootmem_init(info, can_map))
		return false;
	high = memmap_bytes(&bootmem.ram, bootmem.low_limit, bootmem.max_paddr) > 0;
	if (!page_array_init())
		return no_room("the page array");
	if (!slab_map_init())
		return no_room("the slab map");
	if (can_map && !window_init(window_start + HIGHMEM_SLOT_BYTES, window_end)) {
		mm_log("mm: no low memory for the mapping window's bits");
		if (high)
			return false;
	}
	if (!zones_init())
		return no_room("the zones' tables");
	if (high && !highmem_init(window_start)) {
		mm_log("mm: high memory, but the host cannot map it");
		return false;
	}
	cache_init();
	kmalloc_init();
	shut_lists_where_checked();
	return true;
}
