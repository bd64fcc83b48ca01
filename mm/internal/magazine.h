/* SPDX-License-Identifier: MIT */
/* Magazines: per CPU, an array of objects that are ready to go.  See magazine.c. */
#ifndef MM_INTERNAL_MAGAZINE_H
#define MM_INTERNAL_MAGAZINE_H

#include <slab.h>

/* An object together with its state byte, so that a pop need not look for it. */
struct magazine_slot {
	void *object;
	uint8_t *state;
};

struct magazine {
	uint32_t count; /* [p]; others may read it: [a] */
	uint32_t capacity;
	struct magazine_slot slots[];
};

enum push_result {
	PUSH_DONE,
	PUSH_FULL,
	PUSH_NOT_LIVE, /* the object is not in a caller's hands: nothing was done */
};

/* [p], but others read it at any time: magazine_count(). */
static inline void magazine_set_count(struct magazine *magazine, uint32_t count)
{
	__atomic_store_n(&magazine->count, count, __ATOMIC_RELAXED);
}

/* An object that is not live any more into slot `count`, the first free one. */
static inline void magazine_put(struct magazine *magazine, uint32_t count, void *object,
				uint8_t *state)
{
	*state = OBJECT_CACHED;
	magazine->slots[count] = (struct magazine_slot){object, state};
	magazine_set_count(magazine, count + 1);
}

/* An object from this CPU's magazine, now live; NULL when it is empty.  Any context but NMI. */
static inline void *magazine_pop(struct kmem_cache *cache)
{
	mm_irqflags_t flags = mm_irq_save();
	struct magazine *magazine = cache->magazine[mm_cpu_id()];
	uint32_t count = magazine->count;
	void *object = NULL;

	if (likely(count)) {
		struct magazine_slot *slot = &magazine->slots[--count];

		magazine_set_count(magazine, count);
		object = slot->object;
		*slot->state = OBJECT_LIVE;
	}
	mm_irq_restore(flags);
	return object;
}

/* Put a live object into this CPU's magazine.  Any context but NMI. */
static inline enum push_result magazine_push(struct kmem_cache *cache, void *object,
					     uint8_t *state)
{
	mm_irqflags_t flags = mm_irq_save();
	struct magazine *magazine = cache->magazine[mm_cpu_id()];
	uint32_t count = magazine->count;
	enum push_result result = PUSH_DONE;

	if (unlikely(*state != OBJECT_LIVE)) {
		result = PUSH_NOT_LIVE;
	} else if (unlikely(count == magazine->capacity)) {
		result = PUSH_FULL;
	} else {
		magazine_put(magazine, count, object, state);
	}
	mm_irq_restore(flags);
	return result;
}

void magazine_init(void);
void magazine_init_cache(struct kmem_cache *cache);
unsigned magazine_capacity_for(size_t size);
void magazine_attach(struct kmem_cache *cache, gfp_t gfp);
void *magazine_refill_locked(struct kmem_cache *cache);
void magazine_spill_locked(struct kmem_cache *cache, struct magazine *magazine, uint32_t n);
size_t magazine_count(const struct kmem_cache *cache);
void magazine_detach_all(struct kmem_cache *cache);

#endif
