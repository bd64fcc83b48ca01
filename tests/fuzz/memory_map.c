// SPDX-License-Identifier: MIT
/*
 * Any memory map: ranges and limits as the bytes say.  The machine boots, or says why not; every
 * page that it then gives out is one that a naive reading of the ranges allows, and none
 * comes twice.
 */
#include "fuzz.h"
#include <host/host.h>
#include <mm/page_alloc.h>
#include <mm/stats.h>
#include <page.h>
#include <stdlib.h>
#include <string.h>

#define RANGES   8u
#define MOST_RAM ((paddr_t)64 << 20)
#define MIB      ((paddr_t)1 << 20)

static struct mm_range ram[RANGES], reserved[RANGES];

/* Mostly near the beginning, where there is room; sometimes anywhere at all. */
static paddr_t any_address(void)
{
	uint8_t how = fuzz_byte();

	if (how < 8)
		return fuzz_u64();
	if (how < 16)
		return ~(paddr_t)fuzz_u16();
	return ((paddr_t)fuzz_u16() << (how & 1 ? 12 : 10)) + (how & 2 ? fuzz_u16() : 0);
}

static struct mm_range any_range(void)
{
	struct mm_range range = {any_address(), 0};

	range.end = fuzz_byte() & 1 ? range.start + any_address() : any_address();
	return range;
}

static size_t any_ranges(struct mm_range *ranges)
{
	size_t n = fuzz_byte() % (RANGES + 1);

	for (size_t i = 0; i < n; i++)
		ranges[i] = any_range();
	return n;
}

/* The host makes memory of all that lies between the first and the last byte of RAM. */
static bool is_buildable(const struct host_machine *m)
{
	paddr_t low = ~(paddr_t)0, high = 0;

	for (size_t i = 0; i < m->nr_ram; i++) {
		paddr_t end = m->ram[i].end;

		if (m->max_paddr && end > m->max_paddr)
			end = m->max_paddr;
		if (m->ram[i].start >= end)
			continue;
		low = m->ram[i].start < low ? m->ram[i].start : low;
		high = end > high ? end : high;
	}
	return low >= high || high - low <= MOST_RAM;
}

static uint8_t *seen;

/* Pages as long as there are some, linked through `next` of the frame table of ours. */
static void take_all(const struct host_machine *m)
{
	size_t frames = page_array.end - page_array.start, n = 0;
	struct page **held = calloc(frames ? frames : 1, sizeof(*held));
	struct page *page;

	seen = calloc(frames ? frames : 1, 1);
	while (held && seen && !test_failed() &&
	       (page = alloc_pages(GFP_HIGHUSER | __GFP_MEMALLOC | __GFP_NOWARN, 0)) != NULL) {
		pfn_t pfn = page_to_pfn(page);

		EXPECTF(host_page_usable(m, pfn), "frame 0x%x given out: it is not usable RAM",
			pfn);
		EXPECTF(!seen[pfn - page_array.start], "frame 0x%x given out twice", pfn);
		seen[pfn - page_array.start] = 1;
		held[n++] = page;
	}
	while (n > 0)
		__free_pages(held[--n], 0);
	free(held);
	free(seen);
}

TEST(any_memory_map)
{
	struct host_machine m = {.ram = ram, .reserved = reserved};

	m.nr_ram = any_ranges(ram);
	m.nr_reserved = any_ranges(reserved);
	m.dma_limit = any_address();
	m.low_limit = any_address();
	m.max_paddr = any_address();
	m.window_pages = fuzz_byte() & 1 ? 2048 : 0;
	m.dirty = fuzz_byte() & 1;
	m.page_tables = fuzz_byte() & 1;
	allow_leaks();
	if (!is_buildable(&m) || !host_boot(&m))
		return;
	take_all(&m);
	EXPECT_EQ(mm_check(), 0);
}

TEST_SUITE(fuzz, any_memory_map);
