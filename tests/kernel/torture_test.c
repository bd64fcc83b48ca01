// SPDX-License-Identifier: MIT
/*
 * Every other public operation with an interrupt, and with an NMI, before every single instruction
 * of it: the handler allocates and frees what it may.  restart_test.c and nmi_test.c do so
 * for the fast paths and what lies behind them.
 *
 * Now and then all of mm is looked at, and at the end nothing is lost.
 */
#include "each_instruction.h"
#include "icount.h"
#include <harness.h>
#include <kernel/nmi.h>
#include <kernel/smp.h>
#include <kernel/time.h>
#include <mm/highmem.h>
#include <mm/kmalloc.h>
#include <mm/kvmalloc.h>
#include <mm/mempool.h>
#include <mm/nolock.h>
#include <mm/page_alloc.h>
#include <mm/reclaim.h>
#include <mm/slab.h>
#include <mm/stats.h>
#include <mm/vmalloc.h>
#include <unit/live.h>

#define MIDDLING 700u
#define LARGE    (3 * PAGE_SIZE)

/* --- what is interrupted ------------------------------------------------------------------- */

static struct mempool *pool;
static struct page *page;

static void resize(void)
{
	void *p = kmalloc(40, GFP_ATOMIC), *moved = krealloc(p, MIDDLING, GFP_ATOMIC);

	kfree(moved ? moved : p);
}

static void large(void)
{
	kfree(kmalloc(LARGE, GFP_ATOMIC));
}

static void of_dma(void)
{
	kfree(kmalloc(MIDDLING, GFP_ATOMIC | GFP_DMA));
}

static void duplicate(void)
{
	kfree_sensitive(kstrdup("a word or two", GFP_ATOMIC));
}

static void zeroed_array(void)
{
	kfree(kcalloc(9, 70, GFP_ATOMIC));
}

static void exact(void)
{
	free_pages_exact(alloc_pages_exact(LARGE, GFP_ATOMIC), LARGE);
}

static void large_block(void)
{
	__free_pages(alloc_pages(GFP_ATOMIC, 5), 5);
}

static void split(void)
{
	struct page *pages = alloc_pages(GFP_ATOMIC, 1);

	if (!pages)
		return;
	split_page(pages, 1);
	__free_page(pages + 1);
	__free_page(pages);
}

static void references(void)
{
	get_page(page);
	put_page(page);
}

static void zeroed_page(void)
{
	free_page(get_zeroed_page(GFP_ATOMIC));
}

static void area(void)
{
	vfree(vmalloc(LARGE));
}

static void view(void)
{
	vunmap(vmap(&page, 1));
}

static void either(void)
{
	kvfree(kvmalloc(LARGE, GFP_KERNEL));
}

static void mapped(void)
{
	kunmap(kmap(page) ? page : NULL);
}

static void mapped_here(void)
{
	kunmap_local(kmap_local_page(page));
}

static void element(void)
{
	mempool_free(mempool_alloc(pool, GFP_ATOMIC), pool);
}

static void cache_with_object(void)
{
	struct kmem_cache *cache = kmem_cache_create("torture", 120, 0, 0, NULL);

	if (!cache)
		return;
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_ATOMIC));
	EXPECT(kmem_cache_destroy(cache));
}

static void without_locks(void)
{
	kfree_nolock(kmalloc_nolock(MIDDLING, 0));
	free_pages_nolock(alloc_pages_nolock(0, 1), 1);
	mm_drain_deferred();
}

static const struct operation {
	const char *name;
	void (*run)(void);
} operations[] = {
	{"krealloc", resize},
	{"kmalloc of pages", large},
	{"kmalloc from DMA", of_dma},
	{"kstrdup, kfree_sensitive", duplicate},
	{"kcalloc", zeroed_array},
	{"alloc_pages, order 5", large_block},
	{"alloc_pages_exact", exact},
	{"split_page", split},
	{"get_page, put_page", references},
	{"get_zeroed_page", zeroed_page},
	{"vmalloc", area},
	{"vmap", view},
	{"kvmalloc", either},
	{"kmap", mapped},
	{"kmap_local_page", mapped_here},
	{"mempool_alloc", element},
	{"kmem_cache_create, destroy", cache_with_object},
	{"without locks", without_locks},
};

/* --- what interrupts -------------------------------------------------------------------------- */

/* Allocated by the thread and freed by the handler; and the other way. */
static struct {
	void *object, *kept;
	struct page *page, *kept_page;
} one;

static void prepare(void)
{
	one.object = kmalloc(MIDDLING, GFP_KERNEL);
	one.page = alloc_page(GFP_KERNEL);
}

static void clean_up(void)
{
	kfree(one.object); /* where nothing came */
	kfree(one.kept);
	__free_pages(one.page, 0);
	__free_pages(one.kept_page, 0);
	one.object = one.kept = NULL;
	one.page = one.kept_page = NULL;
}

static void interrupt(struct trap_frame *frame)
{
	(void)frame;
	event_came();
	kfree(one.object);
	__free_pages(one.page, 0);
	one.object = NULL;
	one.page = NULL;
	one.kept = kmalloc(MIDDLING, GFP_ATOMIC);
	one.kept_page = alloc_page(GFP_ATOMIC);
}

static void arm_interrupt(unsigned ticks)
{
	timer_arm(ticks, interrupt);
}

static void nmi(struct trap_frame *frame)
{
	(void)frame;
	event_came();
	kfree_nolock(one.object);
	free_pages_nolock(one.page, 0);
	one.object = NULL;
	one.page = NULL;
	one.kept = kmalloc_nolock(MIDDLING, 0);
	one.kept_page = alloc_pages_nolock(0, 0);
}

static const struct event interrupt_event = {arm_interrupt, prepare, clean_up};
static const struct event nmi_event = {nmi_timer_arm, prepare, clean_up};

/* --- both --------------------------------------------------------------------------------------- */

static void torture_all(const struct event *event)
{
	for (unsigned i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (!test_failed())
			at_each_instruction(event, operations[i].name, operations[i].run);
}

/* Page tables of the window stay; the harness looks after what else does. */
static bool begin(void)
{
	allow_kept_pages(8);
	pool = mempool_create_kmalloc_pool(2, MIDDLING);
	page = alloc_page(GFP_KERNEL);
	if (!EXPECT(pool && page))
		return false;
	return true;
}

static void end(void)
{
	mm_drain_deferred();
	EXPECT_EQ(mm_check(), 0);
	__free_page(page);
	EXPECT(mempool_destroy(pool));
}

TEST(an_interrupt_before_every_instruction)
{
	if (!clock_counts_instructions())
		SKIP("the clock does not count instructions");
	if (!begin())
		return;
	torture_all(&interrupt_event);
	timer_start(TIMER_HZ, NULL);
	end();
}

TEST(an_nmi_before_every_instruction)
{
	if (!clock_counts_instructions())
		SKIP("the clock does not count instructions");
	if (smp_count() > 1)
		SKIP("it counts those of other CPUs, too");
	if (!begin())
		return;
	if (nmi_timer_start(nmi)) {
		torture_all(&nmi_event);
		nmi_timer_stop();
	}
	end();
}

TEST_SUITE(torture, an_interrupt_before_every_instruction, an_nmi_before_every_instruction);
