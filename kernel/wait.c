/* SPDX-License-Identifier: MIT */
/*
 * Wait queues.
 *
 * Each waiter has a flag of its own, which a wake-up sets and wait_block() clears when it
 * returns, before the condition is looked at again.  So a wake-up between a look and the
 * sleep after it is not lost; and a condition may itself wait for something else.
 *
 * I1: a waiter is on its queue from wait_begin() to wait_end().
 * Locks: the queue's, before those of the scheduler.  A waiter is touched by others only while they
 * have it.
 */
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <kernel/spinlock.h>
#include <kernel/time.h>
#include <mm/report.h>

void wait_begin(struct waiter *waiter, struct wait_queue *queue)
{
	uint32_t flags = spin_lock_irqsave(&queue->lock);
	struct waiter **place = &queue->first;

	while (*place)
		place = &(*place)->next;
	*waiter = (struct waiter){.queue = queue, .thread = current()};
	*place = waiter;
	spin_unlock_irqrestore(&queue->lock, flags);
}

/* A wake-up between the look at `woken` and the sleep makes that return at once: see sched.c. */
bool wait_block(struct waiter *waiter, uint64_t deadline)
{
	bool in_time = true;
	uint32_t flags;

	if (!may_sleep()) {
		if (deadline == WAIT_FOREVER)
			panic("nothing can end this wait: nobody else may run");
		return false;
	}
	flags = irq_save();
	if (!__atomic_load_n(&waiter->woken, __ATOMIC_RELAXED))
		in_time = time_ns() < deadline && sched_block(deadline);
	__atomic_store_n(&waiter->woken, false, __ATOMIC_SEQ_CST);
	irq_restore(flags);
	return in_time;
}

void wait_end(struct waiter *waiter)
{
	struct wait_queue *queue = waiter->queue;
	uint32_t flags = spin_lock_irqsave(&queue->lock);
	struct waiter **place = &queue->first;

	while (*place != waiter)
		place = &(*place)->next;
	*place = waiter->next;
	spin_unlock_irqrestore(&queue->lock, flags);
}

static void wake(struct waiter *waiter)
{
	__atomic_store_n(&waiter->woken, true, __ATOMIC_SEQ_CST);
	sched_wake(waiter->thread);
}

void wait_wake_all_locked(struct wait_queue *queue)
{
	for (struct waiter *waiter = queue->first; waiter; waiter = waiter->next)
		wake(waiter);
}

void wait_wake_all(struct wait_queue *queue)
{
	uint32_t flags = spin_lock_irqsave(&queue->lock);

	wait_wake_all_locked(queue);
	spin_unlock_irqrestore(&queue->lock, flags);
}

void wait_wake_one(struct wait_queue *queue)
{
	uint32_t flags = spin_lock_irqsave(&queue->lock);
	struct waiter *waiter = queue->first;

	while (waiter && __atomic_load_n(&waiter->woken, __ATOMIC_RELAXED))
		waiter = waiter->next;
	if (waiter)
		wake(waiter);
	spin_unlock_irqrestore(&queue->lock, flags);
}

static void tell_lock_order(const char *function, uintptr_t caller)
{
#ifdef LOCK_ORDER
	lock_order_sleep(function, caller);
#else
	(void)function;
	(void)caller;
#endif
}

static void report_sleeper(const char *function, uintptr_t caller)
{
	mm_report(MM_REPORT_MIGHT_SLEEP, caller,
		  "it goes on, and must not wait; reported once for each call site",
		  "%s may sleep, where sleeping is not allowed (preempt count %u)", function,
		  cpu_preempt_count());
}

void might_sleep(void)
{
	tell_lock_order("this function", (uintptr_t)__builtin_return_address(0));
	if (!may_sleep())
		report_sleeper("this function", (uintptr_t)__builtin_return_address(0));
}

void might_sleep_in(const char *function, uintptr_t caller)
{
	tell_lock_order(function, caller);
	if (!may_sleep())
		report_sleeper(function, caller);
}
