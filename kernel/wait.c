/* SPDX-License-Identifier: MIT */
/*
 * Wait queues.
 *
 * Each waiter has a flag of its own, which a wake-up sets and wait_block() clears when it
 * returns, before the condition is looked at again.  So a wake-up between a look and the
 * sleep after it is not lost; and a condition may itself wait for something else.
 *
 * I1: a waiter is on its queue from wait_begin() to wait_end().
 * Locks: queues and flags change with interrupts off.
 */
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <kernel/time.h>
#include <mm/report.h>

void wait_begin(struct waiter *waiter, struct wait_queue *queue)
{
	uint32_t flags = irq_save();
	struct waiter **place = &queue->first;

	while (*place)
		place = &(*place)->next;
	*waiter = (struct waiter){.queue = queue, .thread = current()};
	*place = waiter;
	irq_restore(flags);
}

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
	if (!waiter->woken)
		in_time = time_ns() < deadline && sched_block(deadline);
	waiter->woken = false;
	irq_restore(flags);
	return in_time;
}

void wait_end(struct waiter *waiter)
{
	uint32_t flags = irq_save();
	struct waiter **place = &waiter->queue->first;

	while (*place != waiter)
		place = &(*place)->next;
	*place = waiter->next;
	irq_restore(flags);
}

static void wake(struct waiter *waiter)
{
	waiter->woken = true;
	sched_wake(waiter->thread);
}

void wait_wake_all(struct wait_queue *queue)
{
	uint32_t flags = irq_save();

	for (struct waiter *waiter = queue->first; waiter; waiter = waiter->next)
		wake(waiter);
	irq_restore(flags);
}

void wait_wake_one(struct wait_queue *queue)
{
	uint32_t flags = irq_save();
	struct waiter *waiter = queue->first;

	while (waiter && waiter->woken)
		waiter = waiter->next;
	if (waiter)
		wake(waiter);
	irq_restore(flags);
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
	if (!may_sleep())
		report_sleeper("this function", (uintptr_t)__builtin_return_address(0));
}

void might_sleep_in(const char *function, uintptr_t caller)
{
	if (!may_sleep())
		report_sleeper(function, caller);
}
