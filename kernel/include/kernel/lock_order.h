/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with the use of spinlocks, found by watching each step of it: only in kernels that
 * are built with LOCK_ORDER=1, where <kernel/spinlock.h> tells it all.
 *
 * Locks are told apart by classes, which are named after how the source calls them: all of the same
 * expression, but for subscripts, in the same file are one; mm's are the same in all of its files.
 * What is reported, in one line of log each, once for each place:
 *
 *	a lock that this CPU has already; one that it gives back and does not have
 *	a lock taken inside of another of its class, or of one that was ever taken inside of it, at
 *	once or by way of others; or of one that is declared to come after it
 *	a lock taken, or given back, with interrupts on; waited for in an NMI handler
 *	sleeping with a lock
 */
#ifndef KERNEL_LOCK_ORDER_H
#define KERNEL_LOCK_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spinlock;

/* A place in the source that takes a lock; all zero bytes at first. */
struct lock_site {
	const char *name, *file; /* [I] */
	uint8_t lock_class;
};

/*
 * lock_order_before - a lock is about to be taken; `tries`: without waiting.  False: it must not,
 *	for this CPU has it; it counts as taken again.
 * lock_order_taken - it has been.
 * lock_order_give - it is about to be given back; false: it must not.
 * lock_order_sleep - the running thread may sleep now.
 *
 * Any context.
 */
bool lock_order_before(const struct spinlock *lock, struct lock_site *site, bool tries);
void lock_order_taken(const struct spinlock *lock, const struct lock_site *site);
bool lock_order_give(const struct spinlock *lock);
void lock_order_sleep(const char *function, uintptr_t caller);

/* Mistakes so far. */
unsigned lock_order_mistakes(void);

/* For tests: until they give NULL, reports go to `text` only, the last one stays; uncounted. */
void lock_order_catch(char *text, size_t size);

#endif
