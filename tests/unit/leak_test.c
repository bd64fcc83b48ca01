// SPDX-License-Identifier: MIT
/*
 * Leaks since a mark: planted, one of each kind, and found with their exact numbers; what
 * only moves between magazines, depots and slabs is none.
 */
#include "live.h"
#include <mm/format.h>
#include <mm/kmalloc.h>
#include <mm/leak.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <mm/slab_debug.h>
#include <mm/stats.h>
#include <mm/vmalloc.h>

#define SIZE 40u
#define MANY 300u
#define KEPT 2u /* page tables that the mapping window may need */

static struct mm_leak_mark mark, inner;
static void *objects[MANY];

/* The next check must find so much, and say so. */
static void expect_leaks(const struct mm_leak_mark *since, size_t nr_objects, size_t nr_pages)
{
	char text[100];

	mm_snprintf(text, sizeof(text),
		    "%zu objects and %zu pages are live that were not at the mark", nr_objects,
		    nr_pages);
	expect_report(MM_REPORT_LEAK, 1);
	test_log_begin();
	EXPECT_EQ(mm_leak_check(since), nr_objects + nr_pages);
	EXPECT_STR(test_last_report()->what, text);
}

static void expect_line(const char *line)
{
	if (test_log_kept())
		EXPECTF(live_log_count(line) == 1, "\"%s\": expected 1 line, found %u", line,
			live_log_count(line));
}

/* --- counts --------------------------------------------------------------------- */

TEST(nothing_has_leaked)
{
	mm_leak_mark(&mark);
	EXPECT_EQ(mm_leak_check(&mark), 0);
}

/* Magazines, depots and slabs fill and empty as they like: what was freed is free. */
TEST(what_was_freed_is_no_leak)
{
	struct kmem_cache *cache = kmem_cache_create("test-leak", SIZE, 0, 0, NULL);

	ASSERT(cache);
	mm_leak_mark(&mark);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < MANY; i++) {
			objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
			ASSERT(objects[i]);
		}
		for (unsigned i = 0; i < MANY; i++)
			kmem_cache_free(cache, objects[(i * 7u) % MANY]);
	}
	__free_page(alloc_page(GFP_KERNEL));
	EXPECT_EQ(mm_leak_check(&mark), 0);
	EXPECT(kmem_cache_destroy(cache));
}

TEST(objects_of_a_cache)
{
	struct kmem_cache *cache = kmem_cache_create("test-leak", SIZE, 0, 0, NULL);

	ASSERT(cache);
	for (unsigned i = 0; i < MANY; i++) {
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		ASSERT(objects[i]);
	}
	for (unsigned i = 3; i < MANY; i++)
		kmem_cache_free(cache, objects[i]);
	mm_leak_mark(&mark);
	objects[3] = kmem_cache_alloc(cache, GFP_KERNEL);
	objects[4] = kmem_cache_alloc(cache, GFP_KERNEL);
	expect_leaks(&mark, 2, 0);
	expect_line("mm:   cache     test-leak: 2 objects\n");
	for (unsigned i = 0; i < 5; i++)
		kmem_cache_free(cache, objects[i]);
	EXPECT(kmem_cache_destroy(cache));
}

/* A cache that the mark does not know; and an older one, which is another line. */
TEST(a_cache_made_since)
{
	struct kmem_cache *cache;
	void *p, *q;

	mm_leak_mark(&mark);
	cache = kmem_cache_create("test-leak", SIZE, 0, 0, NULL);
	ASSERT(cache);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	q = kmalloc(100, GFP_KERNEL);
	expect_leaks(&mark, 2, 0);
	expect_line("mm:   cache     test-leak: 1 objects\n");
	expect_line("mm:   cache     kmalloc-112: 1 objects\n");
	kfree(q);
	kmem_cache_free(cache, p);
	EXPECT(kmem_cache_destroy(cache));
	EXPECT_EQ(mm_leak_check(&mark), 0);
}

TEST(pages_by_kind)
{
	struct page *page;
	void *large;

	mm_leak_mark(&mark);
	page = alloc_pages(GFP_KERNEL, 1);
	large = kmalloc(4 * PAGE_SIZE, GFP_KERNEL);
	ASSERT(page && large);
	expect_leaks(&mark, 0, 6);
	expect_line("mm:   pages     4 in kmalloc blocks\n");
	expect_line("mm:   pages     2 in other blocks\n");
	kfree(large);
	__free_pages(page, 1);
	EXPECT_EQ(mm_leak_check(&mark), 0);
}

TEST(vmalloc_and_vmap_areas)
{
	struct mm_memory_info info;
	struct page *page;
	void *area, *view;

	mm_memory_info(&info);
	if (info.window_pages == 0)
		SKIP("no mapping window");
	allow_kept_pages(KEPT);
	page = alloc_page(GFP_KERNEL);
	ASSERT(page);
	/* What the host needs for its tables it keeps. */
	area = vmalloc(3 * PAGE_SIZE);
	ASSERT(area);
	vfree(area);
	view = vmap(&page, 1);
	ASSERT(view);
	vunmap(view);

	mm_leak_mark(&mark);
	area = vmalloc(3 * PAGE_SIZE);
	view = vmap(&page, 1);
	ASSERT(area && view);
	expect_leaks(&mark, 0, 4);
	expect_line("mm:   pages     3 in vmalloc areas\n");
	expect_line("mm:   pages     1 mapped by vmap\n");
	vunmap(view);
	vfree(area);
	EXPECT_EQ(mm_leak_check(&mark), 0);
	__free_page(page);
}

TEST(marks_nest)
{
	void *first, *second;

	mm_leak_mark(&mark);
	first = kmalloc(SIZE, GFP_KERNEL);
	mm_leak_mark(&inner);
	second = kmalloc(SIZE, GFP_KERNEL);
	expect_leaks(&inner, 1, 0);
	expect_leaks(&mark, 2, 0);
	kfree(second);
	EXPECT_EQ(mm_leak_check(&inner), 0);
	kfree(first);
	EXPECT_EQ(mm_leak_check(&mark), 0);
}

/* --- recorded objects ------------------------------------------------------------ */

static __attribute__((noinline)) void *allocate_in(struct kmem_cache *cache)
{
	void *p = kmem_cache_alloc(cache, GFP_KERNEL);

	__asm__ volatile("" : : "r"(p) : "memory");
	return p;
}

/* An object that lived at the mark and has gone makes up for nothing here. */
TEST(owners_are_told)
{
	struct kmem_cache *cache =
		kmem_cache_create("test-leak", SIZE, 0, SLAB_STORE_USER, NULL);
	void *old, *first, *second, *gone;
	char line[100];

	ASSERT(cache);
	old = allocate_in(cache);
	mm_leak_mark(&mark);
	first = allocate_in(cache);
	gone = allocate_in(cache);
	second = allocate_in(cache);
	ASSERT(old && first && gone && second);
	kmem_cache_free(cache, gone);
	kmem_cache_free(cache, old);
	expect_leaks(&mark, 2, 0);
	expect_line("mm:   cache     test-leak: 2 objects\n");
	mm_snprintf(line, sizeof(line), "mm:   object    %p: 40 bytes of cache test-leak\n",
		    first);
	expect_line(line);
	mm_snprintf(line, sizeof(line), "mm:   object    %p: 40 bytes of cache test-leak\n",
		    second);
	expect_line(line);
	if (test_log_kept()) {
		EXPECT_EQ(live_log_count("mm:   allocated "), 2);
		if (live_has_symbols())
			EXPECT_EQ(live_log_count(" allocate_in+0x"), 2);
	}
	kmem_cache_free(cache, first);
	kmem_cache_free(cache, second);
	EXPECT_EQ(mm_leak_check(&mark), 0);
	EXPECT(kmem_cache_destroy(cache));
}

TEST(long_lists_end)
{
	struct kmem_cache *cache =
		kmem_cache_create("test-leak", SIZE, 0, SLAB_STORE_USER, NULL);

	ASSERT(cache);
	mm_leak_mark(&mark);
	for (unsigned i = 0; i < MM_LEAK_LISTED + 3; i++)
		objects[i] = allocate_in(cache);
	expect_leaks(&mark, MM_LEAK_LISTED + 3, 0);
	if (test_log_kept())
		EXPECT_EQ(live_log_count("mm:   object "), MM_LEAK_LISTED);
	expect_line("mm:             and 3 more that were recorded\n");
	for (unsigned i = 0; i < MM_LEAK_LISTED + 3; i++)
		kmem_cache_free(cache, objects[i]);
	EXPECT(kmem_cache_destroy(cache));
}

/* --- by call site ------------------------------------------------------------------ */

struct total {
	size_t sites, objects, bytes, last_bytes, unknown;
	bool sorted;
};

static bool add_site(const struct mm_site *site, void *arg)
{
	struct total *total = arg;

	if (!site->caller) {
		total->unknown = site->objects;
		return true;
	}
	if (total->sites++ && site->bytes > total->last_bytes)
		total->sorted = false;
	total->last_bytes = site->bytes;
	total->objects += site->objects;
	total->bytes += site->bytes;
	EXPECT(site->objects > 0 && site->youngest_ns <= site->oldest_ns);
	return true;
}

static struct total total_now(void)
{
	struct total total = {.sorted = true};

	EXPECT(mm_for_each_site(add_site, &total));
	EXPECT(total.sorted);
	return total;
}

/* Where nothing is inlined all calls may have one site. */
static MM_FASTCALL __attribute__((noinline)) void *allocate_elsewhere(struct kmem_cache *cache)
{
	void *p = kmem_cache_alloc(cache, GFP_KERNEL);

	__asm__ volatile("" : : "r"(p) : "memory");
	return p;
}

TEST(sites_are_counted)
{
	struct kmem_cache *small =
		kmem_cache_create("test-leak", SIZE, 0, SLAB_STORE_USER, NULL);
	struct kmem_cache *large =
		kmem_cache_create("test-large", 10 * SIZE, 0, SLAB_STORE_USER, NULL);
	struct kmem_cache *plain = kmem_cache_create("test-plain", SIZE, 0, 0, NULL);
	struct total before = total_now(), after;

	for (unsigned i = 0; i < 5; i++)
		objects[i] = allocate_in(small);
	objects[5] = allocate_elsewhere(large);
	objects[6] = kmem_cache_alloc(plain, GFP_KERNEL);
	after = total_now();
	EXPECT_EQ(after.objects - before.objects, 6);
	EXPECT_EQ(after.bytes - before.bytes, 5 * SIZE + 10 * SIZE);
	EXPECT_EQ(after.unknown - before.unknown, 1);
	EXPECT(after.sites > before.sites && after.sites <= before.sites + 2);
	test_log_begin();
	mm_show_sites(MM_SITES);
	if (test_log_kept() && live_has_symbols()) {
		EXPECT_EQ(live_log_count(" allocate_in+0x"), 1);
		EXPECT_EQ(live_log_count(" allocate_elsewhere+0x"), 1);
	}
	for (unsigned i = 0; i < 5; i++)
		kmem_cache_free(small, objects[i]);
	kmem_cache_free(large, objects[5]);
	kmem_cache_free(plain, objects[6]);
	EXPECT_EQ(total_now().objects, before.objects);
	EXPECT(kmem_cache_destroy(small) && kmem_cache_destroy(large) &&
	       kmem_cache_destroy(plain));
}

TEST_SUITE(leak, nothing_has_leaked, what_was_freed_is_no_leak, objects_of_a_cache,
	   a_cache_made_since, pages_by_kind, vmalloc_and_vmap_areas, marks_nest,
	   owners_are_told, long_lists_end, sites_are_counted);
