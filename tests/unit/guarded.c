// SPDX-License-Identifier: MIT
/* See guarded.h. */
#include <guard_hook.h>
#include <harness.h>
#include <kmalloc.h>
#include <mm/guard.h>
#include <mm/kmalloc.h>
#include <slab_debug.h>
#include <unit/guarded.h>

#define PLACES     32u
#define TRIES      64u

/* Pages of the pool, of what is known of its objects, and of a table that splits a large page. */
#define KEPT_PAGES (2 * PLACES + 1 + 8 + 1)

bool guarded_start(void)
{
	struct mm_guard_info info;

	if (slab_is_debugged(kmalloc_cache(1, GFP_KERNEL)))
		return false;
	mm_guard_info(&info);
	if (!info.objects)
		allow_kept_pages(KEPT_PAGES);
	return mm_guard_start(PLACES, 0);
}

unsigned guarded_places(void)
{
	struct mm_guard_info info;

	mm_guard_info(&info);
	return info.objects;
}

void *guarded_opaque(const void *p)
{
	__asm__ volatile("" : "+r"(p));
	return (void *)(uintptr_t)p;
}

size_t guarded_opaque_size(size_t size)
{
	__asm__ volatile("" : "+r"(size));
	return size;
}

static bool lies_at(const void *p, enum guarded_end end)
{
	return ((uintptr_t)p % PAGE_SIZE == 0) == (end == GUARDED_LEFT);
}

/* `cache` NULL: kmalloc of `size`. */
static void *alloc_any_end(struct kmem_cache *cache, size_t size)
{
	mm_guard_sample();
	if (!cache)
		return kmalloc(guarded_opaque_size(size), GFP_KERNEL);
	kmem_cache_shrink(cache); /* the next one takes the slow path */
	return kmem_cache_alloc(cache, GFP_KERNEL);
}

static uint8_t *alloc_at(struct kmem_cache *cache, size_t size, enum guarded_end end)
{
	for (unsigned i = 0; i < TRIES; i++) {
		void *p = alloc_any_end(cache, size);

		if (guard_around(p) && lies_at(p, end))
			return p;
		kfree(p);
	}
	return NULL;
}

uint8_t *guarded_kmalloc(size_t size, enum guarded_end end)
{
	return alloc_at(NULL, size, end);
}

uint8_t *guarded_alloc(struct kmem_cache *cache, enum guarded_end end)
{
	return alloc_at(cache, 0, end);
}
