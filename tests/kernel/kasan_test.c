// SPDX-License-Identifier: MIT
/*
 * In a kernel that checks each access (`make KASAN=1`): bad ones of many kinds, each of which is reported
 * once, and goes on.  What is written beside an object is what lies there, so that its red zone stays
 * whole.
 */
#include <harness.h>
#include <kernel/string.h>
#include <mm/kmalloc.h>
#include <mm/mempool.h>
#include <mm/nolock.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <unit/guarded.h>

#define RED  0xbb /* of the red zones */
#define SIZE 100u /* is served by kmalloc-112 */

static bool is_checked(void)
{
#ifdef KASAN
	return true;
#else
	return false;
#endif
}

#define NEEDS_CHECKS()     \
	if (!is_checked()) \
	SKIP("not in this kernel")

static volatile uint8_t sink;

static void read_at(const void *p)
{
	sink = *(const volatile uint8_t *)guarded_opaque(p);
}

static void write_at(void *p)
{
	*(volatile uint8_t *)guarded_opaque(p) = RED;
}

/* One report of this kind, whose headline has this text. */
#define EXPECT_BAD(kind, text, access)              \
	do {                                        \
		expect_report(MM_REPORT_##kind, 1); \
		access;                             \
		EXPECT_REPORT_TEXT(text);           \
	} while (0)

/* --- beside objects ---------------------------------------------------------------------- */

TEST(right_of_an_object)
{
	uint8_t *p;

	NEEDS_CHECKS();
	p = kmalloc(guarded_opaque_size(SIZE), GFP_KERNEL);
	read_at(p + SIZE - 1);
	EXPECT_BAD(OUT_OF_BOUNDS, ", 0 bytes after the 100-byte object at ", read_at(p + SIZE));
	EXPECT_BAD(OUT_OF_BOUNDS, "write of 1 bytes at ", write_at(p + SIZE));
	EXPECT_BAD(OUT_OF_BOUNDS, ", 11 bytes after the 100-byte object at ",
		   read_at(p + SIZE + 11));
	EXPECT_BAD(OUT_OF_BOUNDS, " of cache kmalloc-112", read_at(p + 112));
	EXPECT_EQ(ksize(p), SIZE); /* and does not open what lies behind: */
	EXPECT_BAD(OUT_OF_BOUNDS, "read of 1 bytes at ", read_at(p + SIZE));
	kfree(p);
}

TEST(left_of_an_object)
{
	uint8_t *p;

	NEEDS_CHECKS();
	p = kmalloc(guarded_opaque_size(SIZE), GFP_KERNEL);
	EXPECT_BAD(OUT_OF_BOUNDS, ", 1 bytes before the 100-byte object at ", read_at(p - 1));
	EXPECT_BAD(OUT_OF_BOUNDS, "write of 1 bytes at ", write_at(p - 1));
	kfree(p);
}

TEST(beside_a_large_object)
{
	uint8_t *p;

	NEEDS_CHECKS();
	p = kmalloc(guarded_opaque_size(5000), GFP_KERNEL);
	EXPECT_BAD(OUT_OF_BOUNDS, ", 0 bytes after the 5000-byte object at ",
		   read_at(p + 5000));
	EXPECT_BAD(OUT_OF_BOUNDS, ", 1 bytes before the 5000-byte object at ", read_at(p - 1));
	kfree(p);
}

/* Not aligned. */
#define UNALIGNED __attribute__((noinline, no_sanitize("undefined")))

static UNALIGNED void read_two(const void *p)
{
	sink = (uint8_t) * (const volatile uint16_t *)p;
}

static UNALIGNED void read_four(const void *p)
{
	sink = (uint8_t) * (const volatile uint32_t *)p;
}

/* Of several bytes, of which the first may be accessed. */
TEST(wide_accesses)
{
	uint8_t *p;

	NEEDS_CHECKS();
	p = kmalloc(guarded_opaque_size(SIZE), GFP_KERNEL);
	read_two(p + SIZE - 2);
	EXPECT_BAD(OUT_OF_BOUNDS, "read of 2 bytes at ", read_two(p + SIZE - 1));
	EXPECT_BAD(OUT_OF_BOUNDS, "read of 4 bytes at ", read_four(p + SIZE - 1));
	kfree(p);
}

struct large {
	uint32_t words[26]; /* 104 bytes */
};

TEST(structures_and_memory_functions)
{
	static struct large from;
	struct large *to;
	uint8_t *p;

	NEEDS_CHECKS();
	p = kmalloc(guarded_opaque_size(SIZE), GFP_KERNEL);
	to = guarded_opaque(p);
	memset(&from, RED, sizeof(from));
	EXPECT_BAD(OUT_OF_BOUNDS, ", 0 bytes after the 100-byte object at ", *to = from);
	for (size_t n = 2; n <= 16; n *= 2)
		EXPECT_BAD(OUT_OF_BOUNDS, ", 0 bytes after the 100-byte object at ",
			   memset(p + SIZE - 1, RED, guarded_opaque_size(n)));
	EXPECT_BAD(OUT_OF_BOUNDS, "write of 101 bytes at ",
		   memcpy(p, guarded_opaque(&from), guarded_opaque_size(SIZE + 1)));
	EXPECT_BAD(OUT_OF_BOUNDS, "read of 101 bytes at ",
		   memmove(&from, guarded_opaque(p), guarded_opaque_size(SIZE + 1)));
	EXPECT_BAD(OUT_OF_BOUNDS, "read of 101 bytes at ",
		   sink = (uint8_t)memcmp(&from, guarded_opaque(p),
					  guarded_opaque_size(SIZE + 1)));
	EXPECT_BAD(OUT_OF_BOUNDS, ", which is less than none",
		   memmove(p, p + 1, guarded_opaque_size((size_t)-2)));
	kfree(p);
}

TEST(objects_of_caches)
{
	struct kmem_cache *cache;
	uint8_t *p[4], *q;

	NEEDS_CHECKS();
	cache = kmem_cache_create("checked", 41, 0, SLAB_RED_ZONE | SLAB_STORE_USER, NULL);
	EXPECT_EQ(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 4, (void **)p), 4);
	for (unsigned i = 0; i < 4; i++) {
		read_at(p[i] + 40);
		EXPECT_BAD(OUT_OF_BOUNDS, ", 0 bytes after the 41-byte object at ",
			   read_at(p[i] + 41));
	}
	q = p[2];
	kmem_cache_free_bulk(cache, 4, (void **)p);
	EXPECT_BAD(USE_AFTER_FREE, ", 7 bytes inside the 41-byte object at ", read_at(q + 7));
	EXPECT(kmem_cache_destroy(cache));
	EXPECT_BAD(USE_AFTER_FREE, "read of 1 bytes at ", read_at(q)); /* its page is free */
}

TEST(elements_of_pools)
{
	struct mempool *pool;
	uint8_t *p;

	NEEDS_CHECKS();
	pool = mempool_create_kmalloc_pool(2, SIZE);
	p = mempool_alloc(pool, GFP_KERNEL);
	EXPECT_BAD(OUT_OF_BOUNDS, ", 0 bytes after the 100-byte object at ", read_at(p + SIZE));
	mempool_free(p, pool);
	mempool_destroy(pool);
	EXPECT_BAD(USE_AFTER_FREE, ", 0 bytes inside the ", read_at(p));
}

TEST(objects_without_locks)
{
	uint8_t *p;

	NEEDS_CHECKS();
	p = kmalloc_nolock(SIZE, 0);
	if (!p)
		SKIP("no memory without waiting for a lock");
	EXPECT_BAD(OUT_OF_BOUNDS, ", 0 bytes after the 100-byte object at ", read_at(p + SIZE));
	kfree_nolock(p);
	EXPECT_BAD(USE_AFTER_FREE, ", 3 bytes inside the ", read_at(p + 3));
}

/* --- what is free ------------------------------------------------------------------------- */

TEST(free_objects)
{
	uint8_t *p;

	NEEDS_CHECKS();
	p = kmalloc(guarded_opaque_size(SIZE), GFP_KERNEL);
	kfree(p);
	EXPECT_BAD(USE_AFTER_FREE, ", 9 bytes inside the ", read_at(p + 9));
	EXPECT_BAD(USE_AFTER_FREE, "write of 1 bytes at ", write_at(p));
	EXPECT_BAD(USE_AFTER_FREE, "write of 100 bytes at ",
		   memset(guarded_opaque(p), 0, guarded_opaque_size(SIZE)));
	EXPECT_BAD(DOUBLE_FREE, "kfree of ", kfree(guarded_opaque(p)));
}

/* Others have allocated since, and not got it: what is freed last comes last. */
TEST(free_objects_while_others_allocate)
{
	uint8_t *p, *others[4];

	NEEDS_CHECKS();
	p = kmalloc(guarded_opaque_size(SIZE), GFP_KERNEL);
	kfree(p);
	for (unsigned i = 0; i < 4; i++) {
		others[i] = kmalloc(guarded_opaque_size(SIZE), GFP_KERNEL);
		EXPECT(others[i] != p);
	}
	EXPECT_BAD(USE_AFTER_FREE, ", 0 bytes inside the ", read_at(p));
	for (unsigned i = 0; i < 4; i++)
		kfree(others[i]);
}

TEST(reallocated_objects)
{
	uint8_t *p, *q;

	NEEDS_CHECKS();
	p = kmalloc(guarded_opaque_size(SIZE), GFP_KERNEL);
	q = krealloc(p, SIZE - 3, GFP_KERNEL);
	EXPECT(q == p);
	EXPECT_BAD(OUT_OF_BOUNDS, ", 0 bytes after the 97-byte object at ",
		   read_at(q + SIZE - 3));
	q = krealloc(p, 2 * SIZE, GFP_KERNEL);
	read_at(q + 2 * SIZE - 1);
	EXPECT_BAD(OUT_OF_BOUNDS, ", 0 bytes after the 200-byte object at ",
		   read_at(q + 2 * SIZE));
	EXPECT_BAD(USE_AFTER_FREE, ", 0 bytes inside the ", read_at(p));
	EXPECT_BAD(BAD_ADDRESS, "krealloc of ",
		   EXPECT(!krealloc(guarded_opaque(p), 10, GFP_KERNEL)));
	kfree(q);
}

TEST(free_pages_and_blocks)
{
	struct page *page;
	uint8_t *p;

	NEEDS_CHECKS();
	page = alloc_pages(GFP_KERNEL, 2);
	p = page_address(page);
	read_at(p + 4 * PAGE_SIZE - 1);
	__free_pages(page, 2);
	EXPECT_BAD(USE_AFTER_FREE, "read of 1 bytes at ", read_at(p));
	EXPECT_BAD(USE_AFTER_FREE, "write of 1 bytes at ", write_at(p + 3 * PAGE_SIZE + 5));
	p = kmalloc(guarded_opaque_size(20000), GFP_KERNEL);
	read_at(p + 19999);
	kfree(p);
	EXPECT_BAD(USE_AFTER_FREE, "read of 1 bytes at ", read_at(p + 10000));
}

/* --- variables ----------------------------------------------------------------------------- */

TEST(stack_variables)
{
	volatile uint8_t before[10], array[13], after[10];
	const uint8_t *p;

	NEEDS_CHECKS();
	before[0] = after[0] = 0;
	memset((void *)array, 0, sizeof(array));
	p = guarded_opaque((const void *)array);
	read_at(p + 12);
	EXPECT_BAD(OUT_OF_BOUNDS, "on the stack", read_at(p + 13));
	EXPECT_BAD(OUT_OF_BOUNDS, "on the stack", read_at(p - 1));
	sink = before[0] + after[0];
}

static const void *leaked;

static __attribute__((noinline)) void leak_a_variable(void)
{
	for (unsigned i = 0; i < 1; i++) {
		volatile uint8_t inner[20];

		inner[0] = 1;
		leaked = guarded_opaque((const void *)inner);
	}
	EXPECT_BAD(USE_AFTER_FREE, "whose block has ended", read_at(leaked));
}

TEST(variables_whose_block_has_ended)
{
	NEEDS_CHECKS();
	leak_a_variable();
}

static uint8_t global[13];

TEST(global_variables)
{
	NEEDS_CHECKS();
	read_at(global + 12);
	EXPECT_BAD(OUT_OF_BOUNDS, "behind a global variable", read_at(global + 13));
}

TEST_SUITE(kasan, right_of_an_object, left_of_an_object, beside_a_large_object, wide_accesses,
	   structures_and_memory_functions, objects_of_caches, elements_of_pools,
	   objects_without_locks, free_objects, free_objects_while_others_allocate,
	   reallocated_objects, free_pages_and_blocks, stack_variables,
	   variables_whose_block_has_ended, global_variables);
