// SPDX-License-Identifier: MIT
/*
 * Magazines (Bonwick and Adams 2001): for each cache and CPU a stack of objects that
 * are ready to go.  An alloc that finds one and a free that finds room touch nothing
 * that another CPU writes, neither the object nor its slab's lists.  Otherwise half a
 * magazine moves between it and the slabs, under the cache's lock.
 *
 * A cache starts with magazine_none, which is empty and full at the same time, on
 * every CPU; its first slow path on a CPU attaches a real one.  So a cache that
 * is never used costs nothing, and the caches that magazines are made of need no
 * special case.
 *
 * I1. An object is in at most one slot of one magazine, exactly if its state is
 *     OBJECT_CACHED.  For its slab such an object counts as taken.
 * I2. A magazine is touched by its own CPU only, interrupts off.
 *
 * Locks: [p] by I2; cache->lock [c] in functions named _locked, interrupts off.
 */
#include <bits.h>
#include <magazine.h>
#include <mem.h>
#include <mm/format.h>

/* Nobody writes to it: there is nothing to pop and no room to push. */
static struct magazine magazine_none;

static const uint16_t capacities[] = {8, 16, 32};

#define NR_CAPACITIES (sizeof(capacities) / sizeof(capacities[0]))

static struct kmem_cache magazine_caches[NR_CAPACITIES];

static size_t magazine_bytes(size_t capacity)
{
	return sizeof(struct magazine) + capacity * sizeof(struct magazine_slot);
}

void magazine_init(void)
{
	for (size_t i = 0; i < NR_CAPACITIES; i++) {
		char name[KMEM_CACHE_NAME_MAX];

		mm_snprintf(name, sizeof(name), "magazine-%u", capacities[i]);
		cache_setup(&magazine_caches[i], name, magazine_bytes(capacities[i]), 0,
			    SLAB_INTERNAL, NULL);
	}
}

void magazine_init_cache(struct kmem_cache *cache)
{
	for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++)
		cache->magazine[cpu] = &magazine_none;
}

/* Larger objects get smaller magazines, so that no CPU sits on more than some 16 KiB. */
unsigned magazine_capacity_for(size_t size)
{
	if (size <= 256)
		return 32;
	if (size <= 1024)
		return 16;
	return size <= 8192 ? 8 : 0;
}

static struct kmem_cache *magazine_cache_of(unsigned capacity)
{
	size_t i = 0;

	while (capacities[i] < capacity)
		i++;
	return &magazine_caches[i];
}

/* A hint: interrupts are on, so this CPU may get one any time, or be another one. */
static bool has_magazine(const struct kmem_cache *cache)
{
	return __atomic_load_n(&cache->magazine[mm_cpu_id()], __ATOMIC_RELAXED) !=
	       &magazine_none;
}

/*
 * Give this CPU a magazine, if the cache uses them and it has none.  Without memory
 * nothing happens: the cache works without, only slower.
 */
void magazine_attach(struct kmem_cache *cache, gfp_t gfp)
{
	struct magazine *magazine;
	mm_irqflags_t flags;
	unsigned cpu;

	if (cache->magazine_capacity == 0 || has_magazine(cache))
		return;
	gfp = (gfp & __GFP_KSWAPD_RECLAIM) | __GFP_NOWARN;
	magazine = cache_alloc(magazine_cache_of(cache->magazine_capacity), gfp, CALLER());
	if (!magazine)
		return;
	magazine->count = 0;
	magazine->capacity = cache->magazine_capacity;

	flags = mm_irq_save();
	cpu = mm_cpu_id();
	if (cache->magazine[cpu] == &magazine_none) {
		/* Others look at it as soon as they see it: magazine_count(). */
		__atomic_store_n(&cache->magazine[cpu], magazine, __ATOMIC_RELEASE);
		magazine = NULL;
	}
	mm_irq_restore(flags);
	if (magazine) /* an interrupt came first */
		cache_free_internal(magazine_cache_of(cache->magazine_capacity), magazine);
}

/*
 * One object for the caller, live, and up to half a magazine of further ones from
 * the slabs.  NULL when they have none.
 */
void *magazine_refill_locked(struct kmem_cache *cache)
{
	struct magazine *magazine = cache->magazine[mm_cpu_id()];
	unsigned index;
	struct slab *slab = slab_take_locked(cache, &index);
	void *object;

	if (!slab)
		return NULL;
	object = slab_object(slab, index);
	slab->state[index] = OBJECT_LIVE;
	while (magazine->count < magazine->capacity / 2) {
		slab = slab_take_locked(cache, &index);
		if (!slab)
			break;
		magazine_put(magazine, magazine->count, slab_object(slab, index),
			     &slab->state[index]);
	}
	return object;
}

/* Give the n objects that have been in the magazine longest back to their slabs. */
void magazine_spill_locked(struct kmem_cache *cache, struct magazine *magazine, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct slab *slab = page_of_address(magazine->slots[i].object)->slab;

		slab_give_locked(cache, slab,
				 (unsigned)(magazine->slots[i].state - slab->state));
	}
	magazine_set_count(magazine, magazine->count - n);
	memmove(magazine->slots, magazine->slots + n,
		magazine->count * sizeof(struct magazine_slot));
}

/*
 * [c] Objects in the cache's magazines, on all CPUs; a snapshot.  The lock keeps the
 * magazines from being freed, not from being used.
 */
size_t magazine_count(const struct kmem_cache *cache)
{
	size_t count = 0;

	for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++) {
		const struct magazine *magazine =
			__atomic_load_n(&cache->magazine[cpu], __ATOMIC_ACQUIRE);

		count += __atomic_load_n(&magazine->count, __ATOMIC_RELAXED);
	}
	return count;
}

/* Empty and free the magazines of all CPUs.  Nobody may be using the cache. */
void magazine_detach_all(struct kmem_cache *cache)
{
	for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++) {
		struct magazine *magazine = cache->magazine[cpu];
		mm_irqflags_t flags;

		if (magazine == &magazine_none)
			continue;
		flags = mm_irq_save();
		cache_lock(cache);
		magazine_spill_locked(cache, magazine, magazine->count);
		cache->magazine[cpu] = &magazine_none;
		cache_unlock(cache);
		mm_irq_restore(flags);
		cache_free_internal(magazine_cache_of(cache->magazine_capacity), magazine);
	}
}
