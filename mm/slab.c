// SPDX-License-Identifier: MIT
/*
 * Slabs (Bonwick 1994): the objects of a cache, a few pages at a time.
 *
 * A slab is a block of pages cut into objects, and a descriptor with one state
 * byte for each object: live, cached in a magazine, or free, in which case the byte
 * is the index of the next free object.  Descriptors lie outside the slabs (but for
 * the caches that hold descriptors), which has three uses: objects of a power
 * of two pack without a gap and are aligned to their size; a free object keeps its
 * constructed state; and no write beyond an object can damage the allocator.  The
 * byte limits a slab to SLAB_MAX_OBJECTS objects, and that is why no object is
 * smaller than SLAB_MIN_SIZE.
 *
 * Objects are not coloured: modern caches are associative enough, and colouring
 * would cost the alignment.
 *
 * I1. Each slab is on one list: empty (nr_taken 0), full (nr_taken == nr) or partial; or it is
 *     isolated, because damage was found there: what is freed to it is not given out again.
 * I2. The free list, from first_free along the state bytes, holds exactly the
 *     nr - nr_taken objects that are neither live nor cached.
 * I3. Every page of a slab says PAGE_SLAB and points to the descriptor.  (A slab of one
 *     object larger than 2^SLAB_MAX_ORDER pages marks its head only.)
 * I4. The constructor has run on every object of every slab.
 *
 * I5. An object that was freed without the lock is deferred: not live, but still taken,
 *     until the lock is taken next.  So a slab with such objects is not empty.
 *
 * Locks: cache->lock [c] in functions named _locked.  The others are called without:
 * the page allocator is never called holding a cache's lock.
 */
#include <bits.h>
#include <mem.h>
#include <mm/format.h>
#include <page_alloc.h>
#include <shuffle.h>
#include <slab.h>
#include <slab_debug.h>
#include <slab_map.h>

size_t slab_pages;
size_t slab_reclaimable_pages;

#define SLAB_MIN_SIZE 16u

/* --- layout -------------------------------------------------------------------- */

/* Bytes at the start of an on-slab slab that objects cannot have. */
static size_t on_slab_header(const struct kmem_cache *cache, size_t nr)
{
	return align_up(sizeof(struct slab) + nr, cache->align);
}

static size_t objects_in(const struct kmem_cache *cache, unsigned order)
{
	size_t bytes = (PAGE_SIZE << order) - cache->lead;
	size_t nr = min_size(bytes / cache->size, SLAB_MAX_OBJECTS);

	if (cache->flags & SLAB_ON_SLAB) {
		while (nr && on_slab_header(cache, nr) + nr * cache->size > bytes)
			nr--;
	}
	return nr;
}

/* Starts of objects in so many bytes, whether or not a slab may have as many objects. */
static size_t states_in(const struct kmem_cache *cache, unsigned order)
{
	if (slab_is_debugged(cache))
		return objects_in(cache, order);
	return ((PAGE_SIZE << order) - 1) / cache->size + 1;
}

/* Bytes that slabs of this order waste, in 1/1024 of the slab. */
static size_t waste_of(const struct kmem_cache *cache, unsigned order)
{
	size_t bytes = PAGE_SIZE << order;

	return ((bytes - objects_in(cache, order) * cache->size) << 10) / bytes;
}

/*
 * What slabs of this order cost, in 1/1024 of their size: the end in which no object fits
 * (an eighth of a slab and more is for those only that have no choice), and what lies free while
 * objects come and go at random.  A slab goes back when all its objects are free at once, and the
 * more it has the rarer that is; measured, that part grows to a sixth.  Large blocks are
 * harder to have, which the last term stands for.
 */
static size_t cost_of(const struct kmem_cache *cache, unsigned order)
{
	size_t nr = objects_in(cache, order), end = waste_of(cache, order);

	return (end >= 1024 / 8 ? 4 * end : end) + 160 * (nr - 1) / (nr + 3) + 12 * order;
}

/* The order that costs least; for descriptors, which must be had when memory is short, the least. */
static unsigned choose_order(const struct kmem_cache *cache)
{
	unsigned best = cache->min_order;

	if (cache->flags & SLAB_ON_SLAB)
		return best;
	for (unsigned order = best + 1; order <= SLAB_MAX_ORDER; order++) {
		if (cost_of(cache, order) < cost_of(cache, best))
			best = order;
	}
	return best;
}

/* From object_size, align and flags: spacing, order, objects in a slab. */
void slab_choose_layout(struct kmem_cache *cache)
{
	cache->size =
		(uint32_t)align_up(max_size(cache->object_size, SLAB_MIN_SIZE), cache->align);
	cache->lead = 0;
	if (slab_is_debugged(cache))
		slab_debug_choose_layout(cache);
	cache->min_order = (uint8_t)get_order(cache->lead + cache->size);
	cache->order = (uint8_t)choose_order(cache);
	cache->nr = (uint16_t)objects_in(cache, cache->order);
	cache->nr_states = (uint16_t)(cache->nr == 1 ? 1 : states_in(cache, cache->order));
	cache->reciprocal = 1;
	if (cache->nr > 1)
		cache->reciprocal =
			(uint32_t)((((uint64_t)1 << 32) + cache->size - 1) / cache->size);
}

size_t slab_descriptor_size(const struct kmem_cache *cache)
{
	return slab_is_debugged(cache) ? slab_debug_descriptor_size(cache)
				       : sizeof(struct slab) + cache->nr_states;
}

/* --- descriptors --------------------------------------------------------------- */

static const uint16_t descriptor_sizes[] = {48, 56, 72, 80, 104, 128, 168, 336};

#define NR_DESCRIPTOR_CACHES (sizeof(descriptor_sizes) / sizeof(descriptor_sizes[0]))

_Static_assert(sizeof(struct slab) + PAGE_SIZE / SLAB_MIN_SIZE + 2 * sizeof(void *) <= 336,
	       "the largest descriptor fits");

static struct kmem_cache descriptor_caches[NR_DESCRIPTOR_CACHES];

/* States of a slab whose objects are all free, but for the last one's. */
static uint8_t states_chained[SLAB_MAX_OBJECTS];

void slab_init(void)
{
	slab_pages = 0;
	slab_reclaimable_pages = 0;
	for (unsigned i = 0; i < SLAB_MAX_OBJECTS; i++)
		states_chained[i] = (uint8_t)(i + 1);
	for (size_t i = 0; i < NR_DESCRIPTOR_CACHES; i++) {
		char name[KMEM_CACHE_NAME_MAX];

		mm_snprintf(name, sizeof(name), "slab-descriptor-%u", descriptor_sizes[i]);
		cache_setup(&descriptor_caches[i], name, descriptor_sizes[i], 0,
			    SLAB_INTERNAL | SLAB_ON_SLAB, NULL, NULL);
	}
}

/* Where descriptors of this cache's slabs come from; NULL: from the slabs themselves. */
struct kmem_cache *slab_descriptor_cache(const struct kmem_cache *cache)
{
	size_t i = 0;

	if (cache->flags & SLAB_ON_SLAB)
		return NULL;
	while (descriptor_sizes[i] < slab_descriptor_size(cache))
		i++;
	return &descriptor_caches[i];
}

/* A descriptor for a slab that starts at `memory`. */
static struct slab *alloc_descriptor(struct kmem_cache *cache, char *memory, gfp_t gfp,
				     uintptr_t caller)
{
	struct kmem_cache *descriptors = slab_descriptor_cache(cache);

	return descriptors ? cache_alloc_internal(descriptors, gfp, caller)
			   : (struct slab *)memory;
}

static void free_descriptor(struct slab *slab)
{
	struct kmem_cache *descriptors = slab_descriptor_cache(slab->cache);

	if (descriptors)
		cache_free_internal(descriptors, slab);
}

/* --- making and releasing slabs ------------------------------------------------ */

/* Pages whose struct page must say PAGE_SLAB: those in which an object can start. */
size_t slab_marked_pages(const struct slab *slab)
{
	return slab->nr == 1 && !slab->cache->lead ? 1 : (size_t)1 << slab->order;
}

void slab_count_pages(const struct kmem_cache *cache, size_t n)
{
	__atomic_fetch_add(&slab_pages, n, __ATOMIC_RELAXED);
	if (cache->flags & SLAB_RECLAIM_ACCOUNT)
		__atomic_fetch_add(&slab_reclaimable_pages, n, __ATOMIC_RELAXED);
}

/* A block of the wanted order; without one, of the least that holds an object. */
static struct page *alloc_slab_pages(const struct kmem_cache *cache, gfp_t gfp)
{
	struct page *page = pages_try(gfp, cache->order);

	if (!page && cache->order != cache->min_order)
		page = pages_try(gfp, cache->min_order);
	return page;
}

/* The free list in a random order: each index changes places with one of those before it, or none. */
static void shuffle_states(struct slab *slab)
{
	uint8_t order[SLAB_MAX_OBJECTS];

	order[0] = 0;
	for (unsigned i = 1; i < slab->nr; i++) {
		unsigned j = shuffle_below(i + 1);

		order[i] = order[j];
		order[j] = (uint8_t)i;
	}
	slab->first_free = order[0];
	for (unsigned i = 0; i + 1 < slab->nr; i++)
		slab->state[order[i]] = order[i + 1];
	slab->state[order[slab->nr - 1]] = OBJECT_FREE_LAST;
}

/* Each free object's state names the next one; what lies beyond the last is never live. */
static void form_states(struct slab *slab)
{
	const struct kmem_cache *cache = slab->cache;
	size_t states = cache->nr_states;

	if (cache->flags & SLAB_ON_SLAB)
		states = slab->nr;
	else if (slab->order != cache->order)
		states = states_in(cache, slab->order);
	slab->first_free = 0;
	memcpy(slab->state, states_chained, slab->nr);
	memset(slab->state + slab->nr - 1, OBJECT_FREE_LAST, states - slab->nr + 1);
	if (shuffle_is_on())
		shuffle_states(slab);
}

static void construct_objects(const struct slab *slab)
{
	if (slab->cache->ctor) {
		for (unsigned i = 0; i < slab->nr; i++)
			slab->cache->ctor(slab_object(slab, i));
	}
}

/* A descriptor for a block of pages, all objects free.  The pages do not know it yet. */
void slab_form(struct slab *slab, struct kmem_cache *cache, struct page *page)
{
	unsigned order = page->order;
	bool slow = cache->flags & (SLAB_ON_SLAB | SLAB_DEBUG);

	slab->cache = cache;
	slab->stacks = cache->stacks;
	slab->reciprocal = slow ? 0 : cache->reciprocal;
	slab->order = (uint8_t)order;
	slab->nr = cache->nr;
	if (order != cache->order)
		slab->nr = (uint16_t)objects_in(cache, order);
	slab->base = (char *)page_address(page) + cache->lead;
	if (cache->flags & SLAB_ON_SLAB)
		slab->base += on_slab_header(cache, slab->nr);
	slab->nr_taken = 0;
	slab->deferred = OBJECT_FREE_LAST;
	slab->isolated = false;
	form_states(slab);
	if (slab_is_debugged(cache))
		slab_debug_form(slab);
	construct_objects(slab);
}

/*
 * The descriptor of a slab that went back, for the next one: all objects are free, and all
 * but the address is as it has to be.  NULL if there is none.
 */
static struct slab *take_spare(struct kmem_cache *cache)
{
	if (!__atomic_load_n(&cache->spare, __ATOMIC_RELAXED))
		return NULL;
	return __atomic_exchange_n(&cache->spare, NULL, __ATOMIC_ACQ_REL);
}

static void keep_spare(struct slab *slab)
{
	struct kmem_cache *cache = slab->cache;

	if (!(cache->flags & (SLAB_ON_SLAB | SLAB_DEBUG)) && slab->order == cache->order)
		slab = __atomic_exchange_n(&cache->spare, slab, __ATOMIC_ACQ_REL);
	if (slab)
		free_descriptor(slab);
}

/* A slab of these pages, which do not know it yet; NULL: there is no memory for a descriptor. */
static struct slab *make_slab(struct kmem_cache *cache, struct page *page, gfp_t gfp,
			      uintptr_t caller)
{
	struct slab *slab = page->order == cache->order ? take_spare(cache) : NULL;

	if (slab) {
		slab->base = page_address(page);
		construct_objects(slab);
		return slab;
	}
	gfp &= ~(__GFP_ZERO | __GFP_DMA | __GFP_DIRECT_RECLAIM | __GFP_NOFAIL);
	slab = alloc_descriptor(cache, page_address(page), gfp | __GFP_NOWARN, caller);
	if (slab)
		slab_form(slab, cache, page);
	return slab;
}

/* The flags of a request, and the zone and pageblock type of the cache. */
gfp_t slab_page_gfp(const struct kmem_cache *cache, gfp_t gfp)
{
	gfp_t of_cache = __GFP_ZERO | __GFP_COMP | __GFP_DMA | __GFP_USER | __GFP_MOVABLE;

	return (gfp & ~of_cache) | cache->slab_gfp;
}

/*
 * One slab more, if there is memory right now: false when there is none.  Neither sleeps nor
 * complains.  Called without locks; others may have taken the new objects before
 * the caller comes to it.
 */
bool slab_grow(struct kmem_cache *cache, gfp_t gfp, uintptr_t caller)
{
	struct page *page = alloc_slab_pages(cache, slab_page_gfp(cache, gfp));
	struct slab *slab;
	mm_irqflags_t flags;

	if (!page)
		return false;
	slab = make_slab(cache, page, gfp, caller);
	if (!slab) {
		pages_put_back(page, page->order);
		return false;
	}
	if (slab_is_debugged(cache))
		slab_debug_make_history(slab, gfp);
	pages_to_slab(page, slab_marked_pages(slab), slab);
	slab_map_set(slab, slab_marked_pages(slab));
	slab_count_pages(cache, (size_t)1 << slab->order);

	flags = mm_irq_save();
	cache_lock(cache);
	list_add(&cache->empty, &slab->link);
	cache->nr_slabs++;
	cache->nr_empty++;
	cache_unlock(cache);
	mm_irq_restore(flags);
	return true;
}

static void release_slab(struct slab *slab)
{
	/* An on-slab header is less than a page: base lies in the first. */
	struct page *page = page_of_address(slab->base - slab->cache->lead);
	unsigned order = slab->order;

	if (slab_is_debugged(slab->cache))
		slab_debug_drop_history(slab);
	slab_map_clear(slab, slab_marked_pages(slab));
	pages_from_slab(page, slab_marked_pages(slab), order);
	slab_count_pages(slab->cache, -((size_t)1 << order));
	keep_spare(slab);
	pages_free(page, order);
}

/* An empty slab, off its list, if there are more than `keep`; else NULL. */
static struct slab *pull_empty(struct kmem_cache *cache, size_t keep)
{
	mm_irqflags_t flags = mm_irq_save();
	struct slab *slab = NULL;

	cache_lock(cache);
	if (cache->nr_empty > keep) {
		slab = list_entry(cache->empty.prev, struct slab, link);
		list_del(&slab->link);
		cache->nr_empty--;
		cache->nr_slabs--;
	}
	cache_unlock(cache);
	mm_irq_restore(flags);
	return slab;
}

/* At most so many empty slabs beyond `keep` to the page allocator; returns pages. */
size_t slab_release(struct kmem_cache *cache, size_t keep, size_t most)
{
	struct slab *slab;
	size_t pages = 0;

	while (most-- > 0 && (slab = pull_empty(cache, keep)) != NULL) {
		pages += (size_t)1 << slab->order;
		release_slab(slab);
	}
	return pages;
}

/* Nobody uses the cache, and no object is live: so damaged slabs may go, too. */
void slab_release_isolated(struct kmem_cache *cache)
{
	while (!list_empty(&cache->isolated)) {
		struct slab *slab = list_entry(cache->isolated.next, struct slab, link);

		list_del(&slab->link);
		cache->nr_slabs--;
		release_slab(slab);
	}
}

void slab_free_spare(struct kmem_cache *cache)
{
	struct slab *slab = take_spare(cache);

	if (slab)
		free_descriptor(slab);
}

/* --- objects, under the cache's lock ------------------------------------------- */

static struct slab *first_slab(const struct list *list)
{
	return list_empty(list) ? NULL : list_entry(list->next, struct slab, link);
}

/* A slab that has a free object; NULL: the cache must grow. */
static struct slab *slab_with_free_locked(struct kmem_cache *cache)
{
	struct slab *slab = first_slab(&cache->partial);

	if (slab)
		return slab;
	slab = first_slab(&cache->empty);
	if (slab) {
		cache->nr_empty--;
		list_move(&cache->partial, &slab->link);
	}
	return slab;
}

/* So many objects of the slab's are taken now, and its free list begins there; the cache's count is the caller's. */
static inline void set_taken_locked(struct kmem_cache *cache, struct slab *slab, unsigned taken,
				    unsigned first_free)
{
	slab->nr_taken = (uint16_t)taken;
	slab->first_free = (uint8_t)first_free;
	if (first_free == OBJECT_FREE_LAST)
		list_move(&cache->full, &slab->link);
}

/* Take an object off a slab's free list, a partial slab first.  NULL: the cache must grow. */
struct slab *slab_take_locked(struct kmem_cache *cache, unsigned *index)
{
	struct slab *slab = slab_with_free_locked(cache);

	if (!slab)
		return NULL;
	*index = slab->first_free;
	set_taken_locked(cache, slab, slab->nr_taken + 1u, slab->state[*index]);
	cache->nr_taken++;
	return slab;
}

/* What a slab has, or as much as fits, into slots up to `end`, as cached; returns where that ends. */
static inline struct mm_slot *take_from_locked(struct kmem_cache *cache, struct slab *slab,
					       struct mm_slot *slots, const struct mm_slot *end)
{
	unsigned index = slab->first_free, taken = slab->nr_taken;

	do {
		uint8_t *state = &slab->state[index];

		IN_REGISTER(state);
		*slots++ = (struct mm_slot){slab->base + index * cache->size, state};
		index = *state;
		IN_REGISTER(index);
		*state = OBJECT_CACHED;
		taken++;
	} while (index != OBJECT_FREE_LAST && slots < end);
	set_taken_locked(cache, slab, taken, index);
	return slots;
}

/* Up to n objects into slots; returns how many there were. */
size_t slab_take_many_locked(struct kmem_cache *cache, struct mm_slot *slots, size_t n)
{
	const struct mm_slot *first = slots, *end = slots + n;
	struct slab *slab;

	while (slots < end && (slab = slab_with_free_locked(cache)) != NULL)
		slots = take_from_locked(cache, slab, slots, end);
	n = (size_t)(slots - first);
	cache->nr_taken += n;
	return n;
}

/* All objects of a slab have come back. */
static __attribute__((noinline)) void now_empty_locked(struct kmem_cache *cache,
						       struct slab *slab)
{
	if (slab->isolated)
		return;
	list_move(&cache->empty, &slab->link);
	cache->nr_empty++;
}

/* One object has come back to a slab that was full. */
static __attribute__((noinline)) void now_partial_locked(struct kmem_cache *cache,
							 struct slab *slab)
{
	if (!slab->isolated)
		list_move(&cache->partial, &slab->link);
}

/* Put an object back on its slab's free list; the cache's count is the caller's. */
static inline void give_locked(struct kmem_cache *cache, struct slab *slab, uint8_t *state)
{
	uint8_t next = slab->first_free;

	*state = next;
	slab->first_free = (uint8_t)(state - slab->state);
	if (unlikely(--slab->nr_taken == 0))
		now_empty_locked(cache, slab);
	else if (unlikely(next == OBJECT_FREE_LAST))
		now_partial_locked(cache, slab);
}

/*
 * The object has just become the first of a debugged slab's free list: make it the last.  So what is
 * freed stays untouched for as long as can be, and a late use of it is noticed.
 */
static void move_to_end_locked(struct slab *slab)
{
	unsigned index = slab->first_free;
	uint8_t *last = &slab->first_free;

	while (*last != OBJECT_FREE_LAST)
		last = &slab->state[*last];
	*last = (uint8_t)index;
	slab->first_free = slab->state[index];
	slab->state[index] = OBJECT_FREE_LAST;
}

void slab_give_locked(struct kmem_cache *cache, struct slab *slab, unsigned index)
{
	give_locked(cache, slab, &slab->state[index]);
	if (slab_is_debugged(cache) && slab->state[index] != OBJECT_FREE_LAST)
		move_to_end_locked(slab);
	cache->nr_taken--;
}

/* The same for the objects in n slots, of a cache that is not the allocator's own. */
void slab_give_many_locked(struct kmem_cache *cache, const struct mm_slot *slots, size_t n)
{
	for (const struct mm_slot *end = slots + n; slots < end; slots++)
		give_locked(cache, slab_around(slots->object), slots->state);
	cache->nr_taken -= n;
}

/*
 * Damage was found in this slab: nothing of it is given out any more, since nobody knows
 * what else was, or will be, written to.  False where that would mean to wait in an NMI.
 */
bool slab_isolate(struct slab *slab)
{
	struct kmem_cache *cache = slab->cache;
	mm_irqflags_t flags = mm_irq_save();
	bool locked = cache_lock_if_allowed(cache);

	if (locked && !slab->isolated) {
		cache->nr_empty -= slab->nr_taken == 0;
		slab->isolated = true;
		list_move(&cache->isolated, &slab->link);
	}
	if (locked)
		cache_unlock(cache);
	mm_irq_restore(flags);
	return locked;
}

/* --- without the cache's lock: any context, NMI included -------------------------- */

static void push_deferred(struct slab *slab)
{
	struct slab **list = &slab->cache->deferred;
	struct slab *first = __atomic_load_n(list, __ATOMIC_RELAXED);

	do
		slab->deferred_next = first;
	while (!__atomic_compare_exchange_n(list, &first, slab, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED));
}

static void push_fresh(struct slab *slab)
{
	struct list **list = &slab->cache->fresh;
	struct list *first = __atomic_load_n(list, __ATOMIC_RELAXED);

	do
		slab->link.next = first;
	while (!__atomic_compare_exchange_n(list, &first, &slab->link, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED));
}

/*
 * Free an object: it is not live from now on, and comes to the free list with the next
 * cache_lock().  False, nothing done, when it is not live.
 *
 * Whoever defers a slab's first object also puts the slab on the cache's list; before that is
 * done nobody drains it, and after it nothing of the slab is touched here.  Acquire: the
 * last drain has read deferred_next before we write it.
 */
bool slab_defer(struct slab *slab, unsigned index)
{
	struct kmem_cache *cache = slab->cache;
	uint8_t state = OBJECT_LIVE, first = __atomic_load_n(&slab->deferred, __ATOMIC_RELAXED);

	if (!__atomic_compare_exchange_n(&slab->state[index], &state, OBJECT_FREE_LAST, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return false;
	__atomic_fetch_add(&cache->deferrals, 1, __ATOMIC_RELAXED);
	do
		__atomic_store_n(&slab->state[index], first, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&slab->deferred, &first, (uint8_t)index, true,
					    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	if (first == OBJECT_FREE_LAST)
		push_deferred(slab);
	return true;
}

/*
 * Give a new slab to its cache, without the lock, and its first object to the caller.  The
 * pages know it.
 */
void *slab_publish(struct slab *slab)
{
	struct kmem_cache *cache = slab->cache;
	unsigned first = slab->first_free;
	void *object = slab_object(slab, first);

	slab->first_free = slab->state[first];
	slab->state[first] = OBJECT_LIVE;
	slab->nr_taken = 1;
	slab_count_pages(cache, (size_t)1 << slab->order);
	push_fresh(slab);
	return object;
}

static void add_fresh_locked(struct kmem_cache *cache, struct list *link)
{
	while (link) {
		struct slab *slab = list_entry(link, struct slab, link);

		link = link->next;
		list_add(slab->nr_taken == slab->nr ? &cache->full : &cache->partial,
			 &slab->link);
		cache->nr_slabs++;
		cache->nr_taken += slab->nr_taken;
	}
}

/*
 * What was left without the lock.  The deferred objects are taken first: a fresh slab that
 * has any was pushed before them, so it is among the fresh ones that are taken after, or was
 * before.
 */
void slab_drain_locked(struct kmem_cache *cache)
{
	struct slab *slab = __atomic_exchange_n(&cache->deferred, NULL, __ATOMIC_ACQ_REL);

	add_fresh_locked(cache, __atomic_exchange_n(&cache->fresh, NULL, __ATOMIC_ACQ_REL));
	while (slab) {
		struct slab *next = slab->deferred_next;
		/* From here on the slab may be on the list again. */
		uint8_t index = __atomic_exchange_n(&slab->deferred, OBJECT_FREE_LAST,
						    __ATOMIC_ACQ_REL);

		while (index != OBJECT_FREE_LAST) {
			uint8_t after = slab->state[index];

			slab_give_locked(cache, slab, index);
			index = after;
		}
		slab = next;
	}
}
