// SPDX-License-Identifier: MIT
/*
 * The window's invariants (window.c), area by area: what lies between edges, what is on
 * the ring of stale areas, and what is counted must agree, and each live area must be mapped as
 * its first page says.
 *
 * No output.  Safe on damaged structures: nothing but bits and page tables is followed.
 */
#include <bits.h>
#include <check.h>

/* A live area's page, which must be mapped, and be of the same use as the first. */
static bool check_page(const struct window *w, size_t i, enum window_use *use, bool first,
		       struct violations *found)
{
	uintptr_t address = w->start + i * PAGE_SIZE;
	struct page *page = window_page((const void *)address);
	enum window_use its;

	if (!page) {
		violation_add(found, address, "a page of a live area is not mapped");
		return false;
	}
	its = window_use_of(page, address);
	if (first)
		*use = its;
	if (its != *use)
		violation_add(found, address, "a page in an area of another use");
	return its == *use;
}

/* A kmalloc block is mapped from end to end, and alone. */
static void check_block(const struct window *w, size_t first, size_t n,
			struct violations *found)
{
	uintptr_t address = w->start + first * PAGE_SIZE;
	const struct page *page = window_page((const void *)address);

	if (page_get_kind(page) != PAGE_LARGE || (size_t)1 << page->order != n)
		violation_add(found, address, "an area is not as large as its block");
}

static void check_area(const struct window *w, size_t first, size_t guard,
		       size_t live[WINDOW_NR_USES], struct violations *found)
{
	uintptr_t guard_address = w->start + guard * PAGE_SIZE;
	enum window_use use = WINDOW_VMAP;
	bool whole = true;

	for (size_t i = first; i < guard; i++)
		whole = check_page(w, i, &use, i == first, found) && whole;
	if (window_page((const void *)guard_address))
		violation_add(found, guard_address, "a guard page is mapped");
	if (window_next_bit(w->taken, first, guard + 1, false) != guard + 1)
		violation_add(found, guard_address, "a live area is not taken");
	live[use] += guard - first;
	if (whole && use == WINDOW_BLOCK)
		check_block(w, first, guard - first, found);
}

static void check_live(const struct window *w, struct violations *found)
{
	size_t live[WINDOW_NR_USES] = {0};

	for (size_t at = 0;;) {
		size_t first = window_next_bit(w->edges, at, w->nr_pages, true);
		size_t guard;

		if (first == w->nr_pages)
			break;
		guard = window_next_bit(w->edges, first + 1, w->nr_pages, true);
		if (guard >= w->nr_pages) {
			violation_add(found, first, "an area without a guard page");
			break;
		}
		check_area(w, first, guard, live, found);
		at = guard + 1;
	}
	for (unsigned use = 0; use < WINDOW_NR_USES; use++) {
		if (live[use] != w->live[use])
			violation_add(found, live[use],
				      "pages of live areas are not what is counted");
	}
}

static void check_stale_area(const struct window *w, const struct stale_area *area,
			     struct violations *found)
{
	size_t end = (size_t)area->first + area->nr_pages;

	if (end > w->nr_pages) {
		violation_add(found, area->first, "a stale area beyond the window");
		return;
	}
	if (window_next_bit(w->taken, area->first, end, false) != end)
		violation_add(found, area->first, "a stale area is not taken");
	if (window_next_bit(w->edges, area->first, end, true) != end)
		violation_add(found, area->first, "a stale area with edges");
	for (size_t i = area->first; i < end; i++) {
		uintptr_t address = w->start + i * PAGE_SIZE;

		if (window_page((const void *)address))
			violation_add(found, address, "a stale page is mapped");
	}
}

static void check_stale(const struct window *w, struct violations *found)
{
	size_t pages = 0;

	if (w->tail - w->head > WINDOW_STALE_AREAS) {
		violation_add(found, w->head, "more stale areas than fit on the ring");
		return;
	}
	for (uint32_t at = w->head; at != w->tail; at++) {
		const struct stale_area *area = &w->stale[at % WINDOW_STALE_AREAS];

		check_stale_area(w, area, found);
		pages += area->nr_pages;
	}
	if (pages != w->stale_pages)
		violation_add(found, pages, "stale pages are not what is counted");
}

static size_t count_taken(const struct window *w)
{
	size_t taken = 0;

	for (size_t at = 0; at < w->nr_pages;) {
		size_t from = window_next_bit(w->taken, at, w->nr_pages, true);

		at = window_next_bit(w->taken, from, w->nr_pages, false);
		taken += at - from;
	}
	return taken;
}

void window_check_locked(const struct window *w, struct violations *found)
{
	size_t taken = count_taken(w);

	if (taken != w->used + w->stale_pages)
		violation_add(found, taken, "taken pages are not what is counted");
	check_live(w, found);
	check_stale(w, found);
}
