// SPDX-License-Identifier: MIT
/*
 * kvmalloc: from a size to kmalloc or vmalloc, and back from a pointer.
 *
 * No state, no locks.
 */
#include <bits.h>
#include <gfp.h>
#include <kmalloc.h>
#include <mem.h>
#include <mm/kvmalloc.h>
#include <vmalloc.h>
#include <window.h>

/* Is there a second way? */
static bool may_fall_back(size_t size, gfp_t gfp)
{
	return size > PAGE_SIZE && window_pages() > 0 && !(gfp & __GFP_NOFAIL);
}

/* What kmalloc is asked with when failure is no drama. */
static gfp_t without_effort(gfp_t gfp)
{
	if (!(gfp & __GFP_RETRY_MAYFAIL))
		gfp |= __GFP_NORETRY;
	return gfp | __GFP_NOWARN;
}

static void *kvmalloc_for(size_t size, gfp_t gfp, uintptr_t caller)
{
	void *p;

	if (!gfp_admit(&gfp, caller))
		return NULL;
	if (!may_fall_back(size, gfp))
		return kmalloc_for(size, gfp, caller);
	p = size <= KMALLOC_MAX_SIZE ? kmalloc_for(size, without_effort(gfp), caller) : NULL;
	if (p)
		return p;
	if (!(gfp & __GFP_DMA))
		gfp |= __GFP_HIGHMEM;
	return vmalloc_for(size, gfp, caller);
}

void *kvmalloc(size_t size, gfp_t gfp)
{
	return kvmalloc_for(size, gfp, CALLER());
}

void *kvzalloc(size_t size, gfp_t gfp)
{
	return kvmalloc_for(size, gfp | __GFP_ZERO, CALLER());
}

void *kvmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return kvmalloc_for(bytes, gfp, CALLER());
}

void *kvcalloc(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return kvmalloc_for(bytes, gfp | __GFP_ZERO, CALLER());
}

static void kvfree_for(const void *p, uintptr_t caller)
{
	if (is_vmalloc_addr(p))
		vfree_for(p, caller);
	else
		kfree_for(p, caller);
}

void kvfree(const void *p)
{
	kvfree_for(p, CALLER());
}

/* An area of vmalloc's moves when its number of pages changes. */
static bool fits(size_t old, size_t size)
{
	return size <= old && old - size < PAGE_SIZE;
}

/* `p` is a live vmalloc area of `old` bytes. */
static void *realloc_area(const void *p, size_t old, size_t size, gfp_t gfp, uintptr_t caller)
{
	void *new;

	if (fits(old, size)) {
		if (gfp & __GFP_ZERO) /* the slack counts as grown, as krealloc's does */
			memset((char *)(uintptr_t)p + size, 0, old - size);
		return (void *)(uintptr_t)p;
	}
	new = kvmalloc_for(size, gfp, caller);
	if (!new)
		return NULL;
	if (size > 0)
		memcpy(new, p, min_size(old, size));
	vfree_for(p, caller);
	return new;
}

/* `p` is a live block of kmalloc's of `old` bytes, which are too few. */
static void *grow_block(const void *p, size_t old, size_t size, gfp_t gfp, uintptr_t caller)
{
	void *new = kvmalloc_for(size, gfp, caller);

	if (!new)
		return NULL;
	memcpy(new, p, min_size(old, size));
	kfree_for(p, caller);
	return new;
}

void *kvrealloc(const void *p, size_t size, gfp_t gfp)
{
	uintptr_t caller = CALLER();
	size_t old;

	if (ZERO_OR_NULL_PTR(p))
		return kvmalloc_for(size, gfp, caller);
	old = vmalloc_size(p);
	if (old)
		return realloc_area(p, old, size, gfp, caller);
	old = kmalloc_size_of(p);
	if (old && size > old && may_fall_back(size, gfp))
		return grow_block(p, old, size, gfp, caller);
	return krealloc_for(p, size, gfp, caller);
}
