/* SPDX-License-Identifier: MIT */
/*
 * Sampled guard pages: now and then an object gets a page of its own between pages that
 * cannot be reached, at its left end or at its right one; and that page, too, cannot be reached
 * once the object is free.  So accesses beyond an object, or to a free one, reads as well as
 * writes, fault at the very instruction, in a build for every day.  (Electric Fence; sampled:
 * GWP-ASan, Linux's KFENCE.)
 *
 * Sampled is what comes to the slow paths: an allocation for which the CPU has no object ready; and
 * the next kmalloc() of a size that is no constant, and the next object of one cache after the
 * other, when the host's clock calls mm_guard_sample().  Fast paths do not know of it.
 *
 * A sampled object is memory of the direct map, like any other one.  Sampled are objects of up to a page
 * of caches that are not debugged (they have red zones) and not for DMA.
 *
 * The host makes pages unreachable (mm_host_guard()), and tells of faults (mm_guard_fault()).
 * A host that calls none of these functions need not link debug/guard.c.
 */
#ifndef MM_GUARD_H
#define MM_GUARD_H

#include <mm/types.h>

/* Objects that may be guarded at a time, at most.  Each takes two pages of the Normal zone. */
#define MM_GUARD_MAX 255u

/*
 * mm_guard_start - set memory aside for nr_objects, 1 .. MM_GUARD_MAX, and sample each interval-th
 *	allocation that takes a slow path; 0: only what mm_guard_sample() asks for.  Once
 *	started, another call only changes the interval.  False, after a line of log: the
 *	host cannot guard, or there is no memory, and all is as before.
 * mm_guard_stop - sample no more.  Objects that are guarded stay so, and the memory set aside.
 *
 * The allocator must be up.  Contexts: a thread that may sleep; one at a time.
 */
bool mm_guard_start(unsigned nr_objects, unsigned interval);
void mm_guard_stop(void);

/*
 * mm_guard_sample - guard the next object that can be, of whom it may be.  For the host's clock: ten
 *	times a second, say.  Any context but NMI, no lock of mm's held.
 */
void mm_guard_sample(void);

/*
 * mm_guard_fault - somebody accessed `address`, which cannot be reached, at the instruction at
 *	`ip`.  True: it was a guarded page.  The access has been reported (out of bounds, or
 *	use after free, with the object's history); the page can be reached now, so that
 *	the system goes on, and the objects beside it will not be guarded again there.
 *	False: it is none of mm's.  Any context, NMI included: a report is kept for later there.
 */
bool mm_guard_fault(uintptr_t address, bool write, uintptr_t ip);

struct mm_guard_info {
	unsigned objects;     /* places for objects; 0: never started */
	unsigned live;        /* taken now */
	unsigned retired;     /* not used any more, after a report */
	unsigned long allocs; /* objects guarded so far */
	unsigned long
		missed; /* chosen, but there was no place, or one like it was guarded already */
	unsigned long reports; /* faults, and damage found at a free */
};

/* Any context. */
void mm_guard_info(struct mm_guard_info *info);

#endif
