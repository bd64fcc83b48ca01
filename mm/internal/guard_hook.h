/* SPDX-License-Identifier: MIT */
/* Where the slow paths ask about guarded objects.  See debug/guard.c, which hooks itself in here. */
#ifndef MM_INTERNAL_GUARD_HOOK_H
#define MM_INTERNAL_GUARD_HOOK_H

#include <bits.h>
#include <mm/port.h>

struct kmem_cache;
struct report;

/* What lies at an address of the pool. */
struct guarded {
	const void *object; /* NULL: none does, or ever did */
	const char *cache;
	bool live;
};

struct guard_hook {
	uintptr_t start, bytes; /* of the pool */

	/* NULL: this request is not chosen.  No lock is held; not in an NMI.  Not zeroed. */
	void *(*alloc)(struct kmem_cache *cache, size_t size, gfp_t gfp, uintptr_t caller);
	/*
	 * Of what may be an object, by kfree (`wanted` NULL) or to `wanted`.  False, nothing done:
	 * it is none.  Any context, NMI included.
	 */
	bool (*free)(void *p, const struct kmem_cache *wanted, uintptr_t caller);
	/* Bytes that its owner may use; 0: no live object starts there. */
	size_t (*size)(const void *p);
	void (*resize)(void *p, size_t size);
	/* For reports. */
	void (*find)(const void *p, struct guarded *guarded);
	void (*describe)(const struct report *report, const void *p);
	/* Each live object, and what else refers to memory; while nobody else runs. */
	void (*for_each)(void (*visit)(const void *object, size_t size));
	/* How many live objects of a cache are guarded; the first `most` of them in objects[]. */
	size_t (*live)(const struct kmem_cache *cache, void **objects, size_t most);
};

extern const struct guard_hook *guard_hook; /* [a] NULL: there is no pool */

static inline const struct guard_hook *guard_is_on(void)
{
	return __atomic_load_n(&guard_hook, __ATOMIC_ACQUIRE);
}

/* The hook, if `p` is an address of the pool; else NULL. */
static inline const struct guard_hook *guard_around(const void *p)
{
	const struct guard_hook *hook = guard_is_on();

	return unlikely(hook != NULL) && (uintptr_t)p - hook->start < hook->bytes ? hook : NULL;
}

static inline size_t guard_live(const struct kmem_cache *cache, void **objects, size_t most)
{
	const struct guard_hook *hook = guard_is_on();

	return unlikely(hook != NULL) ? hook->live(cache, objects, most) : 0;
}

#endif
