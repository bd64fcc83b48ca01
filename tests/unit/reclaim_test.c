// SPDX-License-Identifier: MIT
/*
 * Reclaim and shrinkers: how much each is asked for, in which order, and by whose requests;
 * shrinkers that refuse, lie or allocate; and that progress is pages and nothing else.
 *
 * Sleeping needs other threads: tests/host/waiting_test.c, tests/kernel/sleep_test.c.
 */
#include "live.h"
#include <mm/kmalloc.h>
#include <mm/reclaim.h>
#include <mm/slab.h>
#include <reclaim.h>
#include <zone.h>

#define NR_PRIORITIES (SHRINK_LIGHTLY + 1)

/* A shrinker that writes down what it is asked, and does as it is told. */
static struct ward {
	struct shrinker shrinker;
	size_t count;  /* what it says it has */
	size_t answer; /* what it says it freed */
	bool frees;    /* one page of `pages` for each object asked for */
	bool says_nothing_scanned;
	struct held pages;

	size_t scanned[NR_PRIORITIES];
	unsigned calls[NR_PRIORITIES], counts[NR_PRIORITIES];
	size_t largest_call;
	gfp_t gfp;
	unsigned depth, depth_max;
} ward;

static size_t ward_count(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)shrinker;
	ward.counts[control->priority]++;
	ward.gfp = control->gfp;
	return ward.frees ? ward.pages.blocks : ward.count;
}

static size_t ward_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	size_t freed = 0;

	EXPECT_EQ(shrinker->private_data, &ward);
	ward.calls[control->priority]++;
	ward.scanned[control->priority] += control->nr_to_scan;
	if (control->nr_to_scan > ward.largest_call)
		ward.largest_call = control->nr_to_scan;
	if (ward.says_nothing_scanned)
		control->nr_scanned = 0;
	if (!ward.frees)
		return ward.answer;
	for (; freed < control->nr_to_scan && ward.pages.blocks; freed++) {
		struct page *page = held_pop(&ward.pages);

		__free_pages(page, page->order);
	}
	return freed;
}

static void ward_forget(void)
{
	for (unsigned i = 0; i < NR_PRIORITIES; i++) {
		ward.scanned[i] = 0;
		ward.calls[i] = ward.counts[i] = 0;
	}
	ward.largest_call = 0;
}

static void ward_register(size_t count, unsigned batch, unsigned seeks)
{
	struct fingerprint settled;

	ward = (struct ward){.count = count,
			     .shrinker = {.count_objects = ward_count,
					  .scan_objects = ward_scan,
					  .name = "ward",
					  .private_data = &ward,
					  .batch = batch,
					  .seeks = seeks}};
	held_init(&ward.pages);
	live_settle(&settled); /* nothing else can be given back */
	EXPECT(register_shrinker(&ward.shrinker));
}

static unsigned all_calls(void)
{
	unsigned calls = 0;

	for (unsigned i = 0; i < NR_PRIORITIES; i++)
		calls += ward.calls[i];
	return calls;
}

/* --- how much --------------------------------------------------------------------------- */

/* 4096 objects that stay: Linux's formula, by hand.  What is less than a batch waits. */
TEST(each_priority_asks_for_its_share)
{
	static const size_t expected[NR_PRIORITIES] = {8192, 4096, 2048, 1024, 512, 256, 128};

	ward_register(4096, 0, 0);
	EXPECT_EQ(mm_shrink_all(), 0);
	for (unsigned priority = 0; priority < NR_PRIORITIES; priority++) {
		EXPECTF(ward.scanned[priority] == expected[priority],
			"priority %u: expected %zu, found %zu", priority, expected[priority],
			ward.scanned[priority]);
		EXPECT_EQ(ward.counts[priority], 1);
	}
	EXPECT_EQ(ward.largest_call, SHRINK_BATCH);
	EXPECT_EQ(ward.shrinker.deferred, 0);
	unregister_shrinker(&ward.shrinker);
}

/* Objects that are cheap to get back, or dear, are asked for more often, or less. */
TEST(seeks_weigh)
{
	static const struct {
		unsigned seeks;
		size_t at_3; /* of 4096 >> 3 = 512 objects */
	} cases[] = {{1, 2048}, {2, 1024}, {4, 512}, {8, 256}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ward_register(4096, 1, cases[i].seeks);
		mm_shrink_all();
		EXPECT_EQ(ward.scanned[3], cases[i].at_3);
		EXPECT_EQ(ward.largest_call, 1);
		unregister_shrinker(&ward.shrinker);
	}
}

/* Fewer than a batch: in the end all of it is asked for at once. */
TEST(small_caches_are_not_spared)
{
	for (size_t count = 1; count <= 300; count += 23) {
		size_t sum = 0;

		ward_register(count, 0, 0);
		mm_shrink_all();
		for (unsigned i = 0; i < NR_PRIORITIES; i++)
			sum += ward.scanned[i];
		EXPECTF(sum >= count, "%zu objects: %zu were asked for", count, sum);
		EXPECT(ward.largest_call <= SHRINK_BATCH);
		unregister_shrinker(&ward.shrinker);
	}
}

/* It has nothing: it is counted, and not asked. */
TEST(nothing_to_scan)
{
	static const size_t counts[] = {0, SHRINK_EMPTY};

	for (size_t i = 0; i < 2; i++) {
		ward_register(counts[i], 0, 0);
		mm_shrink_all();
		EXPECT_EQ(ward.counts[0], 1);
		EXPECT_EQ(all_calls(), 0);
		unregister_shrinker(&ward.shrinker);
	}
}

/* SHRINK_STOP: not again at this priority; what it did not do is due later, twice what it has at most. */
TEST(who_stops_is_asked_later)
{
	ward_register(1000, 100, 0);
	ward.answer = SHRINK_STOP;
	EXPECT_EQ(mm_shrink_all(), 0);
	for (unsigned i = 0; i < NR_PRIORITIES; i++)
		EXPECT(ward.calls[i] <= 1);
	EXPECT_EQ(ward.calls[0], 1);
	EXPECT_EQ(ward.shrinker.deferred, 2000);
	ward_forget();
	ward.answer = 0;
	mm_shrink_all();
	EXPECT_EQ(ward.scanned[SHRINK_LIGHTLY], 2000);
	unregister_shrinker(&ward.shrinker);
}

/* --- lies ------------------------------------------------------------------------------- */

/* It counts more than there is memory, frees nothing, says that it freed all, or scanned none. */
TEST(lies_end_and_count_for_nothing)
{
	static const size_t counts[] = {SIZE_MAX - 2, SIZE_MAX / 2 + 1, 1u << 31, 100};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		ward_register(counts[i], 0, i % 2 + 1);
		ward.answer = SIZE_MAX / 4;
		ward.says_nothing_scanned = i & 1;
		EXPECT_EQ(mm_shrink_all(), 0);
		EXPECT(all_calls() > 0);
		EXPECT(all_calls() <= NR_PRIORITIES * 4096u);
		unregister_shrinker(&ward.shrinker);
	}
}

/* --- for whom --------------------------------------------------------------------------- */

/* Hold everything, and give the ward `pages` single pages of it. */
static void drain(struct held *held, size_t pages)
{
	held_init(held);
	held_take(&ward.pages, GFP_NOWAIT, 0, pages);
	held_drain(held, GFP_NOWAIT | __GFP_HIGHMEM);
	held_drain(held, GFP_NOWAIT);
	ward.frees = true;
}

static void end(struct held *held)
{
	held_free(held);
	held_free(&ward.pages);
	unregister_shrinker(&ward.shrinker);
}

/* Requests that may reclaim live on what the ward gives back; others fail and do not ask. */
TEST(requests_reclaim_if_they_may)
{
	static const gfp_t may[] = {GFP_KERNEL,
				    GFP_NOIO,
				    GFP_NOFS,
				    GFP_USER,
				    GFP_KERNEL | __GFP_NORETRY,
				    GFP_KERNEL | __GFP_RETRY_MAYFAIL};
	struct held held;
	unsigned before;

	ward_register(0, 8, 0);
	drain(&held, 400);
	before = all_calls();
	EXPECT(!alloc_page(GFP_NOWAIT));
	EXPECT(!alloc_page(__GFP_NOWARN));
	EXPECT_EQ(all_calls(), before);
	for (size_t i = 0; i < sizeof(may) / sizeof(may[0]); i++) {
		size_t had = ward.pages.blocks;
		struct page *page = alloc_page(may[i]);

		EXPECTF(page != NULL, "flags 0x%x find no page", may[i]);
		EXPECTF(ward.pages.blocks < had, "flags 0x%x did not reclaim", may[i]);
		if (page)
			held_add(&held, page);
		held_take(&held, GFP_NOWAIT, 0, SIZE_MAX);
	}
	end(&held);
}

/* The request's own flags reach the shrinker: it must not enter a file system for NOFS. */
TEST(shrinkers_see_the_flags)
{
	static const gfp_t flags[] = {GFP_KERNEL, GFP_NOFS, GFP_NOIO};
	struct held held;

	ward_register(0, 8, 0);
	drain(&held, 200);
	for (size_t i = 0; i < 3; i++) {
		struct page *page = alloc_page(flags[i] | __GFP_NORETRY);

		ASSERT(page);
		EXPECT_EQ(ward.gfp & GFP_KERNEL, flags[i]);
		held_add(&held, page);
		held_take(&held, GFP_NOWAIT, 0, SIZE_MAX);
	}
	end(&held);
}

/* What caches can spare comes first: no shrinker is bothered for it. */
TEST(spare_slabs_come_first)
{
	struct kmem_cache *cache = kmem_cache_create("test-spare", PAGE_SIZE / 2, 0, 0, NULL);
	enum {
		NR = 160
	};
	static void *objects[NR];
	struct page *page;
	struct held held;

	ASSERT(cache);
	ward_register(0, 0, 0);
	for (size_t i = 0; i < NR; i++)
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	drain(&held, 64);
	for (size_t i = 0; i < NR; i++)
		kmem_cache_free(cache, objects[i]);
	held_drain(&held, GFP_NOWAIT);
	/* Now the cache has an empty slab or two again, and nothing else has anything. */
	objects[0] = kmem_cache_alloc(cache, GFP_ATOMIC);
	ASSERT(objects[0]);
	kmem_cache_free(cache, objects[0]);
	held_take(&held, GFP_NOWAIT, 0, SIZE_MAX);
	ward_forget();
	page = alloc_page(GFP_ATOMIC);
	EXPECT(page != NULL);
	if (page)
		held_add(&held, page);
	EXPECT_EQ(all_calls(), 0);
	EXPECT(kmem_cache_shrink(cache) > 0);
	end(&held);
	EXPECT(kmem_cache_destroy(cache));
}

/* --- shrinkers that allocate --------------------------------------------------------------- */

static size_t greedy_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	struct page *page;
	void *p;
	size_t freed;

	ward.depth++;
	ward.depth_max = ward.depth > ward.depth_max ? ward.depth : ward.depth_max;
	EXPECT(reclaim_is_running());
	page = alloc_page(GFP_KERNEL | __GFP_NOWARN);
	p = kmalloc(100, GFP_KERNEL | __GFP_NOWARN);
	EXPECTF(page && p, "reclaim gets nothing out of the reserve");
	if (ward.depth < 100) /* or the stack is full before the case fails */
		EXPECT_EQ(mm_shrink_all(), 0);
	freed = ward_scan(shrinker, control);
	kfree(p);
	__free_page(page);
	ward.depth--;
	return freed;
}

/* Its requests do not start reclaim again, nor does it by itself, and are served from the reserve. */
TEST(a_shrinker_may_allocate)
{
	struct page *page;
	struct held held;

	ward_register(0, 8, 0);
	ward.shrinker.scan_objects = greedy_scan;
	drain(&held, 50);
	page = alloc_page(GFP_KERNEL);
	EXPECT(page != NULL);
	EXPECT_EQ(ward.depth_max, 1);
	EXPECT(!reclaim_is_running());
	if (page)
		held_add(&held, page);
	end(&held);
}

/* In such a scope there is no reclaim, and no watermark; scopes nest. */
TEST(scope_without_reclaim)
{
	struct page *page;
	struct held held;

	ward_register(0, 0, 0);
	drain(&held, 10);
	ward_forget();
	memalloc_noreclaim_enter();
	memalloc_noreclaim_enter();
	memalloc_noreclaim_leave();
	EXPECT(reclaim_is_running());
	page = alloc_page(GFP_KERNEL);
	EXPECT(page != NULL);
	if (page)
		held_add(&held, page);
	EXPECT(!alloc_page(GFP_KERNEL | __GFP_NOMEMALLOC | __GFP_NOWARN));
	memalloc_noreclaim_leave();
	EXPECT(!reclaim_is_running());
	end(&held);
}

/* --- misuse ----------------------------------------------------------------------------- */

static size_t suicidal_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)control;
	unregister_shrinker(shrinker);
	return SHRINK_STOP;
}

TEST(misuse_is_reported)
{
	struct shrinker lame = {.name = "lame", .count_objects = ward_count};

	expect_report(MM_REPORT_MISUSE, 3);
	EXPECT(!register_shrinker(&lame));
	EXPECT_REPORT_TEXT("lacks a function");
	unregister_shrinker(&lame);
	EXPECT_REPORT_TEXT("which is not registered");
	ward_register(1, 1, 0);
	EXPECT(!register_shrinker(&ward.shrinker));
	EXPECT_REPORT_TEXT("register_shrinker of ward, which is registered already");
	allow_reports(MM_REPORT_MISUSE);
	ward.shrinker.scan_objects = suicidal_scan;
	mm_shrink_all();
	EXPECT_REPORT_TEXT("from a shrinker");
	ward_forget();
	mm_shrink_all();
	EXPECT_EQ(ward.counts[0], 1); /* it is still there */
	unregister_shrinker(&ward.shrinker);
	mm_shrink_all();
	EXPECT_EQ(ward.counts[0], 1);
}

/* Any number of them, off the list in any order. */
TEST(many_shrinkers)
{
	enum {
		NR = 20
	};
	static struct shrinker many[NR];
	bool there[NR];

	for (unsigned i = 0; i < NR; i++) {
		many[i] = (struct shrinker){.count_objects = ward_count,
					    .scan_objects = ward_scan,
					    .private_data = &ward,
					    .name = "many"};
		EXPECT(register_shrinker(&many[i]));
		there[i] = true;
	}
	for (unsigned left = NR; left > 0; left--) {
		unsigned i = test_random_below(NR);

		ward_forget();
		ward.frees = false;
		ward.count = 0;
		mm_shrink_all();
		EXPECT_EQ(ward.counts[0], left);
		while (!there[i])
			i = (i + 1) % NR;
		unregister_shrinker(&many[i]);
		there[i] = false;
	}
}

TEST_SUITE(reclaim, each_priority_asks_for_its_share, seeks_weigh, small_caches_are_not_spared,
	   nothing_to_scan, who_stops_is_asked_later, lies_end_and_count_for_nothing,
	   requests_reclaim_if_they_may, shrinkers_see_the_flags, spare_slabs_come_first,
	   a_shrinker_may_allocate, scope_without_reclaim, misuse_is_reported, many_shrinkers);
