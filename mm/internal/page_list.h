/* SPDX-License-Identifier: MIT */
/* Free blocks of small orders at each CPU's hand.  See page_list.c. */
#ifndef MM_INTERNAL_PAGE_LIST_H
#define MM_INTERNAL_PAGE_LIST_H

#include <bits.h>
#include <mm/port.h>
#include <page.h>

struct zone;

#define PAGE_LISTS_OF_ZONE (NR_BLOCK_TYPES * PAGE_LIST_ORDERS)

/* One line of a CPU's cache, and no other CPU's: the distance from CPU to CPU. */
#define PAGE_LIST_BYTES    64

/* A stack of free blocks; [z] is the lock of their zone. */
struct page_list {
	struct page **top;    /* [p] behind the block to take next; others may read it: [a] */
	struct page **limit;  /* [z] to set, [a] to read: no block is put there, or above */
	struct page **bottom; /* [z] to set, [a] to read: no block is taken from below it */
	struct page **slots;  /* [I] */
	unsigned long
		frees; /* [p] blocks that callers have put here; others may read it: [a] */
	unsigned long taken; /* [z] blocks that came from the zone, less those that went back */
} __attribute__((aligned(PAGE_LIST_BYTES)));

_Static_assert(sizeof(struct page_list) == PAGE_LIST_BYTES, "one cache line for each CPU");

/* By number, see page_home(), and CPU; the last one is always empty and always full. */
extern struct page_list page_lists[NR_PAGE_LISTS + 1][MM_HOST_NR_CPUS];

/* Give it to a caller, who has the one reference. */
static inline void page_hand_out(struct page *page)
{
	__atomic_store_n(&page->refs, 1, __ATOMIC_RELAXED);
	page_set_kind(page, PAGE_BLOCK);
}

/* [p] A block of this CPU's, the caller's; NULL if the list has none, or is shut. */
static inline struct page *page_list_pop_here(unsigned number)
{
	struct page_list *list = &page_lists[number][mm_cpu_id()];
	struct page **top = list->top;
	struct page *page;

	if (unlikely(top <= __atomic_load_n(&list->bottom, __ATOMIC_RELAXED)))
		return NULL;
	page = *--top;
	__atomic_store_n(&list->top, top, __ATOMIC_RELAXED);
	page_hand_out(page);
	return page;
}

static inline struct page *page_list_pop(unsigned number)
{
	mm_irqflags_t flags = mm_irq_save();
	struct page *page = page_list_pop_here(number);

	mm_irq_restore(flags);
	return page;
}

/*
 * [p] Put a block there that nobody knows any more: PAGE_BLOCK.  False, and nothing is done, if
 * the list is full or shut.
 */
static inline bool page_list_push_here(struct page *page, unsigned number)
{
	struct page_list *list = &page_lists[number][mm_cpu_id()];
	struct page **top = list->top;

	if (unlikely(top >= __atomic_load_n(&list->limit, __ATOMIC_RELAXED)))
		return false;
	__atomic_store_n(&page->refs, 0, __ATOMIC_RELAXED);
	page_set_kind(page, PAGE_LISTED);
	*top = page;
	__atomic_store_n(&list->top, top + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&list->frees, list->frees + 1, __ATOMIC_RELAXED);
	return true;
}

/* Blocks that a list has room for. */
unsigned page_list_capacity(unsigned number);

void page_lists_reset(void);
void page_lists_set_marks(struct zone *zone);

struct page *page_list_refill(unsigned number);
void page_list_free(struct page *page, unsigned order);

void page_lists_make_room_nolock(struct zone *zone, unsigned order);
void page_lists_make_room_locked(struct zone *zone, unsigned order, size_t pages);
bool page_lists_give_back_locked(struct zone *zone);

bool page_lists_drain_here(void);
void page_lists_drain(void);
void page_lists_close(void);
void page_lists_hold(struct zone *zone);
void page_lists_release(struct zone *zone);

struct page_list_sum {
	size_t blocks[NR_BLOCK_TYPES][PAGE_LIST_ORDERS];
	unsigned long allocs, frees; /* blocks, ever */
};

void page_lists_sum(const struct zone *zone, struct page_list_sum *sum);
size_t page_lists_pages(const struct zone *zone);
size_t page_lists_freed(const struct zone *zone);

#endif
