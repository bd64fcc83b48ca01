// SPDX-License-Identifier: MIT
/*
 * Magazines: what goes in comes out, last in first out; a full one spills its older
 * half, an empty one refills by half; each CPU has its own, also for objects of another;
 * without memory for one the cache works all the same.
 */
#include "live.h"
#include "world.h"
#include <check.h>
#include <magazine.h>
#include <mem.h>
#include <mm/kmalloc.h>

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

static struct magazine *mine(void)
{
	return cache->magazine[mm_cpu_id()];
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
	static const size_t sizes[] = {16,   256,  257,  1024,
				       1025, 8192, 8193, KMEM_CACHE_SIZE_MAX};
	static const unsigned capacities[] = {32, 32, 16, 16, 8, 8, 0, 0};

	for (unsigned i = 0; i < 8; i++)
		EXPECT_EQ(magazine_capacity_for(sizes[i]), capacities[i]);
	/* No CPU sits on much: what the comment above the function promises. */
	for (size_t size = 16; size <= 1024; size++)
		EXPECT(magazine_capacity_for(size) * size <= 16384);
}

TEST(fresh_cache_has_none)
{
	void *object;
	uint8_t live = OBJECT_LIVE;

	if (!begin(64))
		return;
	EXPECT(!magazine_pop(cache));
	EXPECT_EQ(magazine_push(cache, &live, &live), PUSH_FULL);
	EXPECT_EQ(live, OBJECT_LIVE);
	EXPECT_EQ(mine()->capacity, 0);
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	EXPECT(object != NULL);
	EXPECT_EQ(mine()->capacity, magazine_capacity_for(64));
	EXPECT_EQ(mine()->count, magazine_capacity_for(64) / 2);
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
	count = mine()->count;
	EXPECT_EQ(magazine_push(cache, object, state_of(object)), PUSH_NOT_LIVE);
	EXPECT_EQ(mine()->count, count);
	EXPECT_EQ(*state_of(object), OBJECT_CACHED);
	check();
	end();
}

#define MANY 96u

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

TEST(full_one_spills_its_older_half)
{
	unsigned capacity = magazine_capacity_for(64), n = 0;
	void *oldest, *youngest;

	if (!begin(64) || !take_many(MANY))
		return;
	while (mine()->count < capacity)
		kmem_cache_free(cache, objects[n++]);
	oldest = mine()->slots[0].object;
	youngest = mine()->slots[capacity - 1].object;
	EXPECT_EQ(magazine_push(cache, objects[n], state_of(objects[n])), PUSH_FULL);
	EXPECT_EQ(*state_of(objects[n]), OBJECT_LIVE);
	kmem_cache_free(cache, objects[n++]);
	EXPECT_EQ(mine()->count, capacity - capacity / 2 + 1);
	EXPECT(*state_of(oldest) != OBJECT_CACHED && *state_of(oldest) != OBJECT_LIVE);
	EXPECT_EQ(*state_of(youngest), OBJECT_CACHED);
	EXPECT(mine()->slots[mine()->count - 1].object == objects[n - 1]);
	check();
	while (n < MANY)
		kmem_cache_free(cache, objects[n++]);
	check();
	end();
}

TEST(empty_one_refills_by_half)
{
	unsigned capacity = magazine_capacity_for(64);
	unsigned n = 0;

	if (!begin(64))
		return;
	do
		objects[n] = kmem_cache_alloc(cache, GFP_KERNEL);
	while (EXPECT(objects[n++] != NULL) && mine()->count > 0 && n < MANY - 1);
	EXPECT_EQ(mine()->count, 0);
	EXPECT_EQ(n, capacity / 2 + 1);
	objects[n++] = kmem_cache_alloc(cache, GFP_KERNEL);
	EXPECT_EQ(mine()->count, capacity / 2);
	check();
	give_many(n);
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

	if (MM_HOST_NR_CPUS < 2)
		SKIP("one CPU only");
	if (!begin(128))
		return;
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(object);
	count = mine()->count;
	home = world_set_cpu(1);
	EXPECT_EQ(mine()->capacity, 0);
	kmem_cache_free(cache, object);
	EXPECT_EQ(mine()->count, 1);
	EXPECT(mine()->slots[0].object == object);
	check();
	EXPECT(kmem_cache_alloc(cache, GFP_KERNEL) == object);
	kmem_cache_free(cache, object);
	world_set_cpu(home);
	EXPECT_EQ(mine()->count, count);
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

	if (MM_HOST_NR_CPUS < 2)
		SKIP("one CPU only");
	if (!begin(48))
		return;
	for (unsigned step = 0; step < 4000 && !test_failed(); step++) {
		world_set_cpu(test_random_below(MM_HOST_NR_CPUS));
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
	size_t bytes = sizeof(struct magazine) + capacity * sizeof(struct magazine_slot);
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
	struct kmem_cache *internal = magazine_cache(magazine_capacity_for(64));
	struct chain *chain;
	struct held held;
	void *object, *again;

	ASSERT(internal);
	if (!begin(64))
		return;
	EXPECT(slab_grow(cache, GFP_KERNEL, 0));
	held_init(&held);
	held_drain(&held, GFP_NOWAIT | __GFP_MEMALLOC);
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
	   push_of_what_is_not_live_changes_nothing, full_one_spills_its_older_half,
	   empty_one_refills_by_half, large_objects_have_none, object_freed_on_another_cpu,
	   objects_wander_between_cpus, works_without_memory_for_a_magazine);
