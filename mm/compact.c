// SPDX-License-Identifier: MIT
/*
 * Compaction: scattered movable pages become neighbours, and free blocks what they leave.
 *
 * A zone is looked at in regions, each of 2^order pages and as aligned as a block, a stretch
 * of up to 64 of them at a time.  In a stretch the emptiest region whose pages can all be
 * moved is the source; its pages go, one by one, to what is free in the fullest other one.
 * When the source is empty it is one free block: the gain.  Then the next emptiest, until the
 * rest has no room for any.  (A stretch that is fuller than 63/64 gains nothing even if the
 * next one has room; a zone so full has no large blocks to hope for.)
 *
 * C1. Each success is one free block of the order more.  Targets are only taken from smaller
 *     free blocks, so that none is broken up for it; and what a source gave up stays isolated
 *     (buddy.c) until it is whole, or has failed.
 * C2. It ends.  A region is a source once in a pass; and where all is one stretch, a second
 *     pass right after finds no source for which there is room.
 * C3. Targets are in user pageblocks, in the zone of the source: pages do not leave their
 *     zone, and kernel pageblocks take in no user page.
 * C4. The zone keeps `mark` pages that others can have at each moment: what is isolated does
 *     not count as free, and in the end it is as much as the block.  So a pass takes no
 *     more than the request itself is going to take.
 * C5. A page that is pinned, or whose mover refuses, ends the attempt on its region.  What was
 *     moved already stays where it went: it lies no worse there.
 *
 * The stretch is one, like the pass: `busy` admits one thread at a time, and no interrupt.
 *
 * Locks: the zone lock [z], for one region or one page at a time.  Movers are asked without it.
 * So all that was seen of a region is a hint, and is looked at again before it counts.
 */
#include <bits.h>
#include <compact.h>
#include <migrate.h>
#include <page_list.h>
#include <report.h>
#include <zone.h>

#define STRETCH      64u

/* How often, and how long at most each time, to wait for somebody else's pass. */
#define PASS_WAITS   100u
#define PASS_WAIT_MS 10u

/* What was seen of a region. */
struct region {
	pfn_t start;
	pfn_t next;    /* the search for free pages goes on here */
	uint16_t used; /* pages that are not free */
	uint16_t room; /* free pages that others may be moved to */
	bool source;   /* all pages can be moved, and nobody has tried yet */
};

/* [busy] The pass that runs. */
static struct {
	uint32_t busy; /* [a] */
	struct zone *zone;
	unsigned order;
	size_t mark;
	size_t moved; /* pages, of the source that is being emptied */
	size_t nr;
	struct region regions[STRETCH];
} pass;

/* With the pages that were freed without the lock: until they are on the lists they are in the way. */
static mm_irqflags_t lock_zone(void)
{
	mm_irqflags_t flags = mm_irq_save();

	mm_spin_lock(&pass.zone->lock);
	zone_drain_locked(pass.zone);
	return flags;
}

static void unlock_zone(mm_irqflags_t flags)
{
	mm_spin_unlock(&pass.zone->lock);
	mm_irq_restore(flags);
}

static pfn_t region_pages(void)
{
	return (pfn_t)1 << pass.order;
}

/* --- looking ------------------------------------------------------------------------ */

/* The part of a region that lies in the zone. */
static pfn_t first_in_zone(const struct region *region)
{
	const struct buddy *buddy = &pass.zone->buddy;

	return region->start > buddy->start ? region->start : buddy->start;
}

static pfn_t end_in_zone(const struct region *region)
{
	const struct buddy *buddy = &pass.zone->buddy;

	return buddy->end - region->start < region_pages() ? buddy->end
							   : region->start + region_pages();
}

static bool takes_in_users(const struct region *region)
{
	return buddy_pageblock_type(&pass.zone->buddy, first_in_zone(region)) == BLOCK_USER;
}

/*
 * [z] Count a region from scratch.  One that is free already, or that lies inside of a larger
 * block, is no source and has no room.
 */
static void look_locked(struct region *region)
{
	pfn_t start = first_in_zone(region), end = end_in_zone(region);
	bool all_move = end - start == region_pages(), target = takes_in_users(region);

	region->next = start;
	region->used = region->room = 0;
	region->source = false;
	for (pfn_t pfn = start; pfn < end && (all_move || target);) {
		const struct page *page = page_of_pfn(pfn);

		if (page_get_kind(page) != PAGE_FREE) {
			all_move = all_move && migrate_possible(page);
			region->used++;
			pfn++;
		} else if (page->order >= pass.order) {
			return;
		} else {
			region->room += 1u << page->order;
			pfn += (pfn_t)1 << page->order;
		}
	}
	region->source = all_move;
	if (!target)
		region->room = 0;
}

/* The next regions that matter, from `pfn` on; returns where the next stretch begins. */
static pfn_t look_at_stretch(pfn_t pfn, pfn_t end)
{
	pass.nr = 0;
	while (pfn < end && pass.nr < STRETCH) {
		struct region *region = &pass.regions[pass.nr];
		mm_irqflags_t flags;

		if (!page_exists(pfn)) { /* nor does the rest of the largest block */
			pfn = pfn_align_down(pfn, MM_MAX_ORDER) + ((pfn_t)1 << MM_MAX_ORDER);
			continue;
		}
		region->start = pfn;
		flags = lock_zone();
		look_locked(region);
		unlock_zone(flags);
		if (region->source || region->room)
			pass.nr++;
		pfn += region_pages();
	}
	return pfn;
}

/* --- choosing ----------------------------------------------------------------------- */

static struct region *emptiest_source(void)
{
	struct region *best = NULL;

	for (size_t i = 0; i < pass.nr; i++) {
		struct region *region = &pass.regions[i];

		if (region->source && (!best || region->used < best->used))
			best = region;
	}
	return best;
}

static struct region *fullest_target(const struct region *source)
{
	struct region *best = NULL;

	for (size_t i = 0; i < pass.nr; i++) {
		struct region *region = &pass.regions[i];

		if (region != source && region->room && (!best || region->used > best->used))
			best = region;
	}
	return best;
}

static size_t room_beside(const struct region *source)
{
	size_t room = 0;

	for (size_t i = 0; i < pass.nr; i++)
		room += &pass.regions[i] != source ? pass.regions[i].room : 0;
	return room;
}

/* [z] The next free block of a region; NULL when there is none that may be used. */
static struct page *next_free_locked(struct region *region)
{
	pfn_t end = end_in_zone(region);

	for (; takes_in_users(region) && region->next < end; region->next++) {
		struct page *page = page_of_pfn(region->next);

		if (page_get_kind(page) == PAGE_FREE)
			return page->order < pass.order ? page : NULL;
	}
	return NULL;
}

/* [z] A page to move to: the next one of the fullest region beside the source. */
static struct page *take_target_locked(const struct region *source)
{
	struct region *region;

	if (!zone_watermark_ok(pass.zone, 0, pass.mark))
		return NULL;
	while ((region = fullest_target(source)) != NULL) {
		struct page *block = next_free_locked(region);

		if (block) {
			region->next++;
			region->used++;
			region->room--;
			return buddy_alloc_from(&pass.zone->buddy, block, 0);
		}
		region->room = 0;
	}
	return NULL;
}

/* --- emptying ----------------------------------------------------------------------- */

/* [z] Hold `from`, and find it a target: its mover, or NULL if either cannot be had. */
static struct mm_mover *prepare_move_locked(const struct region *source, struct page *from,
					    struct page **to)
{
	struct mm_mover *mover;

	if (!migrate_possible(from))
		return NULL;
	*to = take_target_locked(source);
	if (!*to)
		return NULL;
	mover = migrate_hold_locked(from);
	if (mover)
		pass.zone->allocs++;
	else /* pinned or freed by another CPU just now */
		buddy_free(&pass.zone->buddy, *to, 0);
	return mover;
}

/*
 * See to it that no page is used at `pfn` of the isolated source; returns how many pages to go
 * on by, 0 if it cannot be done.  What is no head of a block has merged with free pages
 * before it, and a block without references is being freed by somebody who waits for the lock.
 */
static pfn_t clear_frame(const struct region *source, pfn_t pfn)
{
	struct page *from = page_of_pfn(pfn), *to = NULL;
	mm_irqflags_t flags = lock_zone();
	bool used = page_get_kind(from) == PAGE_BLOCK &&
		    __atomic_load_n(&from->refs, __ATOMIC_RELAXED);
	struct mm_mover *mover = used ? prepare_move_locked(source, from, &to) : NULL;
	enum migrate_result result;
	pfn_t step = page_get_kind(from) == PAGE_FREE ? (pfn_t)1 << from->order : 1;

	unlock_zone(flags);
	if (!used)
		return step;
	if (!mover)
		return 0;
	result = migrate_page(mover, from, to);
	pass.moved += result == MIGRATE_MOVED || result == MIGRATE_PINNED;
	return result == MIGRATE_MOVED || result == MIGRATE_FREED;
}

/* Isolate a source, if it still is one, and the zone can do without so many pages meanwhile. */
static bool begin_source(struct region *source)
{
	const struct buddy *buddy = &pass.zone->buddy;
	mm_irqflags_t flags = lock_zone();
	bool begun;

	look_locked(source);
	begun = source->source && buddy->nr_free >= pass.mark + region_pages() &&
		buddy_isolate(&pass.zone->buddy, source->start, pass.order);
	source->source = false;
	unlock_zone(flags);
	return begun;
}

/* Give back what is free of a source: as one block?  As a target it is as good as any. */
static bool end_source(struct region *source)
{
	struct zone *zone = pass.zone;
	mm_irqflags_t flags = lock_zone();
	bool gained = buddy_end_isolation(&zone->buddy);

	look_locked(source);
	source->source = false;
	zone->moved += pass.moved;
	zone->compacted += gained;
	unlock_zone(flags);
	if (gained)
		zone_wake_waiters(); /* somebody may sleep for want of just such a block */
	pass.moved = 0;
	return gained;
}

static bool empty_source(struct region *source)
{
	pfn_t pfn = source->start, end = pfn + region_pages();
	pfn_t step = 1;

	if (!begin_source(source))
		return false;
	for (; pfn < end && step; pfn += step)
		step = clear_frame(source, pfn);
	return end_source(source);
}

/* --- passes ------------------------------------------------------------------------- */

/* Empty regions of the stretch, until `most` are free blocks. */
static size_t compact_stretch(size_t most)
{
	struct region *source;
	size_t gained = 0;

	while (gained < most && (source = emptiest_source()) != NULL) {
		if (room_beside(source) >= source->used)
			gained += empty_source(source);
		source->source = false;
	}
	return gained;
}

/* The same from frame `from` to `to`; *from is where it ended. */
static size_t compact_range(pfn_t *from, pfn_t to, size_t most)
{
	size_t gained = 0;

	while (*from < to && gained < most) {
		*from = look_at_stretch(*from, to);
		gained += compact_stretch(most - gained);
	}
	return gained;
}

/*
 * Be the one who compacts: when the other one is done, and not for longer than a pass may
 * take.  False also where threads cannot wait: then the other one is interrupted by us.
 */
static bool begin_pass(void)
{
	for (unsigned waits = 0; waits < PASS_WAITS; waits++) {
		if (!__atomic_exchange_n(&pass.busy, 1, __ATOMIC_ACQUIRE))
			return true;
		if (!mm_host_wait(&pass.busy, 1, PASS_WAIT_MS))
			return false;
	}
	return false;
}

static void end_pass(void)
{
	__atomic_store_n(&pass.busy, 0, __ATOMIC_RELEASE);
	mm_host_wake(&pass.busy);
}

/* [busy] What the helpers work on; returns the zone's first region. */
static pfn_t set_up_pass(struct zone *zone, unsigned order, size_t mark)
{
	pass.zone = zone;
	pass.order = order;
	pass.mark = mark;
	return pfn_align_down(zone->buddy.start, order);
}

/*
 * [busy] One block of the order, or as good as: true if the zone can serve such a request now.
 * The search begins where the last one ended, so that regions take turns.
 */
static bool compact_zone_with_lists_shut(struct zone *zone, unsigned order, size_t mark)
{
	pfn_t first = set_up_pass(zone, order, mark), end = zone->buddy.end;
	pfn_t from = pfn_align_down(zone->compact_next, order), start;
	mm_irqflags_t flags = lock_zone();
	bool enough = zone->buddy.nr_free >= mark + region_pages();
	bool found = enough && buddy_has_block(&zone->buddy, order);

	unlock_zone(flags);
	if (!enough || found)
		return found;
	if (from < first || from >= end)
		from = first;
	start = from;
	found = compact_range(&from, end, 1);
	if (!found) {
		from = first;
		found = compact_range(&from, start, 1);
	}
	zone->compact_next = from;
	return found;
}

/* The same, all free pages being the zone's meanwhile, and all that come free. */
static bool compact_zone_for(struct zone *zone, unsigned order, size_t mark)
{
	bool found;

	page_lists_hold(zone);
	found = compact_zone_with_lists_shut(zone, order, mark);
	page_lists_release(zone);
	return found;
}

bool compact_for(enum mm_zone_id class, unsigned order)
{
	bool found = false;

	if (order == 0 || !begin_pass())
		return false;
	for (int i = (int)class; i >= MM_ZONE_DMA && !found; i--)
		found = compact_zone_for(&zones[i], order,
					 zones[i].low + zones[i].reserve[class]);
	end_pass();
	return found;
}

size_t mm_compact(void)
{
	size_t gained = 0;

	if (!mm_may_sleep()) {
		report_now(MM_REPORT_MIGHT_SLEEP, 0, CALLER(), "nothing is compacted",
			   "mm_compact where sleeping is not allowed");
		return 0;
	}
	if (!begin_pass())
		return 0;
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		pfn_t from = set_up_pass(&zones[i], MM_MAX_ORDER, zones[i].low);

		page_lists_hold(&zones[i]);
		gained += compact_range(&from, zones[i].buddy.end, SIZE_MAX);
		page_lists_release(&zones[i]);
	}
	end_pass();
	return gained;
}
