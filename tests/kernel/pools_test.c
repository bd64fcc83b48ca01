// SPDX-License-Identifier: MIT
/*
 * Pools whose callers really sleep: preempted threads that share less elements than they are, over a
 * source that has none; and interrupt handlers that free what a thread waits for.  An element has
 * one owner at a time, and a wake-up that is lost shows as a wait that only its time ends.
 */
#include "jitter.h"
#include <harness.h>
#include <kernel/smp.h>
#include <kernel/thread.h>
#include <kernel/time.h>
#include <mm/mempool.h>

#define THREADS    6u
#define ELEMENTS   2u
#define ROUNDS     500u /* shared by the CPUs, which get in each other's way */
#define IRQ_ROUNDS 3000u
#define LONG_NS    4000000000ull /* less than a sleeper waits before it looks by itself */

static struct element {
	volatile unsigned owner; /* 0: nobody */
} elements[ELEMENTS];

static unsigned given;

/* Gives each element once: then the pool has to do with them. */
static void *source_alloc(gfp_t gfp, void *data)
{
	unsigned i = given;

	(void)gfp;
	(void)data;
	if (i == ELEMENTS)
		return NULL;
	given++;
	return &elements[i];
}

static void source_free(void *element, void *data)
{
	(void)element;
	(void)data;
}

static struct mempool *pool;
static unsigned shared, failed, late;
static unsigned rounds, rounds_of[THREADS];

static bool make_pool(unsigned min_nr)
{
	given = shared = failed = late = 0;
	for (unsigned i = 0; i < ELEMENTS; i++)
		elements[i].owner = 0;
	pool = mempool_create(min_nr, source_alloc, source_free, NULL);
	given = ELEMENTS;
	return EXPECT(pool != NULL);
}

static struct element *alloc_in_time(void)
{
	uint64_t start = time_ns();
	struct element *element = mempool_alloc(pool, GFP_KERNEL);

	late += time_ns() - start > LONG_NS;
	failed += !element;
	return element;
}

static void share(void *arg)
{
	unsigned self = (unsigned)(uintptr_t)arg + 1;

	for (unsigned i = 0; i < rounds && !failed && !late; i++) {
		struct element *element = alloc_in_time();

		if (!element)
			return;
		shared += element->owner != 0;
		element->owner = self;
		if (i % 3 == 0)
			thread_yield();
		shared += element->owner != self;
		element->owner = 0;
		mempool_free(element, pool);
		rounds_of[self - 1]++;
	}
}

TEST(threads_share_a_pool)
{
	struct thread *threads[THREADS];

	if (!make_pool(ELEMENTS))
		return;
	rounds = ROUNDS / smp_count();
	jitter_start(NULL);
	for (unsigned i = 0; i < THREADS; i++) {
		rounds_of[i] = 0;
		threads[i] = thread_create("sharer", share, (void *)(uintptr_t)i);
	}
	for (unsigned i = 0; i < THREADS; i++)
		if (EXPECT(threads[i] != NULL))
			thread_join(threads[i]);
	jitter_stop();
	EXPECT_EQ(shared, 0);
	EXPECT_EQ(failed, 0);
	EXPECT_EQ(late, 0);
	for (unsigned i = 0; i < THREADS; i++)
		EXPECT_EQ(rounds_of[i], rounds);
	EXPECT(mempool_destroy(pool));
}

/* What the handler is to free; taken by the handler. */
static struct element *volatile freed_by_handler;

static void free_it(void)
{
	struct element *element = freed_by_handler;

	if (!element || jitter_random_below(2))
		return;
	freed_by_handler = NULL;
	mempool_free(element, pool);
}

/* Between the look into the reserve and the sleep is the race. */
TEST(handlers_free_what_a_thread_waits_for)
{
	struct element *element;

	if (!make_pool(1))
		return;
	element = alloc_in_time();
	jitter_start(free_it);
	for (unsigned i = 0; i < IRQ_ROUNDS && element && !late; i++) {
		freed_by_handler = element;
		element = alloc_in_time();
	}
	jitter_stop();
	EXPECT_EQ(failed, 0);
	EXPECT_EQ(late, 0);
	EXPECT(!freed_by_handler);
	mempool_free(element, pool);
	EXPECT(mempool_destroy(pool));
}

TEST_SUITE(pools, threads_share_a_pool, handlers_free_what_a_thread_waits_for);
