// SPDX-License-Identifier: MIT
/*
 * Shrinkers: the list of those who can give memory back, and how much each is asked for.
 *
 * The share is Linux's (mm/vmscan.c, do_shrink_slab): of `freeable` objects, at priority p,
 * (freeable >> p) * 4 / seeks.  What is less than a batch is deferred, so that a small cache
 * is not spared for ever; and so is what a shrinker refused, at most twice what it has.
 *
 * I1. While `users` is not 0 the shrinker stays on the list: somebody stands on it.
 * I2. A shrinker that is not `listed` is not called any more.
 *
 * Locks: shrinkers.lock [s], interrupts off, for the list, users and listed.  The functions of
 * a shrinker are called without.
 */
#include <bits.h>
#include <mem.h>
#include <mm/port.h>
#include <reclaim.h>
#include <report.h>

/* A shrinker that counts far more than it has must not hold up everybody else. */
#define MAX_BATCHES 4096u

#define WAIT_MS     10u

static struct {
	struct mm_spinlock lock;
	struct shrinker *first; /* [s] */
} shrinkers;

void shrinkers_reset(void)
{
	memset(&shrinkers, 0, sizeof(shrinkers));
}

static mm_irqflags_t lock_list(void)
{
	mm_irqflags_t flags = mm_irq_save();

	mm_spin_lock(&shrinkers.lock);
	return flags;
}

static void unlock_list(mm_irqflags_t flags)
{
	mm_spin_unlock(&shrinkers.lock);
	mm_irq_restore(flags);
}

/* [s] The link that points to `shrinker`, or to the end. */
static struct shrinker **find_locked(const struct shrinker *shrinker)
{
	struct shrinker **link = &shrinkers.first;

	while (*link && *link != shrinker)
		link = &(*link)->next;
	return link;
}

/* At the end of the list, unless it is on it. */
static bool enlist(struct shrinker *shrinker)
{
	mm_irqflags_t flags = lock_list();
	struct shrinker **link = find_locked(shrinker);
	bool added = !*link;

	if (added) {
		shrinker->next = NULL;
		shrinker->deferred = 0;
		shrinker->users = 0;
		shrinker->listed = true;
		*link = shrinker;
	}
	unlock_list(flags);
	return added;
}

bool register_shrinker(struct shrinker *shrinker)
{
	if (!shrinker->count_objects || !shrinker->scan_objects || !enlist(shrinker)) {
		report_now(MM_REPORT_MISUSE, (uintptr_t)shrinker, CALLER(),
			   "nothing is registered", "register_shrinker of %s, which %s",
			   shrinker->name ? shrinker->name : "(no name)",
			   shrinker->count_objects && shrinker->scan_objects
				   ? "is registered already"
				   : "lacks a function");
		return false;
	}
	return true;
}

enum removal {
	REMOVED,
	IN_USE,
	NOT_THERE
};

/* Keep new callers away; off the list once the last one has left.  *users is how many are in it. */
static enum removal try_remove(struct shrinker *shrinker, uint32_t *users)
{
	mm_irqflags_t flags = lock_list();
	struct shrinker **link = find_locked(shrinker);
	enum removal result = NOT_THERE;

	if (*link) {
		shrinker->listed = false;
		*users = shrinker->users;
		result = *users ? IN_USE : REMOVED;
		if (result == REMOVED)
			*link = shrinker->next;
	}
	unlock_list(flags);
	return result;
}

void unregister_shrinker(struct shrinker *shrinker)
{
	enum removal result = NOT_THERE;
	uint32_t users;

	if (!reclaim_is_running()) {
		while ((result = try_remove(shrinker, &users)) == IN_USE) {
			if (!mm_host_wait(&shrinker->users, users, WAIT_MS))
				mm_cpu_relax();
		}
	}
	if (result == NOT_THERE)
		report_now(MM_REPORT_MISUSE, (uintptr_t)shrinker, CALLER(),
			   "nothing is changed", "unregister_shrinker of %p, %s",
			   (void *)shrinker,
			   reclaim_is_running() ? "from a shrinker, which would wait for itself"
						: "which is not registered");
}

/* The next shrinker after `from` (NULL: the first), held; lets go of `from`. */
static struct shrinker *step(struct shrinker *from)
{
	mm_irqflags_t flags = lock_list();
	struct shrinker *next = from ? from->next : shrinkers.first;
	bool awaited = false;

	while (next && !next->listed)
		next = next->next;
	if (next)
		__atomic_fetch_add(&next->users, 1, __ATOMIC_RELAXED);
	if (from)
		awaited = __atomic_sub_fetch(&from->users, 1, __ATOMIC_RELAXED) == 0 &&
			  !from->listed;
	unlock_list(flags);
	if (awaited) /* its owner may free it from here on: the address alone is used */
		mm_host_wake(&from->users);
	return next;
}

/* How many objects this round should look at, what earlier ones left included. */
static size_t share_of(struct shrinker *shrinker, size_t freeable, unsigned priority)
{
	size_t seeks = shrinker->seeks ? shrinker->seeks : DEFAULT_SEEKS;
	size_t deferred = __atomic_exchange_n(&shrinker->deferred, 0, __ATOMIC_RELAXED);
	size_t share =
		(freeable >> priority) / seeks * 4 + (freeable >> priority) % seeks * 4 / seeks;
	size_t most = freeable > SIZE_MAX / 2 ? SIZE_MAX : freeable * 2;

	return share > most - min_size(deferred, most) ? most : share + deferred;
}

static size_t shrink_one(struct shrinker *shrinker, gfp_t gfp, unsigned priority)
{
	struct shrink_control control = {.gfp = gfp, .priority = priority};
	size_t batch = shrinker->batch ? shrinker->batch : SHRINK_BATCH;
	size_t freeable = shrinker->count_objects(shrinker, &control);
	size_t left, freed = 0;

	if (freeable == 0 || freeable == SHRINK_EMPTY)
		return 0;
	left = share_of(shrinker, freeable, priority);
	for (unsigned n = 0; n < MAX_BATCHES && left && (left >= batch || left >= freeable);
	     n++) {
		size_t got;

		control.nr_to_scan = control.nr_scanned = min_size(batch, left);
		got = shrinker->scan_objects(shrinker, &control);
		if (got == SHRINK_STOP)
			break;
		freed += got;
		left -= min_size(left,
				 control.nr_scanned ? control.nr_scanned : control.nr_to_scan);
	}
	__atomic_fetch_add(&shrinker->deferred, left, __ATOMIC_RELAXED);
	return freed;
}

/* Ask all of them once.  Returns how many objects they say they freed: a hint. */
size_t shrink_all(gfp_t gfp, unsigned priority)
{
	struct shrinker *shrinker = NULL;
	size_t freed = 0;

	while ((shrinker = step(shrinker)) != NULL)
		freed += shrink_one(shrinker, gfp, priority);
	return freed;
}
