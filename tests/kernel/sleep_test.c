// SPDX-License-Identifier: MIT
/*
 * Requests that sleep until there is memory, and who wakes them: another thread that frees, a
 * shrinker, kswapd.  During all of it an interrupt handler allocates with GFP_ATOMIC.
 *
 * Preemption comes at random points.  That a wake-up is not lost is seen by the clock: each
 * sleep in reclaim has an end of its own, and all these are over long before.
 */
#include "icount.h"
#include "jitter.h"
#include "kswapd.h"
#include "visitor.h"
#include <harness.h>
#include <kernel/cpu.h>
#include <kernel/smp.h>
#include <kernel/spinlock.h>
#include <kernel/thread.h>
#include <kernel/time.h>
#include <mem.h>
#include <mm/kmalloc.h>
#include <mm/reclaim.h>
#include <mm/slab.h>
#include <unit/live.h>

#define QUIET(gfp)    ((gfp) | __GFP_NOWARN)
#define NS_PER_MS     1000000u

/* --- a consumer and a producer ---------------------------------------------------------- */

#define ROUNDS_ICOUNT 4000u
#define ROUNDS_PLAIN  1000u /* on one CPU; each asks all CPUs for what they keep */

/* What the consumer wants, and how the producer lets it have it. */
struct goods {
	void *(*get)(void);
	void (*put)(void *item);
};

static void *get_page_of_memory(void)
{
	return alloc_page(QUIET(GFP_KERNEL));
}

static void put_page_of_memory(void *item)
{
	__free_page(item);
}

#define OBJECT_BYTES 512u

static void *get_object(void)
{
	return kmalloc(OBJECT_BYTES, QUIET(GFP_KERNEL));
}

static void put_object(void *item)
{
	kfree(item);
}

static const struct goods pages = {get_page_of_memory, put_page_of_memory};
static const struct goods objects = {get_object, put_object};

static struct {
	const struct goods *goods;
	unsigned rounds;
	struct thread *consumer;
	struct wait_queue queue;
	bool begun;
	void *item; /* that the consumer got, and the producer is to free */
	uint64_t freed_at;
	uint64_t longest_ns, most_ns; /* from a free to the consumer that has it */
	unsigned failures, done;
	bool over;
} trade;

static void consume(void *arg)
{
	(void)arg;
	wait_event(&trade.queue, trade.begun);
	while (trade.done < trade.rounds && !trade.failures) {
		void *item = trade.goods->get();
		uint64_t took = time_ns() - trade.freed_at;

		if (!item) {
			trade.failures++;
			break;
		}
		if (took > trade.longest_ns)
			trade.longest_ns = took;
		if (took > trade.most_ns)
			trade.failures++;
		trade.done++;
		__atomic_store_n(&trade.item, item, __ATOMIC_RELEASE);
		wait_wake_all(&trade.queue);
	}
	trade.over = true;
	wait_wake_all(&trade.queue);
}

static bool has_item(void)
{
	return __atomic_load_n(&trade.item, __ATOMIC_ACQUIRE) != NULL;
}

/* An emulator takes long for a pause; but where it has CPUs by turns, the next one comes only then. */
#define TURNS_PER_PAUSE 32u

/* Anywhere in the consumer's way to sleep; every other time, when it has come there. */
static void wait_a_while(void)
{
	if (test_random_below(2)) {
		for (volatile unsigned n = test_random_below(4000); n > 0; n--)
			if (n % TURNS_PER_PAUSE == 0)
				cpu_relax();
		return;
	}
	while (!trade.over &&
	       __atomic_load_n(&trade.consumer->state, __ATOMIC_RELAXED) != THREAD_BLOCKED)
		thread_yield();
}

/* Free what the consumer has, again and again; returns how often it was asleep then. */
static unsigned produce(void)
{
	unsigned asleep = 0;

	while (!trade.over) {
		void *item;

		wait_event(&trade.queue, has_item() || trade.over);
		item = trade.item;
		if (!item)
			break;
		wait_wake_all(
			&trade.queue); /* for the first one, who waits for the beginning */
		trade.item = NULL;
		if (trade.done < trade.rounds)
			wait_a_while();
		asleep += trade.consumer->state == THREAD_BLOCKED;
		trade.freed_at = time_ns();
		trade.goods->put(item);
	}
	if (trade.item) /* the last one came together with the end, before we looked */
		trade.goods->put(trade.item);
	return asleep;
}

/* Seldom: whatever is freed wakes the consumer, also if the producer's wake-up was lost. */
#define VISITS_EVERY 256u

static void visit(void)
{
	if (jitter_count() % VISITS_EVERY == 0)
		visitor_peek();
}

/* Where the clock counts instructions: more than any wake-up takes, less than between two visits. */
#define WAKE_UP_NS_MAX 400000u

/* What needs memory comes first. */
static bool trade_open(const struct goods *goods)
{
	memset(&trade, 0, sizeof(trade));
	trade.goods = goods;
	trade.rounds = clock_counts_instructions() ? ROUNDS_ICOUNT : ROUNDS_PLAIN / smp_count();
	trade.most_ns = clock_counts_instructions() ? WAKE_UP_NS_MAX : UINT64_MAX;
	trade.consumer = thread_create("consumer", consume, NULL);
	visitor_enter();
	return EXPECT(trade.consumer != NULL);
}

/* There is no memory but the first item. */
static void trade_in(void *first)
{
	unsigned asleep;

	kswapd_release();
	jitter_start(visit);
	trade.begun = true;
	trade.item = first;
	asleep = produce();
	jitter_stop();
	kswapd_park();
	test_note("%u rounds, asleep in %u, at most %llu us until it woke; %lu interrupts, %lu "
		  "atomic requests, %lu refused",
		  trade.done, asleep, (unsigned long long)trade.longest_ns / 1000,
		  jitter_count(), visitor_served(), visitor_refused());
	EXPECT_EQ(trade.failures, 0);
	EXPECT_EQ(trade.done, trade.rounds);
	EXPECT(asleep >= trade.rounds / 4);
}

static void trade_close(void)
{
	thread_join(trade.consumer);
	visitor_leave();
}

TEST(wakes_when_a_page_is_freed)
{
	struct fingerprint before;
	struct held held;
	struct page *first;

	live_settle(&before);
	held_init(&held);
	if (!trade_open(&pages))
		return;
	first = alloc_page(GFP_KERNEL);
	held_drain(&held, GFP_NOWAIT);
	if (EXPECT(first != NULL))
		trade_in(first);
	held_free(&held);
	trade_close();
	live_expect_settled(&before);
}

/* The last ones that can be had without sleeping; linked by their first words. */
static void **hoard_objects(void)
{
	void **first = NULL, **object;

	while ((object = kmalloc(OBJECT_BYTES, GFP_NOWAIT)) != NULL) {
		*object = first;
		first = object;
	}
	return first;
}

static void free_hoard(void **first)
{
	while (first) {
		void **next = *first;

		kfree(first);
		first = next;
	}
}

TEST(wakes_when_an_object_is_freed)
{
	struct fingerprint before;
	struct held held;
	void **hoard, *first;

	kfree(kmalloc(OBJECT_BYTES, GFP_KERNEL));
	live_settle(&before);
	held_init(&held);
	if (!trade_open(&objects))
		return;
	first = kmalloc(OBJECT_BYTES, GFP_KERNEL);
	held_drain(&held, GFP_NOWAIT);
	hoard = hoard_objects();
	if (EXPECT(first != NULL))
		trade_in(first);
	free_hoard(hoard);
	held_free(&held);
	trade_close();
	live_expect_settled(&before);
}

/* --- at which page ----------------------------------------------------------------------- */

static struct {
	struct thread *thread;
	struct wait_queue queue;
	gfp_t gfp;
	bool begun, over;
	void *got;
} sleeper;

static void sleep_for_a_page(void *arg)
{
	(void)arg;
	wait_event(&sleeper.queue, sleeper.begun);
	sleeper.got = alloc_page(sleeper.gfp);
	__atomic_store_n(&sleeper.over, true, __ATOMIC_RELEASE);
}

static bool sleeper_create(gfp_t gfp)
{
	memset(&sleeper, 0, sizeof(sleeper));
	sleeper.gfp = gfp;
	sleeper.thread = thread_create("sleeper", sleep_for_a_page, NULL);
	return EXPECT(sleeper.thread != NULL);
}

static bool sleeper_is_over(void)
{
	return __atomic_load_n(&sleeper.over, __ATOMIC_ACQUIRE);
}

/* Let it try with what there is now. */
static void let_it_try(void)
{
	sleeper.begun = true;
	wait_wake_all(&sleeper.queue);
	do
		thread_yield();
	while (!sleeper_is_over() && sleeper.thread->state != THREAD_BLOCKED);
}

static bool sleeper_is_in_reclaim(void)
{
	return !sleeper_is_over() && sleeper.queue.first == NULL;
}

/* The pages of one zone, apart from the others. */
static void part_by_zone(struct held *all, enum mm_zone_id zone, struct held *inside,
			 struct held *outside)
{
	struct page *page;

	held_init(inside);
	held_init(outside);
	while ((page = held_pop(all)) != NULL)
		held_add(live_zone_of(page) == zone ? inside : outside, page);
}

/*
 * With no page free anywhere, pages of the zone come back one by one: the sleeper stays asleep
 * while they are as many as its flags must leave, and has the one above that.
 */
static void expect_wakes_at(enum mm_zone_id id, gfp_t gfp, size_t mark)
{
	const gfp_t greedy = QUIET((gfp & ~GFP_KERNEL) | __GFP_MEMALLOC);
	struct held all, inside, outside, rest;
	size_t freed = 0;

	if (!sleeper_create(QUIET(gfp)))
		return;
	held_init(&all);
	held_init(&rest);
	held_take(&all, greedy, 0, 2 * mark + 64);
	held_drain(&rest, greedy);
	part_by_zone(&all, id, &inside, &outside);
	kswapd_release();
	jitter_start(NULL);
	let_it_try();
	while (!sleeper_is_over() && inside.blocks > 0) {
		EXPECT(sleeper_is_in_reclaim());
		__free_page(held_pop(&inside));
		freed++;
		let_it_try();
	}
	jitter_stop();
	kswapd_park();
	EXPECT_EQ(freed, mark + 1);
	EXPECT(sleeper.got && live_zone_of(sleeper.got) == id);
	held_free(&inside);
	held_free(&outside);
	held_free(&rest);
	thread_join(sleeper.thread);
	__free_pages(sleeper.got, 0);
}

static void check_wake_up_marks(enum mm_zone_id id, gfp_t zone_bits)
{
	struct fingerprint before;
	struct mm_zone_info zone;

	if (!mm_zone_info(id, &zone))
		SKIP("no such zone");
	if (zone.managed < 4 * zone.min)
		SKIP("the zone is too small");
	live_settle(&before);
	expect_wakes_at(id, GFP_KERNEL | zone_bits, zone.min);
	expect_wakes_at(id, GFP_KERNEL | __GFP_HIGH | zone_bits, zone.min - zone.min / 2);
	live_expect_settled(&before);
}

TEST(boundary_page_of_sleepers_dma)
{
	check_wake_up_marks(MM_ZONE_DMA, GFP_DMA);
}

TEST(boundary_page_of_sleepers_normal)
{
	check_wake_up_marks(MM_ZONE_NORMAL, 0);
}

TEST(boundary_page_of_sleepers_high)
{
	check_wake_up_marks(MM_ZONE_HIGH, __GFP_HIGHMEM);
}

/* --- shrinkers ---------------------------------------------------------------------------- */

/* A shrinker with pages to give, one object a page. */
static struct {
	struct shrinker shrinker;
	struct held held;
	unsigned counts, scans, freed, recursions;
} larder;

/* What lies in it, and who is in its shrinker: threads of several CPUs. */
static struct spinlock larder_lock;

static size_t larder_count(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)shrinker;
	(void)control;
	larder.counts++;
	return larder.held.blocks;
}

static size_t larder_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	size_t n = 0;

	(void)shrinker;
	larder.scans++;
	while (n < control->nr_to_scan) {
		uint32_t flags = spin_lock_irqsave(&larder_lock);
		struct page *page = held_pop(&larder.held);

		spin_unlock_irqrestore(&larder_lock, flags);
		if (!page)
			break;
		__free_page(page);
		n++;
	}
	__atomic_add_fetch(&larder.freed, n, __ATOMIC_RELAXED);
	return n;
}

static void larder_open(size_t nr_pages,
			size_t (*scan)(struct shrinker *, struct shrink_control *))
{
	memset(&larder, 0, sizeof(larder));
	larder.shrinker.name = "test larder";
	larder.shrinker.count_objects = larder_count;
	larder.shrinker.scan_objects = scan;
	larder.shrinker.batch = 1;
	held_init(&larder.held);
	held_take(&larder.held, GFP_KERNEL, 0, nr_pages);
	EXPECT(register_shrinker(&larder.shrinker));
}

static void larder_close(void)
{
	unregister_shrinker(&larder.shrinker);
	held_free(&larder.held);
}

/* What the first passes of kswapd will free until `wanted` pages are there: see shrinker.c. */
static size_t freed_by_passes(size_t freeable, size_t wanted)
{
	size_t freed = 0;

	for (unsigned priority = SHRINK_LIGHTLY + 1; priority-- > 0 && freed < wanted;) {
		size_t share = ((freeable - freed) >> priority) * 4 / DEFAULT_SEEKS;

		freed += share < freeable - freed ? share : freeable - freed;
	}
	return freed;
}

static bool is_above_low(const struct mm_zone_info *zone)
{
	return zone->free > zone->low + zone->reserve[MM_ZONE_NORMAL];
}

/* The zone that GFP_KERNEL takes its next page from without waking kswapd; false: there is none. */
static bool next_zone_above_low(struct mm_zone_info *zone)
{
	return (mm_zone_info(MM_ZONE_NORMAL, zone) && is_above_low(zone)) ||
	       (mm_zone_info(MM_ZONE_DMA, zone) && is_above_low(zone));
}

#define LARDER_PAGES 512u
#define LONG_MS      300u /* for kswapd, also when it rests after a vain attempt */

static size_t free_in(enum mm_zone_id id)
{
	struct mm_zone_info zone;

	return mm_zone_info(id, &zone) ? zone.free : 0;
}

/* Down to the last page that nobody minds. */
static void take_down_to_low(struct held *held, enum mm_zone_id id)
{
	struct mm_zone_info zone;

	while (next_zone_above_low(&zone))
		held_take(held, GFP_KERNEL, 0, 1);
	thread_sleep_ms(LONG_MS);
	EXPECT_EQ(larder.counts, 0);
	mm_zone_info(id, &zone);
	EXPECT_EQ(zone.free, zone.low + zone.reserve[MM_ZONE_NORMAL]);
	EXPECT_EQ(larder.held.pages_in[id], larder.held.pages);
}

/* On machines with a small reserve: then kswapd goes on. */
static bool another_is_below_high(enum mm_zone_id id)
{
	struct mm_zone_info zone;

	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		if (i != id && mm_zone_info((enum mm_zone_id)i, &zone) && zone.free < zone.high)
			return true;
	}
	return false;
}

/* What visitor_peek() can hold: a slab, its descriptor, a magazine. */
#define VISITOR_PAGES 16u

/* One more; then kswapd works, and stops in the pass that reaches the high mark. */
static void take_below_low(struct held *held, enum mm_zone_id id)
{
	struct mm_zone_info zone;
	size_t free = free_in(id) - 1, expected, most;

	mm_zone_info(id, &zone);
	expected = free + freed_by_passes(larder.held.blocks, zone.high - free);
	most = free + freed_by_passes(larder.held.blocks, zone.high - free + VISITOR_PAGES);
	if (another_is_below_high(id)) /* to no avail: no page in the larder is of that zone */
		expected = most = free + larder.held.blocks;
	held_take(held, GFP_KERNEL, 0, 1);
	jitter_start(visitor_peek);
	thread_sleep_ms(LONG_MS);
	jitter_stop();
	/* A handler may have held pages when kswapd looked whether the mark is reached. */
	EXPECTF(free_in(id) == expected || free_in(id) == most,
		"expected %zu or %zu, found %zu", expected, most, free_in(id));
	EXPECT(expected >= zone.high);
	EXPECT(larder.counts > 0);
	larder.counts = 0;
	thread_sleep_ms(LONG_MS);
	EXPECT_EQ(larder.counts, 0);
}

TEST(kswapd_works_from_low_to_high)
{
	enum mm_zone_id id = MM_ZONE_NORMAL;
	struct fingerprint before;
	struct mm_zone_info zone;
	struct held held;

	if (!mm_zone_info(id, &zone))
		id = MM_ZONE_DMA;
	if (free_in(id) < 600)
		SKIP("the zone is too small");
	kswapd_release();
	thread_sleep_ms(LONG_MS); /* somebody may have wanted it long ago */
	live_settle(&before);
	held_init(&held);
	visitor_enter();
	larder_open(free_in(id) / 2 < LARDER_PAGES ? free_in(id) / 2 : LARDER_PAGES,
		    larder_scan);
	take_down_to_low(&held, id);
	take_below_low(&held, id);
	kswapd_park();
	larder_close();
	held_free(&held);
	visitor_leave();
	live_expect_settled(&before);
}

/* A thread that is in the shrinker must not come there again: who is in it now? */
#define MOST_INSIDE 8u

static struct thread *inside[MOST_INSIDE];

static bool enter_shrinker(unsigned *place)
{
	uint32_t flags = spin_lock_irqsave(&larder_lock);
	bool again = false;

	*place = MOST_INSIDE;
	for (unsigned i = 0; i < MOST_INSIDE; i++) {
		again = again || inside[i] == current();
		if (!inside[i])
			*place = i;
	}
	if (!again && *place < MOST_INSIDE)
		inside[*place] = current();
	spin_unlock_irqrestore(&larder_lock, flags);
	return !again && *place < MOST_INSIDE;
}

/* Wants memory itself, may sleep, and gives more than it takes. */
static size_t allocating_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	struct page *page;
	unsigned place;
	size_t n;

	if (!enter_shrinker(&place)) {
		larder.recursions++;
		return SHRINK_STOP;
	}
	page = alloc_page(QUIET(GFP_KERNEL));
	n = larder_scan(shrinker, control);
	if (jitter_random_below(16) == 0)
		thread_sleep_ms(1);
	if (page)
		__free_page(page);
	inside[place] = NULL;
	return n;
}

#define EATERS     4u
#define EATER_TAKE 64u

static unsigned eaters_failed;
static struct wait_queue gate;
static volatile bool gate_open;

static void eat(void *arg)
{
	struct held held;

	(void)arg;
	held_init(&held);
	wait_event(&gate, gate_open);
	for (unsigned i = 0; i < 4; i++) {
		if (held_take(&held, GFP_KERNEL, 0, EATER_TAKE) != EATER_TAKE)
			eaters_failed++;
		while (held.blocks > 0) { /* back to where the shrinker has it */
			uint32_t flags = spin_lock_irqsave(&larder_lock);

			held_add(&larder.held, held_pop(&held));
			spin_unlock_irqrestore(&larder_lock, flags);
		}
	}
}

/* GFP_KERNEL has nothing of these, so somebody must free them first. */
static size_t min_of_low_zones(void)
{
	struct mm_zone_info zone;
	size_t n = 0;

	for (unsigned id = MM_ZONE_DMA; id <= MM_ZONE_NORMAL; id++)
		n += mm_zone_info((enum mm_zone_id)id, &zone) ? zone.min : 0;
	return n;
}

/* All reserves are gone, too: nothing but the guard keeps the shrinker from reclaiming. */
TEST(a_shrinker_that_allocates)
{
	struct thread *eaters[EATERS];
	struct fingerprint before;
	struct held held;

	live_settle(&before);
	held_init(&held);
	eaters_failed = 0;
	memset(inside, 0, sizeof(inside));
	larder_open(min_of_low_zones() + (EATERS + 1) * EATER_TAKE, allocating_scan);
	visitor_enter();
	gate_open = false;
	for (unsigned i = 0; i < EATERS; i++)
		eaters[i] = thread_create("eater", eat, NULL);
	held_drain(&held, GFP_NOWAIT | __GFP_MEMALLOC);
	kswapd_release();
	jitter_start(visitor_peek);
	gate_open = true;
	wait_wake_all(&gate);
	for (unsigned i = 0; i < EATERS; i++)
		if (EXPECT(eaters[i] != NULL))
			thread_join(eaters[i]);
	jitter_stop();
	kswapd_park();
	EXPECT_EQ(eaters_failed, 0);
	EXPECT_EQ(larder.recursions, 0);
	EXPECT(larder.freed >= EATERS * EATER_TAKE);
	larder_close();
	held_free(&held);
	visitor_leave();
	live_expect_settled(&before);
}

/* Says that it has much, and that it frees it, and does not. */
static size_t lying_count(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)shrinker;
	(void)control;
	larder.counts++;
	return 1000;
}

static size_t lying_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)shrinker;
	larder.scans++;
	return control->nr_to_scan;
}

/* A request believes pages only: it comes to an end, and kswapd to rest. */
TEST(a_shrinker_that_lies)
{
	struct held held;
	unsigned scans;

	larder_open(0, lying_scan);
	larder.shrinker.count_objects = lying_count;
	larder.shrinker.batch = 0;
	held_init(&held);
	held_drain(&held, GFP_NOWAIT);
	kswapd_release();
	EXPECT(alloc_page(QUIET(GFP_KERNEL)) == NULL);
	EXPECT(larder.scans > 0);
	held_free(&held);
	thread_sleep_ms(LONG_MS);
	scans = larder.scans;
	thread_sleep_ms(LONG_MS);
	EXPECT_EQ(larder.scans, scans);
	kswapd_park();
	larder_close();
}

static size_t stopping_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)shrinker;
	(void)control;
	larder.scans++;
	return SHRINK_STOP;
}

/* Who stops is asked once in each pass, however many objects it has. */
TEST(a_shrinker_that_stops)
{
	struct held held;

	larder_open(0, stopping_scan);
	larder.shrinker.count_objects = lying_count;
	held_init(&held);
	held_drain(&held, GFP_NOWAIT);
	kswapd_release();
	EXPECT(alloc_page(QUIET(GFP_KERNEL) | __GFP_NORETRY) == NULL);
	held_free(&held);
	thread_sleep_ms(LONG_MS);
	kswapd_park();
	EXPECT(larder.scans > 0);
	EXPECT(larder.scans <= larder.counts);
	larder_close();
}

/*
 * One page is there, and two are needed: one for the slab, one for its descriptor.  What is
 * taken and put back at each attempt is no progress.
 */
TEST(a_page_put_back_is_no_progress)
{
	enum {
		OBJECTS = 300 /* more than there are descriptors in a page */
	};
	struct kmem_cache *cache = kmem_cache_create("whole-page", PAGE_SIZE, 0, 0, NULL);
	struct fingerprint settled;
	struct held spare, rest;
	void **last = NULL; /* each object holds the address of the one before */
	unsigned failures = 0;

	ASSERT(cache);
	live_settle(&settled);
	held_init(&spare);
	held_init(&rest);
	held_take(&spare, GFP_NOWAIT, 0, OBJECTS);
	held_drain(&rest, GFP_NOWAIT);
	while (spare.blocks > 0) {
		void **object;

		__free_page(held_pop(&spare));
		object = kmem_cache_alloc(cache, QUIET(GFP_KERNEL));
		if (object) {
			*object = last;
			last = object;
		} else {
			failures++;
		}
	}
	EXPECT(failures > 0 && failures < 10);
	while (last) {
		void **object = last;

		last = *object;
		kmem_cache_free(cache, object);
	}
	held_free(&rest);
	kmem_cache_destroy(cache);
}

/* --- those who must not fail --------------------------------------------------------------- */

static void expect_nofail_sleeps(void)
{
	/* A host that is busy may let the sleeper's CPU wait. */
	for (unsigned i = 0; i < 500 && sleeper.queue.first; i++)
		thread_sleep_ms(10);
	for (unsigned i = 0; i < 10; i++) {
		thread_sleep_ms(100);
		EXPECT(sleeper_is_in_reclaim());
	}
}

/* Not a page is left, nobody has any to give: it sleeps, for a second and more. */
TEST(nofail_waits_for_somebody_to_free)
{
	struct fingerprint before;
	struct held held;

	live_settle(&before);
	if (!sleeper_create(GFP_KERNEL | __GFP_NOFAIL))
		return;
	visitor_enter();
	held_init(&held);
	held_drain(&held, GFP_NOWAIT | __GFP_MEMALLOC);
	sleeper.begun = true;
	wait_wake_all(&sleeper.queue);
	kswapd_release();
	jitter_start(visitor_peek);
	expect_nofail_sleeps();
	jitter_stop();
	kswapd_park();
	held_free(&held);
	thread_join(sleeper.thread);
	EXPECT(sleeper.got != NULL);
	__free_pages(sleeper.got, 0);
	visitor_leave();
	live_expect_settled(&before);
}

TEST_SUITE(sleep, wakes_when_a_page_is_freed, wakes_when_an_object_is_freed,
	   boundary_page_of_sleepers_dma, boundary_page_of_sleepers_normal,
	   boundary_page_of_sleepers_high, kswapd_works_from_low_to_high,
	   a_shrinker_that_allocates, a_shrinker_that_lies, a_shrinker_that_stops,
	   a_page_put_back_is_no_progress, nofail_waits_for_somebody_to_free);
