// SPDX-License-Identifier: MIT
/*
 * Pools: more threads than elements, so that most of them sleep most of the time.  Patient
 * waits: one missed wake-up too many, and nobody gets on.
 */
#include "threads.h"
#include <harness.h>
#include <mm/kmalloc.h>
#include <mm/mempool.h>
#include <mm/port.h>
#include <sched.h>

#define THREADS  8u
#define ELEMENTS 3u
#define ROUNDS   4000u

/* Elements that may still be made; nothing but the reserve is left once it is filled. */
static int32_t left; /* [a] */

struct element {
	uint32_t owner;
};

static void *make(gfp_t gfp, void *data)
{
	(void)data;
	if (__atomic_fetch_sub(&left, 1, __ATOMIC_RELAXED) > 0)
		return kzalloc(sizeof(struct element), gfp);
	__atomic_fetch_add(&left, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void unmake(void *element, void *data)
{
	(void)data;
	kfree(element);
	__atomic_fetch_add(&left, 1, __ATOMIC_RELAXED);
}

static void use_element(struct worker *worker, struct element *element)
{
	EXPECT_EQ(element->owner, 0);
	element->owner = worker->id + 1;
	if (worker_below(worker, 4) == 0)
		sched_yield();
	EXPECT_EQ(element->owner, worker->id + 1);
	element->owner = 0;
}

static void share_elements(struct worker *worker)
{
	struct mempool *pool = worker->arg;

	for (unsigned i = 0; i < ROUNDS * test_effort() / 4; i++) {
		bool sleeps = worker_below(worker, 4) > 0;
		struct element *element;

		worker_progress(worker, sleeps ? "waits for an element" : "tries to get one");
		element = mempool_alloc(pool, sleeps ? GFP_NOIO : GFP_ATOMIC);
		if (!element) {
			EXPECT(!sleeps);
			continue;
		}
		use_element(worker, element);
		mempool_free(element, pool);
	}
}

TEST(waits)
{
	struct mempool *pool;

	left = ELEMENTS;
	pool = mempool_create(ELEMENTS, make, unmake, NULL);
	ASSERT(pool != NULL);
	threads_be_patient(true);
	workers_run(THREADS, share_elements, pool);
	EXPECT(mempool_destroy(pool));
	EXPECT_EQ(left, ELEMENTS);
}

/* While others use it, one thread makes the reserve larger and smaller. */
static void share_or_resize(struct worker *worker)
{
	if (worker->id > 0) {
		share_elements(worker);
		return;
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		worker_progress(worker, "resizes the pool");
		mempool_resize(worker->arg, 1 + worker_below(worker, ELEMENTS));
	}
}

TEST(resized)
{
	struct mempool *pool;

	left = 2 * ELEMENTS;
	pool = mempool_create(ELEMENTS, make, unmake, NULL);
	ASSERT(pool != NULL);
	workers_run(THREADS, share_or_resize, pool);
	EXPECT(mempool_destroy(pool));
	EXPECT_EQ(left, 2 * ELEMENTS);
}

TEST_SUITE(mempool_threads, waits, resized);
