/* SPDX-License-Identifier: MIT */
/*
 * Stacks of ready objects, one for each CPU: the front of every cache.
 *
 * A stack lies in the slots of a magazine (see mm/magazine.c); `top` is its first free slot.
 * Below the lowest slot stands a stopper, a slot without an object, so that a pop needs to
 * know nothing else.  Each slot holds an object and where its state is kept, so that
 * neither the object nor its slab is touched.
 *
 * Who embeds the allocator meets this header only to write pop and push for a CPU of
 * its own; see <mm/stack_irqsave.h> for what they do.
 */
#ifndef MM_STACK_H
#define MM_STACK_H

#include <mm/types.h>

/* States of an object that pop and push know: in a caller's hands, and in a slot. */
#define MM_OBJECT_LIVE   0xfeu
#define MM_OBJECT_CACHED 0xfdu

struct mm_slot {
	void *object;
	uint8_t *state;
};

/*
 * One element for each CPU, a cache line long: CPUs share none, and with a segment whose
 * base is MM_CPU_STRIDE times the number of the CPU, the array's own address names the
 * element of whoever uses it.
 */
#define MM_CPU_STRIDE 64u

struct magazine;

struct mm_stack {
	struct mm_slot *top; /* [p]; others look: [a] */
	struct mm_slot
		*limit; /* [c], [a] for the CPU itself: top of a full stack; NULL: closed */
	struct magazine *magazine; /* [p] with [c]: whose slots they are; NULL: it has none */
	unsigned capacity;         /* [p]; others look: [a]: that of the magazine, or 0 */

	/* [p] The last move between it and the slabs: see next_move() in mm/magazine.c. */
	unsigned moved; /* objects */
	uint32_t when;
	bool came; /* from there */
} __attribute__((aligned(MM_CPU_STRIDE)));

_Static_assert(sizeof(struct mm_stack) == MM_CPU_STRIDE, "one stride from CPU to CPU");

enum mm_push_result {
	MM_PUSH_DONE,
	MM_PUSH_FULL,
	MM_PUSH_NOT_LIVE, /* the object is not in a caller's hands: nothing was done */
};

/*
 * The same for free blocks of pages (see mm/page_list.c), whose slots are pointers.  What pop and
 * push know of a struct page: it begins with its kind, a byte; then come the order, and the
 * number of the stacks that the block is pushed to; and the references.
 */
#define MM_PAGE_LISTED 4u
#define MM_PAGE_BLOCK  5u
#define MM_PAGE_HOME   2 /* offset of that number */
#define MM_PAGE_REFS   4 /* and of the references */

struct page;

struct mm_page_stack {
	struct page **top;    /* [p] behind the block to take next; others look: [a] */
	struct page **limit;  /* [z] to set: no block is put there, or above */
	struct page **bottom; /* [z] to set: no block is taken from below it */
	struct page **slots;  /* [I] */
	unsigned long frees;  /* [p] blocks that callers have put here; others look: [a] */
	unsigned long taken; /* [z] blocks that came from the zone, less those that went back */
} __attribute__((aligned(MM_CPU_STRIDE)));

_Static_assert(sizeof(struct mm_page_stack) == MM_CPU_STRIDE, "one stride from CPU to CPU");

/* Numbers of stacks: zone (3), type (2: kernel, user), order (4); then four that are never open. */
#define MM_PAGE_STACK_ORDERS 4u
#define MM_NR_PAGE_STACKS    (3u * 2u * MM_PAGE_STACK_ORDERS)
#define MM_PAGE_STACKS_ALL   (MM_NR_PAGE_STACKS + 4u)

#endif
