// SPDX-License-Identifier: MIT
/*
 * The page allocator, on the live zones: which zone serves which flags, how far down
 * each flag may go, to the page; that every misuse is named and changes nothing; and
 * that all memory can be taken and comes back as it was, page for page.
 *
 * What is expected follows from the contract (gfp.h, zone.c's arithmetic through
 * mm_zone_info()) and is computed here anew.
 */
#include "live.h"
#include <bits.h>
#include <harness.h>
#include <mem.h>
#include <mm/highmem.h>
#include <mm/kmalloc.h>
#include <page_alloc.h>
#include <page_list.h>
#include <report.h>
#include <zone.h>

#define NOWAIT GFP_NOWAIT

/* --- a model of who may have what --------------------------------------------------- */

/* Pages that stay free in a zone, at the last try, for these flags. */
static size_t last_mark(const struct mm_zone_info *zone, gfp_t gfp, enum mm_zone_id class)
{
	size_t mark = zone->min;

	if (gfp & __GFP_MEMALLOC)
		return 0;
	if (gfp & __GFP_HIGH)
		mark -= mark / 2;
	if ((gfp & __GFP_HIGH) && !(gfp & (__GFP_DIRECT_RECLAIM | __GFP_NOMEMALLOC)))
		mark -= mark / 4;
	return mark + zone->reserve[class];
}

static bool can_give(const struct mm_zone_info *zone, unsigned order, size_t mark)
{
	bool has_block = false;

	for (unsigned k = order; k < MM_NR_ORDERS; k++)
		has_block = has_block || zone->free_blocks[0][k] || zone->free_blocks[1][k];
	return has_block && zone->free >= mark + ((size_t)1 << order);
}

/* The zone that must serve the request now; MM_NR_ZONES: it must fail. */
static enum mm_zone_id predict(gfp_t gfp, unsigned order)
{
	enum mm_zone_id list[MM_NR_ZONES];
	unsigned n = live_zones_of(gfp, list);

	for (unsigned last = 0; last < 2; last++) {
		for (unsigned i = 0; i < n; i++) {
			struct mm_zone_info zone;
			size_t mark;

			if (!mm_zone_info(list[i], &zone))
				continue;
			mark = last ? last_mark(&zone, gfp, list[0])
				    : zone.low + zone.reserve[list[0]];
			if (can_give(&zone, order, mark))
				return list[i];
		}
	}
	return MM_NR_ZONES;
}

/* --- zones -------------------------------------------------------------------------- */

static const gfp_t all_composed[] = {
	GFP_KERNEL,
	GFP_ATOMIC,
	GFP_NOWAIT,
	GFP_NOIO,
	GFP_NOFS,
	GFP_USER,
	GFP_HIGHUSER,
	GFP_HIGHUSER_MOVABLE,
	GFP_KERNEL | GFP_DMA,
	GFP_ATOMIC | GFP_DMA,
	GFP_NOWAIT | GFP_DMA,
	GFP_NOWAIT | __GFP_HIGHMEM,
	GFP_ATOMIC | __GFP_HIGHMEM,
	GFP_KERNEL | __GFP_HIGH,
	GFP_ATOMIC | __GFP_NOMEMALLOC,
	GFP_NOWAIT | __GFP_MEMALLOC,
	GFP_NOWAIT | __GFP_MEMALLOC | GFP_DMA,
	GFP_NOWAIT | __GFP_MEMALLOC | __GFP_HIGHMEM,
};

#define NR_COMPOSED (sizeof(all_composed) / sizeof(all_composed[0]))

TEST(each_flag_has_its_zone)
{
	for (size_t i = 0; i < NR_COMPOSED; i++) {
		gfp_t gfp = all_composed[i];

		for (unsigned order = 0; order < MM_NR_ORDERS; order++) {
			enum mm_zone_id expected = predict(gfp, order);
			struct page *page = alloc_pages(gfp | __GFP_NOWARN, order);

			EXPECT_EQ(page ? live_zone_of(page) : MM_NR_ZONES, expected);
			if (!page)
				continue;
			EXPECT_EQ(page_to_pfn(page) & ((1u << order) - 1), 0);
			EXPECT_EQ(page_count(page), 1);
			__free_pages(page, order);
		}
	}
}

/* Take all that the flags can have; every block must come from the zone that is next. */
static void drain_as_predicted(struct held *held, gfp_t gfp)
{
	size_t wrong = 0;

	for (unsigned order = MM_NR_ORDERS; order-- > 0;) {
		for (;;) {
			enum mm_zone_id expected = predict(gfp, order);
			struct page *page = alloc_pages(gfp | __GFP_NOWARN, order);

			wrong += (page ? live_zone_of(page) : MM_NR_ZONES) != expected;
			if (!page)
				break;
			held_add(held, page);
		}
	}
	EXPECT_EQ(wrong, 0);
}

/* After a drain each zone of the list must stand exactly at its mark. */
static void expect_at_marks(gfp_t gfp, const size_t free_before[MM_NR_ZONES])
{
	enum mm_zone_id list[MM_NR_ZONES];
	unsigned n = live_zones_of(gfp, list);

	for (unsigned i = 0; i < n; i++) {
		struct mm_zone_info zone;
		size_t mark;

		if (!mm_zone_info(list[i], &zone))
			continue;
		mark = last_mark(&zone, gfp, list[0]);
		EXPECT_EQ(zone.free, min_size(free_before[list[i]], mark));
	}
}

/*
 * Flags from the most modest to the greediest: each finds what the one before left.  NORETRY: no
 * sleep before each failure; what sleepers get is in tests/kernel/sleep_test.c.
 */
static const gfp_t greed[] = {
	GFP_KERNEL | __GFP_NORETRY,    GFP_NOWAIT, GFP_KERNEL | __GFP_HIGH | __GFP_NORETRY,
	GFP_ATOMIC | __GFP_NOMEMALLOC, GFP_ATOMIC, GFP_NOWAIT | __GFP_MEMALLOC,
};

#define NR_GREED (sizeof(greed) / sizeof(greed[0]))

/* Down the whole ladder with one zone modifier; the boundary page of each rung is exact. */
static void check_boundaries(gfp_t zone_bits)
{
	struct fingerprint before, now;
	struct held held;

	held_init(&held);
	live_settle(&before);
	fingerprint_take(&now);
	for (size_t i = 0; i < NR_GREED; i++) {
		drain_as_predicted(&held, greed[i] | zone_bits);
		expect_at_marks(greed[i] | zone_bits, now.free);
		fingerprint_take(&now);
	}
	held_free(&held);
	live_expect_settled(&before);
}

TEST(boundary_page_of_each_flag_dma)
{
	struct mm_zone_info zone;

	if (!mm_zone_info(MM_ZONE_DMA, &zone))
		SKIP("no DMA zone");
	check_boundaries(GFP_DMA);
}

TEST(boundary_page_of_each_flag_normal)
{
	check_boundaries(0);
}

TEST(boundary_page_of_each_flag_high)
{
	check_boundaries(__GFP_HIGHMEM);
}

/* One page more free than the mark: it can be had, and only by those who may. */
TEST(atomic_has_a_reserve)
{
	struct held held, atomic;
	struct mm_zone_info zone;
	size_t expected = 0;

	held_init(&held);
	held_init(&atomic);
	held_drain(&held, GFP_KERNEL | __GFP_NORETRY);
	EXPECT(!alloc_pages(GFP_KERNEL | __GFP_NOWARN, 0));
	EXPECT(!alloc_pages(NOWAIT, 0));
	for (unsigned i = MM_ZONE_DMA; i <= MM_ZONE_NORMAL; i++) {
		size_t mark;

		if (!mm_zone_info((enum mm_zone_id)i, &zone))
			continue;
		mark = last_mark(&zone, GFP_ATOMIC, MM_ZONE_NORMAL);
		expected += zone.free > mark ? zone.free - mark : 0;
	}
	EXPECT(expected > 0);
	EXPECT_EQ(held_take(&atomic, GFP_ATOMIC, 0, SIZE_MAX), expected);
	held_free(&atomic);
	held_free(&held);
}

/* --- all of it ---------------------------------------------------------------------- */

/* Of the largest blocks, one in so many is touched: the machine under an emulated one is finite. */
static size_t signed_stride;

/* Write a block's number into its first and last page, low or high. */
static void sign_block(struct page *page, bool write, size_t *wrong)
{
	struct page *ends[2] = {page, page + ((size_t)1 << page->order) - 1};

	if (page->order == MM_MAX_ORDER && (page_to_pfn(page) >> MM_MAX_ORDER) % signed_stride)
		return;

	for (unsigned i = 0; i < 2; i++) {
		pfn_t *address = kmap_local_page(ends[i]);

		if (write)
			*address = page_to_pfn(ends[i]);
		*wrong += *address != page_to_pfn(ends[i]);
		kunmap_local(address);
	}
}

TEST(exhaustion_and_full_recovery)
{
	gfp_t gfp = NOWAIT | __GFP_MEMALLOC | __GFP_HIGHMEM;
	struct fingerprint before, empty;
	struct held held, back;
	struct page *page;
	size_t total, wrong = 0;

	held_init(&held);
	held_init(&back);
	live_settle(&before);
	total = nr_free_pages();
	signed_stride = (total >> MM_MAX_ORDER) / 32 + 1;
	held_drain(&held, gfp);
	EXPECT_EQ(held.pages, total);
	EXPECT_EQ(nr_free_pages(), 0);
	fingerprint_take(&empty);
	for (unsigned i = 0; i < MM_NR_ZONES; i++)
		EXPECT_EQ(empty.free[i], 0);
	EXPECT(!alloc_pages(gfp, 0));
	EXPECT(!kmalloc(2 * KMALLOC_MAX_CACHE_SIZE, NOWAIT));

	for (pfn_t pfn = held.first; pfn != PFN_NONE; pfn = page->next) {
		page = page_of_pfn(pfn);
		sign_block(page, true, &wrong);
	}
	/* Back in another order than they came. */
	while ((page = held_pop(&held)) != NULL) {
		sign_block(page, false, &wrong);
		if (test_random() & 1)
			held_add(&back, page);
		else
			__free_pages(page, page->order);
	}
	EXPECT_EQ(wrong, 0);
	held_free(&back);
	live_expect_settled(&before);
}

/* As single pages: nothing may hinder the largest blocks from growing together again. */
TEST(single_pages_merge_again)
{
	struct fingerprint before;
	struct held held, rest;
	struct page *page;

	held_init(&held);
	held_init(&rest);
	live_settle(&before);
	held_take(&held, NOWAIT, 0, 20000);
	while ((page = held_pop(&held)) != NULL) {
		if (test_random() & 1)
			held_add(&rest, page);
		else
			__free_pages(page, 0);
	}
	held_free(&rest);
	live_expect_settled(&before);
}

TEST(failure_is_not_counted_as_allocation)
{
	struct mm_zone_info before, after;
	struct held held;
	enum mm_zone_id id =
		mm_zone_info(MM_ZONE_NORMAL, &before) ? MM_ZONE_NORMAL : MM_ZONE_DMA;

	held_init(&held);
	held_drain(&held, NOWAIT);
	mm_zone_info(id, &before);
	EXPECT(!alloc_pages(NOWAIT, 0));
	mm_zone_info(id, &after);
	EXPECT_EQ(after.failures, before.failures + 1);
	EXPECT_EQ(after.allocs, before.allocs);
	EXPECT_EQ(after.frees, before.frees);
	EXPECT_EQ(after.free, before.free);
	held_free(&held);
}

TEST(nofail_takes_what_was_kept)
{
	struct held held;
	struct page *page;

	held_init(&held);
	held_drain(&held, GFP_ATOMIC);
	EXPECT(!alloc_pages(GFP_ATOMIC | __GFP_NOWARN, 0));
	page = alloc_pages(GFP_KERNEL | __GFP_NOFAIL, 0);
	EXPECT(page != NULL);
	if (page)
		held_add(&held, page);
	held_free(&held);
}

TEST(failure_names_zones_and_orders)
{
	struct mm_zone_info zone;
	struct held held;

	expect_report(MM_REPORT_ALLOC_FAILED, 1);
	held_init(&held);
	held_drain(&held, NOWAIT);
	test_log_begin();
	EXPECT(!alloc_pages(GFP_KERNEL, 0));
	held_free(&held);
	EXPECT_LOG("no block of order 0 (4 KiB) for GFP_KERNEL");
	EXPECT(!mm_zone_info(MM_ZONE_NORMAL, &zone) || test_log_has("Normal"));
	EXPECT(!mm_zone_info(MM_ZONE_DMA, &zone) || test_log_has("DMA"));
	EXPECT(!test_log_has("High "));
	EXPECT_LOG("min ");
	EXPECT_LOG("*2^0");
	EXPECT_LOG("*2^10");
	EXPECT_LOG("FIX       the request fails: NULL");
}

/* Failures come in floods: a few of each period are printed, all are counted. */
TEST(failures_are_rate_limited)
{
	const unsigned tries = 40;
	struct held held;
	unsigned printed;
	uint64_t start, periods;

	expect_report(MM_REPORT_ALLOC_FAILED, tries);
	held_init(&held);
	held_drain(&held, NOWAIT);
	test_log_begin();
	start = mm_host_time();
	for (unsigned i = 0; i < tries; i++)
		EXPECT(!alloc_pages(GFP_KERNEL | __GFP_NORETRY, 0));
	/* One may have begun before, and one may begin at the end; a slow machine sees more. */
	periods = 2 + (mm_host_time() - start) / REPORT_LIMIT_PERIOD;
	held_free(&held);
	printed = live_log_count("allocation failed: no block of order");
	EXPECT(printed <= periods * REPORT_LIMIT_BURST);
}

/* --- refusals ----------------------------------------------------------------------- */

static bool makes_sense(gfp_t gfp)
{
	gfp_t persistence = gfp & (__GFP_NORETRY | __GFP_RETRY_MAYFAIL | __GFP_NOFAIL);

	return !(gfp & ~GFP_ALL_BITS) &&
	       (gfp & (__GFP_DMA | __GFP_HIGHMEM)) != (__GFP_DMA | __GFP_HIGHMEM) &&
	       (persistence == 0 || is_power_of_2(persistence)) &&
	       (!(gfp & __GFP_NOFAIL) || (gfp & __GFP_DIRECT_RECLAIM)) &&
	       (gfp & (__GFP_MEMALLOC | __GFP_NOMEMALLOC)) !=
		       (__GFP_MEMALLOC | __GFP_NOMEMALLOC);
}

/* One request by each way in; what makes no sense gets NULL from both. */
static void try_flags(gfp_t gfp, bool legal)
{
	struct page *page = alloc_pages(gfp, 0);
	void *p = kmalloc(24, gfp);

	EXPECT_EQ(page != NULL, legal);
	EXPECT_EQ(p != NULL, legal);
	if (page)
		__free_pages(page, 0);
	kfree(p);
}

TEST(every_legal_pair_of_flags_is_served)
{
	struct mm_zone_info zone;
	gfp_t bits = GFP_ALL_BITS;

	if (!mm_zone_info(MM_ZONE_DMA, &zone))
		bits &= ~__GFP_DMA;
	for (gfp_t a = 1; a; a <<= 1) {
		for (gfp_t b = a; b; b <<= 1) {
			if ((bits & (a | b)) == (a | b) && makes_sense(a | b))
				try_flags(a | b, true);
		}
	}
}

TEST(every_illegal_combination_is_refused)
{
	static const gfp_t illegal[] = {
		GFP_KERNEL | __GFP_DMA | __GFP_HIGHMEM,
		GFP_KERNEL | __GFP_NORETRY | __GFP_RETRY_MAYFAIL,
		GFP_KERNEL | __GFP_NORETRY | __GFP_NOFAIL,
		GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOFAIL,
		GFP_KERNEL | __GFP_NORETRY | __GFP_RETRY_MAYFAIL | __GFP_NOFAIL,
		GFP_ATOMIC | __GFP_NOFAIL,
		GFP_NOWAIT | __GFP_NOFAIL,
		__GFP_NOFAIL,
		GFP_ATOMIC | __GFP_MEMALLOC | __GFP_NOMEMALLOC,
	};
	const size_t n = sizeof(illegal) / sizeof(illegal[0]);
	unsigned unknown = (unsigned)__builtin_popcount(~GFP_ALL_BITS);

	expect_report(MM_REPORT_BAD_FLAGS, 2 * ((unsigned)n + unknown));
	for (size_t i = 0; i < n; i++) {
		EXPECT(!makes_sense(illegal[i]));
		try_flags(illegal[i], false);
	}
	for (gfp_t bit = 1; bit; bit <<= 1) {
		if (!(bit & GFP_ALL_BITS))
			try_flags(GFP_ATOMIC | bit, false);
	}
}

TEST(refusal_names_the_bits)
{
	expect_report(MM_REPORT_BAD_FLAGS, 3);
	test_log_begin();
	EXPECT(!alloc_pages(GFP_KERNEL | __GFP_DMA | __GFP_HIGHMEM, 0));
	EXPECT(!alloc_pages(GFP_KERNEL | 0x80000000u, 0));
	EXPECT(!alloc_page(GFP_ATOMIC | __GFP_NOFAIL));
	EXPECT_LOG("GFP_KERNEL|GFP_DMA|__GFP_HIGHMEM");
	EXPECT_LOG("DMA and HIGHMEM exclude each other");
	EXPECT_LOG("unknown   0x80000000");
	EXPECT_LOG("NOFAIL needs flags that may sleep");
	EXPECT_LOG("FIX       the request fails: NULL");
}

TEST(order_too_large_is_refused)
{
	static const unsigned orders[] = {MM_NR_ORDERS, 12, 20, 31, 32, 63, 255, 256, ~0u};
	const unsigned n = sizeof(orders) / sizeof(orders[0]);

	expect_report(MM_REPORT_BAD_ORDER, 2 * n);
	for (unsigned i = 0; i < n; i++) {
		EXPECT(!alloc_pages(GFP_KERNEL | __GFP_NOWARN, orders[i]));
		EXPECT_EQ(__get_free_pages(GFP_ATOMIC, orders[i]), 0);
	}
}

TEST(addresses_are_refused_for_highmem)
{
	expect_report(MM_REPORT_BAD_FLAGS, 4);
	EXPECT_EQ(__get_free_pages(GFP_HIGHUSER, 0), 0);
	EXPECT_EQ(__get_free_page(GFP_KERNEL | __GFP_HIGHMEM), 0);
	EXPECT_EQ(get_zeroed_page(GFP_ATOMIC | __GFP_HIGHMEM), 0);
	EXPECT_EQ(__get_dma_pages(GFP_KERNEL | __GFP_HIGHMEM, 1), 0);
}

static __attribute__((noinline)) struct page *sleeping_request_with_irqs_off(void)
{
	mm_irqflags_t flags = mm_irq_save();
	struct page *page = alloc_pages(GFP_KERNEL, 0);

	mm_irq_restore(flags);
	return page;
}

/* Sleeping flags where sleeping is not allowed: said once for a call site, and served. */
TEST(sleeping_flags_in_atomic_context)
{
	expect_report(MM_REPORT_MIGHT_SLEEP, 1);
	test_log_begin();
	for (unsigned i = 0; i < 4; i++) {
		struct page *page = sleeping_request_with_irqs_off();

		EXPECT(page != NULL);
		__free_page(page);
	}
	EXPECT_LOG("flags     GFP_KERNEL");
	EXPECT_LOG("FIX       served without sleeping");
	EXPECT(!live_has_symbols() || test_log_has("sleeping_request_with_irqs_off+0x"));
}

static __attribute__((noinline)) struct page *greedy_request_with_irqs_off(void)
{
	mm_irqflags_t flags = mm_irq_save();
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_HIGH | __GFP_NOFAIL, 0);

	mm_irq_restore(flags);
	return page;
}

/* Served as GFP_NOWAIT would be: that is, not from any reserve, whatever else was asked. */
TEST(sleeping_flags_in_atomic_context_get_no_reserve)
{
	struct held held;

	expect_report(MM_REPORT_MIGHT_SLEEP, 1);
	expect_report(MM_REPORT_ALLOC_FAILED, 1);
	held_init(&held);
	held_drain(&held, GFP_NOWAIT);
	EXPECT(!greedy_request_with_irqs_off());
	held_free(&held);
}

/* --- what comes back ---------------------------------------------------------------- */

TEST(zero_really_zeroes)
{
	static const gfp_t kinds[] = {GFP_KERNEL, GFP_KERNEL | GFP_DMA, GFP_HIGHUSER};

	for (unsigned i = 0; i < 3; i++) {
		for (unsigned order = 0; order <= 4; order++) {
			struct page *page = alloc_pages(kinds[i] | __GFP_NOWARN, order);

			if (!page)
				continue;
			live_fill_pages(page, order, order + 1);
			__free_pages(page, order);
			page = alloc_pages(kinds[i] | __GFP_ZERO | __GFP_NOWARN, order);
			ASSERT(page);
			EXPECT(live_pages_all_bytes(page, order, 0));
			__free_pages(page, order);
		}
	}
}

TEST(zeroed_page_by_address)
{
	uintptr_t address = __get_free_page(GFP_KERNEL);

	ASSERT(address);
	memset((void *)address, 0xa5, PAGE_SIZE);
	free_page(address);
	address = get_zeroed_page(GFP_KERNEL);
	ASSERT(address);
	EXPECT(live_all_bytes((void *)address, PAGE_SIZE, 0));
	free_pages(address, 0);
}

TEST(page_and_address_convert)
{
	for (unsigned order = 0; order <= 3; order++) {
		struct page *page = alloc_pages(GFP_KERNEL, order);
		char *address;

		ASSERT(page);
		address = page_address(page);
		ASSERT(address);
		EXPECT_EQ((uintptr_t)address % (PAGE_SIZE << order), 0);
		for (unsigned i = 0; i < 1u << order; i++) {
			EXPECT(virt_to_page(address + i * PAGE_SIZE) == page + i);
			EXPECT(virt_to_page(address + i * PAGE_SIZE + PAGE_SIZE - 1) ==
			       page + i);
			EXPECT(pfn_to_page(page_to_pfn(page) + i) == page + i);
			EXPECT(page_to_phys(page + i) ==
			       mm_virt_to_phys(address + i * PAGE_SIZE));
		}
		free_pages((uintptr_t)address, order);
	}
	EXPECT(!virt_to_page(NULL));
	EXPECT(!pfn_to_page(PFN_NONE));
}

TEST(order_of_a_size)
{
	EXPECT_EQ(get_order(0), 0);
	EXPECT_EQ(get_order(1), 0);
	for (unsigned order = 0; order < MM_NR_ORDERS; order++) {
		EXPECT_EQ(get_order(PAGE_SIZE << order), order);
		EXPECT_EQ(get_order((PAGE_SIZE << order) + 1), order + 1);
	}
	EXPECT_EQ(get_order(SIZE_MAX), MM_NR_ORDERS);
}

TEST(dma_pages_lie_in_the_dma_zone)
{
	struct mm_zone_info zone;
	uintptr_t address;

	if (!mm_zone_info(MM_ZONE_DMA, &zone))
		SKIP("no DMA zone");
	address = __get_dma_pages(GFP_KERNEL, 2);
	ASSERT(address);
	EXPECT(page_to_pfn(virt_to_page((void *)address)) + 4 <= zone.end);
	EXPECT_EQ(address % (4 * PAGE_SIZE), 0);
	free_pages(address, 2);
}

/* --- references --------------------------------------------------------------------- */

TEST(references_keep_a_block)
{
	struct page *page = alloc_pages(GFP_KERNEL, 2);
	size_t free;

	ASSERT(page);
	get_page(page + 3); /* any page of it */
	EXPECT_EQ(page_count(page), 2);
	EXPECT_EQ(page_count(page + 1), 2);
	free = nr_free_pages();
	__free_pages(page, 2);
	EXPECT_EQ(nr_free_pages(), free);
	EXPECT_EQ(page_count(page), 1);
	put_page(page + 1);
	EXPECT_EQ(nr_free_pages(), free + 4);
}

TEST(references_of_what_has_none)
{
	struct page *page = alloc_pages(GFP_KERNEL, 1);

	ASSERT(page);
	__free_pages(page, 1);
	expect_report(MM_REPORT_DOUBLE_FREE, 2);
	get_page(page);
	put_page(page);
	EXPECT_EQ(page_count(page), 0);
}

/* Twice: the second time the pages remember the orders of blocks that they began before. */
TEST(split_makes_single_pages)
{
	struct fingerprint before;

	live_settle(&before);
	for (unsigned round = 0; round < 2; round++) {
		struct page *page = alloc_pages(GFP_KERNEL, 3);

		ASSERT(page);
		split_page(page, 3);
		for (unsigned i = 0; i < 8; i++)
			EXPECT_EQ(page_count(page + i), 1);
		for (unsigned i = 0; i < 8; i++)
			__free_page(page + (i * 5) % 8);
	}
	live_expect_settled(&before);
}

TEST(split_refuses_misuse)
{
	struct page *page = alloc_pages(GFP_KERNEL, 2);

	ASSERT(page);
	expect_report(MM_REPORT_MISUSE, 4);
	split_page(page, 1);
	split_page(page + 1, 0);
	get_page(page);
	split_page(page, 2);
	put_page(page);
	__free_pages(page, 2);
	split_page(page, 2);
}

/* --- bad frees ---------------------------------------------------------------------- */

TEST(free_with_another_order)
{
	static const unsigned wrong[] = {0, 1, 2, 4, 10, 11, 32, ~0u};
	const unsigned n = sizeof(wrong) / sizeof(wrong[0]);
	struct fingerprint before;
	struct page *page;

	live_settle(&before);
	page = alloc_pages(GFP_KERNEL, 3);
	ASSERT(page);
	expect_report(MM_REPORT_WRONG_ORDER, n);
	for (unsigned i = 0; i < n; i++)
		__free_pages(page, wrong[i]);
	EXPECT_EQ(page_count(page), 1);
	__free_pages(page, 3);
	live_expect_settled(&before);
}

TEST(double_free_of_a_block)
{
	struct fingerprint before;

	live_settle(&before);
	test_log_begin();
	for (unsigned order = 0; order < MM_NR_ORDERS; order++) {
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_NOWARN, order);

		if (!page)
			continue; /* a machine so small */
		__free_pages(page, order);
		expect_report(MM_REPORT_DOUBLE_FREE, 1);
		__free_pages(page, order);
	}
	EXPECT_LOG("double free: free of page frame 0x");
	EXPECT_LOG("which is a free block");
	live_expect_settled(&before);
}

/* The freed page has merged into a larger block, and is a tail of it. */
TEST(double_free_of_a_merged_page)
{
	struct fingerprint before;
	struct page *page;

	live_settle(&before);
	page = alloc_pages(GFP_KERNEL, 1);
	ASSERT(page);
	split_page(page, 1);
	__free_page(page + 1);
	__free_page(page);
	page_lists_drain();
	EXPECT_EQ(page[1].kind, PAGE_TAIL);
	expect_report(MM_REPORT_DOUBLE_FREE, 2);
	__free_page(page + 1);
	put_page(page + 1);
	live_expect_settled(&before);
}

TEST(free_of_the_inside_of_a_block)
{
	struct page *page = alloc_pages(GFP_KERNEL, 3);

	ASSERT(page);
	expect_report(MM_REPORT_INTERIOR_FREE, 2);
	test_log_begin();
	__free_pages(page + 2, 0);
	free_pages((uintptr_t)page_address(page + 5), 1);
	EXPECT_LOG("block     of order 3 from frame");
	EXPECT_EQ(page_count(page), 1);
	__free_pages(page, 3);
}

TEST(free_of_reserved_memory)
{
	struct page *page = live_reserved_page();

	if (!page)
		SKIP("no reserved page on this machine");
	expect_report(MM_REPORT_BAD_PAGE, 3);
	__free_pages(page, 0);
	put_page(page);
	get_page(page);
	EXPECT_EQ(page->kind, PAGE_RESERVED);
}

TEST(free_of_pages_that_are_not_ours_to_free)
{
	char *small = kmalloc(64, GFP_KERNEL), *large = kmalloc(3 * PAGE_SIZE, GFP_KERNEL);

	ASSERT(small && large);
	expect_report(MM_REPORT_BAD_PAGE, 4);
	__free_pages(virt_to_page(small), 0);
	put_page(virt_to_page(small));
	__free_pages(virt_to_page(large), 2);
	free_pages((uintptr_t)large, 2);
	live_fill(large, 3 * PAGE_SIZE, 1);
	EXPECT(live_filled(large, 3 * PAGE_SIZE, 1));
	kfree(small);
	kfree(large);
}

TEST(free_of_what_is_no_page)
{
	static struct page elsewhere;
	struct page *page = alloc_pages(GFP_KERNEL, 0);

	ASSERT(page);
	elsewhere = *page;
	expect_report(MM_REPORT_BAD_PAGE, 4);
	__free_pages(&elsewhere, 0);
	__free_pages((struct page *)((char *)page + 4), 0);
	__free_pages(page_of_pfn(page_array.end), 0);
	put_page((struct page *)16);
	expect_report(MM_REPORT_BAD_ADDRESS, 2);
	free_pages(PAGE_SIZE, 0);
	free_pages((uintptr_t)page_address(page) + 8, 0);
	__free_pages(NULL, 0);
	free_pages(0, 0);
	EXPECT_EQ(page_count(page), 1);
	__free_pages(page, 0);
}

/* --- pageblocks --------------------------------------------------------------------- */

/* Pageblocks that a steal can take whole, in the zone that GFP_KERNEL is served from. */
static size_t whole_blocks(enum mm_zone_id id)
{
	struct mm_zone_info zone;

	if (!mm_zone_info(id, &zone))
		return 0;
	return zone.free_blocks[0][MM_MAX_ORDER] + zone.free_blocks[1][MM_MAX_ORDER];
}

static bool shares_pageblock(const struct held *held, pfn_t pfn)
{
	for (pfn_t i = held->first; i != PFN_NONE; i = page_of_pfn(i)->next)
		if (i >> MM_MAX_ORDER == pfn >> MM_MAX_ORDER)
			return true;
	return false;
}

TEST(user_pages_stay_apart_from_kernel_pages)
{
	enum mm_zone_id id = predict(GFP_KERNEL, 0);
	struct held user, kernel;
	size_t mixed = 0;

	if (id == MM_NR_ZONES || whole_blocks(id) < 2)
		SKIP("too few free pageblocks to keep types apart");
	held_init(&user);
	held_init(&kernel);
	for (unsigned i = 0; i < 150; i++) {
		held_take(&user, GFP_USER, test_random() % 3, 1);
		held_take(&kernel, GFP_KERNEL, test_random() % 3, 1);
		held_take(&user, GFP_USER | __GFP_MOVABLE, 0, 1);
	}
	for (pfn_t i = kernel.first; i != PFN_NONE; i = page_of_pfn(i)->next)
		mixed += shares_pageblock(&user, i);
	EXPECT_EQ(mixed, 0);
	held_free(&user);
	held_free(&kernel);
}

/* --- pages by the dozen ---------------------------------------------------------------------- */

#define DOZEN     12u
#define MOST_LEFT 300u

/* Pages that may still be had from the zones of these flags above their low marks. */
static size_t pages_above_low(gfp_t gfp)
{
	size_t pages = 0;

	for (unsigned i = 0; i <= gfp_zone(gfp); i++) {
		size_t mark = zones[i].low + zones[i].reserve[gfp_zone(gfp)];

		if (zone_free_pages(&zones[i]) > mark)
			pages += zone_free_pages(&zones[i]) - mark;
	}
	return pages;
}

/* To the last page above the low marks, from the highest zone on, and not one below. */
TEST(bulk_stops_at_the_low_marks)
{
	static const gfp_t flags[] = {GFP_NOWAIT, GFP_NOWAIT | __GFP_HIGHMEM,
				      GFP_NOWAIT | __GFP_DMA, GFP_ATOMIC | __GFP_USER};
	struct page *pages[DOZEN];
	struct held held;

	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		size_t above, got;

		held_init(&held);
		for (unsigned order = MM_NR_ORDERS; order-- > 0;) { /* most of it, quickly */
			above = pages_above_low(flags[i]);
			if (above > MOST_LEFT)
				held_take(&held, flags[i], order,
					  (above - MOST_LEFT) / 2 >> order);
		}
		above = pages_above_low(flags[i]);
		do {
			got = pages_alloc_bulk(flags[i], pages, DOZEN);
			EXPECT_EQ(got, min_size(above, DOZEN));
			above -= got;
			for (size_t j = 0; j < got; j++) {
				EXPECT_EQ(page_count(pages[j]), 1);
				EXPECT_EQ(pages[j]->order, 0);
				held_add(&held, pages[j]);
			}
		} while (got == DOZEN && !test_failed());
		EXPECT_EQ(pages_alloc_bulk(flags[i], pages, DOZEN), 0);
		held_free(&held);
	}
}

/* Pages of all zones mixed, freed at once: each goes home. */
TEST(bulk_frees_into_each_zone)
{
	static const gfp_t flags[] = {GFP_KERNEL, GFP_KERNEL | __GFP_DMA, GFP_HIGHUSER};
	struct page *pages[DOZEN];
	struct fingerprint before, after;
	size_t n = 0;

	fingerprint_take(&before);
	while (n < DOZEN) {
		pages[n] = alloc_page(flags[test_random_below(3)] | __GFP_NOWARN);
		n += pages[n] != NULL;
	}
	while (n > 0)
		pages_free(pages[--n], 0);
	fingerprint_take(&after);
	for (unsigned i = 0; i < MM_NR_ZONES; i++)
		EXPECT_EQ(after.free[i], before.free[i]);
	EXPECT_EQ(mm_check(), 0);
}

TEST_SUITE(page_alloc, each_flag_has_its_zone, boundary_page_of_each_flag_dma,
	   boundary_page_of_each_flag_normal, boundary_page_of_each_flag_high,
	   atomic_has_a_reserve, exhaustion_and_full_recovery, single_pages_merge_again,
	   failure_is_not_counted_as_allocation, nofail_takes_what_was_kept,
	   failure_names_zones_and_orders, failures_are_rate_limited,
	   every_legal_pair_of_flags_is_served, every_illegal_combination_is_refused,
	   refusal_names_the_bits, order_too_large_is_refused,
	   addresses_are_refused_for_highmem, sleeping_flags_in_atomic_context,
	   sleeping_flags_in_atomic_context_get_no_reserve, zero_really_zeroes,
	   zeroed_page_by_address, page_and_address_convert, order_of_a_size,
	   dma_pages_lie_in_the_dma_zone, references_keep_a_block, references_of_what_has_none,
	   split_makes_single_pages, split_refuses_misuse, free_with_another_order,
	   double_free_of_a_block, double_free_of_a_merged_page, free_of_the_inside_of_a_block,
	   free_of_reserved_memory, free_of_pages_that_are_not_ours_to_free,
	   free_of_what_is_no_page, user_pages_stay_apart_from_kernel_pages,
	   bulk_stops_at_the_low_marks, bulk_frees_into_each_zone);
