/* SPDX-License-Identifier: MIT */
/* Mutexes: one thread at a time; the others sleep. */
#ifndef KERNEL_MUTEX_H
#define KERNEL_MUTEX_H

#include <kernel/wait.h>

struct mutex {
	const char *name;
	struct spinlock lock;
	struct thread *owner; /* NULL: free */
	unsigned extra;       /* times that the owner has locked it again, by mistake */
	struct wait_queue waiters;
	struct mutex *next_held; /* the owner's others */
};

#define MUTEX(mutex_name)           \
	{                           \
		.name = #mutex_name \
	}

/* `name` must live as long as the mutex. */
void mutex_init(struct mutex *mutex, const char *name);

/*
 * mutex_lock - take the mutex, sleep until it is free.  Locking again what one holds would
 *	be waiting for oneself: reported, and counted, so that the unlocks still match.
 * mutex_trylock - true: taken.  Never sleeps.
 * mutex_unlock - give it back; by anybody but its owner: reported, and nothing done.
 *
 * Contexts: a thread that may sleep.  trylock and unlock: any thread.
 */
void mutex_lock(struct mutex *mutex);
bool mutex_trylock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

/* Is it the running thread's? */
bool mutex_is_mine(const struct mutex *mutex);

/* Of a thread that ends: report and release what it still holds. */
void mutex_release_all(struct thread *thread);

#endif
