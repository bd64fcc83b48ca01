// SPDX-License-Identifier: MIT
/*
 * An NMI at every boundary of every critical section.
 *
 * The thread does something of all that the allocator offers, always the same.  It is
 * interrupted once, by an NMI at its first step, then everything is repeated with one at
 * its second step, and so on to the last; then by one at each k-th step, for many k.  The
 * handler allocates and frees, its own memory and what the thread left for it.  Every
 * block carries a pattern from end to end, and when all is freed, no page and no object
 * is missing.
 */
#include "host.h"
#include <harness.h>
#include <mm/kmalloc.h>
#include <mm/mempool.h>
#include <mm/nolock.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <mm/stats.h>
#include <string.h>
#include <unit/live.h>

/* --- blocks that know their owner ------------------------------------------------------ */

struct block {
	unsigned char *p; /* NULL: none */
	size_t size;
	struct page *page; /* of whole pages; NULL: of kmalloc */
	unsigned order;
	unsigned char pattern;
};

static unsigned char next_pattern;

static bool sign(struct block *b)
{
	b->pattern = ++next_pattern;
	memset(b->p, b->pattern, b->size);
	return true;
}

static void expect_signed(const struct block *b)
{
	for (size_t i = 0; i < b->size; i++) {
		if (b->p[i] == b->pattern)
			continue;
		test_fail(__FILE__, __LINE__, "byte %zu of %zu at %p: expected 0x%02x, found 0x%02x",
			  i, b->size, (void *)b->p, b->pattern, b->p[i]);
		return;
	}
}

/* --- the handler ------------------------------------------------------------------------ */

#define BLOCKS 12u

static struct block blocks[BLOCKS];
static uint64_t random_state;

/* What the thread leaves for the handler to free, and takes over from it. */
static struct block handed, *volatile for_handler, *volatile for_thread;

static unsigned long handler_allocs, handler_failures;

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
	handler_allocs += b->p != NULL;
	handler_failures += b->p == NULL;
	if (b->p)
		sign(b);
}

static void handler_free(struct block *b)
{
	expect_signed(b);
	if (b->page)
		free_pages_nolock(b->page, b->order);
	else
		kfree_nolock(b->p);
	b->p = NULL;
}

static void nmi(void)
{
	for (unsigned i = 0; i < 3; i++) {
		struct block *b = &blocks[below(BLOCKS)];

		if (b->p)
			handler_free(b);
		else
			handler_alloc(b);
	}
	if (for_handler) {
		handler_free(for_handler);
		for_handler = NULL;
	}
	if (!for_thread && blocks[0].p && !blocks[0].page) {
		handed = blocks[0];
		blocks[0].p = NULL;
		for_thread = &handed;
	}
}

/* --- the thread --------------------------------------------------------------------------- */

#define OBJECTS 40u

static void exchange_with_handler(void)
{
	static struct block left;

	if (for_thread) {
		expect_signed(for_thread);
		kfree(for_thread->p);
		for_thread = NULL;
	}
	if (for_handler)
		return;
	left = (struct block){.p = kmalloc(250, GFP_KERNEL), .size = 250};
	if (EXPECT(left.p != NULL) && sign(&left))
		for_handler = &left;
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
		expect_signed(&b[i]);
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

	if (!EXPECT(b.p != NULL) || !sign(&b))
		return;
	b.size = 100;
	b.p = krealloc(b.p, 100, GFP_KERNEL);
	expect_signed(&b);
	b.p = krealloc(b.p, 3000, GFP_KERNEL);
	expect_signed(&b);
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

static void everything(void)
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

/* --- together ------------------------------------------------------------------------------- */

static struct mm_nolock_info before_info;

static void free_all(void)
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
}

/* Every cache has its magazine, and the handler's state is what it is at the start of a round. */
static void begin(void)
{
	random_state = test_random64();
	for (size_t size = 1; size <= 8192; size = kmalloc_size_roundup(size) + 1)
		kfree(kmalloc(size, GFP_KERNEL));
	everything();
	free_all();
	mm_nolock_info(&before_info);
}

/* One round; the machine ends as it began. */
static void round_with_nmis(unsigned long first, unsigned long every,
			    const struct fingerprint *settled)
{
	host_on_nmi(nmi, first, every);
	everything();
	host.steps = false;
	EXPECT_EQ(mm_check(), 0);
	free_all();
	live_expect_settled(settled);
}

/* That something was tried in vain, and something had to wait, shows that sections were hit. */
static void expect_collisions(void)
{
	struct mm_nolock_info info;

	mm_nolock_info(&info);
	test_note("%lu allocations, %lu in vain; %lu frees, %lu deferred", handler_allocs,
		  handler_failures, info.frees - before_info.frees,
		  info.deferred - before_info.deferred);
	EXPECT(handler_allocs > 100);
	EXPECT(info.busy > before_info.busy);
	EXPECT(info.deferred > before_info.deferred);
}

TEST(once_at_each_step)
{
	struct host_nmi_counts counts = {0};
	unsigned long step = 0, in_section = 0;
	struct fingerprint settled;

	begin();
	live_settle(&settled);
	do {
		round_with_nmis(++step, 0, &settled);
		host_nmi_counts(&counts);
		in_section += counts.in_section;
	} while (counts.delivered && !test_failed());
	test_note("%lu steps, %lu of them with a lock held", step - 1, in_section);
	EXPECT(step > 500);
	EXPECT(in_section > 100);
	EXPECT_EQ(counts.steps, step - 1);
	expect_collisions();
	host_on_nmi(NULL, 0, 0);
}

/* An NMI that comes right after one has returned, and at all distances. */
TEST(at_each_multiple_of_a_step)
{
	struct fingerprint settled;

	begin();
	live_settle(&settled);
	for (unsigned long every = 1; every <= 60 * test_effort() && !test_failed(); every++)
		round_with_nmis(1 + below((unsigned)every), every, &settled);
	expect_collisions();
	host_on_nmi(NULL, 0, 0);
}

static void make_a_mistake(void)
{
	static unsigned calls;

	if (calls++ % 50 == 0)
		kfree_nolock("no memory of the allocator's");
}

/* The host dies when it is asked to print while a lock is held. */
TEST(reports_in_sections_come_later)
{
	begin();
	allow_reports(MM_REPORT_BAD_ADDRESS);
	host_on_nmi(make_a_mistake, 1, 1);
	everything();
	host_on_nmi(NULL, 0, 0);
	free_all();
	EXPECT(test_reports_seen(MM_REPORT_BAD_ADDRESS) > 3);
}

/* Who calls other functions there is called broken: this test can fail. */
static void use_the_wrong_function(void)
{
	kfree(kmalloc(250, GFP_ATOMIC));
}

TEST(a_wrong_handler)
{
	host_on_nmi(use_the_wrong_function, 1, 1);
	everything();
	host_on_nmi(NULL, 0, 0);
}

static const struct test_suite wrong = {"wrong", (const struct test_case *const[]){
							 a_wrong_handler, NULL}};

TEST(a_handler_that_waits_for_locks_is_found)
{
	const struct test_suite *const suites[] = {&wrong, NULL};
	char output[4096];

	EXPECT(!host_run_tests(suites, NULL, output, sizeof(output)));
	EXPECT(strstr(output, "in an NMI") != NULL);
}

TEST_SUITE(nmi, once_at_each_step, at_each_multiple_of_a_step, reports_in_sections_come_later,
	   a_handler_that_waits_for_locks_is_found);
