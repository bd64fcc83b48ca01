// SPDX-License-Identifier: MIT
/*
 * The mapping window against a naive model: areas never overlap, a guard page lies behind
 * each, an address leads to its page and no other, and what is given back can be had again.
 */
#include "live.h"
#include "world.h"
#include <bits.h>
#include <mem.h>
#include <mm/highmem.h>
#include <window.h>

#define NO_WINDOW "no mapping window: no High zone on this machine"
#define AREAS_MAX 96u
#define ORDER_MAX 4u

static struct area {
	char *address;
	struct page *page;
	unsigned order;
} areas[AREAS_MAX];

static unsigned nr_areas;
static size_t used_before;

static bool begin(void)
{
	nr_areas = 0;
	used_before = window_pages_used();
	allow_kept_pages(64); /* page tables of the window */
	return window_pages() > 0;
}

static size_t bytes_of(const struct area *area)
{
	return PAGE_SIZE << area->order;
}

/* With its guard. */
static bool overlap(const struct area *a, const struct area *b)
{
	return a->address < b->address + bytes_of(b) + PAGE_SIZE &&
	       b->address < a->address + bytes_of(a) + PAGE_SIZE;
}

static void check_used(void)
{
	size_t pages = used_before;

	for (unsigned i = 0; i < nr_areas; i++)
		pages += ((size_t)1 << areas[i].order) + 1;
	EXPECT_EQ(window_pages_used(), pages);
}

static void check_pages(const struct area *area)
{
	for (size_t i = 0; i < (size_t)1 << area->order; i++)
		EXPECT(window_page(area->address + i * PAGE_SIZE + 7) == area->page + i);
	EXPECT(!window_page(area->address + bytes_of(area)));
}

static bool map_one(unsigned order)
{
	struct area *new = &areas[nr_areas];

	new->page = alloc_pages(GFP_HIGHUSER | __GFP_NOWARN, order);
	if (!new->page)
		return false;
	new->order = order;
	new->address = window_map_block(new->page, order);
	if (!new->address) {
		__free_pages(new->page, order);
		return false;
	}
	for (unsigned i = 0; i < nr_areas; i++)
		EXPECT(!overlap(new, &areas[i]));
	EXPECT_EQ((uintptr_t) new->address % PAGE_SIZE, 0);
	nr_areas++;
	check_pages(new);
	*(struct page **)new->address = new->page;
	*(struct page **)(new->address + bytes_of(new) - sizeof(new->page)) = new->page;
	return true;
}

static void unmap_one(unsigned i)
{
	struct area area = areas[i];

	EXPECT(*(struct page **)area.address == area.page);
	EXPECT(*(struct page **)(area.address + bytes_of(&area) - sizeof(area.page)) ==
	       area.page);
	window_unmap_block(area.address, area.order);
	EXPECT(!window_page(area.address));
	EXPECT(!window_page(area.address + bytes_of(&area) - 1));
	__free_pages(area.page, area.order);
	areas[i] = areas[--nr_areas];
}

TEST(areas_at_random)
{
	if (!begin())
		SKIP(NO_WINDOW);
	for (unsigned step = 0; step < 1500 && !test_failed(); step++) {
		unsigned want = step % 300 < 200 ? AREAS_MAX : 4;

		if (nr_areas < want && nr_areas < AREAS_MAX &&
		    (nr_areas == 0 || test_random() % 3))
			map_one(test_random_below(ORDER_MAX + 1));
		else if (nr_areas)
			unmap_one(test_random_below(nr_areas));
		check_used();
	}
	while (nr_areas)
		unmap_one(0);
	check_used();
}

TEST(guards_fault)
{
	if (!begin())
		SKIP(NO_WINDOW);
	ASSERT(map_one(0) && map_one(2));
	for (unsigned i = 0; i < nr_areas; i++) {
		EXPECT(!world_faults(areas[i].address));
		EXPECT(!world_faults(areas[i].address + bytes_of(&areas[i]) - 1));
		EXPECT(world_faults(areas[i].address + bytes_of(&areas[i])));
	}
	while (nr_areas)
		unmap_one(0);
}

/* Freed and taken again at once, an address is not the same: what dangles, faults. */
TEST(next_fit_delays_reuse)
{
	char *first;

	if (!begin())
		SKIP(NO_WINDOW);
	ASSERT(map_one(0));
	first = areas[0].address;
	unmap_one(0);
	ASSERT(map_one(0));
	EXPECT(areas[0].address != first);
	EXPECT(world_faults(first));
	unmap_one(0);
}

/* The search goes round: every page of the window can be had, again and again. */
TEST(the_window_goes_round)
{
	size_t rounds;

	if (!begin())
		SKIP(NO_WINDOW);
	rounds = 2 * window_pages() / ((1u << 5) + 1) + 2;
	if (rounds > 4000)
		rounds = 4000;
	for (size_t i = 0; i < rounds && !test_failed(); i++) {
		if (!EXPECT(map_one(5)))
			break;
		unmap_one(0);
	}
	check_used();
}

TEST(addresses_outside)
{
	static char here;

	EXPECT(!window_page(NULL));
	EXPECT(!window_page(&here));
	EXPECT(!window_page((void *)(uintptr_t)-1));
	EXPECT(!window_page((void *)(uintptr_t)PAGE_SIZE));
}

TEST_SUITE(window, areas_at_random, guards_fault, next_fit_delays_reuse, the_window_goes_round,
	   addresses_outside);
