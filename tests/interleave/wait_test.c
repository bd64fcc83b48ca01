// SPDX-License-Identifier: MIT
/*
 * Waiting, in all orders: no wait may end by its time alone, so a wake-up that comes too early or
 * not at all is found.
 */
#include "explore.h"
#include <harness.h>
#include <host/host.h>
#include <mm/kmalloc.h>
#include <mm/mempool.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <slab.h>
#include <unit/live.h>
#include <zone.h>

/*
 * A round of reclaim takes thousands of steps, and what counts are those by which waiters and frees
 * know of each other: what a zone guards with its lock, and who waits.
 */
static bool is_of_zones(const volatile void *object)
{
	uintptr_t p = (uintptr_t)object;

	return p - (uintptr_t)&zone_queue < sizeof(zone_queue) ||
	       p - (uintptr_t)zones < sizeof(struct zone) * MM_NR_ZONES;
}

static struct held held;
static struct page *freed, *taken;

/* Nothing is left that a request which may sleep can have. */
static void exhaust(void)
{
	held_init(&held);
	held_take(&held, GFP_KERNEL | __GFP_NORETRY, 0, SIZE_MAX);
	freed = held_pop(&held);
	taken = NULL;
}

static void wait_for_page(void)
{
	taken = alloc_page(GFP_KERNEL | __GFP_NOFAIL);
}

static void free_page_now(void)
{
	__free_page(freed);
}

static void release_held(void)
{
	struct page *page;

	while ((page = held_pop(&held)) != NULL)
		__free_page(page);
	EXPECT_EQ(mm_check(), 0);
}

static void expect_page(void)
{
	EXPECT(taken);
	__free_page(taken);
	release_held();
}

TEST(a_page_for_who_waits)
{
	const struct exploration e = {
		exhaust, {wait_for_page, free_page_now}, expect_page, 2, false, is_of_zones};

	test_note("%lu orders", explore(&e));
}

/* --- objects -------------------------------------------------------------------------------- */

static struct kmem_cache *cache;
static void *object, *got;

static void exhaust_with_object(void)
{
	cache = kmem_cache_create("orders", 3000, 0, 0, NULL);
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	got = NULL;
	held_init(&held);
	held_take(&held, GFP_KERNEL | __GFP_NORETRY, 0, SIZE_MAX);
	while ((got = kmem_cache_alloc(cache, GFP_NOWAIT | __GFP_NOWARN)) != NULL)
		*(void **)got = object, object = got;
}

static void wait_for_object(void)
{
	got = kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NOFAIL);
}

static void free_object(void)
{
	void *next = *(void **)object;

	kmem_cache_free(cache, object);
	object = next;
}

static void free_all_objects(void)
{
	while (object)
		free_object();
	kmem_cache_free(cache, got);
	EXPECT(kmem_cache_destroy(cache));
	release_held();
}

TEST(an_object_for_who_waits)
{
	const struct exploration e = {
		exhaust_with_object, {wait_for_object, free_object}, free_all_objects, 1, false,
		is_of_zones};

	test_note("%lu orders", explore(&e));
}

/* --- pools ------------------------------------------------------------------------------------ */

static struct mempool *pool;
static void *element, *another;

static void *never(gfp_t gfp, void *data)
{
	(void)gfp;
	if (*(unsigned *)data == 0)
		return NULL;
	--*(unsigned *)data;
	return kmalloc(64, GFP_ATOMIC);
}

static void forget(void *p, void *data)
{
	(void)data;
	kfree(p);
}

static void empty_pool(void)
{
	static unsigned may_make;

	may_make = 1;
	pool = mempool_create(1, never, forget, &may_make);
	element = mempool_alloc(pool, GFP_KERNEL);
	another = NULL;
}

static void wait_for_element(void)
{
	another = mempool_alloc(pool, GFP_KERNEL);
}

static void free_element(void)
{
	mempool_free(element, pool);
}

static void expect_element(void)
{
	EXPECT(another);
	mempool_free(another, pool);
	EXPECT(mempool_destroy(pool));
	EXPECT_EQ(mm_check(), 0);
}

TEST(an_element_for_who_waits)
{
	const struct exploration e = {
		empty_pool, {wait_for_element, free_element}, expect_element, 3, false, NULL};

	test_note("%lu orders", explore(&e));
}

/* --- the list of caches ------------------------------------------------------------------------- */

static void a_cache(void)
{
	cache = kmem_cache_create("orders", 100, 0, 0, NULL);
}

static void walk(void)
{
	struct kmem_cache *at = NULL;

	while ((at = cache_next(at)) != NULL)
		EXPECT(at->size > 0);
}

static void destroy(void)
{
	EXPECT(kmem_cache_destroy(cache));
}

static void expect_sound(void)
{
	EXPECT_EQ(mm_check(), 0);
}

/* Who walks the list stands on a cache that is about to go. */
TEST(a_cache_goes)
{
	const struct exploration e = {a_cache, {walk, destroy}, expect_sound, 1, false, NULL};

	test_note("%lu orders", explore(&e));
}

TEST_SUITE(wait_orders, a_page_for_who_waits, an_object_for_who_waits, an_element_for_who_waits,
	   a_cache_goes);
