// SPDX-License-Identifier: MIT
/*
 * Object caches: magazines in front, slabs behind, the public interface on top.
 *
 * An allocation pops the CPU's magazine; a free pushes.  When that does not do, the
 * slow path takes the cache's lock and moves objects between magazine and slabs, and
 * outside of the lock slabs come from and go to the page allocator.
 *
 * I1. nr_taken counts the objects that are live or in a magazine; live objects are
 *     nr_taken - magazine_count().
 * I2. Of the slabs that are empty beyond EMPTY_SLABS_KEPT, or beyond none where there are magazines,
 *     each free that takes the slow path gives EMPTY_SLABS_AT_ONCE back, or half of them, so that
 *     no more are left than it can have emptied itself; kmem_cache_shrink() gives all back.
 *
 * Locks, outermost first: cache_list_lock [g], cache->lock [c], both with interrupts off.
 * Never called holding either: the page allocator, constructors, the host.
 */
#include <bits.h>
#include <fault_hook.h>
#include <gfp.h>
#include <guard_hook.h>
#include <late.h>
#include <magazine.h>
#include <mem.h>
#include <page_alloc.h>
#include <pointer.h>
#include <reclaim.h>
#include <report.h>
#include <slab.h>
#include <slab_debug.h>
#include <slab_map.h>
#include <zone.h>

struct list cache_list;
struct mm_spinlock cache_list_lock;
static uint32_t last_serial; /* [g] */

/* What kmem_cache_create() makes. */
struct new_cache {
	struct kmem_cache cache;
	struct mm_stack stacks[MM_HOST_NR_CPUS];
};

/* Where these come from. */
static struct kmem_cache cache_cache;

#define CACHE_LINE 64u

/* cache_lock(), counting whether somebody else has it: the magazines' sizes follow that. */
static void lock_counting(struct kmem_cache *cache)
{
	if (unlikely(!mm_spin_trylock(&cache->lock))) {
		mm_spin_lock(&cache->lock);
		magazine_count_contention_locked(cache);
	}
	cache_drain_locked(cache);
}

/* --- allocation ---------------------------------------------------------------- */

/* One object to the caller, and what this CPU's stack needs to it. */
static void *refill(struct kmem_cache *cache)
{
	mm_irqflags_t flags = mm_irq_save();
	void *object;

	lock_counting(cache);
	object = magazine_alloc_locked(cache);
	cache_unlock(cache);
	mm_irq_restore(flags);
	return object;
}

/* From wherever there is one now: the slabs, new slabs.  NULL: there is no memory. */
static void *refill_or_grow(struct kmem_cache *cache, gfp_t gfp, uintptr_t caller)
{
	void *object;

	do
		object = refill(cache);
	while (!object && slab_grow(cache, gfp, caller));
	late_flush();
	return object;
}

/* The same, of a debugged cache: what was damaged while it was free goes back, to an isolated slab. */
static void *refill_sound(struct kmem_cache *cache, gfp_t gfp, uintptr_t caller)
{
	for (;;) {
		void *object = refill_or_grow(cache, gfp, caller);

		if (!slab_is_debugged(cache) || !object || slab_debug_take(object, caller))
			return object;
		cache_free_internal(cache, object);
	}
}

/*
 * There is no memory right now.  Rounds of reclaim are made here and not in the page allocator: what
 * a sleeper waits for may also be an object of this very cache.
 */
static __attribute__((noinline)) void *alloc_hard(struct kmem_cache *cache, gfp_t gfp,
						  uintptr_t caller)
{
	gfp_t page_gfp = slab_page_gfp(cache, gfp);
	struct reclaim_effort effort = {0};
	void *object = NULL;

	while (!object && reclaim_round(&effort, page_gfp, cache->min_order)) {
		object = mm_stack_pop(cache->stacks);
		if (!object)
			object = refill_sound(cache, gfp | effort.more, caller);
	}
	reclaim_done(&effort);
	/* Nobody asked for a magazine or a descriptor: who wanted an object says so. */
	if (!object && !((cache->flags & SLAB_INTERNAL) && (gfp & __GFP_NOWARN)))
		pages_fail(page_gfp, cache->min_order, caller);
	return object;
}

/* Shall a request fail that the slow path sees?  What the allocator needs for itself does not. */
static bool is_injected(const struct kmem_cache *cache, gfp_t gfp, uintptr_t caller)
{
	if ((cache->flags & SLAB_INTERNAL) && cache != &cache_cache)
		return false;
	return fault_fails(cache->name, gfp, 0, caller);
}

/* One that the guard pages have chosen, if they have.  kmalloc has asked them already. */
static __attribute__((noinline)) void *alloc_guarded(struct kmem_cache *cache, gfp_t gfp,
						     uintptr_t caller)
{
	if (cache->flags & SLAB_KMALLOC)
		return NULL;
	return guard_is_on()->alloc(cache, cache->object_size, gfp, caller);
}

/* The magazine is empty. */
static __attribute__((noinline)) void *alloc_slow(struct kmem_cache *cache, gfp_t gfp,
						  uintptr_t caller)
{
	bool none = false;
	void *object;

	if (fault_is_armed() && is_injected(cache, gfp, caller))
		return NULL;
	if (unlikely(guard_is_on() != NULL)) {
		object = alloc_guarded(cache, gfp, caller);
		if (object)
			return object;
	}
	object = magazine_alloc_ordinary(cache, &none);
	if (unlikely(none) && slab_grow(cache, gfp, caller))
		object = magazine_alloc_ordinary(cache, &none);
	if (likely(object)) {
		late_flush();
		return object;
	}
	magazine_provide(cache, gfp);
	object = refill_sound(cache, gfp, caller);
	return likely(object) ? object : alloc_hard(cache, gfp, caller);
}

/* An object for a request that passed gfp_admit(); not zeroed. */
void *cache_alloc(struct kmem_cache *cache, gfp_t gfp, uintptr_t caller)
{
	void *object = mm_stack_pop(cache->stacks);

	return likely(object) ? object : alloc_slow(cache, gfp, caller);
}

static bool refuse(const struct kmem_cache *cache, uintptr_t caller, const char *what)
{
	report_now(MM_REPORT_BAD_FLAGS, 0, caller, "the request fails: NULL", "cache %s: %s",
		   cache->name, what);
	return false;
}

/* Flags that this cache cannot serve. */
static bool cache_admits(const struct kmem_cache *cache, gfp_t gfp, uintptr_t caller)
{
	if ((gfp & __GFP_ZERO) && cache->ctor)
		return refuse(cache, caller, "__GFP_ZERO would undo what the constructor did");
	if (gfp & __GFP_HIGHMEM)
		return refuse(cache, caller, "__GFP_HIGHMEM, but objects need an address");
	if ((gfp & __GFP_DMA) && !(cache->flags & SLAB_CACHE_DMA))
		return refuse(cache, caller, "__GFP_DMA, but not SLAB_CACHE_DMA");
	return true;
}

/* gfp_admit() for a request to this cache. */
bool cache_admit(const struct kmem_cache *cache, gfp_t *gfp, uintptr_t caller)
{
	if (!gfp_admit(gfp, caller))
		return false;
	return !(*gfp & (__GFP_ZERO | __GFP_HIGHMEM | __GFP_DMA)) ||
	       cache_admits(cache, *gfp, caller);
}

static void *alloc_from(struct kmem_cache *cache, gfp_t gfp, uintptr_t caller)
{
	void *object;

	if (!cache_admit(cache, &gfp, caller))
		return NULL;
	object = cache_alloc(cache, gfp, caller);
	if ((gfp & __GFP_ZERO) && object)
		memset(object, 0, cache->object_size);
	return object;
}

static MM_FASTCALL __attribute__((noinline)) void *alloc_any_slow(struct kmem_cache *cache,
								  gfp_t gfp)
{
	return alloc_from(cache, gfp, CALLER());
}

MM_FASTCALL void *kmem_cache_alloc_any(struct kmem_cache *cache, gfp_t gfp)
{
	if (likely(gfp_is_plain(gfp))) {
		void *object = mm_stack_pop(cache->stacks);

		if (likely(object))
			return object;
	}
	return alloc_any_slow(cache, gfp);
}

MM_FASTCALL void *kmem_cache_zalloc_any(struct kmem_cache *cache, gfp_t gfp)
{
	if (likely(gfp_is_plain(gfp) && !cache->ctor)) {
		void *object = mm_stack_pop(cache->stacks);

		if (likely(object))
			return memset(object, 0, cache->object_size);
	}
	return alloc_any_slow(cache, gfp | __GFP_ZERO);
}

/* --- free ---------------------------------------------------------------------- */

/* Free an object past this CPU's stack's room.  False, nothing done, when it is not live after all. */
static bool free_slow(struct kmem_cache *cache, struct slab *slab, unsigned index)
{
	mm_irqflags_t flags = mm_irq_save();
	size_t surplus, kept;
	bool freed;

	lock_counting(cache);
	freed = slab->state[index] == OBJECT_LIVE;
	if (freed)
		magazine_free_locked(cache, slab_object(slab, index), &slab->state[index]);
	kept = magazine_slabs_kept(cache);
	surplus = magazine_surplus_locked(cache);
	cache_unlock(cache);
	mm_irq_restore(flags);
	if (surplus)
		slab_release(cache, kept, surplus);
	return freed;
}

/*
 * Somebody waits, perhaps for an object of this cache, perhaps for the page that it lies in, and
 * perhaps on another CPU: a magazine is no place for it now.  Who has not seen the waiter
 * yet keeps it there, no longer than until the waiter looks again by itself.
 */
__attribute__((noinline)) void cache_offer_to_waiters(struct kmem_cache *cache)
{
	kmem_cache_shrink(cache);
	zone_wake_waiters();
}

static __attribute__((noinline)) void free_full(struct slab *slab, unsigned index,
						const struct kmem_cache *wanted,
						uintptr_t caller)
{
	struct kmem_cache *cache = slab->cache;
	size_t surplus;

	if (likely(magazine_free_ordinary(cache, slab_object(slab, index), &slab->state[index],
					  &surplus))) {
		if (surplus)
			slab_release(cache, 0, surplus);
		late_flush();
		if (unlikely(zone_has_waiters()))
			cache_offer_to_waiters(cache);
		return;
	}
	if (cache->flags & SLAB_INTERNAL) {
		pointer_refuse_free(slab_object(slab, index), wanted, caller);
		return;
	}
	if (slab_is_debugged(cache))
		slab_debug_give(slab_object(slab, index), caller);
	magazine_provide(cache, GFP_NOWAIT);
	late_flush();
	if (!free_slow(cache, slab, index))
		pointer_refuse_free(slab_object(slab, index), wanted, caller);
	else if (zone_has_waiters())
		cache_offer_to_waiters(cache);
}

/*
 * A free that the fast path could not do: by kfree (`wanted` NULL), or to `wanted`.  `slab` is around
 * the object, but for that nothing is known.
 */
void cache_free_slow(struct slab *slab, void *object, const struct kmem_cache *wanted,
		     uintptr_t caller)
{
	unsigned index = slab_index(slab, object);

	if (index == SLAB_NO_OBJECT || slab->state[index] != OBJECT_LIVE)
		pointer_refuse_free(object, wanted, caller);
	else
		free_full(slab, index, wanted, caller);
}

/* An object of one of the allocator's own caches, which have no magazines. */
void *cache_alloc_internal(struct kmem_cache *cache, gfp_t gfp, uintptr_t caller)
{
	mm_irqflags_t flags = mm_irq_save();
	void *object = NULL;
	struct slab *slab;
	unsigned index;

	cache_lock(cache);
	slab = slab_take_locked(cache, &index);
	if (likely(slab)) {
		slab->state[index] = OBJECT_LIVE;
		object = slab_object(slab, index);
	}
	cache_unlock(cache);
	mm_irq_restore(flags);
	return likely(object) ? object : alloc_slow(cache, gfp, caller);
}

void cache_free_internal(struct kmem_cache *cache, void *object)
{
	struct slab *slab = page_of_address(object)->slab;
	mm_irqflags_t flags = mm_irq_save();
	bool surplus;

	cache_lock(cache);
	slab_give_locked(cache, slab, slab_index(slab, object));
	surplus = cache->nr_empty > EMPTY_SLABS_KEPT;
	cache_unlock(cache);
	mm_irq_restore(flags);
	if (unlikely(surplus))
		slab_release(cache, EMPTY_SLABS_KEPT, EMPTY_SLABS_AT_ONCE);
}

/* kmem_cache_free() on behalf of `caller`, without haste. */
void cache_free_for(struct kmem_cache *cache, void *object, uintptr_t caller)
{
	const struct guard_hook *guard;
	struct page *page = page_of_address(object);

	if (!object)
		return;
	if (page && page->kind == PAGE_SLAB && page->slab->cache == cache) {
		cache_free_slow(page->slab, object, cache, caller);
		return;
	}
	guard = guard_around(object);
	if (!guard || !guard->free(object, cache, caller))
		pointer_refuse_free(object, cache, caller);
}

static MM_FASTCALL __attribute__((noinline)) void kmem_cache_free_slow(struct kmem_cache *cache,
								       void *object)
{
	cache_free_for(cache, object, CALLER());
}

/* The same where the slab around the object is of the cache. */
static MM_FASTCALL __attribute__((noinline)) void free_own_slow(void *object)
{
	cache_free_for(slab_around(object)->cache, object, CALLER());
}

/* Which cache it is need not be kept over the push, so there is one register less to save. */
MM_FASTCALL void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	struct slab *slab = slab_around(object);

	if (unlikely(slab->cache != cache))
		kmem_cache_free_slow(cache, object);
	else if (unlikely(!slab_free_fast(slab, object)))
		free_own_slow(object);
}

/* --- making and ending caches -------------------------------------------------- */

static void list_cache(struct kmem_cache *cache)
{
	mm_irqflags_t flags = mm_irq_save();

	mm_spin_lock(&cache_list_lock);
	cache->serial = ++last_serial;
	list_add_tail(&cache_list, &cache->link);
	mm_spin_unlock(&cache_list_lock);
	mm_irq_restore(flags);
}

/* Off the list, if nobody stands on the cache; *holders is how many do. */
static bool try_unlist(struct kmem_cache *cache, uint32_t *holders)
{
	mm_irqflags_t flags = mm_irq_save();

	mm_spin_lock(&cache_list_lock);
	cache->dying = true;
	*holders = cache->holders;
	if (*holders == 0)
		list_del(&cache->link);
	mm_spin_unlock(&cache_list_lock);
	mm_irq_restore(flags);
	return *holders == 0;
}

#define WAIT_MS 10u

static void unlist_cache(struct kmem_cache *cache)
{
	uint32_t holders;

	while (!try_unlist(cache, &holders)) {
		if (!mm_host_wait(&cache->holders, holders, WAIT_MS))
			mm_cpu_relax();
	}
}

/* [g] The first cache from `link` on that is not about to go; NULL at the end. */
static struct kmem_cache *hold_locked(struct list *link)
{
	for (; link != &cache_list; link = link->next) {
		struct kmem_cache *cache = list_entry(link, struct kmem_cache, link);

		if (!cache->dying) {
			__atomic_fetch_add(&cache->holders, 1, __ATOMIC_RELAXED);
			return cache;
		}
	}
	return NULL;
}

/*
 * The cache after this one (NULL: the first), held, so that it stays while no lock is; lets
 * go of this one.  A walk goes on to its end, which is NULL.
 */
struct kmem_cache *cache_next(struct kmem_cache *cache)
{
	mm_irqflags_t flags = mm_irq_save();
	struct kmem_cache *next;
	bool awaited = false;

	mm_spin_lock(&cache_list_lock);
	next = hold_locked(cache ? cache->link.next : cache_list.next);
	if (cache)
		awaited = __atomic_sub_fetch(&cache->holders, 1, __ATOMIC_RELAXED) == 0 &&
			  cache->dying;
	mm_spin_unlock(&cache_list_lock);
	mm_irq_restore(flags);
	if (awaited) /* it may be gone from here on: the address alone is used */
		mm_host_wake(&cache->holders);
	return next;
}

/* The alignment that objects get: at least the caller's wish and the minimum. */
static size_t choose_align(size_t size, size_t align, slab_flags_t flags)
{
	align = max_size(align, KMEM_CACHE_ALIGN_MIN);
	if (flags & SLAB_HWCACHE_ALIGN) {
		size_t line = CACHE_LINE;

		while (size <=
		       line / 2) /* small objects share a line, but none straddles two */
			line /= 2;
		align = max_size(align, line);
	}
	return align;
}

static gfp_t choose_slab_gfp(slab_flags_t flags)
{
	return (flags & SLAB_CACHE_DMA ? __GFP_DMA : 0) | (flags & SLAB_USER ? __GFP_USER : 0);
}

/* Make a cache out of arguments that have been checked, and list it. */
void cache_setup(struct kmem_cache *cache, const char *name, size_t size, size_t align,
		 slab_flags_t flags, void (*ctor)(void *object), struct mm_stack *stacks)
{
	size_t length = 0;

	memset(cache, 0, sizeof(*cache));
	while (name[length] && length < KMEM_CACHE_NAME_MAX - 1)
		length++;
	memcpy(cache->name, name, length);
	cache->object_size = (uint32_t)size;
	cache->align = (uint32_t)choose_align(size, align, flags);
	cache->flags = flags;
	if (!(flags & SLAB_INTERNAL))
		cache->flags |= slab_debug_wanted(cache->name);
	cache->slab_gfp = choose_slab_gfp(flags);
	cache->ctor = ctor;
	list_init(&cache->partial);
	list_init(&cache->full);
	list_init(&cache->empty);
	list_init(&cache->isolated);
	slab_choose_layout(cache);
	magazine_init_cache(cache, stacks);
	list_cache(cache);
}

static void empty_here(void *cache)
{
	magazine_empty_here(cache);
}

/* Give back what no cache needs, perhaps whatever CPU has it ready: reclaim's first step. */
static size_t release_spare(bool everywhere)
{
	struct kmem_cache *cache = NULL;
	size_t pages = 0;

	while ((cache = cache_next(cache)) != NULL) {
		if (everywhere && magazine_is_elsewhere(cache))
			mm_host_on_each_cpu(empty_here, cache);
		pages += kmem_cache_shrink(cache);
	}
	return pages;
}

/* Somebody is about to wait for memory. */
static void close_stacks(void)
{
	struct kmem_cache *cache = NULL;

	while ((cache = cache_next(cache)) != NULL)
		magazine_close(cache);
}

/* The allocator's own caches.  Needs the page allocator. */
void cache_init(void)
{
	reclaim_set_spare(release_spare, close_stacks);
	list_init(&cache_list);
	memset(&cache_list_lock, 0, sizeof(cache_list_lock));
	slab_init();
	magazine_init();
	cache_setup(&cache_cache, "kmem_cache", sizeof(struct new_cache),
		    _Alignof(struct new_cache), SLAB_INTERNAL, NULL, NULL);
}

/* What is wrong with these arguments, in words; NULL if nothing is. */
static const char *bad_arguments(const char *name, size_t size, size_t align,
				 slab_flags_t flags)
{
	if (!name || !name[0])
		return "it has no name";
	if (size == 0 || size > KMEM_CACHE_SIZE_MAX)
		return "impossible object size";
	if (align && (!is_power_of_2(align) || align > PAGE_SIZE))
		return "the alignment is no power of two up to a page";
	if (flags & ~SLAB_PUBLIC_FLAGS)
		return "unknown flags";
	if (align_up(size, max_size(align, KMEM_CACHE_ALIGN_MIN)) > KMEM_CACHE_SIZE_MAX)
		return "impossible object size";
	return NULL;
}

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align,
				     slab_flags_t flags, void (*ctor)(void *object))
{
	const char *bad = bad_arguments(name, size, align, flags);
	struct new_cache *new = NULL;

	if (bad)
		report_now(MM_REPORT_BAD_SIZE, 0, CALLER(), "no cache is made: NULL",
			   "cache %s, size %zu, align %zu, flags 0x%x: %s",
			   name ? name : "(null)", size, align, flags, bad);
	else
		new = cache_alloc(&cache_cache, mm_may_sleep() ? GFP_KERNEL : GFP_NOWAIT,
				  CALLER());
	if (new) {
		cache_setup(&new->cache, name, size, align, flags, ctor, new->stacks);
		return &new->cache;
	}
	if (flags & SLAB_PANIC)
		mm_host_panic("mm: a cache that must exist could not be made");
	return NULL;
}

/* All empty slabs to the page allocator; returns pages. */
static size_t release_empty(struct kmem_cache *cache)
{
	size_t pages = slab_release(cache, 0, SIZE_MAX);

	slab_free_spare(cache);
	return pages;
}

/*
 * Free at once, in all caches, what waits for a lock.  Slabs that it empties stay for now: once the
 * list is unlocked their cache may be gone.
 */
void cache_drain_all(void)
{
	mm_irqflags_t flags = mm_irq_save();
	struct list *link;

	mm_spin_lock(&cache_list_lock);
	list_for_each (link, &cache_list) {
		struct kmem_cache *cache = list_entry(link, struct kmem_cache, link);

		cache_lock(cache);
		cache_unlock(cache);
	}
	mm_spin_unlock(&cache_list_lock);
	mm_irq_restore(flags);
}

size_t kmem_cache_shrink(struct kmem_cache *cache)
{
	magazine_trim(cache);
	late_flush();
	return release_empty(cache);
}

#define LISTED_OBJECTS 8u

/* The first of a cache's live objects, and how many there are. */
struct survivors {
	size_t count, listed;
	void *objects[LISTED_OBJECTS];
};

/* [c] List the live objects of the slabs on one list, until no more can be. */
static void list_live_locked(const struct list *slabs, struct survivors *live)
{
	const struct list *link;

	list_for_each (link, slabs) {
		const struct slab *slab = list_entry(link, struct slab, link);

		for (unsigned i = 0; i < slab->nr && live->listed < LISTED_OBJECTS; i++) {
			if (slab->state[i] == OBJECT_LIVE)
				live->objects[live->listed++] = slab_object(slab, i);
		}
	}
}

/* Which objects of a cache without magazines are live? */
static void find_live(struct kmem_cache *cache, struct survivors *live)
{
	mm_irqflags_t flags = mm_irq_save();
	size_t guarded;

	cache_lock(cache);
	live->count = cache->nr_taken;
	live->listed = 0;
	list_live_locked(&cache->full, live);
	list_live_locked(&cache->partial, live);
	list_live_locked(&cache->isolated, live);
	cache_unlock(cache);
	mm_irq_restore(flags);
	guarded =
		guard_live(cache, live->objects + live->listed, LISTED_OBJECTS - live->listed);
	live->count += guarded;
	live->listed += min_size(guarded, LISTED_OBJECTS - live->listed);
}

/* Lines about a live object. */
static void describe_live(const struct report *report, const void *object)
{
	const struct guard_hook *guard = guard_around(object);
	const struct slab *slab;

	if (guard) {
		guard->describe(report, object);
		return;
	}
	slab = page_of_address(object)->slab;
	report_line(report, "live      object at %p", object);
	slab_debug_describe(report, slab, slab_index(slab, object));
}

/* `done`: what was done to the cache, or tried to. */
static void report_in_use(const struct kmem_cache *cache, const struct survivors *live,
			  const char *done, uintptr_t caller)
{
	struct report report;

	report_begin(&report, MM_REPORT_CACHE_IN_USE, (uintptr_t)cache, caller,
		     "cache %s %s with %zu live objects", cache->name, done, live->count);
	for (size_t i = 0; i < live->listed; i++)
		describe_live(&report, live->objects[i]);
	report_end(&report, "the cache stays, and can be used");
}

/* Only its address is used: it may be no cache, or none any more. */
static bool is_listed(const struct kmem_cache *cache)
{
	mm_irqflags_t flags = mm_irq_save();
	struct list *link;
	bool found = false;

	mm_spin_lock(&cache_list_lock);
	list_for_each (link, &cache_list)
		found = found || link == &cache->link;
	mm_spin_unlock(&cache_list_lock);
	mm_irq_restore(flags);
	return found;
}

bool kmem_cache_destroy(struct kmem_cache *cache)
{
	struct survivors live;

	if (!cache)
		return true;
	if (!is_listed(cache)) {
		report_now(MM_REPORT_MISUSE, (uintptr_t)cache, CALLER(), "nothing is changed",
			   "%p destroyed, where no cache is (any more)", (void *)cache);
		return false;
	}
	if (cache->flags & (SLAB_INTERNAL | SLAB_KMALLOC)) {
		report_now(MM_REPORT_MISUSE, (uintptr_t)cache, CALLER(), "the cache stays",
			   "cache %s destroyed, which is the allocator's own", cache->name);
		return false;
	}
	magazine_trim_all(cache);
	release_empty(cache);
	find_live(cache, &live);
	if (live.count) {
		report_in_use(cache, &live, "destroyed", CALLER());
		return false;
	}
	slab_release_isolated(cache);
	unlist_cache(cache);
	cache_free_internal(&cache_cache, cache);
	return true;
}

/* Change the layout of a cache that has no slabs, and nobody who uses it. */
static void set_layout(struct kmem_cache *cache, slab_flags_t flags)
{
	struct mm_stack *stacks = cache->stacks;

	cache->flags = (cache->flags & ~SLAB_DEBUG) | flags;
	slab_choose_layout(cache);
	magazine_init_cache(cache, stacks);
}

bool kmem_cache_set_debug(struct kmem_cache *cache, slab_flags_t flags)
{
	struct survivors live;

	if ((cache->flags & SLAB_INTERNAL) || (flags & ~SLAB_DEBUG)) {
		report_now(MM_REPORT_MISUSE, (uintptr_t)cache, CALLER(), "nothing is changed",
			   "kmem_cache_set_debug of cache %s, flags 0x%x: %s", cache->name,
			   flags,
			   cache->flags & SLAB_INTERNAL ? "it is the allocator's own"
							: "these are no debug flags");
		return false;
	}
	magazine_trim_all(cache);
	release_empty(cache);
	find_live(cache, &live);
	if (live.count) {
		report_in_use(cache, &live, "laid out anew", CALLER());
		return false;
	}
	slab_release_isolated(cache);
	set_layout(cache, flags);
	return true;
}

unsigned kmem_cache_size(const struct kmem_cache *cache)
{
	return cache->object_size;
}

const char *kmem_cache_name(const struct kmem_cache *cache)
{
	return cache->name;
}
