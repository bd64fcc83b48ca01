// SPDX-License-Identifier: MIT
/*
 * Machines that firmware has been known to describe, and some that only malice would, are
 * booted and then emptied to the last page: every page that comes out is one that the
 * naive reading of the ranges allows, none comes twice, all lie where their zone is; what
 * does not come out is accounted for as the allocator's own tables; and when all is given
 * back, the zones are again as they were.
 */
#include "host.h"
#include <bootmem.h>
#include <harness.h>
#include <mm/highmem.h>
#include <mm/kmalloc.h>
#include <mm/nolock.h>
#include <mm/page_alloc.h>
#include <mm/stats.h>
#include <page.h>
#include <page_list.h>
#include <stdlib.h>
#include <string.h>
#include <zone.h>

#define KIB ((paddr_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define ALL (~(paddr_t)0)

#define R(...)                                  \
	(const struct mm_range[]){__VA_ARGS__}, \
		sizeof((const struct mm_range[]){__VA_ARGS__}) / sizeof(struct mm_range)

/* --- emptying a machine ----------------------------------------------------------------- */

struct held {
	struct page *page;
	unsigned order;
};

static struct held *held;
static size_t nr_held, held_max;
static uint8_t *seen; /* of each frame from page_array.start on: was it given out? */

static void take_seen(const struct host_machine *m, const struct held *block)
{
	pfn_t first = page_to_pfn(block->page);

	EXPECT_EQ(first % (1u << block->order), 0);
	for (pfn_t pfn = first; pfn < first + (1u << block->order); pfn++) {
		uint8_t *mark = &seen[pfn - page_array.start];

		EXPECTF(host_page_usable(m, pfn), "frame 0x%x given out: it is not usable RAM",
			pfn);
		EXPECTF(!*mark, "frame 0x%x given out twice", pfn);
		*mark = 1;
	}
}

/* Where the limits say that the zone of this page lies: all of it must be below a limit. */
static void check_zone(const struct host_machine *m, const struct page *page)
{
	paddr_t end = page_to_phys(page) + PAGE_SIZE;
	unsigned zone = MM_ZONE_HIGH;

	if (end <= m->low_limit)
		zone = MM_ZONE_NORMAL;
	if (end <= m->dma_limit)
		zone = MM_ZONE_DMA;
	EXPECT_EQ(page->zone, zone);
}

static bool take(const struct host_machine *m, gfp_t gfp, unsigned order)
{
	struct page *page = alloc_pages(gfp | __GFP_MEMALLOC | __GFP_NOWARN, order);

	if (!page)
		return false;
	if (nr_held == held_max) {
		held_max = held_max ? 2 * held_max : 1024;
		held = realloc(held, held_max * sizeof(*held));
	}
	held[nr_held] = (struct held){page, order};
	check_zone(m, page);
	take_seen(m, &held[nr_held++]);
	return true;
}

/* Blocks of random orders first, then what is left page by page. */
static void take_all(const struct host_machine *m)
{
	unsigned failed = 0;

	while (failed < 20 && !test_failed()) {
		gfp_t gfp = test_random_below(2) ? GFP_HIGHUSER : GFP_KERNEL;

		failed += !take(m, gfp, test_random_below(MM_NR_ORDERS));
	}
	while (take(m, GFP_HIGHUSER, 0) && !test_failed())
		;
	EXPECT_EQ(nr_free_pages(), 0);
}

static void free_all(void)
{
	while (nr_held > 0) {
		size_t i = test_random_below((uint32_t)nr_held);

		__free_pages(held[i].page, held[i].order);
		held[i] = held[--nr_held];
	}
}

/* --- what the tables cost ------------------------------------------------------------------ */

static size_t usable_pages(const struct host_machine *m)
{
	size_t n = 0;

	for (pfn_t pfn = page_array.start; pfn < page_array.end; pfn++)
		n += host_page_usable(m, pfn);
	return n;
}

static size_t pages_for(size_t bytes)
{
	return (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
}

/* Usable pages that nobody gets: the page array, two bytes for each pageblock, two bits for each page of the window. */
static size_t table_pages(void)
{
	size_t blocks = (page_array.end - page_array.start) / 1024 * 2 + MM_NR_ZONES;
	struct mm_memory_info info;

	mm_memory_info(&info);
	return (size_t)page_array.bytes / PAGE_SIZE + pages_for(blocks) +
	       pages_for((info.window_pages + 31) / 32 * 8);
}

static void check_counts(const struct host_machine *m)
{
	struct mm_memory_info info;
	size_t entries = 0;

	mm_memory_info(&info);
	EXPECT_EQ(info.managed_pages, usable_pages(m) - table_pages());
	for (pfn_t pfn = page_array.start; pfn < page_array.end; pfn++)
		entries += page_exists(pfn);
	EXPECT_EQ(info.page_array_entries, entries);
	EXPECT(!page_exists(page_array.end));
	EXPECT(page_array.start == 0 || !page_exists(page_array.start - 1));
	EXPECT(!page_of_address((char *)mm_phys_to_virt(page_array.low_bytes - 1) + 1));
	EXPECT(!page_of_address(
		(char *)mm_phys_to_virt((paddr_t)page_array.start << PAGE_SHIFT) - 1));
}

/* At first, all of High is for users, and all else for the kernel. */
static void check_types(void)
{
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		const struct buddy *b = &zones[i].buddy;

		for (size_t j = 0; j < buddy_nr_pageblocks(b->start, b->end); j++)
			EXPECT_EQ(b->block_types[j],
				  i == MM_ZONE_HIGH ? BLOCK_USER : BLOCK_KERNEL);
	}
}

/* --- the whole of it ------------------------------------------------------------------------ */

static void exercise(const struct host_machine *m)
{
	struct mm_zone_info before[MM_NR_ZONES], after[MM_NR_ZONES];

	memset(before, 0, sizeof(before));
	memset(after, 0, sizeof(after));
	page_lists_drain();
	for (unsigned i = 0; i < MM_NR_ZONES; i++)
		mm_zone_info((enum mm_zone_id)i, &before[i]);
	check_counts(m);
	EXPECT_EQ(mm_check(), 0);
	nr_held = 0;
	seen = calloc(page_array.end - page_array.start, 1);
	take_all(m);
	EXPECT_EQ(mm_check(), 0);
	free_all();
	free(seen);
	page_lists_drain();
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		size_t blocks[MM_NR_ORDERS] = {0};

		mm_zone_info((enum mm_zone_id)i, &after[i]);
		EXPECT_EQ(after[i].free, before[i].free);
		for (unsigned order = 0; order < MM_NR_ORDERS; order++) {
			blocks[order] = before[i].free_blocks[0][order] +
					before[i].free_blocks[1][order];
			EXPECT_EQ(after[i].free_blocks[0][order] +
					  after[i].free_blocks[1][order],
				  blocks[order]);
		}
	}
}

static void boot_and_exercise(const struct host_machine *m)
{
	ASSERT(host_boot(m));
	check_types();
	exercise(m);
	EXPECT_EQ(mm_report_total(), 0);
}

TEST(pc)
{
	struct host_machine m = host_pc;

	m.dirty = true;
	boot_and_exercise(&m);
}

/* Four MiB: one zone. */
TEST(least_pc)
{
	const struct host_machine m = {R({0, 0x9fc00}, {MIB, 4 * MIB}),
				       R({0, 4096}, {MIB, 2 * MIB}), .dma_limit = 16 * MIB,
				       .low_limit = 896 * MIB, .window_pages = 2048};

	boot_and_exercise(&m);
	EXPECT(zones[MM_ZONE_DMA].managed > 0);
	EXPECT_EQ(zones[MM_ZONE_NORMAL].present, 0);
	EXPECT_EQ(zones[MM_ZONE_HIGH].present, 0);
}

/* The page array takes 4 pages for 1024 frames, the types of pageblocks one: the sixth is ours. */
TEST(one_page)
{
	const struct host_machine m = {R({MIB, MIB + 6 * 4096}), NULL, 0,
				       .low_limit = 64 * MIB};

	boot_and_exercise(&m);
	EXPECT_EQ(nr_free_pages(), 1);
}

TEST(too_little)
{
	const struct mm_range ram[] = {{MIB, MIB + 4 * 4096}};
	struct host_machine m = {ram, 1, NULL, 0, .low_limit = 64 * MIB};

	test_log_begin();
	EXPECT(!host_boot(&m)); /* no room for the page types */
	m.nr_ram = 0;
	EXPECT(!host_boot(&m));
	EXPECT(test_log_has("no usable low memory"));
}

/* Unsorted, overlapping, empty, backwards, unaligned, wrapping, reaching past everything. */
TEST(hostile)
{
	const struct host_machine m = {
		R({12 * MIB + 17, 16 * MIB - 5}, {5 * MIB, 9 * MIB}, {0, 0x9fc00},
		  {MIB, 6 * MIB + 100}, {8 * MIB, 8 * MIB}, {11 * MIB, 10 * MIB},
		  {9 * MIB + 4095, 9 * MIB + 4097}, {ALL - 10, 5}, {14 * MIB, 20 * MIB}),
		R({0, 1}, {0x80000, 0x80001}, {MIB - 1, MIB + 1}, {3 * MIB, 3 * MIB},
		  {5 * MIB - 512, 5 * MIB + 512}, {7 * MIB, 6 * MIB}, {19 * MIB + 4095, ALL},
		  {ALL, 0}, {40 * MIB, 50 * MIB}),
		.dma_limit = 4 * MIB, .low_limit = 12 * MIB, .window_pages = 2048};

	boot_and_exercise(&m);
}

/* A hole in the DMA zone, and limits that cut pageblocks in two. */
TEST(holes_and_odd_limits)
{
	const struct host_machine m = {R({0x1000, 0x60000}, {0x70000, 0x9f000},
					 {15 * MIB / 10, 2 * MIB}, {3 * MIB, 21 * MIB}),
				       R({0x62000, 0x72000}),
				       .dma_limit = 3 * MIB + 123 * KIB,
				       .low_limit = 13 * MIB + 41 * KIB,
				       .max_paddr = 20 * MIB + 1234,
				       .window_pages = 1000};

	boot_and_exercise(&m);
}

/* Addresses of low memory have a struct page, even where there is no RAM for many blocks. */
TEST(hole_in_low_memory)
{
	const struct host_machine m = {R({MIB, 4 * MIB}, {17 * MIB, 40 * MIB}),
				       R({19 * MIB, 20 * MIB}), .low_limit = 30 * MIB,
				       .window_pages = 1000, .dirty = true};

	boot_and_exercise(&m);
	for (pfn_t pfn = 4 * 256; pfn < 17 * 256; pfn++) {
		ASSERT(page_exists(pfn));
		ASSERT_EQ(page_of_pfn(pfn)->kind, PAGE_HOLE);
		ASSERT_EQ(page_of_address(mm_phys_to_virt((paddr_t)pfn << PAGE_SHIFT)),
			  page_of_pfn(pfn));
	}
	expect_report(MM_REPORT_BAD_ADDRESS, 1);
	kfree(mm_phys_to_virt(9 * MIB));
}

/* Two modules in the ends of one page; one across three. */
TEST(modules_share_a_page)
{
	const struct host_machine m = {R({0, 16 * MIB}),
				       R({5 * MIB, 5 * MIB + 100},
					 {5 * MIB + 4000, 5 * MIB + 4100},
					 {6 * MIB + 4095, 6 * MIB + 8193}),
				       .low_limit = 16 * MIB};

	boot_and_exercise(&m);
	EXPECT_EQ(zones[MM_ZONE_NORMAL].present - zones[MM_ZONE_NORMAL].managed,
		  table_pages() + 2 + 3);
}

/* As on other processors: RAM begins high, and the first page is ours. */
TEST(ram_starts_high)
{
	const struct host_machine m = {R({0x80000000 + 3 * MIB + 4096, 0x80000000 + 24 * MIB}),
				       R({0x80000000 + 5 * MIB, 0x80000000 + 6 * MIB + 1}),
				       .dma_limit = 0x80000000 + 8 * MIB,
				       .low_limit = 0x80000000 + 16 * MIB,
				       .window_pages = 2048};

	boot_and_exercise(&m);
	EXPECT(page_exists(0x80000 + 3 * 256 + 1));
	EXPECT(!page_exists(0x7ffff));
}

/*
 * A PC with 64 GiB's worth of addresses, of which little is RAM: the page array would take
 * 256 MiB; its parts for holes are memory again.
 */
TEST(sparse_64_gib)
{
	const struct host_machine m = {R({0, 0x9fc00}, {MIB, 300 * MIB},
					 {4 * GIB, 4 * GIB + 6 * MIB},
					 {64 * GIB - 5 * MIB, 64 * GIB}),
				       R({0, 4096}, {MIB, 3 * MIB}),
				       .dma_limit = 16 * MIB,
				       .low_limit = 300 * MIB,
				       .max_paddr = 64 * GIB,
				       .window_pages = 2048};

	ASSERT(host_boot(&m));
	EXPECT_EQ(page_array.end, 64 * GIB / PAGE_SIZE);
	EXPECT_EQ(page_array.bytes, (75 + 2 + 2) * 16384); /* blocks of 4 MiB with RAM */
	EXPECT_EQ(zones[MM_ZONE_HIGH].present, 11 * MIB / PAGE_SIZE);
	exercise(&m);
}

/*
 * Where an entry of the page array would describe a hole, there is memory that may look like anything:
 * like blocks of any order with any number of references, except for one reference and an order of
 * lists, which __free_pages() takes at its word.
 */
TEST(entries_of_holes_are_no_pages)
{
	const struct host_machine m = {R({0, 0x9fc00}, {MIB, 100 * MIB}, {4 * GIB, 5 * GIB}),
				       R({0, 4096}, {MIB, 3 * MIB}),
				       .dma_limit = 16 * MIB,
				       .low_limit = 100 * MIB,
				       .max_paddr = 5 * GIB,
				       .window_pages = 2048};
	const struct page look = {.kind = PAGE_BLOCK, .zone = MM_ZONE_HIGH, .refs = 2};
	struct page *page;
	size_t free;

	ASSERT(host_boot(&m));
	free = nr_free_pages();
	page = page_of_pfn(2 * GIB / PAGE_SIZE);
	EXPECT(!page_exists(2 * GIB / PAGE_SIZE));
	EXPECT(page_exists(4 * GIB / PAGE_SIZE));
	for (unsigned zone = 0; zone < 256; zone += zone < 3 ? 1 : 50) {
		for (uint32_t refs = 0; refs < 3; refs++) {
			unsigned order = refs == 1 ? 9 : 0;

			*page = look;
			page->zone = (uint8_t)zone;
			page->refs = refs;
			page->order = (uint8_t)order;
			page->home = refs == 1 ? PAGE_HOMELESS : 0;
			expect_report(MM_REPORT_BAD_PAGE, 4);
			expect_report(MM_REPORT_MISUSE, 1);
			__free_pages(page, order);
			put_page(page);
			get_page(page);
			split_page(page, order);
			free_pages_nolock(page, order);
			EXPECT_EQ(page_count(page), 0);
			EXPECT_EQ(page->kind, PAGE_BLOCK);
			EXPECT_EQ(page->refs, refs);
		}
	}
	EXPECT_EQ(nr_free_pages(), free);
	memset(page, 0, sizeof(*page));
	EXPECT_EQ(mm_check(), 0);
}

/* Mapping needs page tables, which are pages: from GFP_ATOMIC's reserve if need be. */
TEST(window_with_page_tables)
{
	struct host_machine m = host_pc;
	struct page *page;
	char *p;

	m.page_tables = true;
	ASSERT(host_boot(&m));
	allow_kept_pages(4);
	page = alloc_page(GFP_HIGHUSER);
	ASSERT(page && page->zone == MM_ZONE_HIGH);
	p = kmap_local_page(page);
	memset(p, 0x5a, PAGE_SIZE);
	kunmap_local(p);
	__free_page(page);
}

/* Without a window, and without high memory to need one. */
TEST(no_window)
{
	struct host_machine m = host_pc;

	m.window_pages = 0;
	test_log_begin();
	ASSERT(host_boot(&m));
	EXPECT(test_log_has("left unused: high memory"));
	EXPECT_EQ(zones[MM_ZONE_HIGH].present, 0);
	m.max_paddr = m.low_limit; /* what the allocator made of it */
	exercise(&m);
}

/* A host that cannot map, but has high memory, is told so. */
TEST(mapping_fails_at_boot)
{
	struct host_machine m = host_pc;

	m.fail_map = true;
	test_log_begin();
	EXPECT(!host_boot(&m));
	EXPECT(test_log_has("cannot map"));
}

/* Zones by themselves: only DMA and High, only High above little Normal. */
TEST(zones_missing)
{
	const struct host_machine no_normal = {R({MIB, 4 * MIB}, {12 * MIB, 20 * MIB}),
					       NULL,
					       0,
					       .dma_limit = 4 * MIB,
					       .low_limit = 12 * MIB,
					       .window_pages = 2048};
	const struct host_machine no_dma = {
		R({5 * MIB, 20 * MIB}), NULL, 0, .dma_limit = 4 * MIB, .low_limit = 12 * MIB,
		.window_pages = 2048};

	boot_and_exercise(&no_normal);
	EXPECT_EQ(zones[MM_ZONE_NORMAL].present, 0);
	boot_and_exercise(&no_dma);
	EXPECT_EQ(zones[MM_ZONE_DMA].present, 0);
}

/* --- maps at random -------------------------------------------------------------------------- */

#define RANGES_MAX 10u

static struct mm_range random_ram[RANGES_MAX + 1], random_reserved[RANGES_MAX];

static void random_ranges(struct mm_range *ranges, size_t n, paddr_t longest)
{
	for (size_t i = 0; i < n; i++) {
		paddr_t start = test_random_below((uint32_t)(24 * MIB));
		paddr_t end = start + test_random_below((uint32_t)longest);

		if (test_random_below(3) == 0)
			start &= ~0xfffull;
		if (test_random_below(8) == 0)
			end = start - 1;
		ranges[i] = (struct mm_range){start, end};
	}
}

TEST(random_maps)
{
	for (unsigned round = 0; round < 4 * test_effort() && !test_failed(); round++) {
		struct host_machine m = {random_ram,
					 1 + test_random_below(RANGES_MAX),
					 random_reserved,
					 test_random_below(RANGES_MAX),
					 .dma_limit = test_random_below((uint32_t)(6 * MIB)),
					 .low_limit = 6 * MIB +
						      test_random_below((uint32_t)(20 * MIB)),
					 .window_pages = 1000,
					 .dirty = round & 1};

		random_ranges(random_ram, m.nr_ram, 8 * MIB);
		random_ranges(random_reserved, m.nr_reserved, MIB);
		random_ram[m.nr_ram++] = (struct mm_range){4 * MIB, 5 * MIB}; /* room to boot */
		if (host_boot(&m))
			exercise(&m);
		else
			EXPECT(m.nr_reserved > 0);
	}
}

TEST_SUITE(boot, pc, least_pc, one_page, too_little, hostile, holes_and_odd_limits,
	   hole_in_low_memory, modules_share_a_page, ram_starts_high, sparse_64_gib,
	   entries_of_holes_are_no_pages, window_with_page_tables, no_window,
	   mapping_fails_at_boot, zones_missing, random_maps);
