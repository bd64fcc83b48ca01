// SPDX-License-Identifier: MIT
/*
 * The checker of the buddy allocator can see: each field that it guards is damaged, in each
 * page and list of a zone with a past, one at a time and with several values; each time
 * buddy_check must find something, and nothing any more when the field is restored.
 */
#include "buddy_model.h"
#include <check.h>
#include <harness.h>
#include <mem.h>

#define START 5u
#define END   101u

/* Free and taken blocks of many orders, of both types, and a hole in the middle. */
static void make_zone(void)
{
	model_begin(START, END, BLOCK_KERNEL);
	model_hand_over(START, 50);
	model_hand_over(53, END);
	for (unsigned i = 0; i < 24; i++)
		model_alloc(test_random_below(4), i % 3 ? BLOCK_KERNEL : BLOCK_USER);
	for (pfn_t pfn = START; pfn < END; pfn++) {
		if (model_is_taken_head(pfn) && test_random_below(2))
			model_free(pfn);
	}
	model_isolate(32, 4);
	model_verify();
}

static size_t violations(void)
{
	struct violations found = {0};

	buddy_check(&model.buddy, NULL, &found);
	return found.count;
}

static void expect_seen(const char *what, pfn_t pfn)
{
	EXPECTF(violations() > 0, "%s %u is damaged: expected to be found, was not", what, pfn);
}

/* Damage a field, look, restore it. */
#define DAMAGE(field, value, what, pfn)                   \
	do {                                              \
		__typeof__(field) before = (field);       \
		if (before == (__typeof__(field))(value)) \
			break;                            \
		(field) = (__typeof__(field))(value);     \
		expect_seen(what, pfn);                   \
		(field) = before;                         \
	} while (0)

static void damage_links(struct page *page, pfn_t pfn)
{
	const pfn_t others[] = {PFN_NONE, 0, pfn, pfn ^ 1, START, START - 1, END - 1, END};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		DAMAGE(page->next, others[i], "the link forward of frame", pfn);
		DAMAGE(page->prev, others[i], "the link back of frame", pfn);
	}
}

static void damage_free_head(struct page *page, pfn_t pfn)
{
	for (unsigned kind = 0; kind <= PAGE_NR_KINDS; kind++)
		DAMAGE(page->kind, kind, "the kind of free frame", pfn);
	for (unsigned order = 0; order <= MM_MAX_ORDER + 1; order++)
		DAMAGE(page->order, order, "the order of free frame", pfn);
	DAMAGE(page->type, !page->type, "the type of free frame", pfn);
	DAMAGE(page->type, 7, "the type of free frame", pfn);
	DAMAGE(page->zone, 0, "the zone of free frame", pfn);
	damage_links(page, pfn);
}

/* Of a taken block, the checker cannot know the owner, but what belongs together it can. */
static void damage_taken_head(struct page *page, pfn_t pfn)
{
	DAMAGE(page->kind, PAGE_TAIL, "the kind of taken frame", pfn);
	DAMAGE(page->kind, PAGE_FREE, "the kind of taken frame", pfn);
	DAMAGE(page->kind, PAGE_NR_KINDS, "the kind of taken frame", pfn);
	DAMAGE(page->order, page->order + 1, "the order of taken frame", pfn);
	DAMAGE(page->order, page->order ? page->order - 1 : 20, "the order of taken frame",
	       pfn);
	DAMAGE(page->zone, 2, "the zone of taken frame", pfn);
	if (page->order)
		DAMAGE(page->home, PAGE_MOVABLE, "the mark of taken frame", pfn);
	DAMAGE(page->home, 0xff, "the mark of taken frame", pfn);
}

static void damage_tail(struct page *page, pfn_t pfn)
{
	for (unsigned kind = 0; kind <= PAGE_NR_KINDS; kind++)
		DAMAGE(page->kind, kind, "the kind of inner frame", pfn);
	DAMAGE(page->zone, 0, "the zone of inner frame", pfn);
}

TEST(each_page)
{
	for (unsigned round = 0; round < test_effort() && !test_failed(); round++) {
		make_zone();
		for (pfn_t pfn = START; pfn < END && !test_failed(); pfn++) {
			struct page *page = page_of_model(pfn);

			if (page->kind == PAGE_FREE)
				damage_free_head(page, pfn);
			else if (page->kind == PAGE_BLOCK)
				damage_taken_head(page, pfn);
			else if (page->kind == PAGE_TAIL)
				damage_tail(page, pfn);
			EXPECT_EQ(violations(), 0);
		}
	}
}

TEST(each_list)
{
	do
		make_zone();
	while (model.buddy.nr_isolated == 0);
	for (unsigned type = 0; type < NR_BLOCK_LISTS; type++) {
		struct buddy_lists *lists = &model.buddy.types[type];

		for (unsigned order = 0; order < MM_NR_ORDERS; order++) {
			DAMAGE(lists->orders, lists->orders ^ 1u << order, "the bit of order",
			       order);
			DAMAGE(lists->count[order], lists->count[order] + 1,
			       "the count of order", order);
			DAMAGE(lists->count[order], lists->count[order] - 1,
			       "the count of order", order);
			DAMAGE(lists->head[order], PFN_NONE, "the head of order", order);
			DAMAGE(lists->head[order], START, "the head of order", order);
			DAMAGE(lists->head[order], END, "the head of order", order);
		}
	}
	DAMAGE(model.buddy.nr_free, model.buddy.nr_free + 1, "the number of free pages, zone",
	       1);
	DAMAGE(model.buddy.nr_free, 0, "the number of free pages, zone", 1);
	DAMAGE(model.buddy.nr_isolated, 0, "the number of isolated pages, zone", 1);
	DAMAGE(model.buddy.isolated_pages, 0, "the isolated range, zone", 1);
	DAMAGE(model.buddy.isolated_start, 48, "the isolated range, zone", 1);
	EXPECT_EQ(violations(), 0);
}

/* Two lists that lead into each other, and one that leads to itself: the walk must end. */
TEST(cycles)
{
	struct buddy_lists *lists = &model.buddy.types[BLOCK_KERNEL];
	pfn_t first, second;

	model_begin(0, 64, BLOCK_KERNEL);
	model_hand_over(0, 64);
	for (unsigned i = 0; i < 64; i++)
		model_alloc(0, BLOCK_KERNEL);
	for (pfn_t pfn = 0; pfn < 64; pfn += 2)
		model_free(pfn);
	first = lists->head[0];
	second = page_of_model(first)->next;
	EXPECT_EQ(violations(), 0);
	DAMAGE(page_of_model(second)->next, first, "the cycle at", first);
	DAMAGE(page_of_model(first)->next, first, "the cycle at", first);
	EXPECT_EQ(violations(), 0);
}

/* Free buddies that did not merge, all counts being right. */
TEST(buddies_unmerged)
{
	struct buddy_lists *lists = &model.buddy.types[BLOCK_KERNEL];
	struct page *low, *high;

	model_begin(0, 16, BLOCK_KERNEL);
	model_hand_over(8, 16);
	low = page_of_model(8);
	high = page_of_model(12);
	EXPECT_EQ(low->order, 3);
	low->order = high->order = 2;
	high->kind = PAGE_FREE;
	high->prev = 8;
	high->next = PFN_NONE;
	low->next = 12;
	lists->head[3] = PFN_NONE;
	lists->head[2] = 8;
	lists->orders = 4;
	lists->count[3] = 0;
	lists->count[2] = 2;
	EXPECT_EQ(violations(), 2); /* seen from either side */
}

/* Two pages that are no multiple of two, as one block; all else fits together. */
TEST(misaligned_block)
{
	model_begin(0, 8, BLOCK_KERNEL);
	model_hand_over(0, 8);
	for (unsigned i = 0; i < 8; i++)
		model_alloc(0, BLOCK_KERNEL);
	EXPECT_EQ(violations(), 0);
	page_of_model(3)->order = 1;
	page_of_model(4)->kind = PAGE_TAIL;
	EXPECT(violations() > 0);
}

/* Parts of the zone that have no struct pages are stepped over, and not read. */
static bool not_the_second_block(pfn_t pfn)
{
	return pfn < 1024 || pfn >= 2048;
}

TEST(blocks_without_pages)
{
	struct violations found = {0};

	model_begin(1000, 2100, BLOCK_KERNEL);
	model_hand_over(1000, 1024);
	model_hand_over(2048, 2100);
	for (pfn_t pfn = 1024; pfn < 2048; pfn++)
		memset(page_of_model(pfn), 0x5a, sizeof(struct page));
	buddy_check(&model.buddy, not_the_second_block, &found);
	EXPECT_EQ(found.count, 0);
	buddy_check(&model.buddy, NULL, &found);
	EXPECT(found.count > 1000);
	/* A list that leads there is not followed. */
	found.count = 0;
	model.buddy.types[BLOCK_KERNEL].head[5] = 1024;
	buddy_check(&model.buddy, not_the_second_block, &found);
	EXPECT(found.count > 0);
}

/* All are counted, the first few are kept. */
TEST(more_than_can_be_kept)
{
	struct violations found = {0};

	for (unsigned i = 0; i < 3 * VIOLATIONS_KEPT; i++)
		violation_add(&found, i, "made up");
	EXPECT_EQ(found.count, 3 * VIOLATIONS_KEPT);
	for (unsigned i = 0; i < VIOLATIONS_KEPT; i++)
		EXPECT_EQ(found.kept[i].where, i);
}

TEST_SUITE(check_buddy, each_page, each_list, cycles, buddies_unmerged, misaligned_block,
	   blocks_without_pages, more_than_can_be_kept);
