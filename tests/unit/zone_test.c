// SPDX-License-Identifier: MIT
/*
 * Zones: the watermarks and reserves of machines from 4 MiB to 512 GiB are those that
 * Linux's formulas give, worked out outside of this program; a zone gives out pages down to its
 * mark and not one further; and the live zones are what the page array says they are.
 */
#include "buddy_model.h"
#include <harness.h>
#include <mem.h>
#include <page_alloc.h>
#include <zone.h>

/* --- arithmetic ------------------------------------------------------------------------ */

struct machine {
	const char *name;
	size_t managed[MM_NR_ZONES];
	size_t min[MM_NR_ZONES], low[MM_NR_ZONES], high[MM_NR_ZONES];
	size_t reserve[3]; /* DMA against Normal, DMA against High, Normal against High */
};

/* clang-format off */
static const struct machine machines[] = {
	{"4 MiB", {900, 0, 0}, {60, 0, 0}, {75, 0, 0}, {90, 0, 0}, {0, 0, 0}},
	{"16 MiB", {3840, 0, 0}, {123, 0, 0}, {153, 0, 0}, {183, 0, 0}, {0, 0, 0}},
	{"17 MiB", {3840, 256, 0}, {120, 8, 0}, {150, 10, 0}, {180, 12, 0}, {1, 1, 0}},
	{"64 MiB", {3976, 12288, 0}, {62, 192, 0}, {77, 240, 0}, {92, 288, 0}, {48, 48, 0}},
	{"128 MiB", {3976, 28672, 0}, {43, 317, 0}, {53, 396, 0}, {63, 475, 0}, {112, 112, 0}},
	{"512 MiB", {3976, 126976, 0}, {21, 701, 0}, {26, 876, 0}, {31, 1051, 0}, {496, 496, 0}},
	{"896 MiB", {3976, 225280, 0}, {16, 940, 0}, {20, 1175, 0}, {24, 1410, 0}, {880, 880, 0}},
	{"1 GiB", {3976, 225280, 32768}, {16, 940, 32}, {20, 1175, 66}, {24, 1410, 100}, {880, 1008, 1024}},
	{"3.5 GiB", {3976, 225280, 688128}, {16, 940, 128}, {20, 1175, 846}, {24, 1410, 1564}, {880, 3568, 21504}},
	{"8 GiB", {3976, 221184, 1867776}, {16, 932, 128}, {20, 1165, 2096}, {24, 1398, 4064}, {864, 8160, 58368}},
	{"64 GiB", {3976, 155648, 16547840}, {19, 779, 128}, {23, 973, 20835}, {27, 1167, 41542}, {608, 65248, 517120}},
	{"no DMA zone", {0, 100000, 0}, {0, 632, 0}, {0, 790, 0}, {0, 948, 0}, {390, 390, 0}},
	{"DMA and High only", {1000, 0, 8000}, {63, 0, 32}, {78, 0, 158}, {93, 0, 284}, {0, 31, 250}},
	{"64 GiB, all low", {0, 16777216, 0}, {0, 8192, 0}, {0, 24969, 0}, {0, 41746, 0}, {65536, 65536, 0}},
	{"512 GiB low", {4096, 134213632, 0}, {0, 23169, 0}, {4, 157382, 0}, {8, 291595, 0}, {524272, 524272, 0}},
};
/* clang-format on */

#define NR_MACHINES (sizeof(machines) / sizeof(machines[0]))

static void check_reserves(const struct machine *m, const struct zone_sizing *s)
{
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		for (unsigned j = 0; j <= i; j++)
			EXPECTF(s->reserve[i][j] == 0,
				"%s: zone %u keeps %zu pages from its own kind", m->name, i,
				s->reserve[i][j]);
	}
	EXPECTF(s->reserve[MM_ZONE_DMA][MM_ZONE_NORMAL] == m->reserve[0] &&
			s->reserve[MM_ZONE_DMA][MM_ZONE_HIGH] == m->reserve[1] &&
			s->reserve[MM_ZONE_NORMAL][MM_ZONE_HIGH] == m->reserve[2],
		"%s: reserves: expected %zu %zu %zu, found %zu %zu %zu", m->name, m->reserve[0],
		m->reserve[1], m->reserve[2], s->reserve[MM_ZONE_DMA][MM_ZONE_NORMAL],
		s->reserve[MM_ZONE_DMA][MM_ZONE_HIGH],
		s->reserve[MM_ZONE_NORMAL][MM_ZONE_HIGH]);
}

TEST(watermarks)
{
	for (size_t n = 0; n < NR_MACHINES; n++) {
		const struct machine *m = &machines[n];
		struct zone_sizing s;

		memset(&s, 0x5a, sizeof(s));
		memcpy(s.managed, m->managed, sizeof(s.managed));
		zone_size_watermarks(&s);
		for (unsigned i = 0; i < MM_NR_ZONES; i++)
			EXPECTF(s.min[i] == m->min[i] && s.low[i] == m->low[i] &&
					s.high[i] == m->high[i],
				"%s, zone %u: expected %zu %zu %zu, found %zu %zu %zu", m->name,
				i, m->min[i], m->low[i], m->high[i], s.min[i], s.low[i],
				s.high[i]);
		check_reserves(m, &s);
	}
}

/* sqrt(16 * kB) kB, clamped: around the borders, for machines with one zone. */
TEST(min_free_is_clamped)
{
	static const struct {
		size_t managed, min; /* pages */
	} cases[] = {
		{1, 32}, /* 128 kB at least */
		{256, 32},
		{272, 32},           /* 131 kB are 32 whole pages */
		{273, 33},           /* 132 kB */
		{1073741823, 65535}, /* 262143 kB */
		{1073741824, 65536}, /* 262144 kB at most */
		{2147483648, 65536},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct zone_sizing s = {.managed = {0, cases[i].managed, 0}};

		zone_size_watermarks(&s);
		EXPECT_EQ(s.min[MM_ZONE_NORMAL], cases[i].min);
	}
}

/* The mark of High is its own: a 1024th, 32 at least and 128 at most. */
TEST(high_min)
{
	static const size_t cases[][2] = {{1, 32},           {32 * 1024 + 1023, 32},
					  {33 * 1024, 33},   {127 * 1024 + 1023, 127},
					  {128 * 1024, 128}, {129 * 1024, 128}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct zone_sizing s = {.managed = {1000, 1000, cases[i][0]}};

		zone_size_watermarks(&s);
		EXPECT_EQ(s.min[MM_ZONE_HIGH], cases[i][1]);
	}
}

TEST(no_memory_at_all)
{
	struct zone_sizing s = {.managed = {0, 0, 0}};

	zone_size_watermarks(&s);
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		EXPECT_EQ(s.min[i], 0);
		EXPECT_EQ(s.low[i], 0);
		EXPECT_EQ(s.high[i], 0);
	}
}

/* --- down to the mark -------------------------------------------------------------------- */

static struct zone zone;

/* A zone of the model's pages. */
static void begin_zone(pfn_t pages)
{
	model_begin(1024, 1024 + pages, BLOCK_KERNEL);
	model_hand_over(1024, 1024 + pages);
	memset(&zone, 0, sizeof(zone));
	zone.managed = zone.present = pages;
	zone.buddy = model.buddy;
}

/* Linux's words: what is free, less all but one page of the block, is more than the mark. */
static bool linux_watermark_ok(long free, unsigned order, long mark)
{
	return free - ((1l << order) - 1) > mark;
}

TEST(watermark_ok_is_exact)
{
	for (pfn_t pages = 0; pages < 40; pages++) {
		begin_zone(pages);
		for (unsigned order = 0; order < 7; order++) {
			bool has = buddy_has_block(&zone.buddy, order);

			for (size_t mark = 0; mark < 44; mark++)
				EXPECT_EQ(zone_watermark_ok(&zone, order, mark),
					  has && linux_watermark_ok((long)pages, order,
								    (long)mark));
		}
	}
}

/* Enough pages, but none beside another that is free. */
TEST(watermark_wants_a_block)
{
	begin_zone(32);
	for (unsigned i = 0; i < 32; i++)
		EXPECT(zone_alloc(&zone, 0, BLOCK_KERNEL, 0));
	for (unsigned i = 0; i < 32; i += 2)
		zone_free(&zone, &model_pages[i], 0);
	EXPECT_EQ(zone.buddy.nr_free, 16);
	EXPECT(zone_watermark_ok(&zone, 0, 15));
	EXPECT(!zone_watermark_ok(&zone, 0, 16));
	EXPECT(!zone_watermark_ok(&zone, 1, 0));
	EXPECT(!zone_alloc(&zone, 1, BLOCK_KERNEL, 0));
	zone_free(&zone, &model_pages[1], 0);
	EXPECT(zone_watermark_ok(&zone, 1, 15));
	EXPECT(!zone_watermark_ok(&zone, 1, 16));
}

/* Block by block until the mark: how many there are is known, and nothing changes after. */
static void alloc_down_to(unsigned order, size_t mark)
{
	const size_t pages = 96, size = (size_t)1 << order;
	size_t n = 0, expected = mark < pages ? (pages - mark) / size : 0;

	begin_zone((pfn_t)pages);
	while (zone_alloc(&zone, order, n & 1 ? BLOCK_USER : BLOCK_KERNEL, mark))
		n++;
	EXPECTF(n == expected, "order %u, mark %zu: expected %zu blocks, found %zu", order,
		mark, expected, n);
	EXPECT_EQ(zone.buddy.nr_free, pages - n * size);
	EXPECT_EQ(zone.allocs, n);
	if (n == 0)
		return;
	EXPECT(!zone_alloc(&zone, order, BLOCK_KERNEL, mark));
	zone_free(&zone, &model_pages[0], order); /* the first is as good as any */
	EXPECT_EQ(zone.frees, 1);
	EXPECT(zone_alloc(&zone, order, BLOCK_KERNEL, mark));
	EXPECT(!zone_alloc(&zone, order, BLOCK_KERNEL, mark));
}

TEST(alloc_page_by_page)
{
	for (unsigned order = 0; order <= 5; order++) {
		for (size_t mark = 0; mark < 100; mark += 1 + mark % 3)
			alloc_down_to(order, mark);
	}
}

TEST(failures_are_counted)
{
	begin_zone(4);
	zone_count_failure(&zone);
	zone_count_failure(&zone);
	EXPECT_EQ(zone.failures, 2);
	EXPECT_EQ(zone.buddy.nr_free, 4);
}

/* --- the live zones ------------------------------------------------------------------------ */

TEST(live_marks)
{
	struct zone_sizing s;

	for (unsigned i = 0; i < MM_NR_ZONES; i++)
		s.managed[i] = zones[i].managed;
	zone_size_watermarks(&s);
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		EXPECT_EQ(zones[i].min, s.min[i]);
		EXPECT_EQ(zones[i].low, s.low[i]);
		EXPECT_EQ(zones[i].high, s.high[i]);
		for (unsigned j = 0; j < MM_NR_ZONES; j++)
			EXPECT_EQ(zones[i].reserve[j], s.reserve[i][j]);
	}
}

/* Lowest first, without overlap; what is not there is empty. */
TEST(live_spans)
{
	pfn_t end = 0;

	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		const struct zone *z = &zones[i];
		struct mm_zone_info info;

		EXPECT_EQ(z->id, i);
		EXPECT_EQ(mm_zone_info((enum mm_zone_id)i, &info), z->present > 0);
		if (z->present == 0) {
			EXPECT_EQ(z->buddy.nr_free, 0);
			EXPECT_EQ(z->buddy.start, z->buddy.end);
			continue;
		}
		EXPECT(z->buddy.start >= end);
		EXPECT(z->managed <= z->present);
		EXPECT(z->present <= z->buddy.end - z->buddy.start);
		end = z->buddy.end;
	}
}

/* Each zone has pageblock types of its own, also where a limit cuts a pageblock in two. */
TEST(live_pageblock_types)
{
	const uint8_t *end = NULL;

	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		const struct buddy *b = &zones[i].buddy;
		size_t n = buddy_nr_pageblocks(b->start, b->end);

		if (n == 0)
			continue;
		EXPECT(!end || b->block_types >= end);
		end = b->block_types + n;
		for (size_t j = 0; j < n; j++)
			EXPECT(b->block_types[j] < NR_BLOCK_TYPES);
	}
}

/* Steps over the frames of machines with many. */
static pfn_t stride(const struct zone *z)
{
	pfn_t length = z->buddy.end - z->buddy.start;

	return 1 + length / (16384 * test_effort());
}

/* Every page of RAM in the span says so, and no hole does. */
TEST(live_pages_know_their_zone)
{
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		const struct zone *z = &zones[i];
		pfn_t step = stride(z);
		size_t present = 0;

		for (pfn_t pfn = z->buddy.start; pfn < z->buddy.end; pfn += step) {
			const struct page *page = pfn_to_page(pfn);

			if (!page || page->kind == PAGE_HOLE)
				continue;
			present++;
			if (!EXPECT_EQ(page->zone, i))
				return;
		}
		if (step == 1)
			EXPECT_EQ(present, z->present);
	}
}

TEST_SUITE(zone, watermarks, min_free_is_clamped, high_min, no_memory_at_all,
	   watermark_ok_is_exact, watermark_wants_a_block, alloc_page_by_page,
	   failures_are_counted, live_marks, live_spans, live_pageblock_types,
	   live_pages_know_their_zone);
