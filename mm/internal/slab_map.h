/* SPDX-License-Identifier: MIT */
/* From an address to the slab around it.  See slab_map.c. */
#ifndef MM_INTERNAL_SLAB_MAP_H
#define MM_INTERNAL_SLAB_MAP_H

#include <page.h>
#include <slab.h>

/* No slab: no object starts in it, it is of no cache. */
extern struct slab no_slab;

/* The slab around an address, any at all, or no_slab. */
static inline struct slab *slab_around(const void *p)
{
	struct slab *const *map = (struct slab *const *)MM_HOST_SLAB_MAP;
	const struct page *page;

	if (MM_HOST_SLAB_MAP)
		return map[(uintptr_t)p >> PAGE_SHIFT];
	page = page_of_address(p);
	return page && page->kind == PAGE_SLAB ? page->slab : &no_slab;
}

bool slab_map_init(void);
void slab_map_set(const struct slab *slab, size_t nr_pages);
void slab_map_clear(const struct slab *slab, size_t nr_pages);

#endif
