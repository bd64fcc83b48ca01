/* SPDX-License-Identifier: MIT */
/*
 * Looking at the allocator: numbers for programs, tables for people, and a check
 * of everything that must hold.
 */
#ifndef MM_STATS_H
#define MM_STATS_H

#include <mm/types.h>

enum mm_zone_id {
	MM_ZONE_DMA,
	MM_ZONE_NORMAL,
	MM_ZONE_HIGH,
	MM_NR_ZONES
};

struct mm_zone_info {
	const char *name;
	pfn_t start, end; /* span: first frame, and the one after the last */
	size_t present;   /* pages of RAM in the span */
	size_t managed;   /* of these, pages that the allocator may hand out */
	size_t free;      /* free now, at CPUs' hands too; but for those that are isolated */
	size_t isolated;  /* free, but kept together: compaction is at work */
	size_t min, low, high;       /* watermarks in pages */
	size_t reserve[MM_NR_ZONES]; /* lowmem reserve against requests that could use zone j */
	size_t free_blocks[2][MM_NR_ORDERS];   /* by type (0 kernel, 1 user) and order */
	unsigned long allocs, frees, failures; /* block operations so far */
	unsigned long moved, compacted;        /* pages moved by compaction, blocks gained */
};

/* False when the machine has no such zone.  Any context but NMI. */
bool mm_zone_info(enum mm_zone_id zone, struct mm_zone_info *info);

struct mm_cache_info {
	const char *name;
	size_t object_size, slot_size; /* bytes asked for, bytes from object to object */
	unsigned objects_per_slab, slab_order;
	size_t slabs, empty_slabs;
	size_t live;   /* objects in the hands of callers */
	size_t cached; /* ready in magazines */
	bool internal; /* the allocator's own: descriptors, magazines, caches */
};

/*
 * mm_for_each_cache - call `visit` for each cache, kmalloc's among them, with no
 * lock held; stops when it returns false.  Caches that come and go meanwhile may be
 * missed, or cause another one to be missed.  Contexts: a thread.
 */
void mm_for_each_cache(bool (*visit)(const struct mm_cache_info *info, void *arg), void *arg);

struct mm_memory_info {
	size_t managed_pages, free_pages;
	size_t slab_pages,
		slab_reclaimable_pages; /* pages in slabs; of these in RECLAIM_ACCOUNT caches */
	size_t large_pages;             /* pages in kmalloc blocks beyond the caches */
	size_t vmalloc_pages;           /* pages in vmalloc areas */
	size_t page_array_bytes;        /* what struct pages cost */
	size_t page_array_entries;
	size_t window_pages;       /* the mapping window, in pages; of these */
	size_t window_pages_used;  /* in areas, guards included */
	size_t window_pages_stale; /* freed, but not flushed yet */
};

void mm_memory_info(struct mm_memory_info *info);

/* Tables through mm_host_log(). */
void mm_show_zones(void);
void mm_show_page_array(void);
void mm_show_free_lists(void);
void mm_show_caches(void);
void mm_show_summary(void); /* zones and caches in use, for the end of a log */

/*
 * mm_check - walk every structure and verify every invariant.
 *
 * Each violation is reported as MM_REPORT_CORRUPTION; returns how many there were.
 * Takes each lock in turn, for as long as a walk takes, and stops the other CPUs
 * meanwhile: not for production paths.  Contexts: a thread.
 */
size_t mm_check(void);

#endif
