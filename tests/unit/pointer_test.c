// SPDX-License-Identifier: MIT
/*
 * Bad frees: each class of pointer that kfree() and kmem_cache_free() must refuse gets
 * one report of the right kind, whose text says where the pointer points; nothing else
 * changes, and what it pointed at can still be used and freed.
 */
#include "live.h"
#include "world.h"
#include <bits.h>
#include <magazine.h>
#include <mem.h>
#include <mm/format.h>
#include <mm/highmem.h>
#include <mm/kmalloc.h>

#define LINE 160

/* The optimiser knows what kfree is, and must not reason from it here. */
static void *opaque(const void *p)
{
	__asm__ volatile("" : "+r"(p));
	return (void *)(uintptr_t)p;
}

/* Not inlined, and no tail call: reports name this function as the caller. */
static __attribute__((noinline)) void bad_kfree(const void *p)
{
	kfree(opaque(p));
	__asm__ volatile("");
}

static __attribute__((noinline)) void bad_cache_free(struct kmem_cache *cache, void *p)
{
	kmem_cache_free(cache, opaque(p));
	__asm__ volatile("");
}

/* One report came: of this kind, about this address, with these lines. */
static void expect_said(enum mm_report_kind kind, const void *p, unsigned before,
			const char *action, const char *function, const char *address_line)
{
	char line[LINE];

	EXPECT_EQ(test_reports_seen(kind), before + 1);
	EXPECT_EQ(test_last_report()->kind, kind);
	EXPECT_EQ(test_last_report()->address, (uintptr_t)p);
	mm_snprintf(line, sizeof(line), "%s: %s", mm_report_kind_name(kind), action);
	EXPECT_LOG(line);
	mm_snprintf(line, sizeof(line), "address   %p: %s", p, address_line);
	EXPECT_LOG(line);
	EXPECT_LOG("caller    ");
	EXPECT_LOG("context   CPU ");
	if (live_has_symbols()) {
		mm_snprintf(line, sizeof(line), " %s+0x", function);
		EXPECT_LOG(line);
	}
	EXPECT_LOG("FIX       nothing is freed");
}

static void expect_kfree_refused(const void *p, enum mm_report_kind kind,
				 const char *address_line)
{
	unsigned before = test_reports_seen(kind);
	char action[LINE];

	expect_report(kind, 1);
	test_log_begin();
	bad_kfree(p);
	mm_snprintf(action, sizeof(action), "kfree of %p", p);
	expect_said(kind, p, before, action, "bad_kfree", address_line);
}

static void expect_cache_free_refused(struct kmem_cache *cache, void *p,
				      enum mm_report_kind kind, const char *address_line)
{
	unsigned before = test_reports_seen(kind);
	char action[LINE];

	expect_report(kind, 1);
	test_log_begin();
	bad_cache_free(cache, p);
	mm_snprintf(action, sizeof(action), "kmem_cache_free to %s of %p", cache->name, p);
	expect_said(kind, p, before, action, "bad_cache_free", address_line);
}

static const char *inside_object(char line[LINE], size_t inside, const void *object,
				 const char *cache, size_t size)
{
	mm_snprintf(line, LINE, "%zu bytes inside the %zu-byte object at %p of cache %s",
		    inside, size, object, cache);
	return line;
}

static const char *inside_pages(char line[LINE], size_t inside, const char *what, size_t size)
{
	mm_snprintf(line, LINE, "%zu bytes inside %s of %zu bytes, page frame 0x", inside, what,
		    size);
	return line;
}

/* An object of 64 bytes that is not the first of its slab; `other` keeps that one away. */
static char *second_object(char **other)
{
	char *p = kmalloc(64, GFP_KERNEL), *q = kmalloc(64, GFP_KERNEL);

	if (!EXPECT(p && q))
		return NULL;
	*other = p < q ? p : q;
	return p < q ? q : p;
}

/* --- objects --------------------------------------------------------------------------------- */

TEST(inside_an_object)
{
	static const size_t offsets[] = {1, 4, 8, 16, 32, 63};
	char *other = NULL, *p = second_object(&other);
	char line[LINE];

	ASSERT(p);
	live_fill(p, 64, 9);
	for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
		expect_kfree_refused(p + offsets[i], MM_REPORT_INTERIOR_FREE,
				     inside_object(line, offsets[i], p, "kmalloc-64", 64));
	EXPECT_LOG("object    live; slab at ");
	EXPECT_LOG("bytes     ");
	EXPECT(live_filled(p, 64, 9));
	EXPECT_EQ(ksize(p), 64);
	kfree(p);
	kfree(other);
}

/* Between the bytes of an object and the next object. */
TEST(after_an_object)
{
	struct kmem_cache *cache = kmem_cache_create("test-slack", 20, 0, 0, NULL);
	char line[LINE];
	char *p;

	ASSERT(cache);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(p);
	mm_snprintf(line, sizeof(line), "2 bytes after the 20-byte object at %p of cache %s", p,
		    "test-slack");
	expect_cache_free_refused(cache, p + 22, MM_REPORT_INTERIOR_FREE, line);
	kmem_cache_free(cache, p);
	EXPECT(kmem_cache_destroy(cache));
}

/* The end of a slab that no object reaches. */
TEST(in_the_rest_of_a_slab)
{
	struct kmem_cache *cache = kmem_cache_create("test-rest", 1000, 0, 0, NULL);
	const struct slab *slab;
	char *p;

	ASSERT(cache);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(p);
	slab = virt_to_page(p)->slab;
	EXPECT((size_t)slab->nr * cache->size < PAGE_SIZE << slab->order);
	expect_kfree_refused(slab->base + (size_t)slab->nr * cache->size,
			     MM_REPORT_INTERIOR_FREE,
			     "in a slab of cache test-rest, outside of its objects");
	kmem_cache_free(cache, p);
	EXPECT(kmem_cache_destroy(cache));
}

TEST(twice_in_a_row)
{
	char *p = kmalloc(64, GFP_KERNEL), *q, *r;
	char line[LINE];

	ASSERT(p);
	kfree(p);
	expect_kfree_refused(p, MM_REPORT_DOUBLE_FREE,
			     inside_object(line, 0, p, "kmalloc-64", 64));
	EXPECT_LOG("object    free, in a magazine; slab at ");
	q = kmalloc(64, GFP_KERNEL);
	r = kmalloc(64, GFP_KERNEL);
	EXPECT(q != r); /* it is not handed out twice */
	kfree(q);
	kfree(r);
}

/* The classic that makes a cycle of a free list. */
TEST(twice_with_another_between)
{
	char *p = kmalloc(200, GFP_KERNEL), *q = kmalloc(200, GFP_KERNEL);
	char *again[3];
	char line[LINE];

	ASSERT(p && q);
	kfree(p);
	kfree(q);
	expect_kfree_refused(p, MM_REPORT_DOUBLE_FREE,
			     inside_object(line, 0, p, "kmalloc-224", 224));
	for (unsigned i = 0; i < 3; i++)
		again[i] = kmalloc(200, GFP_KERNEL);
	EXPECT(again[0] != again[1] && again[1] != again[2] && again[0] != again[2]);
	for (unsigned i = 0; i < 3; i++)
		kfree(again[i]);
}

/* By now it is on its slab's free list. */
TEST(twice_after_a_shrink)
{
	struct kmem_cache *cache = kmem_cache_create("test-twice", 100, 0, 0, NULL);
	char *p, *q;
	char line[LINE];

	ASSERT(cache);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	q = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(p && q);
	kmem_cache_free(cache, p);
	kmem_cache_shrink(cache);
	expect_kfree_refused(p, MM_REPORT_DOUBLE_FREE,
			     inside_object(line, 0, p, "test-twice", 100));
	EXPECT_LOG("object    free; slab at ");
	EXPECT_EQ(cache->nr_taken, 1);
	expect_cache_free_refused(cache, p, MM_REPORT_DOUBLE_FREE,
				  inside_object(line, 0, p, "test-twice", 100));
	kmem_cache_free(cache, q);
	EXPECT(kmem_cache_destroy(cache));
}

/* By now its whole slab is free pages. */
TEST(twice_after_its_slab_is_gone)
{
	struct kmem_cache *cache = kmem_cache_create("test-gone", 1024, 0, 0, NULL);
	char *p;

	ASSERT(cache);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(p);
	kmem_cache_free(cache, p);
	kmem_cache_shrink(cache);
	EXPECT_EQ(cache->nr_slabs, 0);
	expect_kfree_refused(p, MM_REPORT_DOUBLE_FREE, "");
	EXPECT_LOG("bytes inside a free block of");
	EXPECT(kmem_cache_destroy(cache));
}

/* --- the wrong cache -------------------------------------------------------------------------- */

TEST(to_the_wrong_cache)
{
	struct kmem_cache *mine = kmem_cache_create("test-mine", 40, 0, 0, NULL);
	struct kmem_cache *other = kmem_cache_create("test-other", 40, 0, 0, NULL);
	char line[LINE], text[LINE];
	char *p, *q;

	ASSERT(mine && other);
	p = kmem_cache_alloc(mine, GFP_KERNEL);
	q = kmalloc(40, GFP_KERNEL);
	ASSERT(p && q);
	expect_cache_free_refused(other, p, MM_REPORT_WRONG_CACHE,
				  inside_object(line, 0, p, "test-mine", 40));
	mm_snprintf(text, sizeof(text), "kmem_cache_free to test-other of %p, an object of %s",
		    p, "test-mine");
	EXPECT_REPORT_TEXT(text);
	expect_cache_free_refused(mine, q, MM_REPORT_WRONG_CACHE,
				  inside_object(line, 0, q, "kmalloc-48", 48));
	expect_cache_free_refused(other, p + 3, MM_REPORT_INTERIOR_FREE,
				  inside_object(line, 3, p, "test-mine", 40));
	kfree(q);
	kmem_cache_free(mine, p);
	expect_cache_free_refused(other, p, MM_REPORT_DOUBLE_FREE,
				  inside_object(line, 0, p, "test-mine", 40));
	EXPECT(kmem_cache_destroy(mine));
	EXPECT(kmem_cache_destroy(other));
}

/* kfree() takes objects of any cache that is not the allocator's own, as Linux's does. */
TEST(objects_of_caches_can_be_kfreed)
{
	struct kmem_cache *cache = kmem_cache_create("test-any", 40, 0, 0, NULL);
	void *p;

	ASSERT(cache);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(p);
	kfree(p);
	EXPECT(kmem_cache_destroy(cache));
}

/* The allocator's own objects: caches, descriptors, magazines. */
TEST(objects_of_the_allocator_itself)
{
	struct kmem_cache *cache = kmem_cache_create("test-own", 64, 0, 0, NULL);
	struct slab *slab;
	void *p;

	ASSERT(cache);
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(p);
	slab = virt_to_page(p)->slab;
	expect_kfree_refused(cache, MM_REPORT_BAD_ADDRESS, "0 bytes inside the ");
	EXPECT_LOG("of cache kmem_cache");
	expect_kfree_refused(slab, MM_REPORT_BAD_ADDRESS, "0 bytes inside the ");
	EXPECT_LOG("of cache slab-descriptor");
	expect_kfree_refused(cache->stacks[mm_cpu_id()].magazine, MM_REPORT_BAD_ADDRESS,
			     "0 bytes inside the ");
	EXPECT_LOG("of cache magazine");
	expect_cache_free_refused(virt_to_page(cache)->slab->cache, cache,
				  MM_REPORT_BAD_ADDRESS, "0 bytes inside the ");
	expect_report(MM_REPORT_BAD_ADDRESS, 1);
	EXPECT_EQ(ksize(cache), 0);
	kmem_cache_free(cache, p);
	EXPECT(kmem_cache_destroy(cache));
}

/* --- pages ------------------------------------------------------------------------------------ */

TEST(pages_that_are_no_slab)
{
	struct page *page = alloc_pages(GFP_KERNEL, 1);
	char line[LINE];
	char *p;

	ASSERT(page);
	p = page_address(page);
	expect_kfree_refused(p, MM_REPORT_BAD_ADDRESS,
			     inside_pages(line, 0, "a block of pages", 2 * PAGE_SIZE));
	expect_kfree_refused(p + 100, MM_REPORT_BAD_ADDRESS,
			     inside_pages(line, 100, "a block of pages", 2 * PAGE_SIZE));
	expect_kfree_refused(p + PAGE_SIZE, MM_REPORT_BAD_ADDRESS,
			     inside_pages(line, PAGE_SIZE, "a block of pages", 2 * PAGE_SIZE));
	expect_cache_free_refused(live_cache("kmalloc-64"), p, MM_REPORT_BAD_ADDRESS,
				  inside_pages(line, 0, "a block of pages", 2 * PAGE_SIZE));
	EXPECT_EQ(page_count(page), 1);
	__free_pages(page, 1);
	expect_kfree_refused(p, MM_REPORT_DOUBLE_FREE, "");
	EXPECT_LOG("bytes inside a free block of");
}

TEST(inside_a_large_block)
{
	static const size_t offsets[] = {1, 8, 100, PAGE_SIZE, 2 * PAGE_SIZE, 16383};
	char *p = kmalloc(3 * PAGE_SIZE, GFP_KERNEL);
	char line[LINE];

	ASSERT(p);
	live_fill(p, 3 * PAGE_SIZE, 4);
	for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
		expect_kfree_refused(
			p + offsets[i], MM_REPORT_INTERIOR_FREE,
			inside_pages(line, offsets[i], "a large kmalloc block", 4 * PAGE_SIZE));
	EXPECT(live_filled(p, 3 * PAGE_SIZE, 4));
	EXPECT_EQ(ksize(p), 4 * PAGE_SIZE);
	expect_cache_free_refused(
		live_cache("kmalloc-8192"), p, MM_REPORT_BAD_ADDRESS,
		inside_pages(line, 0, "a large kmalloc block", 4 * PAGE_SIZE));
	kfree(p);
}

TEST(a_large_block_twice)
{
	char *p = kmalloc(3 * PAGE_SIZE, GFP_KERNEL);

	ASSERT(p);
	kfree(p);
	expect_kfree_refused(p, MM_REPORT_DOUBLE_FREE, "");
	EXPECT_LOG("bytes inside a free block of");
	expect_kfree_refused(p + PAGE_SIZE, MM_REPORT_DOUBLE_FREE, "");
}

TEST(reserved_memory)
{
	struct page *page = live_reserved_page();

	if (!page || page_is_highmem(page))
		SKIP("no reserved page with an address on this machine");
	/* Frame 0 may be it, whose address is the base of the direct map: use its end. */
	expect_kfree_refused((char *)page_address(page) + PAGE_SIZE - 8, MM_REPORT_BAD_ADDRESS,
			     "in reserved memory, page frame 0x");
}

/* --- what is no memory of the allocator's -------------------------------------------------------- */

TEST(stack_and_static_memory)
{
	static char here[64];
	char there[64];

	expect_kfree_refused(here, MM_REPORT_BAD_ADDRESS, "");
	expect_kfree_refused(there, MM_REPORT_BAD_ADDRESS, "");
	expect_kfree_refused("a string", MM_REPORT_BAD_ADDRESS, "");
	expect_cache_free_refused(live_cache("kmalloc-64"), there, MM_REPORT_BAD_ADDRESS, "");
}

TEST(addresses_of_nothing)
{
	static const uintptr_t addresses[] = {17,
					      24,
					      0xff8,
					      PAGE_SIZE,
					      0x08048000,
					      (uintptr_t)-1,
					      (uintptr_t)-8,
					      (uintptr_t)-4096,
					      (uintptr_t)-65536};

	for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		expect_kfree_refused((void *)addresses[i], MM_REPORT_BAD_ADDRESS,
				     "no memory of the allocator's");
}

/* --- other functions that take a block ------------------------------------------------------------- */

TEST(ksize_and_krealloc_of_bad_pointers)
{
	char *p = kmalloc(64, GFP_KERNEL), *gone = kmalloc(64, GFP_KERNEL);
	struct page *page = alloc_page(GFP_KERNEL);
	char stack[16];

	ASSERT(p && gone && page);
	kfree(gone);
	expect_report(MM_REPORT_BAD_ADDRESS, 8);
	test_log_begin();
	EXPECT_EQ(ksize(opaque(p + 8)), 0);
	EXPECT_EQ(ksize(opaque(gone)), 0);
	EXPECT_EQ(ksize(page_address(page)), 0);
	EXPECT_EQ(ksize(opaque(stack)), 0);
	EXPECT(!krealloc(opaque(p + 8), 100, GFP_KERNEL));
	EXPECT(!krealloc(opaque(gone), 10, GFP_KERNEL));
	EXPECT(!krealloc(page_address(page), 10, GFP_KERNEL));
	EXPECT(!krealloc(opaque(stack), 100, GFP_KERNEL));
	EXPECT_LOG("ksize of ");
	EXPECT_LOG("krealloc of ");
	EXPECT_LOG("which is no live block");
	EXPECT_LOG("FIX       nothing is changed");
	expect_report(MM_REPORT_DOUBLE_FREE, 2);
	EXPECT(krealloc(opaque(gone), 0, GFP_KERNEL) == ZERO_SIZE_PTR);
	kfree_sensitive(opaque(gone));
	__free_page(page);
	kfree(p);
}

/* A storm of bad frees between good ones: nothing is lost, nothing handed out twice. */
TEST(bad_frees_at_random)
{
	static char *p[32];
	static size_t size[32];
	unsigned bad = 0;

	memset(p, 0, sizeof(p));
	for (unsigned step = 0; step < 1500 && !test_failed(); step++) {
		unsigned i = test_random_below(32);

		if (!p[i]) {
			size[i] = 16 + test_random_below(3000);
			p[i] = kmalloc(size[i], GFP_KERNEL);
			ASSERT(p[i]);
			live_fill(p[i], size[i], i);
		} else if (bad < 60 && test_random_below(8) == 0) {
			expect_report(MM_REPORT_INTERIOR_FREE, 1);
			kfree(p[i] + 1 + test_random_below((uint32_t)size[i] - 1));
			bad++;
		} else {
			EXPECT(live_filled(p[i], size[i], i));
			kfree(p[i]);
			if (bad < 60 && test_random_below(8) == 0) {
				expect_report(MM_REPORT_DOUBLE_FREE, 1);
				kfree(opaque(p[i]));
				bad++;
			}
			p[i] = NULL;
		}
	}
	for (unsigned i = 0; i < 32; i++)
		kfree(p[i]);
}

TEST_SUITE(pointer, inside_an_object, after_an_object, in_the_rest_of_a_slab, twice_in_a_row,
	   twice_with_another_between, twice_after_a_shrink, twice_after_its_slab_is_gone,
	   to_the_wrong_cache, objects_of_caches_can_be_kfreed, objects_of_the_allocator_itself,
	   pages_that_are_no_slab, inside_a_large_block, a_large_block_twice, reserved_memory,
	   stack_and_static_memory, addresses_of_nothing, ksize_and_krealloc_of_bad_pointers,
	   bad_frees_at_random);
