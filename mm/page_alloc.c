// SPDX-License-Identifier: MIT
/*
 * The page allocator: from flags to a block of a zone.
 *
 * A request has a list of zones, highest first (gfp_zone).  It tries them twice:
 * first each down to its low watermark, then each as far down as its flags
 * allow.  With min the zone's watermark and r its reserve against this kind of
 * request, these pages stay free:
 *
 *	GFP_KERNEL, GFP_NOWAIT, ...		min + r
 *	__GFP_HIGH				min - min/2 + r
 *	__GFP_HIGH, may not sleep (GFP_ATOMIC)	a quarter of that min less, + r
 *	__GFP_MEMALLOC				none, r neither
 *
 * I1. A block in a caller's hands is PAGE_BLOCK and has at least one reference.
 * I2. Freeing anything else is reported and changes nothing.
 *
 * Locks: takes zone locks one at a time; calls nothing with one held.
 */
#include <fault_hook.h>
#include <highmem.h>
#include <migrate.h>
#include <mm/format.h>
#include <page_alloc.h>
#include <page_list.h>
#include <reclaim.h>
#include <report.h>
#include <zone.h>

/* Pages of the zone that must stay free for a request of class `class` that is down to its last try. */
static size_t last_mark(const struct zone *zone, gfp_t gfp, enum mm_zone_id class)
{
	size_t mark = zone->min;

	if (gfp & __GFP_MEMALLOC)
		return 0;
	if (gfp & __GFP_HIGH) {
		mark -= mark / 2;
		if (!(gfp & (__GFP_DIRECT_RECLAIM | __GFP_NOMEMALLOC)))
			mark -= mark / 4;
	}
	return mark + zone->reserve[class];
}

/* From the highest zone that the request may use to the lowest; false when i was the last. */
static bool next_zone(int *i)
{
	return --*i >= MM_ZONE_DMA;
}

/* From this CPU's list, filled if need be; NULL where it is shut: then watermarks decide. */
static struct page *take_from_list(unsigned number)
{
	struct page *page = mm_page_pop(mm_page_stacks[number]);

	return likely(page) ? page : page_list_refill(number);
}

/* The lists of the first zone were asked before. */
static struct page *try_low_marks(gfp_t gfp, unsigned order, enum mm_zone_id class)
{
	const int first = (int)zone_first[class];
	int i = first;

	do {
		struct zone *zone = &zones[i];
		size_t mark = zone->low + zone->reserve[class];
		struct page *page = NULL;

		if (order < PAGE_LIST_ORDERS && i != first)
			page = take_from_list(page_home(i, gfp_block_type(gfp), order));
		if (!page)
			page = zone_alloc(zone, order, gfp_block_type(gfp), mark);
		if (page)
			return page;
	} while (next_zone(&i));
	return NULL;
}

static struct page *try_last_marks(gfp_t gfp, unsigned order, enum mm_zone_id class)
{
	int i = (int)class;

	do {
		struct zone *zone = &zones[i];
		struct page *page = zone_alloc(zone, order, gfp_block_type(gfp),
					       last_mark(zone, gfp, class));

		if (page)
			return page;
	} while (next_zone(&i));
	return NULL;
}

#define FLAG_TEXT_MAX 200
#define LINE_MAX      160

/* Free blocks of each order, of both types, as one line. */
static void report_zone(const struct report *report, struct zone *zone, gfp_t gfp)
{
	enum mm_zone_id class = gfp_zone(gfp);
	struct mm_zone_info info;
	char line[LINE_MAX];
	int used = 0;

	zone_read(zone, &info);
	report_line(report, "%-9s free %zu of %zu, min %zu low %zu high %zu reserve %zu",
		    info.name, info.free, info.managed, info.min, info.low, info.high,
		    info.reserve[class]);
	for (unsigned order = 0; order < MM_NR_ORDERS && used < LINE_MAX; order++)
		used += mm_snprintf(line + used, sizeof(line) - (size_t)used, " %zu*2^%u",
				    info.free_blocks[BLOCK_KERNEL][order] +
					    info.free_blocks[BLOCK_USER][order],
				    order);
	report_line(report, "%-9s blocks%s", "", line);
}

void pages_report_zones(const struct report *report, gfp_t gfp)
{
	for (int i = (int)gfp_zone(gfp); i >= MM_ZONE_DMA; i--)
		report_zone(report, &zones[i], gfp);
}

static void report_failure(gfp_t gfp, unsigned order, uintptr_t caller)
{
	char text[FLAG_TEXT_MAX];
	struct report report;

	report_begin(&report, MM_REPORT_ALLOC_FAILED, 0, caller,
		     "no block of order %u (%zu KiB) for %s", order,
		     (PAGE_SIZE << order) / 1024, gfp_describe(gfp, text, sizeof(text)));
	pages_report_zones(&report, gfp);
	report_end(&report, "the request fails: NULL");
}

/* The zones are at their low watermarks, or there is no block so large: as far down as the flags allow. */
static struct page *try_hard(gfp_t gfp, unsigned order)
{
	bool reclaims = reclaim_is_running();
	struct page *page;

	if (gfp & __GFP_KSWAPD_RECLAIM)
		reclaim_wake_kswapd();
	if (reclaims && !(gfp & __GFP_NOMEMALLOC))
		gfp |= __GFP_MEMALLOC;
	page = try_last_marks(gfp, order, gfp_zone(gfp));
	if (page && reclaims)
		zone_count_loan(&zones[page->zone], order);
	return page;
}

static struct page *hand_out(struct page *page)
{
	if (page)
		page_hand_out(page);
	return page;
}

/*
 * What needs no search: from the lists of the first zone, or, if it is too large for lists, from that
 * zone above its low mark.
 */
static inline struct page *take_first(gfp_t gfp, unsigned order)
{
	enum mm_zone_id class = gfp_zone(gfp);
	struct zone *zone = &zones[zone_first[class]];

	if (order < PAGE_LIST_ORDERS)
		return take_from_list(page_home(zone_first[class], gfp_block_type(gfp), order));
	return hand_out(
		zone_alloc(zone, order, gfp_block_type(gfp), zone->low + zone->reserve[class]));
}

struct page *pages_try(gfp_t gfp, unsigned order)
{
	struct page *page = take_first(gfp, order);

	if (likely(page))
		return page;
	page = try_low_marks(gfp, order, gfp_zone(gfp));
	return hand_out(likely(page) ? page : try_hard(gfp, order));
}

void pages_fail(gfp_t gfp, unsigned order, uintptr_t caller)
{
	for (int i = (int)gfp_zone(gfp); i >= MM_ZONE_DMA; i--)
		zone_count_failure(&zones[i]);
	if (!(gfp & __GFP_NOWARN))
		report_failure(gfp, order, caller);
}

/* Rare.  May take long, if it may sleep. */
static __attribute__((noinline)) struct page *pages_alloc_slow(gfp_t gfp, unsigned order,
							       uintptr_t caller)
{
	struct reclaim_effort effort = {0};
	struct page *page;

	do
		page = try_hard(gfp | effort.more, order);
	while (!page && reclaim_round(&effort, gfp, order));
	reclaim_done(&effort);
	if (!page)
		pages_fail(gfp, order, caller);
	return page;
}

/*
 * Requests of this order and larger ones are looked at first: those beyond MM_MAX_ORDER, and all
 * while faults are injected.  So both cost one comparison.
 */
static unsigned orders_unasked = MM_NR_ORDERS; /* [a] */

void pages_ask(bool always)
{
	__atomic_store_n(&orders_unasked, always ? 0 : MM_NR_ORDERS, __ATOMIC_RELAXED);
}

/* Reported. */
static __attribute__((noinline)) bool is_refused(gfp_t gfp, unsigned order, uintptr_t caller)
{
	if (order <= MM_MAX_ORDER)
		return fault_fails(NULL, gfp, order, caller);
	report_now(MM_REPORT_BAD_ORDER, 0, caller, "the request fails: NULL",
		   "block of order %u asked for; the largest is %u", order, MM_MAX_ORDER);
	return true;
}

static inline __attribute__((always_inline)) struct page *alloc_block(gfp_t gfp, unsigned order,
								      uintptr_t caller)
{
	struct page *page;

	if (unlikely(order >= __atomic_load_n(&orders_unasked, __ATOMIC_RELAXED)) &&
	    is_refused(gfp, order, caller))
		return NULL;
	page = take_first(gfp, order);
	if (unlikely(!page)) {
		page = try_low_marks(gfp, order, gfp_zone(gfp));
		if (unlikely(!page))
			page = pages_alloc_slow(gfp, order, caller);
		if (!hand_out(page))
			return NULL;
	}
	if (gfp & __GFP_ZERO) {
		for (size_t i = 0; i < (size_t)1 << order; i++)
			clear_highpage(page + i);
	}
	return page;
}

struct page *pages_alloc(gfp_t gfp, unsigned order, uintptr_t caller)
{
	return alloc_block(gfp, order, caller);
}

struct page *pages_alloc_asked(gfp_t gfp, unsigned order, uintptr_t caller)
{
	struct page *page = pages_try(gfp, order);

	return page ? page : hand_out(pages_alloc_slow(gfp, order, caller));
}

/* From the lists of one zone; n is not 0. */
static inline size_t take_many(unsigned number, struct page **pages, size_t n)
{
	size_t got = 0;

	do {
		struct page *page = mm_page_pop(mm_page_stacks[number]);

		if (unlikely(!page))
			page = page_list_refill(number);
		if (unlikely(!page))
			break;
		pages[got] = page;
	} while (++got < n);
	return got;
}

/* The zones one by one, where the first one's lists had no more than `got`. */
static __attribute__((noinline)) size_t alloc_rest(gfp_t gfp, struct page **pages, size_t n,
						   size_t got)
{
	enum mm_zone_id class = gfp_zone(gfp);
	const int first = (int)zone_first[class];
	int i = first;

	if (fault_is_armed())
		return got; /* the rest is asked for one by one */
	do {
		struct zone *zone = &zones[i];
		size_t listed;

		if (i != first)
			got += take_many(page_home(i, gfp_block_type(gfp), 0), pages + got,
					 n - got);
		listed = got;
		if (got < n)
			got += zone_alloc_pages(zone, gfp_block_type(gfp),
						zone->low + zone->reserve[class], pages + got,
						n - got);
		for (size_t j = listed; j < got; j++)
			hand_out(pages[j]);
	} while (got < n && next_zone(&i));
	return got;
}

MM_FASTCALL size_t pages_alloc_bulk(gfp_t gfp, struct page **pages, size_t n)
{
	unsigned number = page_home(zone_first[gfp_zone(gfp)], gfp_block_type(gfp), 0);
	size_t got = take_many(number, pages, n);

	return likely(got == n) ? n : alloc_rest(gfp, pages, n, got);
}

MM_FASTCALL void pages_free(struct page *page, unsigned order)
{
	if (unlikely(!mm_page_push(mm_page_stacks, page)))
		pages_free_checked(page, order, 0);
}

void pages_put_back(struct page *page, unsigned order)
{
	page->refs = 0;
	zone_put_back(&zones[page->zone], page, order);
}

static mm_irqflags_t lock_zone_of(const struct page *page)
{
	mm_irqflags_t flags = mm_irq_save();

	mm_spin_lock(&zones[page->zone].lock);
	return flags;
}

static void unlock_zone_of(const struct page *page, mm_irqflags_t flags)
{
	mm_spin_unlock(&zones[page->zone].lock);
	mm_irq_restore(flags);
}

void pages_to_slab_locked(struct page *page, size_t n, struct slab *slab)
{
	for (size_t i = 0; i < n; i++) {
		page[i].slab = slab;
		/* In this order: an NMI may come with a mistaken pointer to it. */
		__atomic_store_n(&page[i].kind, PAGE_SLAB, __ATOMIC_RELEASE);
	}
}

void pages_to_slab(struct page *page, size_t n, struct slab *slab)
{
	mm_irqflags_t flags = lock_zone_of(page);

	pages_to_slab_locked(page, n, slab);
	unlock_zone_of(page, flags);
}

void pages_from_slab(struct page *page, size_t n, unsigned order)
{
	mm_irqflags_t flags = lock_zone_of(page);

	for (size_t i = 1; i < n; i++)
		page[i].kind = PAGE_TAIL;
	page->kind = PAGE_BLOCK;
	page->order = (uint8_t)order;
	unlock_zone_of(page, flags);
}

static __attribute__((noinline)) MM_FASTCALL struct page *alloc_admitted(gfp_t gfp,
									 unsigned order,
									 uintptr_t caller)
{
	return gfp_admit(&gfp, caller) ? alloc_block(gfp, order, caller) : NULL;
}

/* May a request just take a block that is ready?  Then it would pass gfp_admit(), too. */
static inline bool is_plain(gfp_t gfp)
{
	return !(gfp & ~(ALLOC_PAGES_PLAIN | __GFP_DIRECT_RECLAIM)) &&
	       (gfp & GFP_ZONES) != GFP_ZONES &&
	       (!(gfp & __GFP_DIRECT_RECLAIM) || mm_may_sleep());
}

MM_FASTCALL struct page *alloc_pages_any(gfp_t gfp, unsigned order)
{
	struct page *page = NULL;

	if (order < PAGE_LIST_ORDERS && is_plain(gfp))
		page = mm_page_pop(mm_page_stacks[page_home(zone_first[gfp_zone(gfp)],
							    gfp_block_type(gfp), order)]);
	return likely(page) ? page : alloc_admitted(gfp, order, CALLER());
}

/* Out of line, so that the fast paths need no stack.  `number` is that of a list which was empty, or shut. */
static __attribute__((noinline)) MM_FASTCALL struct page *refill_admitted(gfp_t gfp,
									  unsigned number,
									  uintptr_t caller)
{
	struct page *page;

	if (!gfp_admit(&gfp, caller))
		return NULL;
	page = page_list_refill(number);
	return likely(page) ? page : pages_alloc(gfp, number % PAGE_LIST_ORDERS, caller);
}

MM_FASTCALL struct page *alloc_pages_refill(gfp_t gfp, unsigned number)
{
	return refill_admitted(gfp, number, CALLER());
}

MM_FASTCALL struct page *alloc_pages_sleepy(gfp_t gfp, unsigned number)
{
	struct page *page = likely(mm_may_sleep()) ? mm_page_pop(mm_page_stacks[number]) : NULL;

	return likely(page) ? page : refill_admitted(gfp, number, CALLER());
}

/*
 * What is wrong with freeing a page that is not the head of an allocated block.  Another CPU may be
 * about to free it: then it is a block without references, or a tail whose head is not found, or it
 * becomes free while we look.
 */
static enum mm_report_kind judge_page(struct page *page)
{
	const struct page *head;

	switch (page_get_kind(page)) {
	case PAGE_FREE:
	case PAGE_LISTED:
	case PAGE_BLOCK: return MM_REPORT_DOUBLE_FREE;
	case PAGE_TAIL: break;
	default: return MM_REPORT_BAD_PAGE;
	}
	head = page_head(page);
	if (!head || page_get_kind(head) == PAGE_FREE || page_get_kind(head) == PAGE_LISTED)
		return MM_REPORT_DOUBLE_FREE;
	return MM_REPORT_INTERIOR_FREE;
}

/* Say what `page`, which is no allocated block, is instead. */
static void report_bad_page(struct page *page, uintptr_t caller, const char *action)
{
	bool known = (uintptr_t)page % sizeof(struct page) ==
			     page_array.bias % sizeof(struct page) &&
		     page_exists(pfn_of_page(page)) && page == page_of_pfn(pfn_of_page(page));
	pfn_t pfn = pfn_of_page(page);
	struct report report;

	if (!known) {
		report_now(MM_REPORT_BAD_PAGE, (uintptr_t)page, caller, "nothing is changed",
			   "%s of %p, which is no struct page", action, (const void *)page);
		return;
	}
	report_begin(&report, judge_page(page), (uintptr_t)page, caller,
		     "%s of page frame 0x%x, which is %s", action, pfn,
		     page_kind_name((enum page_kind)page->kind));
	if (page->kind == PAGE_TAIL) {
		const struct page *head = page_head(page);

		if (head)
			report_line(&report, "block     of order %u from frame 0x%x: %s",
				    head->order, pfn_of_page(head),
				    page_kind_name((enum page_kind)head->kind));
	}
	report_end(&report, "nothing is changed");
}

/* Index in the page array of what may be no struct page at all: then it is larger than all. */
static inline size_t index_of(const struct page *page)
{
	uintptr_t offset = (uintptr_t)page - page_array.first;

	return offset >> 4 | offset << (sizeof(offset) * 8 - 4);
}

_Static_assert(sizeof(struct page) == 1 << 4, "index_of() divides by it");

/*
 * Is this pointer a struct page?  Where there is no RAM the entry may be anybody's memory: see
 * page.c.
 */
static inline bool is_page(const struct page *page)
{
	return page_entry_exists(index_of(page));
}

/*
 * Drop one reference of a block.  True for the last one; false for an earlier one
 * and, with *bad set, when there is none to drop.
 */
static bool drop_reference(struct page *page, bool *bad)
{
	uint32_t refs = __atomic_load_n(&page->refs, __ATOMIC_RELAXED);

	do {
		*bad = page->kind != PAGE_BLOCK || refs == 0;
		if (*bad)
			return false;
	} while (!__atomic_compare_exchange_n(&page->refs, &refs, refs - 1, true,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	return refs == 1;
}

/* Reported if it is not. */
static bool is_freeable(struct page *page, unsigned order, uintptr_t caller)
{
	if (!is_page(page) || page_get_kind(page) != PAGE_BLOCK ||
	    __atomic_load_n(&page->refs, __ATOMIC_RELAXED) == 0) {
		report_bad_page(page, caller, "free");
		return false;
	}
	if (page->order != order) {
		report_now(MM_REPORT_WRONG_ORDER, (uintptr_t)page, caller, "nothing is freed",
			   "block of order %u at frame 0x%x freed with order %u", page->order,
			   pfn_of_page(page), order);
		return false;
	}
	return true;
}

bool pages_drop_checked(struct page *page, unsigned order, uintptr_t caller)
{
	bool bad, last;

	if (!is_freeable(page, order, caller))
		return false;
	last = drop_reference(page, &bad);
	if (bad)
		report_bad_page(page, caller, "free");
	return last;
}

/* The same as page_list_free() for what is too large for lists. */
static inline bool free_large(struct page *page, unsigned order)
{
	struct zone *zone = &zones[page->zone];
	mm_irqflags_t flags = mm_irq_save();
	bool only;

	mm_spin_lock(&zone->lock);
	zone_drain_locked(zone);
	only = page_drop_only(page, order);
	if (likely(only))
		zone_free_locked(zone, page, order);
	mm_spin_unlock(&zone->lock);
	mm_irq_restore(flags);
	if (likely(only))
		zone_wake_waiters();
	return only;
}

/*
 * Drop a reference, and free the block if it was the only one; false if that has changed
 * meanwhile.  The last one is dropped under the zone's lock: who frees the same block at the same
 * time, because one of them is mistaken, finds there that he is late.
 */
static bool release(struct page *page, unsigned order)
{
	uint32_t refs = __atomic_load_n(&page->refs, __ATOMIC_RELAXED);

	while (refs > 1) {
		if (__atomic_compare_exchange_n(&page->refs, &refs, refs - 1, true,
						__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return true;
	}
	return order < PAGE_LIST_ORDERS ? page_list_free(page, order) : free_large(page, order);
}

/* Also where mm_page_push() would have done: it found no room, or something wrong. */
MM_FASTCALL void pages_free_checked(struct page *page, unsigned order, uintptr_t caller)
{
	if (!page)
		return;
	if (order == 0 && is_page(page) &&
	    unlikely(__atomic_load_n(&page->refs, __ATOMIC_RELAXED) > 1))
		migrate_forget(page);
	while (is_freeable(page, order, caller) && !release(page, order))
		;
}

static __attribute__((noinline)) MM_FASTCALL void free_carefully(struct page *page,
								 unsigned order,
								 uintptr_t caller)
{
	if (order < PAGE_LIST_ORDERS || !is_page(page) || !free_large(page, order))
		pages_free_checked(page, order, caller);
}

/*
 * A block of this order, as far as its struct page goes, with one reference: to this CPU's list.  Whose
 * memory looks like that is not asked, to be fast.
 */
static inline bool free_at_once(struct page *page, unsigned order)
{
	return index_of(page) < page_array.entries && page->order == order &&
	       mm_page_push(mm_page_stacks, page);
}

MM_FASTCALL void __free_pages(struct page *page, unsigned order)
{
	if (likely(free_at_once(page, order)))
		return;
	free_carefully(page, order, CALLER());
}

MM_FASTCALL void __free_page(struct page *page)
{
	if (likely(free_at_once(page, 0)))
		return;
	free_carefully(page, 0, CALLER());
}

/* alloc_pages for those who want an address. */
static uintptr_t get_address(gfp_t gfp, unsigned order, uintptr_t caller)
{
	struct page *page;

	if (!gfp_admit(&gfp, caller))
		return 0;
	if (gfp & __GFP_HIGHMEM) {
		report_now(MM_REPORT_BAD_FLAGS, 0, caller, "the request fails: 0",
			   "gfp 0x%x: an address was asked for, and a page of high memory has "
			   "none",
			   gfp);
		return 0;
	}
	page = pages_alloc(gfp, order, caller);
	return page ? (uintptr_t)page_address(page) : 0;
}

uintptr_t __get_free_pages(gfp_t gfp, unsigned order)
{
	return get_address(gfp, order, CALLER());
}

uintptr_t __get_free_page(gfp_t gfp)
{
	return get_address(gfp, 0, CALLER());
}

uintptr_t get_zeroed_page(gfp_t gfp)
{
	return get_address(gfp | __GFP_ZERO, 0, CALLER());
}

uintptr_t __get_dma_pages(gfp_t gfp, unsigned order)
{
	return get_address(gfp | __GFP_DMA, order, CALLER());
}

static void free_address(uintptr_t address, unsigned order, uintptr_t caller)
{
	struct page *page;

	if (address == 0)
		return;
	page = page_of_address((const void *)address);
	if (!page || address % PAGE_SIZE) {
		report_now(MM_REPORT_BAD_ADDRESS, address, caller, "nothing is freed",
			   "free of pages at %p, which is no page of low memory",
			   (const void *)address);
		return;
	}
	pages_free_checked(page, order, caller);
}

void free_pages(uintptr_t address, unsigned order)
{
	free_address(address, order, CALLER());
}

void free_page(uintptr_t address)
{
	free_address(address, 0, CALLER());
}

/* The block around any page of it that has references to take or drop; else NULL. */
static struct page *referenced_block(struct page *page)
{
	struct page *head = is_page(page) ? page_head(page) : NULL;

	return head && head->kind == PAGE_BLOCK ? head : NULL;
}

bool pages_get(struct page *page)
{
	struct page *head = referenced_block(page);
	uint32_t refs = head ? __atomic_load_n(&head->refs, __ATOMIC_RELAXED) : 0;

	do { /* whoever drops the last one owns the block alone: then there is none to add to */
		if (refs == 0)
			return false;
	} while (!__atomic_compare_exchange_n(&head->refs, &refs, refs + 1, true,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	return true;
}

void get_page(struct page *page)
{
	if (!pages_get(page))
		report_bad_page(page, CALLER(), "get_page");
}

void put_page(struct page *page)
{
	struct page *head = referenced_block(page);

	if (head && mm_page_push(mm_page_stacks, head))
		return;
	while (head && page_get_kind(head) == PAGE_BLOCK &&
	       __atomic_load_n(&head->refs, __ATOMIC_RELAXED) > 0) {
		if (release(head, head->order))
			return;
	}
	report_bad_page(page, CALLER(), "put_page");
}

unsigned page_count(const struct page *page)
{
	const struct page *head = referenced_block((struct page *)page);

	return head ? __atomic_load_n(&head->refs, __ATOMIC_RELAXED) : 0;
}

void pages_cut(struct page *page, unsigned order, size_t n)
{
	mm_irqflags_t flags = lock_zone_of(page);
	enum block_type type = buddy_type_of(&zones[page->zone].buddy, page);
	unsigned piece = 0;

	page->order = 0;
	page_set_home(page, page_home(page->zone, type, 0));
	for (size_t i = 1; i < (size_t)1 << order; i += (size_t)1 << piece) {
		piece = i < n ? 0 : lowest_bit((uint32_t)i);
		page[i].order = (uint8_t)piece;
		page[i].refs = 1;
		page_set_home(&page[i], page_home(page->zone, type, piece));
		page[i].kind = PAGE_BLOCK;
	}
	unlock_zone_of(page, flags);
}

void split_page(struct page *page, unsigned order)
{
	if (!is_page(page) || page->kind != PAGE_BLOCK || page->order != order ||
	    page->refs != 1) {
		report_now(MM_REPORT_MISUSE, (uintptr_t)page, CALLER(), "nothing is split",
			   "split_page of %p: no block of order %u with one reference",
			   (const void *)page, order);
		return;
	}
	pages_cut(page, order, (size_t)1 << order);
}

struct page *virt_to_page(const void *address)
{
	return page_of_address(address);
}

struct page *pfn_to_page(pfn_t pfn)
{
	return page_exists(pfn) ? page_of_pfn(pfn) : NULL;
}

pfn_t page_to_pfn(const struct page *page)
{
	return pfn_of_page(page);
}

paddr_t page_to_phys(const struct page *page)
{
	return (paddr_t)pfn_of_page(page) << PAGE_SHIFT;
}

unsigned get_order(size_t size)
{
	unsigned order = 0;

	while (order < MM_NR_ORDERS && PAGE_SIZE << order < size)
		order++;
	return order;
}

size_t nr_free_pages(void)
{
	size_t pages = 0;

	for (unsigned i = 0; i < MM_NR_ZONES; i++)
		pages += zone_free_pages(&zones[i]);
	return pages;
}
