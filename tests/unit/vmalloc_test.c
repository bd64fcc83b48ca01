// SPDX-License-Identifier: MIT
/*
 * vmalloc and vmap: areas of every size keep their contents and end at a guard; pages come from
 * the zones that the flags name, and all of them go back; vmap shows the very pages, and
 * holds them; impossible requests and mistaken frees are refused in words, and change
 * nothing; and a thousand areas cost a few flushes.
 */
#include "live.h"
#include "world.h"
#include <bits.h>
#include <mem.h>
#include <mm/highmem.h>
#include <mm/kmalloc.h>
#include <mm/vmalloc.h>
#include <page.h>
#include <window.h>
#include <zone.h>

#define NO_WINDOW "no mapping window on this machine"

static bool begin(void)
{
	allow_kept_pages(64); /* page tables of the window */
	window_flush();       /* what is freed now, is stale for a while */
	return window_pages() > 0;
}

static size_t pages_for(size_t size)
{
	return (size + PAGE_SIZE - 1) / PAGE_SIZE;
}

static size_t vmalloc_pages(void)
{
	struct mm_memory_info info;

	mm_memory_info(&info);
	return info.vmalloc_pages;
}

/* The optimiser knows what vmalloc is, and must not reason from it here. */
static size_t opaque(size_t n)
{
	__asm__ volatile("" : "+r"(n));
	return n;
}

/* --- areas -------------------------------------------------------------------------------- */

static void check_area(char *p, size_t size, uint32_t seed)
{
	size_t n = pages_for(size);

	EXPECT_EQ((uintptr_t)p % PAGE_SIZE, 0);
	live_fill(p, n * PAGE_SIZE, seed);
	for (size_t i = 0; i < n && !test_failed(); i++) {
		struct page *page = vmalloc_to_page(p + i * PAGE_SIZE + i % PAGE_SIZE);

		if (!EXPECT(page != NULL))
			return;
		EXPECT_EQ(page->kind, PAGE_VMALLOC);
		EXPECT_EQ(page->window, (uintptr_t)p + i * PAGE_SIZE);
		EXPECT(is_vmalloc_addr(p + i * PAGE_SIZE + PAGE_SIZE - 1));
		EXPECT(!virt_to_page(p + i * PAGE_SIZE));
		/* The very memory that the area shows: seen another way. */
		EXPECTF(live_filled(p, n * PAGE_SIZE, seed), "page %zu of %zu", i, n);
		if (n > 40)
			break;
	}
	EXPECT(!is_vmalloc_addr(p + n * PAGE_SIZE));
	EXPECT(!vmalloc_to_page(p + n * PAGE_SIZE));
	EXPECT(!world_faults(p + n * PAGE_SIZE - 1));
	EXPECT(world_faults(p + n * PAGE_SIZE)); /* the guard */
}

TEST(areas_of_many_sizes)
{
	static const size_t sizes[] = {1,     4095,  4096,  4097,   8192,   12289,
				       65535, 65536, 65537, 100000, 262144, 1048576};
	size_t before = vmalloc_pages(), used = window_pages_used();

	if (!begin())
		SKIP(NO_WINDOW);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && !test_failed(); i++) {
		char *p;

		if (nr_free_pages() < 2 * pages_for(sizes[i]) + 128)
			break; /* a small machine */
		p = vmalloc(sizes[i]);
		ASSERT(p);
		EXPECT_EQ(vmalloc_pages(), before + pages_for(sizes[i]));
		EXPECT_EQ(window_pages_used(), used + pages_for(sizes[i]) + 1);
		check_area(p, sizes[i], i);
		vfree(p);
		EXPECT_EQ(vmalloc_pages(), before);
		EXPECT_EQ(window_pages_used(), used);
		EXPECT(!is_vmalloc_addr(p));
		window_flush();
		EXPECT(world_faults(p));
	}
}

/* One page at a time, through the page itself. */
TEST(pages_are_where_they_say)
{
	char *p = begin() ? vmalloc(5 * PAGE_SIZE) : NULL;

	if (window_pages() == 0)
		SKIP(NO_WINDOW);
	ASSERT(p);
	for (size_t i = 0; i < 5; i++)
		live_fill(p + i * PAGE_SIZE, PAGE_SIZE, (uint32_t)i);
	for (size_t i = 0; i < 5; i++)
		EXPECT(live_filled_pages(vmalloc_to_page(p + i * PAGE_SIZE), 0, (uint32_t)i));
	live_fill_pages(vmalloc_to_page(p + 2 * PAGE_SIZE), 0, 77);
	EXPECT(live_filled(p + 2 * PAGE_SIZE, PAGE_SIZE, 77));
	vfree(p);
}

TEST(zeroed_to_the_last_page)
{
	if (!begin())
		SKIP(NO_WINDOW);
	for (unsigned round = 0; round < 4; round++) {
		char *p = round & 1 ? vzalloc(opaque(50001))
				    : __vmalloc(opaque(50001), GFP_KERNEL | __GFP_ZERO);

		ASSERT(p);
		EXPECT(live_all_bytes(p, 13 * PAGE_SIZE, 0));
		memset(p, 0xa5, 13 * PAGE_SIZE);
		vfree(p);
	}
}

/* Without HIGHMEM never from High, with it from High first, with DMA from nowhere else. */
TEST(zones_by_flags)
{
	static const gfp_t flags[] = {GFP_KERNEL,           GFP_KERNEL | __GFP_HIGHMEM,
				      GFP_KERNEL | GFP_DMA, GFP_ATOMIC,
				      GFP_HIGHUSER,         GFP_HIGHUSER_MOVABLE};

	if (!begin())
		SKIP(NO_WINDOW);
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		enum mm_zone_id order[MM_NR_ZONES], first = MM_NR_ZONES;
		struct mm_zone_info zone;
		char *p;

		live_zones_of(flags[i], order);
		for (unsigned j = 0; j < MM_NR_ZONES && first == MM_NR_ZONES; j++) {
			if (mm_zone_info(order[j], &zone) &&
			    zone.free > zone.low + zone.reserve[order[0]] + 8)
				first = order[j];
		}
		p = __vmalloc(3 * PAGE_SIZE, flags[i] | __GFP_NOWARN);
		if (!p)
			continue; /* DMA may be short */
		for (unsigned j = 0; j < 3; j++)
			EXPECT_EQ(live_zone_of(vmalloc_to_page(p + j * PAGE_SIZE)), first);
		vfree(p);
	}
}

/* Another CPU may free; so may whoever cannot sleep. */
TEST(freed_elsewhere)
{
	unsigned home;
	mm_irqflags_t flags;
	char *p;

	if (!begin())
		SKIP(NO_WINDOW);
	p = vmalloc(20000);
	ASSERT(p);
	flags = mm_irq_save();
	vfree(p);
	p = __vmalloc(20000, GFP_ATOMIC | __GFP_HIGHMEM);
	mm_irq_restore(flags);
	ASSERT(p);
	if (world_cpus() < 2) {
		vfree(p);
		return;
	}
	home = world_set_cpu(1);
	vfree(p);
	world_set_cpu(home);
}

TEST(a_thousand_pairs_few_flushes)
{
	unsigned long flushes;
	size_t per_flush;

	if (!begin())
		SKIP(NO_WINDOW);
	per_flush = min_size(WINDOW_STALE_AREAS, window.stale_max / 3) + 1;
	flushes = world_flushes();
	for (unsigned i = 0; i < 1000 && !test_failed(); i++) {
		char *p = vmalloc(2 * PAGE_SIZE);

		ASSERT(p);
		p[i % (2 * PAGE_SIZE)] = 1;
		vfree(p);
	}
	EXPECT_EQ(world_flushes() - flushes, 1000 / per_flush);
}

/* --- impossible requests ---------------------------------------------------------------------- */

static void expect_refused(size_t size, gfp_t gfp, enum mm_report_kind kind, const char *text)
{
	expect_report(kind, 1);
	EXPECT(!__vmalloc(opaque(size), gfp));
	EXPECT_REPORT_TEXT(text);
	if (kind == MM_REPORT_BAD_FLAGS)
		return;
	EXPECT(!__vmalloc(opaque(size), gfp | __GFP_NOWARN)); /* not a word */
}

TEST(impossible_sizes)
{
	static const size_t sizes[] = {0, SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - PAGE_SIZE,
				       SIZE_MAX / 2 + 1};
	size_t window_bytes = window_pages() * PAGE_SIZE;

	if (!begin())
		SKIP(NO_WINDOW);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		expect_refused(sizes[i], GFP_KERNEL, MM_REPORT_BAD_SIZE, "the window has");
	expect_refused(window_bytes, GFP_KERNEL, MM_REPORT_BAD_SIZE, "the window has");
	/* More than there could ever be: nobody else's memory is taken for it. */
	expect_refused((zones[MM_ZONE_DMA].managed + zones[MM_ZONE_NORMAL].managed + 1) *
			       PAGE_SIZE,
		       GFP_KERNEL, MM_REPORT_BAD_SIZE, "vmalloc of ");
}

TEST(impossible_flags)
{
	expect_refused(PAGE_SIZE, GFP_DMA | __GFP_HIGHMEM | GFP_KERNEL, MM_REPORT_BAD_FLAGS,
		       "exclude each other");
	expect_refused(PAGE_SIZE, 1u << 31, MM_REPORT_BAD_FLAGS, "unknown bits");
	expect_refused(PAGE_SIZE, GFP_KERNEL | __GFP_NOFAIL, MM_REPORT_BAD_FLAGS, "NOFAIL");
}

struct chain {
	struct chain *next;
};

/* Until memory or the window ends; then all of it comes back. */
TEST(until_nothing_is_left)
{
	const gfp_t gfp = GFP_NOWAIT | __GFP_HIGHMEM;
	size_t n = window.stale_max / 2, used = window_pages_used(), areas = 0;
	struct chain *all = NULL, *p;

	if (!begin())
		SKIP(NO_WINDOW);
	while (n > 0) {
		p = __vmalloc(n * PAGE_SIZE, gfp);
		if (!p) {
			n /= 2;
			continue;
		}
		p->next = all;
		all = p;
		areas++;
	}
	EXPECT(areas > 0);
	expect_report(MM_REPORT_ALLOC_FAILED, 1);
	EXPECT(!__vmalloc(PAGE_SIZE, gfp & ~__GFP_NOWARN));
	EXPECT_REPORT_TEXT("vmalloc of 1 pages: no ");
	while (all) {
		p = all;
		all = p->next;
		vfree(p);
	}
	EXPECT_EQ(window_pages_used(), used);
}

/* --- mistaken frees --------------------------------------------------------------------------- */

typedef void (*free_function)(const void *p);

static void free_block(const void *p)
{
	kfree(p);
}

static void expect_free_refused(free_function function, const void *p, enum mm_report_kind kind,
				const char *headline, const char *line)
{
	expect_report(kind, 1);
	test_log_begin();
	function(p);
	EXPECT_EQ(test_last_report()->address, (uintptr_t)p);
	EXPECT_REPORT_TEXT(headline);
	EXPECT_LOG(line);
}

TEST(mistaken_frees_of_an_area)
{
	char *p;

	if (!begin())
		SKIP(NO_WINDOW);
	p = vmalloc(3 * PAGE_SIZE);
	ASSERT(p);
	live_fill(p, 3 * PAGE_SIZE, 5);
	expect_free_refused(vfree, p + 8, MM_REPORT_INTERIOR_FREE, "vfree of ",
			    ": 8 bytes inside the vmalloc area of 3 pages at ");
	expect_free_refused(vfree, p + PAGE_SIZE, MM_REPORT_INTERIOR_FREE, "vfree of ",
			    ": 4096 bytes inside the vmalloc area of 3 pages at ");
	expect_free_refused(vfree, p + 3 * PAGE_SIZE - 1, MM_REPORT_INTERIOR_FREE, "vfree of ",
			    ": 12287 bytes inside the vmalloc area of 3 pages at ");
	expect_free_refused(vfree, p + 3 * PAGE_SIZE, MM_REPORT_BAD_ADDRESS, "vfree of ",
			    "in the guard page behind the vmalloc area of 3 pages at ");
	expect_free_refused(vunmap, p, MM_REPORT_BAD_ADDRESS, "vunmap of ",
			    ": 0 bytes inside the vmalloc area of 3 pages at ");
	expect_free_refused(vunmap, p + 100, MM_REPORT_BAD_ADDRESS, "vunmap of ",
			    ": 100 bytes inside the vmalloc area of 3 pages at ");
	expect_free_refused(free_block, p, MM_REPORT_BAD_ADDRESS, "kfree of ",
			    ": 0 bytes inside the vmalloc area of 3 pages at ");
	expect_free_refused(free_block, p + 2 * PAGE_SIZE, MM_REPORT_BAD_ADDRESS, "kfree of ",
			    ": 8192 bytes inside the vmalloc area of 3 pages at ");
	EXPECT(live_filled(p, 3 * PAGE_SIZE, 5));
	vfree(p);
	expect_free_refused(vfree, p, MM_REPORT_DOUBLE_FREE, "vfree of ",
			    ": 0 bytes inside the area of 3 pages at ");
	expect_free_refused(vfree, p + PAGE_SIZE, MM_REPORT_DOUBLE_FREE, "vfree of ",
			    ": 4096 bytes inside the area of 3 pages at ");
	expect_free_refused(free_block, p, MM_REPORT_DOUBLE_FREE, "kfree of ",
			    ", which was freed");
	window_flush();
	expect_free_refused(vfree, p, MM_REPORT_BAD_ADDRESS, "vfree of ",
			    "no memory of the allocator's");
	vfree(NULL);
	vunmap(NULL);
}

TEST(mistaken_frees_of_other_memory)
{
	static char here[PAGE_SIZE] __attribute__((aligned(4096)));
	struct page *page = alloc_page(GFP_KERNEL);
	char *object = kmalloc(64, GFP_KERNEL), *large = kmalloc(3 * PAGE_SIZE, GFP_KERNEL);
	char *high = kmalloc(2 * PAGE_SIZE, GFP_HIGHUSER);

	begin();
	ASSERT(page && object && large && high);
	expect_free_refused(vfree, object, MM_REPORT_BAD_ADDRESS, "vfree of ",
			    ": 0 bytes inside the 64-byte object at ");
	expect_free_refused(vunmap, object, MM_REPORT_BAD_ADDRESS, "vunmap of ",
			    "of cache kmalloc-64");
	expect_free_refused(vfree, large, MM_REPORT_BAD_ADDRESS, "vfree of ",
			    ": 0 bytes inside a large kmalloc block of 16384 bytes");
	expect_free_refused(vfree, high, MM_REPORT_BAD_ADDRESS, "vfree of ",
			    virt_to_page(high) ? ": 0 bytes inside "
					       : ": 0 bytes inside a large kmalloc block of");
	expect_free_refused(vunmap, high, MM_REPORT_BAD_ADDRESS, "vunmap of ", "address");
	expect_free_refused(vfree, page_address(page), MM_REPORT_BAD_ADDRESS, "vfree of ",
			    ": 0 bytes inside a block of pages of 4096 bytes");
	expect_free_refused(vfree, here, MM_REPORT_BAD_ADDRESS, "vfree of ", "address");
	expect_free_refused(vfree, ZERO_SIZE_PTR, MM_REPORT_BAD_ADDRESS, "vfree of ",
			    "no memory of the allocator's");
	expect_free_refused(vfree, (void *)(uintptr_t)-PAGE_SIZE, MM_REPORT_BAD_ADDRESS,
			    "vfree of ", "no memory of the allocator's");
	EXPECT(!is_vmalloc_addr(object));
	EXPECT(!is_vmalloc_addr(high));
	EXPECT(!is_vmalloc_addr(NULL));
	EXPECT(!vmalloc_to_page(object));
	EXPECT(!vmalloc_to_page(NULL));
	EXPECT(virt_to_page(high) || vmalloc_to_page(high + PAGE_SIZE));
	EXPECT_EQ(page_count(page), 1);
	__free_page(page);
	kfree(object);
	kfree(large);
	kfree(high);
}

/* An area's pages are its own: the page allocator takes none of them back. */
TEST(pages_of_an_area_cannot_be_freed)
{
	struct page *page;
	char *p;

	if (!begin())
		SKIP(NO_WINDOW);
	p = vmalloc(PAGE_SIZE);
	ASSERT(p);
	page = vmalloc_to_page(p);
	expect_report(MM_REPORT_BAD_PAGE, 3);
	__free_page(page);
	EXPECT_REPORT_TEXT("which is a page of a vmalloc area");
	get_page(page);
	put_page(page);
	EXPECT_EQ(page_count(page), 0);
	vfree(p);
}

/* --- vmap -------------------------------------------------------------------------------------- */

/* A ring that never wraps: the same pages twice, one behind the other. */
TEST(pages_mapped_twice)
{
	struct page *pages[8];
	char *p;

	if (!begin())
		SKIP(NO_WINDOW);
	for (unsigned i = 0; i < 4; i++) {
		pages[i] = pages[i + 4] = alloc_page(i & 1 ? GFP_KERNEL : GFP_HIGHUSER);
		ASSERT(pages[i]);
	}
	p = vmap(pages, 8);
	ASSERT(p);
	for (unsigned i = 0; i < 8; i++) {
		EXPECT(vmalloc_to_page(p + i * PAGE_SIZE) == pages[i]);
		EXPECT(is_vmalloc_addr(p + i * PAGE_SIZE));
		EXPECT_EQ(page_count(pages[i]), 3);
	}
	live_fill(p, 4 * PAGE_SIZE, 9);
	EXPECT(memcmp(p, p + 4 * PAGE_SIZE, 4 * PAGE_SIZE) == 0);
	live_fill(p + 2 * PAGE_SIZE, 4 * PAGE_SIZE, 10); /* across the seam */
	EXPECT(live_filled(p + 2 * PAGE_SIZE, 4 * PAGE_SIZE, 10));
	EXPECT(memcmp(p + 4 * PAGE_SIZE, p, PAGE_SIZE) == 0);
	EXPECT(world_faults(p + 8 * PAGE_SIZE));
	EXPECT_EQ(mm_check(), 0);
	vunmap(p);
	for (unsigned i = 0; i < 4; i++) {
		EXPECT_EQ(page_count(pages[i]), 1);
		__free_page(pages[i]);
	}
	window_flush();
	EXPECT(world_faults(p));
}

/* The mapping holds its pages: freed by their owner, they live until it ends. */
TEST(vmap_holds_its_pages)
{
	struct page *block, *pages[4];
	size_t free_before, n = 0;
	char *p;

	if (!begin())
		SKIP(NO_WINDOW);
	block = alloc_pages(GFP_KERNEL, 2);
	ASSERT(block);
	for (unsigned i = 0; i < 4; i++)
		pages[i] = block + (3 - i); /* tails, in reverse */
	p = vmap(pages, 4);
	ASSERT(p);
	free_before = nr_free_pages();
	EXPECT_EQ(page_count(block), 5);
	__free_pages(block, 2);
	EXPECT_EQ(page_count(block), 4);
	EXPECT_EQ(nr_free_pages(), free_before);
	live_fill(p, 4 * PAGE_SIZE, 3);
	for (unsigned i = 0; i < 4; i++)
		n += memcmp(page_address(block + i), p + (3 - i) * PAGE_SIZE, PAGE_SIZE) == 0;
	EXPECT_EQ(n, 4);
	vunmap(p); /* the last reference */
	EXPECT_EQ(nr_free_pages(), free_before + 4);
}

TEST(mistaken_frees_of_a_mapping)
{
	struct page *pages[3];
	char *p;

	if (!begin())
		SKIP(NO_WINDOW);
	for (unsigned i = 0; i < 3; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		ASSERT(pages[i]);
	}
	p = vmap(pages, 3);
	ASSERT(p);
	expect_free_refused(vfree, p, MM_REPORT_BAD_ADDRESS, "vfree of ",
			    ": 0 bytes inside the vmap area of 3 pages at ");
	expect_free_refused(free_block, p, MM_REPORT_BAD_ADDRESS, "kfree of ",
			    ": 0 bytes inside the vmap area of 3 pages at ");
	expect_free_refused(vunmap, p + PAGE_SIZE, MM_REPORT_INTERIOR_FREE, "vunmap of ",
			    ": 4096 bytes inside the vmap area of 3 pages at ");
	expect_free_refused(vunmap, p + 1, MM_REPORT_INTERIOR_FREE, "vunmap of ",
			    ": 1 bytes inside the vmap area of 3 pages at ");
	expect_free_refused(vunmap, p + 3 * PAGE_SIZE, MM_REPORT_BAD_ADDRESS, "vunmap of ",
			    "in the guard page behind the vmap area of 3 pages at ");
	vunmap(p);
	expect_free_refused(vunmap, p, MM_REPORT_DOUBLE_FREE, "vunmap of ", "which was freed");
	for (unsigned i = 0; i < 3; i++) {
		EXPECT_EQ(page_count(pages[i]), 1);
		__free_page(pages[i]);
	}
}

/* One page that cannot be had, at each place: nothing is mapped, no reference is kept. */
TEST(pages_that_cannot_be_mapped)
{
	struct page *good = alloc_page(GFP_KERNEL), *pages[4];
	char *object = kmalloc(64, GFP_KERNEL), *area;
	size_t used = window_pages_used();

	ASSERT(good && object);
	if (!begin()) {
		__free_page(good);
		kfree(object);
		SKIP(NO_WINDOW);
	}
	area = vmalloc(PAGE_SIZE);
	ASSERT(area);
	used = window_pages_used();
	for (unsigned bad = 0; bad < 4; bad++) {
		struct page *const bads[] = {NULL, virt_to_page(object), vmalloc_to_page(area),
					     (struct page *)((char *)good + 4)};

		for (unsigned i = 0; i < 4; i++)
			pages[i] = i == bad ? bads[bad] : good;
		expect_report(MM_REPORT_BAD_PAGE, 1);
		EXPECT(!vmap(pages, 4));
		EXPECT_REPORT_TEXT("of 4: it has no references to take");
		EXPECT_EQ(page_count(good), 1);
		EXPECT_EQ(window_pages_used(), used);
	}
	expect_report(MM_REPORT_BAD_SIZE, 3);
	EXPECT(!vmap(pages, 0));
	EXPECT(!vmap(pages, SIZE_MAX));
	EXPECT(!vmap(pages, window_pages()));
	vfree(area);
	__free_page(good);
	kfree(object);
}

/* --- a storm ------------------------------------------------------------------------------------- */

enum item_kind {
	ITEM_NONE,
	ITEM_VMALLOC,
	ITEM_VMAP,
	ITEM_KMALLOC,
};

#define ITEMS    32u
#define MAP_MOST 6u

static struct item {
	enum item_kind kind;
	char *p;
	size_t size;
	uint32_t seed;
} items[ITEMS];

/* Maps some pages and lets go of them: only the mapping holds them. */
static char *map_new_pages(size_t n)
{
	struct page *pages[MAP_MOST];
	size_t got = 0;
	char *p = NULL;

	while (got < n && (pages[got] = alloc_page(GFP_HIGHUSER | __GFP_NOWARN)) != NULL)
		got++;
	if (got == n)
		p = vmap(pages, n);
	while (got > 0)
		__free_page(pages[--got]);
	return p;
}

static void make_item(struct item *item)
{
	item->kind = ITEM_VMALLOC + test_random_below(3);
	item->seed = test_random();
	item->size = 1 + test_random_below(1u << (8 + test_random_below(9)));
	if (item->kind == ITEM_VMALLOC) {
		item->p = __vmalloc(item->size, GFP_KERNEL | __GFP_HIGHMEM | __GFP_NOWARN);
	} else if (item->kind == ITEM_VMAP) {
		item->size = (1 + test_random_below(MAP_MOST)) * PAGE_SIZE;
		item->p = map_new_pages(item->size / PAGE_SIZE);
	} else {
		item->p = kmalloc(item->size, GFP_HIGHUSER | __GFP_NOWARN);
	}
	if (!item->p)
		item->kind = ITEM_NONE;
	else
		live_fill(item->p, item->size, item->seed);
}

static void end_item(struct item *item)
{
	EXPECTF(live_filled(item->p, item->size, item->seed), "%zu bytes at %p changed",
		item->size, (void *)item->p);
	if (item->kind == ITEM_VMALLOC)
		vfree(item->p);
	else if (item->kind == ITEM_VMAP)
		vunmap(item->p);
	else
		kfree(item->p);
	item->kind = ITEM_NONE;
}

TEST(a_storm)
{
	unsigned steps = 1500 * test_effort(), made = 0;

	if (!begin())
		SKIP(NO_WINDOW);
	memset(items, 0, sizeof(items));
	for (unsigned step = 0; step < steps && !test_failed(); step++) {
		struct item *item = &items[test_random_below(ITEMS)];

		if (item->kind == ITEM_NONE) {
			make_item(item);
			made += item->kind != ITEM_NONE;
		} else {
			end_item(item);
		}
		if (step % 256 == 0)
			EXPECT_EQ(mm_check(), 0);
	}
	for (unsigned i = 0; i < ITEMS; i++) {
		if (items[i].kind != ITEM_NONE)
			end_item(&items[i]);
	}
	EXPECT(made > steps / 4);
}

TEST_SUITE(vmalloc, areas_of_many_sizes, pages_are_where_they_say, zeroed_to_the_last_page,
	   zones_by_flags, freed_elsewhere, a_thousand_pairs_few_flushes, impossible_sizes,
	   impossible_flags, until_nothing_is_left, mistaken_frees_of_an_area,
	   mistaken_frees_of_other_memory, pages_of_an_area_cannot_be_freed, pages_mapped_twice,
	   vmap_holds_its_pages, mistaken_frees_of_a_mapping, pages_that_cannot_be_mapped,
	   a_storm);
