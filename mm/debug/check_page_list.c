// SPDX-License-Identifier: MIT
/*
 * The invariants of the CPUs' page lists (page_list.c).  What is in a list is marked while all are
 * walked, by references that such a block cannot have, so that one that is in two shows.
 *
 * Safe on damaged structures: a slot is followed only if it is an entry of the page array.
 */
#include <check.h>
#include <page_list.h>
#include <zone.h>

#define MARK (~0u)

static bool is_entry(const struct page *page)
{
	uintptr_t offset = (uintptr_t)page - page_array.first;

	return offset % sizeof(*page) == 0 &&
	       offset / sizeof(*page) < page_array.end - page_array.start &&
	       page_exists(pfn_of_page(page));
}

/* A list's words; false when what is in it cannot be looked at. */
static bool check_words(const struct zone *zone, const struct mm_page_stack *list,
			unsigned number, struct violations *found)
{
	unsigned room = page_list_capacity(number);
	bool shut = list->limit < list->slots && list->bottom > list->slots + room;
	bool open = list->limit == list->slots + room && list->bottom == list->slots;

	if (!shut && !open)
		violation_add(found, (uintptr_t)list,
			      "a page list that is neither open nor shut");
	else if (open && !zone->lists_are_open)
		violation_add(found, (uintptr_t)list,
			      "a page list is open, the zone's are not");
	if (list->top >= list->slots && list->top <= list->slots + room)
		return true;
	violation_add(found, (uintptr_t)list, "a page list's top is none of its slots");
	return false;
}

static void check_listed(const struct zone *zone, struct page *page, unsigned number,
			 struct violations *found)
{
	unsigned order = number % PAGE_LIST_ORDERS;

	if (!is_entry(page)) {
		violation_add(found, (uintptr_t)page, "on a page list, but no page");
		return;
	}
	if (page_get_kind(page) != PAGE_LISTED || page->order != order ||
	    page->zone != zone->id)
		violation_add(found, pfn_of_page(page), "on a page list, but not such a block");
	else if (page->refs == MARK)
		violation_add(found, pfn_of_page(page), "on two page lists, or twice on one");
	else if (page->refs != 1)
		violation_add(found, pfn_of_page(page),
			      "on a page list, without the reference that its taker gets");
	else
		page->refs = MARK;
}

static void unmark(const struct mm_page_stack *list, size_t room)
{
	for (struct page **slot = list->slots; slot < list->top && slot < list->slots + room;
	     slot++)
		if (is_entry(*slot) && page_get_kind(*slot) == PAGE_LISTED &&
		    (*slot)->refs == MARK)
			(*slot)->refs = 1;
}

/* Pages in one list. */
static size_t check_list(const struct zone *zone, const struct mm_page_stack *list,
			 unsigned number, struct violations *found)
{
	if (!check_words(zone, list, number, found))
		return 0;
	for (struct page **slot = list->slots; slot < list->top; slot++)
		check_listed(zone, *slot, number, found);
	return (size_t)(list->top - list->slots) << number % PAGE_LIST_ORDERS;
}

void page_lists_check_locked(const struct zone *zone, size_t seen, struct violations *found)
{
	unsigned first = zone->id * PAGE_LISTS_OF_ZONE, end = first + PAGE_LISTS_OF_ZONE;
	size_t pages = 0;

	for (unsigned number = first; number < end; number++)
		for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++)
			pages += check_list(zone, &mm_page_stacks[number][cpu], number, found);
	if (pages != seen)
		violation_add(found, pages, "pages on page lists are not those that say so");
	for (unsigned number = first; number < end; number++)
		for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++)
			unmark(&mm_page_stacks[number][cpu], page_list_capacity(number));
}
