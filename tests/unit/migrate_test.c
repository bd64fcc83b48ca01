// SPDX-License-Identifier: MIT
/*
 * Moving one page: who may be asked, what the owner may do meanwhile, and that in each case
 * exactly the pages are free afterwards that nobody owns.
 *
 * The owner here has one page and knows it by `owner.page`.
 */
#include "live.h"
#include <harness.h>
#include <migrate.h>
#include <mm/highmem.h>

#define SEED 0x5eed

/* What the owner does while its page is moved. */
enum conduct {
	OBEY,
	REFUSE,
	FREE_FIRST,      /* frees the page, and says no */
	FREE_AND_LIE,    /* frees the page, and says that it moved */
	FREE_TARGET,     /* moves, and has no more use for the page */
	PIN_AND_REFUSE,  /* somebody takes a reference, and keeps it */
	PIN_AND_OBEY,    /* the same, but the owner does not care */
	CLEAR_AND_OBEY,  /* the page must not move again; this move goes through */
	QUIESCE_ANOTHER, /* waits for another mover, which is at rest */
};

static struct {
	struct page *page;
	enum conduct conduct;
	unsigned asked;
} owner;

static bool obey(struct page *from, struct page *to)
{
	copy_highpage(to, from);
	owner.page = to;
	return true;
}

static struct mm_mover idle;

static bool act(struct page *from, struct page *to)
{
	switch (owner.conduct) {
	case OBEY: return obey(from, to);
	case REFUSE: return false;
	case FREE_FIRST:
	case FREE_AND_LIE:
		__free_page(from);
		owner.page = NULL;
		return owner.conduct == FREE_AND_LIE;
	case FREE_TARGET:
		obey(from, to);
		__free_page(to);
		owner.page = NULL;
		return true;
	case PIN_AND_REFUSE: get_page(from); return false;
	case PIN_AND_OBEY: get_page(from); return obey(from, to);
	case CLEAR_AND_OBEY: mm_clear_movable(from); return obey(from, to);
	case QUIESCE_ANOTHER: mm_mover_quiesce(&idle); return obey(from, to);
	}
	return false;
}

static bool owner_move(struct mm_mover *mover, struct page *from, struct page *to);
static struct mm_mover owner_mover = {owner_move};

static bool owner_move(struct mm_mover *mover, struct page *from, struct page *to)
{
	owner.asked++;
	EXPECT_EQ(mover, &owner_mover);
	EXPECT_EQ(from, owner.page);
	EXPECT_EQ(page_count(from), MM_MOVING_REFS);
	EXPECT_EQ(page_count(to), 1);
	EXPECT(mm_is_movable(to));
	EXPECT(from != to);
	return act(from, to);
}

static struct mm_mover *hold(struct page *page)
{
	struct zone *zone = &zones[live_zone_of(page)];
	mm_irqflags_t flags = mm_irq_save();
	struct mm_mover *mover;

	mm_spin_lock(&zone->lock);
	mover = migrate_hold_locked(page);
	mm_spin_unlock(&zone->lock);
	mm_irq_restore(flags);
	return mover;
}

/* An owner with a movable page full of a pattern. */
static bool begin(enum conduct conduct)
{
	owner.conduct = conduct;
	owner.asked = 0;
	owner.page = alloc_page(GFP_HIGHUSER_MOVABLE);
	if (!EXPECT(owner.page))
		return false;
	live_fill_pages(owner.page, 0, SEED);
	mm_set_movable(owner.page, &owner_mover);
	return true;
}

/* Move the owner's page, as compaction does; returns what migrate_page() said. */
static enum migrate_result move_it(void)
{
	struct page *from = owner.page;
	struct zone *zone = &zones[live_zone_of(from)];
	struct page *to = zone_alloc(zone, 0, BLOCK_USER, 0);
	struct mm_mover *mover = hold(from);
	enum migrate_result result = MIGRATE_STAYED;

	EXPECT(to);
	EXPECT_EQ(mover, &owner_mover);
	if (to && mover)
		result = migrate_page(mover, from, to);
	EXPECT_EQ(owner.asked, 1);
	return result;
}

/* --- the mark --------------------------------------------------------------------------- */

TEST(set_and_clear)
{
	struct page *page = alloc_page(GFP_HIGHUSER_MOVABLE);

	ASSERT(page);
	EXPECT(!mm_is_movable(page));
	mm_clear_movable(page);
	EXPECT(!mm_is_movable(page));
	mm_set_movable(page, &owner_mover);
	EXPECT(mm_is_movable(page));
	EXPECT(migrate_possible(page));
	mm_set_movable(page, &idle);
	EXPECT_EQ(page->mover, &idle);
	mm_clear_movable(page);
	EXPECT(!mm_is_movable(page));
	EXPECT(!migrate_possible(page));
	__free_page(page);
}

/* Whoever gets a page next must not find somebody else's mover there. */
TEST(ends_with_the_page)
{
	struct held held;
	struct page *page;

	held_init(&held);
	held_take(&held, GFP_HIGHUSER_MOVABLE, 0, 64);
	for (pfn_t pfn = held.first; pfn != PFN_NONE;) {
		pfn_t next = page_of_pfn(pfn)->next;

		mm_set_movable(page_of_pfn(pfn), &owner_mover);
		page_of_pfn(pfn)->next = next; /* where the mover was: nobody is asked */
		pfn = next;
	}
	held_free(&held);
	for (unsigned order = 0; order <= 6; order++) {
		page = alloc_pages(GFP_HIGHUSER_MOVABLE, order);
		ASSERT(page);
		EXPECT(!mm_is_movable(page));
		split_page(page, order);
		for (size_t i = 0; i < (size_t)1 << order; i++) {
			EXPECT(!mm_is_movable(page + i));
			__free_page(page + i);
		}
	}
}

static void expect_misuse(struct page *page, struct mm_mover *mover, const char *text)
{
	expect_report(MM_REPORT_MISUSE, 1);
	mm_set_movable(page, mover);
	EXPECT_REPORT_TEXT(text);
}

TEST(what_cannot_have_a_mover)
{
	struct page *page = alloc_page(GFP_KERNEL), *block = alloc_pages(GFP_KERNEL, 2);
	struct page *reserved = live_reserved_page();

	ASSERT(page);
	ASSERT(block);
	expect_misuse(page, NULL, "no mover");
	expect_misuse(block, &owner_mover, "no allocated block of one page");
	expect_misuse(block + 1, &owner_mover, "no allocated block of one page");
	if (reserved)
		expect_misuse(reserved, &owner_mover, "no allocated block of one page");
	EXPECT(!mm_is_movable(page));
	EXPECT(!mm_is_movable(block));
	EXPECT(!mm_is_movable(block + 1));
	mm_clear_movable(block + 1);
	__free_pages(block, 2);
	__free_page(page);
	expect_misuse(page, &owner_mover, "no allocated block of one page");
}

/* --- holding ---------------------------------------------------------------------------- */

TEST(only_a_page_with_one_reference_is_held)
{
	if (!begin(REFUSE))
		return;
	get_page(owner.page);
	EXPECT(!migrate_possible(owner.page));
	EXPECT(!hold(owner.page));
	EXPECT_EQ(page_count(owner.page), 2);
	put_page(owner.page);
	EXPECT_EQ(hold(owner.page), &owner_mover);
	EXPECT_EQ(page_count(owner.page), MM_MOVING_REFS);
	EXPECT(!hold(owner.page));
	EXPECT(!migrate_let_go(owner.page));
	EXPECT_EQ(page_count(owner.page), 1);
	mm_clear_movable(owner.page);
	EXPECT(!hold(owner.page));
	__free_page(owner.page);
	EXPECT(!hold(owner.page));
	EXPECT_EQ(owner.asked, 0);
}

TEST(freed_while_it_is_held)
{
	size_t before = nr_free_pages();

	if (!begin(REFUSE))
		return;
	EXPECT_EQ(hold(owner.page), &owner_mover);
	__free_page(owner.page);
	EXPECT_EQ(nr_free_pages(), before - 1);
	EXPECT(migrate_let_go(owner.page));
	EXPECT_EQ(nr_free_pages(), before);
}

/* --- moving ----------------------------------------------------------------------------- */

/* The owner has its page, with what was in it, and nothing else is gone. */
static void expect_owned(struct page *page, size_t before)
{
	EXPECT_EQ(owner.page, page);
	EXPECT_EQ(page_count(page), 1);
	EXPECT(live_filled_pages(page, 0, SEED));
	EXPECT_EQ(nr_free_pages(), before - 1);
	__free_page(page);
	EXPECT_EQ(nr_free_pages(), before);
}

/* A move that goes through, whatever else happens. */
static void expect_moved(enum conduct conduct)
{
	size_t before = nr_free_pages();
	struct page *from;

	if (!begin(conduct))
		return;
	from = owner.page;
	EXPECT_EQ(move_it(), MIGRATE_MOVED);
	EXPECT(owner.page != from);
	EXPECT(!mm_is_movable(from));
	EXPECT(mm_is_movable(owner.page));
	expect_owned(owner.page, before);
}

TEST(moved)
{
	expect_moved(OBEY);
}

TEST(cleared_too_late)
{
	expect_moved(CLEAR_AND_OBEY);
}

TEST(quiesce_of_a_mover_at_rest)
{
	mm_mover_quiesce(&owner_mover);
	expect_moved(QUIESCE_ANOTHER);
	mm_mover_quiesce(&owner_mover);
}

TEST(refused)
{
	size_t before = nr_free_pages();
	struct page *page;

	if (!begin(REFUSE))
		return;
	page = owner.page;
	EXPECT_EQ(move_it(), MIGRATE_STAYED);
	EXPECT(mm_is_movable(page));
	expect_owned(page, before);
}

TEST(freed_during_its_move)
{
	size_t before = nr_free_pages();

	if (!begin(FREE_FIRST))
		return;
	EXPECT_EQ(move_it(), MIGRATE_FREED);
	EXPECT_EQ(nr_free_pages(), before);
}

TEST(target_freed_before_the_move_ends)
{
	size_t before = nr_free_pages();

	if (!begin(FREE_TARGET))
		return;
	EXPECT_EQ(move_it(), MIGRATE_MOVED);
	EXPECT_EQ(nr_free_pages(), before);
}

TEST(pinned_during_its_move)
{
	size_t before = nr_free_pages();
	struct page *page;

	if (!begin(PIN_AND_REFUSE))
		return;
	page = owner.page;
	EXPECT_EQ(move_it(), MIGRATE_STAYED);
	EXPECT_EQ(page_count(page), 2);
	put_page(page);
	expect_owned(page, before);
}

/* The pin keeps the old page from being anybody else's until it is dropped. */
TEST(moved_away_under_a_pin)
{
	size_t before = nr_free_pages();
	struct page *from;

	if (!begin(PIN_AND_OBEY))
		return;
	from = owner.page;
	EXPECT_EQ(move_it(), MIGRATE_PINNED);
	EXPECT_EQ(page_count(from), 1);
	EXPECT(!mm_is_movable(from)); /* nobody would know it any more */
	EXPECT_EQ(nr_free_pages(), before - 2);
	put_page(from);
	expect_owned(owner.page, before);
}

/* The owner, and its mover with it, may be gone before whoever pinned the page lets go. */
TEST(freed_under_a_pin)
{
	size_t before = nr_free_pages();
	struct page *page;

	if (!begin(OBEY))
		return;
	page = owner.page;
	get_page(page);
	__free_page(page);
	mm_mover_quiesce(&owner_mover);
	EXPECT_EQ(page_count(page), 1);
	EXPECT(!mm_is_movable(page));
	EXPECT(!hold(page));
	put_page(page);
	EXPECT_EQ(owner.asked, 0);
	EXPECT_EQ(nr_free_pages(), before);
}

/* The page it lied about is freed once; the target that it took over is its to free. */
TEST(mover_that_lies)
{
	size_t before = nr_free_pages();
	struct page *from, *to;
	struct mm_mover *mover;

	if (!begin(FREE_AND_LIE))
		return;
	from = owner.page;
	to = zone_alloc(&zones[live_zone_of(from)], 0, BLOCK_USER, 0);
	ASSERT(to);
	mover = hold(from);
	ASSERT_EQ(mover, &owner_mover);
	expect_report(MM_REPORT_MISUSE, 1);
	EXPECT_EQ(migrate_page(mover, from, to), MIGRATE_MOVED);
	EXPECT_REPORT_TEXT("which was freed");
	EXPECT_EQ(page_count(to), 1);
	__free_page(to);
	EXPECT_EQ(nr_free_pages(), before);
}

TEST_SUITE(migrate, set_and_clear, ends_with_the_page, what_cannot_have_a_mover,
	   only_a_page_with_one_reference_is_held, freed_while_it_is_held, moved,
	   cleared_too_late, quiesce_of_a_mover_at_rest, refused, freed_during_its_move,
	   target_freed_before_the_move_ends, pinned_during_its_move, moved_away_under_a_pin,
	   freed_under_a_pin, mover_that_lies);
