// SPDX-License-Identifier: MIT
/*
 * Page lists (page_list.c), on the live zones: what each list serves and takes in, when lists are
 * open and when shut, that nothing in them is lost or had twice, and that every mistake with a
 * block at a CPU's hand is named as it is elsewhere.
 */
#include "live.h"
#include "tenant.h"
#include "world.h"
#include <bits.h>
#include <harness.h>
#include <mm/highmem.h>
#include <page_alloc.h>
#include <page_list.h>
#include <zone.h>

static const gfp_t kinds[] = {
	GFP_NOWAIT | __GFP_DMA,
	GFP_NOWAIT | __GFP_DMA | __GFP_USER,
	GFP_NOWAIT,
	GFP_NOWAIT | __GFP_USER,
	GFP_NOWAIT | __GFP_HIGHMEM,
	GFP_NOWAIT | __GFP_HIGHMEM | __GFP_USER,
};

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define MANY     600u

static struct page *pages[MANY];

/* A zone with lists, open ones if it may have them; NULL: this machine has none so large. */
static struct zone *roomy_zone(void)
{
	for (unsigned i = MM_NR_ZONES; i-- > 0;)
		if (zone_own_pages(&zones[i]) > zones[i].lists_open)
			return &zones[i];
	return NULL;
}

/* Flags that are served from this zone first. */
static gfp_t flags_for(const struct zone *zone)
{
	return kinds[zone->id * 2];
}

static bool is_listed(const struct page *page)
{
	return page->kind == PAGE_LISTED;
}

/* --- lists that are open ------------------------------------------------------------------- */

/* What was freed last comes next, from the same zone; in between it is free, and counted so. */
static void check_list(gfp_t gfp, unsigned order)
{
	struct page *page = alloc_pages(gfp, order);
	size_t free = nr_free_pages();
	const struct zone *zone;

	if (!page)
		return;
	zone = &zones[page->zone];
	__free_pages(page, order);
	EXPECT_EQ(nr_free_pages(), free + (1u << order));
	EXPECT_EQ(page_count(page), 0);
	if (order < PAGE_LIST_ORDERS && zone_own_pages(zone) >= zone->lists_open) {
		EXPECT(is_listed(page));
		EXPECT(alloc_pages(gfp, order) == page);
		EXPECT_EQ(page_count(page), 1);
		__free_pages(page, order);
	} else if (order >= PAGE_LIST_ORDERS) {
		EXPECT(!is_listed(page));
	}
}

TEST(each_order_type_and_zone)
{
	struct fingerprint before;

	live_settle(&before);
	for (unsigned i = 0; i < NR_KINDS; i++)
		for (unsigned order = 0; order <= PAGE_LIST_ORDERS; order++)
			check_list(kinds[i], order);
	live_expect_settled(&before);
}

/* However many: each block once, and the zone's counts are those of all who came and went. */
TEST(more_than_lists_hold)
{
	struct zone *zone = roomy_zone();
	struct mm_zone_info before, after;
	struct fingerprint fingerprint;

	if (!zone)
		SKIP("no zone so large that it has lists");
	live_settle(&fingerprint);
	mm_zone_info(zone->id, &before);
	for (unsigned order = 0; order < PAGE_LIST_ORDERS; order++) {
		unsigned n = MANY >> (2 * order);

		for (unsigned i = 0; i < n; i++) {
			pages[i] = alloc_pages(flags_for(zone), order);
			ASSERT(pages[i]);
			EXPECT_EQ(pages[i]->order, order);
			live_fill_pages(pages[i], order, i);
		}
		for (unsigned i = 0; i < n; i++) {
			EXPECT(live_filled_pages(pages[i], order, i));
			__free_pages(pages[i], order);
		}
		mm_zone_info(zone->id, &after);
		EXPECT_EQ(after.free, before.free);
		EXPECT_EQ(after.allocs - before.allocs, n);
		EXPECT_EQ(after.frees - before.frees, n);
		before = after;
	}
	EXPECT(page_lists_pages(zone) > 0);
	live_expect_whole();
	live_expect_settled(&fingerprint);
}

/* A block of a user pageblock that kernel requests got goes home to its own kind. */
TEST(home_is_the_list_of_the_pageblock)
{
	for (unsigned i = 0; i < NR_KINDS; i++) {
		struct page *page = alloc_pages(kinds[i], 1);
		const struct buddy *buddy;

		if (!page)
			continue;
		buddy = &zones[page->zone].buddy;
		EXPECT_EQ(page->home, page_home(page->zone, buddy_type_of(buddy, page), 1));
		split_page(page, 1);
		EXPECT_EQ(page->home, page_home(page->zone, buddy_type_of(buddy, page), 0));
		EXPECT_EQ(page[1].home, page->home);
		__free_page(page);
		__free_page(page + 1);
	}
}

/* A page that has, or had, a mover goes back by the zone's lock; the next owner's does not. */
TEST(movable_pages_go_home_by_the_lock)
{
	static struct mm_mover mover;
	struct zone *zone = roomy_zone();

	if (!zone)
		SKIP("no zone so large that it has lists");
	for (unsigned cleared = 0; cleared < 2; cleared++) {
		struct page *page = alloc_page(flags_for(zone));

		ASSERT(page);
		mm_set_movable(page, &mover);
		if (cleared)
			mm_clear_movable(page);
		__free_page(page);
		EXPECT(!is_listed(page));
		live_expect_whole();
	}
}

/* --- mistakes ---------------------------------------------------------------------------- */

static void check_mistakes(unsigned order)
{
	struct page *page = alloc_pages(GFP_KERNEL, order);

	ASSERT(page);
	expect_report(MM_REPORT_WRONG_ORDER, 1);
	__free_pages(page, order + 1);
	__free_pages(page, order);
	expect_report(MM_REPORT_DOUBLE_FREE, 3);
	__free_pages(page, order);
	__free_pages(page, order + 1); /* free with whatever order */
	put_page(page);
	if (order > 0) {
		expect_report(MM_REPORT_DOUBLE_FREE, 2);
		__free_pages(page + 1, 0); /* the inside of what is free */
		get_page(page + 1);
	}
	expect_report(MM_REPORT_MISUSE, 2);
	split_page(page, order);
	mm_set_movable(page, NULL);
	live_expect_whole();
}

TEST(mistakes_with_blocks_at_hand)
{
	struct fingerprint before;

	live_settle(&before);
	for (unsigned order = 0; order < PAGE_LIST_ORDERS; order++)
		check_mistakes(order);
	live_expect_settled(&before);
}

/* Two CPUs free it in the same moment: neither sees the other.  It is given out once. */
TEST(freed_twice_at_once)
{
	struct zone *zone = roomy_zone();
	struct mm_page_stack *list;
	struct page *page, *other;
	mm_irqflags_t flags;

	if (!zone)
		SKIP("no zone so large that it has lists");
	page = alloc_page(flags_for(zone));
	other = alloc_page(flags_for(zone));
	ASSERT(page && other);
	list = &mm_page_stacks[page->home][mm_cpu_id()];
	expect_report(MM_REPORT_DOUBLE_FREE, 2);
	for (unsigned drained = 0; drained < 2; drained++) {
		__free_page(other);
		__free_page(page);
		flags = mm_irq_save();
		*list->top++ = page; /* what the other one's push would have done */
		list->frees++;
		mm_irq_restore(flags);
		EXPECT(alloc_page(flags_for(zone)) == page);
		if (drained)
			page_lists_drain();
		other = alloc_page(flags_for(zone));
		EXPECT(other && other != page);
		EXPECT_EQ(test_reports_seen(MM_REPORT_DOUBLE_FREE), drained + 1);
	}
	__free_page(page);
	__free_page(other);
	live_expect_whole();
}

/* More of them than are named, and what is counted afterwards: each was freed once. */
TEST(many_freed_twice_at_once)
{
	enum {
		N = 10
	};
	struct zone *zone = roomy_zone();
	struct mm_zone_info before, after;
	struct mm_page_stack *list;
	mm_irqflags_t flags;

	if (!zone)
		SKIP("no zone so large that it has lists");
	page_lists_drain();
	mm_zone_info(zone->id, &before);
	for (unsigned i = 0; i < N; i++)
		pages[i] = alloc_page(flags_for(zone));
	for (unsigned i = 0; i < N; i++)
		__free_page(pages[i]);
	list = &mm_page_stacks[pages[0]->home][mm_cpu_id()];
	flags = mm_irq_save();
	for (unsigned i = 0; i < N && list->top < list->limit; i++) {
		*list->top++ = pages[i];
		list->frees++;
	}
	mm_irq_restore(flags);
	for (unsigned i = 0; i < N; i++)
		pages[i] = alloc_page(flags_for(zone));
	expect_report(MM_REPORT_DOUBLE_FREE, N);
	page_lists_drain();
	EXPECT_EQ(test_reports_seen(MM_REPORT_DOUBLE_FREE), N);
	mm_zone_info(zone->id, &after);
	EXPECT_EQ(after.free, before.free - N);
	EXPECT_EQ(after.frees - before.frees, N);
	EXPECT_EQ(after.allocs - before.allocs, 2 * N);
	for (unsigned i = 0; i < N; i++)
		__free_page(pages[i]);
	live_expect_whole();
}

/* Who comes with a block to the zone's lock, and another one has freed it meanwhile. */
TEST(late_for_the_lock)
{
	for (unsigned order = 0; order < PAGE_LIST_ORDERS; order++) {
		struct page *page = alloc_pages(GFP_KERNEL, order);

		ASSERT(page);
		EXPECT(!page_list_free(page, order + 1));
		get_page(page);
		EXPECT(!page_list_free(page, order));
		EXPECT_EQ(page_count(page), 2);
		put_page(page);
		__free_pages(page, order);
		EXPECT(!page_list_free(page, order));
		page_lists_drain();
		EXPECT(!page_list_free(page, order));
		live_expect_whole();
	}
}

/* --- lists that are shut --------------------------------------------------------------------- */

/* The rule: while anything is in its lists, the zone has what every request must leave. */
static size_t breaks_the_rule(const struct zone *zone)
{
	return zone->lists_are_open && zone_own_pages(zone) < zone->lists_shut;
}

/*
 * Down through the mark, page by page, and up again: no request finds fewer pages, no free is
 * counted twice, and below the mark nothing stays in lists.
 */
TEST(around_the_mark)
{
	struct zone *zone = roomy_zone();
	struct fingerprint before;
	size_t wrong = 0, open = 0;
	struct held held;
	struct page *page;
	gfp_t gfp;

	if (!zone)
		SKIP("no zone so large that it has lists");
	gfp = flags_for(zone) | __GFP_MEMALLOC;
	held_init(&held);
	live_settle(&before);
	for (unsigned order = MM_MAX_ORDER; order >= PAGE_LIST_ORDERS; order--)
		while (zone_own_pages(zone) > zone->lists_open + (2u << order) &&
		       (page = alloc_pages(gfp, order)) != NULL)
			held_add(&held, page);
	while (zone_free_pages(zone) > zone->lists_shut / 2 && !test_failed()) {
		size_t free = zone_free_pages(zone);
		unsigned order = test_random_below(PAGE_LIST_ORDERS);

		page = alloc_pages(gfp, order);
		ASSERT(page);
		held_add(&held, page);
		open += zone->lists_are_open;
		wrong += breaks_the_rule(zone);
		wrong += live_zone_of(page) == zone->id &&
			 zone_free_pages(zone) + (1u << order) != free;
		if (live_zone_of(page) != zone->id)
			break;
	}
	EXPECT(open > 0);
	EXPECT(!zone->lists_are_open);
	EXPECT_EQ(zone_free_pages(zone), zone_own_pages(zone));
	while ((page = held_pop(&held)) != NULL) {
		size_t free = zone_free_pages(zone);
		size_t size = live_zone_of(page) == zone->id ? 1u << page->order : 0;

		__free_pages(page, page->order);
		wrong += breaks_the_rule(zone);
		wrong += zone_free_pages(zone) != free + size;
	}
	EXPECT_EQ(wrong, 0);
	live_expect_settled(&before);
}

/* While somebody waits, a free is seen at once by those who wait. */
TEST(shut_while_somebody_waits)
{
	struct zone *zone = roomy_zone();
	uint32_t event;
	unsigned n = 0;

	if (!zone)
		SKIP("no zone so large that it has lists");
	while (n < 8)
		pages[n++] = alloc_page(flags_for(zone));
	__free_page(pages[--n]);
	__atomic_fetch_add(&zone_queue.waiters, 1, __ATOMIC_SEQ_CST);
	page_lists_close();
	EXPECT_EQ(page_lists_pages(zone), 0);
	while (n > 0) {
		event = zone_queue.event;
		__free_page(pages[--n]);
		EXPECT(zone_queue.event != event);
		EXPECT(!is_listed(pages[n]));
		EXPECT_EQ(page_lists_pages(zone), 0);
	}
	__atomic_fetch_sub(&zone_queue.waiters, 1, __ATOMIC_SEQ_CST);
	__free_page(alloc_page(flags_for(zone)));
	EXPECT(page_lists_pages(zone) > 0);
}

/* Nothing is in lists while they are held, however often; others' zones go on. */
TEST(shut_while_held)
{
	struct zone *zone = roomy_zone();

	if (!zone)
		SKIP("no zone so large that it has lists");
	page_lists_hold(zone);
	page_lists_hold(zone);
	for (unsigned i = 0; i < 2; i++) {
		struct page *page = alloc_page(flags_for(zone));

		ASSERT(page);
		__free_page(page);
		EXPECT(!is_listed(page));
		EXPECT_EQ(page_lists_pages(zone), 0);
		page_lists_release(zone);
	}
	__free_page(alloc_page(flags_for(zone)));
	EXPECT(page_lists_pages(zone) > 0);
}

/* A block larger than lists have: what lies in them is part of it. */
TEST(large_blocks_get_what_lists_hold)
{
	struct zone *zone = roomy_zone();
	struct fingerprint before;
	struct held held, parts;
	struct page *page;
	gfp_t gfp;

	if (!zone)
		SKIP("no zone so large that it has lists");
	gfp = flags_for(zone);
	held_init(&held);
	held_init(&parts);
	live_settle(&before);
	page = alloc_pages(gfp, PAGE_LIST_ORDERS);
	ASSERT(page && live_zone_of(page) == zone->id);
	split_page(page, PAGE_LIST_ORDERS);
	for (unsigned order = MM_MAX_ORDER; order >= PAGE_LIST_ORDERS; order--)
		held_take(&held, gfp | __GFP_MEMALLOC | (gfp & __GFP_DMA ? 0 : __GFP_HIGHMEM),
			  order, SIZE_MAX);
	for (unsigned i = 0; i < 1u << PAGE_LIST_ORDERS; i++)
		__free_page(page + i);
	EXPECT(alloc_pages(gfp | __GFP_MEMALLOC, PAGE_LIST_ORDERS) == page);
	__free_pages(page, PAGE_LIST_ORDERS);
	held_free(&held);
	live_expect_settled(&before);
}

/* --- CPUs --------------------------------------------------------------------------------- */

/* Blocks wander: taken on one CPU, freed on any, lists told to drain in between. */
TEST(blocks_wander_between_cpus)
{
	unsigned home = mm_cpu_id(), n = 0;
	struct fingerprint before;

	if (MM_HOST_NR_CPUS < 2)
		SKIP("one CPU only");
	live_settle(&before);
	for (unsigned step = 0; step < 6000 && !test_failed(); step++) {
		if (step % 8 == 0)
			world_set_cpu(test_random_below(MM_HOST_NR_CPUS));
		if (n < MANY / 4 && (n == 0 || test_random() & 1)) {
			unsigned order = test_random_below(PAGE_LIST_ORDERS + 1);

			pages[n] = alloc_pages(kinds[test_random_below(NR_KINDS)], order);
			n += pages[n] != NULL;
		} else {
			unsigned i = test_random_below(n);

			__free_pages(pages[i], pages[i]->order);
			pages[i] = pages[--n];
		}
		if (test_random_below(100) == 0)
			page_lists_drain_here();
		if (step % 500 == 0) {
			world_set_cpu(home);
			live_expect_whole();
		}
	}
	while (n > 0) {
		n--;
		__free_pages(pages[n], pages[n]->order);
	}
	world_set_cpu(home);
	live_expect_settled(&before);
}

/* --- the checker --------------------------------------------------------------------------- */

/* Damage a field, see that mm_check() reports it as this, and repair it. */
#define DAMAGE(field, value)                           \
	do {                                           \
		__typeof__(field) was_ = (field);      \
                                                       \
		(field) = (__typeof__(field))(value);  \
		EXPECTF(mm_check() > 0, "%s", #field); \
		(field) = was_;                        \
		EXPECT_EQ(mm_check(), 0);              \
	} while (0)

TEST(damage_is_found)
{
	struct zone *zone = roomy_zone();
	struct page *page, *other;
	struct mm_page_stack *list;

	if (!zone)
		SKIP("no zone so large that it has lists");
	allow_reports(MM_REPORT_CORRUPTION);
	page = alloc_pages(flags_for(zone), 1);
	other = alloc_pages(flags_for(zone), 1);
	ASSERT(page && other);
	list = &mm_page_stacks[page->home][mm_cpu_id()];
	__free_pages(other, 1);
	__free_pages(page, 1);
	ASSERT(list->top > list->slots + 1 && list->top[-1] == page);
	DAMAGE(page->kind, PAGE_BLOCK);
	DAMAGE(page->kind, PAGE_FREE);
	DAMAGE(page->order, 2);
	DAMAGE(page->refs, 7);
	DAMAGE(page->refs, 0);
	DAMAGE(page->home, NR_PAGE_LISTS);
	DAMAGE(list->top[-1], other);
	DAMAGE(list->top[-1], page + 1);
	DAMAGE(list->top[-1], NULL);
	DAMAGE(list->top, list->top - 1);
	DAMAGE(list->top, list->slots - 1);
	DAMAGE(list->top, list->slots + 1000);
	DAMAGE(list->limit, list->limit + 1);
	DAMAGE(list->bottom, list->bottom + 1);
	DAMAGE(zone->lists_are_open, false);
}

TEST_SUITE(page_list, each_order_type_and_zone, more_than_lists_hold,
	   home_is_the_list_of_the_pageblock, movable_pages_go_home_by_the_lock,
	   mistakes_with_blocks_at_hand, freed_twice_at_once, many_freed_twice_at_once,
	   late_for_the_lock, around_the_mark, shut_while_somebody_waits, shut_while_held,
	   large_blocks_get_what_lists_hold, blocks_wander_between_cpus, damage_is_found);
