// SPDX-License-Identifier: MIT
/*
 * The buddy allocator, on pages of our own, against the model of buddy_model.c after every
 * single step: all short histories over 16 pages, long random ones over zones with
 * edges anywhere and holes, and by hand what the theory at the top of buddy.c says of
 * splitting, merging, stealing and edges.
 */
#include "buddy_model.h"
#include <harness.h>
#include <mem.h>

/* --- by hand -------------------------------------------------------------------------- */

TEST(empty)
{
	model_begin(0, 64, BLOCK_KERNEL);
	model_verify();
	for (unsigned order = 0; order < MM_NR_ORDERS; order++) {
		EXPECT(!buddy_alloc(&model.buddy, order, BLOCK_KERNEL));
		EXPECT(!buddy_alloc(&model.buddy, order, BLOCK_USER));
		EXPECT(!buddy_has_block(&model.buddy, order));
	}
	model_begin(7, 7, BLOCK_KERNEL);
	EXPECT_EQ(buddy_nr_pageblocks(7, 7), 0);
	EXPECT_EQ(model.buddy.nr_free, 0);
}

/* The lower half is kept and the upper ones are freed, down to the order. */
TEST(split)
{
	model_begin(16, 32, BLOCK_KERNEL);
	model_hand_over(16, 32);
	EXPECT_EQ(model_alloc(0, BLOCK_KERNEL), 16);
	for (unsigned order = 0; order < 4; order++) {
		EXPECT_EQ(model.buddy.types[BLOCK_KERNEL].count[order], 1);
		EXPECT_EQ(model.buddy.types[BLOCK_KERNEL].head[order], 16 + (1u << order));
	}
	EXPECT_EQ(model.buddy.types[BLOCK_KERNEL].orders, 0xf);
	EXPECT_EQ(model_alloc(0, BLOCK_KERNEL), 17);
	EXPECT_EQ(model_alloc(2, BLOCK_KERNEL), 20);
	EXPECT_EQ(model_alloc(3, BLOCK_KERNEL), 24);
	EXPECT_EQ(model_alloc(2, BLOCK_KERNEL), PFN_NONE);
	EXPECT_EQ(model_alloc(1, BLOCK_KERNEL), 18);
	EXPECT_EQ(model_alloc(0, BLOCK_KERNEL), PFN_NONE);
	EXPECT_EQ(model.buddy.nr_free, 0);
	model_verify();
}

/* has_block: of this order or more, of any type, and nothing else. */
TEST(has_block)
{
	model_begin(0, 40, BLOCK_USER);
	model_hand_over(4, 8);
	for (unsigned order = 0; order < MM_NR_ORDERS; order++)
		EXPECT_EQ(buddy_has_block(&model.buddy, order), order <= 2);
	EXPECT_EQ(model_alloc(1, BLOCK_KERNEL), 4);
	for (unsigned order = 0; order < MM_NR_ORDERS; order++)
		EXPECT_EQ(buddy_has_block(&model.buddy, order), order <= 1);
}

/* Two largest blocks side by side are buddies of the next order, which does not exist. */
TEST(merging_stops_at_the_largest_order)
{
	model_begin(0, 2048, BLOCK_KERNEL);
	model_hand_over(0, 2048);
	EXPECT_EQ(model.buddy.types[BLOCK_KERNEL].count[MM_MAX_ORDER], 2);
	model_verify();
	for (unsigned i = 0; i < 2; i++) {
		pfn_t pfn = model_alloc(MM_MAX_ORDER, BLOCK_KERNEL);

		EXPECT_EQ(pfn % 1024, 0);
		model_free(pfn);
		model_verify();
	}
}

/* Neighbouring zones in one page array: blocks that are buddies across the border. */
TEST(merging_stops_at_the_zone)
{
	static uint8_t types[2];
	struct buddy below, above;

	memset(model_pages, 0, sizeof(model_pages));
	for (pfn_t border = 1; border < 64; border++) {
		uintptr_t bias = (uintptr_t)model_pages;

		memset(model_pages, 0, 64 * sizeof(model_pages[0]));
		buddy_init(&below, bias, 0, border, 0, &types[0], BLOCK_KERNEL);
		buddy_init(&above, bias, border, 64, 1, &types[1], BLOCK_KERNEL);
		buddy_add_range(&below, 0, border);
		buddy_add_range(&above, border, 64);
		for (pfn_t pfn = 0; pfn < 64; pfn++)
			EXPECT_EQ(model_pages[pfn].zone, pfn >= border);
		EXPECT_EQ(below.nr_free, border);
		EXPECT_EQ(above.nr_free, 64 - border);
		/* As many blocks as bits in the lengths: nothing else can be aligned so. */
		EXPECT_EQ(below.types[0].orders, border);
		EXPECT_EQ(above.types[0].orders, 64 - border);
	}
}

/* Just outside of the zone, on either side, lie pages that look like free buddies. */
TEST(merging_stops_at_decoys)
{
	static uint8_t type;
	struct buddy buddy;

	memset(model_pages, 0, 16 * sizeof(model_pages[0]));
	model_pages[4] = model_pages[11] =
		(struct page){.kind = PAGE_FREE, .zone = 1, .prev = PFN_NONE, .next = PFN_NONE};
	buddy_init(&buddy, (uintptr_t)model_pages, 5, 11, 1, &type, BLOCK_KERNEL);
	buddy_add_range(&buddy, 5, 11);
	EXPECT_EQ(buddy.nr_free, 6);
	EXPECT_EQ(buddy.types[0].count[0], 2);
	EXPECT_EQ(buddy.types[0].count[1], 2);
	EXPECT_EQ(model_pages[4].kind, PAGE_FREE);
	EXPECT_EQ(model_pages[11].kind, PAGE_FREE);
}

/* Should the spans of two zones ever interleave, each page still belongs to one. */
TEST(merging_stops_at_foreign_pages)
{
	static uint8_t types[2];
	struct buddy even, odd;

	memset(model_pages, 0, 64 * sizeof(model_pages[0]));
	buddy_init(&even, (uintptr_t)model_pages, 0, 64, 0, &types[0], BLOCK_KERNEL);
	buddy_init(&odd, (uintptr_t)model_pages, 0, 64, 1, &types[1], BLOCK_KERNEL);
	for (pfn_t pfn = 0; pfn < 64; pfn += 8)
		buddy_add_range(pfn & 8 ? &odd : &even, pfn, pfn + 8);
	EXPECT_EQ(even.types[0].count[3], 4);
	EXPECT_EQ(odd.types[0].count[3], 4);
	EXPECT_EQ(even.nr_free, 32);
	EXPECT_EQ(odd.nr_free, 32);
}

/* --- stealing -------------------------------------------------------------------------- */

/* A whole pageblock changes hands, and serves what comes next. */
TEST(stealing_takes_the_pageblock)
{
	model_begin(0, 2048, BLOCK_KERNEL);
	model_hand_over(0, 2048);
	for (unsigned i = 0; i < 2; i++) {
		pfn_t user = model_alloc(0, BLOCK_USER);
		pfn_t kernel = model_alloc(0, BLOCK_KERNEL);

		EXPECT(user / 1024 != kernel / 1024);
		EXPECT_EQ(buddy_pageblock_type(&model.buddy, user), BLOCK_USER);
		EXPECT_EQ(buddy_pageblock_type(&model.buddy, kernel), BLOCK_KERNEL);
		model_verify();
	}
	EXPECT_EQ(model.buddy.types[BLOCK_USER].count[9], 1);
}

/* Both types take turns until all is gone: no pageblock serves both. */
TEST(types_stay_apart)
{
	unsigned mixed = 0;

	model_begin(0, 2048, BLOCK_KERNEL);
	model_hand_over(0, 2048);
	for (unsigned i = 0; i < 1024; i++) {
		struct page *user = buddy_alloc(&model.buddy, 0, BLOCK_USER);
		struct page *kernel = buddy_alloc(&model.buddy, 0, BLOCK_KERNEL);

		ASSERT(user && kernel);
		mixed += (user - model_pages) / 1024 == (kernel - model_pages) / 1024;
	}
	EXPECT_EQ(mixed, 0);
	EXPECT_EQ(model.buddy.nr_free, 0);
}

/* A fragment is taken from the other type: the largest, and the pageblock stays. */
TEST(stealing_a_fragment)
{
	pfn_t half, user;

	model_begin(0, 1024, BLOCK_KERNEL);
	model_hand_over(0, 1024);
	half = model_alloc(9, BLOCK_KERNEL);
	EXPECT_EQ(model_alloc(7, BLOCK_KERNEL), 512);
	/* Free now: 128 pages from 640, 256 from 768. */
	user = model_alloc(3, BLOCK_USER);
	EXPECT_EQ(user, 768);
	EXPECT_EQ(model.block_types[0], BLOCK_KERNEL);
	EXPECT_EQ(model.buddy.types[BLOCK_USER].orders, 0xf8);
	EXPECT_EQ(model.buddy.types[BLOCK_KERNEL].orders, 0x80);
	model_verify();
	/* Freed, all merges, and goes home to the type of the pageblock. */
	model_free(user);
	EXPECT_EQ(model.buddy.types[BLOCK_USER].orders, 0);
	model_free(half);
	model_free(512);
	EXPECT_EQ(model.buddy.types[BLOCK_KERNEL].orders, 0x400);
	model_verify();
}

/* Half a pageblock takes the pageblock along; a quarter does not. */
TEST(stealing_half_a_pageblock)
{
	for (unsigned order = 8; order <= 9; order++) {
		model_begin(0, 1024, BLOCK_USER);
		model_hand_over(0, 1u << order);
		EXPECT_EQ(model_alloc(0, BLOCK_KERNEL), 0);
		EXPECT_EQ(model.block_types[0], order == 9 ? BLOCK_KERNEL : BLOCK_USER);
		model_verify();
	}
}

/* --- edges ----------------------------------------------------------------------------- */

/* Hand over, take page by page, give back: not a page is lost, wherever the edges are. */
static void exhaust_and_refill(pfn_t start, pfn_t end)
{
	size_t n = 0;

	model_begin(start, end, BLOCK_KERNEL);
	model_hand_over(start, end);
	if (!model_verify())
		return;
	while (model_alloc(0, n & 1 ? BLOCK_KERNEL : BLOCK_USER) != PFN_NONE)
		n++;
	EXPECT_EQ(n, end - start);
	model_verify();
	for (pfn_t pfn = start; pfn < end; pfn++)
		model_free(pfn);
	EXPECT_EQ(model.buddy.nr_free, end - start);
	model_verify();
}

TEST(any_edges)
{
	unsigned most = test_effort() > 1 ? 40 : 17;

	for (pfn_t start = 0; start < most; start++) {
		for (pfn_t length = 1; length < most && !test_failed(); length++)
			exhaust_and_refill(start, start + length);
	}
}

/*
 * Around the border between two pageblocks, also the last one: frame numbers have 32
 * bits, and 28 where an address has 32, since the page array could not be longer.
 */
TEST(edges_at_pageblocks)
{
	const pfn_t last = sizeof(uintptr_t) > 4 ? 0xfffffffe : 0xffffffe;
	const pfn_t borders[] = {1024, 0x100000, last / 1024 * 1024};

	for (size_t i = 0; i < 3; i++) {
		exhaust_and_refill(borders[i] - 3, borders[i] + 2);
		exhaust_and_refill(borders[i] - 1, borders[i] + 1);
		exhaust_and_refill(borders[i], borders[i] + 5);
		exhaust_and_refill(borders[i] - 6, borders[i]);
	}
	exhaust_and_refill(last - 30, last);
}

/* How many blocks of each order an empty zone yields, with an unaligned start and end. */
TEST(blocks_of_each_order)
{
	for (unsigned order = 0; order < MM_NR_ORDERS; order++) {
		pfn_t size = 1u << order, first = (5 + size - 1) / size * size;
		size_t expected = first < 2290 ? (2290 - first) / size : 0, n = 0;

		model_begin(5, 2290, BLOCK_KERNEL);
		model_hand_over(5, 2290);
		while (buddy_alloc(&model.buddy, order, BLOCK_KERNEL))
			n++;
		EXPECT_EQ(n, expected);
	}
}

/* --- the order of frees ------------------------------------------------------------------ */

#define BLOCKS 6u

static pfn_t blocks[BLOCKS];

/* Free blocks[] in the order of permutation number n. */
static void free_permuted(unsigned n)
{
	bool freed[BLOCKS] = {false};

	for (unsigned left = BLOCKS; left > 0; left--) {
		unsigned choice = n % left, i = 0;

		n /= left;
		while (freed[i] || choice-- > 0)
			i++;
		freed[i] = true;
		model_free(blocks[i]);
		model_verify();
	}
}

/* Blocks of six sizes, in each of the 720 orders. */
TEST(frees_in_any_order)
{
	static const uint8_t orders[BLOCKS] = {0, 2, 0, 1, 3, 0};

	for (unsigned n = 0; n < 720 && !test_failed(); n++) {
		model_begin(3, 29, BLOCK_KERNEL);
		model_hand_over(3, 29);
		for (unsigned i = 0; i < BLOCKS; i++)
			blocks[i] = model_alloc(orders[i], i & 1 ? BLOCK_USER : BLOCK_KERNEL);
		free_permuted(n);
		/* 3, 4-7, 8-15, 16-23, 24-27, 28: no two of them are buddies but the eights. */
		EXPECT_EQ(model.buddy.types[BLOCK_KERNEL].orders, 0xd);
	}
}

/* --- all short histories ------------------------------------------------------------------ */

#define SMALL     16u
#define DEPTH_MAX 9u

/* All that an operation on a zone of SMALL pages changes. */
struct saved {
	struct buddy buddy;
	struct page pages[SMALL];
	struct model_page model[SMALL];
	pfn_t isolated_start, isolated_end;
	uint8_t pageblocks[MODEL_PAGEBLOCKS], block_types[MODEL_PAGEBLOCKS];
};

static struct saved saved[DEPTH_MAX];
static unsigned long histories;
static bool with_isolation;

static void save(struct saved *s)
{
	s->buddy = model.buddy;
	memcpy(s->pages, model_pages, sizeof(s->pages));
	memcpy(s->model, model.pages, sizeof(s->model));
	s->isolated_start = model.isolated_start;
	s->isolated_end = model.isolated_end;
	memcpy(s->pageblocks, model.pageblocks, sizeof(s->pageblocks));
	memcpy(s->block_types, model.block_types, sizeof(s->block_types));
}

static void restore(const struct saved *s)
{
	model.buddy = s->buddy;
	memcpy(model_pages, s->pages, sizeof(s->pages));
	memcpy(model.pages, s->model, sizeof(s->model));
	model.isolated_start = s->isolated_start;
	model.isolated_end = s->isolated_end;
	memcpy(model.pageblocks, s->pageblocks, sizeof(s->pageblocks));
	memcpy(model.block_types, s->block_types, sizeof(s->block_types));
}

static void explore(unsigned depth, unsigned nr_types);

/* One operation done: look, go on from there, and undo it. */
static void step(unsigned depth, unsigned nr_types)
{
	histories++;
	if (model_verify() && depth > 1)
		explore(depth - 1, nr_types);
	restore(&saved[depth - 1]);
}

/* Begin each isolation that is possible, or end the one there is. */
static void explore_isolation(unsigned depth, unsigned nr_types)
{
	if (model.isolated_start != model.isolated_end) {
		model_end_isolation();
		step(depth, nr_types);
		return;
	}
	for (unsigned order = 0; order <= 4; order++) {
		pfn_t size = 1u << order;

		for (pfn_t pfn = model.start / size * size; pfn < model.end; pfn += size) {
			if (!test_failed() && model_isolate(pfn, order))
				step(depth, nr_types);
		}
	}
}

/* Each operation that is possible now: an allocation that fails changes nothing, and ends there. */
static void explore(unsigned depth, unsigned nr_types)
{
	save(&saved[depth - 1]);
	for (unsigned type = 0; type < nr_types; type++) {
		for (unsigned order = 0; order <= 4 && !test_failed(); order++) {
			if (model_alloc(order, (enum block_type)type) != PFN_NONE)
				step(depth, nr_types);
		}
	}
	for (pfn_t pfn = model.start; pfn < model.end && !test_failed(); pfn++) {
		if (!model_is_taken_head(pfn))
			continue;
		model_free(pfn);
		step(depth, nr_types);
	}
	if (with_isolation)
		explore_isolation(depth, nr_types);
}

/*
 * The least in the kernel, which does it on each machine; in a hosted program one step more, and one
 * for each eightfold effort.  A step takes about eight times as long.
 */
static unsigned depth_for(unsigned least)
{
	unsigned depth = test_effort() > 1 ? least + 1 : least;

	for (unsigned effort = test_effort(); effort >= 8 && depth < DEPTH_MAX; effort /= 8)
		depth++;
	return depth;
}

static void explore_zone(pfn_t start, unsigned depth, unsigned nr_types)
{
	histories = 0;
	model_begin(start, start + SMALL, BLOCK_KERNEL);
	model_hand_over(start, start + SMALL);
	explore(depth, nr_types);
	test_note("%lu histories of up to %u steps, frames %u to %u, %u types", histories,
		  depth, start, start + SMALL - 1, nr_types);
}

TEST(every_history)
{
	explore_zone(0, depth_for(6), 1);
}

TEST(every_history_unaligned)
{
	explore_zone(5, depth_for(5), 1);
}

/* Both types, around the border of two pageblocks. */
TEST(every_history_of_types)
{
	explore_zone(0, depth_for(4), NR_BLOCK_TYPES);
	explore_zone(1024 - 8, depth_for(4), NR_BLOCK_TYPES);
}

/* What is isolated is not given out, merges with its like, and comes back. */
TEST(every_history_of_isolation)
{
	with_isolation = true;
	explore_zone(0, depth_for(3), 1);
	explore_zone(1024 - 6, depth_for(3), NR_BLOCK_TYPES);
	with_isolation = false;
}

/* --- long random histories ------------------------------------------------------------------ */

/* A zone with up to three holes. */
static void random_zone(unsigned most)
{
	pfn_t start = test_random_below(3000);
	pfn_t end = start + 1 + test_random_below(most), pfn = start;

	model_begin(start, end, test_random_below(2) ? BLOCK_USER : BLOCK_KERNEL);
	while (pfn < end) {
		pfn_t to = pfn + 1 + test_random_below(most);

		to = to < end ? to : end;
		model_hand_over(pfn, to);
		pfn = to + test_random_below(most / 4 + 1);
	}
}

/* A random taken block; PFN_NONE when there is none near a random place. */
static pfn_t random_block(void)
{
	pfn_t length = model.end - model.start, at = test_random_below(length);

	for (pfn_t i = 0; i < length; i++) {
		pfn_t pfn = model.start + (at + i) % length;

		if (model_is_taken_head(pfn))
			return pfn;
	}
	return PFN_NONE;
}

static void random_isolation(void)
{
	unsigned order = test_random_below(MM_NR_ORDERS);
	pfn_t at = model.start + test_random_below(model.end - model.start);

	if (model.isolated_start != model.isolated_end)
		model_end_isolation();
	else
		model_isolate(at >> order << order, order);
}

/* `fill` of 100 operations allocate. */
static void random_operation(unsigned fill)
{
	if (with_isolation && test_random_below(8) == 0)
		random_isolation();
	if (test_random_below(100) < fill) {
		unsigned order = test_random_below(test_random_below(12) + 1);

		model_alloc(order < MM_NR_ORDERS ? order : MM_MAX_ORDER,
			    test_random_below(4) ? BLOCK_KERNEL : BLOCK_USER);
	} else {
		pfn_t pfn = random_block();

		if (pfn != PFN_NONE)
			model_free(pfn);
	}
}

static void random_history(unsigned most, unsigned steps)
{
	size_t handed_over;

	random_zone(most);
	handed_over = model.buddy.nr_free;
	model_verify();
	for (unsigned i = 0; i < steps && !test_failed(); i++) {
		random_operation(i / 64 % 2 ? 30 : 80);
		model_verify();
	}
	for (pfn_t pfn; (pfn = random_block()) != PFN_NONE && !test_failed();)
		model_free(pfn);
	if (model.isolated_start != model.isolated_end)
		model_end_isolation();
	model_verify();
	EXPECT_EQ(model.buddy.nr_free, handed_over);
	EXPECT_EQ(model_nr_free(), handed_over);
}

TEST(random_small)
{
	for (unsigned i = 0; i < 12 * test_effort() && !test_failed(); i++)
		random_history(60, 150);
}

TEST(random_large)
{
	for (unsigned i = 0; i < test_effort() && !test_failed(); i++)
		random_history(MODEL_PAGES, 200);
}

TEST(random_isolated)
{
	with_isolation = true;
	for (unsigned i = 0; i < 6 * test_effort() && !test_failed(); i++)
		random_history(60, 150);
	for (unsigned i = 0; i < test_effort() && !test_failed(); i++)
		random_history(MODEL_PAGES, 150);
	with_isolation = false;
}

TEST_SUITE(buddy, empty, split, has_block, merging_stops_at_the_largest_order,
	   merging_stops_at_the_zone, merging_stops_at_decoys, merging_stops_at_foreign_pages,
	   stealing_takes_the_pageblock, types_stay_apart, stealing_a_fragment,
	   stealing_half_a_pageblock, any_edges, edges_at_pageblocks, blocks_of_each_order,
	   frees_in_any_order, every_history, every_history_unaligned, every_history_of_types,
	   every_history_of_isolation, random_small, random_large, random_isolated);
