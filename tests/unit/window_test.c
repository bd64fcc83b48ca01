// SPDX-License-Identifier: MIT
/*
 * The mapping window against a naive model: areas never overlap, a guard page lies behind
 * each, an address leads to its page and no other, and what is given back can be had again,
 * though never before a flush; and flushes are few.
 */
#include "live.h"
#include "world.h"
#include <bits.h>
#include <check.h>
#include <mem.h>
#include <mm/highmem.h>
#include <window.h>

#define NO_WINDOW "no mapping window on this machine"
#define AREAS_MAX 96u
#define ORDER_MAX 4u

static struct area {
	char *address;
	struct page *page;
	unsigned order;
} areas[AREAS_MAX];

static unsigned nr_areas;
static size_t used_before;

/* Areas that were freed since the last flush: as many as the ring may hold. */
static struct area gone[WINDOW_STALE_AREAS];
static unsigned nr_gone;
static unsigned long flushes_seen;

static bool begin(void)
{
	nr_areas = 0;
	nr_gone = 0;
	window_flush();
	EXPECT_EQ(window_pages_stale(), 0);
	flushes_seen = world_flushes();
	used_before = window_pages_used();
	allow_kept_pages(64); /* page tables of the window */
	return window_pages() > 0;
}

/* After a flush, nothing is stale but what was freed since. */
static bool flushed(void)
{
	bool news = world_flushes() != flushes_seen;

	flushes_seen = world_flushes();
	if (news)
		nr_gone = 0;
	return news;
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
	size_t pages = used_before, stale = 0;

	for (unsigned i = 0; i < nr_areas; i++)
		pages += ((size_t)1 << areas[i].order) + 1;
	for (unsigned i = 0; i < nr_gone; i++)
		stale += ((size_t)1 << gone[i].order) + 1;
	EXPECT_EQ(window_pages_used(), pages);
	EXPECT_EQ(window_pages_stale(), stale);
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
	flushed();
	for (unsigned i = 0; i < nr_areas; i++)
		EXPECT(!overlap(new, &areas[i]));
	for (unsigned i = 0; i < nr_gone; i++)
		EXPECT(!overlap(new, &gone[i]));
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

	EXPECT_EQ(area.page->kind, PAGE_LARGE);
	EXPECT(*(struct page **)area.address == area.page);
	EXPECT(*(struct page **)(area.address + bytes_of(&area) - sizeof(area.page)) ==
	       area.page);
	EXPECT(window_unmap_block(area.address, area.order));
	if (!flushed() && nr_gone < WINDOW_STALE_AREAS)
		gone[nr_gone++] = area;
	EXPECT(!window_unmap_block(area.address, area.order));
	EXPECT(!window_page(area.address));
	EXPECT(!window_page(area.address + bytes_of(&area) - 1));
	area.page->kind = PAGE_BLOCK;
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

/* Freed and taken again at once, an address is not the same; after the flush, what dangles faults. */
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
	window_flush();
	EXPECT(world_faults(first));
	EXPECT(!world_faults(areas[0].address));
	unmap_one(0);
}

/* --- laziness ------------------------------------------------------------------------- */

/* Pairs that one flush serves: until the ring is full, or too much of the window stale. */
static size_t pairs_per_flush(size_t area_pages)
{
	return min_size(WINDOW_STALE_AREAS, window.stale_max / area_pages);
}

TEST(a_thousand_areas_few_flushes)
{
	unsigned long flushes;

	if (!begin())
		SKIP(NO_WINDOW);
	flushes = world_flushes();
	for (unsigned i = 0; i < 1000 && !test_failed(); i++) {
		ASSERT(map_one(0));
		unmap_one(0);
	}
	/* Each flush frees all that is stale, and the area that found no room. */
	EXPECT_EQ(world_flushes() - flushes, 1000 / (pairs_per_flush(2) + 1));
	check_used();
}

TEST(one_flush_for_all)
{
	unsigned long flushes;

	if (!begin())
		SKIP(NO_WINDOW);
	flushes = world_flushes();
	for (unsigned i = 0; i < 10; i++)
		ASSERT(map_one(1));
	while (nr_areas)
		unmap_one(0);
	EXPECT_EQ(window_pages_stale(), 30);
	EXPECT_EQ(world_flushes(), flushes);
	window_flush();
	EXPECT_EQ(window_pages_stale(), 0);
	EXPECT_EQ(world_flushes(), flushes + 1);
	window_flush(); /* nothing to do */
	EXPECT_EQ(world_flushes(), flushes + 1);
}

/* The largest area that can be reserved now (and may be stale), reserved: 0 when there is none. */
static uintptr_t reserve_largest(size_t *n)
{
	uintptr_t start = 0;

	for (*n = window.stale_max - 1; *n > 0 && start == 0; *n = start ? *n : *n / 2)
		start = window_reserve(*n);
	return start;
}

/* No gap but a stale one: a flush makes it free, and only then. */
TEST(a_flush_when_there_is_no_gap)
{
	enum {
		MOST = 64
	};
	uintptr_t starts[MOST], again;
	size_t pages[MOST], smallest;
	unsigned long flushes;
	unsigned n = 0;

	if (!begin())
		SKIP(NO_WINDOW);
	while (n < MOST && (starts[n] = reserve_largest(&pages[n])) != 0)
		n++;
	ASSERT(n > 0 && n < MOST);
	flushes = world_flushes();
	EXPECT_EQ(window_reserve(1), 0); /* nothing is stale: no flush would help */
	EXPECT_EQ(world_flushes(), flushes);

	smallest = pages[n - 1];
	window_release(starts[n - 1], smallest);
	EXPECT_EQ(window_pages_stale(), smallest + 1);
	again = window_reserve(smallest);
	EXPECT_EQ(again, starts[n - 1]);
	EXPECT_EQ(world_flushes(), flushes + 1);
	for (unsigned i = 0; i < n; i++)
		window_release(starts[i], pages[i]);
	window_flush();
	EXPECT_EQ(window_pages_used(), used_before);
	EXPECT_EQ(window_pages_stale(), 0);
}

/* A large area does not wait: too much of the window would. */
TEST(a_large_area_is_flushed_at_once)
{
	unsigned long flushes;
	uintptr_t start;
	size_t n;

	if (!begin())
		SKIP(NO_WINDOW);
	n = window.stale_max;
	start = window_reserve(n);
	ASSERT(start);
	flushes = world_flushes();
	window_release(start, n); /* and its guard: one too many */
	EXPECT_EQ(world_flushes(), flushes + 1);
	EXPECT_EQ(window_pages_stale(), 0);
	EXPECT_EQ(window_pages_used(), used_before);
	start = window_reserve(n - 1);
	ASSERT(start);
	window_release(start, n - 1);
	EXPECT_EQ(world_flushes(), flushes + 1);
	EXPECT_EQ(window_pages_stale(), n);
	window_flush();
}

/* --- where things are ------------------------------------------------------------------ */

static void expect_place(const char *address, enum window_place place, const struct area *area)
{
	struct window_area found;

	window_find(address, &found);
	if (!EXPECT_EQ(found.place, place) || place == WINDOW_OUTSIDE)
		return;
	EXPECT_EQ(found.start, (uintptr_t)area->address);
	EXPECT_EQ(found.nr_pages, (size_t)1 << area->order);
}

TEST(every_address_has_its_place)
{
	struct area middle;

	if (!begin())
		SKIP(NO_WINDOW);
	for (unsigned i = 0; i < 3; i++)
		ASSERT(map_one(2));
	middle = areas[1];
	for (unsigned i = 0; i < 3; i++) {
		char *end = areas[i].address + bytes_of(&areas[i]);

		expect_place(areas[i].address, WINDOW_AREA, &areas[i]);
		expect_place(areas[i].address + PAGE_SIZE + 1, WINDOW_AREA, &areas[i]);
		expect_place(end - 1, WINDOW_AREA, &areas[i]);
		expect_place(end, WINDOW_GUARD, &areas[i]);
		expect_place(end + PAGE_SIZE - 1, WINDOW_GUARD, &areas[i]);
	}
	unmap_one(1);
	expect_place(middle.address, WINDOW_STALE, &middle);
	expect_place(middle.address + bytes_of(&middle) + PAGE_SIZE - 1, WINDOW_STALE, &middle);
	for (unsigned i = 0; i < nr_areas; i++)
		expect_place(areas[i].address, WINDOW_AREA, &areas[i]);
	window_flush();
	expect_place(middle.address, WINDOW_OUTSIDE, NULL);
	expect_place((char *)window.start - 1, WINDOW_OUTSIDE, NULL);
	expect_place((char *)window.start + window_pages() * PAGE_SIZE, WINDOW_OUTSIDE, NULL);
	flushed();
	while (nr_areas)
		unmap_one(0);
}

/* Every start and length in a few words of bits, against one bit at a time. */
TEST(bits_are_found)
{
	uint32_t bits[4];

	for (unsigned round = 0; round < 40; round++) {
		for (unsigned i = 0; i < 4; i++)
			bits[i] = round == 0   ? 0
				  : round == 1 ? ~0u
					       : test_random() & test_random();
		if (round & 1)
			bits[round % 4] = ~bits[round % 4];
		for (size_t from = 0; from <= 128; from++) {
			size_t to = from + test_random_below((uint32_t)(129 - from));

			for (unsigned value = 0; value < 2; value++) {
				size_t want = from;

				while (want < to &&
				       (bits[want / 32] >> (want % 32) & 1) != value)
					want++;
				EXPECT_EQ(window_next_bit(bits, from, to, value), want);
			}
		}
	}
}

/* --- the checker ----------------------------------------------------------------------- */

static size_t violations(void)
{
	struct violations found = {0};
	mm_irqflags_t flags = mm_irq_save();

	window_check_locked(&window, &found);
	mm_irq_restore(flags);
	return found.count;
}

/* Damage a field, look, restore it. */
#define DAMAGE(field, value)                                                   \
	do {                                                                   \
		__typeof__(field) before = (field);                            \
                                                                               \
		(field) = (value);                                             \
		EXPECTF(violations() > 0, "%s is damaged: not found", #field); \
		(field) = before;                                              \
		EXPECTF(violations() == 0, "%s is whole, and found", #field);  \
	} while (0)

static void flip(uint32_t *bits, size_t i)
{
	bits[i / 32] ^= 1u << (i % 32);
}

static void expect_bit_guarded(uint32_t *bits, size_t i, const char *what)
{
	flip(bits, i);
	EXPECTF(violations() > 0, "%s of page %zu: damaged, not found", what, i);
	flip(bits, i);
	EXPECTF(violations() == 0, "%s of page %zu: whole, and found", what, i);
}

TEST(the_checker_sees_damage)
{
	size_t live, gone_at;

	if (!begin())
		SKIP(NO_WINDOW);
	for (unsigned i = 0; i < 6; i++)
		ASSERT(map_one(i % 3));
	unmap_one(2);
	unmap_one(2);
	EXPECT_EQ(violations(), 0);
	DAMAGE(window.used, window.used + 1);
	DAMAGE(window.stale_pages, window.stale_pages - 1);
	DAMAGE(window.live[WINDOW_BLOCK], 0);
	DAMAGE(window.live[WINDOW_VMAP], 1);
	DAMAGE(window.tail, window.tail - 1);
	DAMAGE(window.head, window.head + 1);
	DAMAGE(window.head, window.tail + 1);
	DAMAGE(window.stale[window.head % WINDOW_STALE_AREAS].nr_pages, 1);
	DAMAGE(window.stale[window.head % WINDOW_STALE_AREAS].first, (uint32_t)window.nr_pages);
	DAMAGE(areas[0].page->kind, PAGE_BLOCK);
	DAMAGE(areas[1].page->order, 3);
	live = ((uintptr_t)areas[1].address - window.start) / PAGE_SIZE;
	gone_at = ((uintptr_t)gone[0].address - window.start) / PAGE_SIZE;
	for (unsigned i = 0; i < 3; i++) {
		expect_bit_guarded(window.taken, live + i, "taken");
		expect_bit_guarded(window.edges, live + i, "edges");
		expect_bit_guarded(window.taken, gone_at, "taken");
		expect_bit_guarded(window.edges, gone_at, "edges");
	}
	mm_host_unmap((uintptr_t)areas[0].address, 1);
	EXPECT(violations() > 0);
	EXPECT(mm_host_map((uintptr_t)areas[0].address, page_to_phys(areas[0].page)));
	EXPECT_EQ(violations(), 0);
	while (nr_areas)
		unmap_one(0);
}

/* Every page of the window can be had, again and again. */
TEST(all_of_the_window)
{
	enum {
		PAGES = 31,
		MOST = 1024
	};
	static uintptr_t starts[MOST];
	size_t n, first_time = 0;

	if (!begin())
		SKIP(NO_WINDOW);
	for (unsigned round = 0; round < 3; round++) {
		for (n = 0; n < MOST && (starts[n] = window_reserve(PAGES)) != 0;)
			n++;
		if (round == 0)
			first_time = n;
		EXPECT(n > 0 && n < MOST);
		EXPECT_EQ(n, first_time);
		if (used_before == 0)
			EXPECT_EQ(n, window_pages() / (PAGES + 1));
		while (n > 0)
			window_release(starts[--n], PAGES);
		EXPECT_EQ(window_pages_used(), used_before);
	}
}

/* The search begins anew after a flush: most of the window never needs page tables. */
TEST(low_addresses_first_after_a_flush)
{
	uintptr_t first, last;

	if (!begin())
		SKIP(NO_WINDOW);
	first = window_reserve(3);
	last = window_reserve(3);
	EXPECT(first && last > first);
	window_release(first, 3);
	window_release(last, 3);
	EXPECT(window_reserve(3) > last);
	window_release(last + 4 * PAGE_SIZE, 3);
	window_flush();
	EXPECT_EQ(window_reserve(3), first);
	window_release(first, 3);
}

TEST(addresses_outside)
{
	static char here;

	EXPECT(!window_page(NULL));
	EXPECT(!window_page(&here));
	EXPECT(!window_page((void *)(uintptr_t)-1));
	EXPECT(!window_page((void *)(uintptr_t)PAGE_SIZE));
}

TEST_SUITE(window, areas_at_random, guards_fault, next_fit_delays_reuse,
	   a_thousand_areas_few_flushes, one_flush_for_all, a_flush_when_there_is_no_gap,
	   a_large_area_is_flushed_at_once, every_address_has_its_place, bits_are_found,
	   the_checker_sees_damage, all_of_the_window, low_addresses_first_after_a_flush,
	   addresses_outside);
