// SPDX-License-Identifier: MIT
/*
 * Injected failures: which requests fail is counted out for each parameter, and each function of
 * mm that allocates meets every failure that it can meet, one after the other.
 */
#include "live.h"
#include <mem.h>
#include <mm/fault.h>
#include <mm/format.h>
#include <mm/kmalloc.h>
#include <mm/kvmalloc.h>
#include <mm/mempool.h>
#include <mm/nolock.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>
#include <window.h>

#define QUIET (GFP_KERNEL | __GFP_NOWARN)
#define TRIES 200u

static size_t opaque(size_t n)
{
	__asm__ volatile("" : "+r"(n));
	return n;
}

/* A bit for each of TRIES requests: did it fail? */
struct fates {
	unsigned char failed[TRIES];
	unsigned count;
};

static void try_objects(struct fates *fates, size_t size)
{
	memset(fates, 0, sizeof(*fates));
	for (unsigned i = 0; i < TRIES; i++) {
		void *p = kmalloc(opaque(size), QUIET);

		fates->failed[i] = !p;
		fates->count += !p;
		kfree(p);
	}
}

static void try_pages(struct fates *fates, unsigned order)
{
	memset(fates, 0, sizeof(*fates));
	for (unsigned i = 0; i < TRIES; i++) {
		struct page *page = alloc_pages(QUIET, (unsigned)opaque(order));

		fates->failed[i] = !page;
		fates->count += !page;
		if (page)
			__free_pages(page, order);
	}
}

static void expect_counts(unsigned long candidates, unsigned long injected)
{
	struct mm_fault_stats stats;

	mm_fault_stats(&stats);
	EXPECT_EQ(stats.candidates, candidates);
	EXPECT_EQ(stats.injected, injected);
}

/* Each that is not told otherwise: only this thread's, since others run, too. */
static struct mm_fault each(void)
{
	return (struct mm_fault){.this_thread = true, .probability = MM_FAULT_PER};
}

TEST(nothing_is_armed_at_first)
{
	struct fates fates;
	struct mm_fault_stats stats;

	mm_fault_stats(&stats);
	EXPECT(!stats.armed);
	try_objects(&fates, 64);
	EXPECT_EQ(fates.count, 0);
}

TEST(a_certain_one_meets_each_request)
{
	struct mm_fault fault = each();
	struct mm_fault_stats stats;
	struct fates fates;

	try_objects(&fates, 64); /* the stacks are full of objects */
	try_pages(&fates, 0);
	mm_fault_set(&fault);
	mm_fault_stats(&stats);
	EXPECT(stats.armed);
	try_objects(&fates, 64);
	EXPECT_EQ(fates.count, TRIES);
	for (unsigned order = 0; order < 6; order++) {
		try_pages(&fates, order);
		EXPECT_EQ(fates.count, TRIES);
	}
	expect_counts(7 * TRIES, 7 * TRIES);
	mm_fault_clear();
	mm_fault_stats(&stats);
	EXPECT(!stats.armed);
	try_objects(&fates, 64);
	EXPECT_EQ(fates.count, 0);
	try_pages(&fates, 0);
	EXPECT_EQ(fates.count, 0);
	expect_counts(7 * TRIES, 7 * TRIES);
}

TEST(space_interval_and_times)
{
	struct mm_fault fault = each();
	struct fates fates;

	fault.space = 10;
	fault.interval = 7;
	fault.times = 5;
	mm_fault_set(&fault);
	try_objects(&fates, 64);
	expect_counts(TRIES, 5);
	mm_fault_clear();
	EXPECT_EQ(fates.count, 5);
	for (unsigned i = 0; i < TRIES; i++)
		EXPECTF(fates.failed[i] == (i >= 10 && i < 45 && (i - 9) % 7 == 0),
			"request %u", i);
	fault.times = -1;
	mm_fault_set(&fault);
	try_objects(&fates, 64);
	mm_fault_clear();
	EXPECT_EQ(fates.count, (TRIES - 10) / 7);
}

TEST(a_seed_decides)
{
	struct mm_fault fault = each();
	struct fates first, second;

	fault.probability = 250;
	fault.seed = 7;
	mm_fault_set(&fault);
	try_objects(&first, 64);
	mm_fault_set(&fault);
	try_pages(&second, 3);
	EXPECT(memcmp(&first, &second, sizeof(first)) == 0);
	EXPECTF(first.count > TRIES / 8 && first.count < TRIES / 2, "%u", first.count);
	fault.seed = 1000;
	mm_fault_set(&fault);
	try_objects(&second, 64);
	EXPECT(memcmp(&first, &second, sizeof(first)) != 0);
	fault.probability = 0;
	mm_fault_set(&fault);
	try_objects(&second, 64);
	mm_fault_clear();
	EXPECT_EQ(second.count, 0);
}

TEST(kinds_orders_and_caches)
{
	struct mm_fault fault = each();
	struct fates fates;

	fault.min_order = 2;
	mm_fault_set(&fault);
	try_pages(&fates, 1);
	EXPECT_EQ(fates.count, 0);
	try_pages(&fates, 2);
	EXPECT_EQ(fates.count, TRIES);
	fault.kinds = MM_FAULT_OBJECTS;
	mm_fault_set(&fault);
	try_pages(&fates, 2);
	EXPECT_EQ(fates.count, 0);
	try_objects(&fates, 64);
	EXPECT_EQ(fates.count, TRIES);
	fault.kinds = MM_FAULT_PAGES;
	mm_fault_set(&fault);
	try_objects(&fates, 64);
	EXPECT_EQ(fates.count, 0);
	fault.kinds = 0;
	mm_snprintf(fault.cache, sizeof(fault.cache), "kmalloc-6?");
	mm_fault_set(&fault);
	try_objects(&fates, 64);
	EXPECT_EQ(fates.count, TRIES);
	try_objects(&fates, 128);
	EXPECT_EQ(fates.count, 0);
	try_pages(&fates, 2);
	EXPECT_EQ(fates.count, 0);
	mm_fault_clear();
}

TEST(contexts)
{
	struct mm_fault fault = {.contexts = MM_FAULT_NMI, .probability = MM_FAULT_PER};
	struct fates fates;

	mm_fault_set(&fault);
	try_objects(&fates, 64);
	EXPECT_EQ(fates.count, 0);
	fault.contexts = MM_FAULT_THREAD;
	fault.this_thread = true;
	mm_fault_set(&fault);
	try_objects(&fates, 64);
	EXPECT_EQ(fates.count, TRIES);
	mm_fault_clear();
}

static __attribute__((noinline)) void *alloc_here(void)
{
	void *p = kmalloc(opaque(64), GFP_KERNEL);

	__asm__ volatile("" ::: "memory"); /* no tail call: the caller is here */
	return p;
}

/* Where the report says that the call was, is the range, down to one byte. */
TEST(call_sites)
{
	struct mm_fault fault = each();
	uintptr_t here, elsewhere;
	void *p;

	expect_report(MM_REPORT_ALLOC_FAILED, 2);
	mm_fault_set(&fault);
	EXPECT(!alloc_here());
	EXPECT_REPORT_TEXT("injected: no object of cache kmalloc-64 for GFP_KERNEL");
	here = test_last_report()->caller;
	EXPECT(!kmalloc(opaque(64), GFP_KERNEL));
	elsewhere = test_last_report()->caller;
	mm_fault_clear();
	if (here == elsewhere)
		SKIP("slow paths return into the fast ones here: all calls have one site");
	expect_report(MM_REPORT_ALLOC_FAILED, 1);
	fault.caller_from = here;
	fault.caller_to = fault.caller_from + 1;
	mm_fault_set(&fault);
	EXPECT(!alloc_here());
	p = kmalloc(opaque(64), GFP_KERNEL);
	EXPECT(p != NULL);
	kfree(p);
	expect_counts(1, 1);
	fault.caller_from++;
	fault.caller_to++;
	mm_fault_set(&fault);
	p = alloc_here();
	EXPECT(p != NULL);
	kfree(p);
	mm_fault_clear();
}

TEST(who_must_not_fail_does_not)
{
	struct mm_fault fault = each();
	struct page *page;
	void *p;

	mm_fault_set(&fault);
	p = kmalloc(opaque(64), GFP_KERNEL | __GFP_NOFAIL);
	page = alloc_pages(GFP_KERNEL | __GFP_NOFAIL, 0);
	expect_counts(0, 0);
	mm_fault_clear();
	EXPECT(p && page);
	kfree(p);
	__free_pages(page, 0);
}

TEST(reports_say_so)
{
	struct mm_fault fault = each();

	expect_report(MM_REPORT_ALLOC_FAILED, 1);
	mm_fault_set(&fault);
	EXPECT(!alloc_pages(GFP_KERNEL, 3));
	mm_fault_clear();
	EXPECT_REPORT_TEXT("injected: no block of order 3 for GFP_KERNEL");
	EXPECT(!test_last_report()->address);
}

/* An area says what it had when the page was refused to it; and what is missing in earnest says so. */
TEST(reports_of_areas_say_so)
{
	struct mm_fault fault = each();
	void *p;

	if (window_pages() == 0)
		SKIP("no window");
	allow_kept_pages(16); /* page tables of the window */
	p = vmalloc(opaque(20 * PAGE_SIZE));
	EXPECT(p != NULL);
	vfree(p);
	expect_report(MM_REPORT_ALLOC_FAILED, 1);
	fault.space = 3;
	mm_fault_set(&fault);
	EXPECT(!vmalloc(opaque(20 * PAGE_SIZE)));
	EXPECT_REPORT_TEXT("injected: vmalloc of 20 pages: no page, with 3 mapped");
	EXPECT(!__vmalloc(opaque(20 * PAGE_SIZE), QUIET));
	expect_counts(5, 2);
	mm_fault_clear();
	window_flush();
}

TEST(without_locks_silently)
{
	struct mm_fault fault = each();
	struct page *page;
	void *p;

	mm_fault_set(&fault);
	EXPECT(!kmalloc_nolock(64, 0));
	EXPECT(!kmalloc_nolock(3 * PAGE_SIZE, 0));
	EXPECT(!alloc_pages_nolock(0, 0));
	expect_counts(3, 3);
	mm_fault_clear();
	p = kmalloc_nolock(64, 0);
	page = alloc_pages_nolock(0, 0);
	EXPECT(p && page);
	kfree_nolock(p);
	if (page)
		free_pages_nolock(page, 0);
}

/* --- the option -------------------------------------------------------------------------- */

TEST(an_option_is_read)
{
	struct mm_fault fault;

	EXPECT(mm_fault_parse("", &fault));
	EXPECT_EQ(fault.probability, MM_FAULT_PER);
	EXPECT_EQ(fault.space, 0);
	EXPECT(mm_fault_parse("probability=10,seed=7,interval=2,times=-1,space=1000,order=3,"
			      "context=in,kind=o,cache=kmalloc-*",
			      &fault));
	EXPECT_EQ(fault.probability, 10);
	EXPECT_EQ(fault.seed, 7);
	EXPECT_EQ(fault.interval, 2);
	EXPECT_EQ(fault.times, -1);
	EXPECT_EQ(fault.space, 1000);
	EXPECT_EQ(fault.min_order, 3);
	EXPECT_EQ(fault.contexts, MM_FAULT_IRQ | MM_FAULT_NMI);
	EXPECT_EQ(fault.kinds, MM_FAULT_OBJECTS);
	EXPECT_STR(fault.cache, "kmalloc-*");
}

TEST(wrong_words_are_named_and_ignored)
{
	static const char *const wrong[] = {
		"probability=1001",
		"probability=",
		"probability",
		"probability=1x",
		"order=99",
		"context=x",
		"context=",
		"kind=q",
		"times=-2",
		"cache=",
		"nothing=1",
		"space=99999999999999999999",
		"cache=0123456789012345678901234567890123456789",
	};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct mm_fault fault;
		char text[80];

		mm_snprintf(text, sizeof(text), "seed=5,%s,interval=9", wrong[i]);
		EXPECTF(!mm_fault_parse(text, &fault), "%s is accepted", text);
		EXPECT_EQ(fault.seed, 5);
		EXPECT_EQ(fault.interval, 9);
		EXPECT_EQ(fault.probability, MM_FAULT_PER);
		EXPECT_EQ(fault.times, 0);
		EXPECT(!fault.cache[0]);
	}
}

/* --- every failure of every operation ---------------------------------------------------- */

#define MANY      40u
#define MOST_NTHS 500u

/*
 * An operation; true: it was done, and has been undone.  False: it failed, in its documented way,
 * and holds nothing.
 */
typedef bool (*operation_fn)(void);

static bool do_kmalloc(void)
{
	void *p = kmalloc(opaque(100), GFP_KERNEL);

	kfree(p);
	return p;
}

static bool do_kmalloc_large(void)
{
	void *p = kmalloc(opaque(5 * PAGE_SIZE), GFP_KERNEL);

	kfree(p);
	return p;
}

static bool do_pages_exact(void)
{
	void *p = alloc_pages_exact(3 * PAGE_SIZE, GFP_KERNEL);

	if (p)
		free_pages_exact(p, 3 * PAGE_SIZE);
	return p;
}

/* Where it fails, the block is as it was. */
static bool do_krealloc(void)
{
	char *p = kmalloc(opaque(40), GFP_KERNEL), *q;
	bool grown;

	if (!p)
		return false;
	live_fill(p, 40, 1);
	q = krealloc(p, opaque(3000), GFP_KERNEL);
	grown = q;
	if (!grown)
		q = p;
	EXPECT(live_filled(q, 40, 1));
	kfree(q);
	return grown;
}

static bool do_cache_create(void)
{
	struct kmem_cache *cache = kmem_cache_create("fault", 100, 0, 0, NULL);

	if (cache)
		EXPECT(kmem_cache_destroy(cache));
	return cache;
}

static bool do_bulk(void)
{
	struct kmem_cache *cache = kmem_cache_create("fault-bulk", 200, 0, 0, NULL);
	void *p[MANY];
	size_t got;

	if (!cache)
		return false;
	got = kmem_cache_alloc_bulk(cache, GFP_KERNEL, MANY, p);
	EXPECT(got == 0 || got == MANY);
	kmem_cache_free_bulk(cache, got, p);
	EXPECT(kmem_cache_destroy(cache));
	return got > 0;
}

static bool do_kmalloc_pool(void)
{
	struct mempool *pool = mempool_create_kmalloc_pool(4, 100);

	EXPECT(mempool_destroy(pool));
	return pool;
}

/* The reserve serves where the source fails. */
static bool do_page_pool(void)
{
	struct mempool *pool = mempool_create_page_pool(3, 1);
	void *element;

	if (!pool)
		return false;
	element = mempool_alloc(pool, GFP_KERNEL);
	EXPECT(element != NULL);
	mempool_free(element, pool);
	EXPECT(mempool_destroy(pool));
	return true;
}

static bool do_pool_resize(void)
{
	struct mempool *pool = mempool_create_kmalloc_pool(2, 64);
	bool grown = pool && mempool_resize(pool, 5);

	EXPECT(mempool_destroy(pool));
	return grown;
}

static bool do_vmalloc(void)
{
	void *p = vmalloc(opaque(20 * PAGE_SIZE));

	vfree(p);
	window_flush();
	return p;
}

static bool do_vmap(void)
{
	struct page *pages[3] = {NULL};
	void *p = NULL;
	unsigned n = 0;

	while (n < 3 && (pages[n] = alloc_page(GFP_KERNEL)) != NULL)
		n++;
	if (n == 3)
		p = vmap(pages, 3);
	if (p)
		vunmap(p);
	while (n > 0)
		__free_page(pages[--n]);
	window_flush();
	return p;
}

/* From kmalloc, and if that fails from vmalloc. */
static bool do_kvmalloc(void)
{
	void *p = kvmalloc(opaque(4 * PAGE_SIZE), GFP_KERNEL);

	kvfree(p);
	window_flush();
	return p;
}

static bool do_kvrealloc(void)
{
	char *p = kvmalloc(opaque(100), GFP_KERNEL), *q;
	bool grown;

	if (!p)
		return false;
	live_fill(p, 100, 2);
	q = kvrealloc(p, 6 * PAGE_SIZE, GFP_KERNEL);
	grown = q;
	if (!grown)
		q = p;
	EXPECT(live_filled(q, 100, 2));
	kvfree(q);
	window_flush();
	return grown;
}

/*
 * Each failure of an operation, and at last none.  `requests`: how many it makes when none fails;
 * `survived`: of how many failures it can do without; `reports`: how many are reported.
 */
static void meet_each(operation_fn operation, unsigned requests, unsigned survived,
		      unsigned reports)
{
	struct fingerprint before;
	unsigned long n = 1;
	unsigned done = 0;

	operation(); /* what it makes once, page tables for instance, is made */
	live_settle(&before);
	expect_report(MM_REPORT_ALLOC_FAILED, reports);
	for (; n < MOST_NTHS && !test_failed(); n++) {
		bool ok;

		mm_fault_nth(n);
		ok = operation();
		if (!mm_fault_nth(0)) {
			EXPECT(ok);
			break;
		}
		done += ok;
		live_expect_settled(&before);
		live_expect_whole();
	}
	EXPECT_EQ(n - 1, requests);
	EXPECT_EQ(done, survived);
	live_expect_settled(&before);
}

TEST(kmalloc_meets_each)
{
	meet_each(do_kmalloc, 1, 0, 1);
	meet_each(do_kmalloc_large, 1, 0, 1);
	meet_each(do_pages_exact, 1, 0, 1);
	meet_each(do_krealloc, 2, 0, 2);
}

TEST(caches_meet_each)
{
	meet_each(do_cache_create, 1, 0, 1);
	meet_each(do_bulk, 1 + MANY, 0, 1 + MANY);
}

TEST(pools_meet_each)
{
	meet_each(do_kmalloc_pool, 6, 0, 6);
	meet_each(do_page_pool, 6, 1, 5);
	meet_each(do_pool_resize, 8, 0, 8);
}

TEST(areas_meet_each)
{
	if (window_pages() == 0)
		SKIP("no window");
	allow_kept_pages(16); /* page tables of the window */
	meet_each(do_vmalloc, 20, 0, 20);
	meet_each(do_vmap, 3, 0, 3);
	meet_each(do_kvmalloc, 1, 1, 0);
	meet_each(do_kvrealloc, 2, 1, 1);
}

TEST_SUITE(fault, nothing_is_armed_at_first, a_certain_one_meets_each_request,
	   space_interval_and_times, a_seed_decides, kinds_orders_and_caches, contexts,
	   call_sites, who_must_not_fail_does_not, reports_say_so, reports_of_areas_say_so,
	   without_locks_silently, an_option_is_read, wrong_words_are_named_and_ignored,
	   kmalloc_meets_each, caches_meet_each, pools_meet_each, areas_meet_each);
