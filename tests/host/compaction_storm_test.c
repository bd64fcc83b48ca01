// SPDX-License-Identifier: MIT
/*
 * Compaction in the middle of everything else.
 *
 * First interrupts, at the end of every critical section, whose handler frees, pins and takes
 * over pages that are being moved.  Then long random histories: after each pass a naive count
 * over the page array must find no region that could still be emptied, and no page lost.
 */
#include "host.h"
#include <compact.h>
#include <harness.h>
#include <page.h>
#include <string.h>
#include <unit/live.h>
#include <unit/tenant.h>
#include <zone.h>

#define MIB        ((paddr_t)1 << 20)
#define GFP_TENANT (GFP_NOWAIT | __GFP_HIGHMEM | __GFP_MOVABLE)

/* Zones with odd edges and a hole; High has fewer regions of 256 pages than a stretch. */
static const struct mm_range ram[] = {
	{1 * MIB + 3 * PAGE_SIZE, 13 * MIB + 5 * PAGE_SIZE},
	{13 * MIB + 9 * PAGE_SIZE, 38 * MIB + 77 * PAGE_SIZE},
};
static const struct host_machine machine = {ram,
					    2,
					    NULL,
					    0,
					    .dma_limit = 4 * MIB,
					    .low_limit = 12 * MIB + 8 * PAGE_SIZE,
					    .window_pages = 2048};
#define LEAST_ORDER 8u /* see above */

static struct tenant tenant;
static size_t managed;

static bool begin(void)
{
	if (!EXPECT(host_boot(&machine)))
		return false;
	tenant_init(&tenant);
	managed = nr_free_pages();
	return true;
}

/* --- interrupts ------------------------------------------------------------------------ */

#define PINS  16u
#define TAKEN 32u

static struct {
	uint64_t random;
	struct page *pins[PINS], *taken[TAKEN];
	unsigned long pinned, freed, adopted;
} handler;

static unsigned below(unsigned n)
{
	return (unsigned)(test_random_from(&handler.random) >> 33) % n;
}

/* A random page of the tenant's; TENANT_PAGES when it has none near a random place. */
static size_t any_page(unsigned at)
{
	for (size_t i = at; i < TENANT_PAGES; i++)
		if (tenant.pages[i])
			return i;
	return TENANT_PAGES;
}

static void pin_or_unpin(void)
{
	struct page **pin = &handler.pins[below(PINS)];
	size_t i = any_page(below(TENANT_PAGES));

	if (*pin) {
		put_page(*pin);
		*pin = NULL;
	} else if (i < TENANT_PAGES) {
		*pin = tenant.pages[i];
		get_page(*pin);
		handler.pinned++;
	}
}

static void free_or_adopt(void)
{
	size_t i = any_page(below(TENANT_PAGES));

	if (below(2) && i < TENANT_PAGES) {
		tenant_drop(&tenant, i);
		handler.freed++;
	} else {
		struct page *page =
			alloc_page(GFP_ATOMIC | __GFP_HIGHMEM | __GFP_MOVABLE | __GFP_NOWARN);

		if (page && tenant_adopt(&tenant, page) == TENANT_PAGES)
			__free_page(page);
		handler.adopted++;
	}
}

static void take_or_free(void)
{
	struct page **taken = &handler.taken[below(TAKEN)];

	if (*taken) {
		__free_pages(*taken, (*taken)->order);
		*taken = NULL;
	} else {
		*taken = alloc_pages(GFP_ATOMIC | __GFP_HIGHMEM | __GFP_USER | __GFP_NOWARN,
				     below(4));
	}
}

static unsigned one_in;

static void interrupt(void)
{
	if (below(one_in))
		return;
	switch (below(4)) {
	case 0: pin_or_unpin(); break;
	case 1: free_or_adopt(); break;
	default: take_or_free(); break;
	}
}

static void handler_ends(void)
{
	host_on_interrupt(NULL);
	for (unsigned i = 0; i < PINS; i++)
		if (handler.pins[i])
			put_page(handler.pins[i]);
	for (unsigned i = 0; i < TAKEN; i++)
		if (handler.taken[i])
			__free_pages(handler.taken[i], handler.taken[i]->order);
}

/* Pageblocks of various fill, compacted while the handler does its worst. */
static unsigned long compacted_amid(unsigned frequency)
{
	unsigned long gained;

	if (!begin())
		return 0;
	memset(&handler, 0, sizeof(handler));
	handler.random = test_random64();
	one_in = frequency;
	for (unsigned used; (used = test_random_below(700)) > 0;)
		if (tenant_settle(&tenant, GFP_TENANT, used) == PFN_NONE)
			break;
	host_on_interrupt(interrupt);
	gained = mm_compact();
	for (unsigned order = 1; order < MM_NR_ORDERS; order++)
		compact_for(MM_ZONE_HIGH, order);
	handler_ends();
	EXPECT_EQ(mm_check(), 0);
	EXPECT(tenant_check(&tenant));
	tenant_drop_all(&tenant);
	EXPECT_EQ(nr_free_pages(), managed);
	return gained;
}

/* Rounds, and how many blocks they gained together: at least one, or nothing was tested. */
static void interrupt_often(unsigned frequency, unsigned rounds)
{
	unsigned long gained = 0, pinned = 0, freed = 0, adopted = 0;

	for (unsigned i = 0; i < rounds && !test_failed(); i++) {
		gained += compacted_amid(frequency);
		pinned += handler.pinned;
		freed += handler.freed;
		adopted += handler.adopted;
	}
	test_note("%lu blocks gained; the handler pinned %lu, freed %lu, adopted %lu pages",
		  gained, pinned, freed, adopted);
	EXPECT(pinned && freed && adopted);
	EXPECT(gained > 0);
}

TEST(interrupted_at_every_chance)
{
	unsigned rounds = 4 * test_effort();

	one_in = 1;
	for (unsigned i = 0; i < rounds && !test_failed(); i++)
		compacted_amid(1);
	EXPECT(handler.pinned && handler.freed && handler.adopted);
}

TEST(interrupted_now_and_then)
{
	interrupt_often(60, 4 * test_effort());
}

/* --- the naive count ------------------------------------------------------------------------ */

struct count {
	size_t used, room;
	bool source;
};

/* One region, page by page; what is free already has no room, and is no source. */
static struct count count_region(const struct zone *zone, pfn_t start, unsigned order)
{
	struct count count = {0, 0, true};
	size_t free = 0, size = (size_t)1 << order;
	unsigned char freed[1024] = {0};

	for (pfn_t pfn = pfn_align_down(start, MM_MAX_ORDER), end = pfn + 1024; pfn < end;
	     pfn++) {
		const struct page *page = page_of_pfn(pfn);

		if (page->zone != zone->id || page->kind != PAGE_FREE)
			continue;
		for (pfn_t i = 0; i < 1u << page->order; i++)
			freed[(pfn + i) % 1024] = 1;
	}
	for (pfn_t pfn = start; pfn < start + size; pfn++) {
		const struct page *page = page_of_pfn(pfn);
		bool inside = pfn >= zone->buddy.start && pfn < zone->buddy.end;

		if (inside && freed[pfn % 1024])
			free++;
		else if (inside)
			count.used++;
		if (!inside ||
		    (!freed[pfn % 1024] &&
		     !(tenant_find(&tenant, page) < TENANT_PAGES && page->refs == 1)))
			count.source = false;
	}
	if (free == size)
		return (struct count){0, 0, false};
	if (buddy_pageblock_type(&zone->buddy, start < zone->buddy.start ? zone->buddy.start
									 : start) == BLOCK_USER)
		count.room = free;
	return count;
}

/* Is there a region that could be emptied into the others? */
static bool could_gain(const struct zone *zone, unsigned order, size_t mark)
{
	pfn_t size = 1u << order, first = zone->buddy.start / size * size;
	size_t room = 0;

	if (zone->buddy.nr_free < mark + size)
		return false;
	for (pfn_t pfn = first; pfn < zone->buddy.end; pfn += size)
		room += count_region(zone, pfn, order).room;
	for (pfn_t pfn = first; pfn < zone->buddy.end; pfn += size) {
		struct count count = count_region(zone, pfn, order);

		if (count.source && room - count.room >= count.used)
			return true;
	}
	return false;
}

/* --- random histories ------------------------------------------------------------------------ */

static struct held fixed[8];

static void random_step(void)
{
	static const gfp_t kinds[] = {GFP_NOWAIT, GFP_NOWAIT | __GFP_HIGHMEM,
				      GFP_NOWAIT | __GFP_HIGHMEM | __GFP_USER,
				      GFP_NOWAIT | __GFP_USER};
	struct held *held = &fixed[test_random_below(8)];
	struct page *page;

	switch (test_random_below(8)) {
	case 0: held_take(held, kinds[test_random_below(4)], test_random_below(5), 1); return;
	case 1: held_free(held); return;
	case 2:
	case 3:
	case 4:
		page = alloc_page(test_random_below(8) ? GFP_TENANT : GFP_NOWAIT | __GFP_USER);
		if (page && tenant_adopt(&tenant, page) == TENANT_PAGES)
			__free_page(page);
		return;
	default:
		if (tenant.nr) {
			size_t i = any_page(test_random_below(TENANT_PAGES));

			if (i < TENANT_PAGES)
				tenant_drop(&tenant, i);
		}
	}
}

/* A whole pass, and what must be so after it. */
static size_t compact_fully(void)
{
	size_t free = nr_free_pages(), blocks = 0, gained;
	struct fingerprint before, after;

	fingerprint_take(&before);
	gained = mm_compact();
	fingerprint_take(&after);
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		EXPECT_EQ(after.free[i], before.free[i]);
		blocks += after.blocks[i][MM_MAX_ORDER] - before.blocks[i][MM_MAX_ORDER];
		EXPECT(!could_gain(&zones[i], MM_MAX_ORDER, zones[i].low));
	}
	EXPECT_EQ(blocks, gained);
	EXPECT_EQ(nr_free_pages(), free);
	fingerprint_take(&before);
	EXPECT_EQ(mm_compact(), 0);
	fingerprint_take(&after);
	fingerprint_expect(&after, &before);
	return gained;
}

/* For one request: it succeeds then, or nothing could have been done for it. */
static size_t compact_for_one(unsigned order)
{
	enum mm_zone_id class = (enum mm_zone_id)test_random_below(MM_NR_ZONES);
	bool found = compact_for(class, order), possible = false, there = false;

	for (int i = (int)class; i >= 0; i--) {
		const struct zone *zone = &zones[i];
		size_t mark = zone->low + zone->reserve[class];

		possible = possible || could_gain(zone, order, mark);
		there = there || zone_watermark_ok(zone, order, mark);
	}
	EXPECT_EQ(found, there);
	EXPECT(found || !possible);
	return found;
}

static size_t history(unsigned steps)
{
	size_t gained = 0;

	for (unsigned i = 0; i < steps && !test_failed(); i++) {
		random_step();
		if (i % 500 == 499) {
			gained += compact_for_one(LEAST_ORDER + test_random_below(3));
			EXPECT(tenant_check(&tenant));
			EXPECT_EQ(mm_check(), 0);
		}
	}
	return gained + compact_fully();
}

/* Filled to a random degree by whole blocks, then worn by single steps. */
TEST(random_histories)
{
	size_t gained = 0;

	for (unsigned i = 0; i < 3 * test_effort() && !test_failed(); i++) {
		if (!begin())
			return;
		for (unsigned j = 0; j < 8; j++)
			held_init(&fixed[j]);
		for (unsigned n = test_random_below(7); n > 0; n--)
			tenant_settle(&tenant, GFP_TENANT, 1 + test_random_below(900));
		gained += history(1000 + test_random_below(2000));
		EXPECT(tenant_check(&tenant));
		EXPECT_EQ(mm_check(), 0);
		tenant_drop_all(&tenant);
		for (unsigned j = 0; j < 8; j++)
			held_free(&fixed[j]);
		EXPECT_EQ(nr_free_pages(), managed);
	}
	test_note("%zu gains", gained);
	EXPECT(gained > 0);
}

TEST_SUITE(compaction_storm, interrupted_at_every_chance, interrupted_now_and_then,
	   random_histories);
