// SPDX-License-Identifier: MIT
/*
 * mm_check(): every invariant of every structure, one lock at a time.
 *
 * What is found under a lock is noted there, and reported after the lock is dropped.
 * A cache is checked with the list of caches locked too, so that it cannot go away.  For it and
 * for a zone the other CPUs are stopped, because magazines and page lists have no lock.
 */
#include <bits.h>
#include <check.h>
#include <late.h>
#include <report.h>
#include <zone.h>

void violation_add(struct violations *found, uintptr_t where, const char *what)
{
	if (found->count < VIOLATIONS_KEPT)
		found->kept[found->count] = (struct violation){where, what};
	found->count++;
}

/* One report for each kept violation; the rest as a number. */
static size_t report_all(const struct violations *found, const char *kind, const char *name,
			 uintptr_t caller)
{
	size_t kept = found->count < VIOLATIONS_KEPT ? found->count : VIOLATIONS_KEPT;

	for (size_t i = 0; i < kept; i++)
		report_now(MM_REPORT_CORRUPTION, found->kept[i].where, caller,
			   "nothing: only found", "%s %s at 0x%zx: %s (%zu of %zu)", kind, name,
			   found->kept[i].where, found->kept[i].what, i + 1, found->count);
	return found->count;
}

static size_t check_zone(struct zone *zone, uintptr_t caller)
{
	struct violations found = {0};
	mm_irqflags_t flags = mm_irq_save();
	size_t listed;

	mm_spin_lock(&zone->lock);
	listed = buddy_check(&zone->buddy, page_exists, &found);
	page_lists_check_locked(zone, listed, &found);
	if (zone->buddy.nr_free + zone->buddy.nr_isolated + listed > zone->managed)
		violation_add(&found, zone->buddy.nr_free, "more pages free than the zone has");
	mm_spin_unlock(&zone->lock);
	mm_irq_restore(flags);
	return report_all(&found, "zone", zone->name, caller);
}

#define CHECK_TRIES 8u

/*
 * [c] Check a cache, while nobody defers a free (nolock.c): that changes an object's state under
 * our eyes.  Who is disturbed each time knows nothing.
 */
static void check_undisturbed(struct kmem_cache *cache, struct violations *found)
{
	for (unsigned i = 0; i < CHECK_TRIES; i++) {
		unsigned long before = __atomic_load_n(&cache->deferrals, __ATOMIC_ACQUIRE);

		found->count = 0;
		cache_drain_locked(cache);
		slab_check_locked(cache, found);
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		if (__atomic_load_n(&cache->deferrals, __ATOMIC_ACQUIRE) == before)
			return;
	}
	found->count = 0;
}

/* The i-th cache, checked; false when there are not so many. */
static bool check_cache(size_t i, struct violations *found, char name[KMEM_CACHE_NAME_MAX])
{
	mm_irqflags_t flags;
	struct list *link;
	bool exists = false;

	flags = mm_irq_save();
	mm_spin_lock(&cache_list_lock);
	list_for_each (link, &cache_list) {
		struct kmem_cache *cache = list_entry(link, struct kmem_cache, link);

		if (i-- > 0)
			continue;
		exists = true;
		cache_lock(cache);
		check_undisturbed(cache, found);
		cache_unlock(cache);
		for (size_t j = 0; j < KMEM_CACHE_NAME_MAX; j++)
			name[j] = cache->name[j];
		break;
	}
	mm_spin_unlock(&cache_list_lock);
	mm_irq_restore(flags);
	return exists;
}

static size_t check_window(uintptr_t caller)
{
	struct violations found = {0};
	mm_irqflags_t flags = mm_irq_save();

	mm_spin_lock(&window.lock);
	window_check_locked(&window, &found);
	mm_spin_unlock(&window.lock);
	mm_irq_restore(flags);
	return report_all(&found, "the", "window", caller);
}

static size_t check_all(uintptr_t caller)
{
	char name[KMEM_CACHE_NAME_MAX];
	size_t count = 0;

	for (unsigned i = 0; i < MM_NR_ZONES; i++)
		count += check_zone(&zones[i], caller);
	count += check_window(caller);
	for (size_t i = 0;; i++) {
		struct violations found = {0};

		if (!check_cache(i, &found, name))
			return count;
		count += report_all(&found, "cache", name, caller);
	}
}

size_t mm_check(void)
{
	size_t count;

	late_flush();
	mm_host_stop_cpus();
	count = check_all(CALLER());
	mm_host_start_cpus();
	return count;
}
