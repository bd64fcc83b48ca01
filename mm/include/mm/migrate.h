/* SPDX-License-Identifier: MIT */
/*
 * Migration: pages whose owners can do with another page instead.
 *
 * An owner gives a page of its own a mover.  From then on, whenever no block is large enough
 * for a request, or mm_compact() is called, mm may ask the mover to go over from this page
 * to another one of the same zone; so that scattered pages become neighbours, and what lies
 * between them large free blocks.
 */
#ifndef MM_MIGRATE_H
#define MM_MIGRATE_H

#include <mm/page_alloc.h>
#include <mm/types.h>

/*
 * A mover, usually part of the structure that says where the owner's pages are.
 *
 * move - put the data of `from`, a page with this mover, into `to`, a fresh page with any
 * contents; let everything that refers to `from` refer to `to`; return true.  Or change
 * nothing and return false: always allowed.
 *
 * While it is asked, mm holds a reference to `from`.  So `from` is not given to anybody else
 * meanwhile, whatever its owner does; but the owner may free it, or clear its mover, in
 * another thread or an interrupt, right up to the moment when move() has the owner's lock.
 * Therefore move() must, under the lock that guards the owner's tables,
 *
 *	1. look `from` up there, and return false if it is not the owner's any more;
 *	2. return false unless page_count(from) == MM_MOVING_REFS: somebody has pinned it;
 *	3. see to it that nobody writes to `from` while it is copied, nor reads or writes it
 *	   afterwards: unmap, copy_highpage(to, from), map `to`, and flush the translations
 *	   on every CPU, before it returns.
 *
 * References.  True: the owner's reference to `from` is mm's, which frees the page; the one
 * reference to `to` is the owner's, and so is the page: it has the mover already, and may be
 * freed as soon as the owner's lock is dropped.  False: `to` is mm's again; the owner's
 * reference to `from`, unless it dropped that itself meanwhile, stays the owner's.
 *
 * Pins.  Who uses a page that is not its own takes a reference with get_page(), under the
 * lock under which it found the page; a page with more than one reference stays where it is.
 * kmap() and kmap_local_page() alone hold no page in its place.
 *
 * Contexts: move() is called in a thread, interrupts on, no lock of mm's held, one page at a
 * time in the whole system.  It must not sleep, nor make requests that may sleep; it may
 * alloc with GFP_ATOMIC or GFP_NOWAIT, and free.  It runs inside of requests that may sleep,
 * of any thread, the owner's too: so it may spin for a lock only if nobody ever makes
 * such a request holding it; any other lock it may only try.
 */
struct mm_mover {
	bool (*move)(struct mm_mover *mover, struct page *from, struct page *to);
};

/* References to `from` while move() runs: the owner's, and mm's. */
#define MM_MOVING_REFS 2

/*
 * mm_set_movable - from now on the page may move.
 *
 * `page` is a block of order 0 that the caller owns.  Any other, and no mover: reported, and
 * nothing is changed.  Calling it again changes the mover.  It ends when the owner frees the page,
 * by __free_page(), even if others have references to it then; an owner that drops its
 * reference by put_page() instead calls mm_clear_movable() before.
 * Pages that are allocated with GFP_HIGHUSER_MOVABLE are the ones to give a mover: they lie
 * where all others can move too.
 *
 * mm_clear_movable - it stays where it is.  A move that is under way may still end: see
 * mm_mover_quiesce().  On a page that has no mover it does nothing.
 *
 * Contexts: any but NMI.
 */
void mm_set_movable(struct page *page, struct mm_mover *mover);
void mm_clear_movable(struct page *page);

/* Does the page have a mover?  Any context. */
bool mm_is_movable(const struct page *page);

/*
 * mm_mover_quiesce - wait until no move() of this mover runs.
 *
 * When none of its pages is movable any more (they are freed, or cleared), none will run again
 * after that, and the mover's memory may go.  Contexts: a thread that may sleep, and holds
 * no lock that move() takes; not from move() itself.
 */
void mm_mover_quiesce(struct mm_mover *mover);

/*
 * mm_compact - move pages until no more largest blocks (order MM_MAX_ORDER) can be gained.
 *
 * Requests for blocks do this by themselves, as far as they need it; here it is done beforehand,
 * in every zone.  Returns how many more of these blocks there are for it, counting
 * only what really became free.  Another thread that is at it is waited for, for a second
 * at most.  As many pages as one block has must be free in a zone beyond its low watermark,
 * or nothing moves there.
 * Contexts: a thread that may sleep, and holds no lock that a mover takes.
 */
size_t mm_compact(void);

#endif
