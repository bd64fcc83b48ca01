// SPDX-License-Identifier: MIT
/*
 * Zones: DMA (what old devices reach), Normal (the rest of what is mapped for
 * good) and High (what is not).  Each is a buddy allocator with a lock, watermarks,
 * and a reserve that protects it from requests that a higher zone could have served.
 *
 * The arithmetic is Linux's (mm/page_alloc.c):
 *
 *	min_free   = sqrt(lowmem kB * 16) kB, within 128 .. 262144
 *	share      = min_free * managed / lowmem
 *	min        = share; High: managed / 1024 within 32 .. 128
 *	gap        = max(share / 4, managed / 1000)
 *	low, high  = min + gap, low + gap
 *	reserve[j] = managed in the zones above, up to j, / 256 (DMA) or / 32 (Normal)
 *
 * A request may take a block if, that block gone, mark + reserve pages stay free,
 * where mark follows from the flags (page_alloc.c), and if a block that is large
 * enough exists.
 *
 * Locks: zone.lock [z], interrupts off.  Nothing is printed, no host function is
 * called and no other lock is taken while it is held.
 */
#include <bootmem.h>
#include <mem.h>
#include <page_list.h>
#include <zone.h>

struct zone zones[MM_NR_ZONES];
uint8_t zone_first[MM_NR_ZONES];
size_t zone_reach[MM_NR_ZONES];
struct zone_queue zone_queue;

static const char *const zone_names[MM_NR_ZONES] = {"DMA", "Normal", "High"};

/* Part of a zone that each higher zone's page sets aside; High sets nothing aside. */
static const size_t reserve_ratio[MM_NR_ZONES] = {256, 32, 0};

#define KB_PER_PAGE  (PAGE_SIZE / 1024)
#define MIN_FREE_KB  128u
#define MAX_FREE_KB  262144u
#define HIGH_MIN_MIN 32u
#define HIGH_MIN_MAX 128u

static size_t clamp_size(size_t n, size_t low, size_t high)
{
	return n < low ? low : n > high ? high : n;
}

/* Floor of the square root, one bit at a time. */
static uint32_t square_root(uint64_t n)
{
	uint32_t root = 0;

	for (uint32_t bit = 1u << 31; bit; bit >>= 1) {
		uint64_t candidate = root | bit;

		if (candidate * candidate <= n)
			root |= bit;
	}
	return root;
}

/* min_free's part of a zone: pages.  64 bits: page counts squared overflow 32. */
static size_t share_of(uint64_t min_free, uint64_t managed, uint64_t lowmem)
{
	return lowmem ? (size_t)(min_free * managed / lowmem) : 0;
}

/* Compute all marks and reserves from the sizes.  Pure. */
void zone_size_watermarks(struct zone_sizing *sizing)
{
	size_t lowmem = sizing->managed[MM_ZONE_DMA] + sizing->managed[MM_ZONE_NORMAL];
	size_t min_free_kb = square_root((uint64_t)lowmem * KB_PER_PAGE * 16);
	size_t min_free = clamp_size(min_free_kb, MIN_FREE_KB, MAX_FREE_KB) / KB_PER_PAGE;

	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		size_t managed = sizing->managed[i];
		size_t share = share_of(min_free, managed, lowmem);
		size_t gap = max_size(share / 4, managed / 1000);
		size_t above = 0;

		sizing->min[i] = share;
		if (i == MM_ZONE_HIGH)
			sizing->min[i] = clamp_size(managed / 1024, HIGH_MIN_MIN, HIGH_MIN_MAX);
		if (managed == 0)
			sizing->min[i] = 0;
		sizing->low[i] = sizing->min[i] + gap;
		sizing->high[i] = sizing->low[i] + gap;
		for (unsigned j = 0; j < MM_NR_ZONES; j++) {
			if (j > i)
				above += sizing->managed[j];
			sizing->reserve[i][j] = j > i ? above / reserve_ratio[i] : 0;
		}
	}
}

/* Mark what RAM there is in the zone as reserved; what is free is handed over later. */
static void stamp_reserved(struct zone *zone)
{
	for (size_t i = 0; i < bootmem.ram.count; i++) {
		const struct mm_range *ram = &bootmem.ram.ranges[i];
		paddr_t pfn = ram->start >> PAGE_SHIFT, end = ram->end >> PAGE_SHIFT;

		if (pfn < zone->buddy.start)
			pfn = zone->buddy.start;
		for (; pfn < end && pfn < zone->buddy.end; pfn++) {
			struct page *page = page_of_pfn((pfn_t)pfn);

			page->kind = PAGE_RESERVED;
			page->zone = (uint8_t)zone->id;
		}
	}
}

/* Give what nobody has taken in the zone's span to its buddy allocator. */
static void hand_over(struct zone *zone)
{
	const paddr_t start = (paddr_t)zone->buddy.start << PAGE_SHIFT;
	const paddr_t end = (paddr_t)zone->buddy.end << PAGE_SHIFT;

	for (size_t i = 0; i < bootmem.free.count; i++) {
		paddr_t from = bootmem.free.ranges[i].start, to = bootmem.free.ranges[i].end;

		from = from > start ? from : start;
		to = to < end ? to : end;
		if (from < to)
			buddy_add_range(&zone->buddy, (pfn_t)(from >> PAGE_SHIFT),
					(pfn_t)(to >> PAGE_SHIFT));
	}
	zone->managed = zone->buddy.nr_free;
}

/*
 * Set up one zone over the RAM between two addresses; without RAM it stays empty.
 * Its pageblock types are cut from `block_types`; returns what is left.
 */
static uint8_t *zone_init(enum mm_zone_id id, paddr_t start, paddr_t end, uint8_t *block_types)
{
	struct zone *zone = &zones[id];
	const struct memmap *ram = &bootmem.ram;
	paddr_t ram_end = ram->ranges[ram->count - 1].end;
	pfn_t first, last;

	memset(zone, 0, sizeof(*zone));
	zone->id = id;
	zone->name = zone_names[id];
	start = start > ram->ranges[0].start ? start : ram->ranges[0].start;
	end = end < ram_end ? end : ram_end;
	zone->present = start < end ? (size_t)(memmap_bytes(ram, start, end) >> PAGE_SHIFT) : 0;
	if (zone->present == 0)
		end = start = 0;
	first = (pfn_t)(start >> PAGE_SHIFT);
	last = (pfn_t)(end >> PAGE_SHIFT);
	buddy_init(&zone->buddy, page_array.bias, first, last, (uint8_t)id, block_types,
		   id == MM_ZONE_HIGH ? BLOCK_USER : BLOCK_KERNEL);
	stamp_reserved(zone);
	return block_types + buddy_nr_pageblocks(first, last);
}

/*
 * Make the zones from bootmem's map; all memory that is still free there changes
 * hands.  False when low memory has no room for the tables.
 */
bool zones_init(void)
{
	const paddr_t limits[MM_NR_ZONES] = {bootmem.dma_limit, bootmem.low_limit,
					     bootmem.max_paddr};
	size_t nr_blocks = page_array.entries >> MM_MAX_ORDER;
	/* A pageblock that a zone limit cuts in two has a type in each zone. */
	size_t nr_types = nr_blocks + MM_NR_ZONES;
	struct zone_sizing sizing;
	paddr_t phys;
	uint8_t *block_types = bootmem_alloc(nr_types + nr_blocks, PAGE_SIZE, &phys);

	if (!block_types)
		return false;
	page_array_set_map(block_types + nr_types);
	memset(&zone_queue, 0, sizeof(zone_queue));
	page_lists_reset();
	for (unsigned i = 0; i < MM_NR_ZONES; i++)
		block_types = zone_init((enum mm_zone_id)i, i ? limits[i - 1] : 0, limits[i],
					block_types);
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		hand_over(&zones[i]);
		sizing.managed[i] = zones[i].managed;
	}
	zone_size_watermarks(&sizing);
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		zones[i].min = sizing.min[i];
		zones[i].low = sizing.low[i];
		zones[i].high = sizing.high[i];
		memcpy(zones[i].reserve, sizing.reserve[i], sizeof(zones[i].reserve));
		page_lists_set_marks(&zones[i]);
		zone_reach[i] = zones[i].managed + (i ? zone_reach[i - 1] : 0);
		zone_first[i] = (uint8_t)(zones[i].managed || i == 0 ? i : zone_first[i - 1]);
	}
	return true;
}

/*
 * May a block of this order go, when `mark` pages must stay free?  A hint unless
 * the lock is held.
 */
bool zone_watermark_ok(const struct zone *zone, unsigned order, size_t mark)
{
	return zone->buddy.nr_free >= mark + ((size_t)1 << order) &&
	       buddy_has_block(&zone->buddy, order);
}

/* [z] The blocks that zone_defer() left. */
void zone_drain_slow_locked(struct zone *zone)
{
	pfn_t link = __atomic_exchange_n(&zone->deferred, 0, __ATOMIC_ACQ_REL);

	while (link) {
		struct page *page = page_of_pfn(link - 1);

		link = page->next;
		zone_free_locked(zone, page, page->order);
	}
}

/*
 * Free a block without the lock: whoever comes with it next does it.  The block has no
 * reference, and nobody can find it any more.  Any context, NMI included.
 */
void zone_defer(struct zone *zone, struct page *page)
{
	pfn_t first = __atomic_load_n(&zone->deferred, __ATOMIC_RELAXED);

	do
		page->next = first;
	while (!__atomic_compare_exchange_n(&zone->deferred, &first, pfn_of_page(page) + 1,
					    true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

/* [z] NULL when there is no block so large. */
static inline struct page *take(struct zone *zone, unsigned order, enum block_type type)
{
	struct page *page = buddy_alloc(&zone->buddy, order, type);

	if (likely(page))
		zone->allocs++;
	return page;
}

/* [z] A block, if `mark` pages stay free; NULL if not.  Any context that got the lock. */
struct page *zone_take_locked(struct zone *zone, unsigned order, enum block_type type,
			      size_t mark)
{
	zone_drain_locked(zone);
	page_lists_make_room_nolock(zone, order);
	return zone_watermark_ok(zone, order, mark) ? take(zone, order, type) : NULL;
}

/* [z] A block, if there is one even though all lists stay open. */
static inline struct page *take_if_roomy(struct zone *zone, unsigned order,
					 enum block_type type, size_t mark)
{
	size_t least = max_size(zone->lists_shut, mark) + ((size_t)1 << order);

	return likely(zone->buddy.nr_free >= least) ? take(zone, order, type) : NULL;
}

/* [z][p] With all that this CPU has in lists, if need be. */
static struct page *take_the_last(struct zone *zone, unsigned order, enum block_type type,
				  size_t mark)
{
	struct page *page;

	page_lists_make_room_locked(zone, order, (size_t)1 << order);
	page = zone_take_locked(zone, order, type, mark);
	if (!page && page_lists_give_back_locked(zone))
		page = zone_take_locked(zone, order, type, mark);
	return page;
}

MM_FASTCALL struct page *zone_alloc(struct zone *zone, unsigned order, enum block_type type,
				    size_t mark)
{
	mm_irqflags_t flags = mm_irq_save();
	struct page *page;

	mm_spin_lock(&zone->lock);
	zone_drain_locked(zone);
	page = take_if_roomy(zone, order, type, mark);
	if (unlikely(!page))
		page = take_the_last(zone, order, type, mark);
	mm_spin_unlock(&zone->lock);
	mm_irq_restore(flags);
	return page;
}

/* Up to n single pages, as long as `mark` pages stay free; returns how many. */
size_t zone_alloc_pages(struct zone *zone, enum block_type type, size_t mark,
			struct page **pages, size_t n)
{
	mm_irqflags_t flags = mm_irq_save();
	size_t got = 0;

	mm_spin_lock(&zone->lock);
	page_lists_make_room_locked(zone, 0, n);
	do {
		while (got < n && zone_watermark_ok(zone, 0, mark))
			pages[got++] = buddy_alloc(&zone->buddy, 0, type);
	} while (got < n && page_lists_give_back_locked(zone));
	zone->allocs += got;
	mm_spin_unlock(&zone->lock);
	mm_irq_restore(flags);
	return got;
}

void zone_free(struct zone *zone, struct page *page, unsigned order)
{
	mm_irqflags_t flags = mm_irq_save();

	mm_spin_lock(&zone->lock);
	zone_drain_locked(zone);
	zone_free_locked(zone, page, order);
	mm_spin_unlock(&zone->lock);
	mm_irq_restore(flags);
	zone_wake_waiters();
}

/*
 * Free a block that another one was taken for, or that alone was of no use: no progress of
 * reclaim's, and no reason for anybody who waits to try again.
 */
void zone_put_back(struct zone *zone, struct page *page, unsigned order)
{
	mm_irqflags_t flags = mm_irq_save();

	mm_spin_lock(&zone->lock);
	buddy_free(&zone->buddy, page, order);
	zone->frees++;
	mm_spin_unlock(&zone->lock);
	mm_irq_restore(flags);
}

/* Reclaim itself has taken a block: when that comes back, nothing is gained. */
void zone_count_loan(struct zone *zone, unsigned order)
{
	mm_irqflags_t flags = mm_irq_save();

	mm_spin_lock(&zone->lock);
	__atomic_store_n(&zone->freed, zone->freed - ((size_t)1 << order), __ATOMIC_RELAXED);
	mm_spin_unlock(&zone->lock);
	mm_irq_restore(flags);
}

/* Something has come free that those who wait for pages may have a use for. */
void zone_wake_waiters(void)
{
	if (unlikely(zone_has_waiters())) {
		__atomic_fetch_add(&zone_queue.event, 1, __ATOMIC_RELEASE);
		mm_host_wake(&zone_queue.event);
	}
}

/* Free pages of the zone, in lists of CPUs or not; a snapshot. */
size_t zone_free_pages(const struct zone *zone)
{
	return zone_own_pages(zone) + page_lists_pages(zone);
}

/* Those not in lists, which watermarks are about; a snapshot. */
size_t zone_own_pages(const struct zone *zone)
{
	return __atomic_load_n(&zone->buddy.nr_free, __ATOMIC_RELAXED);
}

/*
 * Pages that have ever come back to some of the zones, a bit for each; wraps, so only
 * differences mean something.
 */
size_t zones_freed(unsigned some)
{
	size_t pages = 0;

	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		if (some & (1u << i))
			pages += __atomic_load_n(&zones[i].freed, __ATOMIC_RELAXED) +
				 page_lists_freed(&zones[i]);
	}
	return pages;
}

void zone_count_failure(struct zone *zone)
{
	mm_irqflags_t flags = mm_irq_save();

	mm_spin_lock(&zone->lock);
	zone->failures++;
	mm_spin_unlock(&zone->lock);
	mm_irq_restore(flags);
}

/* All that is to be known of a zone, the moving parts at one moment. */
void zone_read(struct zone *zone, struct mm_zone_info *info)
{
	struct page_list_sum listed;
	mm_irqflags_t flags;

	memset(info, 0, sizeof(*info));
	info->name = zone->name;
	info->start = zone->buddy.start;
	info->end = zone->buddy.end;
	info->present = zone->present;
	info->managed = zone->managed;
	info->min = zone->min;
	info->low = zone->low;
	info->high = zone->high;
	memcpy(info->reserve, zone->reserve, sizeof(info->reserve));

	flags = mm_irq_save();
	mm_spin_lock(&zone->lock);
	page_lists_sum(zone, &listed);
	info->free = zone->buddy.nr_free;
	info->isolated = zone->buddy.nr_isolated;
	for (unsigned type = 0; type < NR_BLOCK_TYPES; type++)
		memcpy(info->free_blocks[type], zone->buddy.types[type].count,
		       sizeof(info->free_blocks[type]));
	for (unsigned order = 0; order < PAGE_LIST_ORDERS; order++) {
		for (unsigned type = 0; type < NR_BLOCK_TYPES; type++) {
			info->free_blocks[type][order] += listed.blocks[type][order];
			info->free += listed.blocks[type][order] << order;
		}
	}
	info->allocs = zone->allocs + listed.allocs;
	info->frees = zone->frees + listed.frees;
	info->failures = zone->failures;
	info->moved = zone->moved;
	info->compacted = zone->compacted;
	mm_spin_unlock(&zone->lock);
	mm_irq_restore(flags);
}
