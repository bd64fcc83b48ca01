/* SPDX-License-Identifier: MIT */
/*
 * What both tests of NMIs do, the hosted one, where NMIs come between the steps of the
 * allocator (tests/host/nmi_test.c), and the kernel's, where they come between any two
 * instructions (tests/kernel/nmi_test.c).
 *
 * A thread does something of all that the allocator offers; the handler allocates and frees by
 * <mm/nolock.h>, its own memory and what the thread leaves for it.  Every block carries a
 * pattern from end to end.
 */
#ifndef TESTS_UNIT_NOLOCK_WORK_H
#define TESTS_UNIT_NOLOCK_WORK_H

struct nolock_work_counts {
	unsigned long allocs, failures; /* of the handler */
	unsigned long damaged;          /* blocks that did not have their pattern */
};

extern struct nolock_work_counts nolock_work;

/* Before the first NMI: every cache gets its magazine, so that pages can be compared later. */
void nolock_work_begin(void);

void nolock_work_thread(void); /* one round: a few thousand instructions of everything */
void nolock_work_nmi(void);    /* what the handler does */

/* After the last NMI: all is free again, and EXPECTed to be undamaged. */
void nolock_work_end(void);

#endif
