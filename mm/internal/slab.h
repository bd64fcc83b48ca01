/* SPDX-License-Identifier: MIT */
/* Caches and slabs from the inside.  See slab.c. */
#ifndef MM_INTERNAL_SLAB_H
#define MM_INTERNAL_SLAB_H

#include <list.h>
#include <mm/port.h>
#include <mm/slab.h>
#include <page.h>

/*
 * State of one object, a byte: where it is, and the links of the slab's free list.
 * So the free list needs nothing of the objects.
 */
enum {
	OBJECT_CACHED = MM_OBJECT_CACHED, /* in a magazine */
	OBJECT_LIVE = MM_OBJECT_LIVE,     /* in a caller's hands */
	OBJECT_FREE_LAST = 0xff           /* on the slab's free list, and its end */
					  /* below: on the free list; the index of the next */
					  /* these two also on the list of deferred objects */
};

#define SLAB_MAX_OBJECTS OBJECT_CACHED /* indexes are below */

#define SLAB_MAX_ORDER   3u /* slabs of small objects are no larger: 32 KiB */

/*
 * One slab: 2^order pages cut into objects.  This descriptor lies outside them.  What a free
 * needs comes first.
 */
struct slab {
	char *base; /* [I] first object */
	uint32_t
		reciprocal; /* [I] the cache's; 0, which no object passes, where frees are slow */
	struct mm_stack *stacks;    /* [I] the cache's */
	struct kmem_cache *cache;   /* [I] */
	struct list link;           /* [c] on one of the cache's lists */
	struct slab *deferred_next; /* [a] on the cache's list of slabs with deferred objects */
	uint16_t nr;                /* [I] objects */
	uint16_t nr_taken;          /* [c] objects not on the free list */
	uint8_t first_free;         /* [c] index, or OBJECT_FREE_LAST: none */
	uint8_t order;              /* [I] */
	uint8_t deferred;           /* [a] first deferred object, or OBJECT_FREE_LAST: none */
	bool isolated;              /* [c] damaged: on that list for ever */
	/*
	 * [c] One per object; [p] while cached or live.  Then one for each further object that
	 * would fit: OBJECT_FREE_LAST for ever, so that an index need not be compared with nr.
	 */
	uint8_t state[];
};

/*
 * Empty slabs that a cache keeps where it has no magazine, so that a load which swings by an object
 * does not call the page allocator each time.  Where there is one, that sees to it.
 */
#define EMPTY_SLABS_KEPT    2u

/*
 * Of those beyond, a free gives so many back, or half of them if that is more.  The rest is for
 * the next ones, or for allocations, so that no call pays for all that it happened to empty.
 */
#define EMPTY_SLABS_AT_ONCE 2u

/* Internal flags, above the public ones. */
#define SLAB_PUBLIC_FLAGS   ((slab_flags_t)0xf1fu)
#define SLAB_INTERNAL \
	((slab_flags_t)0x1000u) /* the allocator's own: no magazines, no foreign free */
#define SLAB_ON_SLAB ((slab_flags_t)0x2000u) /* descriptor at the start of the slab itself */
#define SLAB_KMALLOC ((slab_flags_t)0x4000u) /* kmalloc's: never destroyed */

struct kmem_cache {
	/* [I] */
	struct mm_stack *stacks; /* one for each CPU: [p] */
	uint32_t size;           /* bytes from object to object */
	uint32_t reciprocal;     /* 2^32 / size, rounded up; 1 with one object a slab */
	uint32_t object_size;    /* bytes that a caller may use */
	uint32_t align;
	uint32_t lead; /* bytes before the first object of a slab: its left red zone */
	slab_flags_t flags;
	gfp_t slab_gfp; /* zone and pageblock type of slabs */
	uint16_t nr;    /* objects in a slab of `order` */
	uint16_t
		nr_states; /* bytes of state that such a slab has: nr, and what would fit beyond */
	uint8_t order,
		min_order;     /* pages of a slab: wanted, and the least that holds an object */
	uint16_t capacity_max; /* of its magazines; 0: it has none */
	void (*ctor)(void *object);
	char name[KMEM_CACHE_NAME_MAX];

	struct list link; /* [g] on the list of all caches, which is sorted by */
	uint32_t serial;  /* [I] the first one made has 1; it wraps */
	uint32_t holders; /* [g] who walk the list and stand here: see cache_next() */
	bool dying;       /* [g] no new ones */

	struct mm_spinlock lock;          /* [c] guards all below */
	struct list partial, full, empty; /* slabs */
	struct list isolated;             /* damaged ones, of which nothing is given out */
	size_t nr_slabs, nr_empty;
	size_t nr_taken; /* objects on no slab's free list: live, cached, or deferred */

	/* The depot; the three that are looked at without the lock are [a], too. */
	struct magazine *depot_full, *depot_empty;
	struct magazine *outgrown; /* empty, and smaller than today's */
	size_t nr_depot;           /* objects in the magazines of depot_full */
	uint16_t nr_full;          /* these magazines; [a] */
	uint16_t depot_limit;      /* how many of them are wanted at most; [a] */
	uint16_t capacity;         /* of magazines that are made now; [a] */
	uint16_t misses;           /* stacks that were empty or full, since that changed */

	struct slab *spare; /* [a] the descriptor of a slab that went back; NULL: none */

	/* [a] Left by those who could not have the lock; drained by cache_lock(). */
	struct slab *deferred;   /* slabs with deferred objects */
	struct list *fresh;      /* new slabs, on no list yet; the next is link.next */
	unsigned long deferrals; /* objects ever deferred */
};

#define SLAB_NO_OBJECT (~0u)

/* [c] Or must the cache grow? */
static inline bool slab_has_free_locked(const struct kmem_cache *cache)
{
	return !list_empty(&cache->partial) || !list_empty(&cache->empty);
}

/*
 * Does an object start at `p`, and which?  Or one beyond the last of the slab, which is never
 * live.  `reciprocal` is the slab's or its cache's.  `p` lies in the slab's marked pages, at
 * `base` or behind it.
 *
 * With r = 2^32 / size rounded up, e = r * size - 2^32 < size and offset = k * size + rest,
 * the product is k * 2^32 + k * e + rest * r.  Where r > 2^15 + size, as for all sizes
 * of which a slab of at most 2^15 bytes holds several, k * e < 2^15: so the upper half is k, and
 * the lower half is below r exactly if rest is 0 (Lemire, Kaser and Kurz 2019).
 */
static inline bool slab_index_by(const struct slab *slab, const void *p, uint32_t *reciprocal,
				 uint32_t *index)
{
	uint32_t offset = (uint32_t)((uintptr_t)p - (uintptr_t)slab->base);

	return multiply(offset, reciprocal, index) < *reciprocal;
}

/* Index of the object that starts at `p`, wherever that is; SLAB_NO_OBJECT if none does. */
static inline unsigned slab_index(const struct slab *slab, const void *p)
{
	uint32_t index;

	if ((uintptr_t)p - (uintptr_t)slab->base >= PAGE_SIZE << slab->order ||
	    !slab_index_by(slab, p, &slab->cache->reciprocal, &index) || index >= slab->nr)
		return SLAB_NO_OBJECT;
	return index;
}

/*
 * Free what may be an object of this slab, to this CPU's stack.  False, and nothing done, if it is
 * none, or not live, or the stack is full.
 */
static inline bool slab_free_fast(struct slab *slab, void *object)
{
	uint32_t index;

	return likely(slab_index_by(slab, object, &slab->reciprocal, &index)) &&
	       likely(mm_stack_push(slab->stacks, object, &slab->state[index]) == MM_PUSH_DONE);
}

static inline void *slab_object(const struct slab *slab, unsigned index)
{
	return slab->base + (size_t)index * slab->cache->size;
}

/* A lock, and what was left for whoever comes with it. */
void slab_drain_locked(struct kmem_cache *cache);

static inline void cache_drain_locked(struct kmem_cache *cache)
{
	if (unlikely(__atomic_load_n(&cache->deferred, __ATOMIC_RELAXED) ||
		     __atomic_load_n(&cache->fresh, __ATOMIC_RELAXED)))
		slab_drain_locked(cache);
}

/* Interrupts are off. */
static inline void cache_lock(struct kmem_cache *cache)
{
	mm_spin_lock(&cache->lock);
	cache_drain_locked(cache);
}

static inline void cache_unlock(struct kmem_cache *cache)
{
	mm_spin_unlock(&cache->lock);
}

/* slab.c: the slabs of one cache */
void slab_init(void);
void slab_choose_layout(struct kmem_cache *cache);
size_t slab_descriptor_size(const struct kmem_cache *cache);
gfp_t slab_page_gfp(const struct kmem_cache *cache, gfp_t gfp);
struct kmem_cache *slab_descriptor_cache(const struct kmem_cache *cache);
bool slab_grow(struct kmem_cache *cache, gfp_t gfp, uintptr_t caller);
void slab_form(struct slab *slab, struct kmem_cache *cache, struct page *page);
size_t slab_marked_pages(const struct slab *slab);
void *slab_publish(struct slab *slab);
bool slab_defer(struct slab *slab, unsigned index);
size_t slab_take_many_locked(struct kmem_cache *cache, struct mm_slot *slots, size_t n);
struct slab *slab_take_locked(struct kmem_cache *cache, unsigned *index);
void slab_give_locked(struct kmem_cache *cache, struct slab *slab, unsigned index);
void slab_give_many_locked(struct kmem_cache *cache, const struct mm_slot *slots, size_t n);
size_t slab_release(struct kmem_cache *cache, size_t keep, size_t most);
void slab_free_spare(struct kmem_cache *cache);
void slab_release_isolated(struct kmem_cache *cache);
bool slab_isolate(struct slab *slab);
void slab_count_pages(const struct kmem_cache *cache, size_t n);

/* kmem_cache.c: caches */
void cache_init(void);
void cache_setup(struct kmem_cache *cache, const char *name, size_t size, size_t align,
		 slab_flags_t flags, void (*ctor)(void *object), struct mm_stack *stacks);
bool cache_admit(const struct kmem_cache *cache, gfp_t *gfp, uintptr_t caller);
void *cache_alloc(struct kmem_cache *cache, gfp_t gfp, uintptr_t caller);
void cache_free_slow(struct slab *slab, void *object, const struct kmem_cache *wanted,
		     uintptr_t caller);
void *cache_alloc_internal(struct kmem_cache *cache, gfp_t gfp, uintptr_t caller);
void cache_free_for(struct kmem_cache *cache, void *object, uintptr_t caller);
void cache_free_internal(struct kmem_cache *cache, void *object);
void cache_offer_to_waiters(struct kmem_cache *cache);
void cache_drain_all(void);

struct kmem_cache *cache_next(struct kmem_cache *cache);

/* The list of all caches. */
extern struct list cache_list;             /* [g] */
extern struct mm_spinlock cache_list_lock; /* [g] taken before any [c] */

/* Pages in slabs, for statistics.  [a] */
extern size_t slab_pages;
extern size_t slab_reclaimable_pages;

#endif
