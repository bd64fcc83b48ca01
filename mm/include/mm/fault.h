/* SPDX-License-Identifier: MIT */
/*
 * Fault injection: allocations that fail though there is memory, so that the paths behind a
 * failure run, too.  (Linux: failslab, fail_page_alloc, fail-nth.)
 *
 * What can fail is a request as its caller made it: an object of a cache (kmalloc's among them),
 * each object of a bulk, a block of pages, each page of a vmalloc area, and what is asked for by
 * the functions of <mm/nolock.h>.  What the allocator needs for itself (slabs, descriptors,
 * magazines) does not fail: nobody asked for it.  An injected failure ends the request at once,
 * without reclaim, in NULL, and is reported as any failure to allocate is, beginning with
 * "injected" (a vmalloc area's, too); by __GFP_NOWARN and in <mm/nolock.h> silently.
 *
 * A request with __GFP_NOFAIL never fails, and is not counted: its caller does not look.
 *
 * Nothing of this costs a fast path anything.  While faults are armed the stacks of the CPUs are
 * empty and shut, so that every request takes the slow path, which asks: all is slower then.
 * A host that calls none of these functions need not link debug/fault.c.
 */
#ifndef MM_FAULT_H
#define MM_FAULT_H

#include <mm/types.h>

#define MM_FAULT_PER     1000u /* what a probability is a part of */
#define MM_FAULT_PATTERN 32    /* with the terminating 0 */

/* In which contexts; 0 means all. */
#define MM_FAULT_THREAD  1u
#define MM_FAULT_IRQ     2u
#define MM_FAULT_NMI     4u

/* Of which kind; 0 means both. */
#define MM_FAULT_OBJECTS 1u
#define MM_FAULT_PAGES   2u

/*
 * Which requests fail.  All zero: none.  The first group says which requests are candidates, the
 * second which of the candidates fail.
 */
struct mm_fault {
	unsigned kinds;
	unsigned contexts;
	bool this_thread;             /* only of the thread that arms, and not in interrupts */
	unsigned min_order;           /* blocks of pages that are smaller are no candidates */
	uintptr_t caller_from;        /* return addresses, from this one to below that; */
	uintptr_t caller_to;          /* 0: any */
	char cache[MM_FAULT_PATTERN]; /* glob of names (* and ?): only objects of these */

	unsigned long space;    /* so many pass first */
	unsigned long interval; /* then each interval-th is chosen; 0 is as 1: each */
	unsigned probability;   /* of these so many in MM_FAULT_PER fail */
	uint64_t seed;          /* which: the n-th candidate's fate is always the same */
	long times;             /* then no more; 0 or -1: for ever */
};

struct mm_fault_stats {
	unsigned long candidates; /* requests that were, since faults were armed */
	unsigned long injected;   /* of these failed */
	bool armed;
};

/*
 * mm_fault_set - arm; what was armed before is not any more, and counting begins at 0.
 * mm_fault_clear - no more failures; the counts stay.  No request is half way through them
 *	when it returns.
 *
 * The allocator must be up.  Contexts: a thread, interrupts on, no lock held; one at a time.
 */
void mm_fault_set(const struct mm_fault *fault);
void mm_fault_clear(void);

/* Any context. */
void mm_fault_stats(struct mm_fault_stats *stats);

/*
 * mm_fault_nth - the n-th request of this thread from now on fails, and no other.  With 0: it
 *	ends, and what comes back is whether there was an n-th.
 *
 * So every failure that an operation can meet is met, one after the other:
 *
 *	for (unsigned long n = 1;; n++) {
 *		mm_fault_nth(n);
 *		result = operation();
 *		if (!mm_fault_nth(0))
 *			break;
 *		... undo it if it succeeded all the same; else nothing may have been leaked ...
 *	}
 *
 * Contexts: those of mm_fault_set().
 */
bool mm_fault_nth(unsigned long n);

/*
 * mm_fault_parse - read the text of an option into *fault:
 *
 *	probability=10,seed=7,interval=2,times=5,space=1000,order=1
 *	context=tin	threads, interrupts, NMIs
 *	kind=op		objects, pages
 *	cache=kmalloc-*
 *
 * Without a probability each chosen one fails.  Numbers are decimal.  Words that are unknown
 * or make no sense are named in the log, and ignored.  Returns whether there were none.
 */
bool mm_fault_parse(const char *text, struct mm_fault *fault);

#endif
