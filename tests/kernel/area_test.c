// SPDX-License-Identifier: MIT
/*
 * Areas of the mapping window under preemption and interrupts: threads that are preempted at
 * random points make areas, hand them to each other and free what others made, while the
 * interrupt's handler does the same.  Each page of an area names its owner, so that an address
 * that leads to two places shows.  On a machine, not a model: a TLB that was not
 * flushed in time would show here.
 */
#include "jitter.h"
#include <harness.h>
#include <kernel/cpu.h>
#include <kernel/thread.h>
#include <kernel/time.h>
#include <mem.h>
#include <mm/highmem.h>
#include <mm/kmalloc.h>
#include <mm/vmalloc.h>
#include <unit/live.h>
#include <unit/world.h>
#include <window.h>

#define THREADS   4u
#define BOXES     24u
#define STEPS     1500u
#define PAGES_MAX 6u

enum kind {
	AREA,
	MAPPING, /* vmap of new pages, which only it holds */
	HIGH,    /* kmalloc(GFP_HIGHUSER) */
	NR_KINDS
};

/* At the start of each page of an area. */
struct stamp {
	uint32_t key, page;
	uint32_t kind, nr_pages;
};

/* Areas on their way from one to another. */
static void *boxes[BOXES];

static uint32_t keys;
static unsigned long made, failed, damaged;

static void count(unsigned long *n)
{
	__atomic_fetch_add(n, 1, __ATOMIC_RELAXED);
}

static char *map_new_pages(size_t n, gfp_t gfp)
{
	struct page *pages[PAGES_MAX];
	size_t got = 0;
	char *p = NULL;

	while (got < n && (pages[got] = alloc_page(gfp)) != NULL)
		got++;
	if (got == n)
		p = vmap(pages, n);
	while (got > 0)
		__free_page(pages[--got]);
	return p;
}

static char *make(uint64_t *random, gfp_t gfp)
{
	size_t n = 1 + test_random_from(random) % PAGES_MAX;
	enum kind kind = (enum kind)(test_random_from(random) % NR_KINDS);
	uint32_t key = __atomic_add_fetch(&keys, 1, __ATOMIC_RELAXED);
	char *p;

	gfp |= __GFP_HIGHMEM | __GFP_NOWARN;
	if (kind == AREA)
		p = __vmalloc(n * PAGE_SIZE, gfp);
	else if (kind == MAPPING)
		p = map_new_pages(n, gfp);
	else
		p = kmalloc(n * PAGE_SIZE, gfp);
	if (!p) {
		count(&failed);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		*(struct stamp *)(p + i * PAGE_SIZE) =
			(struct stamp){key, (uint32_t)i, kind, (uint32_t)n};
	count(&made);
	return p;
}

static void end(char *p)
{
	struct stamp first;

	if (!p)
		return;
	first = *(const struct stamp *)p;
	if (first.nr_pages == 0 || first.nr_pages > PAGES_MAX)
		first.nr_pages = 1;
	for (uint32_t i = 0; i < first.nr_pages; i++) {
		const struct stamp *stamp = (const struct stamp *)(p + i * PAGE_SIZE);

		if (stamp->key != first.key || stamp->page != i)
			count(&damaged);
	}
	if (first.kind == AREA)
		vfree(p);
	else if (first.kind == MAPPING)
		vunmap(p);
	else
		kfree(p);
}

/* Put something new into a box; what was in it is freed by us, whoever made it. */
static void step(uint64_t *random, gfp_t gfp)
{
	void **box = &boxes[test_random_from(random) % BOXES];
	char *new = test_random_from(random) % 3 ? make(random, gfp) : NULL;

	end(__atomic_exchange_n(box, new, __ATOMIC_ACQ_REL));
}

static uint64_t seeds[THREADS + 1];

static void run(void *arg)
{
	uint64_t *random = &seeds[(uintptr_t)arg];

	for (unsigned i = 0; i < STEPS; i++)
		step(random, GFP_KERNEL);
}

static void in_the_handler(void)
{
	if (jitter_random_below(4) == 0)
		step(&seeds[THREADS], GFP_ATOMIC);
}

TEST(under_preemption_and_interrupts)
{
	struct thread *threads[THREADS];
	unsigned long flushes = world_flushes();
	unsigned n = 0;

	if (window_pages() == 0)
		SKIP("no mapping window on this machine");
	allow_kept_pages(64); /* page tables of the window */
	made = failed = damaged = 0;
	for (unsigned i = 0; i <= THREADS; i++)
		seeds[i] = test_random64();
	jitter_start(in_the_handler);
	while (n < THREADS &&
	       (threads[n] = thread_create("areas", run, (void *)(uintptr_t)n)) != NULL)
		n++;
	for (unsigned i = 0; i < n; i++)
		thread_join(threads[i]);
	jitter_stop();
	EXPECT_EQ(mm_check(), 0);
	for (unsigned i = 0; i < BOXES; i++) {
		end(boxes[i]);
		boxes[i] = NULL;
	}
	EXPECT_EQ(n, THREADS);
	EXPECT_EQ(damaged, 0);
	EXPECT(made > THREADS * STEPS / 4);
	test_note("%lu areas, %lu failed, %lu flushes, %lu interrupts", made, failed,
		  world_flushes() - flushes, jitter_count());
}

/*
 * The TLB for real: an address is read, its area freed, and in the end another page is
 * mapped at the same address.  What is read there must be the new page's.
 */
TEST(no_old_translation_is_used)
{
	unsigned reused = 0;
	uintptr_t address;
	char *p;

	if (window_pages() == 0)
		SKIP("no mapping window on this machine");
	allow_kept_pages(64); /* page tables of the window */
	window_flush();
	p = vmalloc(PAGE_SIZE);
	ASSERT(p);
	address = (uintptr_t)p;
	for (uint32_t i = 0; i < 4 * WINDOW_STALE_AREAS; i++) {
		volatile uint32_t *word = (volatile uint32_t *)p;
		uint32_t *by_page;

		*word = i;
		EXPECT_EQ(*word, i);
		by_page = kmap_local_page(vmalloc_to_page(p));
		EXPECT_EQ(*by_page, i);
		kunmap_local(by_page);
		vfree(p);
		p = vmalloc(PAGE_SIZE);
		ASSERT(p);
		reused += (uintptr_t)p == address;
	}
	vfree(p);
	EXPECT(reused > 0);
}

TEST_SUITE(area, under_preemption_and_interrupts, no_old_translation_is_used);
