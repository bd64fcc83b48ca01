/* SPDX-License-Identifier: MIT */
/* Magazines: the slots of the CPUs' stacks, and the depot that trades them.  See magazine.c. */
#ifndef MM_INTERNAL_MAGAZINE_H
#define MM_INTERNAL_MAGAZINE_H

#include <slab.h>

struct magazine {
	struct magazine *next;  /* [c] in the depot */
	uint16_t capacity;      /* [I] */
	uint16_t count;         /* [c] objects, in the depot */
	struct mm_slot stopper; /* [I] no object: where a pop ends */
	struct mm_slot slots[];
};

_Static_assert(offsetof(struct magazine, slots) ==
		       offsetof(struct magazine, stopper) + sizeof(struct mm_slot),
	       "the stopper lies right below the lowest slot");

/* [p] Objects on a stack that has a magazine. */
static inline uint32_t stack_count(const struct mm_stack *stack)
{
	return (uint32_t)(stack->top - stack->magazine->slots);
}

/* [p] The stacks of this CPU; interrupts are off. */
static inline struct mm_stack *this_stack(const struct kmem_cache *cache)
{
	return &cache->stacks[mm_cpu_id()];
}

/* [p], but others read it at any time: magazine_count(). */
static inline void stack_set_top(struct mm_stack *stack, struct mm_slot *top)
{
	__atomic_store_n(&stack->top, top, __ATOMIC_RELAXED);
}

/* Objects of the largest magazine. */
#define MAGAZINE_MAX 62u

/* [p] How many empty slabs the cache keeps where it has a magazine, or has none. */
static inline size_t magazine_slabs_kept(const struct kmem_cache *cache)
{
	return this_stack(cache)->magazine ? 0 : EMPTY_SLABS_KEPT;
}

/* [p][c] How many empty slabs are to go back after a free on this CPU: see slab_release(). */
static inline size_t magazine_surplus_locked(const struct kmem_cache *cache)
{
	size_t kept = magazine_slabs_kept(cache);

	if (likely(cache->nr_empty <= kept))
		return 0;
	return max_size(EMPTY_SLABS_AT_ONCE, (cache->nr_empty - kept) / 2);
}

void magazine_init(void);
void magazine_init_cache(struct kmem_cache *cache, struct mm_stack *stacks);
unsigned magazine_capacity_for(size_t size);
void magazine_provide_slow(struct kmem_cache *cache, gfp_t gfp);
void *magazine_alloc_locked(struct kmem_cache *cache);
void magazine_free_locked(struct kmem_cache *cache, void *object, uint8_t *state);
void *magazine_alloc_ordinary(struct kmem_cache *cache, bool *none);
bool magazine_free_ordinary(struct kmem_cache *cache, void *object, uint8_t *state,
			    size_t *surplus);
void magazine_refill_locked(struct kmem_cache *cache);
bool magazine_make_room_locked(struct kmem_cache *cache);
void magazine_count_contention_locked(struct kmem_cache *cache);
size_t magazine_count(const struct kmem_cache *cache);
void magazine_close(struct kmem_cache *cache);
void magazine_trim(struct kmem_cache *cache);
bool magazine_is_elsewhere(const struct kmem_cache *cache);
void magazine_empty_here(struct kmem_cache *cache);
void magazine_trim_all(struct kmem_cache *cache);

/* Hints, without the lock: has this CPU a magazine as large as today's, and may the depot fill another one? */
static inline bool magazine_is_short(const struct kmem_cache *cache)
{
	const struct mm_stack *stack = &cache->stacks[mm_cpu_id()];
	unsigned capacity = __atomic_load_n(&stack->capacity, __ATOMIC_RELAXED);

	if (unlikely(capacity < __atomic_load_n(&cache->capacity, __ATOMIC_RELAXED)))
		return !capacity || !__atomic_load_n(&cache->depot_empty, __ATOMIC_RELAXED);
	return __atomic_load_n(&cache->nr_full, __ATOMIC_RELAXED) <
		       __atomic_load_n(&cache->depot_limit, __ATOMIC_RELAXED) &&
	       !__atomic_load_n(&cache->depot_empty, __ATOMIC_RELAXED);
}

static inline void magazine_provide(struct kmem_cache *cache, gfp_t gfp)
{
	if (unlikely(magazine_is_short(cache)))
		magazine_provide_slow(cache, gfp);
}

#endif
