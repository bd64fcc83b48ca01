// SPDX-License-Identifier: MIT
/*
 * Guard pages: which objects are chosen, what they can do, and what happens to whoever touches
 * what he must not.  The accesses are real ones, and their faults too.
 */
#include <bits.h>
#include <guard_hook.h>
#include <harness.h>
#include <mem.h>
#include <mm/guard.h>
#include <mm/kmalloc.h>
#include <mm/nolock.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <mm/slab_debug.h>
#include <mm/stats.h>
#include <page.h>
#include <unit/guarded.h>

#define NEVER 0u
#define SIZE  100u

static bool start(void)
{
	if (guarded_start())
		return true;
	test_skip("no guard pages here");
	return false;
}

static void write_at(void *p)
{
	*(volatile uint8_t *)p = 0x77;
}

static uint8_t read_at(const void *p)
{
	return *(const volatile uint8_t *)p;
}

static struct mm_guard_info info_now(void)
{
	struct mm_guard_info info;

	mm_guard_info(&info);
	return info;
}

/* --- who is chosen ------------------------------------------------------------------------ */

TEST(clock_chooses_exact_sizes)
{
	static const size_t sizes[] = {1, 8, 17, 100, 128, 1000, 1001, 2048, 4095, 4096};

	if (!start())
		return;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct mm_guard_info before = info_now();
		size_t size = sizes[i];
		uint8_t *p;

		mm_guard_sample();
		p = kmalloc(guarded_opaque_size(size), GFP_KERNEL);
		EXPECT(guard_around(p) != NULL);
		EXPECT_EQ(ksize(p), size);
		EXPECT_EQ((uintptr_t)p % (size & -size), 0);
		EXPECT(page_of_address(p) != NULL);
		memset(p, 0x11, size);
		EXPECT_EQ(info_now().live, before.live + 1);
		EXPECT_EQ(info_now().allocs, before.allocs + 1);
		kfree(p);
		EXPECT_EQ(info_now().live, before.live);
		p = kmalloc(guarded_opaque_size(size), GFP_KERNEL);
		EXPECT(guard_around(p) == NULL);
		kfree(p);
	}
}

/* Objects of a new cache come by the slow path at first: each third. */
TEST(interval_chooses_each_nth)
{
	struct kmem_cache *caches[9];
	void *objects[9];
	unsigned chosen = 0;

	if (!start() || !EXPECT(mm_guard_start(guarded_places(), 3)))
		return;
	for (unsigned i = 0; i < 9; i++) {
		caches[i] = kmem_cache_create("brief", 48, 0, SLAB_RECLAIM_ACCOUNT, NULL);
		objects[i] = kmem_cache_alloc(caches[i], GFP_KERNEL);
		chosen += guard_around(objects[i]) != NULL;
	}
	EXPECT_EQ(chosen, 3);
	mm_guard_start(guarded_places(), NEVER);
	for (unsigned i = 0; i < 9; i++) {
		kmem_cache_free(caches[i], objects[i]);
		EXPECT(kmem_cache_destroy(caches[i]));
	}
}

TEST(stopped_chooses_none)
{
	uint8_t *p;

	if (!start())
		return;
	mm_guard_sample();
	mm_guard_stop();
	p = kmalloc(guarded_opaque_size(SIZE), GFP_KERNEL);
	EXPECT(guard_around(p) == NULL);
	kfree(p);
	mm_guard_sample();
	p = kmalloc(guarded_opaque_size(SIZE), GFP_KERNEL);
	EXPECT(guard_around(p) == NULL);
	kfree(p);
}

static void expect_not_chosen(void *p)
{
	EXPECT(p && guard_around(p) == NULL);
	kfree(p);
}

TEST(unfit_objects_are_passed_over)
{
	struct kmem_cache *debugged;
	uint8_t *p;

	if (!start())
		return;
	debugged = kmem_cache_create("debugged", 64, 0, SLAB_POISON, NULL);
	mm_guard_sample();
	expect_not_chosen(kmalloc(guarded_opaque_size(SIZE), GFP_KERNEL | GFP_DMA));
	expect_not_chosen(kmalloc(guarded_opaque_size(PAGE_SIZE + 1), GFP_KERNEL));
	expect_not_chosen(kmalloc(guarded_opaque_size(3 * PAGE_SIZE), GFP_KERNEL));
	expect_not_chosen(kmem_cache_alloc(debugged, GFP_KERNEL));
	p = kmalloc(guarded_opaque_size(SIZE), GFP_KERNEL);
	EXPECT(guard_around(p) != NULL);
	kfree(p);
	EXPECT(kmem_cache_destroy(debugged));
}

/* From three quarters on each call site has one at most; and when all is taken, none is guarded. */
TEST(full_pool_is_no_failure)
{
	static void *objects[MM_GUARD_MAX];
	struct mm_guard_info before, after;
	unsigned n = 0;

	if (!start())
		return;
	before = info_now();
	for (unsigned i = 0; i < guarded_places(); i++) {
		mm_guard_sample();
		objects[i] = kmalloc(guarded_opaque_size(SIZE), GFP_KERNEL);
		n += guard_around(objects[i]) != NULL;
		EXPECT(objects[i] != NULL);
	}
	after = info_now();
	EXPECT(after.live <= before.objects - before.objects / 4);
	EXPECT_EQ(after.missed - before.missed, guarded_places() - n);
	EXPECT(after.missed > before.missed);
	for (unsigned i = 0; i < guarded_places(); i++)
		kfree(objects[i]);
	EXPECT_EQ(info_now().live, before.live);
}

TEST(bad_numbers_of_objects_are_refused)
{
	struct mm_guard_info info = info_now();

	if (info.objects)
		SKIP("it has been started already");
	EXPECT(!mm_guard_start(0, 1));
	EXPECT(!mm_guard_start(MM_GUARD_MAX + 1, 1));
	EXPECT_EQ(info_now().objects, 0);
	mm_guard_sample();
	mm_guard_stop();
	EXPECT(!mm_guard_fault((uintptr_t)&info, true, 0));
}

/* --- what they can do --------------------------------------------------------------------- */

static bool all_zero(const uint8_t *p, size_t n)
{
	while (n > 0 && p[n - 1] == 0)
		n--;
	return n == 0;
}

TEST(zeroed)
{
	uint8_t *p;

	if (!start())
		return;
	for (unsigned i = 0; i < 2 * guarded_places(); i++) {
		mm_guard_sample();
		p = kzalloc(guarded_opaque_size(SIZE), GFP_KERNEL);
		EXPECT(guard_around(p) && all_zero(p, SIZE));
		memset(p, 0xff, SIZE);
		kfree(p);
	}
}

TEST(krealloc_keeps_contents)
{
	uint8_t *p, *q;

	if (!start())
		return;
	p = guarded_kmalloc(SIZE, GUARDED_RIGHT);
	memset(p, 0x42, SIZE);
	EXPECT(krealloc(p, SIZE - 2, GFP_KERNEL) == p); /* of the same class */
	EXPECT_EQ(ksize(p), SIZE - 2);
	q = krealloc(p, 2 * SIZE, GFP_KERNEL);
	EXPECT(q && guard_around(q) == NULL);
	EXPECT(q[0] == 0x42 && q[SIZE - 3] == 0x42);
	expect_report(MM_REPORT_DOUBLE_FREE, 1);
	kfree(guarded_opaque(p));
	kfree_sensitive(q);
	p = guarded_kmalloc(SIZE, GUARDED_LEFT);
	kfree_sensitive(p);
	EXPECT_EQ(info_now().live, 0);
}

static unsigned calls;

static void construct(void *object)
{
	calls++;
	*(uint32_t *)object = 0xc0de;
}

TEST(constructed_anew)
{
	struct kmem_cache *cache;
	uint32_t *p;

	if (!start())
		return;
	cache = kmem_cache_create("built", 72, 64, 0, construct);
	calls = 0;
	mm_guard_sample();
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	EXPECT(guard_around(p) && calls == 1 && *p == 0xc0de);
	EXPECT_EQ((uintptr_t)p % 64, 0);
	kmem_cache_free(cache, p);
	EXPECT(kmem_cache_destroy(cache));
}

TEST(counted_with_their_cache)
{
	struct kmem_cache *cache;
	void *p;

	if (!start())
		return;
	cache = kmem_cache_create("counted", 72, 0, 0, NULL);
	mm_guard_sample();
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	EXPECT(guard_around(p) != NULL);
	expect_report(MM_REPORT_CACHE_IN_USE, 1);
	EXPECT(!kmem_cache_destroy(cache));
	EXPECT_REPORT_TEXT("cache counted destroyed with 1 live objects");
	kmem_cache_free(cache, p);
	EXPECT(kmem_cache_destroy(cache));
}

TEST(freed_in_bulk_and_without_locks)
{
	struct kmem_cache *cache;
	void *p[4];

	if (!start())
		return;
	cache = kmem_cache_create("bulk", 72, 0, 0, NULL);
	mm_guard_sample();
	for (unsigned i = 0; i < 4; i++)
		p[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	EXPECT_EQ(info_now().live, 1);
	kmem_cache_free_bulk(cache, 4, p);
	EXPECT_EQ(info_now().live, 0);
	p[0] = guarded_kmalloc(SIZE, GUARDED_LEFT);
	kfree_nolock(p[0]);
	EXPECT_EQ(info_now().live, 0);
	expect_report(MM_REPORT_DOUBLE_FREE, 1);
	kfree_nolock(guarded_opaque(p[0]));
	mm_drain_deferred();
	EXPECT(kmem_cache_destroy(cache));
}

/* --- bad frees ------------------------------------------------------------------------------ */

TEST(bad_frees)
{
	struct kmem_cache *cache;
	struct kmem_cache *other;
	uint8_t *p;

	if (!start())
		return;
	cache = kmem_cache_create("mine", 72, 0, 0, NULL);
	other = kmem_cache_create("other", 72, 0, 0, NULL);
	mm_guard_sample();
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	EXPECT(guard_around(p) != NULL);
	expect_report(MM_REPORT_WRONG_CACHE, 1);
	kmem_cache_free(other, guarded_opaque(p));
	EXPECT_REPORT_TEXT("kmem_cache_free to other of ");
	EXPECT_REPORT_TEXT(", an object of mine");
	expect_report(MM_REPORT_INTERIOR_FREE, 1);
	kfree(guarded_opaque(p + 8));
	expect_report(MM_REPORT_BAD_ADDRESS, 1);
	kfree(guarded_opaque((void *)(((uintptr_t)p & PAGE_MASK) - 8)));
	expect_report(MM_REPORT_BAD_ADDRESS, 1);
	EXPECT_EQ(ksize(guarded_opaque(p + 8)), 0);
	kmem_cache_free(cache, p);
	expect_report(MM_REPORT_DOUBLE_FREE, 1);
	kmem_cache_free(cache, guarded_opaque(p));
	EXPECT(kmem_cache_destroy(cache));
	EXPECT(kmem_cache_destroy(other));
	expect_report(MM_REPORT_DOUBLE_FREE, 1);
	kfree(guarded_opaque(p));
}

/* --- bad accesses ---------------------------------------------------------------------------- */

/* One report of this kind and with this text; and the slot is not used any more. */
static void expect_access(enum mm_report_kind kind, const char *text, void *p)
{
	const struct test_report *last = test_last_report();

	EXPECT_EQ(last->kind, kind);
	EXPECT_REPORT_TEXT(text);
	EXPECT_EQ(last->address, (uintptr_t)p);
}

TEST(beyond_either_end)
{
	static const struct {
		size_t size;
		long offset;
		bool write;
		const char *text;
	} tries[] = {
		{SIZE, SIZE + 4, false, ", 4 bytes after the 100-byte object at "},
		{SIZE, SIZE + 4, true, ", 4 bytes after the 100-byte object at "},
		{64, 64, false, ", 0 bytes after the 64-byte object at "},
		{64, 64 + 2000, true, ", 2000 bytes after the 64-byte object at "},
		{64, -1, false, ", 1 bytes before the 64-byte object at "},
		{SIZE, -3000, true, ", 3000 bytes before the 100-byte object at "},
	};

	if (!start())
		return;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		unsigned long before = info_now().reports;
		uint8_t *p = guarded_kmalloc(
			tries[i].size, tries[i].offset < 0 ? GUARDED_LEFT : GUARDED_RIGHT);
		uint8_t *at;

		if (!EXPECT(p))
			return;
		at = guarded_opaque(p + tries[i].offset);
		expect_report(MM_REPORT_OUT_OF_BOUNDS, 1);
		if (tries[i].write)
			write_at(at);
		else
			read_at(at);
		expect_access(MM_REPORT_OUT_OF_BOUNDS, tries[i].text, at);
		EXPECT_REPORT_TEXT(tries[i].write ? "write of " : "read of ");
		EXPECT_REPORT_TEXT("of cache kmalloc-");
		read_at(at); /* no second report */
		EXPECT_EQ(info_now().reports, before + 1);
		kfree(p);
	}
}

TEST(after_free)
{
	for (unsigned write = 0; write < 2; write++) {
		uint8_t *p;

		if (!start())
			return;
		p = guarded_kmalloc(64, GUARDED_RIGHT);
		if (!EXPECT(p))
			return;
		kfree(p);
		p = guarded_opaque(p);
		expect_report(MM_REPORT_USE_AFTER_FREE, 1);
		if (write)
			write_at(p + 20);
		else
			read_at(p + 20);
		expect_access(MM_REPORT_USE_AFTER_FREE,
			      ", 20 bytes inside the 64-byte object at ", p + 20);
		write_at(p + 21);
		expect_report(MM_REPORT_DOUBLE_FREE, 1);
		kfree(p);
	}
}

/* Where the object does not reach the guard page: found by its free. */
TEST(damage_in_its_page)
{
	uint8_t *p;

	if (!start())
		return;
	p = guarded_kmalloc(SIZE, GUARDED_LEFT);
	write_at(guarded_opaque(p + SIZE));
	expect_report(MM_REPORT_OUT_OF_BOUNDS, 1);
	kfree(p);
	EXPECT_REPORT_TEXT("1 bytes after the 100-byte object at ");
	EXPECT_REPORT_TEXT("were overwritten: found by its free");
	p = guarded_kmalloc(SIZE, GUARDED_RIGHT);
	write_at(guarded_opaque(p - 1));
	expect_report(MM_REPORT_OUT_OF_BOUNDS, 1);
	kfree(p);
	EXPECT_REPORT_TEXT("1 bytes before the 100-byte object at ");
}

/* What was touched by mistake holds no object again. */
TEST(damaged_places_are_retired)
{
	struct mm_guard_info before, after;
	uint8_t *p, *bad;

	if (!start())
		return;
	before = info_now();
	bad = guarded_kmalloc(64, GUARDED_RIGHT);
	expect_report(MM_REPORT_OUT_OF_BOUNDS, 1);
	read_at(guarded_opaque(bad + 64));
	after = info_now();
	EXPECT(after.retired > before.retired && after.retired <= before.retired + 2);
	kfree(bad);
	for (unsigned i = 0; i < 2 * after.objects; i++) {
		p = guarded_kmalloc(64, GUARDED_RIGHT);
		EXPECT(p != bad);
		kfree(p);
	}
	EXPECT_EQ(info_now().retired, after.retired);
}

TEST(where_no_object_ever_was)
{
	const struct guard_hook *hook;

	if (!start())
		return;
	hook = guard_is_on();
	if (info_now().allocs)
		SKIP("all places may have been used");
	expect_report(MM_REPORT_BAD_ADDRESS, 1);
	read_at((void *)(hook->start + hook->bytes - 1));
	EXPECT_REPORT_TEXT("read of ");
	EXPECT_REPORT_TEXT(", among guard pages, where no object ever was");
}

TEST_SUITE(guard, bad_numbers_of_objects_are_refused, where_no_object_ever_was,
	   clock_chooses_exact_sizes, interval_chooses_each_nth, stopped_chooses_none,
	   unfit_objects_are_passed_over, full_pool_is_no_failure, zeroed,
	   krealloc_keeps_contents, constructed_anew, counted_with_their_cache,
	   freed_in_bulk_and_without_locks, bad_frees, beyond_either_end, after_free,
	   damage_in_its_page, damaged_places_are_retired);
