/* SPDX-License-Identifier: MIT */
/* Free blocks of small orders at each CPU's hand.  See page_list.c. */
#ifndef MM_INTERNAL_PAGE_LIST_H
#define MM_INTERNAL_PAGE_LIST_H

#include <mm/port.h>
#include <page.h>

struct zone;

#define PAGE_LISTS_OF_ZONE (NR_BLOCK_TYPES * PAGE_LIST_ORDERS)

/* By number, see page_home(), and CPU: [p] is this CPU, interrupts off; [z] the lock of the zone. */
extern struct mm_page_stack mm_page_stacks[MM_PAGE_STACKS_ALL][MM_HOST_NR_CPUS];

/* Give a block that was in no list to a caller, who has the one reference. */
static inline void page_hand_out(struct page *page)
{
	__atomic_store_n(&page->refs, 1, __ATOMIC_RELAXED);
	page_set_kind(page, PAGE_BLOCK);
}

/* Blocks that a list has room for. */
unsigned page_list_capacity(unsigned number);

void page_lists_reset(void);
void page_lists_set_marks(struct zone *zone);

struct page *page_list_refill(unsigned number);
bool page_list_free(struct page *page, unsigned order);

void page_lists_make_room_nolock(struct zone *zone, unsigned order);
void page_lists_make_room_locked(struct zone *zone, unsigned order, size_t pages);
bool page_lists_give_back_locked(struct zone *zone);

bool page_lists_drain_here(void);
void page_lists_drain(void);
void page_lists_close(void);
void page_lists_shut(struct zone *zone);
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
