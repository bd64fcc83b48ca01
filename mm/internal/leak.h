/* SPDX-License-Identifier: MIT */
/* What a report says of a leaked object.  See debug/leak.c. */
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

/* Lines of a report. */
void leak_describe(const struct report *report, const struct leaked *leaked);

#endif
