// SPDX-License-Identifier: MIT
/*
 * Debugged caches: each kind of damage ends in exactly one report that says where it is,
 * whose the object was, and what was done; afterwards the slab is isolated and the cache
 * goes on.  Undamaged, such a cache behaves as any other.
 */
#include "live.h"
#include <check.h>
#include <magazine.h>
#include <mem.h>
#include <mm/format.h>
#include <mm/kmalloc.h>
#include <mm/nolock.h>
#include <slab_debug.h>

#define SIZE 40u
#define MANY 300u

static void *objects[MANY];

/* Where the compiler knows nothing of the object's size. */
static __attribute__((noinline)) void poke(uint8_t *object, long offset)
{
	object[offset] = 0x2a;
}

static struct kmem_cache *cache_with(slab_flags_t flags)
{
	return kmem_cache_create("test-debug", SIZE, 0, flags, NULL);
}

/* --- undamaged -------------------------------------------------------------------- */

/* Fill, verify and empty a cache, in an order of its own. */
static void use(struct kmem_cache *cache, size_t size)
{
	for (unsigned i = 0; i < MANY; i++) {
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		ASSERT(objects[i]);
		live_fill(objects[i], size, i);
	}
	EXPECT_EQ(kmem_cache_validate(cache), 0);
	for (unsigned i = 0; i < MANY; i += 2) {
		EXPECT(live_filled(objects[i], size, i));
		kmem_cache_free(cache, objects[i]);
	}
	EXPECT_EQ(kmem_cache_validate(cache), 0);
	for (unsigned i = 1; i < MANY; i += 2) {
		EXPECT(live_filled(objects[i], size, i));
		kmem_cache_free(cache, objects[i]);
	}
	EXPECT_EQ(kmem_cache_validate(cache), 0);
}

TEST(all_combinations_of_flags_work)
{
	static const size_t sizes[] = {1, 16, 40, 64, 100, 256, 1000, 4096};

	for (unsigned bits = 0; bits < 16 && !test_failed(); bits++) {
		size_t size = sizes[bits % 8];
		struct kmem_cache *cache = kmem_cache_create(
			"test-debug", size, 0, bits * SLAB_CONSISTENCY_CHECKS, NULL);

		ASSERT(cache);
		if (size < 4096 || live_zone_of(virt_to_page(cache)) == MM_ZONE_NORMAL)
			use(cache, size);
		EXPECT(kmem_cache_destroy(cache));
	}
}

TEST(alignment_is_kept)
{
	for (size_t align = 8; align <= 1024; align *= 2) {
		struct kmem_cache *cache =
			kmem_cache_create("test-debug", SIZE, align, SLAB_DEBUG, NULL);

		ASSERT(cache);
		for (unsigned i = 0; i < 20; i++) {
			objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
			ASSERT(objects[i]);
			EXPECT_EQ((uintptr_t)objects[i] % align, 0);
		}
		for (unsigned i = 0; i < 20; i++)
			kmem_cache_free(cache, objects[i]);
		EXPECT(kmem_cache_destroy(cache));
	}
}

static unsigned constructed;

static void construct(void *object)
{
	constructed++;
	memset(object, 0x11, SIZE);
}

/* Poison would undo what the constructor did: only the zones are there. */
TEST(constructed_state_is_kept)
{
	struct kmem_cache *cache =
		kmem_cache_create("test-debug", SIZE, 0, SLAB_DEBUG, construct);
	void *p;

	ASSERT(cache);
	constructed = 0;
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(p);
	EXPECT(constructed > 0);
	EXPECT(live_all_bytes(p, SIZE, 0x11));
	kmem_cache_free(cache, p);
	EXPECT_EQ(kmem_cache_validate(cache), 0);
	EXPECT(kmem_cache_destroy(cache));
}

TEST(bulks_are_looked_at_too)
{
	struct kmem_cache *cache = cache_with(SLAB_DEBUG);

	ASSERT(cache);
	ASSERT_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 100, objects), 100);
	((uint8_t *)objects[57])[SIZE] = 1;
	expect_report(MM_REPORT_OUT_OF_BOUNDS, 1);
	kmem_cache_free_bulk(cache, 100, objects);
	EXPECT(kmem_cache_destroy(cache));
}

TEST(new_objects_are_poisoned)
{
	struct kmem_cache *cache = cache_with(SLAB_POISON);
	uint8_t *p;

	ASSERT(cache);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(p);
	EXPECT(live_all_bytes(p, SIZE, 0x5a));
	kmem_cache_free(cache, p);
	EXPECT(live_all_bytes(p, SIZE - 1, 0x6b));
	EXPECT_EQ(p[SIZE - 1], 0xa5);
	p = kmem_cache_zalloc(cache, GFP_KERNEL);
	ASSERT(p);
	EXPECT(live_all_bytes(p, SIZE, 0));
	kmem_cache_free(cache, p);
	EXPECT(kmem_cache_destroy(cache));
}

/* --- damage ----------------------------------------------------------------------- */

/* One byte at `offset` from a live object, seen at its free, once. */
static void damage_beside(long offset, const char *where)
{
	struct kmem_cache *cache = cache_with(SLAB_DEBUG);
	uint8_t *p;

	ASSERT(cache);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(p);
	p[offset] ^= 0x40;
	test_log_begin();
	expect_report(MM_REPORT_OUT_OF_BOUNDS, 1);
	kmem_cache_free(cache, p);
	EXPECT_REPORT_TEXT(where);
	EXPECT_REPORT_TEXT("the 40-byte object");
	EXPECT_REPORT_TEXT("cache test-debug");
	EXPECT_EQ(test_last_report()->address, (uintptr_t)(p + offset));
	if (test_log_kept()) {
		EXPECT_LOG("*fb");
		EXPECT_LOG("allocated");
		EXPECT_LOG("FIX       the bytes are restored; the slab is isolated");
	}
	EXPECT_EQ(kmem_cache_validate(cache), 0); /* they are */
	EXPECT(kmem_cache_destroy(cache));
}

TEST(write_behind_an_object)
{
	damage_beside((long)SIZE, "1 bytes after");
	damage_beside((long)SIZE + 7, "1 bytes after");
	damage_beside((long)SIZE + 15, "1 bytes after");
}

TEST(write_before_an_object)
{
	damage_beside(-1, "1 bytes before");
	damage_beside(-16, "1 bytes before");
}

#define ALL_OF_SLAB 256u

/* A byte of a free object: seen when the slab gives it out again, which it then does not. */
static void damage_free(unsigned offset)
{
	struct kmem_cache *cache = cache_with(SLAB_DEBUG);
	unsigned before = test_reports_seen(MM_REPORT_USE_AFTER_FREE), n = 0;
	static void *others[ALL_OF_SLAB];
	uint8_t *p;

	ASSERT(cache);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(p);
	kmem_cache_free(cache, p);
	p[offset] = 0x78;
	test_log_begin();
	expect_report(MM_REPORT_USE_AFTER_FREE, 1);
	/* What was freed last comes last. */
	while (n < ALL_OF_SLAB && test_reports_seen(MM_REPORT_USE_AFTER_FREE) == before)
		others[n++] = kmem_cache_alloc(cache, GFP_KERNEL);
	EXPECT_EQ(n, cache->nr);
	EXPECT((uintptr_t)others[n - 1] / PAGE_SIZE != (uintptr_t)p / PAGE_SIZE);
	EXPECT_EQ(test_last_report()->address, (uintptr_t)(p + offset));
	if (test_log_kept()) {
		EXPECT_LOG("*78");
		EXPECT_LOG("allocated");
		EXPECT_LOG("freed");
	}
	while (n > 0)
		kmem_cache_free(cache, others[--n]);
	EXPECT_EQ(kmem_cache_validate(cache), 0);
	EXPECT(kmem_cache_destroy(cache));
}

TEST(write_after_free)
{
	damage_free(0);
	damage_free(13);
	damage_free(SIZE - 1);
}

/* Beside a free object, where poison is not: the same, but the write was out of bounds. */
static void damage_beside_free(long offset, const char *where)
{
	struct kmem_cache *cache = cache_with(SLAB_DEBUG);
	unsigned before = test_reports_seen(MM_REPORT_OUT_OF_BOUNDS), n = 0;
	static void *others[ALL_OF_SLAB];
	uint8_t *p;

	ASSERT(cache);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(p);
	kmem_cache_free(cache, p);
	poke(p, offset);
	expect_report(MM_REPORT_OUT_OF_BOUNDS, 1);
	while (n < ALL_OF_SLAB && test_reports_seen(MM_REPORT_OUT_OF_BOUNDS) == before)
		others[n++] = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(n > 0);
	EXPECT((uintptr_t)others[n - 1] / PAGE_SIZE != (uintptr_t)p / PAGE_SIZE);
	EXPECT_REPORT_TEXT(where);
	EXPECT_EQ(test_last_report()->address, (uintptr_t)(p + offset));
	while (n > 0)
		kmem_cache_free(cache, others[--n]);
	EXPECT_EQ(kmem_cache_validate(cache), 0);
	EXPECT(kmem_cache_destroy(cache));
}

TEST(write_beside_a_free_object)
{
	damage_beside_free((long)SIZE, "1 bytes after");
	damage_beside_free(-1, "1 bytes before");
}

TEST(validate_finds_all_and_repairs)
{
	struct kmem_cache *cache = cache_with(SLAB_DEBUG);

	ASSERT(cache);
	for (unsigned i = 0; i < 10; i++)
		ASSERT((objects[i] = kmem_cache_alloc(cache, GFP_KERNEL)) != NULL);
	for (unsigned i = 5; i < 10; i++)
		kmem_cache_free(cache, objects[i]);
	((uint8_t *)objects[1])[SIZE] = 0;
	((uint8_t *)objects[2])[-1] = 0;
	((uint8_t *)objects[7])[3] = 0;
	expect_report(MM_REPORT_OUT_OF_BOUNDS, 2);
	expect_report(MM_REPORT_USE_AFTER_FREE, 1);
	EXPECT_EQ(kmem_cache_validate(cache), 3);
	EXPECT_EQ(kmem_cache_validate(cache), 0);
	EXPECT_EQ(mm_check(), 0);
	for (unsigned i = 0; i < 5; i++)
		kmem_cache_free(cache, objects[i]);
	EXPECT(kmem_cache_destroy(cache));
}

/* What is freed to an isolated slab stays there, and the cache makes new ones. */
TEST(isolated_slabs_are_left)
{
	struct kmem_cache *cache = cache_with(SLAB_RED_ZONE);
	uintptr_t page;

	ASSERT(cache);
	for (unsigned i = 0; i < 4; i++)
		ASSERT((objects[i] = kmem_cache_alloc(cache, GFP_KERNEL)) != NULL);
	page = (uintptr_t)objects[0] / PAGE_SIZE;
	((uint8_t *)objects[0])[SIZE] = 0;
	expect_report(MM_REPORT_OUT_OF_BOUNDS, 1);
	for (unsigned i = 0; i < 4; i++)
		kmem_cache_free(cache, objects[i]);
	kmem_cache_shrink(cache);
	for (unsigned i = 0; i < MANY; i++) {
		ASSERT((objects[i] = kmem_cache_alloc(cache, GFP_KERNEL)) != NULL);
		EXPECT((uintptr_t)objects[i] / PAGE_SIZE != page);
	}
	EXPECT_EQ(mm_check(), 0);
	for (unsigned i = 0; i < MANY; i++)
		kmem_cache_free(cache, objects[i]);
	EXPECT(kmem_cache_destroy(cache));
}

TEST(double_free_names_both)
{
	struct kmem_cache *cache = cache_with(SLAB_STORE_USER);
	void *p;

	ASSERT(cache);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(p);
	kmem_cache_free(cache, p);
	test_log_begin();
	expect_report(MM_REPORT_DOUBLE_FREE, 1);
	kmem_cache_free(cache, p);
	if (test_log_kept()) {
		EXPECT_LOG("allocated");
		EXPECT_LOG("freed");
		EXPECT_LOG("ms ago");
	}
	EXPECT(kmem_cache_destroy(cache));
}

TEST(destroyed_with_live_objects_says_whose)
{
	struct kmem_cache *cache = cache_with(SLAB_STORE_USER);
	void *p;

	ASSERT(cache);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(p);
	test_log_begin();
	expect_report(MM_REPORT_CACHE_IN_USE, 1);
	EXPECT(!kmem_cache_destroy(cache));
	if (test_log_kept())
		EXPECT_LOG("allocated");
	kmem_cache_free(cache, p);
	EXPECT(kmem_cache_destroy(cache));
}

/* --- at run time -------------------------------------------------------------------- */

TEST(set_and_cleared_at_run_time)
{
	struct kmem_cache *cache = cache_with(0);
	uint8_t *p;

	ASSERT(cache);
	use(cache, SIZE);
	EXPECT(kmem_cache_set_debug(cache, SLAB_DEBUG));
	use(cache, SIZE);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(p);
	expect_report(MM_REPORT_CACHE_IN_USE, 1);
	EXPECT(!kmem_cache_set_debug(cache, 0));
	p[SIZE] = 0;
	expect_report(MM_REPORT_OUT_OF_BOUNDS, 1);
	kmem_cache_free(cache, p);
	EXPECT(kmem_cache_set_debug(cache, 0));
	use(cache, SIZE);
	EXPECT_EQ(mm_check(), 0);
	EXPECT(kmem_cache_destroy(cache));
}

TEST(what_cannot_be_set)
{
	struct kmem_cache *cache = cache_with(0);

	ASSERT(cache);
	expect_report(MM_REPORT_MISUSE, 2);
	EXPECT(!kmem_cache_set_debug(cache, SLAB_PANIC));
	EXPECT(!kmem_cache_set_debug(live_cache("kmem_cache"), SLAB_DEBUG));
	EXPECT(kmem_cache_destroy(cache));
}

/* --- kmalloc ------------------------------------------------------------------------- */

/* Debug the cache of a size while `f` runs, if nobody holds any of its objects now. */
static bool debug_size(size_t size, slab_flags_t flags)
{
	char name[KMEM_CACHE_NAME_MAX];
	struct kmem_cache *cache;

	mm_snprintf(name, sizeof(name), "kmalloc-%zu", kmalloc_size_roundup(size));
	cache = live_cache(name);
	return cache && cache->nr_taken == magazine_count(cache) &&
	       kmem_cache_set_debug(cache, flags);
}

/* A byte behind what was asked for, inside of the class; `size` is no constant for the compiler. */
static void overrun(uint8_t *p, size_t size, const char *text)
{
	ASSERT(p);
	EXPECT_EQ(ksize(p), size);
	poke(p, (long)size);
	expect_report(MM_REPORT_OUT_OF_BOUNDS, 1);
	kfree(p);
	EXPECT_REPORT_TEXT(text);
}

TEST(kmalloc_knows_what_was_asked_for)
{
	volatile size_t size = 899;

	if (!debug_size(900, SLAB_DEBUG))
		SKIP("somebody holds an object of kmalloc-1024");
	overrun(kmalloc(899, GFP_KERNEL), 899, "1 bytes after the 899-byte object");
	overrun(kmalloc(899, GFP_ATOMIC), 899, "1 bytes after the 899-byte object");
	overrun(kmalloc(size, GFP_KERNEL), 899, "1 bytes after the 899-byte object");
	overrun(kmalloc(size, GFP_NOWAIT), 899, "1 bytes after the 899-byte object");
	overrun(kzalloc(899, GFP_KERNEL), 899, "1 bytes after the 899-byte object");
	overrun(kzalloc(size, GFP_KERNEL), 899, "1 bytes after the 899-byte object");
	overrun(kcalloc(31, 29, GFP_KERNEL), 899, "1 bytes after the 899-byte object");
	EXPECT(debug_size(900, 0));
}

/* What was made without locks has no history, so its red zone begins behind the class. */
TEST(nolock_objects_have_red_zones)
{
	uint8_t *p;

	if (!debug_size(900, SLAB_DEBUG))
		SKIP("somebody holds an object of kmalloc-1024");
	p = kmalloc_nolock(899, 0);
	ASSERT(p);
	poke(p, 1024);
	expect_report(MM_REPORT_OUT_OF_BOUNDS, 1);
	kfree_nolock(p);
	mm_drain_deferred();
	p = kmalloc_nolock(899, __GFP_ZERO);
	ASSERT(p);
	EXPECT(live_all_bytes(p, 899, 0));
	poke(p, -1);
	expect_report(MM_REPORT_OUT_OF_BOUNDS, 1);
	kfree(p);
	mm_drain_deferred();
	EXPECT(debug_size(900, 0));
}

/* Shrunk in place the rest becomes red zone; grown it moves. */
TEST(krealloc_moves_the_red_zone)
{
	uint8_t *p, *q;

	if (!debug_size(900, SLAB_DEBUG))
		SKIP("somebody holds an object of kmalloc-1024");
	p = kmalloc(1000, GFP_KERNEL);
	ASSERT(p);
	live_fill(p, 1000, 1);
	q = krealloc(p, 900, GFP_KERNEL);
	EXPECT_EQ(q, p);
	EXPECT(live_filled(q, 900, 1));
	EXPECT_EQ(ksize(q), 900);
	p = krealloc(q, 1010, GFP_KERNEL | __GFP_ZERO);
	ASSERT(p);
	EXPECT(p != q);
	EXPECT(live_filled(p, 900, 1));
	EXPECT(live_all_bytes(p + 900, 110, 0));
	kfree(p);
	EXPECT(debug_size(900, 0));
}

/* --- the option --------------------------------------------------------------------- */

static void expect_wanted(const char *text, const char *name, slab_flags_t flags)
{
	slab_debug_init(text);
	EXPECTF(slab_debug_wanted(name) == flags, "slab_debug=%s gives %s the flags 0x%x", text,
		name, slab_debug_wanted(name));
	slab_debug_init(NULL);
}

TEST(option_chooses_caches)
{
	const slab_flags_t f = SLAB_CONSISTENCY_CHECKS, z = SLAB_RED_ZONE, p = SLAB_POISON,
			   u = SLAB_STORE_USER;

	expect_wanted("", "any", SLAB_DEBUG);
	expect_wanted("FZPU", "any", SLAB_DEBUG);
	expect_wanted("Z", "any", z);
	expect_wanted("ZU,kmalloc-64", "kmalloc-64", z | u);
	expect_wanted("ZU,kmalloc-64", "kmalloc-640", 0);
	expect_wanted("ZU,kmalloc-64", "kmalloc-6", 0);
	expect_wanted("P,kmalloc-*,inode", "kmalloc-128", p);
	expect_wanted("P,kmalloc-*,inode", "inode", p);
	expect_wanted("P,kmalloc-*,inode", "dentry", 0);
	expect_wanted("P,*-6?", "kmalloc-64", p);
	expect_wanted("P,*-6?", "kmalloc-128", 0);
	expect_wanted("F,a;ZP,b", "a", f);
	expect_wanted("F,a;ZP,b", "b", z | p);
	expect_wanted("F,a;ZP,b", "c", 0);
	expect_wanted("-,a;FZPU", "a", 0);
	expect_wanted("-,a;FZPU", "b", SLAB_DEBUG);
	expect_wanted("-", "a", 0);
	expect_wanted(",a", "a", SLAB_DEBUG);
	expect_wanted(",a", "b", 0);
}

TEST(unknown_letters_are_named)
{
	test_log_begin();
	slab_debug_init("ZQ,inode;*P");
	if (test_log_kept()) {
		EXPECT_LOG("there is no Q, ignored");
		EXPECT_LOG("there is no *, ignored");
		EXPECT_EQ(live_log_count("there is no"), 2);
	}
	EXPECT_EQ(slab_debug_wanted("inode"), SLAB_RED_ZONE);
	slab_debug_init(NULL);
}

/* A text that is too long is cut, and ends. */
TEST(long_option_is_cut)
{
	static char text[2 * MM_SLAB_DEBUG_TEXT_MAX];

	memset(text, 'a', sizeof(text) - 1);
	text[0] = 'Z';
	text[1] = ',';
	slab_debug_init(text);
	EXPECT_EQ(slab_debug_wanted("a"), 0);
	slab_debug_init(NULL);
}

#define MIXED 60u

/* Red zones as wide as a page: the slab's own pages are marked as such, and no others. */
TEST(wide_zones_leave_neighbours_alone)
{
	static void *wide[MIXED], *plain[MIXED];
	struct kmem_cache *a =
		kmem_cache_create("test-wide", PAGE_SIZE, PAGE_SIZE, SLAB_RED_ZONE, NULL);
	struct kmem_cache *b = kmem_cache_create("test-plain", PAGE_SIZE, 0, 0, NULL);

	ASSERT(a && b);
	EXPECT(a->lead >= PAGE_SIZE);
	for (unsigned i = 0; i < MIXED; i++) {
		wide[i] = kmem_cache_alloc(a, GFP_KERNEL);
		plain[i] = kmem_cache_alloc(b, GFP_KERNEL);
		ASSERT(wide[i] && plain[i]);
	}
	EXPECT_EQ(mm_check(), 0);
	for (unsigned i = 0; i < MIXED; i++)
		kmem_cache_free(a, wide[i]);
	kmem_cache_shrink(a);
	EXPECT_EQ(mm_check(), 0);
	for (unsigned i = 0; i < MIXED; i++)
		kmem_cache_free(b, plain[i]);
	EXPECT(kmem_cache_destroy(a) && kmem_cache_destroy(b));
}

TEST_SUITE(slab_debug, all_combinations_of_flags_work, alignment_is_kept,
	   constructed_state_is_kept, bulks_are_looked_at_too, new_objects_are_poisoned,
	   write_behind_an_object, write_before_an_object, write_after_free,
	   write_beside_a_free_object, wide_zones_leave_neighbours_alone,
	   validate_finds_all_and_repairs, isolated_slabs_are_left, double_free_names_both,
	   destroyed_with_live_objects_says_whose, set_and_cleared_at_run_time,
	   kmalloc_knows_what_was_asked_for, nolock_objects_have_red_zones,
	   krealloc_moves_the_red_zone, what_cannot_be_set, option_chooses_caches,
	   unknown_letters_are_named, long_option_is_cut);
