// SPDX-License-Identifier: MIT
/*
 * An interrupt at the end of every critical section, whose handler allocates and frees too,
 * and may leave the thread on another CPU: whatever the allocator does between two such
 * sections, it meets there all that one interrupt can do.  Every block carries a pattern of
 * its own from end to end.
 */
#include "host.h"
#include <harness.h>
#include <mm/kmalloc.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <mm/stats.h>
#include <mm/vmalloc.h>
#include <string.h>

enum block_kind {
	BLOCK_NONE,
	BLOCK_KMALLOC,
	BLOCK_PAGES,
	BLOCK_OBJECT,
	BLOCK_VMALLOC,
	BLOCK_HIGH,
};

#define BLOCK_KINDS 5u

struct block {
	enum block_kind kind;
	unsigned order;
	unsigned char pattern;
	size_t size;
	unsigned char *p;
};

#define BLOCKS      48u
#define OBJECT_SIZE 72u

/* The thread's blocks, and the handler's; each has random numbers of its own. */
struct flow {
	struct block blocks[BLOCKS];
	uint64_t random;
	gfp_t gfp;
	unsigned long allocs, failures;
};

static struct flow thread, handler;
static struct kmem_cache *cache;
static bool migrate;
static unsigned one_in; /* of so many chances the handler uses one */

static unsigned below(struct flow *flow, unsigned n)
{
	return (unsigned)(test_random_from(&flow->random) >> 33) % n;
}

static void alloc_block(struct flow *flow, struct block *b)
{
	gfp_t gfp = flow->gfp | (below(flow, 4) ? 0 : GFP_DMA) | __GFP_NOWARN;

	b->kind = BLOCK_KMALLOC + below(flow, BLOCK_KINDS);
	b->order = below(flow, 3);
	b->size = 1 + below(flow, 1u << below(flow, 14));
	if (b->kind == BLOCK_KMALLOC) {
		b->p = kmalloc(b->size, gfp);
	} else if (b->kind == BLOCK_PAGES) {
		b->size = PAGE_SIZE << b->order;
		b->p = (unsigned char *)__get_free_pages(gfp, b->order);
	} else if (b->kind == BLOCK_VMALLOC) {
		b->p = __vmalloc(b->size, flow->gfp | __GFP_HIGHMEM | __GFP_NOWARN);
	} else if (b->kind == BLOCK_HIGH) {
		b->p = kmalloc(b->size, flow->gfp | __GFP_HIGHMEM | __GFP_NOWARN);
	} else {
		b->size = OBJECT_SIZE;
		b->p = kmem_cache_alloc(cache, flow->gfp | __GFP_NOWARN);
	}
	flow->allocs++;
	if (!b->p) {
		flow->failures++;
		b->kind = BLOCK_NONE;
		return;
	}
	b->pattern = (unsigned char)below(flow, 256);
	memset(b->p, b->pattern, b->size);
}

static void free_block(struct block *b)
{
	for (size_t i = 0; i < b->size; i++) {
		if (b->p[i] != b->pattern) {
			test_fail(__FILE__, __LINE__,
				  "byte %zu of %zu at %p: expected 0x%02x, found 0x%02x", i,
				  b->size, (void *)b->p, b->pattern, b->p[i]);
			break;
		}
	}
	if (b->kind == BLOCK_KMALLOC || b->kind == BLOCK_HIGH)
		kfree(b->p);
	else if (b->kind == BLOCK_VMALLOC)
		vfree(b->p);
	else if (b->kind == BLOCK_PAGES)
		free_pages((uintptr_t)b->p, b->order);
	else
		kmem_cache_free(cache, b->p);
	b->kind = BLOCK_NONE;
}

static void step(struct flow *flow)
{
	struct block *b = &flow->blocks[below(flow, BLOCKS)];

	if (b->kind == BLOCK_NONE)
		alloc_block(flow, b);
	else
		free_block(b);
}

static void interrupt(void)
{
	if (below(&handler, one_in))
		return;
	for (unsigned i = below(&handler, 4); i > 0; i--)
		step(&handler);
	if (migrate && below(&handler, 4) == 0)
		host_set_cpu(below(&handler, MM_HOST_NR_CPUS));
}

static void free_all(struct flow *flow)
{
	for (unsigned i = 0; i < BLOCKS; i++) {
		if (flow->blocks[i].kind != BLOCK_NONE)
			free_block(&flow->blocks[i]);
	}
}

static void storm(unsigned steps)
{
	unsigned long before = host_interrupts();

	memset(&thread, 0, sizeof(thread));
	memset(&handler, 0, sizeof(handler));
	thread.gfp = GFP_KERNEL;
	handler.gfp = GFP_ATOMIC;
	thread.random = test_random64();
	handler.random = test_random64();
	cache = kmem_cache_create("storm", OBJECT_SIZE, 0, 0, NULL);
	ASSERT(cache);
	host_on_interrupt(interrupt);
	for (unsigned i = 0; i < steps && !test_failed(); i++) {
		step(&thread);
		if (i % 128 == 0) {
			host_on_interrupt(NULL);
			EXPECT_EQ(mm_check(), 0);
			host_on_interrupt(interrupt);
		}
	}
	host_on_interrupt(NULL);
	free_all(&thread);
	free_all(&handler);
	EXPECT(kmem_cache_destroy(cache));
	EXPECT(thread.allocs > steps / 4);
	EXPECT(handler.allocs > 0);
	EXPECT(host_interrupts() - before > steps / 2);
}

TEST(at_every_chance)
{
	one_in = 1;
	storm(1500 * test_effort());
}

TEST(now_and_then)
{
	one_in = 7;
	storm(1500 * test_effort());
}

TEST(with_migration)
{
	one_in = 2;
	migrate = true;
	storm(1500 * test_effort());
	host_set_cpu(0);
}

/* The same with little memory, so that every path of failure is walked too. */
TEST(on_a_small_machine)
{
	static const struct mm_range ram = {1u << 20, (1u << 20) + (192u << 12)};
	const struct host_machine m = {
		&ram, 1, NULL, 0, .dma_limit = (1u << 20) + (64u << 12), .low_limit = 1u << 24};

	ASSERT(host_boot(&m));
	one_in = 1;
	migrate = true;
	storm(1500 * test_effort());
	EXPECT(thread.failures > 0);
	EXPECT(handler.failures > 0);
	host_set_cpu(0);
}

TEST_SUITE(interrupt, at_every_chance, now_and_then, with_migration, on_a_small_machine);
