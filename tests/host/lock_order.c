// SPDX-License-Identifier: MIT
/* The order of locks that kmem_cache.c tells: the list of caches, then one cache; nothing else nests. */
#include <mm/port.h>
#include <slab.h>
#include <zone.h>

void host_check_lock_order(const struct mm_spinlock *const *held, unsigned nr_held,
			   const struct mm_spinlock *lock)
{
	if (nr_held == HOST_LOCKS_MAX || held[0] != &cache_list_lock)
		host_die("a lock is taken inside of another");
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		if (lock == &zones[i].lock)
			host_die("a zone's lock is taken inside of another");
	}
}
