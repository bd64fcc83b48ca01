/* SPDX-License-Identifier: MIT */
/* What is live, for those who look for leaks.  See debug/leak.c, leak_scan.c and leak_sites.c. */
#ifndef MM_INTERNAL_LEAK_H
#define MM_INTERNAL_LEAK_H

#include <mm/leak.h>
#include <slab.h>
#include <track.h>

/* Copied while it cannot go. */
struct leaked {
	struct track track; /* of its allocation; no caller: not recorded */
	const void *object;
	size_t size;
	char cache[KMEM_CACHE_NAME_MAX];
};

/* [c], or nobody else runs. */
void leak_copy(struct leaked *leaked, const struct slab *slab, unsigned index);

/*
 * While nobody else runs, since magazines have no lock.  Each cache but the allocator's own, from the
 * oldest on, while `visit` returns true; its live objects, guarded ones among them; and each live
 * object of a cache without magazines.
 */
typedef void (*leak_object_visitor)(const struct slab *slab, unsigned index, void *arg);

void leak_for_each_cache(bool (*visit)(struct kmem_cache *cache, void *arg), void *arg);
size_t leak_live_objects(struct kmem_cache *cache);
void leak_for_each_live(struct kmem_cache *cache, leak_object_visitor visit, void *arg);

/* Lines of a report. */
void leak_describe(const struct report *report, const struct leaked *leaked);

#endif
