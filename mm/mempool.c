// SPDX-License-Identifier: MIT
/*
 * Pools with a reserve (Linux: mm/mempool.c, Ingo Molnar).
 *
 * The deadlock that they are for: to free memory, somebody needs a little of it, and
 * there is none.  He cannot wait for others to free some, since the others wait for
 * him.  With a pool he waits for one of his own elements instead, and these come back,
 * because whoever has one is done with it in bounded time.
 *
 * No wake-up is lost: whoever finds the reserve empty reads `returned` under the same
 * lock, and sleeps only as long as it does not change.  A free that adds to the reserve
 * changes it, under the lock.  And a free does add to the reserve as long as somebody
 * waits, for it was empty then, and min_nr is at least 1.
 *
 * I1. The reserve has nr <= min_nr elements: allocated, in nobody's hands, and distinct.
 * I2. nr_out counts the elements in callers' hands.
 *
 * Locks: pool->lock [m], interrupts off.  Called with it held: nothing.
 */
#include <bits.h>
#include <gfp.h>
#include <mem.h>
#include <mm/kmalloc.h>
#include <mm/mempool.h>
#include <mm/page_alloc.h>
#include <report.h>

/* A stack of elements. */
struct reserve {
	void **elements; /* room for min_nr */
	unsigned min_nr, nr;
};

struct mempool {
	mempool_alloc_t *alloc; /* [I] */
	mempool_free_t *free;   /* [I] */
	void *data;             /* [I] */

	uint32_t nr_out; /* [a] */

	struct mm_spinlock lock;
	struct reserve reserve; /* [m] */
	uint32_t returned;      /* [m] changes when the reserve grows: what sleepers wait for */
};

/* A sleeper looks again after so long: what it was refused may have come free elsewhere. */
#define WAIT_MS 5000u

/* --- the reserve --------------------------------------------------------------- */

/* [m] */
static void give_locked(struct mempool *pool, void *element)
{
	pool->reserve.elements[pool->reserve.nr++] = element;
	__atomic_fetch_add(&pool->returned, 1, __ATOMIC_RELEASE);
}

/* [m] */
static bool holds_locked(const struct mempool *pool, const void *element)
{
	for (unsigned i = 0; i < pool->reserve.nr; i++) {
		if (pool->reserve.elements[i] == element)
			return true;
	}
	return false;
}

/* An element of the reserve; NULL when it is empty, and *returned is what to wait on. */
static void *take_reserved(struct mempool *pool, uint32_t *returned)
{
	mm_irqflags_t flags = mm_irq_save();
	void *element = NULL;

	mm_spin_lock(&pool->lock);
	if (pool->reserve.nr)
		element = pool->reserve.elements[--pool->reserve.nr];
	*returned = pool->returned;
	mm_spin_unlock(&pool->lock);
	mm_irq_restore(flags);
	return element;
}

enum give_result {
	GIVEN,
	RESERVE_FULL,
	THERE_ALREADY,
};

static enum give_result give_reserved(struct mempool *pool, void *element)
{
	mm_irqflags_t flags = mm_irq_save();
	enum give_result result = GIVEN;

	mm_spin_lock(&pool->lock);
	if (unlikely(holds_locked(pool, element)))
		result = THERE_ALREADY;
	else if (likely(pool->reserve.nr == pool->reserve.min_nr))
		result = RESERVE_FULL;
	else
		give_locked(pool, element);
	mm_spin_unlock(&pool->lock);
	mm_irq_restore(flags);
	return result;
}

/* --- alloc and free ------------------------------------------------------------ */

/* The same request, but one that rather fails than goes far: there is the reserve. */
static gfp_t modest(gfp_t gfp)
{
	gfp &= ~(__GFP_RETRY_MAYFAIL | __GFP_NOFAIL | __GFP_MEMALLOC);
	return gfp | __GFP_NOMEMALLOC | __GFP_NORETRY | __GFP_NOWARN;
}

/* `gfp` first without, then with reclaim; in the end, asleep until something is freed. */
static void *alloc_element(struct mempool *pool, gfp_t gfp)
{
	gfp_t try = gfp & ~(__GFP_DIRECT_RECLAIM | __GFP_IO);

	for (;;) {
		void *element = pool->alloc(try, pool->data);
		uint32_t returned;

		if (likely(element))
			return element;
		element = take_reserved(pool, &returned);
		if (element || !(gfp & __GFP_DIRECT_RECLAIM))
			return element;
		if (try == gfp && !mm_host_wait(&pool->returned, returned, WAIT_MS))
			return NULL;
		try = gfp;
	}
}

void *mempool_alloc(struct mempool *pool, gfp_t gfp)
{
	void *element;

	if (!gfp_admit(&gfp, CALLER()))
		return NULL;
	if (gfp & __GFP_ZERO) {
		report_now(MM_REPORT_BAD_FLAGS, (uintptr_t)pool, CALLER(),
			   "the request fails: NULL",
			   "__GFP_ZERO for a pool, whose reserve is not zeroed");
		return NULL;
	}
	element = alloc_element(pool, modest(gfp));
	if (element)
		__atomic_fetch_add(&pool->nr_out, 1, __ATOMIC_RELAXED);
	return element;
}

void mempool_free(void *element, struct mempool *pool)
{
	enum give_result result;

	if (!element)
		return;
	result = give_reserved(pool, element);
	if (result == THERE_ALREADY) {
		report_now(MM_REPORT_DOUBLE_FREE, (uintptr_t)element, CALLER(),
			   "nothing is freed",
			   "mempool_free of %p, which lies in the pool's reserve", element);
		return;
	}
	__atomic_fetch_sub(&pool->nr_out, 1, __ATOMIC_RELAXED);
	if (result == GIVEN)
		mm_host_wake(&pool->returned);
	else
		pool->free(element, pool->data);
}

/* --- making, resizing, ending -------------------------------------------------- */

/* Free the elements of a reserve from the one at `from` on, and its array. */
static void free_reserve(const struct mempool *pool, struct reserve *reserve, unsigned from)
{
	while (reserve->nr > from)
		pool->free(reserve->elements[--reserve->nr], pool->data);
	kfree(reserve->elements);
}

/*
 * A reserve for min_nr elements.  Its first `known` places are left for elements that there
 * are already; the others are filled.  False when there is no memory.
 */
static bool make_reserve(const struct mempool *pool, struct reserve *reserve, unsigned min_nr,
			 unsigned known)
{
	reserve->min_nr = min_nr;
	reserve->elements = kmalloc_array(min_nr, sizeof(void *), GFP_KERNEL);
	if (!reserve->elements)
		return false;
	for (reserve->nr = known; reserve->nr < min_nr; reserve->nr++) {
		void *element = pool->alloc(GFP_KERNEL, pool->data);

		if (!element) {
			free_reserve(pool, reserve, known);
			return false;
		}
		reserve->elements[reserve->nr] = element;
	}
	return true;
}

struct mempool *mempool_create(unsigned min_nr, mempool_alloc_t *alloc, mempool_free_t *free,
			       void *data)
{
	struct mempool *pool = kzalloc(sizeof(*pool), GFP_KERNEL);

	if (!pool)
		return NULL;
	pool->alloc = alloc;
	pool->free = free;
	pool->data = data;
	if (!make_reserve(pool, &pool->reserve, min_nr ? min_nr : 1, 0)) {
		kfree(pool);
		return NULL;
	}
	return pool;
}

/*
 * [m] Put `fresh` into the place of the pool's reserve, which becomes `old`.  Elements of the old
 * one move over, as many as there is room for; the new ones follow them.  Returns how many moved.
 */
static unsigned swap_locked(struct mempool *pool, const struct reserve *fresh,
			    struct reserve *old)
{
	unsigned moved = (unsigned)min_size(pool->reserve.nr, fresh->min_nr);

	*old = pool->reserve;
	pool->reserve = *fresh;
	pool->reserve.nr = moved;
	memcpy(fresh->elements, old->elements, moved * sizeof(void *));
	/* They lie at old->min_nr and beyond, so never below the place they go to. */
	for (unsigned i = old->min_nr; i < fresh->nr; i++)
		give_locked(pool, fresh->elements[i]);
	return moved;
}

bool mempool_resize(struct mempool *pool, unsigned min_nr)
{
	struct reserve fresh, old;
	mm_irqflags_t flags;
	unsigned moved;

	if (!make_reserve(pool, &fresh, min_nr ? min_nr : 1, pool->reserve.min_nr))
		return false;
	flags = mm_irq_save();
	mm_spin_lock(&pool->lock);
	moved = swap_locked(pool, &fresh, &old);
	mm_spin_unlock(&pool->lock);
	mm_irq_restore(flags);
	mm_host_wake(&pool->returned);
	free_reserve(pool, &old, moved);
	return true;
}

bool mempool_destroy(struct mempool *pool)
{
	uint32_t out;

	if (!pool)
		return true;
	out = __atomic_load_n(&pool->nr_out, __ATOMIC_RELAXED);
	if (out) {
		report_now(MM_REPORT_MISUSE, (uintptr_t)pool, CALLER(),
			   "the pool stays, and can be used",
			   "a pool destroyed with %u elements in use", out);
		return false;
	}
	free_reserve(pool, &pool->reserve, 0);
	kfree(pool);
	return true;
}

/* --- what pools are made of ---------------------------------------------------- */

void *mempool_alloc_slab(gfp_t gfp, void *data)
{
	return kmem_cache_alloc(data, gfp);
}

void mempool_free_slab(void *element, void *data)
{
	kmem_cache_free(data, element);
}

void *mempool_kmalloc(gfp_t gfp, void *data)
{
	return kmalloc((size_t)data, gfp);
}

void mempool_kfree(void *element, void *data)
{
	(void)data;
	kfree(element);
}

void *mempool_alloc_pages(gfp_t gfp, void *data)
{
	return alloc_pages(gfp, (unsigned)(uintptr_t)data);
}

void mempool_free_pages(void *element, void *data)
{
	__free_pages(element, (unsigned)(uintptr_t)data);
}

struct mempool *mempool_create_slab_pool(unsigned min_nr, struct kmem_cache *cache)
{
	return mempool_create(min_nr, mempool_alloc_slab, mempool_free_slab, cache);
}

struct mempool *mempool_create_kmalloc_pool(unsigned min_nr, size_t size)
{
	return mempool_create(min_nr, mempool_kmalloc, mempool_kfree, (void *)size);
}

struct mempool *mempool_create_page_pool(unsigned min_nr, unsigned order)
{
	return mempool_create(min_nr, mempool_alloc_pages, mempool_free_pages,
			      (void *)(uintptr_t)order);
}
