// SPDX-License-Identifier: MIT
/*
 * Owners that come and go while their pages move, and memory that is scattered again as fast as it
 * is compacted (movers_test.c has owners that stay).  A visitor that pinned a page finds what
 * belongs there, whatever moves; and a house that is pulled down is not asked to move any more,
 * so that its memory can go.
 */
#include "threads.h"
#include <compact.h>
#include <harness.h>
#include <mm/highmem.h>
#include <mm/migrate.h>
#include <mm/page_alloc.h>
#include <mm/port.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unit/live.h>

#define THREADS     8u
#define ROOMS       1300u
#define HOUSES      3u
#define BRIEF_ROOMS 300u

#define GFP_LODGER  (GFP_HIGHUSER_MOVABLE | __GFP_NOWARN)

/* Nobody makes a request holding the lock, so that move() may wait for it. */
struct house {
	struct mm_mover mover;
	pthread_mutex_t lock;
	bool standing;
	unsigned moved, refused;
	unsigned nr;
	struct page *rooms[ROOMS];
};

static struct house houses[HOUSES];

static unsigned rounds(unsigned at_least)
{
	return at_least * test_effort() / 2;
}

/* Both ends of a page say whose it is; with interrupts off, since local slots are the CPU's. */
static void stamp(struct page *page, uint32_t number)
{
	mm_irqflags_t flags = mm_irq_save();
	uint32_t *words = kmap_local_page(page);

	words[0] = number;
	words[PAGE_SIZE / sizeof(*words) - 1] = ~number;
	kunmap_local(words);
	mm_irq_restore(flags);
}

static bool is_stamped(struct page *page, uint32_t number)
{
	mm_irqflags_t flags = mm_irq_save();
	const uint32_t *words = kmap_local_page(page);
	bool right = words[0] == number &&
		     words[PAGE_SIZE / sizeof(*words) - 1] == (uint32_t)~number;

	kunmap_local(words);
	mm_irq_restore(flags);
	return right;
}

static bool move(struct mm_mover *mover, struct page *from, struct page *to)
{
	struct house *house = (struct house *)mover; /* its first member */
	bool moved = false;

	sched_yield(); /* time for the page to be freed or pinned, or the house pulled down */
	pthread_mutex_lock(&house->lock);
	EXPECT(house->standing);
	for (unsigned i = 0; i < house->nr && !moved; i++) {
		if (house->rooms[i] != from || page_count(from) != MM_MOVING_REFS)
			continue;
		copy_highpage(to, from);
		stamp(from, 0);
		house->rooms[i] = to;
		moved = true;
	}
	*(moved ? &house->moved : &house->refused) += 1;
	pthread_mutex_unlock(&house->lock);
	return moved;
}

static void build(struct house *house, unsigned nr)
{
	memset(house, 0, sizeof(*house));
	house->mover.move = move;
	house->standing = true;
	house->nr = nr;
	pthread_mutex_init(&house->lock, NULL);
}

/* Another page for a room, or none. */
static void refurnish(struct house *house, unsigned i, struct page *page)
{
	struct page *old;

	if (page)
		stamp(page, i + 1);
	pthread_mutex_lock(&house->lock);
	old = house->rooms[i];
	house->rooms[i] = page;
	if (page)
		mm_set_movable(page, &house->mover);
	pthread_mutex_unlock(&house->lock);
	__free_pages(old, 0);
}

/* Rooms anywhere get every other page of a block: what compaction is for. */
static void scatter(struct worker *worker, struct house *house)
{
	unsigned order = 5 + worker_below(worker, 6);
	struct page *block = alloc_pages(GFP_LODGER, order);

	if (!block)
		return;
	split_page(block, order);
	for (unsigned i = 0; i < 1u << order; i++) {
		if (i % 2)
			refurnish(house, worker_below(worker, house->nr), block + i);
		else
			__free_page(block + i);
	}
}

static void visit(struct house *house, unsigned i)
{
	struct page *page;

	pthread_mutex_lock(&house->lock);
	page = house->rooms[i];
	if (page)
		get_page(page);
	pthread_mutex_unlock(&house->lock);
	if (!page)
		return;
	for (unsigned n = 0; n < 8; n++) {
		EXPECT(is_stamped(page, i + 1));
		sched_yield();
	}
	put_page(page);
}

/* After this nobody asks the mover, and the house may go. */
static void pull_down(struct house *house)
{
	pthread_mutex_lock(&house->lock);
	for (unsigned i = 0; i < house->nr; i++) {
		if (house->rooms[i]) {
			EXPECT(is_stamped(house->rooms[i], i + 1));
			__free_pages(house->rooms[i], 0);
			house->rooms[i] = NULL;
		}
	}
	pthread_mutex_unlock(&house->lock);
	mm_mover_quiesce(&house->mover);
	house->standing =
		false; /* whoever comes late finds it so, and the next call of move() a NULL */
	house->mover.move = NULL;
	for (unsigned n = 0; n < 8; n++)
		sched_yield();
	pthread_mutex_destroy(&house->lock);
}

static void live(struct worker *worker)
{
	for (unsigned n = 0; n < rounds(1500); n++) {
		struct house *house = &houses[worker_below(worker, HOUSES)];

		if (worker_below(worker, 3))
			visit(house, worker_below(worker, ROOMS));
		else
			refurnish(house, worker_below(worker, ROOMS),
				  worker_below(worker, 2) ? alloc_page(GFP_LODGER) : NULL);
		worker_progress(worker, "lives");
	}
}

static void live_briefly(struct worker *worker)
{
	static struct house house;

	for (unsigned n = 0; n < rounds(60); n++) {
		build(&house, BRIEF_ROOMS);
		scatter(worker, &house);
		for (unsigned i = 0; i < 20; i++)
			visit(&house, worker_below(worker, BRIEF_ROOMS));
		pull_down(&house);
		worker_progress(worker, "builds and pulls down");
	}
}

static void compact(struct worker *worker)
{
	for (unsigned n = 0; n < rounds(150); n++) {
		unsigned order = 1 + worker_below(worker, MM_MAX_ORDER);

		switch (worker_below(worker, 4)) {
		case 0: mm_compact(); break;
		case 2: scatter(worker, &houses[worker_below(worker, HOUSES)]); break;
		case 1: compact_for(MM_ZONE_HIGH, order); break;
		default: __free_pages(alloc_pages(GFP_HIGHUSER | __GFP_NOWARN, order), order);
		}
		worker_progress(worker, "compacts");
	}
}

static void body(struct worker *worker)
{
	if (worker->id < 2)
		compact(worker);
	else if (worker->id == 2)
		live_briefly(worker);
	else
		live(worker);
}

TEST(moving_houses)
{
	struct fingerprint before, after;
	unsigned moved = 0, refused = 0;

	live_settle(&before);
	for (unsigned i = 0; i < HOUSES; i++) {
		build(&houses[i], ROOMS);
		for (unsigned j = 0; j < ROOMS; j++)
			refurnish(&houses[i], j, j % 2 ? alloc_page(GFP_LODGER) : NULL);
	}
	workers_run(THREADS, body, NULL);
	EXPECT_EQ(mm_check(), 0);
	for (unsigned i = 0; i < HOUSES; i++) {
		moved += houses[i].moved;
		refused += houses[i].refused;
		pull_down(&houses[i]);
	}
	test_note("%u pages moved, %u refused", moved, refused);
	EXPECT(moved > 0);
	live_settle(&after);
	for (unsigned i = 0; i < MM_NR_ZONES; i++)
		EXPECT_EQ(after.free[i], before.free[i]);
}

TEST_SUITE(migrate_threads, moving_houses);
