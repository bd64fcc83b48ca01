// SPDX-License-Identifier: MIT
/*
 * Moving one page: what an owner promised with mm_set_movable(), called in.
 *
 * A page that is looked at may be freed at any moment, and then be anybody's.  What keeps
 * it what it was is a reference, and what makes it safe to take one is the zone lock:
 *
 * I1. Under the zone lock of a page, its kind being PAGE_BLOCK and `home` being PAGE_MOVABLE, it has
 *     not been given out anew since its owner set that: that is changed back under this lock
 *     only, and page lists take no block in that ever had a mover.
 * I2. A reference is only taken in such a moment, and only as the second one (1 -> 2 in one
 *     step): a page that is just being freed (0), or pinned (2 or more), is left alone.
 * I3. So nobody but its owner's own kind ever sees that reference; and from then on the last
 *     of owner and mm frees the page, whichever comes last.
 * I4. One page moves at a time (compact.c sees to that), by the mover in `moving`: set
 *     under the zone lock before its first use, cleared after its last.
 *
 * Locks: the zone lock [z], by the caller, while a page is chosen and held.  move() is called
 * without any.
 */
#include <bits.h>
#include <migrate.h>
#include <report.h>

static struct {
	struct mm_mover *mover; /* [z] to set, [a] to clear: whose move() may be running */
	uint32_t ended;         /* [a] moves that have ended; those who wait sleep on it */
} moving;

/* How long to sleep for a move to end, when nobody wakes us. */
#define QUIESCE_MS 10

static bool is_movable(const struct page *page)
{
	return page_get_kind(page) == PAGE_BLOCK &&
	       __atomic_load_n(&page->home, __ATOMIC_ACQUIRE) == PAGE_MOVABLE;
}

bool migrate_possible(const struct page *page)
{
	return is_movable(page) && __atomic_load_n(&page->refs, __ATOMIC_RELAXED) == 1;
}

struct mm_mover *migrate_hold_locked(struct page *page)
{
	struct mm_mover *mover;
	uint32_t refs = 1;

	if (!is_movable(page) ||
	    !__atomic_compare_exchange_n(&page->refs, &refs, MM_MOVING_REFS, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return NULL;
	mover = __atomic_load_n(&page->mover, __ATOMIC_RELAXED);
	__atomic_store_n(&moving.mover, mover, __ATOMIC_RELAXED);
	return mover;
}

/* Drop `n` references of a block that has so many; true if these were the last. */
static bool drop_references(struct page *page, uint32_t n)
{
	return __atomic_sub_fetch(&page->refs, n, __ATOMIC_ACQ_REL) == 0;
}

/* The mover will not be used any more. */
static void end_move(void)
{
	__atomic_store_n(&moving.mover, NULL, __ATOMIC_RELEASE);
	__atomic_fetch_add(&moving.ended, 1, __ATOMIC_ACQ_REL);
	mm_host_wake(&moving.ended);
}

bool migrate_let_go(struct page *page)
{
	end_move();
	if (!drop_references(page, 1))
		return false;
	zone_free(&zones[page->zone], page, 0); /* its owner's free, which comes to pass now */
	return true;
}

/* A page that another one takes the place of; false if somebody has pinned it. */
static bool put_back(struct page *page, uint32_t refs)
{
	if (!drop_references(page, refs))
		return false;
	zone_put_back(&zones[page->zone], page, 0);
	return true;
}

/*
 * Nobody is to be asked about a page any more that its owner gives up while others have
 * references to it: the mover may be gone before the page is.  Under the lock, since the caller
 * may be mistaken, and the page free.
 */
void migrate_forget(struct page *page)
{
	struct zone *zone = &zones[page->zone];
	mm_irqflags_t flags = mm_irq_save();

	mm_spin_lock(&zone->lock);
	if (is_movable(page))
		__atomic_store_n(&page->home, PAGE_WAS_MOVABLE, __ATOMIC_RELEASE);
	mm_spin_unlock(&zone->lock);
	mm_irq_restore(flags);
}

/*
 * The owner's reference to a page that moved is ours to drop, with our own.  If it is gone, the
 * owner has freed the page, and then said that it moved it: a liar, but no harm is done.  `move`
 * is its name for the report; the mover itself may be gone.
 */
static enum migrate_result release_moved(uintptr_t move, struct page *from)
{
	if (__atomic_load_n(&from->refs, __ATOMIC_ACQUIRE) >= MM_MOVING_REFS) {
		__atomic_store_n(&from->home, PAGE_WAS_MOVABLE, __ATOMIC_RELEASE);
		return put_back(from, MM_MOVING_REFS) ? MIGRATE_MOVED : MIGRATE_PINNED;
	}
	report_now(MM_REPORT_MISUSE, (uintptr_t)from, move, "the page is freed once",
		   "a mover moved page frame 0x%x, which was freed", pfn_of_page(from));
	put_back(from, 1);
	return MIGRATE_MOVED;
}

/* Nobody else knows `to` yet; when move() says true, it may be gone by then. */
enum migrate_result migrate_page(struct mm_mover *mover, struct page *from, struct page *to)
{
	uintptr_t move = (uintptr_t)mover->move;

	to->refs = 1;
	mm_set_movable(to, mover);
	if (!mover->move(mover, from, to)) {
		mm_clear_movable(to);
		put_back(to, 1);
		return migrate_let_go(from) ? MIGRATE_FREED : MIGRATE_STAYED;
	}
	end_move();
	return release_moved(move, from);
}

/* --- for owners --------------------------------------------------------------------- */

/* Is this a block of one page, with an owner? */
static bool is_single_page(const struct page *page)
{
	pfn_t pfn = pfn_of_page(page);

	return page_exists(pfn) && page == page_of_pfn(pfn) &&
	       page_get_kind(page) == PAGE_BLOCK && page->order == 0 &&
	       __atomic_load_n(&page->refs, __ATOMIC_RELAXED) > 0;
}

void mm_set_movable(struct page *page, struct mm_mover *mover)
{
	if (!mover || !is_single_page(page)) {
		report_now(MM_REPORT_MISUSE, (uintptr_t)page, CALLER(),
			   "the page stays as it is", "mm_set_movable of %p: %s",
			   (const void *)page,
			   mover ? "no allocated block of one page" : "no mover");
		return;
	}
	__atomic_store_n(&page->mover, mover, __ATOMIC_RELAXED);
	__atomic_store_n(&page->home, PAGE_MOVABLE, __ATOMIC_RELEASE);
}

void mm_clear_movable(struct page *page)
{
	if (is_single_page(page) && is_movable(page))
		__atomic_store_n(&page->home, PAGE_WAS_MOVABLE, __ATOMIC_RELEASE);
}

bool mm_is_movable(const struct page *page)
{
	return is_single_page(page) && is_movable(page);
}

/*
 * Whoever held a page before its mover was cleared did it under a zone lock: having had each
 * lock once, we see its mark, and whoever comes later sees that the page is not movable.
 */
void mm_mover_quiesce(struct mm_mover *mover)
{
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		mm_irqflags_t flags = mm_irq_save();

		mm_spin_lock(&zones[i].lock);
		mm_spin_unlock(&zones[i].lock);
		mm_irq_restore(flags);
	}
	for (;;) {
		uint32_t seen = __atomic_load_n(&moving.ended, __ATOMIC_ACQUIRE);

		if (__atomic_load_n(&moving.mover, __ATOMIC_ACQUIRE) != mover)
			return;
		if (!mm_host_wait(&moving.ended, seen, QUIESCE_MS))
			mm_cpu_relax();
	}
}
