/* SPDX-License-Identifier: MIT */
/* From an address to the slab around it.  See slab_map.c. */
#ifndef MM_INTERNAL_SLAB_MAP_H
#define MM_INTERNAL_SLAB_MAP_H

#include <page.h>
#include <slab.h>

/* No slab: no object starts in it, it is of no cache. */
extern struct slab no_slab;

/* What a word of the map is counted from: where it is zeros first, a zero leads to no_slab. */
#define SLAB_MAP_ORIGIN (MM_HOST_SLAB_MAP_ZEROED ? (uintptr_t)&no_slab : 0)

/* The slab around an address, any at all, or no_slab. */
static inline struct slab *slab_around(const void *p)
{
	const uintptr_t *map = (const uintptr_t *)MM_HOST_SLAB_MAP;
	const struct page *page;

	if (MM_HOST_SLAB_MAP)
		return (struct slab *)(SLAB_MAP_ORIGIN + map[(uintptr_t)p >> PAGE_SHIFT]);
	page = page_of_address(p);
	return page && page->kind == PAGE_SLAB ? page->slab : &no_slab;
}

bool slab_map_init(void);
void slab_map_set(const struct slab *slab, size_t nr_pages);
void slab_map_clear(const struct slab *slab, size_t nr_pages);

#endif
