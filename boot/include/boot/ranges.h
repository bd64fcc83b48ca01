/* SPDX-License-Identifier: MIT */
/*
 * A set of physical address ranges with a fixed capacity, and two ways to go on
 * when it is full: lose the new range (right for RAM: less memory), or cover it
 * by widening another (right for reservations: none may get lost).
 */
#ifndef BOOT_RANGES_H
#define BOOT_RANGES_H

#include <mm/boot.h>

#define RANGE_SET_MAX 128

struct range_set {
	struct mm_range ranges[RANGE_SET_MAX];
	size_t nr;
	size_t lost;    /* ranges that range_set_add() had no room for */
	size_t widened; /* ranges that range_set_cover() had to widen another for */
};

/* Add [start, end); an empty range is ignored.  Returns false when the set is full. */
bool range_set_add(struct range_set *set, paddr_t start, paddr_t end);

/*
 * Make sure that [start, end) is covered.  Joins the range with one that it
 * touches; when the set is full, with the one that must grow least for it.
 */
void range_set_cover(struct range_set *set, paddr_t start, paddr_t end);

#endif
