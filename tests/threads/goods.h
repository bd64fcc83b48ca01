/* SPDX-License-Identifier: MIT */
/*
 * Goods: memory of any kind that a test holds, stamped by its owner.  They can be handed
 * to another thread, which then checks the stamp and frees them: most of what a storm
 * frees was allocated on another CPU.
 */
#ifndef TESTS_THREADS_GOODS_H
#define TESTS_THREADS_GOODS_H

#include "threads.h"
#include <mm/page_alloc.h>
#include <mm/slab.h>

enum good_kind {
	GOOD_KMALLOC, /* also of high memory in the mapping window */
	GOOD_OBJECT,  /* of a cache */
	GOOD_PAGES,   /* low memory; or one page of high memory, mapped by kmap() */
	GOOD_RUN,     /* of alloc_pages_exact() */
	GOOD_VMALLOC,
	GOOD_KVMALLOC,
	GOOD_VIEW, /* by vmap(), of pages that are freed with it */
	NR_GOOD_KINDS
};

struct good {
	enum good_kind kind;
	void *address;
	size_t size;              /* bytes that are stamped */
	struct kmem_cache *cache; /* GOOD_OBJECT */
	struct page *page;        /* GOOD_PAGES */
	unsigned order;
	uint32_t stamp;
	bool zeroed; /* when it was new */
};

/*
 * One of a random kind, with flags by chance; NULL when there is no memory for it.
 * The descriptor itself is an object of kmalloc's.
 */
struct good *good_alloc(struct worker *worker);

/* krealloc it, if it can be; what stays must be as it was. */
void good_resize(struct worker *worker, struct good *good);

/* Check the stamp, free.  NULL: nothing. */
void good_free(struct good *good);

/* The caches that objects are from. */
void goods_begin(void);
void goods_end(void); /* destroys them: all must be free */
void goods_shrink(struct worker *worker);

/* Objects of one of them by the dozen, and free again. */
void goods_bulk(struct worker *worker);

/*
 * Put `good` (or NULL) into the mailbox in place of what is in it, which is returned.
 */
#define NR_MAILBOXES 32u
struct good *mailbox_swap(unsigned box, struct good *good);
void mailboxes_empty(void);

#endif
