// SPDX-License-Identifier: MIT
/*
 * What only a made-up machine can show of the window: mapping or memory fails at each step
 * of an area and all comes back; areas are freed in the midst of a flush, and are not
 * counted as flushed; a stale page stays reachable until the flush and no longer; machines
 * without a window, without high memory, and with a host that cannot map.
 */
#include "host.h"
#include <harness.h>
#include <mem.h>
#include <mm/kmalloc.h>
#include <mm/kvmalloc.h>
#include <mm/reclaim.h>
#include <mm/vmalloc.h>
#include <unit/live.h>
#include <unit/world.h>
#include <window.h>
#include <zone.h>

#define MIB    ((paddr_t)1 << 20)
#define VM_GFP (GFP_KERNEL | __GFP_HIGHMEM)

/* --- failures at each step ----------------------------------------------------------------- */

TEST(mapping_fails_at_each_page)
{
	for (unsigned at = 1; at <= 40; at++) {
		size_t free = nr_free_pages(), stale = window_pages_stale();

		host_fail_map_at(at);
		expect_report(MM_REPORT_ALLOC_FAILED, 1);
		EXPECT(!vmalloc(40 * PAGE_SIZE));
		EXPECT_REPORT_TEXT("vmalloc of 40 pages: no page table, with ");
		EXPECT(!__vmalloc(40 * PAGE_SIZE, VM_GFP | __GFP_NOWARN));
		host_fail_map_at(0);
		EXPECT_EQ(nr_free_pages(), free);
		EXPECT_EQ(host_window_mapped(), 0);
		EXPECT_EQ(window_pages_used(), 0);
		EXPECT(window_pages_stale() != stale); /* quarantined like any other */
		EXPECT_EQ(mm_check(), 0);
	}
}

TEST(mapping_fails_at_each_page_of_vmap)
{
	struct page *pages[20], *block = alloc_pages(GFP_KERNEL, 2);

	ASSERT(block);
	for (unsigned i = 0; i < 20; i++)
		pages[i] = block + i % 4;
	for (unsigned at = 1; at <= 20; at++) {
		host_fail_map_at(at);
		expect_report(MM_REPORT_ALLOC_FAILED, 1);
		EXPECT(!vmap(pages, 20));
		EXPECT_REPORT_TEXT("vmap of 20 pages: no page table, with ");
		host_fail_map_at(0);
		EXPECT_EQ(page_count(block), 1);
		EXPECT_EQ(host_window_mapped(), 0);
		EXPECT_EQ(window_pages_used(), 0);
	}
	__free_pages(block, 2);
}

/* With k pages left an area of n fails, for each k below n, and leaves k. */
TEST(memory_ends_at_each_page)
{
	const gfp_t gfp = GFP_NOWAIT | __GFP_MEMALLOC | __GFP_HIGHMEM;
	struct held held, single;
	char *p;

	held_init(&held);
	held_init(&single);
	held_take(&single, gfp, 0, 20);
	held_drain(&held, gfp);
	for (unsigned left = 0; left < 20; left++) {
		EXPECT(!__vmalloc(20 * PAGE_SIZE, gfp));
		EXPECT_EQ(nr_free_pages(), left);
		EXPECT_EQ(host_window_mapped(), 0);
		EXPECT_EQ(mm_check(), 0);
		expect_report(MM_REPORT_ALLOC_FAILED, 1);
		EXPECT(!__vmalloc(20 * PAGE_SIZE, gfp & ~__GFP_NOWARN));
		EXPECT_REPORT_TEXT("vmalloc of 20 pages: no page, with ");
		__free_page(held_pop(&single));
	}
	p = __vmalloc(20 * PAGE_SIZE, gfp);
	EXPECT(p);
	EXPECT_EQ(nr_free_pages(), 0);
	vfree(p);
	held_free(&held);
}

/* --- lazily ---------------------------------------------------------------------------------- */

/* What a processor may do at worst: a stale page can be read until the flush. */
TEST(stale_until_the_flush)
{
	char *p = vmalloc(2 * PAGE_SIZE), *q = kmalloc(2 * PAGE_SIZE, GFP_HIGHUSER);
	paddr_t phys;

	ASSERT(p && q);
	live_fill(p, 2 * PAGE_SIZE, 1);
	vfree(p);
	kfree(q);
	EXPECT(!world_faults(p + PAGE_SIZE));
	EXPECT(!world_faults(q));
	EXPECT(!mm_host_translate((uintptr_t)p, &phys));
	EXPECT(live_filled(p, 2 * PAGE_SIZE, 1));
	EXPECT_EQ(window_pages_stale(), 6);
	window_flush();
	EXPECT(world_faults(p));
	EXPECT(world_faults(p + PAGE_SIZE));
	EXPECT(world_faults(q));
}

static char *late[3];
static size_t freed_meanwhile;

/* While a flush runs, another CPU (or a handler) frees an area. */
static void free_one_meanwhile(void)
{
	vfree(late[freed_meanwhile++]);
}

TEST(freed_in_the_midst_of_a_flush)
{
	char *early = vmalloc(PAGE_SIZE);

	for (unsigned i = 0; i < 3; i++)
		late[i] = vmalloc(3 * PAGE_SIZE);
	ASSERT(early && late[0] && late[1] && late[2]);
	vfree(early);
	EXPECT_EQ(window_pages_stale(), 2);
	freed_meanwhile = 0;
	for (unsigned i = 0; i < 3; i++) {
		host_on_flush(free_one_meanwhile);
		window_flush();
		host_on_flush(NULL);
		EXPECT_EQ(freed_meanwhile, i + 1);
		/* What was there before is free now; what came meanwhile is not. */
		EXPECT_EQ(window_pages_stale(), 4);
		EXPECT(world_faults(early));
		EXPECT(!world_faults(late[i]));
		early = late[i];
	}
	window_flush();
	EXPECT_EQ(window_pages_stale(), 0);
}

/* A handler on top of a flush flushes too, and frees what ours would have. */
static void flush_meanwhile(void)
{
	host_on_flush(NULL);
	window_flush();
	EXPECT_EQ(window_pages_stale(), 0);
	vfree(late[0]);
	freed_meanwhile++;
}

TEST(flushed_in_the_midst_of_a_flush)
{
	char *early = vmalloc(PAGE_SIZE);

	late[0] = vmalloc(3 * PAGE_SIZE);
	ASSERT(early && late[0]);
	vfree(early);
	freed_meanwhile = 0;
	host_on_flush(flush_meanwhile);
	window_flush();
	EXPECT_EQ(freed_meanwhile, 1);
	EXPECT_EQ(host_flushes(), 2);
	EXPECT_EQ(window_pages_stale(), 4);
	EXPECT_EQ(mm_check(), 0);
	window_flush();
	EXPECT_EQ(window_pages_stale(), 0);
}

/* The ring is full in the midst of a flush, too. */
static void free_many_meanwhile(void)
{
	host_on_flush(NULL);
	for (unsigned i = 0; i < WINDOW_STALE_AREAS + 10 && !test_failed(); i++) {
		char *p = vmalloc(1);

		ASSERT(p);
		vfree(p);
	}
}

TEST(the_ring_goes_round_in_the_midst_of_a_flush)
{
	vfree(vmalloc(1));
	host_on_flush(free_many_meanwhile);
	window_flush();
	EXPECT(window_pages_stale() > 0);
	EXPECT_EQ(mm_check(), 0);
	window_flush();
	EXPECT_EQ(window_pages_stale(), 0);
	EXPECT_EQ(window_pages_used(), 0);
}

/* The ring's counters wrap. */
TEST(counters_wrap)
{
	window.head = window.tail = (uint32_t)-100;
	for (unsigned i = 0; i < 1000; i++) {
		char *p = vmalloc(1);

		ASSERT(p);
		vfree(p);
		if (i % 16 == 0)
			EXPECT_EQ(mm_check(), 0);
	}
	window_flush();
	EXPECT_EQ(window_pages_stale(), 0);
}

/* --- contexts ---------------------------------------------------------------------------------- */

TEST(in_an_interrupt)
{
	char *p, *q;

	host_set_context(HOST_IRQ);
	p = __vmalloc(5000, GFP_ATOMIC | __GFP_HIGHMEM | __GFP_ZERO);
	expect_report(MM_REPORT_MIGHT_SLEEP, 1);
	q = vmalloc(5000);
	vfree(p);
	host_set_context(HOST_THREAD);
	EXPECT(p && q);
	vfree(q);
}

/* --- with reclaim ------------------------------------------------------------------------------- */

static struct held spare;

static size_t count_spare(struct shrinker *shrinker, struct shrink_control *control)
{
	(void)shrinker;
	(void)control;
	return spare.blocks;
}

static size_t free_spare(struct shrinker *shrinker, struct shrink_control *control)
{
	size_t freed = 0;

	(void)shrinker;
	while (freed < control->nr_to_scan && spare.blocks > 0) {
		__free_page(held_pop(&spare));
		freed++;
	}
	return freed;
}

/* All pages are taken: who may sleep gets what others can do without, page by page. */
TEST(an_area_out_of_reclaimed_pages)
{
	static struct shrinker shrinker = {
		.count_objects = count_spare, .scan_objects = free_spare, .name = "spare"};
	struct held held;
	char *p;

	held_init(&spare);
	held_init(&held);
	held_take(&spare, GFP_NOWAIT | __GFP_HIGHMEM, 0, 300);
	held_drain(&held, GFP_NOWAIT | __GFP_HIGHMEM);
	ASSERT(register_shrinker(&shrinker));
	EXPECT(!__vmalloc(100 * PAGE_SIZE, GFP_NOWAIT | __GFP_HIGHMEM));
	EXPECT_EQ(spare.blocks, 300);
	p = vmalloc(100 * PAGE_SIZE);
	EXPECT(p);
	EXPECT(spare.blocks <= 200);
	vfree(p);
	unregister_shrinker(&shrinker);
	held_free(&spare);
	held_free(&held);
}

/* --- machines ----------------------------------------------------------------------------------- */

TEST(no_window)
{
	struct host_machine m = host_pc;
	struct page *page;
	char *p;

	m.window_pages = 0;
	ASSERT(host_boot(&m));
	EXPECT_EQ(window_pages(), 0);
	expect_report(MM_REPORT_ALLOC_FAILED, 1);
	EXPECT(!vmalloc(100));
	EXPECT_REPORT_TEXT("vmalloc of 100 bytes: this machine has no mapping window");
	EXPECT(!__vmalloc(100, GFP_KERNEL | __GFP_NOWARN));
	page = alloc_page(GFP_KERNEL);
	expect_report(MM_REPORT_BAD_SIZE, 1);
	EXPECT(!vmap(&page, 1));
	__free_page(page);
	p = kvmalloc(100000, GFP_KERNEL);
	ASSERT(p);
	EXPECT_EQ(ksize(p), 131072);
	kvfree(p);
	expect_report(MM_REPORT_BAD_SIZE, 1);
	EXPECT(!kvmalloc(KMALLOC_MAX_SIZE + 1, GFP_KERNEL));
	expect_report(MM_REPORT_BAD_ADDRESS, 1);
	vfree(page_address(page));
	EXPECT(!is_vmalloc_addr(&m));
}

/* Low memory only: the window is there for vmalloc. */
static const struct mm_range low_ram = {MIB, 8 * MIB};
static const struct host_machine low_machine = {&low_ram,
						1,
						NULL,
						0,
						.dma_limit = 4 * MIB,
						.low_limit = 12 * MIB,
						.window_pages = 1024};

TEST(no_high_memory)
{
	char *p;

	ASSERT(host_boot(&low_machine));
	EXPECT_EQ(zones[MM_ZONE_HIGH].present, 0);
	EXPECT(window_pages() > 0);
	p = vzalloc(100000);
	ASSERT(p);
	EXPECT_EQ(live_zone_of(vmalloc_to_page(p)), MM_ZONE_NORMAL);
	EXPECT(live_all_bytes(p, 100000, 0));
	vfree(p);
}

/* There is an offer of a window, and no way to map: no vmalloc, and nothing else missing. */
TEST(a_host_that_cannot_map)
{
	struct host_machine m = low_machine;
	char *p;

	m.fail_map = true;
	ASSERT(host_boot(&m));
	expect_report(MM_REPORT_ALLOC_FAILED, 1);
	EXPECT(!vmalloc(100));
	EXPECT_REPORT_TEXT("vmalloc of 1 pages: no page table, with 0 mapped");
	p = kvmalloc(100000, GFP_KERNEL);
	EXPECT(p);
	kvfree(p);
}

/* Page tables for the window, when there is no page left for one. */
TEST(no_page_for_a_page_table)
{
	const gfp_t gfp = GFP_NOWAIT | __GFP_MEMALLOC | __GFP_HIGHMEM;
	struct host_machine m = low_machine;
	struct page *page;
	struct held held;

	m.page_tables = true;
	ASSERT(host_boot(&m));
	page = alloc_page(GFP_KERNEL);
	held_init(&held);
	held_drain(&held, gfp);
	__free_page(page);
	expect_report(MM_REPORT_ALLOC_FAILED, 1);
	EXPECT(!__vmalloc(PAGE_SIZE, gfp & ~__GFP_NOWARN));
	EXPECT_REPORT_TEXT("no page table, with 0 mapped");
	EXPECT_EQ(nr_free_pages(), 1);
	held_free(&held);
}

TEST_SUITE(lazy, mapping_fails_at_each_page, mapping_fails_at_each_page_of_vmap,
	   memory_ends_at_each_page, stale_until_the_flush, freed_in_the_midst_of_a_flush,
	   flushed_in_the_midst_of_a_flush, the_ring_goes_round_in_the_midst_of_a_flush,
	   counters_wrap, in_an_interrupt, an_area_out_of_reclaimed_pages, no_window,
	   no_high_memory, a_host_that_cannot_map, no_page_for_a_page_table);
