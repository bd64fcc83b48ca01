// SPDX-License-Identifier: MIT
/*
 * Allocation and free in any context (Linux: kmalloc_nolock, alloc_pages_nolock).
 *
 * An NMI may hit between any two instructions, also while this CPU holds a lock; waiting for
 * that one would be for ever.  So locks are only tried here, and all that is done without
 * them is what this file's rules allow:
 *
 * R1. What a lock guards is touched with that lock only.  If the interrupted code has it,
 *     we do not get it.  If it does not (it may be about to take it, or just have given it
 *     up), the data is whole: the lock is taken before the first access to it and given
 *     up after the last, and neither compiler nor CPU moves accesses across these two.  We
 *     give the lock back before the interrupted code goes on, so it notices nothing.
 * R2. Magazines are [p]: they have no lock that could be tried, and the interrupted code
 *     may be in the middle of a pop.  They are never touched here, neither is the state
 *     byte of an object that says OBJECT_CACHED.  Objects come from the slabs and go there.
 * R3. A free has to succeed.  It changes the object's state byte from OBJECT_LIVE to free, by
 *     compare and exchange, which is the proof that it was live, and makes it the first
 *     of its slab's list of deferred objects, whose links are state bytes as well
 *     (slab_defer()).  Whoever comes with the cache's lock next, at best we ourselves, puts
 *     these on the free list (slab_drain_locked()).  Until then they count as taken, so the
 *     slab stays.  Nothing is written into the object, which keeps its constructed state.
 *     Blocks of pages are linked through their struct page, and remain PAGE_BLOCK, with no
 *     reference: a second free notices that there is none (zone_defer()).
 * R4. A new slab is ours alone until it is pushed on its cache's list of fresh slabs, which is
 *     drained like the other, so growing needs no cache's lock.  It does need the
 *     zone's: walkers of the zone want to see all pages of a slab change at once.
 * R5. Those lists are pushed to by compare and exchange and only ever taken whole, so no ABA.
 *     An NMI that interrupts a push, its own or an ordinary one, at worst makes it
 *     try once more; one that interrupts a drain pushes to the list that comes after it.
 * R6. Nothing is printed (late.c), no host function that may wait is called, and nothing
 *     here can fault: memory that is looked at is the page array, descriptors, and
 *     the caller's own block.
 *
 * Each critical section of the others, and an NMI in it:
 *
 *	zone->lock [z]		pages cannot be had; frees are deferred
 *	cache->lock [c]		objects of this cache cannot be had; frees are deferred.  The
 *				caches of descriptors have locks of their own.
 *	cache_list_lock [g], kmaps, window, mempool, rate limit: nothing here wants them
 *	magazine pop or push	R2: another object's state byte, and slabs, which these do not touch
 *	slab_grow(), between page and list: the pages are PAGE_BLOCK or already a whole
 *				slab's; `slab` is written before `kind` (pages_to_slab())
 *	slab_release_all()	off all lists, no object taken: nothing can lead us there
 *	mm_check()		holds [c] while it compares; deferrals change state bytes under its
 *				eyes, so it counts them and looks again
 *
 * What interrupts are for NMIs, they are for code with interrupts on that calls these
 * functions: it turns them off first, or a handler would spin on a lock that we got.
 *
 * Not caught: an NMI frees the very object that the interrupted code is freeing, after
 * that has looked whether it is live.  The fast path does not pay for this.
 */
#include <bits.h>
#include <fault_hook.h>
#include <gfp.h>
#include <guard_hook.h>
#include <kmalloc.h>
#include <late.h>
#include <mem.h>
#include <mm/nolock.h>
#include <page_alloc.h>
#include <pointer.h>
#include <slab.h>
#include <slab_debug.h>
#include <slab_map.h>
#include <zone.h>

static struct mm_nolock_info counts; /* [a] */

static void count(unsigned long *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* In any context that may print, what was kept is printed at once.  Interrupts as the caller had them. */
static void finish(mm_irqflags_t flags)
{
	mm_irq_restore(flags);
	if (unlikely(__atomic_load_n(&late_pending, __ATOMIC_RELAXED)) && mm_may_sleep())
		late_flush();
}

/* --- pages --------------------------------------------------------------------- */

static bool try_lock(struct mm_spinlock *lock)
{
	if (mm_spin_trylock(lock))
		return true;
	count(&counts.busy);
	return false;
}

static struct page *take_from_zone(struct zone *zone, unsigned order, gfp_t gfp, size_t mark)
{
	struct page *page;

	if (!try_lock(&zone->lock))
		return NULL;
	page = zone_take_locked(zone, order, gfp_block_type(gfp), mark);
	mm_spin_unlock(&zone->lock);
	return page;
}

/* First each zone down to its low watermark, then to min: as GFP_NOWAIT. */
static struct page *take_pages(gfp_t gfp, unsigned order)
{
	enum mm_zone_id class = gfp_zone(gfp);

	for (unsigned pass = 0; pass < 2; pass++) {
		for (int i = (int)class; i >= MM_ZONE_DMA; i--) {
			struct zone *zone = &zones[i];
			size_t mark = pass ? zone->min : zone->low;
			struct page *page =
				take_from_zone(zone, order, gfp, mark + zone->reserve[class]);

			if (!page)
				continue;
			page->refs = 1;
			return page;
		}
	}
	return NULL;
}

/* A block without references, which nobody can find any more. */
static void give_pages(struct page *page)
{
	struct zone *zone = &zones[page->zone];

	page->refs = 0;
	zone_defer(zone, page);
	if (!mm_spin_trylock(&zone->lock)) {
		count(&counts.deferred);
		return;
	}
	zone_drain_locked(zone);
	mm_spin_unlock(&zone->lock);
}

/* --- objects ------------------------------------------------------------------- */

enum take_result {
	TAKEN,
	NONE_LEFT,
	LOCK_BUSY,
};

static enum take_result take_object(struct kmem_cache *cache, void **object)
{
	unsigned index;
	struct slab *slab;

	if (!try_lock(&cache->lock))
		return LOCK_BUSY;
	cache_drain_locked(cache);
	slab = slab_take_locked(cache, &index);
	if (slab) {
		slab->state[index] = OBJECT_LIVE;
		*object = slab_object(slab, index);
	}
	mm_spin_unlock(&cache->lock);
	return slab ? TAKEN : NONE_LEFT;
}

/* Free an object.  False when it is not live. */
static bool give_object(struct slab *slab, unsigned index)
{
	struct kmem_cache *cache = slab->cache;

	if (!slab_defer(slab, index))
		return false;
	if (!mm_spin_trylock(&cache->lock)) {
		count(&counts.deferred);
		return true;
	}
	cache_drain_locked(cache);
	mm_spin_unlock(&cache->lock);
	return true;
}

static void *alloc_object(struct kmem_cache *cache);

/* Where a new slab's descriptor goes; NULL when there is no memory. */
static void *take_descriptor(struct kmem_cache *cache, struct page *page)
{
	struct kmem_cache *descriptors = slab_descriptor_cache(cache);

	return descriptors ? alloc_object(descriptors) : page_address(page);
}

static void give_descriptor(struct kmem_cache *cache, void *descriptor)
{
	struct slab *slab;

	if (!slab_descriptor_cache(cache))
		return;
	slab = page_of_address(descriptor)->slab;
	give_object(slab, slab_index(slab, descriptor));
}

/* False when the zone's lock is held. */
static bool make_slab(struct slab *slab, struct kmem_cache *cache, struct page *page)
{
	struct zone *zone = &zones[page->zone];

	slab_form(slab, cache, page);
	if (!try_lock(&zone->lock))
		return false;
	pages_to_slab_locked(page, slab_marked_pages(slab), slab);
	mm_spin_unlock(&zone->lock);
	slab_map_set(slab, slab_marked_pages(slab));
	return true;
}

/* A new slab's first object; NULL when there is no memory, or not now. */
static void *grow(struct kmem_cache *cache)
{
	struct page *page = take_pages(cache->slab_gfp, cache->order);
	struct slab *slab;

	if (!page && cache->order != cache->min_order)
		page = take_pages(cache->slab_gfp, cache->min_order);
	if (!page)
		return NULL;
	slab = take_descriptor(cache, page);
	if (slab && make_slab(slab, cache, page))
		return slab_publish(slab);
	if (slab)
		give_descriptor(cache, slab);
	give_pages(page);
	return NULL;
}

/* Caches of descriptors have theirs in the slab itself: this ends there. */
static void *alloc_object(struct kmem_cache *cache)
{
	void *object = NULL;

	if (take_object(cache, &object) == NONE_LEFT)
		object = grow(cache);
	return object;
}

/* --- what makes no sense --------------------------------------------------------- */

/* Why these flags cannot be served, in words; NULL if they can. */
static const char *refusal(gfp_t gfp, gfp_t allowed)
{
	if (gfp & ~allowed)
		return "flags that mean nothing without locks";
	if ((gfp & __GFP_HIGHMEM) && (gfp & __GFP_ZERO))
		return "high memory cannot be zeroed here";
	return gfp_refusal(gfp);
}

static bool admit(gfp_t gfp, gfp_t allowed, uintptr_t caller)
{
	const char *why = refusal(gfp, allowed);

	if (!why)
		return true;
	late_hold();
	report_now(MM_REPORT_BAD_FLAGS, 0, caller, "the request fails: NULL", "gfp 0x%x: %s",
		   gfp, why);
	late_let_go();
	return false;
}

/*
 * Only for low memory are we asked what a pointer points to: for the window that takes its lock.
 */
static void refuse_free(const void *p, uintptr_t caller)
{
	late_hold();
	if (page_of_address(p))
		pointer_refuse_free(p, NULL, caller);
	else
		report_now(MM_REPORT_BAD_ADDRESS, (uintptr_t)p, caller, "nothing is freed",
			   "kfree_nolock of %p, which is no address of low memory", p);
	late_let_go();
}

/* --- the interface ------------------------------------------------------------- */

static struct page *alloc_block(gfp_t gfp, unsigned order, uintptr_t caller)
{
	struct page *page;

	if (fault_fails(NULL, gfp | __GFP_NOWARN, order, caller))
		return NULL;
	page = take_pages(gfp, order);
	if (!page)
		return NULL;
	count(&counts.allocs);
	if (gfp & __GFP_ZERO)
		memset(page_address(page), 0, PAGE_SIZE << order);
	return page;
}

static bool order_fits(unsigned order, uintptr_t caller)
{
	if (order <= MM_MAX_ORDER)
		return true;
	late_hold();
	report_now(MM_REPORT_BAD_ORDER, 0, caller, "the request fails: NULL",
		   "block of order %u asked for; the largest is %u", order, MM_MAX_ORDER);
	late_let_go();
	return false;
}

struct page *alloc_pages_nolock(gfp_t gfp, unsigned order)
{
	mm_irqflags_t flags = mm_irq_save();
	struct page *page = NULL;

	if (admit(gfp, GFP_NOLOCK_BITS, CALLER()) && order_fits(order, CALLER()))
		page = alloc_block(gfp, order, CALLER());
	finish(flags);
	return page;
}

void free_pages_nolock(struct page *page, unsigned order)
{
	mm_irqflags_t flags = mm_irq_save();
	bool last;

	late_hold();
	last = page && pages_drop_checked(page, order, CALLER());
	late_let_go();
	if (last) {
		count(&counts.frees);
		give_pages(page);
	}
	finish(flags);
}

/* Beyond the caches: a whole block. */
static void *alloc_large(size_t size, gfp_t gfp, uintptr_t caller)
{
	struct page *page;

	if (size > KMALLOC_MAX_SIZE)
		return NULL;
	page = alloc_block(gfp, get_order(size), caller);
	if (!page)
		return NULL;
	__atomic_fetch_add(&kmalloc_large_pages, (size_t)1 << page->order, __ATOMIC_RELAXED);
	page->window = 0;
	page_set_kind(page, PAGE_LARGE);
	return page_address(page);
}

/* Of a debugged cache: false when it was damaged while it was free. */
static bool take_debugged(void *p, size_t size, uintptr_t caller)
{
	bool sound;

	late_hold();
	sound = slab_debug_take(p, caller);
	late_let_go();
	if (sound)
		slab_debug_resize(p, size);
	else
		give_object(page_of_address(p)->slab, slab_index(page_of_address(p)->slab, p));
	return sound;
}

static void *alloc_small(size_t size, gfp_t gfp, uintptr_t caller)
{
	struct kmem_cache *cache = kmalloc_cache(size, gfp);
	void *p;

	if (fault_fails(cache->name, gfp | __GFP_NOWARN, 0, caller))
		return NULL;
	p = alloc_object(cache);
	if (!p || (slab_is_debugged(cache) && !take_debugged(p, size, caller)))
		return NULL;
	count(&counts.allocs);
	if (gfp & __GFP_ZERO)
		memset(p, 0, kmalloc_bytes_to_zero(cache, size));
	return p;
}

void *kmalloc_nolock(size_t size, gfp_t gfp)
{
	mm_irqflags_t flags;
	void *p = NULL;

	if (size == 0)
		return ZERO_SIZE_PTR;
	flags = mm_irq_save();
	if (admit(gfp, GFP_NOLOCK_BITS & ~__GFP_HIGHMEM, CALLER()))
		p = size <= KMALLOC_MAX_CACHE_SIZE ? alloc_small(size, gfp, CALLER())
						   : alloc_large(size, gfp, CALLER());
	finish(flags);
	return p;
}

/* Free a large block; false when none starts there.  The change of its kind is the proof. */
static bool free_large(struct page *page, const void *p)
{
	uint8_t kind = PAGE_LARGE;

	if ((uintptr_t)p % PAGE_SIZE || page->kind != PAGE_LARGE || page->window)
		return false;
	if (!__atomic_compare_exchange_n(&page->kind, &kind, PAGE_BLOCK, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return false;
	__atomic_fetch_sub(&kmalloc_large_pages, (size_t)1 << page->order, __ATOMIC_RELAXED);
	give_pages(page);
	return true;
}

static void look_at_debugged(void *p, uintptr_t caller)
{
	late_hold();
	slab_debug_give(p, caller);
	late_let_go();
}

static bool free_small(struct slab *slab, const void *p, uintptr_t caller)
{
	unsigned index = slab_index(slab, p);

	if (index == SLAB_NO_OBJECT || (slab->cache->flags & SLAB_INTERNAL))
		return false;
	if (slab_is_debugged(slab->cache) && slab->state[index] == OBJECT_LIVE)
		look_at_debugged((void *)(uintptr_t)p, caller);
	return give_object(slab, index);
}

static bool free_guarded(const struct guard_hook *guard, const void *p, uintptr_t caller)
{
	bool freed;

	late_hold();
	freed = guard->free((void *)(uintptr_t)p, NULL, caller);
	late_let_go();
	return freed;
}

static bool free_block(const void *p, uintptr_t caller)
{
	const struct guard_hook *guard = guard_around(p);
	struct page *page = page_of_address(p);

	if (guard)
		return free_guarded(guard, p, caller);
	if (!page)
		return false;
	if (__atomic_load_n(&page->kind, __ATOMIC_ACQUIRE) == PAGE_SLAB)
		return free_small(page->slab, p, caller);
	return free_large(page, p);
}

void kfree_nolock(const void *p)
{
	mm_irqflags_t flags;

	if (ZERO_OR_NULL_PTR(p))
		return;
	flags = mm_irq_save();
	if (free_block(p, CALLER()))
		count(&counts.frees);
	else
		refuse_free(p, CALLER());
	finish(flags);
}

static void drain_zone(struct zone *zone)
{
	mm_irqflags_t flags = mm_irq_save();

	mm_spin_lock(&zone->lock);
	zone_drain_locked(zone);
	mm_spin_unlock(&zone->lock);
	mm_irq_restore(flags);
}

void mm_drain_deferred(void)
{
	cache_drain_all();
	for (unsigned i = 0; i < MM_NR_ZONES; i++)
		drain_zone(&zones[i]);
	zone_wake_waiters();
	late_flush();
}

void mm_nolock_info(struct mm_nolock_info *info)
{
	info->allocs = __atomic_load_n(&counts.allocs, __ATOMIC_RELAXED);
	info->busy = __atomic_load_n(&counts.busy, __ATOMIC_RELAXED);
	info->frees = __atomic_load_n(&counts.frees, __ATOMIC_RELAXED);
	info->deferred = __atomic_load_n(&counts.deferred, __ATOMIC_RELAXED);
}
