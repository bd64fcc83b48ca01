/* SPDX-License-Identifier: MIT */
/* What a pointer points to, in words.  See debug/pointer.c. */
#ifndef MM_INTERNAL_POINTER_H
#define MM_INTERNAL_POINTER_H

#include <report.h>
#include <slab.h>
#include <window.h>

/*
 * Report a free of `p` that cannot be done: by kfree (`wanted` NULL) or to the cache
 * `wanted`.  Finds out by itself what is wrong.
 */
void pointer_refuse_free(const void *p, const struct kmem_cache *wanted, uintptr_t caller);

/* Report a vfree (WINDOW_VMALLOC) or vunmap (WINDOW_VMAP) of `p` that cannot be done. */
void pointer_refuse_area(const void *p, enum window_use use, uintptr_t caller);

/* A line of a report that tells where `p` lies. */
void pointer_describe(const struct report *report, const void *p);

#endif
