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

/* [p] How many empty slabs the cache keeps after a free on this CPU. */
static inline size_t magazine_slabs_kept(const struct kmem_cache *cache)
{
	return this_stack(cache)->magazine ? 0 : EMPTY_SLABS_KEPT;
}

void magazine_init(void);
void magazine_init_cache(struct kmem_cache *cache, struct mm_stack *stacks);
unsigned magazine_capacity_for(size_t size);
void magazine_provide(struct kmem_cache *cache, gfp_t gfp);
void *magazine_alloc_locked(struct kmem_cache *cache);
void magazine_free_locked(struct kmem_cache *cache, void *object, uint8_t *state);
void magazine_refill_locked(struct kmem_cache *cache);
bool magazine_make_room_locked(struct kmem_cache *cache);
void magazine_count_contention_locked(struct kmem_cache *cache);
size_t magazine_count(const struct kmem_cache *cache);
void magazine_close(struct kmem_cache *cache);
void magazine_trim(struct kmem_cache *cache);
bool magazine_is_elsewhere(const struct kmem_cache *cache);
void magazine_empty_here(struct kmem_cache *cache);
void magazine_trim_all(struct kmem_cache *cache);

#endif
