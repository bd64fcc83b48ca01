/* SPDX-License-Identifier: MIT */
/* Sets of physical addresses as sorted, disjoint ranges.  See memmap.c. */
#ifndef MM_INTERNAL_MEMMAP_H
#define MM_INTERNAL_MEMMAP_H

#include <mm/boot.h>

#define MEMMAP_MAX_RANGES 128

struct memmap {
	size_t count;
	size_t dropped; /* ranges, or parts of ranges, that found no room: never handed out */
	struct mm_range ranges[MEMMAP_MAX_RANGES];
};

#define MEMMAP_NOT_FOUND (~(paddr_t)0)

void memmap_clear(struct memmap *map);
void memmap_add(struct memmap *map, paddr_t start, paddr_t end);
void memmap_remove(struct memmap *map, paddr_t start, paddr_t end);
void memmap_trim_to_pages(struct memmap *map);
bool memmap_contains(const struct memmap *map, paddr_t start, paddr_t end);
bool memmap_intersects(const struct memmap *map, paddr_t start, paddr_t end);
paddr_t memmap_find_top_down(const struct memmap *map, paddr_t size, paddr_t align,
			     paddr_t limit);
paddr_t memmap_bytes(const struct memmap *map, paddr_t start, paddr_t end);

#endif
