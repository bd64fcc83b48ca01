// SPDX-License-Identifier: MIT
/*
 * kmalloc and its family: every size has the alignment, room and contiguity that
 * kmalloc.h promises and keeps its contents; impossible sizes are refused; krealloc keeps
 * each of its rules; and blocks of all sizes, mixed at random, never meet.
 */
#include "live.h"
#include "world.h"
#include <bits.h>
#include <kmalloc.h>
#include <mem.h>
#include <mm/kmalloc.h>
#include <page.h>
#include <slab.h>

/* The optimiser knows what kmalloc is, and must not reason from it here. */
static void *opaque(const void *p)
{
	__asm__ volatile("" : "+r"(p));
	return (void *)(uintptr_t)p;
}

static size_t opaque_size(size_t n)
{
	__asm__ volatile("" : "+r"(n));
	return n;
}

/* The largest power of two that divides n: what a block of n bytes is aligned to. */
static size_t promised_alignment(size_t n)
{
	size_t align = n & -n;

	return align < 8                           ? 8
	       : align > PAGE_SIZE << MM_MAX_ORDER ? PAGE_SIZE << MM_MAX_ORDER
						   : align;
}

/* --- every size --------------------------------------------------------------------------- */

/* What is wrong with a block; NULL if nothing is. */
static const char *flaw(char *p, size_t size)
{
	size_t usable = ksize(p);
	struct page *first = virt_to_page(p);

	if ((uintptr_t)p % promised_alignment(size))
		return "alignment";
	if (usable < size)
		return "too short";
	if (usable != kmalloc_size_roundup(size))
		return "ksize is not kmalloc_size_roundup";
	if (!first)
		return "no page";
	for (size_t offset = PAGE_SIZE; offset < usable; offset += PAGE_SIZE)
		if (virt_to_page(p + offset) != first + offset / PAGE_SIZE)
			return "not contiguous";
	if (virt_to_page(p + usable - 1) !=
	    first + (((uintptr_t)p % PAGE_SIZE + usable - 1) >> PAGE_SHIFT))
		return "not contiguous at its end";
	return NULL;
}

#define RING 24u

/* The last blocks, still held: a new one must not touch them. */
static struct {
	char *p;
	size_t size;
} ring[RING];

/* Both ends of large blocks, all of small ones. */
static void sign(char *p, size_t usable)
{
	size_t n = min_size(usable, 300);

	live_fill(p, n, (uint32_t)usable);
	live_fill(p + usable - n, n, (uint32_t)usable + 1);
}

static bool signed_still(const char *p, size_t usable)
{
	size_t n = min_size(usable, 300);

	if (n == usable)
		return live_filled(p, n, (uint32_t)usable + 1);
	return live_filled(p, min_size(n, usable - n), (uint32_t)usable) &&
	       live_filled(p + usable - n, n, (uint32_t)usable + 1);
}

static void ring_replace(unsigned slot, size_t size, gfp_t gfp)
{
	char *old = ring[slot].p;
	const char *wrong;

	if (old) {
		EXPECTF(signed_still(old, kmalloc_size_roundup(ring[slot].size)),
			"a block of %zu bytes was written to", ring[slot].size);
		kfree(old);
	}
	ring[slot].p = size ? kmalloc(size, gfp) : NULL;
	ring[slot].size = size;
	if (size == 0 || !EXPECTF(ring[slot].p, "no block of %zu bytes", size))
		return;
	wrong = flaw(ring[slot].p, size);
	EXPECTF(!wrong, "size %zu: %s", size, wrong);
	if (!wrong)
		sign(ring[slot].p, ksize(ring[slot].p));
}

static void ring_empty(void)
{
	for (unsigned i = 0; i < RING; i++)
		ring_replace(i, 0, 0);
}

/*
 * Each class: its slabs, and what is lost at most on a size that it serves.  The least such size is
 * one more than the class before.  mm/README.md tells how the classes were chosen.
 */
static const struct {
	unsigned size, order, nr;
} classes[] = {
	{16, 0, 253}, {32, 0, 128}, {48, 0, 85},  {64, 0, 64},  {80, 0, 51},  {96, 0, 42},
	{112, 0, 36}, {128, 0, 32}, {160, 0, 25}, {192, 0, 21}, {224, 0, 18}, {256, 0, 16},
	{320, 1, 25}, {384, 1, 21}, {448, 0, 9},  {512, 0, 8},  {640, 0, 6},  {768, 0, 5},
	{896, 1, 9},  {1024, 0, 4}, {1152, 1, 7}, {1280, 0, 3}, {1536, 1, 5}, {1792, 2, 9},
	{2048, 0, 2}, {2304, 2, 7}, {2560, 1, 3}, {2688, 1, 3}, {3072, 2, 5}, {3584, 3, 9},
	{4096, 0, 1}, {5120, 2, 3}, {6144, 3, 5}, {7168, 1, 1}, {8192, 1, 1},
};

#define NR_CLASSES (sizeof(classes) / sizeof(classes[0]))

TEST(layout_and_waste_of_each_class)
{
	unsigned before = 0;

	for (size_t i = 0; i < NR_CLASSES; i++) {
		unsigned size = classes[i].size, bytes = PAGE_SIZE << classes[i].order;
		const struct kmem_cache *cache = kmalloc_cache(size, GFP_KERNEL);

		EXPECT_EQ(cache->size, size);
		EXPECT_EQ(cache->order, classes[i].order);
		EXPECT_EQ(cache->nr, classes[i].nr);
		EXPECT_EQ(kmalloc_size_roundup(before + 1), size);
		/* From 128 bytes on rounding loses a fifth at most, slabs an eighth. */
		EXPECTF(before < 128 || size - before <= size / 5, "class %u", size);
		EXPECTF(bytes - classes[i].nr * size <= bytes / 8, "class %u", size);
		before = size;
	}
	EXPECT_EQ(before, KMALLOC_MAX_CACHE_SIZE);
}

TEST(every_size_that_has_a_cache)
{
	for (size_t size = 1; size <= KMALLOC_MAX_CACHE_SIZE + 64 && !test_failed(); size++)
		ring_replace(size % RING, size, GFP_KERNEL);
	ring_empty();
}

TEST(user_memory_of_many_sizes)
{
	for (size_t size = 1; size <= KMALLOC_MAX_CACHE_SIZE && !test_failed(); size += 37)
		ring_replace(size % 8, size, GFP_USER);
	ring_empty();
}

TEST(sizes_around_each_power_of_two)
{
	static const int around[] = {-4097, -4096, -65, -1, 0, 1, 65, 4096, 4097};

	for (size_t power = KMALLOC_MAX_CACHE_SIZE; power <= KMALLOC_MAX_SIZE; power <<= 1) {
		for (unsigned i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
			size_t size = power + (size_t)around[i];
			char *p;

			if (size > KMALLOC_MAX_SIZE)
				continue;
			p = kmalloc(size, GFP_KERNEL | __GFP_NOWARN);
			if (!p) /* a machine so small, or without a block so large */
				continue;
			EXPECTF(!flaw(p, size), "size %zu: %s", size, flaw(p, size));
			sign(p, ksize(p));
			EXPECT(signed_still(p, ksize(p)));
			kfree(p);
		}
	}
}

/* One largest block, all of it: on a machine that has one. */
TEST(the_largest_block)
{
	char *p = kmalloc(KMALLOC_MAX_SIZE, GFP_KERNEL | __GFP_NOWARN);

	if (!p)
		SKIP("no block of 4 MiB on this machine");
	EXPECT_EQ(ksize(p), KMALLOC_MAX_SIZE);
	EXPECT_EQ((uintptr_t)p % KMALLOC_MAX_SIZE, 0);
	for (size_t offset = 0; offset < KMALLOC_MAX_SIZE; offset += PAGE_SIZE)
		*(size_t *)(p + offset) = offset;
	for (size_t offset = 0; offset < KMALLOC_MAX_SIZE; offset += PAGE_SIZE)
		EXPECT_EQ(*(size_t *)(p + offset), offset);
	kfree(p);
}

TEST(large_blocks_are_counted)
{
	struct mm_memory_info before, now;
	void *p;

	mm_memory_info(&before);
	p = kmalloc(5 * PAGE_SIZE, GFP_KERNEL);
	ASSERT(p);
	mm_memory_info(&now);
	EXPECT_EQ(now.large_pages, before.large_pages + 8);
	EXPECT_EQ(now.free_pages, before.free_pages - 8);
	kfree(p);
	mm_memory_info(&now);
	EXPECT_EQ(now.large_pages, before.large_pages);
	EXPECT_EQ(now.free_pages, before.free_pages);
}

TEST(size_roundup)
{
	size_t last = 0;

	EXPECT_EQ(kmalloc_size_roundup(0), 0);
	for (size_t size = 1; size <= KMALLOC_MAX_CACHE_SIZE; size++) {
		size_t rounded = kmalloc_size_roundup(size);

		EXPECT(rounded >= size && rounded >= last);
		EXPECT_EQ(kmalloc_size_roundup(rounded), rounded);
		if (size > 64)
			EXPECT((rounded - size) * 5 <= rounded); /* a fifth at most */
		else
			EXPECT(rounded - size < 16);
		last = rounded;
	}
	EXPECT_EQ(kmalloc_size_roundup(KMALLOC_MAX_CACHE_SIZE + 1), 4 * PAGE_SIZE);
	EXPECT_EQ(kmalloc_size_roundup(KMALLOC_MAX_SIZE - 1), KMALLOC_MAX_SIZE);
	EXPECT_EQ(kmalloc_size_roundup(KMALLOC_MAX_SIZE), KMALLOC_MAX_SIZE);
	EXPECT_EQ(kmalloc_size_roundup(KMALLOC_MAX_SIZE + 1), KMALLOC_MAX_SIZE + 1);
	EXPECT_EQ(kmalloc_size_roundup(SIZE_MAX), SIZE_MAX);
}

/* --- DMA ------------------------------------------------------------------------------------- */

/* The ISA DMA controller counts to 64 KiB: no block of so much may cross a border of it. */
static void check_dma(size_t size)
{
	struct mm_zone_info zone;
	char *p = kmalloc(size, GFP_KERNEL | GFP_DMA | __GFP_NOWARN);
	paddr_t first, last;

	if (!p)
		return;
	mm_zone_info(MM_ZONE_DMA, &zone);
	first = mm_virt_to_phys(p);
	last = first + size - 1;
	EXPECTF(first >> 16 == last >> 16, "size %zu crosses 64 KiB at %llx", size,
		(unsigned long long)first);
	EXPECT(last < (paddr_t)zone.end << PAGE_SHIFT);
	EXPECTF(!flaw(p, size), "size %zu: %s", size, flaw(p, size));
	kfree(p);
}

TEST(dma_blocks_do_not_cross_64k)
{
	struct mm_zone_info zone;

	if (!mm_zone_info(MM_ZONE_DMA, &zone))
		SKIP("no DMA zone");
	for (size_t size = 1; size <= KMALLOC_MAX_CACHE_SIZE; size += 1 + size / 40)
		check_dma(size);
	for (size_t size = KMALLOC_MAX_CACHE_SIZE; size <= 65536; size += 1024)
		check_dma(size);
	for (unsigned i = 0; i < 200; i++)
		check_dma(1 + test_random_below(65536));
}

/* All objects of some slabs, not only those that come first. */
TEST(dma_slabs_do_not_cross_64k)
{
	static const size_t sizes[] = {96, 1536, 3072, 5120, 7168};
	struct mm_zone_info zone;

	if (!mm_zone_info(MM_ZONE_DMA, &zone))
		SKIP("no DMA zone");
	for (unsigned i = 0; i < 5; i++) {
		char *p[RING];

		for (unsigned j = 0; j < RING; j++) {
			paddr_t first;

			p[j] = kmalloc(sizes[i], GFP_ATOMIC | GFP_DMA);
			ASSERT(p[j]);
			first = mm_virt_to_phys(p[j]);
			EXPECT_EQ(first >> 16, (first + sizes[i] - 1) >> 16);
		}
		for (unsigned j = 0; j < RING; j++)
			kfree(p[j]);
	}
}

/* --- nothing, and too much --------------------------------------------------------------------- */

TEST(zero_bytes)
{
	EXPECT(kmalloc(0, GFP_KERNEL) == ZERO_SIZE_PTR);
	EXPECT(kzalloc(0, GFP_ATOMIC) == ZERO_SIZE_PTR);
	EXPECT(kmalloc_array(0, 8, GFP_KERNEL) == ZERO_SIZE_PTR);
	EXPECT(kcalloc(8, 0, GFP_KERNEL) == ZERO_SIZE_PTR);
	EXPECT(kmalloc(0, GFP_HIGHUSER) == ZERO_SIZE_PTR);
	EXPECT(kmemdup("", 0, GFP_KERNEL) == ZERO_SIZE_PTR);
	EXPECT_EQ(ksize(opaque(ZERO_SIZE_PTR)), 0);
	EXPECT_EQ(ksize(NULL), 0);
	kfree(opaque(ZERO_SIZE_PTR));
	kfree(NULL);
	kfree_sensitive(opaque(ZERO_SIZE_PTR));
	kfree_sensitive(NULL);
	EXPECT(world_faults(ZERO_SIZE_PTR));
	EXPECT(world_faults(NULL));
}

TEST(sizes_beyond_the_largest)
{
	static const size_t sizes[] = {
		KMALLOC_MAX_SIZE + 1, 2 * KMALLOC_MAX_SIZE, SIZE_MAX / 2, SIZE_MAX / 2 + 1,
		SIZE_MAX - PAGE_SIZE, SIZE_MAX - 16,        SIZE_MAX - 1, SIZE_MAX};
	const unsigned n = sizeof(sizes) / sizeof(sizes[0]);

	expect_report(MM_REPORT_BAD_SIZE, 3 * n);
	for (unsigned i = 0; i < n; i++) {
		size_t size = opaque_size(sizes[i]);

		EXPECT(!kmalloc(size, GFP_KERNEL));
		EXPECT(!kzalloc(size, GFP_ATOMIC));
		EXPECT(!kmalloc(size, GFP_HIGHUSER));
		EXPECT(!kmalloc(size, GFP_KERNEL | __GFP_NOWARN));
	}
	EXPECT_REPORT_TEXT("the most is 4194304");
}

TEST(products_that_overflow)
{
	const size_t half = (size_t)1 << (sizeof(size_t) * 4); /* half * half == 2^bits */
	static const size_t factors[] = {1, 2, 3, 16};
	void *p = kmalloc(40, GFP_KERNEL);

	ASSERT(p);
	live_fill(p, 40, 3);
	EXPECT(!kmalloc_array(opaque_size(half), half, GFP_KERNEL));
	EXPECT(!kcalloc(opaque_size(half), half, GFP_KERNEL));
	EXPECT(!krealloc_array(p, opaque_size(half), half, GFP_KERNEL));
	for (unsigned i = 1; i < 4; i++) {
		size_t n = opaque_size(SIZE_MAX / factors[i] + 1);

		EXPECT(!kmalloc_array(n, factors[i], GFP_KERNEL));
		EXPECT(!kcalloc(factors[i], n, GFP_KERNEL));
		EXPECT(!krealloc_array(p, n, factors[i], GFP_KERNEL));
	}
	EXPECT_EQ(ksize(p), kmalloc_size_roundup(40));
	EXPECT(live_filled(p, 40, 3));
	kfree(p);
}

TEST(arrays)
{
	uint32_t *a = kmalloc_array(33, sizeof(*a), GFP_KERNEL);
	uint32_t *b;

	ASSERT(a);
	EXPECT(ksize(a) >= 33 * sizeof(*a));
	memset(a, 0xff, ksize(a));
	kfree(a);
	b = kcalloc(33, sizeof(*b), GFP_KERNEL);
	ASSERT(b);
	EXPECT(live_all_bytes(b, ksize(b), 0));
	b[32] = 32;
	b = krealloc_array(b, 3000, sizeof(*b), GFP_KERNEL | __GFP_ZERO);
	ASSERT(b);
	EXPECT_EQ(b[32], 32);
	EXPECT(live_all_bytes(b + 33, ksize(b) - 33 * sizeof(*b), 0));
	kfree(b);
}

/* --- flags ---------------------------------------------------------------------------------- */

static __attribute__((noinline)) void *constant(void)
{
	return opaque(kmalloc(64, GFP_KERNEL));
}

static __attribute__((noinline)) void *zeroed(void)
{
	return opaque(kzalloc(64, GFP_NOFS));
}

static __attribute__((noinline)) void *any_size(void)
{
	return opaque(kmalloc(opaque_size(64), GFP_KERNEL));
}

static __attribute__((noinline)) void *any_flags(void)
{
	return opaque(kmalloc(opaque_size(64), (gfp_t)opaque_size(GFP_KERNEL)));
}

/* Every way to an object that is ready asks first whether sleeping is allowed, for its caller. */
TEST(sleeping_flags_are_noticed_on_every_path)
{
	void *(*const paths[])(void) = {constant, zeroed, any_size, any_flags};

	expect_report(MM_REPORT_MIGHT_SLEEP, 4);
	kfree(kmalloc(64, GFP_KERNEL));
	for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		mm_irqflags_t flags = mm_irq_save();
		void *p = paths[i]();

		mm_irq_restore(flags);
		EXPECT(p != NULL);
		EXPECT_EQ(test_reports_seen(MM_REPORT_MIGHT_SLEEP), i + 1);
		kfree(p);
	}
}

/* --- contents ---------------------------------------------------------------------------------- */

TEST(zeroed_memory_is_zero)
{
	static const size_t sizes[] = {1, 8, 17, 64, 100, 1000, 4096, 8192, 8193, 20000};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		void *p = kmalloc(sizes[i], GFP_KERNEL);

		ASSERT(p);
		memset(p, 0xa5, ksize(p));
		kfree(p);
		p = kzalloc(sizes[i], GFP_KERNEL);
		ASSERT(p);
		EXPECTF(live_all_bytes(p, ksize(p), 0), "size %zu is not all zero", sizes[i]);
		memset(p, 0xa5, ksize(p));
		kfree(p);
		p = kmalloc(sizes[i], GFP_ATOMIC | __GFP_ZERO);
		ASSERT(p);
		EXPECTF(live_all_bytes(p, ksize(p), 0), "size %zu is not all zero", sizes[i]);
		kfree(p);
	}
}

/* The same where the compiler knows the size. */
#define CHECK_ZEROED(size)                                                              \
	do {                                                                            \
		void *p = opaque(kmalloc(size, GFP_KERNEL));                            \
                                                                                        \
		ASSERT(p);                                                              \
		memset(p, 0xa5, ksize(p));                                              \
		kfree(p);                                                               \
		p = opaque(kzalloc(size, GFP_KERNEL));                                  \
		ASSERT(p);                                                              \
		EXPECTF(live_all_bytes(p, ksize(p), 0), "%u bytes are not zero", size); \
		kfree(p);                                                               \
	} while (0)

TEST(zeroed_memory_of_constant_size_is_zero)
{
	CHECK_ZEROED(1u);
	CHECK_ZEROED(17u);
	CHECK_ZEROED(40u);
	CHECK_ZEROED(64u);
	CHECK_ZEROED(65u);
	CHECK_ZEROED(100u);
	CHECK_ZEROED(8192u);
}

TEST(sensitive_memory_is_wiped)
{
	static const size_t sizes[] = {24, 1000, 3 * 4096};

	for (unsigned i = 0; i < 3; i++) {
		char *p = kmalloc(sizes[i], GFP_KERNEL);
		size_t usable = ksize(p);
		const char *after = opaque(p);

		ASSERT(p);
		memset(p, 0x5a, usable);
		kfree_sensitive(p);
		EXPECTF(live_all_bytes(after, usable, 0), "size %zu is not wiped", sizes[i]);
	}
}

TEST(copies)
{
	static const char text[] = "slab of marble";
	char *p = kmemdup(text, sizeof(text), GFP_KERNEL);

	ASSERT(p);
	EXPECT_STR(p, text);
	kfree(p);
	p = kstrdup(text, GFP_ATOMIC);
	EXPECT_STR(p, text);
	EXPECT_EQ(ksize(p), kmalloc_size_roundup(sizeof(text)));
	kfree(p);
	EXPECT(!kstrdup(NULL, GFP_KERNEL));
	EXPECT(!kstrndup(NULL, 3, GFP_KERNEL));
	p = kstrndup(text, 4, GFP_KERNEL);
	EXPECT_STR(p, "slab");
	kfree(p);
	p = kstrndup(text, 0, GFP_KERNEL);
	EXPECT_STR(p, "");
	kfree(p);
	p = kstrndup(text, opaque_size(SIZE_MAX), GFP_KERNEL);
	EXPECT_STR(p, text);
	kfree(p);
	p = kstrndup("no end", 2, GFP_KERNEL);
	EXPECT_STR(p, "no");
	kfree(p);
}

/* --- krealloc, rule by rule -------------------------------------------------------------------- */

TEST(krealloc_of_nothing_allocates)
{
	void *p = krealloc(NULL, 100, GFP_KERNEL), *q;

	ASSERT(p);
	EXPECT_EQ(ksize(p), kmalloc_size_roundup(100));
	q = krealloc(opaque(ZERO_SIZE_PTR), 100, GFP_KERNEL | __GFP_ZERO);
	ASSERT(q);
	EXPECT(live_all_bytes(q, 100, 0));
	EXPECT(krealloc(NULL, 0, GFP_KERNEL) == ZERO_SIZE_PTR);
	kfree(p);
	kfree(q);
}

TEST(krealloc_to_nothing_frees)
{
	void *p = kmalloc(100, GFP_KERNEL), *again;

	ASSERT(p);
	EXPECT(krealloc(p, 0, GFP_KERNEL) == ZERO_SIZE_PTR);
	again = kmalloc(100, GFP_KERNEL);
	EXPECT(again == opaque(p)); /* last in, first out: it was free */
	kfree(again);
}

TEST(krealloc_stays_within_the_class)
{
	static const size_t sizes[] = {1, 100, 1000, 8000, 9000, 40000};

	for (unsigned i = 0; i < 6; i++) {
		size_t full = kmalloc_size_roundup(sizes[i]);
		char *p = kmalloc(sizes[i], GFP_KERNEL);

		ASSERT(p);
		live_fill(p, sizes[i], i);
		EXPECT(krealloc(p, full, GFP_KERNEL) == opaque(p));
		EXPECT(krealloc(p, sizes[i], GFP_KERNEL) == opaque(p));
		EXPECT(live_filled(p, sizes[i], i));
		EXPECT_EQ(ksize(p), full);
		kfree(p);
	}
}

TEST(krealloc_moves_contents)
{
	static const size_t sizes[] = {10, 100, 40, 3000, 900, 9000, 30000, 8192, 1, 17};
	char *p = kmalloc(5, GFP_KERNEL);
	size_t old = 5;

	ASSERT(p);
	live_fill(p, old, 77);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		p = krealloc(p, sizes[i], i & 1 ? GFP_KERNEL : GFP_ATOMIC);
		ASSERT(p);
		EXPECT(live_filled(p, min_size(old, sizes[i]), 77));
		EXPECT_EQ(ksize(p), kmalloc_size_roundup(sizes[i]));
		live_fill(p, sizes[i], 77);
		old = sizes[i];
	}
	kfree(p);
}

TEST(krealloc_zeroes_what_grows)
{
	char *p = kzalloc(20, GFP_KERNEL);
	size_t size = 20;

	ASSERT(p);
	memset(p, 1, size);
	for (unsigned i = 0; i < 60; i++) {
		size_t new_size = 1 + test_random_below(i % 7 ? 300 : 12000);

		p = krealloc(p, new_size, GFP_KERNEL | __GFP_ZERO);
		ASSERT(p);
		EXPECT(live_all_bytes(p, min_size(size, new_size), 1));
		if (new_size > size)
			EXPECT(live_all_bytes(p + size, new_size - size, 0));
		size = new_size;
		memset(p, 1, size);
	}
	kfree(p);
}

/* No memory for the new block: the old one is whole, and still freed once. */
TEST(krealloc_that_fails_keeps_the_block)
{
	char *small = kmalloc(200, GFP_KERNEL), *large = kmalloc(2 * 8192, GFP_KERNEL);
	struct fingerprint settled;
	struct held held;

	ASSERT(small && large);
	live_fill(small, 200, 5);
	live_fill(large, 2 * 8192, 6);
	live_settle(&settled); /* or reclaim would find some */
	held_init(&held);
	held_drain(&held, GFP_NOWAIT | __GFP_HIGHMEM);
	held_drain(&held, GFP_NOWAIT);
	EXPECT(!krealloc(small, 100000, GFP_NOWAIT));
	EXPECT(!krealloc(large, 100000, GFP_NOWAIT));
	EXPECT(!krealloc_array(large, 4, 100000, GFP_NOWAIT | __GFP_ZERO));
	expect_report(MM_REPORT_ALLOC_FAILED, 1);
	EXPECT(!krealloc(small, 100000, GFP_KERNEL));
	expect_report(MM_REPORT_BAD_SIZE, 1);
	EXPECT(!krealloc(small, opaque_size(SIZE_MAX), GFP_KERNEL));
	expect_report(MM_REPORT_BAD_FLAGS, 1);
	EXPECT(!krealloc(small, 5000, GFP_KERNEL | __GFP_DMA | __GFP_HIGHMEM));
	held_free(&held);
	EXPECT_EQ(ksize(small), kmalloc_size_roundup(200));
	EXPECT(live_filled(small, 200, 5));
	EXPECT(live_filled(large, 2 * 8192, 6));
	kfree(small);
	kfree(large);
}

/* --- running out --------------------------------------------------------------------------------- */

TEST(atomic_kmalloc_from_the_reserve)
{
	const size_t size = 3 * KMALLOC_MAX_CACHE_SIZE / 2;
	struct held held;
	void *p[2];

	held_init(&held);
	held_drain(&held, GFP_NOWAIT);
	EXPECT(!kmalloc(size, GFP_NOWAIT));
	p[0] = kmalloc(64, GFP_ATOMIC);
	EXPECT(p[0] != NULL);
	kfree(p[0]);
	held_free(&held);
	p[1] = kmalloc(size, GFP_NOWAIT);
	EXPECT(p[1] != NULL);
	kfree(p[1]);
}

/* --- everything at once ---------------------------------------------------------------------------- */

#define MIX 160u

static struct mixed {
	void *p;
	size_t size;
	uint32_t seed;
} mix[MIX];

/* Log-uniform, as sizes are in life: as many between 16 and 32 as between 2 KiB and 4 KiB. */
static size_t random_size(void)
{
	size_t power = (size_t)8 << test_random_below(11);

	return power + test_random_below((uint32_t)power);
}

static void mix_free(struct mixed *m)
{
	if (!m->p)
		return;
	EXPECTF(live_filled(m->p, m->size, m->seed), "a block of %zu bytes is damaged",
		m->size);
	kfree(m->p);
	m->p = NULL;
}

static void mix_alloc(struct mixed *m)
{
	static const gfp_t kinds[] = {GFP_KERNEL, GFP_ATOMIC, GFP_USER, GFP_KERNEL | GFP_DMA,
				      GFP_HIGHUSER};

	m->size = random_size();
	m->seed = test_random();
	m->p = kmalloc(m->size, kinds[test_random_below(5)] | __GFP_NOWARN);
	if (m->p)
		live_fill(m->p, m->size, m->seed);
}

static void mix_resize(struct mixed *m)
{
	size_t size = random_size();
	void *p;

	if (!m->p)
		return;
	p = krealloc(m->p, size, GFP_KERNEL | __GFP_NOWARN);
	EXPECTF(live_filled(p ? p : m->p, min_size(p ? size : m->size, m->size), m->seed),
		"krealloc from %zu to %zu bytes lost some", m->size, size);
	if (!p)
		return;
	m->p = p;
	m->size = size;
	live_fill(p, size, m->seed);
}

TEST(random_mix_of_sizes)
{
	size_t large = nr_free_pages() > 3000 ? MIX : MIX / 4;

	allow_kept_pages(8); /* page tables of the mapping window */
	for (unsigned step = 0; step < 3000 && !test_failed(); step++) {
		struct mixed *m = &mix[test_random_below((uint32_t)large)];

		if (test_random_below(4) == 0) {
			mix_resize(m);
		} else if (m->p) {
			mix_free(m);
		} else {
			mix_alloc(m);
		}
	}
	for (unsigned i = 0; i < MIX; i++)
		mix_free(&mix[i]);
}

TEST_SUITE(kmalloc, layout_and_waste_of_each_class, every_size_that_has_a_cache,
	   user_memory_of_many_sizes, sizes_around_each_power_of_two, the_largest_block,
	   large_blocks_are_counted, size_roundup, dma_blocks_do_not_cross_64k,
	   dma_slabs_do_not_cross_64k, zero_bytes, sizes_beyond_the_largest,
	   products_that_overflow, arrays, sleeping_flags_are_noticed_on_every_path,
	   zeroed_memory_is_zero, zeroed_memory_of_constant_size_is_zero,
	   sensitive_memory_is_wiped, copies, krealloc_of_nothing_allocates,
	   krealloc_to_nothing_frees, krealloc_stays_within_the_class, krealloc_moves_contents,
	   krealloc_zeroes_what_grows, krealloc_that_fails_keeps_the_block,
	   atomic_kmalloc_from_the_reserve, random_mix_of_sizes);
