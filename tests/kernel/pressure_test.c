// SPDX-License-Identifier: MIT
/*
 * Twenty threads that live on reclaim.  Each keeps objects and pages of which it could do
 * without any, and together they want far more than the machine has.  So nearly every
 * allocation is paid for by a shrinker that takes the oldest of somebody's things, out of
 * kswapd or out of the request itself, while that somebody sleeps or allocates.
 *
 * No request may fail.  Every byte tells whose it is, and is verified before it is freed, by
 * whomever; in the end what was made has been freed, once, and all pages are back.
 *
 * How long: pressure=SECONDS on the command line, of the machine's time; else 2.
 */
#include "icount.h"
#include "kswapd.h"
#include "visitor.h"
#include <harness.h>
#include <kernel/mutex.h>
#include <kernel/options.h>
#include <kernel/thread.h>
#include <kernel/time.h>
#include <mem.h>
#include <mm/kmalloc.h>
#include <mm/reclaim.h>
#include <mm/vmalloc.h>
#include <unit/live.h>

#define NR_THREADS   20u
#define NR_ITEMS     256u  /* that a thread keeps at most: some 400 KiB */
#define USABLE_PAGES 1024u /* the machine has so many, or less */
#define MOST_ORDER   2u
#define NS_PER_S     1000000000ull

/* An object by kmalloc, or a block of pages. */
struct item {
	void *p;
	struct page *page;
	size_t size;
	unsigned order;
	uint32_t seed;
};

/* What a thread keeps: a ring, the oldest first.  The lock is for its owner and the shrinker. */
struct store {
	struct thread *thread;
	struct mutex lock;
	struct item items[NR_ITEMS]; /* under lock, as are the next two */
	unsigned first, count;
	uint64_t random;
	unsigned long made, freed, failed;
};

/* NR_THREADS of them: too much for the image of a kernel that boots with 4 MiB. */
static struct store *stores;
static unsigned long shrunk, damaged;
static volatile bool over;

static uint32_t random_of(struct store *store, uint32_t below)
{
	return (uint32_t)((test_random_from(&store->random) >> 32) * below >> 32);
}

/* --- one item ------------------------------------------------------------------------------- */

static bool make(struct store *store, struct item *item)
{
	uint32_t power = 16u << random_of(store, 9);

	*item = (struct item){.seed = (uint32_t)test_random_from(&store->random)};
	if (random_of(store, 8) == 0) {
		item->order = random_of(store, MOST_ORDER + 1);
		item->page = alloc_pages(GFP_KERNEL, item->order);
	} else {
		item->size = power + random_of(store, power);
		item->p = kmalloc(item->size, GFP_KERNEL);
	}
	if (item->page)
		live_fill_pages(item->page, item->order, item->seed);
	else if (item->p)
		live_fill(item->p, item->size, item->seed);
	return item->page || item->p;
}

static void verify(const struct item *item)
{
	bool whole = item->page ? live_filled_pages(item->page, item->order, item->seed)
				: live_filled(item->p, item->size, item->seed);

	if (!whole)
		__atomic_add_fetch(&damaged, 1, __ATOMIC_RELAXED);
}

static void destroy(const struct item *item)
{
	verify(item);
	__free_pages(item->page, item->order);
	kfree(item->p);
}

/* --- a store -------------------------------------------------------------------------------- */

/* With the lock held: the oldest item, which is the caller's now. */
static bool take_oldest(struct store *store, struct item *item)
{
	if (store->count == 0)
		return false;
	*item = store->items[store->first];
	store->first = (store->first + 1) % NR_ITEMS;
	store->count--;
	store->freed++;
	return true;
}

static void keep(struct store *store, const struct item *item)
{
	struct item oldest;
	bool full;

	mutex_lock(&store->lock);
	full = store->count == NR_ITEMS && take_oldest(store, &oldest);
	store->items[(store->first + store->count++) % NR_ITEMS] = *item;
	store->made++;
	mutex_unlock(&store->lock);
	if (full)
		destroy(&oldest);
}

static void look_at_one(struct store *store)
{
	mutex_lock(&store->lock);
	if (store->count > 0)
		verify(&store->items[(store->first + random_of(store, store->count)) %
				     NR_ITEMS]);
	mutex_unlock(&store->lock);
}

/* Others may be reclaiming still. */
static bool give_up_oldest(struct store *store, struct item *item)
{
	bool taken;

	mutex_lock(&store->lock);
	taken = take_oldest(store, item);
	mutex_unlock(&store->lock);
	return taken;
}

/* One burst after the other, none of which may fail; then all is given up. */
static void live(void *arg)
{
	struct store *store = arg;
	struct item item;

	while (!over) {
		for (unsigned n = 1 + random_of(store, 12); n > 0; n--) {
			if (make(store, &item))
				keep(store, &item);
			else
				store->failed++;
		}
		look_at_one(store);
		thread_sleep_ms(1 + random_of(store, 200));
	}
	while (give_up_oldest(store, &item))
		destroy(&item);
}

/* --- the shrinker --------------------------------------------------------------------------- */

static size_t count_items(struct shrinker *shrinker, struct shrink_control *control)
{
	size_t n = 0;

	(void)shrinker;
	(void)control;
	for (unsigned i = 0; i < NR_THREADS; i++)
		n += __atomic_load_n(&stores[i].count, __ATOMIC_RELAXED);
	return n;
}

/* Never waits: the owner of a lock may be who waits for memory now. */
static bool shrink_store(struct store *store)
{
	struct item item;
	bool taken = false;

	if (mutex_trylock(&store->lock)) {
		taken = take_oldest(store, &item);
		mutex_unlock(&store->lock);
	}
	if (taken)
		destroy(&item);
	return taken;
}

/* One from each in turn, beginning where the last one left off. */
static size_t scan_items(struct shrinker *shrinker, struct shrink_control *control)
{
	static unsigned turn;
	size_t n = 0;

	(void)shrinker;
	for (unsigned vain = 0; n < control->nr_to_scan && vain < NR_THREADS;) {
		bool taken = shrink_store(&stores[turn++ % NR_THREADS]);

		n += taken;
		vain = taken ? 0 : vain + 1;
	}
	__atomic_add_fetch(&shrunk, n, __ATOMIC_RELAXED);
	return n ? n : SHRINK_STOP;
}

static struct shrinker shrinker = {
	.count_objects = count_items,
	.scan_objects = scan_items,
	.name = "test stores",
};

/* --- all of them ---------------------------------------------------------------------------- */

/* Pages that GFP_KERNEL can have before anybody has to reclaim. */
static size_t usable_pages(void)
{
	struct mm_zone_info zone;
	size_t n = 0;

	for (unsigned id = MM_ZONE_DMA; id <= MM_ZONE_NORMAL; id++) {
		size_t kept;

		if (!mm_zone_info((enum mm_zone_id)id, &zone))
			continue;
		kept = zone.high + zone.reserve[MM_ZONE_NORMAL];
		n += zone.free > kept ? zone.free - kept : 0;
	}
	return n;
}

/* On a larger machine most of memory is held by somebody who cannot do without it. */
static void hold_the_rest(struct held *held)
{
	held_init(held);
	for (unsigned order = MM_NR_ORDERS; order-- > 0;) {
		size_t pages = usable_pages();

		if (pages > USABLE_PAGES)
			held_take(held, GFP_NOWAIT, order, (pages - USABLE_PAGES) >> order);
	}
}

/* Each cache gets its magazine now, for each CPU, so that the pages can be compared. */
static void warm_up(void *arg)
{
	(void)arg;
	for (size_t size = 1; size <= KMALLOC_MAX_CACHE_SIZE;
	     size = kmalloc_size_roundup(size) + 1)
		kfree(kmalloc(size, GFP_ATOMIC));
}

static void visit(struct trap_frame *frame)
{
	(void)frame;
	visitor_step();
}

static bool start_all(void)
{
	shrunk = damaged = 0;
	over = false;
	for (unsigned i = 0; i < NR_THREADS; i++) {
		mutex_init(&stores[i].lock, "store");
		stores[i].random = test_random64();
		stores[i].thread = thread_create("liver", live, &stores[i]);
		if (!EXPECT(stores[i].thread != NULL))
			return false;
	}
	return true;
}

static void expect_nothing_lost(void)
{
	unsigned long made = 0;

	for (unsigned i = 0; i < NR_THREADS; i++) {
		EXPECT_EQ(stores[i].failed, 0);
		EXPECT_EQ(stores[i].made, stores[i].freed);
		EXPECT(stores[i].made > 0);
		made += stores[i].made;
	}
	EXPECT_EQ(damaged, 0);
	EXPECT(!clock_counts_instructions() || shrunk > made / 4);
	test_note("%u threads made %lu things, of which reclaim took %lu; %lu atomic requests, "
		  "%lu refused",
		  NR_THREADS, made, shrunk, visitor_served(), visitor_refused());
}

TEST(twenty_threads_live_on_reclaim)
{
	struct fingerprint before;
	uint64_t seconds = 2;
	struct held held;

	cmdline_u64("pressure", &seconds);
	if (usable_pages() < USABLE_PAGES)
		SKIP("less memory than twenty threads need");
	stores = vzalloc(NR_THREADS * sizeof(*stores));
	ASSERT(stores);
	allow_kept_pages(2); /* page tables of the window */
	mm_host_on_each_cpu(warm_up, NULL);
	live_settle(&before);
	if (!start_all())
		return;
	visitor_enter();
	hold_the_rest(&held);
	EXPECT(register_shrinker(&shrinker));
	kswapd_release();
	timer_start(10 * TIMER_HZ, visit);
	thread_sleep_until(time_ns() + seconds * NS_PER_S);
	over = true;
	for (unsigned i = 0; i < NR_THREADS; i++)
		thread_join(stores[i].thread);
	timer_start(TIMER_HZ, NULL);
	kswapd_park();
	unregister_shrinker(&shrinker);
	expect_nothing_lost();
	visitor_leave();
	held_free(&held);
	live_expect_settled(&before);
	vfree(stores);
}

TEST_SUITE(pressure, twenty_threads_live_on_reclaim);
