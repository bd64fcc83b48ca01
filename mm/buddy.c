// SPDX-License-Identifier: MIT
/*
 * The buddy allocator (Knowlton 1965; Knuth, TAOCP 2.5) over the pages of one zone.
 *
 * A block is 2^order pages whose first frame number is a multiple of 2^order.  Its
 * buddy is the neighbour with which it makes a block of the next order: the frame
 * number with bit `order` flipped.  Allocation takes a block that is large enough
 * and splits it, keeping the lower half and freeing the upper ones; free merges a
 * block with its buddy for as long as the buddy is free and of the same order.  (Or either half at
 * random, see shuffle.c.)
 *
 * I1. A page is of kind PAGE_FREE exactly if it is the head of a block on the list
 *     types[page.type].head[page.order]; the other pages of the block are PAGE_TAIL.
 * I2. Bit k of `orders` is set exactly if the list of order k is not empty;
 *     `count` and `nr_free` add up.
 * I3. No two free blocks of one order are buddies, below the largest order; unless just
 *     one of them is isolated.
 * I4. Every block lies in [start, end), whatever the alignment of these two.
 * I5. A free block is on the lists of BLOCK_ISOLATED exactly if it lies in the isolated range.
 *
 * Pageblocks keep user pages apart from kernel pages, so that a process that exits
 * leaves large blocks behind.  A freed block goes to the list of its pageblock's
 * type.  A type that has nothing left steals the largest block of the other, and
 * with a block of half a pageblock or more the pageblock itself; what it does not
 * need of a smaller one it keeps on its own lists, so that the next requests
 * do not break up another pageblock.
 *
 * One range at a time, as large and aligned as a block, may be isolated: what is free in it
 * or is freed into it stays free, but is not given out, does not count as free, and merges
 * with nothing outside.  So the range can be emptied (compact.c) while others go on allocating.
 *
 * Costs: O(MM_MAX_ORDER) in either direction, no loop over pages.  This file knows
 * neither locks nor flags: the owner serialises.
 */
#include <buddy.h>
#include <poison.h>
#include <shuffle.h>

static struct page *page_at(const struct buddy *buddy, pfn_t pfn)
{
	return (struct page *)(buddy->bias + (uintptr_t)pfn * sizeof(struct page));
}

static pfn_t pfn_of(const struct buddy *buddy, const struct page *page)
{
	return (pfn_t)(((uintptr_t)page - buddy->bias) / sizeof(struct page));
}

/* To the list of its order and `type`: the block that begins with `page`, frame `pfn`. */
static inline __attribute__((always_inline)) void list_push(struct buddy *buddy,
							    struct page *page, pfn_t pfn,
							    unsigned order,
							    enum block_type type)
{
	struct buddy_lists *lists = &buddy->types[type];

	page->kind = PAGE_FREE;
	page->order = (uint8_t)order;
	page->type = (uint8_t)type;
	page->prev = PFN_NONE;
	page->next = lists->head[order];
	if (page->next != PFN_NONE)
		page_at(buddy, page->next)->prev = pfn;
	lists->head[order] = pfn;
	lists->orders |= 1u << order;
	lists->count[order]++;
}

/* Take a free block off its list; its head is left as the head of nothing. */
static inline __attribute__((always_inline)) void list_remove(struct buddy *buddy,
							      struct page *page)
{
	struct buddy_lists *lists = &buddy->types[page->type];
	unsigned order = page->order;

	if (page->prev != PFN_NONE)
		page_at(buddy, page->prev)->next = page->next;
	else
		lists->head[order] = page->next;
	if (page->next != PFN_NONE)
		page_at(buddy, page->next)->prev = page->prev;
	if (lists->head[order] == PFN_NONE)
		lists->orders &= ~(1u << order);
	lists->count[order]--;
	page->kind = PAGE_TAIL;
}

/* Others may read the number at any time, without the lock. */
static void set_free(struct buddy *buddy, size_t nr_free)
{
	__atomic_store_n(&buddy->nr_free, nr_free, __ATOMIC_RELAXED);
}

/* A block of order `from`, on no list, cut down to `to`, one half or the other. */
static __attribute__((noinline)) struct page *split_at_random(struct buddy *buddy,
							      struct page *page, unsigned from,
							      unsigned to, enum block_type type)
{
	while (from > to) {
		struct page *half, *kept = page;

		from--;
		half = page + ((size_t)1 << from);
		if (shuffle_below(2)) {
			kept = half;
			half = page;
		}
		list_push(buddy, half, pfn_of(buddy, half), from, type);
		page = kept;
	}
	return page;
}

/* Cut a block of order `from`, on no list, down to `to`; upper halves go to `type`'s lists. */
static inline void split_block(struct buddy *buddy, struct page *page, unsigned from,
			       unsigned to, enum block_type type)
{
	while (from > to) {
		struct page *half;

		from--;
		half = page + ((size_t)1 << from);
		list_push(buddy, half, pfn_of(buddy, half), from, type);
	}
}

/* The block that `type` takes from the others when its own lists have none; NULL if none has. */
static struct page *steal_block(struct buddy *buddy, unsigned order, enum block_type type)
{
	enum block_type other = type == BLOCK_KERNEL ? BLOCK_USER : BLOCK_KERNEL;
	uint32_t orders = buddy->types[other].orders >> order;
	struct page *page;

	if (!orders)
		return NULL;
	page = page_at(buddy, buddy->types[other].head[order + highest_bit(orders)]);
	if (page->order >= PAGEBLOCK_ORDER - 1)
		buddy->block_types[(pfn_of(buddy, page) >> PAGEBLOCK_ORDER) -
				   (buddy->start >> PAGEBLOCK_ORDER)] = (uint8_t)type;
	return page;
}

/*
 * Empty, with all frames of [start, end) outside: hand memory over by
 * buddy_add_range().  `block_types` has buddy_nr_pageblocks() bytes.
 */
void buddy_init(struct buddy *buddy, uintptr_t bias, pfn_t start, pfn_t end, uint8_t zone,
		uint8_t *block_types, enum block_type initial)
{
	size_t nr_pageblocks = buddy_nr_pageblocks(start, end);

	buddy->bias = bias;
	buddy->start = start;
	buddy->end = end;
	buddy->zone = zone;
	buddy->block_types = block_types;
	buddy->nr_free = 0;
	buddy->nr_isolated = 0;
	buddy->isolated_start = 0;
	buddy->isolated_pages = 0;
	for (unsigned type = 0; type < NR_BLOCK_LISTS; type++) {
		struct buddy_lists *lists = &buddy->types[type];

		lists->orders = 0;
		for (unsigned order = 0; order < MM_NR_ORDERS; order++) {
			lists->head[order] = PFN_NONE;
			lists->count[order] = 0;
		}
	}
	for (size_t i = 0; i < nr_pageblocks; i++)
		block_types[i] = (uint8_t)initial;
}

/* Hand over the frames [start, end), a part of the zone, in the largest blocks that fit. */
void buddy_add_range(struct buddy *buddy, pfn_t start, pfn_t end)
{
	for (pfn_t pfn = start; pfn < end; pfn++) {
		struct page *page = page_at(buddy, pfn);

		page->kind = PAGE_TAIL;
		page->zone = buddy->zone;
	}
	while (start < end) {
		unsigned order = start ? lowest_bit(start) : MM_MAX_ORDER;

		if (order > MM_MAX_ORDER)
			order = MM_MAX_ORDER;
		while (((pfn_t)1 << order) > end - start)
			order--;
		buddy_free(buddy, page_at(buddy, start), order);
		start += (pfn_t)1 << order;
	}
}

/* What is on no list any more becomes a block in a caller's hands. */
static inline struct page *make_block(const struct buddy *buddy, struct page *page,
				      unsigned order)
{
	unsigned home = PAGE_HOMELESS;

	if (order < PAGE_LIST_ORDERS)
		home = page_home(buddy->zone, buddy_type_of(buddy, page), order);
	page->order = (uint8_t)order;
	page_set_home(page, home);
	page->kind = PAGE_BLOCK;
	unpoison_block(page, order);
	return page;
}

/* Take a free block off its list, and cut it to size; the rest goes to `type`'s lists. */
static inline __attribute__((always_inline)) struct page *take_block(struct buddy *buddy,
								     struct page *page,
								     unsigned order,
								     enum block_type type)
{
	unsigned found = page->order;

	list_remove(buddy, page);
	if (shuffle_is_on())
		page = split_at_random(buddy, page, found, order, type);
	else
		split_block(buddy, page, found, order, type);
	set_free(buddy, buddy->nr_free - ((size_t)1 << order));
	return make_block(buddy, page, order);
}

/* The smallest free block that is large enough, on its list; NULL when there is none. */
static inline __attribute__((always_inline)) struct page *find_block(struct buddy *buddy,
								     unsigned order,
								     enum block_type type)
{
	uint32_t orders = buddy->types[type].orders >> order;

	if (likely(orders))
		return page_at(buddy, buddy->types[type].head[order + lowest_bit(orders)]);
	return steal_block(buddy, order, type);
}

/* A block for `type`, as PAGE_BLOCK; NULL when no free block is large enough. */
MM_FASTCALL struct page *buddy_alloc(struct buddy *buddy, unsigned order, enum block_type type)
{
	struct page *page = find_block(buddy, order, type);

	return page ? take_block(buddy, page, order, type) : NULL;
}

/*
 * The smallest free block of order `least` or more, as PAGE_BLOCK; not more than 2^most pages
 * of it.  So many blocks of order `least` by one step as one by one would have been given out.
 */
MM_FASTCALL struct page *buddy_alloc_within(struct buddy *buddy, unsigned least, unsigned most,
					    enum block_type type)
{
	struct page *page = find_block(buddy, least, type);

	return page ? take_block(buddy, page, page->order < most ? page->order : most, type)
		    : NULL;
}

/*
 * The first 2^order pages of a free block that is large enough, as PAGE_BLOCK.  The rest
 * stays on the lists of its type.
 */
struct page *buddy_alloc_from(struct buddy *buddy, struct page *block, unsigned order)
{
	unsigned found = block->order;
	enum block_type type = (enum block_type)block->type;

	list_remove(buddy, block);
	split_block(buddy, block, found, order, type);
	set_free(buddy, buddy->nr_free - ((size_t)1 << order));
	return make_block(buddy, block, order);
}

/* Does the frame lie in the isolated range?  (For one before it the difference is huge.) */
static bool is_isolated(const struct buddy *buddy, pfn_t pfn)
{
	return pfn - buddy->isolated_start < buddy->isolated_pages;
}

/* Is the block of this order at `pfn` free and whole, in the zone, and isolated or not? */
static bool is_free_block(const struct buddy *buddy, pfn_t pfn, unsigned order, bool isolated)
{
	const struct page *page;

	if (pfn < buddy->start || pfn >= buddy->end)
		return false;
	page = page_at(buddy, pfn);
	return page_get_kind(page) == PAGE_FREE && page->order == order &&
	       page->zone == buddy->zone && (page->type == BLOCK_ISOLATED) == isolated;
}

/* Merge a block, on no list, with its buddies; what comes of it goes to a list. */
static inline __attribute__((always_inline)) void merge_block(struct buddy *buddy, pfn_t pfn,
							      unsigned order, bool isolated)
{
	struct page *page = page_at(buddy, pfn);

	while (order < MM_MAX_ORDER) {
		pfn_t other = pfn ^ ((pfn_t)1 << order);

		if (!is_free_block(buddy, other, order, isolated))
			break;
		list_remove(buddy, page_at(buddy, other));
		page->kind = PAGE_TAIL;
		pfn = pfn_align_down(pfn, ++order);
		page = page_at(buddy, pfn);
	}
	list_push(buddy, page, pfn, order,
		  isolated ? BLOCK_ISOLATED : buddy_pageblock_type(buddy, pfn));
}

static __attribute__((noinline)) void free_isolated(struct buddy *buddy, pfn_t pfn,
						    unsigned order)
{
	buddy->nr_isolated += (size_t)1 << order;
	merge_block(buddy, pfn, order, true);
}

/* Free a block of PAGE_BLOCK or fresh pages.  The caller has made sure that it is one. */
MM_FASTCALL void buddy_free(struct buddy *buddy, struct page *page, unsigned order)
{
	pfn_t pfn = pfn_of(buddy, page);

	poison_block(page, order);
	if (unlikely(is_isolated(buddy, pfn))) {
		free_isolated(buddy, pfn, order);
		return;
	}
	set_free(buddy, buddy->nr_free + ((size_t)1 << order));
	merge_block(buddy, pfn, order, false);
}

/* Can what lies there ever be a free block of its own, and is it none yet? */
static bool may_isolate(const struct buddy *buddy, pfn_t start, unsigned order)
{
	const struct page *page;

	if (start < buddy->start || start >= buddy->end ||
	    buddy->end - start < (pfn_t)1 << order)
		return false;
	page = page_at(buddy, start);
	return (page_get_kind(page) == PAGE_FREE && page->order < order) ||
	       (page_get_kind(page) == PAGE_BLOCK && page->order <= order);
}

/*
 * Isolate the 2^order frames from `start` on, a multiple of that.  False, and nothing is
 * changed, if another range is isolated, not all of this one lies in the zone, it is free
 * from end to end, or it begins inside of a block, or with what is no block of pages.
 */
bool buddy_isolate(struct buddy *buddy, pfn_t start, unsigned order)
{
	pfn_t end = start + ((pfn_t)1 << order);

	if (buddy->isolated_pages || !may_isolate(buddy, start, order))
		return false;
	buddy->isolated_start = start;
	buddy->isolated_pages = end - start;
	for (pfn_t pfn = start; pfn < end;) {
		struct page *page = page_at(buddy, pfn);
		unsigned size = page_get_kind(page) == PAGE_FREE ? page->order : 0;

		if (page_get_kind(page) == PAGE_FREE) {
			list_remove(buddy, page);
			list_push(buddy, page, pfn, size, BLOCK_ISOLATED);
			buddy->nr_isolated += (size_t)1 << size;
		}
		pfn += (pfn_t)1 << size;
	}
	set_free(buddy, buddy->nr_free - buddy->nr_isolated);
	return true;
}

/*
 * Give back what is free in the isolated range, and say whether that is all of it.  A block
 * merges with a buddy only when both are back: the later of the two sees to it.
 */
bool buddy_end_isolation(struct buddy *buddy)
{
	struct buddy_lists *lists = &buddy->types[BLOCK_ISOLATED];
	bool all_free = buddy->nr_isolated == buddy->isolated_pages;

	buddy->isolated_pages = 0;
	buddy->nr_isolated = 0;
	while (lists->orders) {
		unsigned order = lowest_bit(lists->orders);
		struct page *page = page_at(buddy, lists->head[order]);

		list_remove(buddy, page);
		buddy_free(buddy, page, order);
	}
	return all_free;
}

/* The type of the pageblock that holds the page. */
enum block_type buddy_type_of(const struct buddy *buddy, const struct page *page)
{
	return buddy_pageblock_type(buddy, pfn_of(buddy, page));
}
