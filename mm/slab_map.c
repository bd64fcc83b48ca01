// SPDX-License-Identifier: MIT
/*
 * The slab map: where the host has the address space for it, one word for each page of that
 * space, and so the step from a pointer to its slab is one load, without asking first
 * whether the pointer means anything.
 *
 * The host sets an address range aside (MM_HOST_SLAB_MAP).  mm_init() has it map one page all over
 * it, full of pointers to no_slab, but for the part that stands for low memory, which alone
 * holds slabs; that is one page of its own for each 4 MiB, where pointers have 32 bits.
 *
 * Or, in a process, the range is full of zeros (MM_HOST_SLAB_MAP_ZEROED), which come into being
 * as they are touched.  Each word is how far the slab is from no_slab then.
 *
 * Other hosts find the slab through the page array.
 *
 * I1. The entries of the pages of a slab that say PAGE_SLAB lead to it; but to no_slab where
 *     the slab is one of the allocator's own, whose objects nobody may free from outside.
 *
 * Locks: none; entries are written by whoever makes or releases the slab, while nobody else
 * knows an object of it.
 */
#include <bootmem.h>
#include <mem.h>
#include <mm/port.h>
#include <slab_map.h>

struct slab no_slab;

#define MAP_BYTES (((uintptr_t)-1 / PAGE_SIZE + 1) * sizeof(uintptr_t))

static uintptr_t *entry_of(const void *p)
{
	return (uintptr_t *)((uintptr_t)MM_HOST_SLAB_MAP +
			     ((uintptr_t)p >> PAGE_SHIFT) * sizeof(uintptr_t));
}

static uintptr_t entry_for(const struct slab *slab)
{
	return (uintptr_t)slab - SLAB_MAP_ORIGIN;
}

static uintptr_t map_page_of(pfn_t pfn)
{
	return (uintptr_t)entry_of(mm_phys_to_virt((paddr_t)pfn << PAGE_SHIFT)) & PAGE_MASK;
}

/* A page full of no_slab; false when there is none. */
static bool new_map_page(paddr_t *phys)
{
	uintptr_t *entries = bootmem_alloc(PAGE_SIZE, PAGE_SIZE, phys);

	if (!entries)
		return false;
	for (size_t i = 0; i < PAGE_SIZE / sizeof(uintptr_t); i++)
		entries[i] = entry_for(&no_slab);
	return true;
}

/* False when there is no memory for it. */
bool slab_map_init(void)
{
	uintptr_t first, last;
	paddr_t common, phys;

	if (!MM_HOST_SLAB_MAP || MM_HOST_SLAB_MAP_ZEROED)
		return true;
	first = map_page_of(page_array.start);
	last = map_page_of((pfn_t)(page_array.low_bytes >> PAGE_SHIFT) - 1);
	if (!new_map_page(&common))
		return false;
	for (uintptr_t at = 0; at < MAP_BYTES; at += PAGE_SIZE) {
		uintptr_t virt = MM_HOST_SLAB_MAP + at;

		phys = common;
		if (virt >= first && virt <= last && !new_map_page(&phys))
			return false;
		if (!mm_host_map(virt, phys))
			return false;
	}
	return true;
}

static void set_entries(const struct slab *slab, size_t nr_pages, const struct slab *value)
{
	/* The first object may begin in a later page than the slab does: behind a wide red zone. */
	uintptr_t *entry = entry_of(slab->base - slab->cache->lead);

	if (!MM_HOST_SLAB_MAP || (slab->cache->flags & SLAB_INTERNAL))
		return;
	for (size_t i = 0; i < nr_pages; i++)
		entry[i] = entry_for(value);
}

/* The first pages of a slab, those in which an object can start. */
void slab_map_set(const struct slab *slab, size_t nr_pages)
{
	set_entries(slab, nr_pages, slab);
}

void slab_map_clear(const struct slab *slab, size_t nr_pages)
{
	set_entries(slab, nr_pages, &no_slab);
}
