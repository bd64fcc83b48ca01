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
	OBJECT_CACHED = 0xfd,   /* in a magazine */
	OBJECT_LIVE = 0xfe,     /* in a caller's hands */
	OBJECT_FREE_LAST = 0xff /* on the slab's free list, and its end */
				/* below: on the free list; the index of the next */
				/* these two also on the list of deferred objects */
};

#define SLAB_MAX_OBJECTS OBJECT_CACHED /* indexes are below */

/* One slab: 2^order pages cut into objects.  This descriptor lies outside them. */
struct slab {
	struct list link;           /* [c] on one of the cache's lists */
	struct kmem_cache *cache;   /* [I] */
	char *base;                 /* [I] first object */
	struct slab *deferred_next; /* [a] on the cache's list of slabs with deferred objects */
	uint16_t nr;                /* [I] objects */
	uint16_t nr_taken;          /* [c] objects not on the free list; reports look on: [a] */
	uint8_t first_free;         /* [c] index, or OBJECT_FREE_LAST: none */
	uint8_t order;              /* [I] */
	uint8_t deferred;           /* [a] first deferred object, or OBJECT_FREE_LAST: none */
	uint8_t state[];            /* [c] one per object; [p] while cached or live */
};

#define SLAB_MAX_ORDER    3u /* slabs of small objects are no larger: 32 KiB */

/*
 * Empty slabs that a cache keeps: enough that a load that swings by a slab does not call the
 * page allocator each time.
 */
#define EMPTY_SLABS_KEPT  2u

/* Internal flags, above the public ones. */
#define SLAB_PUBLIC_FLAGS ((slab_flags_t)0x1fu)
#define SLAB_INTERNAL \
	((slab_flags_t)0x100u) /* the allocator's own: no magazines, no foreign free */
#define SLAB_ON_SLAB ((slab_flags_t)0x200u) /* descriptor at the start of the slab itself */
#define SLAB_KMALLOC ((slab_flags_t)0x400u) /* kmalloc's: never destroyed */

struct magazine;

struct kmem_cache {
	struct magazine *magazine[MM_HOST_NR_CPUS]; /* [p] never NULL */

	/* [I] */
	uint32_t size;        /* bytes from object to object */
	uint32_t reciprocal;  /* 2^32 / size, rounded up; 0 with one object a slab */
	uint32_t object_size; /* bytes that a caller may use */
	uint32_t align;
	slab_flags_t flags;
	gfp_t slab_gfp; /* zone and pageblock type of slabs */
	uint16_t nr;    /* objects in a slab of `order` */
	uint8_t order,
		min_order; /* pages of a slab: wanted, and the least that holds an object */
	uint16_t magazine_capacity; /* 0: none */
	void (*ctor)(void *object);
	char name[KMEM_CACHE_NAME_MAX];

	struct list link; /* [g] on the list of all caches */
	uint32_t holders; /* [g] who walk the list and stand here: see cache_next() */
	bool dying;       /* [g] no new ones */

	struct mm_spinlock lock;          /* [c] guards all below */
	struct list partial, full, empty; /* slabs */
	size_t nr_slabs, nr_empty;
	size_t nr_taken; /* objects on no slab's free list: live, cached, or deferred */

	/* [a] Left by those who could not have the lock; drained by cache_lock(). */
	struct slab *deferred;   /* slabs with deferred objects */
	struct list *fresh;      /* new slabs, on no list yet; the next is link.next */
	unsigned long deferrals; /* objects ever deferred */
};

#define SLAB_NO_OBJECT (~0u)

/* Index of the object that starts at `p`; SLAB_NO_OBJECT if none does. */
static inline unsigned slab_index(const struct slab *slab, const void *p)
{
	uintptr_t offset = (uintptr_t)p - (uintptr_t)slab->base;
	const struct kmem_cache *cache = slab->cache;
	unsigned index = (unsigned)(((uint64_t)(uint32_t)offset * cache->reciprocal) >> 32);

	if (likely(offset == (uintptr_t)index * cache->size && index < slab->nr))
		return index;
	return SLAB_NO_OBJECT;
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
struct slab *slab_take_locked(struct kmem_cache *cache, unsigned *index);
void slab_give_locked(struct kmem_cache *cache, struct slab *slab, unsigned index);
void slab_cull_locked(struct kmem_cache *cache, size_t keep, struct list *doomed);
size_t slab_release_all(struct list *doomed);

/* kmem_cache.c: caches */
void cache_init(void);
void cache_setup(struct kmem_cache *cache, const char *name, size_t size, size_t align,
		 slab_flags_t flags, void (*ctor)(void *object));
bool cache_admit(const struct kmem_cache *cache, gfp_t *gfp, uintptr_t caller);
void *cache_alloc(struct kmem_cache *cache, gfp_t gfp, uintptr_t caller);
void cache_free_object(struct slab *slab, void *object, uintptr_t caller);
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
