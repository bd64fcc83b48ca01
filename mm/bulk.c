// SPDX-License-Identifier: MIT
/*
 * Many objects of one cache at once (Linux: kmem_cache_alloc_bulk).
 *
 * What one object costs beyond the pop itself is turning interrupts off and on, passing
 * the gate, and, when the magazine does not do, the lock.  A bulk pays for these once: it
 * empties or fills the magazine in one go, and has the rest from, or gives it to, the slabs
 * directly, in one go too.  So a bulk that is larger than the magazine does not
 * push its objects through it half by half.
 *
 * I1. No critical section handles more than BULK_STRIDE objects, so that the time for which
 *     interrupts are off does not grow with n.
 *
 * Locks: [p] and cache->lock [c], as in kmem_cache.c.
 */
#include <bits.h>
#include <fault_hook.h>
#include <magazine.h>
#include <mem.h>
#include <slab_debug.h>
#include <slab_map.h>
#include <zone.h>

#define BULK_STRIDE 64u

/* --- allocation ---------------------------------------------------------------- */

/* [p] The n objects on top of a stack that has so many, the hottest last. */
static inline void pop_run(struct mm_stack *stack, size_t n, void **p)
{
	const struct mm_slot *end = stack->top;

	p += n;
	for (ptrdiff_t i = -(ptrdiff_t)n; i; i++) {
		p[i] = end[i].object;
		*end[i].state = OBJECT_LIVE;
	}
	stack_set_top(stack, stack->top - n);
}

/* [p] Up to n objects from this CPU's stack; returns how many. */
static size_t pop_some(struct mm_stack *stack, size_t n, void **p)
{
	if (!stack->magazine)
		return 0;
	n = min_size(n, stack_count(stack));
	pop_run(stack, n, p);
	return n;
}

/* n objects from this CPU's stack, if it has so many. */
static inline bool pop_all(struct kmem_cache *cache, size_t n, void **p)
{
	mm_irqflags_t flags = mm_irq_save();
	struct mm_stack *stack = this_stack(cache);
	bool enough = stack->magazine && n <= stack_count(stack);

	if (likely(enough))
		pop_run(stack, n, p);
	mm_irq_restore(flags);
	return enough;
}

static size_t pop_many(struct kmem_cache *cache, size_t n, void **p)
{
	mm_irqflags_t flags = mm_irq_save();
	size_t count = pop_some(this_stack(cache), n, p);

	mm_irq_restore(flags);
	return count;
}

/*
 * Up to n objects, or BULK_STRIDE of them, when the stack is empty: by way of the depot if a
 * magazine may hold so many, and from the slabs.  Returns how many.
 */
static size_t take_many(struct kmem_cache *cache, size_t n, void **p)
{
	mm_irqflags_t flags;
	size_t count;

	if (slab_is_debugged(cache) || fault_is_armed()) /* one by one */
		return 0;
	n = min_size(n, BULK_STRIDE);
	flags = mm_irq_save();
	cache_lock(cache);
	if (n <= cache->capacity_max)
		magazine_refill_locked(cache);
	count = pop_some(this_stack(cache), n, p);
	for (; count < n; count++) {
		unsigned index;
		struct slab *slab = slab_take_locked(cache, &index);

		if (!slab)
			break;
		slab->state[index] = OBJECT_LIVE;
		p[count] = slab_object(slab, index);
	}
	cache_unlock(cache);
	mm_irq_restore(flags);
	return count;
}

/*
 * The magazine did not have enough: p[got .. n - 1] from slabs.  Where these end, one object is
 * allocated as any other is, with all that the flags allow: a new slab, or a wait for
 * memory.  False when that fails.
 */
static bool fill_from_slabs(struct kmem_cache *cache, gfp_t gfp, size_t got, size_t n, void **p,
			    uintptr_t caller)
{
	for (;;) {
		got += take_many(cache, n - got, p + got);
		if (got == n)
			return true;
		p[got] = cache_alloc(cache, gfp, caller);
		if (!p[got])
			break;
		got++;
		got += pop_many(cache, n - got, p + got);
	}
	kmem_cache_free_bulk(cache, got, p);
	return false;
}

static MM_FASTCALL __attribute__((noinline)) size_t alloc_bulk_slow(struct kmem_cache *cache,
								    gfp_t gfp, size_t n,
								    void **p)
{
	size_t got;

	if (!cache_admit(cache, &gfp, CALLER()))
		return 0;
	got = pop_many(cache, n, p);
	if (got < n && !fill_from_slabs(cache, gfp, got, n, p, CALLER()))
		return 0;
	if (gfp & __GFP_ZERO) {
		for (size_t i = 0; i < n; i++)
			memset(p[i], 0, cache->object_size);
	}
	return n;
}

MM_FASTCALL size_t kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t gfp, size_t n,
					 void **p)
{
	if (likely(gfp_is_plain(gfp)) && likely(pop_all(cache, n, p)))
		return n;
	return alloc_bulk_slow(cache, gfp, n, p);
}

/* --- free ---------------------------------------------------------------------- */

/*
 * A bulk that is being freed.  What is in no slab of the cache, or not live, gathers at the front of
 * p[]: it may be guarded, else it is reported.
 */
struct bulk {
	struct kmem_cache *cache;
	void **p;
	size_t refused;
};

/* [p] The state of a live object of this cache; NULL for anything else. */
static inline uint8_t *live_state(const struct kmem_cache *cache, void *object,
				  struct slab **around)
{
	struct slab *slab = slab_around(object);
	uint32_t index;

	*around = slab;
	if (likely(slab->cache == cache) &&
	    likely(slab_index_by(slab, object, &slab->reciprocal, &index)) &&
	    likely(slab->state[index] == OBJECT_LIVE))
		return &slab->state[index];
	return NULL;
}

static void refuse(struct bulk *bulk, void *object)
{
	if (object)
		bulk->p[bulk->refused++] = object;
}

/*
 * [p] Put p[0], p[1] ... p[n - 1] into slots, as long as they are live objects of the cache; returns
 * how many were.  Which slab is of the cache is not asked again for its next object.
 */
static inline size_t push_run(const struct kmem_cache *cache, void **p, size_t n,
			      struct mm_slot *slots)
{
	struct slab *slab = NULL;
	ptrdiff_t i;

	p += n;
	slots += n;
	for (i = -(ptrdiff_t)n; i; i++) {
		void *object = p[i];
		uint32_t index;

		if (unlikely(slab_around(object) != slab)) {
			slab = slab_around(object);
			if (unlikely(slab->cache != cache))
				break;
		}
		if (unlikely(!slab_index_by(slab, object, &slab->reciprocal, &index)) ||
		    unlikely(slab->state[index] != OBJECT_LIVE))
			break;
		slab->state[index] = OBJECT_CACHED;
		slots[i] = (struct mm_slot){object, &slab->state[index]};
	}
	return n - (size_t)-i;
}

/*
 * [p] p[0], p[1] ... on this CPU's stack, which is full at `limit`, until it is or one is not right;
 * returns how many.
 */
static inline __attribute__((always_inline)) size_t push_right(const struct kmem_cache *cache,
							       const struct mm_slot *limit,
							       void **p, size_t n)
{
	struct mm_stack *stack = this_stack(cache);
	struct mm_slot *top = stack->top;

	if (unlikely(top >= limit))
		return 0;
	n = push_run(cache, p, min_size(n, (size_t)(limit - top)), top);
	stack_set_top(stack, top + n);
	return n;
}

/* [p] [a] Where this CPU's stack is full. */
static inline const struct mm_slot *limit_here(const struct kmem_cache *cache)
{
	return __atomic_load_n(&this_stack(cache)->limit, __ATOMIC_RELAXED);
}

/* [p] Fill the stack with p[i], p[i + 1] ...; returns where it was full, or `end`. */
static size_t push_many(struct bulk *bulk, size_t i, size_t end)
{
	const struct mm_slot *limit = limit_here(bulk->cache);

	for (;;) {
		i += push_right(bulk->cache, limit, bulk->p + i, end - i);
		if (i == end || this_stack(bulk->cache)->top >= limit)
			return i;
		refuse(bulk, bulk->p[i++]);
	}
}

/*
 * [p] The stack was full at p[i]: it is traded for an empty one if that may hold the rest.  What
 * there is no room for goes to the slabs.  Returns how many of these are to be released.
 */
static size_t give_many(struct bulk *bulk, size_t i, size_t end)
{
	struct kmem_cache *cache = bulk->cache;
	size_t surplus;

	cache_lock(cache);
	if (end - i <= cache->capacity_max && magazine_make_room_locked(cache))
		i = push_many(bulk, i, end);
	for (; i < end; i++) {
		struct slab *slab;
		const uint8_t *state = live_state(cache, bulk->p[i], &slab);

		if (state)
			slab_give_locked(cache, slab, (unsigned)(state - slab->state));
		else
			refuse(bulk, bulk->p[i]);
	}
	surplus = magazine_surplus_locked(cache);
	cache_unlock(cache);
	return surplus;
}

/* Free p[start .. end - 1], at most BULK_STRIDE of them. */
static void free_stride(struct bulk *bulk, size_t start, size_t end)
{
	mm_irqflags_t flags = mm_irq_save();
	size_t surplus = 0, kept = magazine_slabs_kept(bulk->cache);

	start = push_many(bulk, start, end);
	if (start < end)
		surplus = give_many(bulk, start, end);
	mm_irq_restore(flags);
	slab_release(bulk->cache, kept, surplus);
}

static MM_FASTCALL __attribute__((noinline)) void free_bulk_slow(struct kmem_cache *cache,
								 size_t n, void **p)
{
	struct bulk bulk = {cache, p, 0};

	if (unlikely(cache->flags & SLAB_INTERNAL)) {
		bulk.refused = n;
	} else if (slab_is_debugged(cache)) {
		for (size_t i = 0; i < n; i++)
			cache_free_for(cache, p[i], CALLER());
	} else {
		magazine_provide(cache, GFP_NOWAIT);
		for (size_t i = 0; i < n; i += BULK_STRIDE)
			free_stride(&bulk, i, min_size(i + BULK_STRIDE, n));
		if (unlikely(zone_has_waiters()))
			cache_offer_to_waiters(cache);
	}
	for (size_t i = 0; i < bulk.refused; i++)
		cache_free_for(cache, p[i], CALLER());
}

MM_FASTCALL void kmem_cache_free_bulk(struct kmem_cache *cache, size_t n, void **p)
{
	mm_irqflags_t flags = mm_irq_save();
	size_t done = push_right(cache, limit_here(cache), p, n);

	mm_irq_restore(flags);
	if (unlikely(done < n))
		free_bulk_slow(cache, n - done, p + done);
}
