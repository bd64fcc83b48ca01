// SPDX-License-Identifier: MIT
/*
 * The table of misuses in mm/README.md: each is committed once in a cache as it is, once to an
 * object between guard pages, once in a debugged cache, and once in a kernel that checks each access;
 * the number of reports and the text of the last one must be those of the table.
 * What is not caught must not be reported, either: then the table would be wrong.
 */
#include <harness.h>
#include <mem.h>
#include <mm/kmalloc.h>
#include <mm/nolock.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <mm/slab_debug.h>
#include <mm/stats.h>
#include <mm/vmalloc.h>
#include <unit/guarded.h>

#define SIZE    64u
#define OBJECTS 8u
#define ALL     (SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER)

static struct kmem_cache *cache, *other;
static uint8_t *objects[OBJECTS];
static bool with_guard; /* objects[3] is guarded, and what else matters */

/* The compiler must not know what it is. */
static uint8_t *opaque(const void *p)
{
	__asm__ volatile("" : "+r"(p));
	return (uint8_t *)(uintptr_t)p;
}

static void free_object(unsigned i)
{
	kmem_cache_free(cache, objects[i]);
}

/* --- frees ------------------------------------------------------------------------------------ */

static void double_free(void)
{
	free_object(3);
	kmem_cache_free(cache, opaque(objects[3]));
}

static void double_free_later(void)
{
	free_object(3);
	free_object(4);
	kfree(opaque(objects[3]));
}

static void double_free_nolock(void)
{
	free_object(3);
	kfree_nolock(opaque(objects[3]));
	mm_drain_deferred();
}

/* Somebody else has got it: it is his from then on, and this is his free. */
static void free_of_a_reused_object(void)
{
	void *mine = objects[3];

	free_object(3);
	objects[3] = kmem_cache_alloc(cache, GFP_ATOMIC);
	kmem_cache_free(cache, opaque(mine));
	if (objects[3] != mine)
		free_object(3);
}

static void interior_free(void)
{
	kfree(opaque(objects[3] + 8));
	free_object(3);
}

static void wrong_cache(void)
{
	kmem_cache_free(other, opaque(objects[3]));
	free_object(3);
}

static void stack_free(void)
{
	uint8_t here[SIZE];

	kfree(opaque(here));
	free_object(3);
}

static void unmapped_free(void)
{
	kfree(opaque((void *)(uintptr_t)0x1230));
	free_object(3);
}

static void stale_free(void)
{
	struct kmem_cache *brief = kmem_cache_create("brief", SIZE, 0, 0, NULL);
	void *p = with_guard ? guarded_alloc(brief, GUARDED_LEFT)
			     : kmem_cache_alloc(brief, GFP_KERNEL);

	kmem_cache_free(brief, p);
	EXPECT(kmem_cache_destroy(brief));
	kfree(opaque(p));
	free_object(3);
}

static void page_double_free(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	__free_page(page);
	__free_page(page);
	free_object(3);
}

static void page_wrong_order(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 1);

	__free_pages(page, 0);
	__free_pages(page, 1);
	free_object(3);
}

static void object_as_page(void)
{
	free_pages((uintptr_t)opaque(objects[3]) & PAGE_MASK, 0);
	free_object(3);
}

/* --- accesses ----------------------------------------------------------------------------------- */

static void write_behind(void)
{
	opaque(objects[3])[SIZE] = 0xee;
	free_object(3);
}

static void write_before(void)
{
	opaque(objects[3])[-1] = 0xee;
	free_object(3);
}

static void read_behind(void)
{
	(void)*(volatile uint8_t *)opaque(objects[3] + SIZE);
	free_object(3);
}

/* Far behind: past the zone between two objects. */
static void write_far_behind(void)
{
	volatile uint8_t *far = opaque(objects[3] + 16 * SIZE);

	*far ^= 0xff;
	*far ^= 0xff;
	free_object(3);
}

/* What is given out next is not what was written to: kmem_cache_validate() looks at all. */
static void write_after_free(void)
{
	free_object(3);
	opaque(objects[3])[20] = 0xee;
	kmem_cache_validate(cache);
}

static void read_after_free(void)
{
	free_object(3);
	(void)*(volatile uint8_t *)opaque(objects[3] + 20);
	kmem_cache_validate(cache);
}

/* --- the table ---------------------------------------------------------------------------------- */

struct cell {
	unsigned reports;
	enum mm_report_kind kind;
	const char *text;
};

#define CAUGHT(kind, text)                \
	{                                 \
		1, MM_REPORT_##kind, text \
	}
#define CAUGHT_OFTEN(n, kind, text)       \
	{                                 \
		n, MM_REPORT_##kind, text \
	}
#define NOT_CAUGHT                        \
	{                                 \
		0, MM_REPORT_MISUSE, NULL \
	}

static const struct row {
	const char *misuse;
	void (*commit)(void);
	struct cell plain, guarded, debugged, checked;
} rows[] = {
	{"double free", double_free, CAUGHT(DOUBLE_FREE, "kmem_cache_free to misused of "),
	 CAUGHT(DOUBLE_FREE, "kmem_cache_free to misused of "),
	 CAUGHT(DOUBLE_FREE, "kmem_cache_free to misused of "),
	 CAUGHT(DOUBLE_FREE, "kmem_cache_free to misused of ")},
	{"double free, later", double_free_later, CAUGHT(DOUBLE_FREE, "kfree of "),
	 CAUGHT(DOUBLE_FREE, "kfree of "), CAUGHT(DOUBLE_FREE, "kfree of "),
	 CAUGHT(DOUBLE_FREE, "kfree of ")},
	{"double free, without locks", double_free_nolock, CAUGHT(DOUBLE_FREE, "kfree of "),
	 CAUGHT(DOUBLE_FREE, "kfree of "), CAUGHT(DOUBLE_FREE, "kfree of "),
	 CAUGHT(DOUBLE_FREE, "kfree of ")},
	{"free of what another one has got", free_of_a_reused_object, NOT_CAUGHT,
	 CAUGHT(DOUBLE_FREE, "kmem_cache_free to misused of "),
	 CAUGHT(DOUBLE_FREE, "kmem_cache_free to misused of "),
	 CAUGHT(DOUBLE_FREE, "kmem_cache_free to misused of ")},
	{"free of the inside", interior_free, CAUGHT(INTERIOR_FREE, "kfree of "),
	 CAUGHT(INTERIOR_FREE, "kfree of "), CAUGHT(INTERIOR_FREE, "kfree of "),
	 CAUGHT(INTERIOR_FREE, "kfree of ")},
	{"free to the wrong cache", wrong_cache, CAUGHT(WRONG_CACHE, ", an object of misused"),
	 CAUGHT(WRONG_CACHE, ", an object of misused"),
	 CAUGHT(WRONG_CACHE, ", an object of misused"),
	 CAUGHT(WRONG_CACHE, ", an object of misused")},
	{"free of a variable", stack_free, CAUGHT(BAD_ADDRESS, "kfree of "),
	 CAUGHT(BAD_ADDRESS, "kfree of "), CAUGHT(BAD_ADDRESS, "kfree of "),
	 CAUGHT(BAD_ADDRESS, "kfree of ")},
	{"free of an unmapped address", unmapped_free, CAUGHT(BAD_ADDRESS, "kfree of "),
	 CAUGHT(BAD_ADDRESS, "kfree of "), CAUGHT(BAD_ADDRESS, "kfree of "),
	 CAUGHT(BAD_ADDRESS, "kfree of ")},
	{"free into a slab that is gone", stale_free, CAUGHT(DOUBLE_FREE, "kfree of "),
	 CAUGHT(DOUBLE_FREE, "kfree of "), CAUGHT(DOUBLE_FREE, "kfree of "),
	 CAUGHT(DOUBLE_FREE, "kfree of ")},
	{"page freed twice", page_double_free, CAUGHT(DOUBLE_FREE, ", which is a free block"),
	 CAUGHT(DOUBLE_FREE, ", which is a free block"),
	 CAUGHT(DOUBLE_FREE, ", which is a free block"),
	 CAUGHT(DOUBLE_FREE, ", which is a free block")},
	{"pages freed with another order", page_wrong_order,
	 CAUGHT(WRONG_ORDER, "block of order 1 at frame "),
	 CAUGHT(WRONG_ORDER, "block of order 1 at frame "),
	 CAUGHT(WRONG_ORDER, "block of order 1 at frame "),
	 CAUGHT(WRONG_ORDER, "block of order 1 at frame ")},
	{"slab freed as a page", object_as_page, CAUGHT(BAD_PAGE, ", which is a slab page"),
	 CAUGHT(BAD_PAGE, ", which is a guarded page"),
	 CAUGHT(BAD_PAGE, ", which is a slab page"),
	 CAUGHT(BAD_PAGE, ", which is a slab page")},
	{"write behind an object", write_behind, NOT_CAUGHT,
	 CAUGHT(OUT_OF_BOUNDS, ", 0 bytes after the 64-byte object at "),
	 CAUGHT(OUT_OF_BOUNDS, "1 bytes after the 64-byte object at "),
	 CAUGHT_OFTEN(2, OUT_OF_BOUNDS, "1 bytes after the 64-byte object at ")},
	{"write before an object", write_before, NOT_CAUGHT,
	 CAUGHT(OUT_OF_BOUNDS, ", 1 bytes before the 64-byte object at "),
	 CAUGHT(OUT_OF_BOUNDS, "1 bytes before the 64-byte object at "),
	 CAUGHT_OFTEN(2, OUT_OF_BOUNDS, "1 bytes before the 64-byte object at ")},
	{"write far behind an object", write_far_behind, NOT_CAUGHT,
	 CAUGHT(OUT_OF_BOUNDS, ", 960 bytes after the 64-byte object at "), NOT_CAUGHT,
	 CAUGHT(OUT_OF_BOUNDS, ", 0 bytes after the 64-byte object at ")},
	{"read behind an object", read_behind, NOT_CAUGHT,
	 CAUGHT(OUT_OF_BOUNDS, ", 0 bytes after the 64-byte object at "), NOT_CAUGHT,
	 CAUGHT(OUT_OF_BOUNDS, ", 0 bytes after the 64-byte object at ")},
	{"write after free", write_after_free, NOT_CAUGHT,
	 CAUGHT(USE_AFTER_FREE, ", 20 bytes inside the 64-byte object at "),
	 CAUGHT(USE_AFTER_FREE, "1 bytes of the 64-byte object at "),
	 CAUGHT(USE_AFTER_FREE, ", 20 bytes inside the 64-byte object at ")},
	{"read after free", read_after_free, NOT_CAUGHT,
	 CAUGHT(USE_AFTER_FREE, ", 20 bytes inside the 64-byte object at "), NOT_CAUGHT,
	 CAUGHT(USE_AFTER_FREE, ", 20 bytes inside the 64-byte object at ")},
};

enum column {
	PLAIN,
	GUARDED,
	DEBUGGED,
	CHECKED
};

static void begin(enum column column, const struct row *row)
{
	slab_flags_t flags = column == DEBUGGED ? ALL : 0;

	with_guard = column == GUARDED;
	cache = kmem_cache_create("misused", SIZE, 0, flags, NULL);
	other = kmem_cache_create("not-misused", SIZE, 0, flags, NULL);
	for (unsigned i = 0; i < OBJECTS; i++) {
		if (i == 3 && with_guard)
			objects[i] = guarded_alloc(cache, row->commit == write_before
								  ? GUARDED_LEFT
								  : GUARDED_RIGHT);
		else
			objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		memset(objects[i], 0, SIZE);
	}
}

static void end(void (*commit)(void))
{
	for (unsigned i = 0; i < OBJECTS; i++)
		if (i != 3 && (i != 4 || commit != double_free_later))
			free_object(i);
	EXPECT(kmem_cache_destroy(cache));
	EXPECT(kmem_cache_destroy(other));
	EXPECT_EQ(mm_check(), 0);
}

/* Is this the kernel that checks each access (`make KASAN=1`)? */
static bool caches_are_checked(void)
{
#ifdef KASAN
	return true;
#else
	return false;
#endif
}

static const struct cell *cell_of(const struct row *row, enum column column)
{
	switch (column) {
	case PLAIN: return &row->plain;
	case GUARDED: return &row->guarded;
	case CHECKED: return &row->checked;
	default: return &row->debugged;
	}
}

static void commit_all(enum column column)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		const struct cell *cell = cell_of(row, column);
		unsigned long before = mm_report_total();

		begin(column, row);
		if (cell->reports)
			expect_report(cell->kind, cell->reports);
		row->commit();
		EXPECTF(mm_report_total() - before == cell->reports, "%s: %lu reports",
			row->misuse, mm_report_total() - before);
		if (cell->reports)
			EXPECT_REPORT_TEXT(cell->text);
		end(row->commit);
	}
}

TEST(in_caches_as_they_are)
{
	if (caches_are_checked())
		SKIP("in this kernel caches are debugged");
	commit_all(PLAIN);
}

TEST(between_guard_pages)
{
	if (!guarded_start())
		SKIP("no guard pages here");
	commit_all(GUARDED);
}

TEST(in_debugged_caches)
{
	if (caches_are_checked())
		SKIP("in this kernel each access is checked");
	commit_all(DEBUGGED);
}

TEST(where_each_access_is_checked)
{
	if (!caches_are_checked())
		SKIP("not in this kernel");
	commit_all(CHECKED);
}

TEST_SUITE(misuse, in_caches_as_they_are, between_guard_pages, in_debugged_caches,
	   where_each_access_is_checked);
