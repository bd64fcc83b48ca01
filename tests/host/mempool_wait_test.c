// SPDX-License-Identifier: MIT
/*
 * Sleeping for an element: what another thread does meanwhile is done by the host, at the
 * moment when mm_host_wait() would put this one to sleep.
 */
#include "host.h"
#include <harness.h>
#include <mm/mempool.h>

#define ITEMS 4u

static unsigned char items[ITEMS];
static unsigned given; /* items[0 .. given - 1] have left the source */
static bool dry;

static unsigned attempts;
static gfp_t attempted[8];

static void *source_alloc(gfp_t gfp, void *data)
{
	(void)data;
	if (attempts < 8)
		attempted[attempts] = gfp;
	attempts++;
	return dry || given == ITEMS ? NULL : &items[given++];
}

static void source_free(void *element, void *data)
{
	(void)data;
	EXPECT(element >= (void *)items && element < (void *)(items + ITEMS));
}

static struct mempool *pool;
static void *element;
static unsigned sleeps;

/* A pool over a dry source, whose only element is `element`. */
static bool pool_is_empty(void)
{
	dry = false;
	given = 0;
	pool = mempool_create(1, source_alloc, source_free, NULL);
	dry = true;
	element = pool ? mempool_alloc(pool, GFP_ATOMIC) : NULL;
	attempts = sleeps = 0;
	return EXPECT(element == &items[0]);
}

static void end(void)
{
	host_on_sleep(NULL);
	host_on_interrupt(NULL);
	mempool_free(element, pool);
	EXPECT(mempool_destroy(pool));
}

static bool free_on_third(const uint32_t *word, unsigned ms)
{
	(void)word;
	EXPECT(ms > 0);
	if (++sleeps == 3)
		mempool_free(element, pool);
	return true;
}

TEST(sleeps_until_something_is_freed)
{
	const gfp_t modest = GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN | __GFP_NOMEMALLOC;
	unsigned long wakes;

	ASSERT(pool_is_empty());
	host_on_sleep(free_on_third);
	wakes = host_wakes();
	element = mempool_alloc(pool, GFP_KERNEL);
	EXPECT(element == &items[0]);
	EXPECT_EQ(sleeps, 3);
	EXPECT_EQ(host_wakes(), wakes + 1);
	/* One without reclaim, then one before each sleep and one after the last. */
	EXPECT_EQ(attempts, 5);
	EXPECT(!(attempted[0] & (__GFP_DIRECT_RECLAIM | __GFP_IO)));
	for (unsigned i = 1; i < 5; i++)
		EXPECT_EQ(attempted[i], modest);
	end();
}

static bool source_comes_back(const uint32_t *word, unsigned ms)
{
	(void)word;
	(void)ms;
	sleeps++;
	dry = false;
	return true;
}

/* Nobody wakes it for memory of the source, but it looks after a while. */
TEST(finds_what_came_free_elsewhere)
{
	void *p;

	ASSERT(pool_is_empty());
	host_on_sleep(source_comes_back);
	p = mempool_alloc(pool, GFP_KERNEL);
	EXPECT(p == &items[1]);
	EXPECT_EQ(sleeps, 1);
	mempool_free(p, pool);
	end();
}

TEST(without_threads_it_is_null)
{
	ASSERT(pool_is_empty());
	EXPECT(!mempool_alloc(pool, GFP_KERNEL));
	EXPECT_EQ(attempts, 2);
	EXPECT(!mempool_alloc(pool, GFP_NOWAIT));
	EXPECT_EQ(attempts, 3);
	end();
}

static unsigned chances, free_at;

static void free_at_chance(void)
{
	if (chances++ == free_at)
		mempool_free(element, pool);
}

static bool must_not_sleep(const uint32_t *word, unsigned ms)
{
	(void)word;
	(void)ms;
	sleeps++;
	return false;
}

/*
 * An interrupt frees the element at each chance there is before the caller sleeps: after it
 * found the reserve empty for the first time, and for the second.  Either time it sees that.
 */
TEST(no_wake_up_is_lost)
{
	for (free_at = 0; free_at < 3; free_at++) {
		void *p;

		ASSERT(pool_is_empty());
		chances = 0;
		host_on_sleep(must_not_sleep);
		host_on_interrupt(free_at_chance);
		p = mempool_alloc(pool, GFP_KERNEL);
		host_on_interrupt(NULL);
		EXPECT_EQ(sleeps, free_at == 2);
		EXPECT(p == (free_at < 2 ? element : NULL));
		end();
	}
}

TEST_SUITE(mempool_wait, sleeps_until_something_is_freed, finds_what_came_free_elsewhere,
	   without_threads_it_is_null, no_wake_up_is_lost);
