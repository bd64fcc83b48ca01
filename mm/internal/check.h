/* SPDX-License-Identifier: MIT */
/* Checking invariants.  See debug/check.c. */
#ifndef MM_INTERNAL_CHECK_H
#define MM_INTERNAL_CHECK_H

#include <buddy.h>
#include <slab.h>
#include <window.h>

struct zone;

/* One broken invariant: where, and which. */
struct violation {
	uintptr_t where; /* a frame number, or an address */
	const char *what;
};

/* Violations found, under a lock or not, to be reported later: all counted, the first few kept. */
#define VIOLATIONS_KEPT 8
struct violations {
	size_t count;
	struct violation kept[VIOLATIONS_KEPT];
};

void violation_add(struct violations *found, uintptr_t where, const char *what);

/*
 * buddy_check - verify every invariant, by the lists and by each page.  `exists`
 * tells whether the largest block around a frame has struct pages; NULL: all have.  Returns
 * the pages in PAGE_LISTED blocks, which are not the buddy allocator's.
 */
size_t buddy_check(const struct buddy *buddy, bool (*exists)(pfn_t pfn),
		   struct violations *found);

/* page_lists_check_locked - verify all lists of the zone; `seen`: what buddy_check() returned. */
void page_lists_check_locked(const struct zone *zone, size_t seen, struct violations *found);

/* slab_check_locked - verify a cache, its slabs and its magazines. */
void slab_check_locked(const struct kmem_cache *cache, struct violations *found);

/* window_check_locked - verify the window's bits, ring and counts, and each live area's pages. */
void window_check_locked(const struct window *w, struct violations *found);

#endif
