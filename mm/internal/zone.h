/* SPDX-License-Identifier: MIT */
/* Zones: memory that differs in who can use it.  See zone.c. */
#ifndef MM_INTERNAL_ZONE_H
#define MM_INTERNAL_ZONE_H

#include <buddy.h>
#include <mm/port.h>
#include <mm/stats.h>

struct zone {
	/* [I] set by zones_init() */
	const char *name;
	enum mm_zone_id id;
	size_t present,
		managed;       /* pages of RAM; of these, pages handed to the buddy allocator */
	size_t min, low, high; /* watermarks in pages */
	size_t reserve[MM_NR_ZONES]; /* kept from requests that could use zone j */

	size_t lists_shut,
		lists_open; /* pages of the zone: page lists are shut below, and opened from */

	struct mm_spinlock lock; /* [z] guards all below */
	struct buddy buddy;
	unsigned long allocs, frees; /* blocks */
	size_t freed;                /* pages, ever; wraps */
	unsigned long failures;      /* requests that this zone turned down at their last try */
	unsigned long moved;         /* pages that compaction has moved */
	unsigned long compacted;     /* blocks that it gained */
	pfn_t compact_next;          /* [busy] see compact.c */
	bool lists_are_open;         /* [a] to read; see page_list.c */
	unsigned lists_held;
	bool lists_used[MM_HOST_NR_CPUS]; /* [a] to read: the CPU's lists may hold something */

	pfn_t deferred; /* [a] blocks freed without the lock: the first one's frame + 1; 0: none */
};

extern struct zone zones[MM_NR_ZONES];

/* [I] For requests of each class the highest zone that has any page at all. */
extern uint8_t zone_first[MM_NR_ZONES];

/* [I] And the pages of all zones that such requests may use. */
extern size_t zone_reach[MM_NR_ZONES];

/*
 * Who waits for pages of any zone.  A free changes `event`, and wakes, if there are waiters;
 * it looks after it has given up the zone's lock, under which a waiter, who is counted
 * by then, looks for pages: so one of the two sees the other.
 */
struct zone_queue {
	uint32_t waiters, event; /* [a] */
};

extern struct zone_queue zone_queue;

static inline bool zone_has_waiters(void)
{
	return __atomic_load_n(&zone_queue.waiters, __ATOMIC_RELAXED) != 0;
}

/* What the watermarks are computed from, and what comes out.  Pages. */
struct zone_sizing {
	size_t managed[MM_NR_ZONES];
	size_t min[MM_NR_ZONES], low[MM_NR_ZONES], high[MM_NR_ZONES];
	size_t reserve[MM_NR_ZONES][MM_NR_ZONES];
};

bool zones_init(void);
void zone_size_watermarks(struct zone_sizing *sizing);
bool zone_watermark_ok(const struct zone *zone, unsigned order, size_t mark);
MM_FASTCALL struct page *zone_alloc(struct zone *zone, unsigned order, enum block_type type,
				    size_t mark);
size_t zone_alloc_pages(struct zone *zone, enum block_type type, size_t mark,
			struct page **pages, size_t n);
void zone_free(struct zone *zone, struct page *page, unsigned order);
void zone_put_back(struct zone *zone, struct page *page, unsigned order);
struct page *zone_take_locked(struct zone *zone, unsigned order, enum block_type type,
			      size_t mark);
void zone_defer(struct zone *zone, struct page *page);
void zone_drain_slow_locked(struct zone *zone);
void zone_count_failure(struct zone *zone);
void zone_read(struct zone *zone, struct mm_zone_info *info);
void zone_count_loan(struct zone *zone, unsigned order);
void zone_wake_waiters(void);
size_t zone_free_pages(const struct zone *zone);
size_t zone_own_pages(const struct zone *zone);
size_t zones_freed(unsigned some);

/* [z] */
static inline void zone_free_locked(struct zone *zone, struct page *page, unsigned order)
{
	buddy_free(&zone->buddy, page, order);
	zone->frees++;
	__atomic_store_n(&zone->freed, zone->freed + ((size_t)1 << order), __ATOMIC_RELAXED);
}

/* May lists of the CPU hold something of the zone?  [z]; else a hint. */
static inline bool zone_lists_used(const struct zone *zone, unsigned cpu)
{
	return __atomic_load_n(&zone->lists_used[cpu], __ATOMIC_RELAXED);
}

/* [z] Free the blocks that zone_defer() left. */
static inline void zone_drain_locked(struct zone *zone)
{
	if (unlikely(__atomic_load_n(&zone->deferred, __ATOMIC_RELAXED)))
		zone_drain_slow_locked(zone);
}

#endif
