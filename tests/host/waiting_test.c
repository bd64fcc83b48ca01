// SPDX-License-Identifier: MIT
/*
 * Requests that sleep, on a machine where the other threads do what the test says while this
 * one sleeps: who wakes it, how long it goes on, whom it asks in the end; and kswapd.
 */
#include "host.h"
#include <magazine.h>
#include <mm/kmalloc.h>
#include <mm/reclaim.h>
#include <mm/slab.h>
#include <reclaim.h>
#include <unit/live.h>
#include <zone.h>

static struct held held;
static struct page *wanted;   /* what the others will free */
static unsigned sleeps, when; /* in which sleep */
static unsigned asked;        /* times that the host was */
static gfp_t asked_gfp;
static unsigned asked_order;

static void start(void)
{
	held_init(&held);
	held_drain(&held, GFP_NOWAIT | __GFP_HIGHMEM);
	held_drain(&held, GFP_NOWAIT);
	held_drain(&held, GFP_NOWAIT | GFP_DMA);
	sleeps = asked = 0;
	when = ~0u;
}

static void end(struct page *page)
{
	if (page)
		__free_pages(page, page->order);
	host_on_interrupt(NULL);
	host_on_sleep(NULL);
	host_on_out_of_memory(NULL);
	held_free(&held);
}

static void free_wanted(void)
{
	struct page *page = wanted;

	wanted = NULL;
	if (page)
		__free_pages(page, page->order);
}

static bool sleep_then_free(const uint32_t *word, unsigned ms)
{
	(void)word;
	EXPECT(ms > 0 && ms <= 10);
	if (++sleeps == when)
		free_wanted();
	return true;
}

static bool nobody_to_kill(gfp_t gfp, unsigned order)
{
	asked++;
	asked_gfp = gfp;
	asked_order = order;
	return false;
}

static bool kill_somebody(gfp_t gfp, unsigned order)
{
	nobody_to_kill(gfp, order);
	free_wanted();
	return true;
}

/* Take a page back from what is held: one that a request of the Normal zone can have. */
static struct page *normal_page(void)
{
	struct page *page;
	struct held others;

	held_init(&others);
	while ((page = held_pop(&held)) && live_zone_of(page) != MM_ZONE_NORMAL)
		held_add(&others, page);
	while (others.blocks)
		held_add(&held, held_pop(&others));
	return page;
}

/* --- waking ------------------------------------------------------------------------------ */

TEST(a_free_ends_the_wait)
{
	struct page *page;

	for (unsigned n = 1; n <= 16; n++) {
		unsigned long wakes;

		start();
		wakes = host_wakes();
		wanted = normal_page();
		when = n;
		host_on_sleep(sleep_then_free);
		page = alloc_page(GFP_KERNEL);
		EXPECT(page != NULL);
		EXPECT_EQ(sleeps, n);
		EXPECT_EQ(host_wakes(), wakes + 1);
		EXPECT_EQ(zone_queue.waiters, 0);
		end(page);
	}
}

/* Without a waiter, nobody is woken. */
TEST(no_waiter_no_wake)
{
	struct page *page = alloc_page(GFP_KERNEL);

	__free_page(page);
	kfree(kmalloc(100, GFP_KERNEL));
	EXPECT_EQ(host_wakes(), 0);
}

static unsigned long countdown;

static void free_after_countdown(void)
{
	if (countdown && --countdown == 0)
		free_wanted();
}

static bool never_for_what_has_come(const uint32_t *word, unsigned ms)
{
	sleep_then_free(word, ms);
	if (!wanted)
		test_fail(__FILE__, __LINE__, "it slept, though a page had come before");
	when = sleeps; /* the page comes in this sleep at last */
	free_wanted();
	return true;
}

/* A page that comes at any moment before the sleep is not slept through: every moment. */
TEST(no_wake_up_is_lost)
{
	unsigned long moment = 1;

	do {
		struct page *page;

		start();
		wanted = normal_page();
		countdown = moment;
		host_on_sleep(never_for_what_has_come);
		host_on_interrupt(free_after_countdown);
		page = alloc_page(GFP_KERNEL);
		EXPECT(page != NULL);
		host_on_interrupt(NULL);
		end(page);
		moment += 1 + moment / 50;
	} while (countdown == 0 && !test_failed());
	EXPECTF(moment > 500, "only %lu moments", moment);
}

static void *object;

static bool free_object(const uint32_t *word, unsigned ms)
{
	(void)word;
	(void)ms;
	if (++sleeps == 3)
		kfree(object);
	return true;
}

/* What an allocation from a cache waits for may be an object: no page ever comes. */
TEST(an_object_will_do)
{
	enum {
		NR = 200
	};
	static void *objects[NR];
	void *got;
	unsigned n = 0;

	start();
	while (n < NR && (objects[n] = kmalloc(1024, GFP_NOWAIT)) != NULL)
		n++;
	while ((got = kmalloc(1024, GFP_NOWAIT)) != NULL)
		objects[n++ % NR] = got;
	object = kmalloc(1024, GFP_ATOMIC);
	ASSERT(object);
	while ((got = kmalloc(1024, GFP_NOWAIT)) != NULL) /* the rest of its slab */
		objects[n++] = got;
	host_on_sleep(free_object);
	got = kmalloc(1024, GFP_KERNEL);
	EXPECT_EQ(got, object);
	EXPECT_EQ(sleeps, 3);
	kfree(got);
	while (n > 0)
		kfree(objects[--n]);
	end(NULL);
}

/* --- how long ----------------------------------------------------------------------------- */

/* Sixteen rounds in which nobody frees anything; then the host is asked, once; then NULL and a report. */
TEST(it_gives_up_in_the_end)
{
	static const struct {
		gfp_t gfp;
		unsigned order, sleeps, asked;
	} cases[] = {
		{GFP_KERNEL, 0, 16, 1},
		{GFP_KERNEL, 3, 16, 1},
		{GFP_USER, 0, 16, 1},
		{GFP_KERNEL | __GFP_RETRY_MAYFAIL, 0, 16, 0},
		{GFP_KERNEL | __GFP_RETRY_MAYFAIL, 4, 16, 0},
		{GFP_NOFS, 0, 16, 0},
		{GFP_NOIO, 0, 16, 0},
		{GFP_KERNEL | GFP_DMA, 0, 16, 0},
		{GFP_KERNEL | __GFP_NORETRY, 0, 0, 0},
		{GFP_KERNEL, 4, 0, 0},
		{GFP_NOWAIT & ~__GFP_NOWARN, 0, 0, 0},
		{GFP_ATOMIC, 10, 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start();
		host_on_sleep(sleep_then_free);
		host_on_out_of_memory(nobody_to_kill);
		expect_report(MM_REPORT_ALLOC_FAILED, (unsigned)1);
		EXPECT(!alloc_pages(cases[i].gfp, cases[i].order));
		EXPECTF(sleeps == cases[i].sleeps,
			"flags 0x%x, order %u: %u sleeps, expected %u", cases[i].gfp,
			cases[i].order, sleeps, cases[i].sleeps);
		EXPECTF(asked == cases[i].asked,
			"flags 0x%x, order %u: the host was asked %u times", cases[i].gfp,
			cases[i].order, asked);
		if (asked) {
			EXPECT_EQ(asked_gfp, cases[i].gfp);
			EXPECT_EQ(asked_order, cases[i].order);
		}
		EXPECT_EQ(zone_queue.waiters, 0);
		end(NULL);
	}
}

/* The host can help. */
TEST(somebody_dies_for_it)
{
	struct page *page;

	start();
	wanted = normal_page();
	host_on_sleep(sleep_then_free);
	host_on_out_of_memory(kill_somebody);
	page = alloc_page(GFP_KERNEL);
	EXPECT(page != NULL);
	EXPECT_EQ(asked, 1);
	end(page);
}

static bool free_one_that_does_not_do(const uint32_t *word, unsigned ms)
{
	struct page *page;

	(void)word;
	(void)ms;
	if (++sleeps < 100) { /* a page comes and goes: somebody is making progress */
		page = held_pop(&held);
		EXPECT_EQ(page->order, 0);
		__free_page(page);
		held_take(&held, GFP_NOWAIT | (live_zone_of(page) ? 0 : GFP_DMA), 0, 1);
	} else {
		free_wanted();
	}
	return true;
}

/* As long as there is progress, orders up to 3 go on. */
TEST(progress_keeps_it_going)
{
	struct page *page;

	host_boot(&host_pc);
	test_memory_baseline();
	wanted = alloc_pages(GFP_KERNEL, 3);
	start();
	host_on_sleep(free_one_that_does_not_do);
	host_on_out_of_memory(nobody_to_kill);
	page = alloc_pages(GFP_KERNEL, 3);
	EXPECT(page != NULL);
	EXPECT(sleeps >= 100);
	EXPECT_EQ(asked, 0);
	end(page);
}

static bool a_normal_page_comes_and_goes(const uint32_t *word, unsigned ms)
{
	unsigned order = wanted->order;

	(void)word;
	(void)ms;
	sleeps++;
	__free_pages(wanted, order);
	wanted = alloc_pages(GFP_NOWAIT, order);
	EXPECT(wanted && live_zone_of(wanted) == MM_ZONE_NORMAL);
	return wanted != NULL;
}

static size_t count_scratch(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)shrinker;
	(void)control;
	return 100;
}

static size_t scan_scratch(struct shrinker *shrinker, struct shrink_control *control)
{
	struct page *page = alloc_page(GFP_KERNEL);

	(void)shrinker;
	EXPECT(page != NULL);
	__free_page(page);
	return control->nr_to_scan;
}

/* Nor does a page that a shrinker takes and gives back, while it frees nothing. */
TEST(what_reclaim_takes_is_no_progress)
{
	struct shrinker scratch = {.count_objects = count_scratch,
				   .scan_objects = scan_scratch,
				   .name = "scratch"};

	EXPECT(register_shrinker(&scratch));
	start();
	host_on_sleep(sleep_then_free);
	host_on_out_of_memory(nobody_to_kill);
	expect_report(MM_REPORT_ALLOC_FAILED, 1);
	EXPECT(!alloc_page(GFP_KERNEL)); /* its frees wake it, but not for ever */
	EXPECT_EQ(asked, 1);
	end(NULL);
	unregister_shrinker(&scratch);
}

/* Progress in a zone that it may not use does not keep a request waiting. */
TEST(progress_elsewhere_is_none)
{
	start();
	wanted = normal_page();
	host_on_sleep(a_normal_page_comes_and_goes);
	expect_report(MM_REPORT_ALLOC_FAILED, 1);
	EXPECT(!alloc_page(GFP_KERNEL | GFP_DMA));
	EXPECT_EQ(
		sleeps,
		16 * 16); /* each woke it, and 16 of these count as much as one that none did */
	free_wanted();
	end(NULL);
}

static void *objects[200];

/* Every third object: in no slab are all of them free. */
static bool free_every_third(const uint32_t *word, unsigned ms)
{
	(void)word;
	(void)ms;
	kfree(objects[sleeps * 3]);
	objects[sleeps * 3] = NULL;
	if (++sleeps == 60)
		free_wanted();
	return true;
}

/* Objects that come free make no page yet, but are no reason to have somebody die. */
TEST(objects_come_free)
{
	struct page *page;

	struct fingerprint settled;

	for (unsigned i = 0; i < 200; i++)
		objects[i] = kmalloc(64, GFP_KERNEL);
	live_settle(&settled); /* reclaim finds nothing to spare */
	start();
	wanted = normal_page();
	host_on_sleep(free_every_third);
	host_on_out_of_memory(nobody_to_kill);
	page = alloc_page(GFP_KERNEL);
	EXPECT(page != NULL);
	EXPECT_EQ(sleeps, 60);
	EXPECT_EQ(asked, 0);
	for (unsigned i = 0; i < 200; i++)
		kfree(objects[i]);
	end(page);
}

/* What other CPUs have ready is reclaimed as well, and so are the pages that it lies in. */
TEST(objects_of_another_cpu_are_found)
{
	struct kmem_cache *far = kmem_cache_create("far", 2048, 0, 0, NULL);
	void *given;

	ASSERT(far);
	given = kmem_cache_alloc(far, GFP_KERNEL);
	host_set_cpu(1);
	kmem_cache_free(far, given);
	host_set_cpu(0);
	kmem_cache_shrink(far); /* this CPU's own */
	EXPECT_EQ(magazine_count(far), 1);
	EXPECT_EQ(far->nr_slabs, 1);
	EXPECT(mm_shrink_all() > 0);
	EXPECT_EQ(magazine_count(far), 0);
	EXPECT_EQ(far->nr_slabs, 0);
	EXPECT(kmem_cache_destroy(far));
}

/* Nothing is left, the reserves neither; one page of the Normal zone may come. */
static void start_without_reserves(struct held *rest)
{
	start();
	held_init(rest);
	wanted = normal_page();
	held_drain(rest, GFP_NOWAIT | __GFP_MEMALLOC);
}

/* NOFAIL waits for as long as it takes, though the host cannot help. */
TEST(nofail_waits)
{
	struct page *page;
	struct held rest;

	start_without_reserves(&rest);
	when = 1000;
	host_on_sleep(sleep_then_free);
	host_on_out_of_memory(nobody_to_kill);
	page = alloc_page(GFP_KERNEL | __GFP_NOFAIL);
	EXPECT(page != NULL);
	EXPECT_EQ(sleeps, 1000);
	EXPECT(asked > 0);
	held_free(&rest);
	end(page);
}

/* Before that, it has the reserves. */
TEST(nofail_has_the_reserves)
{
	struct page *page;

	start();
	host_on_sleep(sleep_then_free);
	page = alloc_page(GFP_KERNEL | __GFP_NOFAIL);
	EXPECT(page != NULL);
	EXPECT_EQ(sleeps, 16);
	end(page);
}

/* In reclaim it can only wait: it is not told no there either. */
TEST(nofail_in_reclaim)
{
	struct page *page;
	struct held rest;

	start_without_reserves(&rest);
	when = 100;
	host_on_sleep(sleep_then_free);
	host_on_out_of_memory(nobody_to_kill);
	memalloc_noreclaim_enter();
	page = alloc_page(GFP_KERNEL | __GFP_NOFAIL);
	memalloc_noreclaim_leave();
	EXPECT(page != NULL);
	EXPECT_EQ(sleeps, 100);
	EXPECT_EQ(asked, 0);
	EXPECT_EQ(zone_queue.waiters, 0);
	free_wanted();
	held_free(&rest);
	end(page);
}

/* --- kswapd ------------------------------------------------------------------------------- */

static struct held spare; /* what the shrinker below can give back */

static size_t count_spare(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)shrinker;
	(void)control;
	return spare.blocks;
}

static size_t scan_spare(struct shrinker *shrinker, struct shrink_control *control)
{
	size_t n = 0;

	(void)shrinker;
	EXPECT(reclaim_is_running());
	for (; n < control->nr_to_scan && spare.blocks; n++)
		__free_page(held_pop(&spare));
	return n;
}

static struct shrinker spare_pages = {
	.count_objects = count_spare, .scan_objects = scan_spare, .name = "spare", .batch = 1};

static unsigned rests;

/* kswapd's sleeps: its rest after a pass for nothing, and the one from which nobody wakes it. */
static bool kswapd_sleeps(const uint32_t *word, unsigned ms)
{
	(void)word;
	if (ms == 100)
		rests++;
	return ms == 100; /* false, that it cannot sleep, makes it return */
}

/* kswapd's thread, from its start until it has nothing more to do. */
static void run_kswapd(void)
{
	rests = 0;
	host_on_sleep(kswapd_sleeps);
	mm_kswapd(NULL);
	host_on_sleep(NULL);
}

/*
 * It is woken by the first request that finds all its zones at their low marks, not by the one
 * before; works until each zone is at its high mark, and stops there.
 */
TEST(kswapd_from_low_to_high)
{
	const struct zone *normal = &zones[MM_ZONE_NORMAL], *dma = &zones[MM_ZONE_DMA];
	unsigned long before = host_wakes();

	held_init(&held);
	held_init(&spare);
	EXPECT(register_shrinker(&spare_pages));
	held_take(&spare, GFP_NOWAIT, 0, 300);
	held_drain(&held, __GFP_NOWARN | GFP_DMA);
	while (normal->buddy.nr_free > normal->low) {
		struct page *page = alloc_page(GFP_NOWAIT);

		ASSERT(page);
		held_add(&held, page);
		EXPECT(normal->buddy.nr_free >= normal->low);
	}
	EXPECT(dma->buddy.nr_free <= dma->low + dma->reserve[MM_ZONE_NORMAL]);
	before = host_wakes();
	held_add(&held, alloc_page(GFP_NOWAIT));
	EXPECT_EQ(host_wakes(), before + 1);
	held_add(&held, alloc_page(GFP_NOWAIT)); /* it is awake already */
	EXPECT_EQ(host_wakes(), before + 1);
	while (dma->buddy.nr_free < dma->high) { /* which the spare pages could not help */
		struct page *page = held_pop(&held);

		if (live_zone_of(page) == MM_ZONE_DMA)
			__free_pages(page, page->order);
		else
			held_add(&spare, page);
	}
	run_kswapd();
	EXPECT(normal->buddy.nr_free >= normal->high);
	EXPECT(normal->buddy.nr_free < normal->high + (normal->high - normal->low));
	EXPECT(spare.blocks > 0);
	EXPECT(dma->buddy.nr_free >= dma->high);
	EXPECT_EQ(rests, 0);
	unregister_shrinker(&spare_pages);
	held_free(&spare);
	held_free(&held);
}

/* Nothing to be had: it rests between its attempts, and does not spin. */
TEST(kswapd_rests_when_it_is_hopeless)
{
	start();
	EXPECT(!alloc_page(GFP_NOWAIT));
	run_kswapd();
	EXPECT_EQ(rests, 1);
	held_free(&held);
}

static unsigned rounds;

/* A page of another zone comes and goes, as under any load. */
static size_t scan_in_vain(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)shrinker;
	(void)control;
	if (++rounds == 10000)
		test_fail(__FILE__, __LINE__, "kswapd spins");
	if (rounds < 10000) {
		__free_page(wanted);
		wanted = alloc_page(GFP_NOWAIT);
		EXPECT(wanted && live_zone_of(wanted) == MM_ZONE_NORMAL);
	}
	return 1;
}

static size_t count_one(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)shrinker;
	(void)control;
	return 1;
}

/* What comes to zones that have enough brings it no further: it rests then, too. */
TEST(kswapd_rests_when_pages_come_elsewhere)
{
	static struct shrinker vain = {
		.count_objects = count_one, .scan_objects = scan_in_vain, .name = "vain"};

	held_init(&held);
	held_drain(&held, GFP_NOWAIT | GFP_DMA);
	rounds = 0;
	wanted = alloc_page(GFP_NOWAIT);
	EXPECT(register_shrinker(&vain));
	EXPECT(!alloc_page(GFP_NOWAIT | GFP_DMA));
	run_kswapd();
	EXPECT_EQ(rests, 1);
	unregister_shrinker(&vain);
	free_wanted();
	held_free(&held);
}

/* --- what comes between ------------------------------------------------------------------- */

static struct kmem_cache *shrinks, *grows;

/* The slab of the object that is being freed goes; its descriptor becomes that of another slab. */
static void take_the_descriptor(void)
{
	if (object)
		return;
	kmem_cache_shrink(shrinks);
	object = kmem_cache_alloc(grows, GFP_ATOMIC);
}

/* Whoever has freed an object for those who wait looks at its slab no more. */
TEST(a_freed_object_may_be_gone_at_once)
{
	void *freed;

	shrinks = kmem_cache_create("shrinks", 512, 0, 0, NULL);
	grows = kmem_cache_create("grows", 512, 0, 0, NULL);
	ASSERT(shrinks && grows);
	freed = kmem_cache_alloc(shrinks, GFP_KERNEL);
	object = NULL;
	zone_queue.waiters = 1;
	magazine_close(shrinks);
	host_on_interrupt(take_the_descriptor);
	kmem_cache_free(shrinks, freed);
	host_on_interrupt(NULL);
	zone_queue.waiters = 0;
	EXPECT(object);
	EXPECT_EQ(shrinks->nr_slabs, 0); /* it, and not the other one, was shrunk */
	kmem_cache_free(grows, object);
	EXPECT(kmem_cache_destroy(grows));
	EXPECT(kmem_cache_destroy(shrinks));
}

TEST_SUITE(waiting, a_free_ends_the_wait, no_waiter_no_wake, no_wake_up_is_lost,
	   an_object_will_do, it_gives_up_in_the_end, somebody_dies_for_it,
	   objects_of_another_cpu_are_found, progress_keeps_it_going,
	   progress_elsewhere_is_none, what_reclaim_takes_is_no_progress, objects_come_free,
	   nofail_waits, nofail_has_the_reserves, nofail_in_reclaim, kswapd_from_low_to_high,
	   kswapd_rests_when_it_is_hopeless, kswapd_rests_when_pages_come_elsewhere,
	   a_freed_object_may_be_gone_at_once);
