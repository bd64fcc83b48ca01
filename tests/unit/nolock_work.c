// SPDX-License-Identifier: MIT
/* See nolock_work.h. */
#include "nolock_work.h"
#include "live.h"
#include <mem.h>
#include <mm/kmalloc.h>
#include <mm/mempool.h>
#include <mm/nolock.h>
#include <mm/slab.h>

/* --- blocks that know their owner ------------------------------------------------------ */

struct block {
	unsigned char *p; /* NULL: none */
	size_t size;
	struct page *page; /* of whole pages; NULL: of kmalloc */
	unsigned order;
	unsigned char pattern;
};

struct nolock_work_counts nolock_work;

static unsigned char next_pattern;

static void sign(struct block *b)
{
	b->pattern = ++next_pattern;
	memset(b->p, b->pattern, b->size);
}

/* In an NMI too, so it only counts. */
static void verify(const struct block *b)
{
	unsigned char differs = 0;

	for (size_t i = 0; i < b->size; i++)
		differs |= b->p[i] ^ b->pattern;
	nolock_work.damaged += differs != 0;
}

/* --- the handler ------------------------------------------------------------------------ */

#define BLOCKS 12u

static struct block blocks[BLOCKS];
static uint64_t random_state;

/* What the thread leaves for the handler to free, and takes over from it. */
static struct block handed, left;
static struct block *for_handler, *for_thread;

static struct block *load(struct block *const *from)
{
	return __atomic_load_n(from, __ATOMIC_ACQUIRE);
}

static void store(struct block **to, struct block *b)
{
	__atomic_store_n(to, b, __ATOMIC_RELEASE);
}

static unsigned below(unsigned n)
{
	return (unsigned)(test_random_from(&random_state) >> 33) % n;
}

static void handler_alloc(struct block *b)
{
	static const size_t sizes[] = {16, 100, 100, 250, 250, 1000, 3000, 9000};

	b->page = NULL;
	if (below(3) == 0) {
		b->order = below(3);
		b->page = alloc_pages_nolock(below(2) ? __GFP_DMA : 0, b->order);
		b->p = b->page ? page_address(b->page) : NULL;
		b->size = PAGE_SIZE << b->order;
	} else {
		b->size = sizes[below(8)];
		b->p = kmalloc_nolock(b->size, below(4) ? 0 : __GFP_ZERO);
	}
	nolock_work.allocs += b->p != NULL;
	nolock_work.failures += b->p == NULL;
	if (b->p)
		sign(b);
}

static void handler_free(struct block *b)
{
	verify(b);
	if (b->page)
		free_pages_nolock(b->page, b->order);
	else
		kfree_nolock(b->p);
	b->p = NULL;
}

void nolock_work_nmi(void)
{
	for (unsigned i = 0; i < 3; i++) {
		struct block *b = &blocks[below(BLOCKS)];

		if (b->p)
			handler_free(b);
		else
			handler_alloc(b);
	}
	if (load(&for_handler)) {
		handler_free(for_handler);
		store(&for_handler, NULL);
	}
	if (!load(&for_thread) && blocks[0].p && !blocks[0].page) {
		handed = blocks[0];
		blocks[0].p = NULL;
		store(&for_thread, &handed);
	}
}

/* --- the thread --------------------------------------------------------------------------- */

#define OBJECTS 40u

static void exchange_with_handler(void)
{
	if (load(&for_thread)) {
		verify(for_thread);
		kfree(for_thread->p);
		store(&for_thread, NULL);
	}
	if (load(&for_handler))
		return;
	left = (struct block){.p = kmalloc(250, GFP_KERNEL), .size = 250};
	if (!EXPECT(left.p != NULL))
		return;
	sign(&left);
	store(&for_handler, &left);
}

/* More than a magazine holds, so that both ways are walked. */
static void use_kmalloc(size_t size)
{
	struct block b[OBJECTS] = {0};

	for (unsigned i = 0; i < OBJECTS; i++) {
		b[i].size = size;
		b[i].p = kmalloc(size, i % 2 ? GFP_ATOMIC : GFP_KERNEL);
		if (EXPECT(b[i].p != NULL))
			sign(&b[i]);
	}
	for (unsigned i = 0; i < OBJECTS; i++) {
		verify(&b[i]);
		kfree(b[i].p);
	}
}

static void construct(void *object)
{
	*(unsigned *)object = 0xc0de;
}

static void use_cache(void)
{
	struct kmem_cache *cache = kmem_cache_create("test-nmi", 72, 0, 0, construct);
	void *p[OBJECTS];

	if (!EXPECT(cache != NULL))
		return;
	EXPECT_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, OBJECTS, p), OBJECTS);
	for (unsigned i = 0; i < OBJECTS; i++)
		EXPECT_EQ(*(unsigned *)p[i], 0xc0de);
	kfree_nolock(p[0]);
	p[0] = NULL;
	kmem_cache_free_bulk(cache, OBJECTS, p);
	kmem_cache_shrink(cache);
	EXPECT(kmem_cache_destroy(cache));
}

static void use_pages(void)
{
	struct page *page[4];
	void *run = alloc_pages_exact(3 * PAGE_SIZE, GFP_KERNEL);

	for (unsigned i = 0; i < 4; i++)
		page[i] = alloc_pages(i % 2 ? GFP_KERNEL | GFP_DMA : GFP_ATOMIC, i);
	for (unsigned i = 0; i < 4; i++)
		if (EXPECT(page[i] != NULL))
			__free_pages(page[i], i);
	free_pages_exact(run, 3 * PAGE_SIZE);
}

static void use_large_and_resize(void)
{
	struct block b = {.p = kmalloc(9000, GFP_KERNEL), .size = 9000};

	if (!EXPECT(b.p != NULL))
		return;
	sign(&b);
	b.size = 100;
	b.p = krealloc(b.p, 100, GFP_KERNEL);
	verify(&b);
	b.p = krealloc(b.p, 3000, GFP_KERNEL);
	verify(&b);
	kfree(b.p);
}

/* The thread calls these too: an NMI may come in the middle of them. */
static void use_nolock(void)
{
	void *p = kmalloc_nolock(100, 0), *q = kmalloc_nolock(3000, 0);
	struct page *page = alloc_pages_nolock(0, 1);

	EXPECT(p && q && page);
	kfree_nolock(p);
	kfree_nolock(q);
	free_pages_nolock(page, 1);
}

static void use_pool(void)
{
	struct mempool *pool = mempool_create_kmalloc_pool(2, 100);
	void *p;

	if (!EXPECT(pool != NULL))
		return;
	p = mempool_alloc(pool, GFP_KERNEL);
	mempool_free(p, pool);
	EXPECT(mempool_destroy(pool));
}

void nolock_work_thread(void)
{
	static const size_t sizes[] = {16, 250, 3000};

	for (unsigned i = 0; i < 3; i++) {
		exchange_with_handler();
		use_kmalloc(sizes[i]);
	}
	use_cache();
	exchange_with_handler();
	use_pages();
	use_large_and_resize();
	use_nolock();
	use_pool();
	mm_drain_deferred();
}

/* --- before and after ------------------------------------------------------------------------- */

void nolock_work_begin(void)
{
	memset(&nolock_work, 0, sizeof(nolock_work));
	random_state = test_random64();
	for (size_t size = 1; size <= KMALLOC_MAX_CACHE_SIZE;
	     size = kmalloc_size_roundup(size) + 1)
		kfree(kmalloc(size, GFP_KERNEL));
	nolock_work_thread();
	nolock_work_end();
}

void nolock_work_end(void)
{
	for (unsigned i = 0; i < BLOCKS; i++)
		if (blocks[i].p)
			handler_free(&blocks[i]);
	if (for_handler)
		handler_free(for_handler);
	if (for_thread)
		handler_free(for_thread);
	for_handler = for_thread = NULL;
	mm_drain_deferred();
	EXPECT_EQ(nolock_work.damaged, 0);
}
