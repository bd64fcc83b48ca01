// SPDX-License-Identifier: MIT
/*
 * Compaction on the live allocator, wherever there are a few largest blocks to fragment: what
 * must hold on every machine.  What a zone known to the page must do is in tests/host.
 */
#include "live.h"
#include "tenant.h"
#include <bits.h>
#include <compact.h>
#include <harness.h>
#include <mem.h>
#include <page_list.h>

/* User pages, and no reserve touched: largest blocks are taken as long as there are any. */
#define GFP_TENANT (GFP_NOWAIT | __GFP_HIGHMEM | __GFP_MOVABLE)
#define BLOCKS     3u

static struct tenant tenant;

static size_t largest_blocks(void)
{
	struct mm_zone_info info;
	size_t n = 0;

	page_lists_drain();
	for (unsigned i = 0; i < MM_NR_ZONES; i++)
		if (mm_zone_info((enum mm_zone_id)i, &info))
			n += info.free_blocks[0][MM_MAX_ORDER] +
			     info.free_blocks[1][MM_MAX_ORDER];
	return n;
}

/* Compact; as many more blocks must be there as it says. */
static size_t compact(void)
{
	size_t before = largest_blocks(), free = nr_free_pages(), gained = mm_compact();

	EXPECT_EQ(largest_blocks(), before + gained);
	EXPECT_EQ(nr_free_pages(), free);
	return gained;
}

/*
 * BLOCKS largest blocks of one zone that has another one, and much besides; the first
 * frame of each, with used[i] of its pages kept.  False: this machine has not so many.
 */
static bool settle(pfn_t blocks[BLOCKS], const unsigned used[BLOCKS])
{
	struct mm_zone_info info;

	tenant_init(&tenant);
	for (unsigned i = MM_NR_ZONES; i-- > 0;) {
		if (!mm_zone_info((enum mm_zone_id)i, &info))
			continue;
		if (info.free_blocks[0][MM_MAX_ORDER] + info.free_blocks[1][MM_MAX_ORDER] <
		    BLOCKS)
			return false;
		for (unsigned j = 0; j < BLOCKS; j++)
			blocks[j] = tenant_settle(&tenant, GFP_TENANT, used[j]);
		return EXPECT(blocks[BLOCKS - 1] != PFN_NONE);
	}
	return false;
}

#define SETTLE(blocks, ...)                                                    \
	do {                                                                   \
		if (!settle(blocks, (const unsigned[BLOCKS]){__VA_ARGS__}))    \
			SKIP("too few of the largest blocks in the top zone"); \
	} while (0)

static void leave(void)
{
	EXPECT(tenant_check(&tenant));
	tenant_drop_all(&tenant);
}

TEST(nothing_to_gain)
{
	struct fingerprint before, after;

	tenant_init(&tenant);
	compact(); /* others may have left something behind */
	fingerprint_take(&before);
	EXPECT_EQ(compact(), 0);
	fingerprint_take(&after);
	fingerprint_expect(&after, &before);
}

/* Two halves make a whole, and a second pass finds nothing. */
TEST(two_halves)
{
	pfn_t blocks[BLOCKS];

	SETTLE(blocks, 512, 512, 0);
	EXPECT(compact() >= 1);
	EXPECT(tenant.moved >= 512);
	EXPECT_EQ(compact(), 0);
	leave();
}

TEST(contents_survive)
{
	pfn_t blocks[BLOCKS];

	SETTLE(blocks, 300, 700, 20);
	compact();
	EXPECT(tenant.moved > 0);
	EXPECT_EQ(tenant.nr, 1020);
	leave();
}

/* What nobody can move stays, and so does what lies around it. */
TEST(pages_without_a_mover_stay)
{
	pfn_t blocks[BLOCKS];
	unsigned asked;

	SETTLE(blocks, 200, 200, 200);
	for (size_t i = 0; i < TENANT_PAGES; i++)
		if (tenant.pages[i])
			mm_clear_movable(tenant.pages[i]);
	compact();
	EXPECT_EQ(tenant.asked, 0);
	for (unsigned i = 0; i < BLOCKS; i++)
		EXPECT_EQ(tenant_pages_near(&tenant, blocks[i]), 200);
	for (size_t i = 0; i < TENANT_PAGES; i++)
		if (tenant.pages[i])
			mm_set_movable(tenant.pages[i], &tenant.mover);
	EXPECT(compact() >= 1);
	asked = tenant.asked;
	EXPECT(asked >= 200);
	leave();
}

static bool refuse(struct tenant *t, struct page *from, struct page *to)
{
	(void)t;
	(void)from;
	(void)to;
	return false;
}

/* Asked once for each region; then all is as it was, to the page. */
TEST(a_mover_that_refuses)
{
	struct fingerprint before, after;
	pfn_t blocks[BLOCKS];

	SETTLE(blocks, 100, 200, 300);
	fingerprint_take(&before);
	tenant.hook = refuse;
	EXPECT_EQ(compact(), 0);
	EXPECT(tenant.asked >= 1 && tenant.asked <= BLOCKS);
	fingerprint_take(&after);
	fingerprint_expect(&after, &before);
	leave();
}

/* Allocation and frees in the middle of a move, as page tables want them. */
static bool alloc_and_free(struct tenant *t, struct page *from, struct page *to)
{
	static struct page *kept[8];
	unsigned i = t->asked % 8;

	(void)from;
	(void)to;
	if (kept[i])
		__free_page(kept[i]);
	kept[i] = t->asked < 256 ? alloc_page(GFP_ATOMIC | __GFP_NOWARN) : NULL;
	return true;
}

TEST(a_mover_that_allocates)
{
	pfn_t blocks[BLOCKS];
	size_t free;

	SETTLE(blocks, 400, 400, 400);
	free = nr_free_pages();
	tenant.hook = alloc_and_free;
	EXPECT(mm_compact() >= 1);
	EXPECT(tenant.moved >= 400);
	EXPECT_EQ(nr_free_pages(), free);
	leave();
}

TEST(where_sleeping_is_not_allowed)
{
	mm_irqflags_t flags = mm_irq_save();

	expect_report(MM_REPORT_MIGHT_SLEEP, 1);
	EXPECT_EQ(mm_compact(), 0);
	mm_irq_restore(flags);
}

TEST_SUITE(compact, nothing_to_gain, two_halves, contents_survive, pages_without_a_mover_stay,
	   a_mover_that_refuses, a_mover_that_allocates, where_sleeping_is_not_allowed);
