// SPDX-License-Identifier: MIT
/* See live.h.  Tests run one at a time: the free lists are walked without their locks. */
#include "live.h"
#include <bits.h>
#include <mem.h>
#include <mm/highmem.h>
#include <page.h>
#include <page_list.h>
#include <zone.h>

/* --- blocks held ----------------------------------------------------------------- */

void held_init(struct held *held)
{
	memset(held, 0, sizeof(*held));
	held->first = PFN_NONE;
}

void held_add(struct held *held, struct page *page)
{
	size_t pages = (size_t)1 << page->order;

	page->next = held->first;
	held->first = pfn_of_page(page);
	held->blocks++;
	held->pages += pages;
	held->pages_in[page->zone] += pages;
}

struct page *held_pop(struct held *held)
{
	struct page *page;
	size_t pages;

	if (held->first == PFN_NONE)
		return NULL;
	page = page_of_pfn(held->first);
	pages = (size_t)1 << page->order;
	held->first = page->next;
	held->blocks--;
	held->pages -= pages;
	held->pages_in[page->zone] -= pages;
	return page;
}

size_t held_take(struct held *held, gfp_t gfp, unsigned order, size_t most)
{
	size_t n = 0;
	struct page *page;

	while (n < most && (page = alloc_pages(gfp | __GFP_NOWARN, order)) != NULL) {
		held_add(held, page);
		n++;
	}
	return n;
}

static void release_spare_here(void *arg)
{
	struct list *link;

	(void)arg;
	/* Descriptors and magazines come back to caches that stand earlier, where they may be
	   the last of a slab with a descriptor of its own. */
	for (unsigned quiet = 0; quiet < 2; quiet++) {
		list_for_each (link, &cache_list)
			if (kmem_cache_shrink(list_entry(link, struct kmem_cache, link)))
				quiet = 0;
	}
}

/*
 * All empty slabs and magazines back to the page allocator.  Each CPU has its own; what one
 * gives back may have been the last of what another one's magazine holds.
 */
static void release_spare(void)
{
	if (!mm_may_sleep()) {
		release_spare_here(NULL);
		page_lists_drain_here();
		return;
	}
	for (unsigned round = 0; round < 2; round++)
		mm_host_on_each_cpu(release_spare_here, NULL);
	page_lists_drain();
}

void held_drain(struct held *held, gfp_t gfp)
{
	release_spare();
	for (unsigned order = MM_NR_ORDERS; order-- > 0;)
		held_take(held, gfp, order, SIZE_MAX);
}

void held_free(struct held *held)
{
	struct page *page;

	while ((page = held_pop(held)) != NULL)
		__free_pages(page, page->order);
}

/* --- the state of the free lists --------------------------------------------------- */

/* Scatters its input well enough that sums of different sets differ (splitmix64). */
static uint64_t mix(uint64_t n)
{
	n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9u;
	n = (n ^ n >> 27) * 0x94d049bb133111ebu;
	return n ^ n >> 31;
}

static void add_list(struct fingerprint *fingerprint, const struct zone *zone, unsigned type,
		     unsigned order)
{
	const struct buddy_lists *lists = &zone->buddy.types[type];
	pfn_t pfn = lists->head[order];

	fingerprint->blocks[zone->id][order] += lists->count[order];
	for (; pfn != PFN_NONE; pfn = page_of_pfn(pfn)->next)
		fingerprint->places[zone->id] += mix(((uint64_t)order + 1) << 32 | pfn);
}

void fingerprint_take(struct fingerprint *fingerprint)
{
	page_lists_drain();
	memset(fingerprint, 0, sizeof(*fingerprint));
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		fingerprint->free[i] = zones[i].buddy.nr_free;
		for (unsigned type = 0; type < NR_BLOCK_TYPES; type++)
			for (unsigned order = 0; order < MM_NR_ORDERS; order++)
				add_list(fingerprint, &zones[i], type, order);
	}
}

void live_settle(struct fingerprint *fingerprint)
{
	release_spare();
	fingerprint_take(fingerprint);
}

void fingerprint_expect(const struct fingerprint *now, const struct fingerprint *before)
{
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		EXPECT_EQ(now->free[i], before->free[i]);
		for (unsigned order = 0; order < MM_NR_ORDERS; order++)
			EXPECT_EQ(now->blocks[i][order], before->blocks[i][order]);
		EXPECT(now->places[i] == before->places[i]);
	}
}

/* As the harness has it: beyond, a walk over all pages costs seconds. */
#define CHECKED_PAGES_MAX ((size_t)1 << 17)

void live_expect_whole(void)
{
	struct mm_memory_info info;

	mm_memory_info(&info);
	if (info.managed_pages <= CHECKED_PAGES_MAX)
		EXPECT_EQ(mm_check(), 0);
}

void live_expect_settled(const struct fingerprint *before)
{
	struct fingerprint now;

	live_settle(&now);
	fingerprint_expect(&now, before);
}

/* --- looking ----------------------------------------------------------------------- */

unsigned live_zones_of(gfp_t gfp, enum mm_zone_id order[MM_NR_ZONES])
{
	unsigned n = 0;

	if (gfp & __GFP_DMA) {
		order[n++] = MM_ZONE_DMA;
		return n;
	}
	if (gfp & __GFP_HIGHMEM)
		order[n++] = MM_ZONE_HIGH;
	order[n++] = MM_ZONE_NORMAL;
	order[n++] = MM_ZONE_DMA;
	return n;
}

enum mm_zone_id live_zone_of(const struct page *page)
{
	struct mm_zone_info info;

	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		if (mm_zone_info((enum mm_zone_id)i, &info) &&
		    page_to_pfn(page) >= info.start && page_to_pfn(page) < info.end)
			return (enum mm_zone_id)i;
	}
	return MM_NR_ZONES;
}

static bool same_text(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

bool live_name_begins(const char *name, const char *part)
{
	while (*part && *name == *part)
		name++, part++;
	return !*part;
}

struct kmem_cache *live_cache(const char *name)
{
	struct list *link;

	list_for_each (link, &cache_list) {
		struct kmem_cache *cache = list_entry(link, struct kmem_cache, link);

		if (same_text(cache->name, name))
			return cache;
	}
	return NULL;
}

/* Byte i of what live_fill() writes; no period that a page or an object has. */
static uint8_t pattern(uint32_t seed, size_t i)
{
	return (uint8_t)((uint32_t)i * 167u + (uint32_t)(i >> 8) * 13u + seed * 0x9e3779b9u +
			 (seed >> 15));
}

void live_fill(void *memory, size_t size, uint32_t seed)
{
	uint8_t *bytes = memory;

	for (size_t i = 0; i < size; i++)
		bytes[i] = pattern(seed, i);
}

bool live_filled(const void *memory, size_t size, uint32_t seed)
{
	const uint8_t *bytes = memory;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != pattern(seed, i))
			return false;
	return true;
}

bool live_all_bytes(const void *memory, size_t size, uint8_t byte)
{
	const uint8_t *bytes = memory;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != byte)
			return false;
	return true;
}

void live_fill_pages(struct page *page, unsigned order, uint32_t seed)
{
	for (size_t i = 0; i < (size_t)1 << order; i++) {
		void *address = kmap_local_page(page + i);

		live_fill(address, PAGE_SIZE, seed + (uint32_t)i);
		kunmap_local(address);
	}
}

bool live_filled_pages(struct page *page, unsigned order, uint32_t seed)
{
	bool same = true;

	for (size_t i = 0; i < (size_t)1 << order; i++) {
		const void *address = kmap_local_page(page + i);

		same = same && live_filled(address, PAGE_SIZE, seed + (uint32_t)i);
		kunmap_local(address);
	}
	return same;
}

bool live_pages_all_bytes(struct page *page, unsigned order, uint8_t byte)
{
	bool same = true;

	for (size_t i = 0; i < (size_t)1 << order; i++) {
		const void *address = kmap_local_page(page + i);

		same = same && live_all_bytes(address, PAGE_SIZE, byte);
		kunmap_local(address);
	}
	return same;
}

struct page *live_reserved_page(void)
{
	for (pfn_t pfn = page_array.start; pfn < page_array.end; pfn++) {
		if (page_exists(pfn) && page_of_pfn(pfn)->kind == PAGE_RESERVED)
			return page_of_pfn(pfn);
	}
	return NULL;
}

/* --- the log ----------------------------------------------------------------------- */

unsigned live_log_count(const char *part)
{
	unsigned lines = 0;
	bool counted = false;

	for (const char *at = test_log_text(); *at; at++) {
		if (!counted && live_name_begins(at, part)) {
			counted = true;
			lines++;
		}
		if (*at == '\n')
			counted = false;
	}
	return lines;
}

bool live_has_symbols(void)
{
	const char *name;
	size_t offset;

	return mm_host_symbol((uintptr_t)live_has_symbols, &name, &offset);
}
