// SPDX-License-Identifier: MIT
/*
 * The buddy allocator's invariants (buddy.c), checked twice over: once along the
 * lists, once page by page; what both count must be the same.
 *
 * Pure: no locks, no output.  Safe on damaged structures: a link is followed only after
 * it proved to lie in the zone, and no list further than its own count.
 */
#include <check.h>

static const struct page *page_at(const struct buddy *buddy, pfn_t pfn)
{
	return (const struct page *)(buddy->bias + (uintptr_t)pfn * sizeof(struct page));
}

static bool in_zone(const struct buddy *buddy, pfn_t pfn, unsigned order)
{
	return pfn >= buddy->start && pfn < buddy->end && buddy->end - pfn >= (pfn_t)1 << order;
}

/* One element of a list; false when its links cannot be followed. */
static bool check_listed(const struct buddy *buddy, pfn_t pfn, pfn_t prev, unsigned order,
			 unsigned type, bool (*exists)(pfn_t), struct violations *found)
{
	const struct page *page;

	if (!in_zone(buddy, pfn, order) || (exists && !exists(pfn))) {
		violation_add(found, pfn, "a free list leads out of the zone");
		return false;
	}
	page = page_at(buddy, pfn);
	if (page_get_kind(page) != PAGE_FREE || page->order != order || page->type != type) {
		violation_add(found, pfn, "on a free list, but not such a free block");
		return false;
	}
	if (page->prev != prev)
		violation_add(found, pfn, "free list: the link back is wrong");
	return true;
}

/* I1, I2 along one list. */
static void check_list(const struct buddy *buddy, unsigned type, unsigned order,
		       bool (*exists)(pfn_t), struct violations *found)
{
	const struct buddy_lists *lists = &buddy->types[type];
	pfn_t prev = PFN_NONE, pfn = lists->head[order];
	size_t length = 0;

	if ((lists->orders >> order & 1) != (pfn != PFN_NONE))
		violation_add(found, order, "the bitmap of orders disagrees with a list");
	for (; pfn != PFN_NONE; length++) {
		if (length == lists->count[order]) {
			violation_add(found, pfn, "a free list is longer than its count");
			return;
		}
		if (!check_listed(buddy, pfn, prev, order, type, exists, found))
			return;
		prev = pfn;
		pfn = page_at(buddy, pfn)->next;
	}
	if (length != lists->count[order])
		violation_add(found, order, "a free list is shorter than its count");
}

/* Should the free block `page` have merged with the one at `pfn`? */
static bool is_free_buddy(const struct buddy *buddy, pfn_t pfn, const struct page *page)
{
	const struct page *other = page_at(buddy, pfn);

	return in_zone(buddy, pfn, page->order) && page_get_kind(other) == PAGE_FREE &&
	       other->order == page->order && other->zone == buddy->zone &&
	       (other->type == BLOCK_ISOLATED) == (page->type == BLOCK_ISOLATED);
}

/* Pages by what their block is. */
enum seen_kind {
	SEEN_FREE,
	SEEN_ISOLATED,
	SEEN_LISTED,
	NR_SEEN
};

/* I5, and what a free block counts for. */
static void check_free(const struct buddy *buddy, pfn_t pfn, size_t seen[NR_SEEN],
		       struct violations *found)
{
	const struct page *page = page_at(buddy, pfn);
	bool isolated = page->type == BLOCK_ISOLATED;
	pfn_t size = (pfn_t)1 << page->order, offset = pfn - buddy->isolated_start;
	bool inside = offset < buddy->isolated_pages && buddy->isolated_pages - offset >= size;

	seen[isolated ? SEEN_ISOLATED : SEEN_FREE] += size;
	if (inside != isolated)
		violation_add(found, pfn, "isolated, or not, in the wrong place");
	if (page->order < MM_MAX_ORDER && is_free_buddy(buddy, pfn ^ size, page))
		violation_add(found, pfn, "two free buddies have not merged");
}

/* The lists that a block will be freed to. */
static void check_home(const struct page *page, pfn_t pfn, struct violations *found)
{
	uint8_t home = page_get_home(page);

	if (home != page_home(page->zone, BLOCK_KERNEL, page->order) &&
	    home != page_home(page->zone, BLOCK_USER, page->order))
		violation_add(found, pfn, "a block whose home is no list of such blocks");
}

/* A block with a mover has one page, and, until it is being freed, a mover. */
static void check_movable(const struct page *page, pfn_t pfn, struct violations *found)
{
	uint8_t home = page_get_home(page);

	if (home == PAGE_MOVABLE && (page->order || (page->refs && !page->mover)))
		violation_add(found, pfn, "movable, but of more pages or without a mover");
	else if (home != PAGE_MOVABLE && home != PAGE_WAS_MOVABLE && home != PAGE_OF_RUN)
		check_home(page, pfn, found);
}

/* The inside of a block: tails, or pages of the same slab. */
static void check_inside(const struct buddy *buddy, pfn_t pfn, struct violations *found)
{
	const struct page *head = page_at(buddy, pfn);

	for (pfn_t i = 1; i < (pfn_t)1 << head->order; i++) {
		const struct page *page = head + i;
		bool same_slab = page_get_kind(head) == PAGE_SLAB &&
				 page_get_kind(page) == PAGE_SLAB && page->slab == head->slab;

		if (page_get_kind(page) != PAGE_TAIL && !same_slab)
			violation_add(found, pfn + i, "inside a block, but not its tail");
		if (page->zone != buddy->zone)
			violation_add(found, pfn + i, "a block reaches into another zone");
	}
}

/* The block that starts at pfn; returns the pages to go on by. */
static pfn_t check_block(const struct buddy *buddy, pfn_t pfn, size_t seen[NR_SEEN],
			 struct violations *found)
{
	const struct page *page = page_at(buddy, pfn);
	unsigned order = page->order;

	if (order > MM_MAX_ORDER || !in_zone(buddy, pfn, order) ||
	    pfn_align_down(pfn, order) != pfn) {
		violation_add(found, pfn, "a block of impossible order");
		return 1;
	}
	check_inside(buddy, pfn, found);
	if (page_get_kind(page) == PAGE_FREE)
		check_free(buddy, pfn, seen, found);
	else if (page_get_kind(page) == PAGE_BLOCK)
		check_movable(page, pfn, found);
	else if (page_get_kind(page) == PAGE_LISTED) {
		seen[SEEN_LISTED] += (size_t)1 << order;
		check_home(page, pfn, found);
	}
	return (pfn_t)1 << order;
}

static pfn_t check_page(const struct buddy *buddy, pfn_t pfn, size_t seen[NR_SEEN],
			struct violations *found)
{
	const struct page *page = page_at(buddy, pfn);

	if (page_get_kind(page) == PAGE_HOLE)
		return 1;
	if (page->zone != buddy->zone)
		violation_add(found, pfn, "a page of another zone");
	switch (page_get_kind(page)) {
	case PAGE_RESERVED: return 1;
	case PAGE_FREE:
	case PAGE_LISTED:
	case PAGE_BLOCK:
	case PAGE_SLAB:
	case PAGE_LARGE:
	case PAGE_VMALLOC:
	case PAGE_GUARD: return check_block(buddy, pfn, seen, found);
	case PAGE_TAIL: violation_add(found, pfn, "a tail without a head"); return 1;
	default: violation_add(found, pfn, "a page of no kind"); return 1;
	}
}

/* Frame after `pfn`'s largest block. */
static pfn_t next_block(const struct buddy *buddy, pfn_t pfn)
{
	pfn_t next = pfn_align_down(pfn, MM_MAX_ORDER) + ((pfn_t)1 << MM_MAX_ORDER);

	return next > pfn && next < buddy->end ? next : buddy->end;
}

static void check_counts(size_t counted, size_t listed, size_t seen, struct violations *found)
{
	if (listed != counted)
		violation_add(found, listed, "free pages on the lists are not what is counted");
	if (seen != counted)
		violation_add(found, seen, "free pages in the zone are not what is counted");
}

size_t buddy_check(const struct buddy *buddy, bool (*exists)(pfn_t pfn),
		   struct violations *found)
{
	size_t listed[2] = {0}; /* pages free, pages isolated */
	size_t seen[NR_SEEN] = {0};

	for (unsigned type = 0; type < NR_BLOCK_LISTS; type++) {
		for (unsigned order = 0; order < MM_NR_ORDERS; order++) {
			check_list(buddy, type, order, exists, found);
			listed[type == BLOCK_ISOLATED] += buddy->types[type].count[order]
							  << order;
		}
	}
	for (pfn_t pfn = buddy->start; pfn < buddy->end;) {
		if (exists && !exists(pfn))
			pfn = next_block(buddy, pfn);
		else
			pfn += check_page(buddy, pfn, seen, found);
	}
	check_counts(buddy->nr_free, listed[0], seen[SEEN_FREE], found);
	check_counts(buddy->nr_isolated, listed[1], seen[SEEN_ISOLATED], found);
	return seen[SEEN_LISTED];
}
