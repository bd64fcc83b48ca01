/* SPDX-License-Identifier: MIT */
/*
 * Wait queues: threads that wait for a condition, and those who make it true.
 *
 *	waiter					waker
 *	wait_event(&queue, condition);		make the condition true;
 *						wait_wake_all(&queue);
 *
 * No wake-up is lost: the waiter is on the queue before it looks at the condition, and a
 * wake-up from then on makes its next attempt to sleep return at once.
 */
#ifndef KERNEL_WAIT_H
#define KERNEL_WAIT_H

#include <kernel/spinlock.h>

struct thread;
struct waiter;

/* All zero bytes is an empty queue. */
struct wait_queue {
	struct spinlock lock;
	struct waiter *first; /* in the order of arrival */
};

/* A thread on a queue: lies on its stack while it waits. */
struct waiter {
	struct wait_queue *queue;
	struct waiter *next;
	struct thread *thread;
	bool woken; /* since it last looked at its condition */
};

#define WAIT_FOREVER                 UINT64_MAX

/*
 * wait_event - sleep until `condition`, which is evaluated again after each wake-up.
 *
 * wait_event_until - no longer than until `deadline`, on the clock of time_ns(); the value
 *	is the condition's.  Timed waits end at timer interrupts.
 *
 * Contexts: a thread that may sleep, anything else is reported.  There a timed wait does
 * not wait, and one without an end panics if the condition is false: nothing could make
 * it true.
 */
#define wait_event(queue, condition) ((void)wait_event_until(queue, condition, WAIT_FOREVER))

#define wait_event_until(queue, condition, deadline)                             \
	({                                                                       \
		uint64_t deadline_ = (deadline);                                 \
		struct waiter waiter_;                                           \
		bool met_;                                                       \
                                                                                 \
		might_sleep();                                                   \
		wait_begin(&waiter_, queue);                                     \
		while (!(met_ = (condition)) && wait_block(&waiter_, deadline_)) \
			;                                                        \
		met_ = met_ || (condition); /* it may have come with the end */  \
		wait_end(&waiter_);                                              \
		met_;                                                            \
	})

/* What they are made of: join the queue; sleep, false after the deadline; leave it. */
void wait_begin(struct waiter *waiter, struct wait_queue *queue);
bool wait_block(struct waiter *waiter, uint64_t deadline);
void wait_end(struct waiter *waiter);

/*
 * wait_wake_all - wake everybody on the queue.
 * wait_wake_one - wake the first who has not been woken yet.  For conditions that only
 *	one can use, and which each who gives up waiting leaves as it is.
 *
 * Any context but NMI.
 */
void wait_wake_all(struct wait_queue *queue);
void wait_wake_one(struct wait_queue *queue);

/* When `ms` milliseconds will have passed: a deadline. */
uint64_t wait_deadline(unsigned ms);

/*
 * might_sleep - whoever calls this may sleep now or another time: where that is not
 * allowed it is reported, once for each caller.
 *
 * might_sleep_in - the same for a function that blames its own caller.
 */
void might_sleep(void);
void might_sleep_in(const char *function, uintptr_t caller);

#endif
