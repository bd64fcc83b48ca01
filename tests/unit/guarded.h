/* SPDX-License-Identifier: MIT */
/* Guarded objects for tests. */
#ifndef TESTS_UNIT_GUARDED_H
#define TESTS_UNIT_GUARDED_H

#include <mm/slab.h>

/*
 * Guard pages, by mm_guard_sample() only; false: the host has none, or all caches are debugged, which
 * have no use for them.  They stay: the case may keep them.
 */
bool guarded_start(void);
unsigned guarded_places(void);

/* At which end of its page. */
enum guarded_end {
	GUARDED_LEFT,
	GUARDED_RIGHT
};

/* A guarded object; NULL when none is chosen. */
uint8_t *guarded_kmalloc(size_t size, enum guarded_end end);
uint8_t *guarded_alloc(struct kmem_cache *cache, enum guarded_end end);

/* What the compiler must not know. */
void *guarded_opaque(const void *p);
size_t guarded_opaque_size(size_t size);

#endif
