// SPDX-License-Identifier: MIT
/*
 * The functions that take no lock, called like any others, and with each lock that they want
 * held by somebody: then an allocation fails, a free waits, a mistake is noticed all the same,
 * and nothing is lost.  What an NMI finds in the middle of the ordinary functions is in
 * tests/host/nmi_test.c and tests/kernel/nmi_test.c.
 */
#include "live.h"
#include <magazine.h>
#include <mem.h>
#include <mm/kmalloc.h>
#include <mm/nolock.h>
#include <mm/port.h>
#include <page.h>
#include <zone.h>

#define MANY 300u

static void *blocks[MANY];

static struct mm_nolock_info info_before;

/* How much a counter grew since count_from_now(). */
#define GREW(counter) (info_now().counter - info_before.counter)

static struct mm_nolock_info info_now(void)
{
	struct mm_nolock_info info;

	mm_nolock_info(&info);
	return info;
}

static void count_from_now(void)
{
	info_before = info_now();
}

static size_t live_in(const struct kmem_cache *cache)
{
	return cache->nr_taken - magazine_count(cache);
}

/* Run f() with a lock held, as if it had been interrupted code that holds it. */
static void with_lock(struct mm_spinlock *lock, void (*f)(void))
{
	mm_irqflags_t flags = mm_irq_save();

	mm_spin_lock(lock);
	f();
	mm_spin_unlock(lock);
	mm_irq_restore(flags);
}

/* --- as any other allocation --------------------------------------------------------- */

TEST(kmalloc_of_every_size)
{
	volatile size_t huge = SIZE_MAX; /* the compiler would warn of a constant */
	struct fingerprint before;

	for (size_t size = 1; size <= KMALLOC_MAX_SIZE; size = size + size / 3 + 1)
		kfree(kmalloc(size, GFP_KERNEL | __GFP_NOWARN)); /* the magazine stays */
	live_settle(&before);
	for (size_t size = 1; size <= KMALLOC_MAX_SIZE; size = size + size / 3 + 1) {
		char *p = kmalloc_nolock(size, 0);
		char *q = kmalloc_nolock(size, __GFP_ZERO);

		if (size <= 64 * 1024)
			EXPECT(p && q);
		if (q)
			EXPECT(live_all_bytes(q, size, 0));
		if (p && q) {
			EXPECT_EQ(ksize(p), kmalloc_size_roundup(size));
			live_fill(p, size, 1);
			live_fill(q, size, 2);
			EXPECT(live_filled(p, size, 1));
		}
		kfree_nolock(p);
		kfree(q);
	}
	EXPECT(!kmalloc_nolock(KMALLOC_MAX_SIZE + 1, 0));
	EXPECT(!kmalloc_nolock(huge, 0));
	EXPECT(kmalloc_nolock(0, 0) == ZERO_SIZE_PTR);
	kfree_nolock(ZERO_SIZE_PTR);
	kfree_nolock(NULL);
	live_expect_settled(&before);
}

TEST(it_frees_what_kmalloc_gave)
{
	static const size_t sizes[] = {8, 200, 5000, 8192, 8193, 100000};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		kfree_nolock(kmalloc(sizes[i], GFP_KERNEL));
		kfree_nolock(kmalloc(sizes[i], GFP_KERNEL | GFP_DMA));
		kfree_nolock(kmalloc(sizes[i], GFP_USER));
		kfree(kmalloc_nolock(sizes[i], GFP_DMA));
		kfree(kmalloc_nolock(sizes[i], __GFP_USER));
	}
}

TEST(pages_of_every_order)
{
	struct fingerprint before;

	live_settle(&before);
	for (unsigned order = 0; order <= MM_MAX_ORDER; order++) {
		struct page *page = alloc_pages_nolock(0, order);
		struct page *other = alloc_pages_nolock(__GFP_ZERO, order);

		if (order <= 4)
			EXPECT(page && other);
		if (page) {
			EXPECT_EQ(page_count(page), 1);
			live_fill_pages(page, order, order);
			EXPECT(live_filled_pages(page, order, order));
			free_pages_nolock(page, order);
		}
		if (other) {
			EXPECT(live_pages_all_bytes(other, order, 0));
			__free_pages(other, order);
		}
	}
	free_pages_nolock(NULL, 0);
	free_pages_nolock(alloc_pages(GFP_KERNEL, 2), 2);
	live_expect_settled(&before);
}

TEST(flags_choose_the_zone)
{
	struct page *dma = alloc_pages_nolock(__GFP_DMA, 1);
	struct page *high = alloc_pages_nolock(__GFP_HIGHMEM, 1);

	ASSERT(dma && high);
	EXPECT_EQ(live_zone_of(dma), MM_ZONE_DMA);
	if (zones[MM_ZONE_HIGH].managed)
		EXPECT_EQ(live_zone_of(high), MM_ZONE_HIGH);
	free_pages_nolock(dma, 1);
	free_pages_nolock(high, 1);
}

/* A reference that is not the last frees nothing. */
TEST(references)
{
	struct page *page = alloc_pages_nolock(0, 0);

	ASSERT(page);
	get_page(page);
	free_pages_nolock(page, 0);
	EXPECT_EQ(page_count(page), 1);
	put_page(page);
}

/* Down to min, and no further: what GFP_NOWAIT cannot have, this cannot either. */
TEST(the_reserve_is_not_touched)
{
	struct page *atomic, *last;
	struct held held;

	held_init(&held);
	held_drain(&held, GFP_NOWAIT);
	held_drain(&held, GFP_NOWAIT | GFP_DMA);
	EXPECT(!alloc_pages_nolock(0, 0));
	EXPECT(!alloc_pages_nolock(__GFP_DMA, 0));
	EXPECT(!kmalloc_nolock(100000, 0));
	atomic = alloc_pages(GFP_ATOMIC, 0);
	EXPECT(atomic != NULL);
	__free_pages(atomic, 0);
	last = held_pop(&held);
	__free_pages(last, last->order);
	atomic = alloc_pages_nolock(__GFP_DMA, 0);
	EXPECT(atomic != NULL);
	free_pages_nolock(atomic, 0);
	held_free(&held);
}

/* With all slabs full, a new one is made, with a descriptor of its own. */
TEST(slabs_are_made)
{
	struct kmem_cache *cache = live_cache("kmalloc-7168");
	size_t slabs;

	ASSERT(cache);
	kmem_cache_shrink(cache);
	slabs = cache->nr_slabs;
	for (unsigned i = 0; i < 10; i++)
		ASSERT((blocks[i] = kmalloc_nolock(7000, 0)) != NULL);
	mm_drain_deferred();
	EXPECT(cache->nr_slabs >= slabs + 10 / cache->nr);
	EXPECT_EQ(live_in(cache), 10);
	live_expect_whole();
	for (unsigned i = 0; i < 10; i++)
		kfree_nolock(blocks[i]);
	EXPECT_EQ(live_in(cache), 0);
	kmem_cache_shrink(cache);
	EXPECT_EQ(cache->nr_empty, 0);
}

/* --- with locks held ------------------------------------------------------------------ */

static void *tried[3];

static void try_kmalloc(void)
{
	tried[0] = kmalloc_nolock(100, 0);
	tried[1] = kmalloc_nolock(300, 0);
}

TEST(a_cache_whose_lock_is_held)
{
	struct kmem_cache *cache = live_cache("kmalloc-112");

	ASSERT(cache);
	count_from_now();
	with_lock(&cache->lock, try_kmalloc);
	EXPECT(!tried[0]);
	EXPECT(tried[1] != NULL); /* another cache */
	EXPECT_EQ(GREW(busy), 1);
	EXPECT_EQ(GREW(allocs), 1);
	kfree(tried[1]);
}

static void try_pages(void)
{
	tried[0] = alloc_pages_nolock(__GFP_DMA, 0);
	tried[1] = kmalloc_nolock(100000, GFP_DMA);
}

TEST(a_zone_whose_lock_is_held)
{
	count_from_now();
	with_lock(&zones[MM_ZONE_DMA].lock, try_pages);
	EXPECT(!tried[0] && !tried[1]);
	EXPECT_EQ(GREW(busy), 4); /* each tries twice: for low, then for min */
	EXPECT_EQ(GREW(allocs), 0);
}

static void *victim;

static void free_victim(void)
{
	kfree_nolock(victim);
}

/* Freed while the cache's lock is held: later, but it is not live any more from now on. */
TEST(an_object_waits_for_its_lock)
{
	struct kmem_cache *cache = live_cache("kmalloc-96");
	size_t live;

	ASSERT(cache);
	victim = kmalloc(90, GFP_KERNEL);
	ASSERT(victim);
	live_fill(victim, 90, 7);
	live = live_in(cache);
	count_from_now();
	with_lock(&cache->lock, free_victim);
	EXPECT_EQ(GREW(frees), 1);
	EXPECT_EQ(GREW(deferred), 1);
	EXPECT_EQ(live_in(cache), live);    /* it counts until it is drained */
	EXPECT(live_filled(victim, 90, 7)); /* nothing was written into it */

	expect_report(MM_REPORT_DOUBLE_FREE, 2);
	kfree(victim);
	EXPECT_EQ(test_reports_seen(MM_REPORT_DOUBLE_FREE), 1);
	kfree_nolock(victim); /* and this one drains it, on the way */
	EXPECT_EQ(test_reports_seen(MM_REPORT_DOUBLE_FREE), 2);
	mm_drain_deferred();
	EXPECT_EQ(live_in(cache), live - 1);
	live_expect_whole();
}

static void free_all_blocks(void)
{
	for (unsigned i = 0; i < MANY; i++)
		kfree_nolock(blocks[i]);
}

/* Of many slabs, in an order of no order; then drained by each who should. */
static void defer_many(struct kmem_cache *cache)
{
	for (unsigned i = 0; i < MANY; i++)
		ASSERT((blocks[i] = kmalloc(250, GFP_KERNEL)) != NULL);
	for (unsigned i = MANY; i > 1; i--) {
		unsigned j = test_random_below(i);
		void *p = blocks[i - 1];

		blocks[i - 1] = blocks[j];
		blocks[j] = p;
	}
	count_from_now();
	with_lock(&cache->lock, free_all_blocks);
	EXPECT_EQ(GREW(deferred), MANY);
	EXPECT(live_in(cache) >= MANY);
}

TEST(everybody_drains)
{
	struct kmem_cache *cache = live_cache("kmalloc-256");
	unsigned n = 0;
	size_t live;
	void *p;

	ASSERT(cache);
	p = kmalloc(250, GFP_KERNEL); /* there is a magazine */
	kfree(p);
	live = live_in(cache);

	defer_many(cache);
	mm_drain_deferred();
	EXPECT_EQ(live_in(cache), live);

	defer_many(cache);
	EXPECT_EQ(mm_check(), 0);
	EXPECT_EQ(live_in(cache), live);

	defer_many(cache);
	kmem_cache_shrink(cache);
	EXPECT_EQ(live_in(cache), live);
	EXPECT_EQ(cache->nr_empty, 0);

	defer_many(cache);
	do /* until the magazine is empty, and the slow path is taken */
		ASSERT((blocks[n++] = kmalloc(250, GFP_KERNEL)) != NULL);
	while (cache->deferred && n < MANY);
	EXPECT_EQ(live_in(cache), live + n);
	while (n > 0)
		kfree(blocks[--n]);

	defer_many(cache);
	p = kmalloc_nolock(250, 0);
	EXPECT_EQ(live_in(cache), live + 1);
	kfree_nolock(p);
	EXPECT_EQ(live_in(cache), live);
}

static void construct(void *object)
{
	live_fill(object, 64, 99);
}

/* An object that waits, and one that is drained, is as its constructor left it. */
TEST(constructed_objects_stay_so)
{
	struct kmem_cache *cache = kmem_cache_create("test-ctor", 64, 0, 0, construct);

	ASSERT(cache);
	victim = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(victim);
	with_lock(&cache->lock, free_victim);
	EXPECT(live_filled(victim, 64, 99));
	mm_drain_deferred();
	EXPECT(live_filled(victim, 64, 99));
	EXPECT_EQ(live_in(cache), 0);

	victim = kmem_cache_alloc(cache, GFP_KERNEL);
	with_lock(&cache->lock, free_victim);
	EXPECT(kmem_cache_destroy(cache)); /* it drains, too */
}

static struct page *pages[8];

static void free_the_pages(void)
{
	for (unsigned i = 0; i < 8; i++)
		free_pages_nolock(pages[i], i % 3);
}

TEST(pages_wait_for_their_lock)
{
	size_t free = nr_free_pages();

	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 8; i++)
			ASSERT((pages[i] = alloc_pages(GFP_KERNEL | GFP_DMA, i % 3)) != NULL);
		count_from_now();
		with_lock(&zones[MM_ZONE_DMA].lock, free_the_pages);
		EXPECT_EQ(GREW(frees), 8);
		EXPECT_EQ(GREW(deferred), 8);
		EXPECT_EQ(nr_free_pages(), free - 17);
		EXPECT_EQ(page_count(pages[0]), 0);
		live_expect_whole();
		if (round == 0) {
			mm_drain_deferred();
		} else {
			expect_report(MM_REPORT_DOUBLE_FREE, 2);
			__free_pages(pages[0], 0);
			free_pages_nolock(pages[1], 1);
			/* Too large for a CPU's lists: it comes with the zone's lock. */
			__free_pages(alloc_pages(GFP_KERNEL | GFP_DMA, 4), 4);
		}
		EXPECT_EQ(nr_free_pages(), free);
	}
}

static void free_large(void)
{
	kfree_nolock(victim);
	kfree_nolock(victim);
}

TEST(a_large_block_waits_for_its_lock)
{
	size_t free = nr_free_pages();

	victim = kmalloc(20000, GFP_KERNEL | GFP_DMA);
	ASSERT(victim);
	expect_report(MM_REPORT_BAD_ADDRESS, 1); /* a block of pages, which is not kmalloc's */
	with_lock(&zones[MM_ZONE_DMA].lock, free_large);
	EXPECT_EQ(nr_free_pages(), free - 8);
	mm_drain_deferred();
	EXPECT_EQ(test_reports_seen(MM_REPORT_BAD_ADDRESS), 1);
	EXPECT_EQ(nr_free_pages(), free);
}

/* --- mistakes --------------------------------------------------------------------------- */

TEST(flags_that_mean_nothing_here)
{
	static const gfp_t bad[] = {GFP_KERNEL,
				    GFP_ATOMIC,
				    GFP_NOWAIT,
				    __GFP_HIGH,
				    __GFP_MEMALLOC,
				    __GFP_NOFAIL,
				    0x80000000u,
				    __GFP_DMA | __GFP_HIGHMEM,
				    __GFP_HIGHMEM | __GFP_ZERO};
	const unsigned n = sizeof(bad) / sizeof(bad[0]);

	expect_report(MM_REPORT_BAD_FLAGS, 2 * n + 1);
	for (unsigned i = 0; i < n; i++) {
		EXPECT(!alloc_pages_nolock(bad[i], 0));
		EXPECT(!kmalloc_nolock(64, bad[i]));
	}
	EXPECT(!kmalloc_nolock(64, __GFP_HIGHMEM));
	expect_report(MM_REPORT_BAD_ORDER, 1);
	EXPECT(!alloc_pages_nolock(0, MM_NR_ORDERS));
}

TEST(frees_that_are_wrong)
{
	static int in_data;
	char *p = kmalloc(200, GFP_KERNEL), *large = kmalloc(20000, GFP_KERNEL);
	struct page *page = alloc_pages(GFP_KERNEL, 1);
	int on_stack;

	ASSERT(p && large && page);
	expect_report(MM_REPORT_INTERIOR_FREE, 2);
	kfree_nolock(p + 8);
	kfree_nolock(large + PAGE_SIZE);
	expect_report(MM_REPORT_BAD_ADDRESS, 5);
	kfree_nolock(&on_stack);
	kfree_nolock(&in_data);
	kfree_nolock(page_address(page));
	kfree_nolock((void *)(uintptr_t)64);
	kfree_nolock(page_of_address(p)->slab); /* the allocator's own */
	expect_report(MM_REPORT_WRONG_ORDER, 1);
	free_pages_nolock(page, 0);
	kfree_nolock(p);
	kfree_nolock(large);
	free_pages_nolock(page, 1);
	expect_report(MM_REPORT_DOUBLE_FREE, 3);
	kfree_nolock(p);
	kfree_nolock(large);
	free_pages_nolock(page, 1);
}

/* High memory that kmalloc() mapped cannot be unmapped here. */
TEST(memory_of_the_window_is_left_alone)
{
	char *p = kmalloc(100, GFP_HIGHUSER);

	ASSERT(p);
	if (page_of_address(p)) {
		kfree(p);
		SKIP("no high memory");
	}
	expect_report(MM_REPORT_BAD_ADDRESS, 1);
	kfree_nolock(p);
	kfree(p);
}

static void make_mistakes(void)
{
	for (unsigned i = 0; i < 6; i++)
		kfree_nolock((char *)victim + 8);
	EXPECT_EQ(test_reports_seen(MM_REPORT_INTERIOR_FREE), 0);
}

/*
 * Nothing is printed where that is not safe; then it is, in the words of any other report.  Four
 * are kept, the others counted.
 */
TEST(reports_wait_too)
{
	unsigned long total = mm_report_count(MM_REPORT_INTERIOR_FREE);
	struct kmem_cache *cache = live_cache("kmalloc-208");

	victim = kmalloc(200, GFP_KERNEL);
	cache = page_of_address(victim)->slab->cache;
	expect_report(MM_REPORT_INTERIOR_FREE, 4);
	test_log_begin();
	with_lock(&cache->lock, make_mistakes);
	EXPECT(!test_log_has("interior free"));
	EXPECT_EQ(mm_report_count(MM_REPORT_INTERIOR_FREE), total + 6);
	mm_drain_deferred();
	EXPECT_EQ(test_reports_seen(MM_REPORT_INTERIOR_FREE), 4);
	if (test_log_kept()) {
		EXPECT_EQ(live_log_count("mm: interior free: kfree of"), 4);
		EXPECT_LOG("8 bytes inside the ");
		EXPECT_LOG("interrupts off");
		EXPECT_LOG("FIX       nothing is freed");
		EXPECT_LOG(
			"mm: 2 more reports came where nothing can be printed, and were lost");
	}
	kfree(victim);
}

TEST_SUITE(nolock, kmalloc_of_every_size, it_frees_what_kmalloc_gave, pages_of_every_order,
	   flags_choose_the_zone, references, the_reserve_is_not_touched, slabs_are_made,
	   a_cache_whose_lock_is_held, a_zone_whose_lock_is_held, an_object_waits_for_its_lock,
	   everybody_drains, constructed_objects_stay_so, pages_wait_for_their_lock,
	   a_large_block_waits_for_its_lock, flags_that_mean_nothing_here, frees_that_are_wrong,
	   memory_of_the_window_is_left_alone, reports_wait_too);
