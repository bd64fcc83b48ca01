// SPDX-License-Identifier: MIT
/*
 * The scan for what nothing refers to: leaks planted, one of each kind, and found with their exact
 * number and text; and what is referred to in some roundabout way, which is not found.
 *
 * A test knows where its leaks are, so as to free them at the end. It keeps addresses inverted, and has
 * no other copy: they are made and used in functions of their own, whose frames are then
 * overwritten.
 */
#include "guarded.h"
#include "live.h"
#include "world.h"
#include <mem.h>
#include <mm/format.h>
#include <mm/highmem.h>
#include <mm/kmalloc.h>
#include <mm/leak.h>
#include <mm/migrate.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <mm/slab_debug.h>
#include <mm/stats.h>
#include <mm/vmalloc.h>

#define SIZE        40u
#define KEPT        8u /* page tables that the mapping window may need */
#define MANY        2000u
#define SCRUB_BYTES 4096u

/* Arguments in registers: where they lie on the stack, a function may leave an address in their place. */
#define NOINLINE    MM_FASTCALL __attribute__((noinline))

static struct kmem_cache *cache;
static void *root; /* a reference */

static uintptr_t hide(const void *p)
{
	return ~(uintptr_t)p;
}

static void *show(uintptr_t hidden)
{
	return (void *)~hidden;
}

/*
 * No old address is left in a register that functions need not keep, which calls may push to align the stack,
 * nor below this frame, nor in zones that a sanitizer would leave out.
 */
static NOINLINE __attribute__((no_sanitize("address", "undefined"))) void scrub(void)
{
	volatile char old[SCRUB_BYTES];

	for (size_t i = 0; i < sizeof(old); i++)
		old[i] = 0;
}

/* A scan from the frame of the test itself, below which nothing is left. */
#define scan() (scrub(), mm_leak_scan())

/* The next scan finds so many, and says so. */
#define expect_lost(objects, others)                                  \
	(scrub(), expect_report(MM_REPORT_LEAK, 1), test_log_begin(), \
	 expect_found(scan(), objects, others))

static void expect_found(size_t found, size_t objects, size_t others)
{
	char text[120];

	mm_snprintf(text, sizeof(text),
		    "%zu objects and %zu blocks and areas are live that nothing refers to",
		    objects, others);
	EXPECT_EQ(found, objects + others);
	EXPECT_STR(test_last_report()->what, text);
}

static void expect_line(const char *format, const void *p)
{
	char line[120];

	mm_snprintf(line, sizeof(line), format, p);
	if (test_log_kept())
		EXPECTF(live_log_count(line) == 1, "\"%s\": expected 1 line, found %u", line,
			live_log_count(line));
}

#define LEAST_PAGES 2048u

/* Where addresses are small numbers, old words that mean nothing often look like them. */
static bool memory_suffices(void)
{
	struct mm_memory_info info;

	mm_memory_info(&info);
	if (info.managed_pages >= LEAST_PAGES)
		return true;
	test_skip("less than 8 MiB: too many words look like addresses");
	return false;
}

/* Nothing must be lost before. */
static NOINLINE bool can_scan(void)
{
	cache = NULL;
	root = NULL;
	world_root(&root, sizeof(root));
	return EXPECT_EQ(scan(), 0);
}

static NOINLINE uintptr_t hidden_object(size_t size)
{
	return hide(kmalloc(size, GFP_KERNEL));
}

static NOINLINE void free_hidden(uintptr_t hidden)
{
	kfree(show(hidden));
}

static NOINLINE void set_root(uintptr_t hidden, size_t offset)
{
	root = (char *)show(hidden) + offset;
}

/* In `from`, at `offset`, is the address of `to`. */
static NOINLINE void refer(uintptr_t from, size_t offset, uintptr_t to)
{
	memset(show(from), 0, SIZE);
	*(void **)((char *)show(from) + offset) = show(to);
}

/* --- leaks ----------------------------------------------------------------------- */

TEST(nothing_is_lost)
{
	EXPECT(can_scan());
}

TEST(lost_kmalloc)
{
	uintptr_t p;

	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	p = hidden_object(SIZE);
	expect_lost(1, 0);
	expect_line("mm:   object    %p: 48 bytes of cache kmalloc-48\n", show(p));
	free_hidden(p);
	EXPECT_EQ(scan(), 0);
}

static NOINLINE uintptr_t hidden_from_cache(void)
{
	return hide(kmem_cache_alloc(cache, GFP_KERNEL));
}

static NOINLINE void free_to_cache(uintptr_t hidden)
{
	kmem_cache_free(cache, show(hidden));
}

TEST(lost_object_with_its_owner)
{
	uintptr_t p;

	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	cache = kmem_cache_create("test-leak", SIZE, 0, SLAB_DEBUG, NULL);
	ASSERT(cache);
	EXPECT_EQ(scan(), 0);
	p = hidden_from_cache();
	expect_lost(1, 0);
	expect_line("mm:   object    %p: 40 bytes of cache test-leak\n", show(p));
	if (test_log_kept() && live_has_symbols())
		EXPECT_EQ(live_log_count("mm:   allocated "), 1);
	free_to_cache(p);
	EXPECT_EQ(scan(), 0); /* the slab is still there, and its history */
	EXPECT(kmem_cache_destroy(cache));
}

static NOINLINE uintptr_t hidden_pages(unsigned order)
{
	return hide(alloc_pages(GFP_KERNEL, order));
}

static NOINLINE void free_hidden_pages(uintptr_t hidden, unsigned order)
{
	__free_pages(show(hidden), order);
}

static NOINLINE void *address_of_hidden(uintptr_t hidden)
{
	return page_address(show(hidden));
}

TEST(lost_pages)
{
	uintptr_t page;

	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	page = hidden_pages(1);
	expect_lost(0, 1);
	expect_line("mm:   pages     a block of pages of 8192 bytes at %p, page frame ",
		    address_of_hidden(page));
	free_hidden_pages(page, 1);
	EXPECT_EQ(scan(), 0);
}

TEST(lost_large_block)
{
	uintptr_t p;

	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	p = hidden_object(4 * PAGE_SIZE);
	expect_lost(0, 1);
	expect_line("mm:   pages     a kmalloc block of 16384 bytes at %p, page frame ",
		    show(p));
	free_hidden(p);
	EXPECT_EQ(scan(), 0);
}

static bool has_window(void)
{
	struct mm_memory_info info;

	mm_memory_info(&info);
	return info.window_pages > 0;
}

static NOINLINE uintptr_t hidden_area(size_t size)
{
	return hide(vmalloc(size));
}

static NOINLINE void free_hidden_area(uintptr_t hidden)
{
	vfree(show(hidden));
}

TEST(lost_area)
{
	uintptr_t p;

	if (!has_window())
		SKIP("no mapping window");
	allow_kept_pages(KEPT);
	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	p = hidden_area(3 * PAGE_SIZE);
	expect_lost(0, 1);
	expect_line("mm:   pages     a vmalloc area of 12288 bytes at %p, page frame ",
		    show(p));
	free_hidden_area(p);
	EXPECT_EQ(scan(), 0);
}

TEST(lost_cycle)
{
	uintptr_t a, b;

	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	a = hidden_object(SIZE);
	b = hidden_object(SIZE);
	refer(a, 8, b);
	refer(b, 16, a);
	expect_lost(2, 0);
	set_root(b, 0);
	EXPECT_EQ(scan(), 0);
	root = NULL;
	free_hidden(a);
	free_hidden(b);
}

/* What is free does not refer, in a magazine or not. */
TEST(only_a_freed_object_refers)
{
	uintptr_t freed, p;

	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	freed = hidden_object(SIZE);
	p = hidden_object(100);
	refer(freed, 8, p);
	set_root(freed, 0);
	EXPECT_EQ(scan(), 0);
	free_hidden(freed);
	expect_lost(1, 0);
	root = NULL;
	free_hidden(p);
}

/* --- no leaks -------------------------------------------------------------------- */

TEST(interior_pointers_count)
{
	uintptr_t p;

	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	p = hidden_object(SIZE);
	set_root(p, SIZE - 1);
	EXPECT_EQ(scan(), 0);
	set_root(p, SIZE + 8); /* behind it, in another object or in none */
	expect_lost(1, 0);
	root = NULL;
	free_hidden(p);
}

/* On the stack, and not where a sanitizer may have variables instead. */
static NOINLINE __attribute__((no_sanitize("address"))) size_t scan_with_pointer_here(
	uintptr_t hidden)
{
	void *volatile here = show(hidden);
	size_t found = scan();

	here = NULL;
	(void)here;
	return found;
}

/* A variable that need not be in memory. */
static NOINLINE __attribute__((no_sanitize("address"))) size_t scan_with_pointer_in_register(
	uintptr_t hidden)
{
	char *p = show(hidden);
	size_t found;

	__asm__ volatile("" : "+r"(p));
	found = scan();
	__asm__ volatile("" : : "r"(p));
	return found;
}

TEST(stacks_and_registers_count)
{
	uintptr_t p;

	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	p = hidden_object(SIZE);
	EXPECT_EQ(scan_with_pointer_here(p), 0);
	EXPECT_EQ(scan_with_pointer_in_register(p), 0);
	expect_lost(1, 0);
	free_hidden(p);
}

static NOINLINE uintptr_t hidden_address(uintptr_t page)
{
	return hide(page_address(show(page)));
}

/* A block may be known by its struct page, or by an address; it is looked into. */
TEST(pages_are_known_by_either_name)
{
	uintptr_t page, p;

	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	page = hidden_pages(1);
	p = hidden_object(SIZE);
	set_root(page, 0);
	expect_lost(1, 0);
	set_root(hidden_address(page), PAGE_SIZE + 100);
	expect_lost(1, 0);
	refer(hidden_address(page), 16, p);
	EXPECT_EQ(scan(), 0);
	root = NULL;
	free_hidden(p);
	free_hidden_pages(page, 1);
}

TEST(areas_are_looked_into)
{
	uintptr_t area, p;

	if (!has_window())
		SKIP("no mapping window");
	allow_kept_pages(KEPT);
	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	area = hidden_area(2 * PAGE_SIZE);
	p = hidden_object(SIZE);
	refer(area, 8, p);
	set_root(area, PAGE_SIZE + 1);
	EXPECT_EQ(scan(), 0);
	root = NULL;
	expect_lost(1, 1);
	free_hidden(p);
	free_hidden_area(area);
}

static NOINLINE uintptr_t hidden_view(uintptr_t page)
{
	struct page *pages[1] = {show(page)};
	uintptr_t view = hide(vmap(pages, 1));

	pages[0] = NULL;
	__asm__ volatile("" : : "r"(pages) : "memory");
	return view;
}

static NOINLINE void free_hidden_view(uintptr_t view)
{
	vunmap(show(view));
}

TEST(a_view_refers_to_its_pages)
{
	uintptr_t page, view;

	if (!has_window())
		SKIP("no mapping window");
	allow_kept_pages(KEPT);
	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	page = hidden_pages(0);
	view = hidden_view(page);
	set_root(view, 0);
	EXPECT_EQ(scan(), 0);
	root = NULL;
	expect_lost(0, 1);
	free_hidden_view(view);
	free_hidden_pages(page, 0);
}

static NOINLINE uintptr_t hidden_high_page(void)
{
	struct page *page = alloc_pages(GFP_HIGHUSER | __GFP_NOWARN, 0);

	if (page && !page_is_highmem(page)) {
		__free_pages(page, 0);
		page = NULL;
	}
	return hide(page);
}

static NOINLINE void refer_high(uintptr_t page, uintptr_t to)
{
	void **address = kmap_local_page(show(page));

	memset(address, 0, PAGE_SIZE);
	address[7] = show(to);
	kunmap_local(address);
}

TEST(high_pages_are_looked_into)
{
	uintptr_t page, p;

	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	page = hidden_high_page();
	if (!show(page))
		SKIP("no high memory");
	allow_kept_pages(KEPT);
	p = hidden_object(SIZE);
	refer_high(page, p);
	set_root(page, 0);
	EXPECT_EQ(scan(), 0);
	root = NULL;
	expect_lost(1, 1);
	expect_line("mm:   pages     a block of pages of 4096 bytes at %p, page frame ", NULL);
	free_hidden(p);
	free_hidden_pages(page, 0);
}

static bool refuse(struct mm_mover *mover, struct page *from, struct page *to)
{
	(void)mover;
	(void)from;
	(void)to;
	return false;
}

static NOINLINE uintptr_t hidden_movable(struct mm_mover *mover)
{
	struct page *page = alloc_pages(GFP_HIGHUSER_MOVABLE, 0);

	if (page)
		mm_set_movable(page, mover);
	return hide(page);
}

TEST(movable_pages_are_known)
{
	static struct mm_mover mover = {.move = refuse};
	uintptr_t page;

	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	page = hidden_movable(&mover);
	ASSERT(show(page));
	EXPECT_EQ(scan(), 0);
	free_hidden_pages(page, 0);
}

static NOINLINE bool ignore_hidden(uintptr_t hidden)
{
	return mm_leak_ignore(show(hidden));
}

/* What an ignored one refers to is none, either; and freed, it is forgotten. */
TEST(ignored_is_no_leak)
{
	static char places[MM_LEAK_IGNORED + 1];
	uintptr_t a, b;

	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	a = hidden_object(SIZE);
	b = hidden_object(100);
	refer(a, 0, b);
	EXPECT(ignore_hidden(a));
	EXPECT_EQ(scan(), 0);
	free_hidden(a);
	expect_lost(1, 0);
	for (unsigned i = 0; i < MM_LEAK_IGNORED; i++)
		EXPECT(mm_leak_ignore(&places[i])); /* there is room, since it was */
	EXPECT(mm_leak_ignore(&places[0]));
	EXPECT(!mm_leak_ignore(&places[MM_LEAK_IGNORED]));
	expect_lost(1, 0); /* and forgets those, of which none is a unit */
	EXPECT(mm_leak_ignore(&places[MM_LEAK_IGNORED]));
	free_hidden(b);
	EXPECT_EQ(scan(), 0);
}

static NOINLINE bool make_array(void)
{
	void **array = root = kcalloc(MANY, sizeof(*array), GFP_KERNEL);

	for (unsigned i = 0; array && i < MANY; i++) {
		array[i] = kzalloc(SIZE, GFP_KERNEL);
		if (!array[i])
			return false;
	}
	return array != NULL;
}

/* The second half is known by the first half's objects only; or by the array again. */
static NOINLINE void fold(bool in)
{
	void **array = root;

	for (unsigned i = 0; i < MANY / 2; i++) {
		void **place = array[i];

		if (in)
			*place = array[i + MANY / 2];
		array[i + MANY / 2] = in ? NULL : *place;
	}
}

/* Of the array's elements; the first one leads to all. */
static NOINLINE uintptr_t make_chain(void)
{
	void **array = root;
	uintptr_t first = hide(array[0]);

	for (unsigned i = 0; i + 1 < MANY; i++)
		*(void **)array[i] = array[i + 1];
	memset(array, 0, MANY * sizeof(*array));
	return first;
}

static NOINLINE void set_element(uintptr_t hidden)
{
	*(void **)root = show(hidden);
}

static NOINLINE void free_chain(uintptr_t first)
{
	void **next;

	for (void **p = show(first); p; p = next) {
		next = *p;
		kfree(p);
	}
	kfree(root);
	root = NULL;
}

TEST(ignored_area_is_no_leak)
{
	uintptr_t area;

	if (!has_window())
		SKIP("no mapping window");
	allow_kept_pages(KEPT);
	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	area = hidden_area(2 * PAGE_SIZE);
	EXPECT(ignore_hidden(area));
	EXPECT_EQ(scan(), 0);
	free_hidden_area(area);
	EXPECT_EQ(scan(), 0);
}

static NOINLINE uintptr_t hidden_run(size_t size)
{
	return hide(alloc_pages_exact(size, GFP_KERNEL));
}

static NOINLINE void free_hidden_run(uintptr_t hidden, size_t size)
{
	free_pages_exact(show(hidden), size);
}

/* Its pages are blocks of their own. */
TEST(a_run_is_known_by_its_first_page)
{
	uintptr_t run;

	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	run = hidden_run(3 * PAGE_SIZE);
	expect_lost(0, 3);
	set_root(run, 0);
	EXPECT_EQ(scan(), 0);
	set_root(run, 2 * PAGE_SIZE + 5);
	EXPECT_EQ(scan(), 0);
	free_hidden_run(run, 3 * PAGE_SIZE);
}

static NOINLINE uintptr_t hidden_guarded(void)
{
	return hide(guarded_kmalloc(SIZE, GUARDED_LEFT));
}

/* Samples are roots. */
TEST(guarded_objects_refer)
{
	uintptr_t guarded, object;

	if (!guarded_start())
		SKIP("no guard pages here");
	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	guarded = hidden_guarded();
	object = hidden_object(SIZE);
	expect_lost(1, 0);
	refer(guarded, 8, object);
	EXPECT_EQ(scan(), 0);
	free_hidden(guarded);
	expect_lost(1, 0);
	free_hidden(object);
}

/* More than wait on the scan's stack: an array of references, and a long chain. */
TEST(wide_and_deep)
{
	uintptr_t first;

	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	ASSERT(make_array());
	EXPECT_EQ(scan(), 0);
	fold(true);
	EXPECT_EQ(scan(), 0);
	fold(false);
	first = make_chain();
	set_element(first);
	EXPECT_EQ(scan(), 0);
	free_chain(first);
}

TEST(long_lists_end)
{
	uintptr_t hidden[MM_LEAK_LISTED + 3];

	if (!memory_suffices())
		return;
	ASSERT(can_scan());
	for (unsigned i = 0; i < MM_LEAK_LISTED + 3; i++)
		hidden[i] = hidden_object(SIZE);
	expect_lost(MM_LEAK_LISTED + 3, 0);
	if (test_log_kept())
		EXPECT_EQ(live_log_count("mm:   object "), MM_LEAK_LISTED);
	expect_line("mm:             and 3 more\n", NULL);
	for (unsigned i = 0; i < MM_LEAK_LISTED + 3; i++)
		free_hidden(hidden[i]);
}

TEST_SUITE(leak_scan, nothing_is_lost, lost_kmalloc, lost_object_with_its_owner, lost_pages,
	   lost_large_block, lost_area, lost_cycle, only_a_freed_object_refers,
	   interior_pointers_count, stacks_and_registers_count, pages_are_known_by_either_name,
	   areas_are_looked_into, a_view_refers_to_its_pages, high_pages_are_looked_into,
	   movable_pages_are_known, ignored_is_no_leak, ignored_area_is_no_leak, wide_and_deep,
	   long_lists_end, a_run_is_known_by_its_first_page, guarded_objects_refer);
