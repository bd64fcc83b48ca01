/* SPDX-License-Identifier: MIT */
/*
 * Mutexes.
 *
 * A free mutex goes to whoever asks first, not to who has waited longest: handing it over
 * would make every lock of a busy one wait for a change of threads.
 *
 * I1: the owner's list `held` has exactly the mutexes whose owner it is.
 * Locks: the mutex's own, before that of its wait queue.  A list `held` is its thread's own.
 */
#include <kernel/mutex.h>
#include <kernel/thread.h>
#include <mm/report.h>

void mutex_init(struct mutex *mutex, const char *name)
{
	*mutex = (struct mutex){.name = name};
}

bool mutex_is_mine(const struct mutex *mutex)
{
	return __atomic_load_n(&mutex->owner, __ATOMIC_RELAXED) == current();
}

bool mutex_trylock(struct mutex *mutex)
{
	uint32_t flags = spin_lock_irqsave(&mutex->lock);
	struct thread *self = current();
	bool taken = !mutex->owner;

	if (taken) {
		__atomic_store_n(&mutex->owner, self, __ATOMIC_RELAXED);
		mutex->next_held = self->held;
		self->held = mutex;
	}
	spin_unlock_irqrestore(&mutex->lock, flags);
	return taken;
}

static void lock_again(struct mutex *mutex, uintptr_t caller)
{
	mutex->extra++;
	mm_report(MM_REPORT_MISUSE, caller, "it is held until it is unlocked as often",
		  "mutex %s locked again by thread %s, which holds it", mutex->name,
		  current()->name);
}

void mutex_lock(struct mutex *mutex)
{
	uintptr_t caller = (uintptr_t)__builtin_return_address(0);

	might_sleep_in("mutex_lock", caller);
	if (mutex_trylock(mutex))
		return;
	if (mutex_is_mine(mutex))
		lock_again(mutex, caller);
	else
		wait_event(&mutex->waiters, mutex_trylock(mutex));
}

static void release(struct mutex *mutex)
{
	uint32_t flags = spin_lock_irqsave(&mutex->lock);
	struct mutex **place = &mutex->owner->held;

	while (*place != mutex)
		place = &(*place)->next_held;
	*place = mutex->next_held;
	__atomic_store_n(&mutex->owner, NULL, __ATOMIC_RELAXED);
	mutex->extra = 0;
	wait_wake_one(&mutex->waiters); /* before it can be another's, who may free it */
	spin_unlock_irqrestore(&mutex->lock, flags);
}

void mutex_unlock(struct mutex *mutex)
{
	if (!mutex_is_mine(mutex))
		mm_report(MM_REPORT_MISUSE, (uintptr_t)__builtin_return_address(0),
			  "nothing is unlocked",
			  "mutex %s unlocked by thread %s, which does not hold it", mutex->name,
			  current()->name);
	else if (mutex->extra)
		mutex->extra--;
	else
		release(mutex);
}

void mutex_release_all(struct thread *thread)
{
	while (thread->held) {
		struct mutex *mutex = thread->held;

		mm_report(MM_REPORT_MISUSE, (uintptr_t)thread->function, "it is unlocked",
			  "thread %s ends and holds mutex %s", thread->name, mutex->name);
		release(mutex);
	}
}
