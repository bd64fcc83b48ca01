// SPDX-License-Identifier: MIT
/*
 * Owners whose pages move under their hands: while they allocate, read, pin and free them in
 * several threads each, others compact the zones and ask for blocks that only a move can
 * make.  Whatever moves, each page is found with what was written in it.
 */
#include "threads.h"
#include <harness.h>
#include <mm/highmem.h>
#include <mm/migrate.h>
#include <mm/port.h>
#include <pthread.h>

#define OWNERS     3u
#define SLOTS      700u
#define THREADS    8u
#define COMPACTORS 2u /* of the threads */

struct owner {
	struct mm_mover mover;
	pthread_mutex_t lock;
	struct page *slots[SLOTS]; /* [lock] */
	unsigned moves;            /* [lock] */
};

static struct owner owners[OWNERS];
static unsigned users; /* [a] threads that still use their pages */

static struct owner *owner_of(struct mm_mover *mover)
{
	return (struct owner *)((char *)mover - offsetof(struct owner, mover));
}

/* [lock] */
static bool move_locked(struct owner *owner, struct page *from, struct page *to)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		if (owner->slots[i] != from)
			continue;
		if (page_count(from) != MM_MOVING_REFS)
			return false;
		copy_highpage(to, from);
		owner->slots[i] = to;
		owner->moves++;
		return true;
	}
	return false;
}

/* Nobody makes a request holding the lock: so it may be waited for. */
static bool move(struct mm_mover *mover, struct page *from, struct page *to)
{
	struct owner *owner = owner_of(mover);
	bool moved;

	pthread_mutex_lock(&owner->lock);
	moved = move_locked(owner, from, to);
	pthread_mutex_unlock(&owner->lock);
	return moved;
}

/* --- what is in a page ------------------------------------------------------------------ */

static uint32_t mark_of(const struct owner *owner, unsigned slot)
{
	return (uint32_t)(owner - owners + 1) << 16 | slot;
}

/* Write (or expect) the mark at both ends of a page. */
static void mark_page(struct page *page, uint32_t mark, bool write)
{
	mm_irqflags_t flags = mm_irq_save();
	uint32_t *words = kmap_local_page(page);
	uint32_t *last = words + PAGE_SIZE / sizeof(*words) - 1;

	if (write)
		*words = *last = mark;
	else if (*words != mark || *last != mark)
		test_fail(NULL, 0, "page of owner and slot 0x%x has marks 0x%x and 0x%x", mark,
			  *words, *last);
	kunmap_local(words);
	mm_irq_restore(flags);
}

/* --- threads ------------------------------------------------------------------------------ */

static void fill_slot(struct owner *owner, unsigned slot)
{
	struct page *page = alloc_page(GFP_HIGHUSER_MOVABLE | __GFP_NOWARN | __GFP_NORETRY);

	if (!page)
		return;
	mark_page(page, mark_of(owner, slot), true);
	pthread_mutex_lock(&owner->lock);
	if (!owner->slots[slot]) {
		owner->slots[slot] = page;
		mm_set_movable(page, &owner->mover);
		page = NULL;
	}
	pthread_mutex_unlock(&owner->lock);
	if (page) /* another thread was faster */
		__free_page(page);
}

static void empty_slot(struct owner *owner, unsigned slot)
{
	struct page *page;

	pthread_mutex_lock(&owner->lock);
	page = owner->slots[slot];
	owner->slots[slot] = NULL;
	pthread_mutex_unlock(&owner->lock);
	if (page) {
		mark_page(page, mark_of(owner, slot), false);
		__free_page(page);
	}
}

/* For a moment: nothing moves while the lock is held. */
static void read_slot(struct owner *owner, unsigned slot)
{
	pthread_mutex_lock(&owner->lock);
	if (owner->slots[slot])
		mark_page(owner->slots[slot], mark_of(owner, slot), false);
	pthread_mutex_unlock(&owner->lock);
}

/* For longer: a page with one reference more does not move. */
static void pin_slot(struct owner *owner, unsigned slot)
{
	struct page *page;
	uint32_t *words;

	pthread_mutex_lock(&owner->lock);
	page = owner->slots[slot];
	if (page)
		get_page(page);
	pthread_mutex_unlock(&owner->lock);
	if (!page)
		return;
	words = kmap(page);
	if (words) {
		EXPECT_EQ(*words, mark_of(owner, slot));
		kunmap(page);
	}
	put_page(page);
}

static void use_pages(struct worker *worker)
{
	struct owner *owner = &owners[worker->id % OWNERS];

	for (unsigned i = 0; i < 3000 * test_effort(); i++) {
		unsigned slot = worker_below(worker, SLOTS);

		worker_progress(worker, "uses its pages");
		switch (worker_below(worker, 8)) {
		case 0: pin_slot(owner, slot); break;
		case 1:
		case 2: empty_slot(owner, slot); break;
		case 3:
		case 4: read_slot(owner, slot); break;
		default: fill_slot(owner, slot);
		}
	}
	__atomic_fetch_sub(&users, 1, __ATOMIC_RELAXED);
}

static void compact(struct worker *worker)
{
	while (__atomic_load_n(&users, __ATOMIC_RELAXED)) {
		unsigned order = MM_MAX_ORDER - worker_below(worker, 4);
		struct page *page;

		worker_progress(worker, "compacts");
		if (worker_below(worker, 2))
			mm_compact();
		page = alloc_pages(GFP_HIGHUSER | __GFP_NOWARN, order);
		if (page)
			__free_pages(page, order);
	}
}

static void use_or_compact(struct worker *worker)
{
	if (worker->id < COMPACTORS)
		compact(worker);
	else
		use_pages(worker);
}

/* A third of each owner's pages, all over the zone: nobody is in the way, these do move. */
static void scatter(void)
{
	for (unsigned i = 0; i < OWNERS * SLOTS; i++)
		fill_slot(&owners[i / SLOTS], i % SLOTS);
	for (unsigned i = 0; i < OWNERS * SLOTS; i++) {
		if (i % 3)
			empty_slot(&owners[i / SLOTS], i % SLOTS);
	}
}

TEST(storm_of_moves)
{
	unsigned moves = 0;

	for (unsigned i = 0; i < OWNERS; i++) {
		owners[i].mover.move = move;
		pthread_mutex_init(&owners[i].lock, NULL);
	}
	users = THREADS - COMPACTORS;
	workers_run(THREADS, use_or_compact, NULL);
	scatter();
	EXPECT(mm_compact() > 0);
	for (unsigned i = 0; i < OWNERS; i++) {
		for (unsigned slot = 0; slot < SLOTS; slot++)
			empty_slot(&owners[i], slot);
		mm_mover_quiesce(&owners[i].mover);
		moves += owners[i].moves;
	}
	EXPECT(moves > 0);
}

TEST_SUITE(movers, storm_of_moves);
