// SPDX-License-Identifier: MIT
/*
 * Living on reclaim: on a machine with far less memory than its threads want, each keeps what
 * it gets in a store of its own, and every store is a shrinker.  What one thread needs is taken
 * from the others', by kswapd and by the requests themselves.  No request fails, nothing that is
 * in a store changes, and all that was ever allocated is freed exactly once.
 */
#include "threads.h"
#include <harness.h>
#include <host.h>
#include <mm/highmem.h>
#include <mm/kmalloc.h>
#include <mm/page_alloc.h>
#include <mm/port.h>
#include <mm/reclaim.h>
#include <mm/slab.h>
#include <mm/stats.h>
#include <pthread.h>

#define THREADS    20u
#define STORE_MAX  1500u
#define OBJECT_MIN 16u
#define OBJECT_MAX 2000u
#define MIB        ((paddr_t)1 << 20)

/* 4 MiB, of which a little is used up by tables. */
static const struct mm_range tiny_ram[] = {{MIB, 5 * MIB}};

static const struct host_machine tiny = {
	.ram = tiny_ram,
	.nr_ram = 1,
	.dma_limit = 2 * MIB,
	.low_limit = 4 * MIB,
	.window_pages = 1024,
};

struct item {
	uint32_t *words; /* of an object; NULL: a page */
	struct page *page;
	uint32_t mark;
};

struct store {
	struct shrinker shrinker;
	pthread_mutex_t lock; /* nobody allocates holding it */
	bool open;            /* between register and unregister: [registration] */
	size_t nr;            /* [lock] */
	struct item items[STORE_MAX];
	unsigned long put, taken, reclaimed; /* [lock] */
};

static struct store stores[THREADS];

/* --- items --------------------------------------------------------------------------------- */

static bool make_object(struct worker *worker, struct item *item)
{
	size_t size = OBJECT_MIN + worker_below(worker, OBJECT_MAX - OBJECT_MIN);

	item->words = kmalloc(size, worker_below(worker, 4) ? GFP_KERNEL : GFP_USER);
	if (item->words)
		item->words[1] = item->mark;
	return item->words != NULL;
}

static bool make_page(struct worker *worker, struct item *item)
{
	item->words = NULL;
	item->page = alloc_page(worker_below(worker, 2) ? GFP_KERNEL : GFP_HIGHUSER);
	if (item->page && !page_is_highmem(item->page))
		*(uint32_t *)page_address(item->page) = item->mark;
	return item->page != NULL;
}

static void free_item(const struct item *item)
{
	if (item->words) {
		EXPECT_EQ(item->words[1], item->mark);
		kfree(item->words);
		return;
	}
	if (!page_is_highmem(item->page))
		EXPECT_EQ(*(uint32_t *)page_address(item->page), item->mark);
	__free_page(item->page);
}

/* --- stores -------------------------------------------------------------------------------- */

static size_t count_items(struct shrinker *shrinker, struct shrink_control *control)
{
	struct store *store = shrinker->private_data;
	size_t nr;

	(void)control;
	EXPECT(store->open);
	pthread_mutex_lock(&store->lock);
	nr = store->nr;
	pthread_mutex_unlock(&store->lock);
	return nr;
}

/* The last item, if there is one. */
static bool take_item(struct store *store, struct item *item, unsigned long *counter)
{
	bool found;

	pthread_mutex_lock(&store->lock);
	found = store->nr > 0;
	if (found) {
		*item = store->items[--store->nr];
		++*counter;
	}
	pthread_mutex_unlock(&store->lock);
	return found;
}

static size_t scan_items(struct shrinker *shrinker, struct shrink_control *control)
{
	struct store *store = shrinker->private_data;
	struct item item;
	size_t n = 0;

	EXPECT(store->open);
	while (n < control->nr_to_scan && take_item(store, &item, &store->reclaimed)) {
		free_item(&item);
		n++;
	}
	return n;
}

static void open_store(struct store *store)
{
	store->shrinker = (struct shrinker){
		.count_objects = count_items,
		.scan_objects = scan_items,
		.name = "store",
		.private_data = store,
		.batch = 32,
	};
	store->open = true;
	EXPECT(register_shrinker(&store->shrinker));
}

/* On return nobody is in its functions: what they read is ours alone. */
static void close_store(struct store *store)
{
	unregister_shrinker(&store->shrinker);
	store->open = false;
}

static bool put_item(struct store *store, const struct item *item)
{
	bool room;

	pthread_mutex_lock(&store->lock);
	room = store->nr < STORE_MAX;
	if (room)
		store->items[store->nr++] = *item;
	store->put += room;
	pthread_mutex_unlock(&store->lock);
	return room;
}

/* --- threads --------------------------------------------------------------------------------- */

static bool stock_up(struct worker *worker, struct store *store)
{
	struct item item = {.mark = (uint32_t)test_random_from(&worker->random)};
	bool made =
		worker_below(worker, 2) ? make_object(worker, &item) : make_page(worker, &item);

	if (EXPECTF(made,
		    "a request that may sleep fails, though others have memory to give") &&
	    !put_item(store, &item))
		free_item(&item);
	return made;
}

/* Requests that may not sleep, amid all this: they may fail. */
static void be_atomic(struct worker *worker)
{
	size_t size = OBJECT_MIN + worker_below(worker, OBJECT_MAX);
	uint32_t *words = kmalloc(size, GFP_ATOMIC | __GFP_NOWARN);

	if (words) {
		words[1] = worker->id;
		EXPECT_EQ(words[1], worker->id);
		kfree(words);
	}
}

/* A cache that ends while reclaim may be looking at it. */
static void make_and_end_cache(struct worker *worker)
{
	struct kmem_cache *cache = kmem_cache_create(
		"brief", OBJECT_MIN + worker_below(worker, OBJECT_MAX), 0, 0, NULL);

	if (!EXPECT(cache != NULL))
		return;
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	EXPECT(kmem_cache_destroy(cache));
}

static void live(struct worker *worker)
{
	struct store *store = &stores[worker->id];
	struct item item;

	open_store(store);
	for (unsigned i = 0; i < 1000 * test_effort() && !test_failed(); i++) {
		worker_progress(worker, "lives on reclaim");
		if (!stock_up(worker, store))
			break;
		if (worker_below(worker, 8) == 0)
			be_atomic(worker);
		if (worker_below(worker, 8) == 0 && take_item(store, &item, &store->taken))
			free_item(&item);
		if (worker_below(worker, 32) == 0)
			make_and_end_cache(worker);
		if (worker_below(worker, 128) == 0) {
			close_store(store);
			open_store(store);
		}
	}
	while (take_item(store, &item, &store->taken))
		free_item(&item);
	close_store(store);
}

static void expect_books_to_balance(void)
{
	unsigned long reclaimed = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		struct store *store = &stores[i];

		EXPECT_EQ(store->nr, 0);
		EXPECT_EQ(store->put, store->taken + store->reclaimed);
		reclaimed += store->reclaimed;
	}
	EXPECTF(reclaimed > 0, "nothing was reclaimed: there was too much memory");
}

TEST(twenty_threads)
{
	ASSERT(host_boot(&tiny));
	for (unsigned i = 0; i < THREADS; i++) {
		stores[i] = (struct store){.nr = 0};
		pthread_mutex_init(&stores[i].lock, NULL);
	}
	threads_start_daemon(mm_kswapd);
	workers_run(THREADS, live, NULL);
	threads_end_daemon();
	expect_books_to_balance();
}

TEST_SUITE(shrinker_threads, twenty_threads);
