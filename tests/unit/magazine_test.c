// SPDX-License-Identifier: MIT
/*
 * Magazines and the depot: what goes in comes out, last in first out; an empty stack is traded
 * for a full magazine, a full one for an empty; each CPU has its own, also for objects of
 * another; sizes follow the load; without memory for a magazine the cache works all the
 * same.
 */
#include "live.h"
#include "world.h"
#include <check.h>
#include <magazine.h>
#include <mem.h>
#include <mm/kmalloc.h>
#include <zone.h>

static struct kmem_cache *cache;

static bool begin(size_t size)
{
	cache = kmem_cache_create("test-magazine", size, 0, 0, NULL);
	return EXPECT(cache != NULL);
}

static void end(void)
{
	EXPECT(kmem_cache_destroy(cache));
}

static struct mm_stack *mine(void)
{
	return &cache->stacks[mm_cpu_id()];
}

/* Objects on this CPU's stack. */
static uint32_t ready(void)
{
	return mine()->magazine ? stack_count(mine()) : 0;
}

static uint8_t *state_of(void *object)
{
	struct slab *slab = page_of_address(object)->slab;

	return &slab->state[slab_index(slab, object)];
}

static void check(void)
{
	struct violations found = {0};

	slab_check_locked(cache, &found);
	EXPECTF(found.count == 0, "%zu violations: %s", found.count, found.kept[0].what);
}

TEST(capacity_follows_the_size)
{
	static const size_t sizes[] = {16,  132,  133,  273,  274, 585,
				       586, 4096, 4097, 8192, 8193};
	static const unsigned capacities[] = {62, 62, 30, 30, 14, 14, 6, 6, 2, 2, 0};

	for (unsigned i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++)
		EXPECTF(magazine_capacity_for(sizes[i]) == capacities[i], "size %zu: %u",
			sizes[i], magazine_capacity_for(sizes[i]));
	/* No CPU sits on much. */
	for (size_t size = 16; size <= 8192; size++)
		EXPECT(magazine_capacity_for(size) * size <= 24576);
}

TEST(fresh_cache_has_none)
{
	void *object;
	uint8_t live = OBJECT_LIVE;

	if (!begin(64))
		return;
	EXPECT(!mm_stack_pop(cache->stacks));
	EXPECT_EQ(mm_stack_push(cache->stacks, &live, &live), MM_PUSH_FULL);
	EXPECT_EQ(live, OBJECT_LIVE);
	EXPECT_EQ(mine()->capacity, 0);
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	EXPECT(object != NULL);
	EXPECT_EQ(mine()->capacity, cache->capacity);
	EXPECT(cache->capacity < cache->capacity_max);
	kmem_cache_free(cache, object);
	end();
}

TEST(last_in_first_out)
{
	void *a, *b;

	if (!begin(64))
		return;
	a = kmem_cache_alloc(cache, GFP_KERNEL);
	b = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(a && b && a != b);
	kmem_cache_free(cache, a);
	EXPECT_EQ(*state_of(a), OBJECT_CACHED);
	kmem_cache_free(cache, b);
	EXPECT(kmem_cache_alloc(cache, GFP_KERNEL) == b);
	EXPECT_EQ(*state_of(b), OBJECT_LIVE);
	EXPECT(kmem_cache_alloc(cache, GFP_KERNEL) == a);
	kmem_cache_free(cache, b);
	kmem_cache_free(cache, a);
	end();
}

TEST(push_of_what_is_not_live_changes_nothing)
{
	void *object;
	uint32_t count;

	if (!begin(64))
		return;
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(object);
	kmem_cache_free(cache, object);
	count = ready();
	EXPECT_EQ(mm_stack_push(cache->stacks, object, state_of(object)), MM_PUSH_NOT_LIVE);
	EXPECT_EQ(ready(), count);
	EXPECT_EQ(*state_of(object), OBJECT_CACHED);
	check();
	end();
}

#define MANY 400u

static void *objects[MANY];

static bool take_many(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!EXPECT((objects[i] = kmem_cache_alloc(cache, GFP_KERNEL)) != NULL))
			return false;
	return true;
}

static void give_many(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		kmem_cache_free(cache, objects[i]);
}

/* Freed objects fill the stack; when it is full, it goes to the depot as it is. */
TEST(a_full_stack_goes_to_the_depot)
{
	struct magazine *filled;
	unsigned n = 0;

	if (!begin(64) || !take_many(MANY))
		return;
	EXPECT_EQ(cache->nr_full, 0);
	cache->depot_limit = 1;
	while (mine()->top < mine()->limit)
		kmem_cache_free(cache, objects[n++]);
	filled = mine()->magazine;
	EXPECT_EQ(mm_stack_push(cache->stacks, objects[n], state_of(objects[n])), MM_PUSH_FULL);
	EXPECT_EQ(*state_of(objects[n]), OBJECT_LIVE);
	kmem_cache_free(cache, objects[n++]);
	EXPECT_EQ(cache->nr_full, 1);
	EXPECT(cache->depot_full == filled);
	EXPECT_EQ(cache->nr_depot, filled->capacity);
	EXPECT_EQ(ready(), 1);
	EXPECT(mine()->top[-1].object == objects[n - 1]);
	check();
	while (n < MANY)
		kmem_cache_free(cache, objects[n++]);
	EXPECT(cache->nr_full <= cache->depot_limit);
	check();
	end();
}

/* An empty stack is traded for the full magazine, and the last object freed comes first. */
TEST(an_empty_stack_takes_it_back)
{
	unsigned n = 0;

	if (!begin(64) || !take_many(MANY))
		return;
	cache->depot_limit = 1;
	while (cache->nr_full == 0)
		kmem_cache_free(cache, objects[n++]);
	EXPECT(kmem_cache_alloc(cache, GFP_KERNEL) == objects[n - 1]);
	EXPECT_EQ(ready(), 0);
	EXPECT(kmem_cache_alloc(cache, GFP_KERNEL) == objects[n - 2]);
	EXPECT_EQ(cache->nr_full, 0);
	EXPECT_EQ(cache->nr_depot, 0);
	EXPECT_EQ(ready(), mine()->capacity - 1);
	check();
	kmem_cache_free(cache, objects[n - 2]);
	kmem_cache_free(cache, objects[n - 1]);
	while (n < MANY)
		kmem_cache_free(cache, objects[n++]);
	end();
}

/* Free objects[] from the end until the stack is full, and then one more.  Returns how many are left. */
static unsigned free_beyond(unsigned n)
{
	while (mine()->top < mine()->limit)
		kmem_cache_free(cache, objects[--n]);
	kmem_cache_free(cache, objects[--n]);
	return n;
}

/*
 * With nothing in the depot, objects come from the slabs and go there: an eighth of a magazine, in a
 * streak each time twice as many, up to half a magazine or a whole one.
 */
TEST(a_streak_moves_more_each_time)
{
	static const unsigned come[] = {8, 16, 31, 31}, go[] = {8, 16, 32, 62};
	unsigned n = 0;

	if (!begin(64))
		return;
	cache->capacity = cache->capacity_max;
	for (unsigned i = 0; i < 4; i++)
		EXPECT(slab_grow(cache, GFP_KERNEL, 0));
	for (unsigned i = 0; i < 4; i++) {
		objects[n++] = kmem_cache_alloc(cache, GFP_KERNEL);
		EXPECT_EQ(ready(), come[i] - 1);
		while (ready() > 0)
			objects[n++] = kmem_cache_alloc(cache, GFP_KERNEL);
	}
	while (n < MANY)
		objects[n++] = kmem_cache_alloc(cache, GFP_KERNEL);
	check();
	for (unsigned i = 0; i < 4; i++) {
		n = free_beyond(n);
		EXPECT_EQ(ready(), cache->capacity_max - go[i] + 1);
	}
	mine()->when -= 1000; /* that streak was long ago */
	n = free_beyond(n);
	EXPECT_EQ(ready(), cache->capacity_max - go[0] + 1);
	check();
	give_many(n);
	end();
}

#define LARGE 40u

/*
 * A free gives back few of the slabs that it empties, those after it more, and none is left behind
 * where anybody waits for memory, or by a shrink.
 */
TEST(no_free_pays_for_many_slabs)
{
	if (!begin(4096) || !take_many(LARGE))
		return;
	EXPECT_EQ(cache->nr, 1);
	for (unsigned i = 2; i < LARGE; i++) {
		size_t slabs = cache->nr_slabs, released, empty;

		kmem_cache_free(cache, objects[i]);
		released = slabs - cache->nr_slabs;
		empty = cache->nr_empty + released;
		EXPECTF(released <= max_size(2, empty / 2), "%zu of %zu", released, empty);
	}
	EXPECT(cache->nr_empty > 0);
	check();

	__atomic_fetch_add(&zone_queue.waiters, 1, __ATOMIC_SEQ_CST);
	magazine_close(cache);
	kmem_cache_free(cache, objects[1]);
	__atomic_fetch_sub(&zone_queue.waiters, 1, __ATOMIC_SEQ_CST);
	EXPECT_EQ(cache->nr_slabs, 1);
	kmem_cache_free(cache, objects[0]);
	kmem_cache_shrink(cache);
	EXPECT_EQ(cache->nr_slabs, 0);
	EXPECT(!cache->spare);
	end();
}

/* A cache that is used much keeps more ready, up to its size's most; a shrink ends that. */
TEST(sizes_follow_the_load)
{
	unsigned first, rounds = 0;

	if (!begin(64))
		return;
	first = cache->capacity;
	while (cache->capacity < cache->capacity_max && rounds++ < 1000) {
		ASSERT(take_many(MANY));
		give_many(MANY);
	}
	EXPECT(first < cache->capacity_max);
	EXPECT_EQ(cache->capacity, cache->capacity_max);
	while (cache->depot_limit < 1 && rounds++ < 1000) {
		ASSERT(take_many(MANY));
		give_many(MANY);
	}
	EXPECT_EQ(cache->depot_limit, 1);
	EXPECT_EQ(mine()->capacity, cache->capacity_max);
	check();
	kmem_cache_shrink(cache);
	EXPECT_EQ(cache->capacity, first);
	EXPECT_EQ(cache->depot_limit, 0);
	EXPECT_EQ(magazine_count(cache), 0);
	EXPECT_EQ(cache->nr_full, 0);
	EXPECT(!cache->depot_empty && !cache->outgrown);
	EXPECT_EQ(cache->nr_slabs, 0);
	check();
	end();
}

/* Objects beyond the largest that magazines hold go straight to their slabs. */
TEST(large_objects_have_none)
{
	void *object;

	if (!begin(16384))
		return;
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(object);
	EXPECT_EQ(mine()->capacity, 0);
	kmem_cache_free(cache, object);
	EXPECT_EQ(magazine_count(cache), 0);
	expect_report(MM_REPORT_DOUBLE_FREE, 1);
	kmem_cache_free(cache, object);
	check();
	end();
}

TEST(object_freed_on_another_cpu)
{
	unsigned home;
	void *object;
	uint32_t count;

	if (world_cpus() < 2)
		SKIP("one CPU only");
	if (!begin(128))
		return;
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(object);
	count = ready();
	home = world_set_cpu(1);
	EXPECT_EQ(mine()->capacity, 0);
	kmem_cache_free(cache, object);
	EXPECT_EQ(ready(), 1);
	EXPECT(mine()->top[-1].object == object);
	check();
	EXPECT(kmem_cache_alloc(cache, GFP_KERNEL) == object);
	kmem_cache_free(cache, object);
	world_set_cpu(home);
	EXPECT_EQ(ready(), count);
	EXPECT_EQ(magazine_count(cache), count + 1);

	expect_report(MM_REPORT_DOUBLE_FREE, 1);
	kmem_cache_free(cache, object);
	check();
	end(); /* empties the other CPU's magazine too */
}

/* Objects wander: allocated on one CPU, freed on any other. */
TEST(objects_wander_between_cpus)
{
	unsigned home = mm_cpu_id(), n = 0;

	if (world_cpus() < 2)
		SKIP("one CPU only");
	if (!begin(48))
		return;
	for (unsigned step = 0; step < 4000 && !test_failed(); step++) {
		world_set_cpu(test_random_below(world_cpus()));
		if (n < MANY && (n == 0 || test_random() & 1)) {
			objects[n] = kmem_cache_alloc(cache, GFP_KERNEL);
			ASSERT(objects[n]);
			live_fill(objects[n], 48, (uint32_t)(uintptr_t)objects[n]);
			n++;
		} else {
			unsigned i = test_random_below(n);

			EXPECT(live_filled(objects[i], 48, (uint32_t)(uintptr_t)objects[i]));
			kmem_cache_free(cache, objects[i]);
			objects[i] = objects[--n];
		}
		if (step % 16 == 0)
			check();
	}
	world_set_cpu(home);
	give_many(n);
	end();
}

/* --- without memory ------------------------------------------------------------------ */

struct chain {
	struct chain *next;
};

/* Every free object of an internal cache, so that no more can be had. */
static struct chain *take_all(struct kmem_cache *internal)
{
	struct chain *first = NULL, *object;

	while ((object = cache_alloc(internal, GFP_NOWAIT | __GFP_MEMALLOC, 0)) != NULL) {
		object->next = first;
		first = object;
	}
	return first;
}

static void give_all(struct kmem_cache *internal, struct chain *first)
{
	while (first) {
		struct chain *object = first;

		first = object->next;
		cache_free_internal(internal, object);
	}
}

/* The internal cache whose objects hold a magazine of that capacity. */
static struct kmem_cache *magazine_cache(unsigned capacity)
{
	size_t bytes = sizeof(struct magazine) + capacity * sizeof(struct mm_slot);
	struct list *link;

	list_for_each (link, &cache_list) {
		struct kmem_cache *it = list_entry(link, struct kmem_cache, link);

		if ((it->flags & SLAB_INTERNAL) && live_name_begins(it->name, "magazine") &&
		    it->object_size == bytes)
			return it;
	}
	return NULL;
}

TEST(works_without_memory_for_a_magazine)
{
	struct kmem_cache *internal = magazine_cache(6);
	struct chain *chain;
	struct held held;
	void *object, *again;

	ASSERT(internal);
	if (!begin(64))
		return;
	held_init(&held);
	held_drain(&held, GFP_NOWAIT | __GFP_MEMALLOC);
	for (unsigned i = 0; i < 2; i++) { /* for a slab, and perhaps its descriptor's */
		struct page *page = held_pop(&held);

		ASSERT(page);
		__free_pages(page, page->order);
	}
	EXPECT(slab_grow(cache, GFP_NOWAIT | __GFP_MEMALLOC, 0));
	held_take(&held, GFP_NOWAIT | __GFP_MEMALLOC, 0, SIZE_MAX);
	chain = take_all(internal);

	object = kmem_cache_alloc(cache, GFP_NOWAIT);
	EXPECT(object != NULL);
	EXPECT_EQ(mine()->capacity, 0);
	kmem_cache_free(cache, object);
	again = kmem_cache_alloc(cache, GFP_NOWAIT);
	EXPECT(again == object);
	kmem_cache_free(cache, again);
	EXPECT_EQ(magazine_count(cache), 0);
	check();

	give_all(internal, chain);
	held_free(&held);
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	EXPECT(mine()->capacity > 0);
	kmem_cache_free(cache, object);
	end();
}

TEST_SUITE(magazine, capacity_follows_the_size, fresh_cache_has_none, last_in_first_out,
	   push_of_what_is_not_live_changes_nothing, a_full_stack_goes_to_the_depot,
	   an_empty_stack_takes_it_back, a_streak_moves_more_each_time,
	   no_free_pays_for_many_slabs, sizes_follow_the_load, large_objects_have_none,
	   object_freed_on_another_cpu, objects_wander_between_cpus,
	   works_without_memory_for_a_magazine);
