// SPDX-License-Identifier: MIT
/*
 * Compaction in zones known to the page: which pages move, how many, and where to; where the
 * watermark ends it; whatever owners and interrupts do meanwhile.  And a storm, after
 * which a naive look at the page array must find nothing that could still be gained.
 */
#include "host.h"
#include <compact.h>
#include <harness.h>
#include <highmem.h>
#include <mm/nolock.h>
#include <page.h>
#include <page_list.h>
#include <string.h>
#include <unit/live.h>
#include <unit/tenant.h>
#include <zone.h>

#define MIB         ((paddr_t)1 << 20)
#define BLOCK_PAGES ((size_t)1 << MM_MAX_ORDER)

/* What a process asks for, without waiting; and what a driver would. */
#define GFP_TENANT  (GFP_NOWAIT | __GFP_HIGHMEM | __GFP_MOVABLE)
#define GFP_FIXED   (GFP_NOWAIT | __GFP_HIGHMEM | __GFP_USER)

/* Of High, eight pageblocks and nothing else: 12 to 44 MiB. */
#define WIDE_BLOCKS 8u
static const struct mm_range wide_ram = {1 * MIB, 44 * MIB};
static const struct host_machine wide = {
	&wide_ram,           1, NULL, 0, .dma_limit = 4 * MIB, .low_limit = 12 * MIB,
	.window_pages = 2048};

static struct tenant tenant;
static struct held fixed; /* blocks that cannot move */

static struct mm_zone_info high(void)
{
	struct mm_zone_info info;

	EXPECT(mm_zone_info(MM_ZONE_HIGH, &info));
	return info;
}

static size_t largest_blocks(const struct mm_zone_info *info)
{
	return info->free_blocks[0][MM_MAX_ORDER] + info->free_blocks[1][MM_MAX_ORDER];
}

/* A wide machine whose first blocks of High have used[i] pages of the tenant's. */
static bool settle(pfn_t *blocks, const unsigned *used, unsigned n)
{
	if (!EXPECT(host_boot(&wide)))
		return false;
	tenant_init(&tenant);
	held_init(&fixed);
	for (unsigned i = 0; i < n; i++) {
		blocks[i] = tenant_settle(&tenant, GFP_TENANT, used[i]);
		if (!EXPECT(blocks[i] >= high().start && blocks[i] < high().end))
			return false;
	}
	return true;
}

#define SETTLE(blocks, ...)                                                \
	do {                                                               \
		static const unsigned used[] = {__VA_ARGS__};              \
		if (!settle(blocks, used, sizeof(used) / sizeof(used[0]))) \
			return;                                            \
	} while (0)

/* Compact: so many blocks gained, so many pages moved; and all that follows from it. */
static void expect_compact(size_t gained, size_t moved)
{
	struct mm_zone_info before = high(), after;

	EXPECT_EQ(mm_compact(), gained);
	after = high();
	EXPECT_EQ(largest_blocks(&after), largest_blocks(&before) + gained);
	EXPECT_EQ(after.free, before.free);
	EXPECT_EQ(after.isolated, 0);
	EXPECT_EQ(after.compacted - before.compacted, gained);
	EXPECT_EQ(after.moved - before.moved, moved);
	EXPECT_EQ(after.allocs - before.allocs, after.frees - before.frees);
	EXPECT(tenant_check(&tenant));
}

/* Nothing to gain, and then not one page may change its place. */
static void expect_no_change(void)
{
	struct fingerprint before, after;

	fingerprint_take(&before);
	expect_compact(0, 0);
	fingerprint_take(&after);
	fingerprint_expect(&after, &before);
}

static void expect_near(const pfn_t *blocks, const size_t *pages, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		size_t found = tenant_pages_near(&tenant, blocks[i]);

		EXPECTF(found == pages[i], "block %u: expected %zu pages, found %zu", i,
			pages[i], found);
	}
}

#define EXPECT_NEAR(blocks, ...) \
	expect_near(blocks, (const size_t[]){__VA_ARGS__}, sizeof(blocks) / sizeof(blocks[0]))

static void leave(void)
{
	EXPECT(tenant_check(&tenant));
	tenant_drop_all(&tenant);
	held_free(&fixed);
	page_lists_drain();
	EXPECT_EQ(high().free, high().managed);
	EXPECT_EQ(high().free_blocks[1][MM_MAX_ORDER], WIDE_BLOCKS);
}

/* --- which pages move ---------------------------------------------------------------- */

TEST(the_emptiest_into_the_fullest)
{
	pfn_t blocks[3];

	SETTLE(blocks, 300, 100, 900);
	expect_compact(1, 100);
	EXPECT_NEAR(blocks, 300, 0, 1000);
	expect_no_change();
	leave();
}

TEST(in_any_order)
{
	pfn_t blocks[4];

	SETTLE(blocks, 900, 50, 100, 800);
	/* 50 to the first, then 74 of 100 to it and 26 to the last. */
	expect_compact(2, 150);
	EXPECT_NEAR(blocks, 1024, 0, 0, 826);
	expect_no_change();
	leave();
}

/* No page moves twice: what was filled first is not emptied afterwards. */
TEST(eight_eighths)
{
	pfn_t blocks[8];

	SETTLE(blocks, 128, 128, 128, 128, 128, 128, 128, 128);
	expect_compact(7, 7 * 128);
	EXPECT_EQ(high().free_blocks[1][MM_MAX_ORDER], 7);
	expect_no_change();
	leave();
}

TEST(room_to_the_page)
{
	pfn_t blocks[2];

	SETTLE(blocks, 512, 512);
	expect_compact(1, 512); /* of two alike the lower one: the block that came second */
	EXPECT_NEAR(blocks, 1024, 0);
	leave();
}

TEST(one_page_too_many)
{
	pfn_t blocks[2];

	SETTLE(blocks, 512, 513);
	expect_no_change();
	EXPECT_EQ(tenant.asked, 0);
	EXPECT_NEAR(blocks, 512, 513);
	leave();
}

TEST(full_blocks_and_free_ones_stay)
{
	pfn_t blocks[3];

	SETTLE(blocks, 1024, 0, 1024);
	expect_no_change();
	EXPECT_EQ(tenant.asked, 0);
	leave();
}

/* --- what cannot move ------------------------------------------------------------------ */

static struct page *tenant_page_in(pfn_t block, size_t n)
{
	for (pfn_t pfn = block; pfn < block + BLOCK_PAGES; pfn++) {
		if (tenant_find(&tenant, page_of_pfn(pfn)) < TENANT_PAGES && n-- == 0)
			return page_of_pfn(pfn);
	}
	return NULL;
}

/* A block with one page that stays is no source, but as good a target as any. */
TEST(one_page_without_a_mover)
{
	pfn_t blocks[2];
	struct page *page;

	SETTLE(blocks, 10, 100);
	page = tenant_page_in(blocks[0], 5);
	tenant_nail(&tenant, page);
	expect_compact(1, 100);
	EXPECT_NEAR(blocks, 110, 0);
	EXPECT(tenant_find(&tenant, page) < TENANT_PAGES);
	leave();
}

TEST(one_page_pinned)
{
	pfn_t blocks[2];
	struct page *page;

	SETTLE(blocks, 10, 100);
	page = tenant_page_in(blocks[0], 5);
	get_page(page);
	EXPECT_EQ(mm_compact(), 1);
	EXPECT_NEAR(blocks, 110, 0);
	EXPECT_EQ(page_count(page), 2);
	put_page(page);
	leave();
}

static struct page *victim;

/* Somebody pins a page of the source when the third is asked for. */
static bool pin_later(struct tenant *t, struct page *from, struct page *to)
{
	(void)from;
	(void)to;
	if (t->asked == 3)
		get_page(victim);
	return true;
}

/* What was moved before stays moved; the region is given back as it is then. */
TEST(pinned_when_half_is_moved)
{
	pfn_t blocks[2];

	SETTLE(blocks, 10, 1000);
	tenant_nail(&tenant, tenant_page_in(blocks[1], 0));
	victim = tenant_page_in(blocks[0], 5);
	tenant.hook = pin_later;
	EXPECT_EQ(mm_compact(), 0);
	EXPECT_EQ(tenant.moved, 5);
	EXPECT_NEAR(blocks, 5, 1005);
	put_page(victim);
	expect_compact(1, 5);
	EXPECT_NEAR(blocks, 0, 1010);
	leave();
}

/* The page itself, under way: the owner sees it, and refuses. */
static bool pin_this(struct tenant *t, struct page *from, struct page *to)
{
	(void)to;
	if (t->asked == 3) {
		victim = from;
		get_page(from);
	}
	return true;
}

TEST(pinned_when_asked)
{
	pfn_t blocks[2];

	SETTLE(blocks, 10, 1000);
	tenant_nail(&tenant, tenant_page_in(blocks[1], 0));
	tenant.hook = pin_this;
	EXPECT_EQ(mm_compact(), 0);
	EXPECT_EQ(tenant.moved, 2);
	EXPECT_EQ(page_count(victim), 2);
	put_page(victim);
	EXPECT_NEAR(blocks, 8, 1002);
	expect_compact(1, 8);
	leave();
}

static bool refuse_the_third(struct tenant *t, struct page *from, struct page *to)
{
	(void)from;
	(void)to;
	return t->asked != 3;
}

/* The next emptiest is tried, and what was refused may be moved to. */
TEST(refused_once)
{
	pfn_t blocks[3];

	SETTLE(blocks, 10, 20, 900);
	tenant_nail(&tenant, tenant_page_in(blocks[2], 0));
	tenant.hook = refuse_the_third;
	expect_compact(1, 2 + 20);
	EXPECT_NEAR(blocks, 8, 0, 922);
	expect_compact(1, 8);
	EXPECT_NEAR(blocks, 0, 0, 930);
	leave();
}

/* --- owners who act meanwhile -------------------------------------------------------------- */

static bool free_it(struct tenant *t, struct page *from, struct page *to)
{
	(void)to;
	tenant_drop(t, tenant_find(t, from));
	return false;
}

/* Free is free: each page of the source is freed when it is asked for, and nothing moves. */
TEST(freed_when_asked)
{
	struct mm_zone_info before;
	pfn_t blocks[2];

	SETTLE(blocks, 100, 500);
	before = high();
	tenant.hook = free_it;
	EXPECT_EQ(mm_compact(), 1);
	EXPECT_EQ(tenant.asked, 100);
	EXPECT_EQ(tenant.moved, 0);
	EXPECT_EQ(high().free, before.free + 100);
	EXPECT_EQ(high().moved, before.moved);
	EXPECT_NEAR(blocks, 0, 500);
	leave();
}

/* A page that an NMI handler freed while the zone's lock was held waits for the next who has it. */
TEST(freed_without_the_lock)
{
	struct zone *zone = &zones[MM_ZONE_HIGH];
	mm_irqflags_t flags;
	pfn_t blocks[2];
	size_t i;

	SETTLE(blocks, 10, 500);
	i = tenant_find(&tenant, tenant_page_in(blocks[0], 5));
	flags = mm_irq_save();
	mm_spin_lock(&zone->lock);
	free_pages_nolock(tenant.pages[i], 0);
	mm_spin_unlock(&zone->lock);
	mm_irq_restore(flags);
	tenant.pages[i] = NULL;
	tenant.nr--;
	EXPECT_EQ(mm_compact(), 1);
	EXPECT_EQ(tenant.moved, 9);
	EXPECT_NEAR(blocks, 0, 509);
	leave();
}

/* Frees all other pages of the source when the first is asked for. */
static bool free_the_rest(struct tenant *t, struct page *from, struct page *to)
{
	(void)to;
	for (size_t i = 0; i < TENANT_PAGES; i++) {
		if (t->pages[i] && t->pages[i] != from &&
		    pfn_of_page(t->pages[i]) >> MM_MAX_ORDER ==
			    pfn_of_page(from) >> MM_MAX_ORDER)
			tenant_drop(t, i);
	}
	return true;
}

TEST(the_rest_is_freed)
{
	pfn_t blocks[2];

	SETTLE(blocks, 100, 500);
	tenant.hook = free_the_rest;
	EXPECT_EQ(mm_compact(), 1);
	EXPECT_EQ(tenant.asked, 1);
	EXPECT_EQ(tenant.moved, 1);
	EXPECT_NEAR(blocks, 0, 501);
	leave();
}

/* While a source is emptied nobody gets a page of it, however many are asked for. */
static bool take_pages(struct tenant *t, struct page *from, struct page *to)
{
	(void)to;
	if (t->asked != 50)
		return true;
	for (size_t n = held_take(&fixed, GFP_FIXED, 0, 300); n > 0; n--) {
		struct page *page = held_pop(&fixed);

		EXPECT(pfn_of_page(page) >> MM_MAX_ORDER != pfn_of_page(from) >> MM_MAX_ORDER);
		__free_page(page);
	}
	return true;
}

TEST(nobody_else_takes_what_is_isolated)
{
	pfn_t blocks[2];

	SETTLE(blocks, 100, 500);
	tenant.hook = take_pages;
	expect_compact(1, 100);
	leave();
}

/* All room is taken away when half is moved: the source fails, and stays usable. */
static bool take_all_room(struct tenant *t, struct page *from, struct page *to)
{
	(void)from;
	(void)to;
	if (t->asked == 50)
		held_take(&fixed, GFP_FIXED, 0, SIZE_MAX);
	return true;
}

TEST(no_room_left_on_the_way)
{
	pfn_t blocks[2];

	SETTLE(blocks, 100, 500);
	tenant.hook = take_all_room;
	EXPECT_EQ(mm_compact(), 0);
	EXPECT_EQ(tenant.moved, 50);
	EXPECT_EQ(high().isolated, 0);
	EXPECT_NEAR(blocks, 50, 550);
	leave();
}

static pfn_t cleared;

/* A block that pages were going to becomes free: it is not broken up to gain another one. */
static bool free_a_target(struct tenant *t, struct page *from, struct page *to)
{
	(void)from;
	(void)to;
	for (size_t i = 0; i < TENANT_PAGES && t->asked == 3; i++) {
		if (t->pages[i] &&
		    pfn_of_page(t->pages[i]) >> MM_MAX_ORDER == cleared >> MM_MAX_ORDER)
			tenant_drop(t, i);
	}
	return true;
}

TEST(a_target_becomes_free)
{
	struct mm_zone_info before;
	pfn_t blocks[3];

	SETTLE(blocks, 10, 1021, 400);
	before = high();
	cleared = blocks[2];
	tenant.hook = free_a_target;
	EXPECT_EQ(mm_compact(), 0);
	EXPECT_EQ(high().free_blocks[1][MM_MAX_ORDER], before.free_blocks[1][MM_MAX_ORDER] + 1);
	EXPECT_NEAR(blocks, 7, 1024, 0);
	leave();
}

static bool compact_again(struct tenant *t, struct page *from, struct page *to)
{
	(void)t;
	(void)from;
	(void)to;
	EXPECT_EQ(mm_compact(), 0);
	EXPECT(!compact_for(MM_ZONE_HIGH, 3));
	EXPECT_EQ(mm_check(), 0);
	return true;
}

/* A pass inside of a pass does nothing; and at each moment all invariants hold. */
TEST(not_inside_of_itself)
{
	pfn_t blocks[2];

	SETTLE(blocks, 20, 500);
	tenant.hook = compact_again;
	expect_compact(1, 20);
	leave();
}

/* --- watermarks ------------------------------------------------------------------------------ */

/* Two half blocks, and beside them exactly `free` pages, none of them in a largest block. */
static void leave_free(size_t free)
{
	struct page *page;

	while (high().free_blocks[1][MM_MAX_ORDER])
		held_add(&fixed, alloc_pages(GFP_FIXED, MM_MAX_ORDER));
	page = held_pop(&fixed);
	split_page(page, MM_MAX_ORDER);
	for (size_t i = 0; i < BLOCK_PAGES; i++) {
		if (i < free)
			__free_page(page + i);
		else
			held_add(&fixed, page + i);
	}
}

/* What the zone must keep, and the pages that a block has: to the page. */
TEST(at_the_watermark)
{
	for (size_t missing = 0; missing < 2; missing++) {
		pfn_t blocks[2];

		SETTLE(blocks, 512, 512);
		leave_free(high().low - missing);
		EXPECT_EQ(high().free, high().low + BLOCK_PAGES - missing);
		EXPECT_EQ(mm_compact(), !missing);
		EXPECT_EQ(high().moved, missing ? 0 : 512);
		leave();
	}
}

static size_t least_free;

static bool watch_free(struct tenant *t, struct page *from, struct page *to)
{
	(void)t;
	(void)from;
	(void)to;
	least_free = high().free < least_free ? high().free : least_free;
	EXPECT_EQ(high().isolated + high().free + tenant.nr + fixed.pages + 1, high().managed);
	return true;
}

/* Others have the zone down to its low watermark at each moment. */
TEST(never_below_the_watermark)
{
	pfn_t blocks[2];

	SETTLE(blocks, 512, 512);
	leave_free(high().low);
	least_free = SIZE_MAX;
	tenant.hook = watch_free;
	expect_compact(1, 512);
	EXPECT_EQ(least_free, high().low);
	leave();
}

/* Others take all but what the watermark wants: there is room, but it is not ours. */
static bool take_to_the_watermark(struct tenant *t, struct page *from, struct page *to)
{
	(void)from;
	(void)to;
	if (t->asked == 50) {
		held_take(&fixed, GFP_FIXED, MM_MAX_ORDER, SIZE_MAX);
		held_take(&fixed, GFP_FIXED, 0, high().free - high().low);
	}
	return true;
}

TEST(down_to_the_watermark_on_the_way)
{
	pfn_t blocks[2];

	SETTLE(blocks, 100, 500);
	tenant.hook = take_to_the_watermark;
	EXPECT_EQ(mm_compact(), 0);
	EXPECT_EQ(tenant.moved, 50);
	EXPECT_NEAR(blocks, 50, 550);
	EXPECT_EQ(high().free, high().low + BLOCK_PAGES - 50);
	leave();
}

/* --- requests ------------------------------------------------------------------------------ */

/* All of High in single pages, every other one free, and its lists without larger blocks. */
static bool checkerboard(void)
{
	static const unsigned half[WIDE_BLOCKS] = {512, 512, 512, 512, 512, 512, 512, 512};
	pfn_t blocks[WIDE_BLOCKS];

	return settle(blocks, half, WIDE_BLOCKS) &&
	       EXPECT_EQ(high().free_blocks[1][0], WIDE_BLOCKS * 512);
}

/* Low memory out of the way, to the last page that may be taken. */
static void take_low_memory(void)
{
	held_drain(&fixed, GFP_NOWAIT);
}

TEST(requests_of_each_order)
{
	for (unsigned order = 1; order < MM_NR_ORDERS && !test_failed(); order++) {
		struct page *page;

		if (!checkerboard())
			return;
		take_low_memory();
		EXPECT(!alloc_pages(GFP_TENANT | __GFP_NOWARN, order));
		EXPECT_EQ(high().moved, 0);
		page = alloc_pages(GFP_HIGHUSER, order);
		if (EXPECT(page)) {
			EXPECT_EQ(live_zone_of(page), MM_ZONE_HIGH);
			EXPECT_EQ(high().moved, (size_t)1 << order >> 1);
			EXPECT_EQ(high().compacted, 1);
			__free_pages(page, order);
		}
		leave();
	}
}

/* One after the other, until what is free will not do for one more. */
TEST(requests_as_long_as_there_are_pages)
{
	size_t without, with, most;

	if (!checkerboard())
		return;
	take_low_memory();
	most = (high().free - high().low) / BLOCK_PAGES;
	without = held_take(&fixed, GFP_TENANT, MM_MAX_ORDER, SIZE_MAX);
	with = held_take(&fixed, GFP_HIGHUSER, MM_MAX_ORDER, SIZE_MAX);
	test_note("%zu pages free one by one: %zu largest blocks without compaction, %zu with "
		  "it, %u pages moved",
		  WIDE_BLOCKS * BLOCK_PAGES / 2, without, with, tenant.moved);
	EXPECT_EQ(without, 0);
	EXPECT_EQ(with, most);
	EXPECT_EQ(tenant.moved, most * 512);
	leave();
}

static bool refuse(struct tenant *t, struct page *from, struct page *to)
{
	(void)t;
	(void)from;
	(void)to;
	return false;
}

static unsigned sleeps;

/* Nobody frees anything meanwhile.  What sleeps for ever is let go, to fail. */
static bool sleep_in_vain(const uint32_t *word, unsigned ms)
{
	(void)word;
	(void)ms;
	if (++sleeps == 1000) {
		test_fail(NULL, 0, "a request that nobody can serve goes on for ever");
		tenant.hook = NULL;
	}
	return true;
}

/* Pages that compaction takes and puts back are no progress: such a request ends. */
TEST(attempts_are_no_progress)
{
	if (!checkerboard())
		return;
	take_low_memory();
	tenant.hook = refuse;
	sleeps = 0;
	host_on_sleep(sleep_in_vain);
	EXPECT(!alloc_pages(GFP_HIGHUSER | __GFP_NOWARN, 2));
	host_on_sleep(NULL);
	EXPECT(tenant.asked > 1);
	EXPECT(sleeps > 0);
	leave();
}

TEST(single_pages_want_no_compaction)
{
	if (!checkerboard())
		return;
	EXPECT(!compact_for(MM_ZONE_HIGH, 0));
	leave();
}

/* --- odd zones ------------------------------------------------------------------------------ */

/* High begins and ends within a pageblock, and has a hole: two whole pageblocks are left. */
static const struct mm_range odd_ram[] = {
	{1 * MIB, 13 * MIB + 5 * PAGE_SIZE},
	{14 * MIB, 26 * MIB + 77 * PAGE_SIZE},
};
static const struct host_machine odd = {odd_ram,
					2,
					NULL,
					0,
					.dma_limit = 4 * MIB,
					.low_limit = 8 * MIB + 8 * PAGE_SIZE,
					.window_pages = 2048};

TEST(odd_zones)
{
	struct mm_zone_info before;
	pfn_t blocks[2];

	ASSERT(host_boot(&odd));
	tenant_init(&tenant);
	held_init(&fixed);
	before = high();
	EXPECT_EQ(largest_blocks(&before), 2);
	for (unsigned i = 0; i < 2; i++)
		blocks[i] = tenant_settle(&tenant, GFP_TENANT, 200);
	EXPECT(blocks[1] != PFN_NONE);
	/* The rest of the zone is free, but for one page here and there. */
	for (size_t i = 0; i < 64; i++) {
		struct page *page = alloc_page(GFP_TENANT);

		ASSERT(page);
		tenant_adopt(&tenant, page);
	}
	EXPECT_EQ(mm_compact(), 2);
	EXPECT(tenant_check(&tenant));
	EXPECT_EQ(tenant_pages_near(&tenant, blocks[0]), 0);
	EXPECT_EQ(tenant_pages_near(&tenant, blocks[1]), 0);
	EXPECT_EQ(mm_compact(), 0);
	EXPECT_EQ(mm_check(), 0);
	tenant_drop_all(&tenant);
	EXPECT_EQ(high().free, before.free);
}

/* Pages of a user that had to go to a kernel pageblock leave it; none comes. */
TEST(kernel_pageblocks_are_sources_only)
{
	pfn_t blocks[2];
	struct page *kernel;

	SETTLE(blocks, 300, 100);
	kernel =
		alloc_pages(GFP_NOWAIT | __GFP_HIGHMEM, MM_MAX_ORDER); /* turns its pageblock */
	ASSERT(kernel);
	EXPECT_EQ(live_zone_of(kernel), MM_ZONE_HIGH);
	split_page(kernel, MM_MAX_ORDER);
	for (size_t i = 0; i < BLOCK_PAGES; i++) {
		if (i % 2)
			tenant_adopt(&tenant, kernel + i);
		else
			__free_page(kernel + i);
	}
	expect_compact(2, 100 + 512);
	EXPECT_NEAR(blocks, 912, 0);
	EXPECT_EQ(high().free_blocks[0][MM_MAX_ORDER], 1);
	EXPECT(tenant_check(&tenant));
	tenant_drop_all(&tenant);
}

TEST_SUITE(compaction, the_emptiest_into_the_fullest, in_any_order, eight_eighths,
	   room_to_the_page, one_page_too_many, full_blocks_and_free_ones_stay,
	   one_page_without_a_mover, one_page_pinned, pinned_when_half_is_moved,
	   pinned_when_asked, refused_once, freed_when_asked, freed_without_the_lock,
	   the_rest_is_freed, nobody_else_takes_what_is_isolated, no_room_left_on_the_way,
	   a_target_becomes_free, not_inside_of_itself, at_the_watermark,
	   never_below_the_watermark, down_to_the_watermark_on_the_way, requests_of_each_order,
	   requests_as_long_as_there_are_pages, attempts_are_no_progress,
	   single_pages_want_no_compaction, odd_zones, kernel_pageblocks_are_sources_only);
