// SPDX-License-Identifier: MIT
/*
 * What a pointer points to: the words of every report about a bad free.
 *
 * Nothing about the pointer is trusted.  The page array says what lies at its page, a
 * slab's descriptor which object and in what state; memory is read only if the host
 * says that it can be.  No locks: while others allocate, what is told may be stale by
 * the time it is printed.
 */
#include <bits.h>
#include <guard_hook.h>
#include <page_alloc.h>
#include <pointer.h>
#include <slab_debug.h>
#include <window.h>

#define DUMP_BYTES 64u

static const char *state_name(uint8_t state)
{
	switch (state) {
	case OBJECT_LIVE: return "live";
	case OBJECT_CACHED: return "free, in a magazine";
	default: return "free";
	}
}

/* Where in which object of a slab, if in any. */
static void describe_in_slab(const struct report *report, const struct slab *slab,
			     const void *p)
{
	const struct kmem_cache *cache = slab->cache;
	uintptr_t offset = (uintptr_t)p - (uintptr_t)slab->base;
	unsigned index = (unsigned)(offset / cache->size);
	unsigned inside = (unsigned)(offset % cache->size);

	if ((uintptr_t)p < (uintptr_t)slab->base || index >= slab->nr) {
		report_line(report,
			    "address   %p: in a slab of cache %s, outside of its objects", p,
			    cache->name);
		return;
	}
	if (inside < cache->object_size)
		report_line(
			report,
			"address   %p: %u bytes inside the %u-byte object at %p of cache %s", p,
			inside, cache->object_size, slab_object(slab, index), cache->name);
	else
		report_line(report,
			    "address   %p: %u bytes after the %u-byte object at %p of cache %s",
			    p, inside - cache->object_size, cache->object_size,
			    slab_object(slab, index), cache->name);
	report_line(report, "object    %s; slab at %p, in it number %u of %u",
		    state_name(__atomic_load_n(&slab->state[index], __ATOMIC_RELAXED)),
		    (const void *)slab->base, index, slab->nr);
	slab_debug_describe(report, slab, index);
	report_bytes(report, slab_object(slab, index),
		     min_size(cache->object_size, DUMP_BYTES));
}

/* A free of something among guard pages. */
static enum mm_report_kind judge_guarded(const struct guarded *guarded, const void *p,
					 const struct kmem_cache *wanted)
{
	if (!guarded->object)
		return MM_REPORT_BAD_ADDRESS;
	if (guarded->object != p)
		return MM_REPORT_INTERIOR_FREE;
	if (!guarded->live)
		return MM_REPORT_DOUBLE_FREE;
	return wanted ? MM_REPORT_WRONG_CACHE : MM_REPORT_BAD_ADDRESS;
}

static struct page *page_around(const void *p)
{
	struct page *page = page_of_address(p);

	return page ? page : window_page(p);
}

/* The kind of memory, or the block, around an address outside of slabs. */
static void describe_page(const struct report *report, struct page *page, const void *p)
{
	struct page *head = page_head(page);
	uintptr_t inside;

	if (!head) {
		report_line(report, "address   %p: in %s, page frame 0x%x", p,
			    page_kind_name((enum page_kind)page->kind), pfn_of_page(page));
		return;
	}
	inside = (uintptr_t)(pfn_of_page(page) - pfn_of_page(head)) * PAGE_SIZE +
		 (uintptr_t)p % PAGE_SIZE;
	report_line(report, "address   %p: %zu bytes inside %s of %zu bytes, page frame 0x%x",
		    p, (size_t)inside, page_kind_name((enum page_kind)head->kind),
		    PAGE_SIZE << head->order, pfn_of_page(head));
}

/* An address of the window, unless it leads to a block of kmalloc's, or nowhere: false. */
static bool describe_in_window(const struct report *report, const void *p)
{
	static const char *const uses[WINDOW_NR_USES] = {[WINDOW_BLOCK] = "kmalloc block",
							 [WINDOW_VMALLOC] = "vmalloc area",
							 [WINDOW_VMAP] = "vmap area"};
	struct window_area area;
	size_t offset;

	window_find(p, &area);
	offset = (uintptr_t)p - area.start;
	if (area.place == WINDOW_OUTSIDE ||
	    (area.place == WINDOW_AREA && area.use == WINDOW_BLOCK))
		return false;
	if (area.place == WINDOW_STALE)
		report_line(
			report,
			"address   %p: %zu bytes inside the area of %zu pages at %p, which was "
			"freed",
			p, offset, area.nr_pages, (void *)area.start);
	else if (area.place == WINDOW_GUARD)
		report_line(report,
			    "address   %p: in the guard page behind the %s of %zu pages at %p",
			    p, uses[area.use], area.nr_pages, (void *)area.start);
	else
		report_line(report, "address   %p: %zu bytes inside the %s of %zu pages at %p",
			    p, offset, uses[area.use], area.nr_pages, (void *)area.start);
	return true;
}

void pointer_describe(const struct report *report, const void *p)
{
	const struct guard_hook *guard = guard_around(p);
	struct page *page = page_around(p);
	struct page *head = page ? page_head(page) : NULL;

	if (guard) {
		guard->describe(report, p);
		return;
	}
	if (describe_in_window(report, p))
		return;
	if (!page)
		report_line(report, "address   %p: no memory of the allocator's", p);
	else if (head && head->kind == PAGE_SLAB)
		describe_in_slab(report, head->slab, p);
	else
		describe_page(report, page, p);
}

static const char *action_of(const struct kmem_cache *wanted)
{
	return wanted ? "kmem_cache_free" : "kfree";
}

/* A free of something in a slab.  `wanted`: the cache it was freed to, if one was named. */
static enum mm_report_kind judge_in_slab(const struct slab *slab, const void *p,
					 const struct kmem_cache *wanted)
{
	unsigned index = slab_index(slab, p);

	if (slab->cache->flags & SLAB_INTERNAL)
		return MM_REPORT_BAD_ADDRESS;
	if (index == SLAB_NO_OBJECT)
		return MM_REPORT_INTERIOR_FREE;
	if (slab->state[index] != OBJECT_LIVE)
		return MM_REPORT_DOUBLE_FREE;
	return wanted && wanted != slab->cache ? MM_REPORT_WRONG_CACHE : MM_REPORT_BAD_ADDRESS;
}

/* A free of an address of the window that belongs, or did, to another function than `use`'s. */
static enum mm_report_kind judge_in_window(const struct window_area *area, const void *p,
					   enum window_use use)
{
	if (area->place == WINDOW_STALE)
		return MM_REPORT_DOUBLE_FREE;
	if (area->place == WINDOW_AREA && area->use == use && area->start != (uintptr_t)p)
		return MM_REPORT_INTERIOR_FREE;
	return MM_REPORT_BAD_ADDRESS;
}

/* A free of something in a page outside of slabs. */
static enum mm_report_kind judge_in_page(const struct page *head, const void *p)
{
	if (!head)
		return MM_REPORT_BAD_ADDRESS;
	if (head->kind == PAGE_FREE || head->kind == PAGE_LISTED)
		return MM_REPORT_DOUBLE_FREE;
	if (head->kind == PAGE_LARGE &&
	    p != (head->window ? (void *)head->window : page_address(head)))
		return MM_REPORT_INTERIOR_FREE;
	return MM_REPORT_BAD_ADDRESS;
}

void pointer_refuse_free(const void *p, const struct kmem_cache *wanted, uintptr_t caller)
{
	struct page *page = page_around(p);
	struct page *head = page ? page_head(page) : NULL;
	const char *action = action_of(wanted), *owner = NULL;
	const struct guard_hook *guard = guard_around(p);
	struct guarded guarded;
	struct window_area area;
	enum mm_report_kind kind;
	struct report report;

	window_find(p, &area);
	if (guard) {
		guard->find(p, &guarded);
		kind = judge_guarded(&guarded, p, wanted);
		owner = guarded.cache;
	} else if (area.place != WINDOW_OUTSIDE) {
		kind = judge_in_window(&area, p, WINDOW_BLOCK);
	} else if (head && head->kind == PAGE_SLAB) {
		kind = judge_in_slab(head->slab, p, wanted);
		owner = head->slab->cache->name;
	} else {
		kind = judge_in_page(head, p);
	}

	if (kind == MM_REPORT_WRONG_CACHE)
		report_begin(&report, kind, (uintptr_t)p, caller,
			     "%s to %s of %p, an object of %s", action, wanted->name, p, owner);
	else if (wanted)
		report_begin(&report, kind, (uintptr_t)p, caller, "%s to %s of %p", action,
			     wanted->name, p);
	else
		report_begin(&report, kind, (uintptr_t)p, caller, "%s of %p", action, p);
	pointer_describe(&report, p);
	report_end(&report, "nothing is freed");
}

void pointer_refuse_area(const void *p, enum window_use use, uintptr_t caller)
{
	struct window_area area;
	struct report report;

	window_find(p, &area);
	report_begin(&report, judge_in_window(&area, p, use), (uintptr_t)p, caller, "%s of %p",
		     use == WINDOW_VMALLOC ? "vfree" : "vunmap", p);
	pointer_describe(&report, p);
	report_end(&report, use == WINDOW_VMALLOC ? "nothing is freed" : "nothing is unmapped");
}
