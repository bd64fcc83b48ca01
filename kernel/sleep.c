/* SPDX-License-Identifier: MIT */
/*
 * Sleepers: blocked threads that the clock will wake.
 *
 * I1: the list is sorted by wake_ns; those of the same time stand as they came.
 * I2: a thread puts itself on it before it blocks, and takes itself off when it runs again: who
 *     is on it exists.  It may not have blocked yet, or have been woken already: then the
 *     clock leaves it alone, until the next interrupt.
 * Locks: `lock`, before those of the queues of the ready.
 */
#include <kernel/sched.h>
#include <kernel/spinlock.h>
#include <kernel/time.h>

#define NS_PER_MS 1000000u

static struct spinlock lock;
static struct thread *sleepers;

void sleepers_add(struct thread *thread, uint64_t wake_ns)
{
	struct thread **place = &sleepers;

	spin_lock(&lock);
	while (*place && (*place)->wake_ns <= wake_ns)
		place = &(*place)->next_sleeper;
	thread->wake_ns = wake_ns;
	thread->next_sleeper = *place;
	*place = thread;
	spin_unlock(&lock);
}

void sleepers_remove(struct thread *thread)
{
	struct thread **place = &sleepers;

	spin_lock(&lock);
	while (*place != thread)
		place = &(*place)->next_sleeper;
	*place = thread->next_sleeper;
	spin_unlock(&lock);
}

void sleepers_wake(uint64_t now)
{
	struct thread *thread;

	spin_lock(&lock);
	for (thread = sleepers; thread && thread->wake_ns <= now; thread = thread->next_sleeper)
		sched_oversleep(thread);
	spin_unlock(&lock);
}

uint64_t wait_deadline(unsigned ms)
{
	return time_ns() + (uint64_t)ms * NS_PER_MS;
}

/* Who wakes the thread for another reason is a waker who came late: it sleeps on. */
static void sleep_until(uint64_t wake_ns)
{
	uint32_t flags;

	if (!may_sleep())
		return;
	flags = irq_save();
	while (time_ns() < wake_ns)
		sched_block(wake_ns);
	irq_restore(flags);
}

void thread_sleep_until(uint64_t wake_ns)
{
	might_sleep_in("thread_sleep_until", (uintptr_t)__builtin_return_address(0));
	sleep_until(wake_ns);
}

void thread_sleep_ms(unsigned ms)
{
	might_sleep_in("thread_sleep_ms", (uintptr_t)__builtin_return_address(0));
	sleep_until(wait_deadline(ms));
}
