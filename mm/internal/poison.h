/* SPDX-License-Identifier: MIT */
/*
 * What nobody may access now, told to a host whose compiler checks accesses (MM_HOST_POISON of
 * <mm/port.h>).  For all others nothing is left of it.
 */
#ifndef MM_INTERNAL_POISON_H
#define MM_INTERNAL_POISON_H

#include <page.h>

static inline bool poison_is_wanted(void)
{
#ifdef MM_HOST_POISON
	return true;
#else
	return false;
#endif
}

static inline void poison(const void *p, size_t size, enum mm_poison why)
{
#ifdef MM_HOST_POISON
	mm_host_poison(p, size, why);
#else
	(void)p;
	(void)size;
	(void)why;
#endif
}

static inline void unpoison(const void *p, size_t size)
{
#ifdef MM_HOST_POISON
	mm_host_unpoison(p, size);
#else
	(void)p;
	(void)size;
#endif
}

#ifdef MM_HOST_POISON
/* Memory of a block, or NULL: it has no address, or tests have made it up. */
static inline void *poison_memory_of(const struct page *page)
{
	if ((uintptr_t)page - page_array.first >= page_array.entries * sizeof(*page) ||
	    pfn_of_page(page) >= page_array.low_bytes >> PAGE_SHIFT)
		return NULL;
	return mm_phys_to_virt((paddr_t)pfn_of_page(page) << PAGE_SHIFT);
}

static inline void poison_block(const struct page *page, unsigned order)
{
	void *memory = poison_memory_of(page);

	if (memory)
		poison(memory, PAGE_SIZE << order, MM_POISON_FREE_PAGES);
}

static inline void unpoison_block(const struct page *page, unsigned order)
{
	void *memory = poison_memory_of(page);

	if (memory)
		unpoison(memory, PAGE_SIZE << order);
}
#else
static inline void poison_block(const struct page *page, unsigned order)
{
	(void)page;
	(void)order;
}

static inline void unpoison_block(const struct page *page, unsigned order)
{
	(void)page;
	(void)order;
}
#endif

#endif
