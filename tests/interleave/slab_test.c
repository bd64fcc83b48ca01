// SPDX-License-Identifier: MIT
/* The object allocator, in all orders: what two CPUs do to one cache, and to one slab. */
#include "explore.h"
#include <harness.h>
#include <host/host.h>
#include <mm/kmalloc.h>
#include <mm/nolock.h>
#include <mm/slab.h>
#include <slab.h>

#define OBJECTS 3u

static struct kmem_cache *cache;
static void *objects[OBJECTS], *taken[2];

/* Three objects of one slab. */
static void three_objects(void)
{
	cache = kmem_cache_create("orders", 200, 0, 0, NULL);
	for (unsigned i = 0; i < OBJECTS; i++)
		objects[i] = kmem_cache_alloc(cache, GFP_ATOMIC);
	taken[0] = taken[1] = NULL;
}

/* And a stack that has none left. */
static void no_spare_objects(void)
{
	three_objects();
	kmem_cache_shrink(cache);
}

static void free_first(void)
{
	kmem_cache_free(cache, objects[0]);
}

static void free_second(void)
{
	kmem_cache_free(cache, objects[1]);
}

static void free_first_nolock(void)
{
	kfree_nolock(objects[0]);
}

static void free_second_nolock(void)
{
	kfree_nolock(objects[1]);
}

static void free_third_nolock(void)
{
	kfree_nolock(objects[2]);
}

static void shrink(void)
{
	kmem_cache_shrink(cache);
}

static void take_one(void)
{
	taken[0] = kmem_cache_alloc(cache, GFP_ATOMIC);
}

static void take_another(void)
{
	taken[1] = kmem_cache_alloc(cache, GFP_ATOMIC);
}

static void take_nolock(void)
{
	taken[1] = kmalloc_nolock(200, 0);
}

/* `live` objects are; each of them is one of its own; nothing is lost. */
static void expect_live(size_t live)
{
	EXPECT_EQ(mm_check(), 0);
	EXPECT(taken[0] != taken[1] || !taken[0]);
	for (unsigned i = 0; i < live; i++) {
		EXPECT(objects[OBJECTS - 1 - i] != taken[0]);
		EXPECT(objects[OBJECTS - 1 - i] != taken[1]);
		kmem_cache_free(cache, objects[OBJECTS - 1 - i]);
	}
	for (unsigned i = 0; i < 2; i++)
		kfree(taken[i]);
	EXPECT(kmem_cache_destroy(cache));
	EXPECT_EQ(mm_check(), 0);
}

static void expect_one_live(void)
{
	expect_live(1);
}

static void expect_two_live(void)
{
	expect_live(2);
}

static void expect_three_live(void)
{
	EXPECT(taken[0] && taken[1]);
	expect_live(3);
}

static void expect_none_live(void)
{
	expect_live(0);
}

TEST(frees_on_two_cpus)
{
	const struct exploration e = {
		three_objects, {free_first, free_second}, expect_one_live, 3, false, NULL};

	test_note("%lu orders", explore(&e));
}

TEST(refills_on_two_cpus)
{
	const struct exploration e = {
		no_spare_objects, {take_one, take_another}, expect_three_live, 3, false, NULL};

	test_note("%lu orders", explore(&e));
}

TEST(shrink_against_free)
{
	const struct exploration e = {
		three_objects, {shrink, free_first}, expect_two_live, 3, false, NULL};

	test_note("%lu orders", explore(&e));
}

/* Objects of one slab are deferred by two CPUs, and drained by a third. */
TEST(deferred_frees)
{
	const struct exploration e = {no_spare_objects,
				      {free_first_nolock, free_second_nolock, shrink},
				      expect_one_live,
				      3,
				      false,
				      NULL};

	test_note("%lu orders", explore(&e));
}

TEST(all_of_a_slab_deferred)
{
	const struct exploration e = {
		no_spare_objects,
		{free_first_nolock, free_second_nolock, free_third_nolock, shrink},
		expect_none_live,
		1,
		false,
		NULL};

	test_note("%lu orders", explore(&e));
}

/* A slab that is made without a lock, while another CPU drains and takes. */
TEST(fresh_slabs)
{
	const struct exploration e = {
		no_spare_objects, {take_nolock, take_one}, expect_three_live, 3, false, NULL};

	test_note("%lu orders", explore(&e));
}

TEST_SUITE(slab_orders, frees_on_two_cpus, refills_on_two_cpus, shrink_against_free,
	   deferred_frees, all_of_a_slab_deferred, fresh_slabs);
