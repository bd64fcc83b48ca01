// SPDX-License-Identifier: MIT
/*
 * Pools over a source that runs dry on command, and over the real allocators when memory is
 * gone: the reserve gives exactly what it promises, and is refilled first.
 * Sleeping is tested where somebody else can run: tests/host/mempool_wait_test.c.
 */
#include "live.h"
#include <mem.h>
#include <mm/kmalloc.h>
#include <mm/mempool.h>
#include <mm/port.h>

#define MIN_NR 5u
#define MANY   16u

/* Where the elements of a pool come from: objects that exist in this file only. */
static struct source {
	unsigned char items[MANY];
	bool used[MANY];
	unsigned allocs, frees;
	unsigned left; /* it will give so many */
	gfp_t gfp;     /* of the last request */
} source;

static void *source_alloc(gfp_t gfp, void *data)
{
	struct source *s = data;

	s->gfp = gfp;
	if (s->left == 0)
		return NULL;
	for (unsigned i = 0; i < MANY; i++) {
		if (!s->used[i]) {
			s->used[i] = true;
			s->left--;
			s->allocs++;
			return &s->items[i];
		}
	}
	return NULL;
}

static void source_free(void *element, void *data)
{
	struct source *s = data;
	size_t i = (size_t)((unsigned char *)element - s->items);

	if (EXPECT(i < MANY && s->used[i]))
		s->used[i] = false;
	s->frees++;
}

static struct mempool *make_pool(unsigned min_nr)
{
	struct mempool *pool;

	memset(&source, 0, sizeof(source));
	source.left = MANY;
	pool = mempool_create(min_nr, source_alloc, source_free, &source);
	EXPECT(pool != NULL);
	return pool;
}

static void *elements[MANY];

/* Allocate until NULL; returns how many. */
static unsigned take_all(struct mempool *pool, gfp_t gfp)
{
	unsigned n = 0;

	while (n < MANY && (elements[n] = mempool_alloc(pool, gfp)) != NULL)
		n++;
	return n;
}

static void give_back(struct mempool *pool, unsigned n)
{
	while (n > 0)
		mempool_free(elements[--n], pool);
}

TEST(a_pool_begins_full)
{
	struct mempool *pool = make_pool(MIN_NR);

	ASSERT(pool);
	EXPECT_EQ(source.allocs, MIN_NR);
	EXPECT(mempool_destroy(pool));
	EXPECT_EQ(source.frees, MIN_NR);
	EXPECT(mempool_destroy(NULL));
}

TEST(the_source_serves_as_long_as_it_can)
{
	struct mempool *pool = make_pool(MIN_NR);
	void *p;

	ASSERT(pool);
	p = mempool_alloc(pool, GFP_ATOMIC);
	EXPECT(p != NULL);
	EXPECT_EQ(source.allocs, MIN_NR + 1);
	mempool_free(p, pool);
	EXPECT_EQ(source.frees, 1);
	EXPECT(mempool_destroy(pool));
}

TEST(the_reserve_serves_when_the_source_is_dry)
{
	struct mempool *pool = make_pool(MIN_NR);

	ASSERT(pool);
	for (unsigned round = 0; round < 3; round++) {
		source.left = 0;
		EXPECT_EQ(take_all(pool, GFP_ATOMIC), MIN_NR);
		for (unsigned i = 0; i < MIN_NR; i++)
			for (unsigned j = 0; j < i; j++)
				EXPECT(elements[i] != elements[j]);
		give_back(pool, MIN_NR); /* into the reserve: nothing reaches the source */
		EXPECT_EQ(source.frees, 0);
	}
	EXPECT(mempool_destroy(pool));
}

/* The first one that is freed refills the reserve, the last ones go to the source. */
TEST(frees_refill_the_reserve_first)
{
	struct mempool *pool = make_pool(MIN_NR);

	ASSERT(pool);
	source.left = 2;
	EXPECT_EQ(take_all(pool, GFP_NOWAIT), MIN_NR + 2);
	give_back(pool, MIN_NR + 2);
	EXPECT_EQ(source.frees, 2);
	source.left = 0;
	EXPECT_EQ(take_all(pool, GFP_NOWAIT), MIN_NR);
	give_back(pool, MIN_NR);
	EXPECT(mempool_destroy(pool));
}

TEST(no_reserve_at_all_is_one)
{
	struct mempool *pool = make_pool(0);

	ASSERT(pool);
	source.left = 0;
	EXPECT_EQ(take_all(pool, GFP_ATOMIC), 1);
	give_back(pool, 1);
	EXPECT(mempool_destroy(pool));
}

/* What the source is asked for: gently, whatever the caller says. */
TEST(the_first_attempt_is_modest)
{
	static const gfp_t flags[] = {GFP_KERNEL,
				      GFP_KERNEL | __GFP_NOFAIL,
				      GFP_KERNEL | __GFP_RETRY_MAYFAIL,
				      GFP_NOIO | __GFP_MEMALLOC,
				      GFP_ATOMIC,
				      GFP_NOWAIT | GFP_DMA};
	const gfp_t added = __GFP_NORETRY | __GFP_NOWARN | __GFP_NOMEMALLOC;
	struct mempool *pool = make_pool(1);

	ASSERT(pool);
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		gfp_t lost = __GFP_DIRECT_RECLAIM | __GFP_IO | __GFP_NOFAIL |
			     __GFP_RETRY_MAYFAIL | __GFP_MEMALLOC;
		void *p = mempool_alloc(pool, flags[i]);

		EXPECT_EQ(source.gfp, (flags[i] & ~lost) | added);
		mempool_free(p, pool);
		source.left = MANY;
	}
	EXPECT(mempool_destroy(pool));
}

TEST(flags_that_make_no_sense)
{
	struct mempool *pool = make_pool(MIN_NR);

	ASSERT(pool);
	expect_report(MM_REPORT_BAD_FLAGS, 2);
	EXPECT(!mempool_alloc(pool, GFP_KERNEL | __GFP_ZERO));
	EXPECT(!mempool_alloc(pool, 0x80000000u));
	EXPECT_EQ(source.allocs, MIN_NR);
	EXPECT(mempool_destroy(pool));
}

TEST(double_free_into_the_reserve)
{
	struct mempool *pool = make_pool(2);
	void *p;

	ASSERT(pool);
	source.left = 0;
	EXPECT_EQ(take_all(pool, GFP_ATOMIC), 2);
	p = elements[0];
	mempool_free(p, pool);
	expect_report(MM_REPORT_DOUBLE_FREE, 1);
	mempool_free(p, pool); /* the reserve has room for another */
	EXPECT_EQ(test_reports_seen(MM_REPORT_DOUBLE_FREE), 1);
	mempool_free(elements[1], pool);
	expect_report(MM_REPORT_DOUBLE_FREE, 1);
	mempool_free(p, pool); /* and now it has none */
	EXPECT_EQ(source.frees, 0);
	mempool_free(NULL, pool);
	EXPECT_EQ(take_all(pool, GFP_ATOMIC), 2);
	give_back(pool, 2);
	EXPECT(mempool_destroy(pool));
}

TEST(destroyed_with_elements_out)
{
	struct mempool *pool = make_pool(2);
	void *p;

	ASSERT(pool);
	p = mempool_alloc(pool, GFP_KERNEL);
	expect_report(MM_REPORT_MISUSE, 1);
	EXPECT(!mempool_destroy(pool));
	EXPECT_REPORT_TEXT("1 elements in use");
	mempool_free(p, pool);
	EXPECT(mempool_destroy(pool));
	EXPECT_EQ(source.frees, source.allocs);
}

/* Grow and shrink, with the reserve full, half empty and empty. */
TEST(resize)
{
	static const unsigned sizes[] = {8, 3, 3, 1, 6};

	for (unsigned out = 0; out <= 4; out += 2) {
		struct mempool *pool = make_pool(4);
		unsigned missing = out;

		ASSERT(pool);
		source.left = 0;
		for (unsigned i = 0; i < out; i++)
			elements[i] = mempool_alloc(pool, GFP_ATOMIC);
		for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			source.left = MANY;
			EXPECT(mempool_resize(pool, sizes[i]));
		}
		source.left = 0;
		give_back(pool, missing);
		EXPECT_EQ(take_all(pool, GFP_ATOMIC), 6);
		give_back(pool, 6);
		EXPECT(mempool_destroy(pool));
		EXPECT_EQ(source.frees, source.allocs);
	}
}

TEST(resize_without_memory)
{
	struct mempool *pool = make_pool(4);

	ASSERT(pool);
	source.left = 2; /* of the three that it takes */
	EXPECT(!mempool_resize(pool, 7));
	EXPECT_EQ(source.allocs, 6);
	EXPECT_EQ(source.frees, 2);
	source.left = 0;
	EXPECT_EQ(take_all(pool, GFP_ATOMIC), 4);
	give_back(pool, 4);
	EXPECT(mempool_destroy(pool));

	memset(&source, 0, sizeof(source));
	source.left = 3;
	EXPECT(!mempool_create(4, source_alloc, source_free, &source));
	EXPECT_EQ(source.frees, 3);
}

/* With memory gone down to the last page, each promise is kept. */
static void check_real_pool(struct mempool *pool, size_t size)
{
	struct held held;

	if (!EXPECT(pool != NULL))
		return;
	held_init(&held);
	held_drain(&held, GFP_ATOMIC);
	for (unsigned i = 0; i < MIN_NR; i++) {
		elements[i] = mempool_alloc(pool, GFP_ATOMIC);
		if (EXPECT(elements[i] != NULL) && size)
			live_fill(elements[i], size, i);
	}
	held_free(&held);
	for (unsigned i = 0; i < MIN_NR; i++)
		EXPECT(!size || live_filled(elements[i], size, i));
	give_back(pool, MIN_NR);
	EXPECT(mempool_destroy(pool));
}

TEST(real_pools_without_memory)
{
	struct kmem_cache *cache = kmem_cache_create("test-pool", 200, 0, 0, NULL);

	ASSERT(cache);
	check_real_pool(mempool_create_slab_pool(MIN_NR, cache), 200);
	check_real_pool(mempool_create_kmalloc_pool(MIN_NR, 3000), 3000);
	check_real_pool(mempool_create_kmalloc_pool(MIN_NR, 20000), 20000);
	check_real_pool(mempool_create_page_pool(MIN_NR, 1), 0);
	EXPECT(kmem_cache_destroy(cache));
}

TEST_SUITE(mempool, a_pool_begins_full, the_source_serves_as_long_as_it_can,
	   the_reserve_serves_when_the_source_is_dry, frees_refill_the_reserve_first,
	   no_reserve_at_all_is_one, the_first_attempt_is_modest, flags_that_make_no_sense,
	   double_free_into_the_reserve, destroyed_with_elements_out, resize,
	   resize_without_memory, real_pools_without_memory);
