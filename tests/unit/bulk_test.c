// SPDX-License-Identifier: MIT
/*
 * Bulks: of every size around the magazine's and the stride's, all or none when memory is
 * short, and with each kind of mistake among what is freed.
 */
#include "live.h"
#include "world.h"
#include <magazine.h>
#include <mem.h>
#include <mm/port.h>

#define MANY 200u

static void *objects[MANY];

static size_t live_in(const struct kmem_cache *cache)
{
	return cache->nr_taken - magazine_count(cache);
}

/* All or none, each object its own memory; then back, and nothing is live. */
static void check_bulk(struct kmem_cache *cache, gfp_t gfp, unsigned n)
{
	ASSERT_EQ(kmem_cache_alloc_bulk(cache, gfp, n, objects), n);
	EXPECT_EQ(live_in(cache), n);
	for (unsigned i = 0; i < n; i++)
		live_fill(objects[i], kmem_cache_size(cache), i);
	for (unsigned i = 0; i < n; i++)
		EXPECTF(live_filled(objects[i], kmem_cache_size(cache), i),
			"object %u of %u is damaged", i, n);
	live_expect_whole();
	kmem_cache_free_bulk(cache, n, objects);
	EXPECT_EQ(live_in(cache), 0);
	live_expect_whole();
}

TEST(every_size)
{
	static const unsigned sizes[] = {0,  1,  2,  15, 16, 17,  31,
					 32, 33, 63, 64, 65, 129, MANY};
	/* The last one has no magazines. */
	static const size_t object_sizes[] = {16, 40, 520, 3000, 8400};
	struct fingerprint before;

	live_settle(&before);
	for (unsigned i = 0; i < sizeof(object_sizes) / sizeof(object_sizes[0]); i++) {
		struct kmem_cache *cache =
			kmem_cache_create("test-bulk", object_sizes[i], 0, 0, NULL);

		ASSERT(cache);
		for (unsigned j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++)
			if (sizes[j] * object_sizes[i] < nr_free_pages() / 2 * PAGE_SIZE)
				check_bulk(cache, GFP_KERNEL, sizes[j]);
		EXPECT(kmem_cache_destroy(cache));
	}
	live_expect_settled(&before);
}

/* What the magazine has comes from it alone, and goes back to it alone. */
TEST(the_magazine_serves)
{
	struct kmem_cache *cache = kmem_cache_create("test-bulk", 40, 0, 0, NULL);
	size_t taken, cached;

	ASSERT(cache);
	ASSERT_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 24, objects), 24);
	kmem_cache_free_bulk(cache, 24, objects);
	taken = cache->nr_taken;
	cached = magazine_count(cache);
	ASSERT(cached >= 4);
	ASSERT_EQ(kmem_cache_alloc_bulk(cache, GFP_ATOMIC, 4, objects), 4);
	EXPECT_EQ(cache->nr_taken, taken);
	EXPECT_EQ(magazine_count(cache), cached - 4);
	kmem_cache_free_bulk(cache, 4, objects);
	EXPECT_EQ(cache->nr_taken, taken);
	EXPECT_EQ(magazine_count(cache), cached);
	EXPECT(kmem_cache_destroy(cache));
}

/* What the magazine has no room for goes to the slabs, and not through it. */
TEST(the_rest_goes_to_the_slabs)
{
	struct kmem_cache *cache = kmem_cache_create("test-bulk", 40, 0, 0, NULL);

	ASSERT(cache);
	ASSERT_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, MANY, objects), MANY);
	EXPECT_EQ(magazine_count(cache), 0);
	kmem_cache_free_bulk(cache, MANY, objects);
	EXPECT(magazine_count(cache) <= 2u * cache->capacity); /* a stack's, and a depot's */
	EXPECT_EQ(cache->nr_taken, magazine_count(cache));
	EXPECT(cache->nr_empty <= magazine_slabs_kept(cache));
	EXPECT(kmem_cache_destroy(cache));
}

static unsigned constructed;

static void construct(void *object)
{
	*(unsigned *)object = 0xc0de;
	constructed++;
}

TEST(zeroed_or_constructed)
{
	struct kmem_cache *plain = kmem_cache_create("test-plain", 40, 0, 0, NULL);
	struct kmem_cache *with_ctor = kmem_cache_create("test-ctor", 40, 0, 0, construct);

	ASSERT(plain && with_ctor);
	for (unsigned round = 0; round < 2; round++) {
		ASSERT_EQ(kmem_cache_alloc_bulk(plain, GFP_KERNEL | __GFP_ZERO, 50, objects),
			  50);
		for (unsigned i = 0; i < 50; i++) {
			EXPECT(live_all_bytes(objects[i], 40, 0));
			memset(objects[i], 0xff, 40);
		}
		kmem_cache_free_bulk(plain, 50, objects);
	}
	constructed = 0;
	for (unsigned round = 0; round < 2; round++) {
		ASSERT_EQ(kmem_cache_alloc_bulk(with_ctor, GFP_KERNEL, 50, objects), 50);
		for (unsigned i = 0; i < 50; i++)
			EXPECT_EQ(*(unsigned *)objects[i], 0xc0de);
		kmem_cache_free_bulk(with_ctor, 50, objects);
	}
	EXPECT_EQ(constructed, with_ctor->nr_slabs * with_ctor->nr);
	EXPECT(kmem_cache_destroy(plain));
	EXPECT(kmem_cache_destroy(with_ctor));
}

TEST(flags_are_refused_once)
{
	struct kmem_cache *cache = kmem_cache_create("test-bulk", 40, 0, 0, construct);

	ASSERT(cache);
	expect_report(MM_REPORT_BAD_FLAGS, 4);
	EXPECT_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL | __GFP_ZERO, 8, objects), 0);
	EXPECT_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL | __GFP_HIGHMEM, 8, objects), 0);
	EXPECT_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL | GFP_DMA, 8, objects), 0);
	EXPECT_EQ(kmem_cache_alloc_bulk(cache, 0x80000000u, 8, objects), 0);
	EXPECT_EQ(cache->nr_taken, 0);
	EXPECT(kmem_cache_destroy(cache));
}

/* Memory for some of them, but not for all: none, and what there was is free again. */
TEST(all_or_none)
{
	struct kmem_cache *cache = kmem_cache_create("test-bulk", 3000, 0, 0, NULL);
	struct held held;
	void *one;

	ASSERT(cache);
	one = kmem_cache_alloc(cache, GFP_KERNEL); /* its slab has free objects left */
	ASSERT(one);
	held_init(&held);
	held_drain(&held, GFP_NOWAIT);
	EXPECT_EQ(kmem_cache_alloc_bulk(cache, GFP_NOWAIT, MANY, objects), 0);
	EXPECT_EQ(live_in(cache), 1);
	EXPECT_EQ(kmem_cache_alloc_bulk(cache, GFP_NOWAIT, 2, objects), 2);
	EXPECT_EQ(live_in(cache), 3);
	kmem_cache_free_bulk(cache, 2, objects);
	held_free(&held);
	EXPECT_EQ(kmem_cache_alloc_bulk(cache, GFP_NOWAIT, 8, objects), 8);
	kmem_cache_free_bulk(cache, 8, objects);
	kmem_cache_free(cache, one);
	EXPECT(kmem_cache_destroy(cache));
}

/*
 * One mistake of each kind among objects that are right: `room` of them find room in the
 * magazine, so that both ways of freeing see the mistakes.
 */
static void free_with_mistakes(unsigned n)
{
	struct kmem_cache *cache = kmem_cache_create("test-bulk", 48, 0, 0, NULL);
	struct kmem_cache *other = kmem_cache_create("test-other", 48, 0, 0, NULL);
	static void *list[MANY + 8];
	unsigned used = 0;
	void *foreign;
	int on_stack;

	ASSERT(cache && other);
	ASSERT_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, n, objects), n);
	foreign = kmem_cache_alloc(other, GFP_KERNEL);
	ASSERT(foreign);
	for (unsigned i = 0; i < n; i++)
		list[used++] = objects[i];
	list[used++] = objects[0]; /* a second time */
	list[used++] = objects[n - 1];
	list[used++] = NULL;
	list[used++] = (char *)objects[1] + 16;
	list[used++] = foreign;
	list[used++] = &on_stack;

	expect_report(MM_REPORT_DOUBLE_FREE, 2);
	expect_report(MM_REPORT_INTERIOR_FREE, 1);
	expect_report(MM_REPORT_WRONG_CACHE, 1);
	expect_report(MM_REPORT_BAD_ADDRESS, 1);
	kmem_cache_free_bulk(cache, used, list);
	EXPECT_EQ(test_reports_seen(MM_REPORT_DOUBLE_FREE), 2);
	EXPECT_EQ(test_reports_seen(MM_REPORT_INTERIOR_FREE), 1);
	EXPECT_EQ(test_reports_seen(MM_REPORT_WRONG_CACHE), 1);
	EXPECT_EQ(test_reports_seen(MM_REPORT_BAD_ADDRESS), 1);
	EXPECT_EQ(live_in(cache), 0);
	EXPECT_EQ(live_in(other), 1);
	live_expect_whole();
	kmem_cache_free(other, foreign);
	EXPECT(kmem_cache_destroy(cache));
	EXPECT(kmem_cache_destroy(other));
}

TEST(mistakes_where_the_magazine_has_room)
{
	free_with_mistakes(8);
}

TEST(mistakes_where_it_has_none)
{
	free_with_mistakes(32);
}

TEST(mistakes_in_several_strides)
{
	free_with_mistakes(150);
}

/* In an interrupt handler, or with interrupts off; and freed by another CPU. */
TEST(with_interrupts_off_and_on_another_cpu)
{
	struct kmem_cache *cache;
	mm_irqflags_t flags;
	unsigned cpu;

	if (world_cpus() < 2)
		SKIP("one CPU only");
	cache = kmem_cache_create("test-bulk", 40, 0, 0, NULL);
	ASSERT(cache);
	flags = mm_irq_save();
	EXPECT_EQ(kmem_cache_alloc_bulk(cache, GFP_ATOMIC, 100, objects), 100);
	kmem_cache_free_bulk(cache, 50, objects);
	mm_irq_restore(flags);
	cpu = world_set_cpu(1);
	kmem_cache_free_bulk(cache, 50, objects + 50);
	world_set_cpu(cpu);
	EXPECT_EQ(live_in(cache), 0);
	EXPECT_EQ(stack_count(&cache->stacks[1]), cache->capacity);
	EXPECT(kmem_cache_destroy(cache));
}

TEST_SUITE(bulk, every_size, the_magazine_serves, the_rest_goes_to_the_slabs,
	   zeroed_or_constructed, flags_are_refused_once, all_or_none,
	   mistakes_where_the_magazine_has_room, mistakes_where_it_has_none,
	   mistakes_in_several_strides, with_interrupts_off_and_on_another_cpu);
