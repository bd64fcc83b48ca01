/* SPDX-License-Identifier: MIT */
/* The buddy allocator of one zone.  See buddy.c. */
#ifndef MM_INTERNAL_BUDDY_H
#define MM_INTERNAL_BUDDY_H

#include <page.h>

/* Free blocks of one type: a list for each order, and which of them hold something. */
struct buddy_lists {
	uint32_t orders; /* bit k: head[k] is not empty */
	pfn_t head[MM_NR_ORDERS];
	size_t count[MM_NR_ORDERS];
};

/* All fields but [I] belong to whoever owns the structure: the zone lock. */
struct buddy {
	uintptr_t bias;   /* [I] of the page array; see struct page_array */
	pfn_t start, end; /* [I] frames that may ever be handed over */
	uint8_t zone;     /* [I] stamped on its pages */
	uint8_t *
		block_types; /* enum block_type of each pageblock, the one around `start` first */
	size_t nr_free; /* pages in all lists but those of BLOCK_ISOLATED; others may read it: [a] */
	size_t nr_isolated;                   /* pages in those */
	pfn_t isolated_start, isolated_pages; /* the isolated range; 0 pages: there is none */
	struct buddy_lists types[NR_BLOCK_LISTS];
};

/* Pageblock: the unit that belongs to one type.  As large as the largest block. */
#define PAGEBLOCK_ORDER MM_MAX_ORDER

/* Bytes of block_types that a zone from `start` to `end` needs. */
static inline size_t buddy_nr_pageblocks(pfn_t start, pfn_t end)
{
	if (start >= end)
		return 0;
	return (size_t)((end - 1) >> PAGEBLOCK_ORDER) - (start >> PAGEBLOCK_ORDER) + 1;
}

void buddy_init(struct buddy *buddy, uintptr_t bias, pfn_t start, pfn_t end, uint8_t zone,
		uint8_t *block_types, enum block_type initial);
void buddy_add_range(struct buddy *buddy, pfn_t start, pfn_t end);
MM_FASTCALL struct page *buddy_alloc(struct buddy *buddy, unsigned order, enum block_type type);
MM_FASTCALL struct page *buddy_alloc_within(struct buddy *buddy, unsigned least, unsigned most,
					    enum block_type type);
struct page *buddy_alloc_from(struct buddy *buddy, struct page *block, unsigned order);
MM_FASTCALL void buddy_free(struct buddy *buddy, struct page *page, unsigned order);
bool buddy_isolate(struct buddy *buddy, pfn_t start, unsigned order);
bool buddy_end_isolation(struct buddy *buddy);
enum block_type buddy_type_of(const struct buddy *buddy, const struct page *page);

/* The type of the pageblock around `pfn`, which lies in the zone. */
static inline enum block_type buddy_pageblock_type(const struct buddy *buddy, pfn_t pfn)
{
	return (enum block_type)buddy
		->block_types[(pfn >> PAGEBLOCK_ORDER) - (buddy->start >> PAGEBLOCK_ORDER)];
}

/* Is there a free block of this order or more, of any type? */
static inline bool buddy_has_block(const struct buddy *buddy, unsigned order)
{
	return (buddy->types[BLOCK_KERNEL].orders | buddy->types[BLOCK_USER].orders) >> order;
}

#endif
