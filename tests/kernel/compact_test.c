// SPDX-License-Identifier: MIT
/*
 * Compaction under preemption at random points: while threads take over, visit and give up the
 * pages that it moves, and an interrupt takes pages away, two of them compact at once, and
 * an owner ends again and again.
 */
#include "jitter.h"
#include <compact.h>
#include <harness.h>
#include <kernel/cpu.h>
#include <kernel/thread.h>
#include <mem.h>
#include <mm/stats.h>
#include <unit/live.h>
#include <unit/tenant.h>
#include <zone.h>

#define BLOCKS      3u
#define ROUNDS      400u
#define LODGERS     900u /* pages of the tenant's at the start, and later about as many */
#define BRIEF_PAGES 20u
#define GFP_LODGER  (GFP_HIGHUSER_MOVABLE | __GFP_NORETRY | __GFP_NOWARN)

static struct tenant tenant, brief;
static volatile bool over;
static unsigned long visits, wrong, ended;
static uint64_t seeds[4];

static uint32_t below(uint64_t *random, uint32_t n)
{
	return (uint32_t)(test_random_from(random) >> 33) % n;
}

/* The tenant's page that comes first from a random place on; TENANT_PAGES when there is none. */
static size_t any_page(uint64_t *random)
{
	size_t i = below(random, LODGERS);

	while (i < TENANT_PAGES && !tenant.pages[i])
		i++;
	return i;
}

static void come_or_go(uint64_t *random)
{
	struct page *page = below(random, 2) ? alloc_page(GFP_LODGER) : NULL;
	uint32_t flags = irq_save();
	size_t i;

	if (page && tenant_adopt(&tenant, page) == TENANT_PAGES)
		__free_page(page);
	if (!page && (i = any_page(random)) < TENANT_PAGES)
		tenant_drop(&tenant, i);
	irq_restore(flags);
}

/* Every other page of a block for a page that lies elsewhere: there is always something to do. */
static void scatter(uint64_t *random)
{
	unsigned order = 3 + below(random, 4);
	struct page *block = alloc_pages(GFP_LODGER, order);

	if (!block)
		return;
	split_page(block, order);
	for (unsigned j = 0; j < 1u << order; j++) {
		uint32_t flags = irq_save();
		size_t i = any_page(random);

		if (j % 2 && i < TENANT_PAGES) {
			tenant_drop(&tenant, i);
			tenant_adopt(&tenant, block + j);
		} else {
			__free_page(block + j);
		}
		irq_restore(flags);
	}
}

/* The pin outlives the lock: whatever happens to the page's owner, the contents stay. */
static void visit(uint64_t *random)
{
	uint32_t flags = irq_save();
	size_t i = any_page(random);
	struct page *page = i < TENANT_PAGES ? tenant.pages[i] : NULL;

	if (page)
		get_page(page);
	irq_restore(flags);
	if (!page)
		return;
	thread_yield();
	visits++;
	wrong += !tenant_is_stamped(page, i);
	put_page(page);
}

static void lodge(void *arg)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		come_or_go(arg);
		visit(arg);
		if (i % 4 == 0)
			scatter(arg);
	}
}

/* Preempted at the worst moment, when its page is held and may be freed: is the owner still there? */
static bool linger(struct tenant *owner, struct page *from, struct page *to)
{
	(void)from;
	(void)to;
	for (unsigned i = 0; i < 6; i++)
		thread_yield();
	wrong += !owner->mover.move;
	return owner->mover.move;
}

/* An owner with few pages; when it has ended its mover must not be called: it leads nowhere. */
static void end_often(void *arg)
{
	(void)arg;
	while (!over) {
		tenant_init(&brief);
		brief.hook = linger;
		for (unsigned i = 0; i < BRIEF_PAGES; i++) {
			struct page *page = alloc_page(GFP_LODGER);
			uint32_t flags = irq_save();

			if (page)
				tenant_adopt(&brief, page);
			irq_restore(flags);
		}
		thread_yield();
		for (size_t i = 0; i < BRIEF_PAGES; i++) {
			uint32_t flags = irq_save();

			if (brief.pages[i])
				tenant_drop(&brief, i);
			irq_restore(flags);
		}
		mm_mover_quiesce(&brief.mover);
		brief.mover.move = NULL;
		ended++;
		thread_yield();
	}
}

static void compact(void *arg)
{
	while (!over) {
		if (below(arg, 2))
			mm_compact();
		else
			compact_for(MM_ZONE_HIGH, 1 + below(arg, MM_MAX_ORDER));
		thread_yield();
	}
}

/* In each interrupt: a page is taken, and one that was is given back. */
static void interrupt(void)
{
	static struct page *taken[16];
	struct page **slot = &taken[jitter_random_below(16)];

	if (*slot)
		__free_page(*slot);
	*slot = over ? NULL : alloc_page(GFP_ATOMIC | __GFP_HIGHMEM | __GFP_NOWARN);
	for (unsigned i = 0; over && i < 16; i++) {
		if (taken[i])
			__free_page(taken[i]);
		taken[i] = NULL;
	}
}

static unsigned long pages_moved(void)
{
	unsigned long moved = 0;

	for (unsigned i = 0; i < MM_NR_ZONES; i++)
		moved += zones[i].moved;
	return moved;
}

static bool settle(void)
{
	tenant_init(&tenant);
	for (unsigned i = 0; i < BLOCKS; i++) {
		if (tenant_settle(&tenant, GFP_NOWAIT | __GFP_HIGHMEM | __GFP_MOVABLE,
				  200 + 100 * i) == PFN_NONE) {
			tenant_drop_all(&tenant);
			return false;
		}
	}
	return true;
}

/* On one CPU: what the threads share they protect by interrupts off. */
TEST(preempted_anywhere)
{
	struct thread *lodgers[2], *others[3];
	unsigned long moved = pages_moved();

	threads_start_on(BOOT_CPU);
	if (!settle())
		SKIP("too few of the largest blocks");
	over = false;
	visits = wrong = ended = 0;
	for (unsigned i = 0; i < 4; i++)
		seeds[i] = test_random64();
	jitter_start(interrupt);
	for (unsigned i = 0; i < 2; i++)
		lodgers[i] = thread_create("lodger", lodge, &seeds[i]);
	for (unsigned i = 0; i < 2; i++)
		others[i] = thread_create("compactor", compact, &seeds[2 + i]);
	others[2] = thread_create("brief", end_often, NULL);
	for (unsigned i = 0; i < 2; i++)
		if (EXPECT(lodgers[i]))
			thread_join(lodgers[i]);
	over = true;
	for (unsigned i = 0; i < 3; i++)
		if (EXPECT(others[i]))
			thread_join(others[i]);
	thread_sleep_ms(20); /* the handler gives back what it has */
	jitter_stop();
	EXPECT(tenant_check(&tenant));
	EXPECT_EQ(wrong, 0);
	EXPECT(visits > 0);
	EXPECT(ended > 0);
	EXPECT(pages_moved() > moved);
	test_note("%lu pages moved, %lu visits, %lu owners ended, %lu interrupts",
		  pages_moved() - moved, visits, ended, jitter_count());
	tenant_drop_all(&tenant);
}

TEST_SUITE(compact_threads, preempted_anywhere);
