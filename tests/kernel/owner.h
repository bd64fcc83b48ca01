/* SPDX-License-Identifier: MIT */
/*
 * Objects that know their owner: memory of all kinds, of which every byte tells whose it is.  That
 * is written at once and verified before the object is freed, so memory that two owners got at the
 * same time shows.  What an owner does follows from its random numbers.
 */
#ifndef TESTS_KERNEL_OWNER_H
#define TESTS_KERNEL_OWNER_H

#include <mm/gfp.h>
#include <mm/types.h>

enum what {
	NOTHING,
	KMALLOC,
	AREA,  /* of vmalloc's */
	CACHE, /* CACHE + i: of owner_caches[i] */
	PAGES = CACHE + 4,
};

#define OWNER_CACHES ((unsigned)(PAGES - CACHE))

extern struct kmem_cache *owner_caches[OWNER_CACHES];

struct object {
	enum what what;
	uint32_t key;
	size_t size;
	union {
		void *p;
		struct page *page; /* PAGES; size is the order */
	};
};

/* Who allocates: each has objects of its own, and its own random numbers. */
struct owner {
	gfp_t gfp;
	uint64_t random;
	struct object *objects;
	unsigned nr_objects;
	unsigned long allocs, frees, failures, damaged;
	const char *first_damage;
};

/* The caches that all owners use; before the first step, and after the last. */
bool owner_make_caches(void);
void owner_destroy_caches(void);

/*
 * Every cache that owners use gets its magazines on each CPU, and the window its page tables
 * (OWNER_TABLES, and one above them), so that pages can be compared later.  A thread.
 */
#define OWNER_TABLES 8u
void owner_warm_up(void);

/*
 * owner_init - an owner that allocates with `gfp`, and has room for n objects.
 * owner_step - allocate, reallocate or free one of them.
 * owner_give - object i, which it has no more from then on; NOTHING when there is none.
 * owner_release - free an object that was given, as if it were the owner's.
 * owner_release_all - free all of them.
 *
 * Contexts: what `gfp` permits, one at a time for each owner.
 */
void owner_init(struct owner *owner, gfp_t gfp, struct object *objects, unsigned n);
void owner_step(struct owner *owner);
void owner_give(struct owner *from, unsigned i, struct object *object);
void owner_release(struct owner *owner, struct object *object);
void owner_release_all(struct owner *owner);

/* A random number of the owner's. */
uint32_t owner_random(struct owner *owner, uint32_t below);

/* EXPECT that nothing of its was written by others. */
void owner_expect_undamaged(const struct owner *owner, const char *name);

#endif
