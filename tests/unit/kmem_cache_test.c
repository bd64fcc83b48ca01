// SPDX-License-Identifier: MIT
/*
 * Caches by their public interface: what they refuse, where objects lie, that the
 * constructor runs once for each object and its work lasts, that pages go back, and that
 * a cache lives on after it was destroyed with objects out.
 */
#include "live.h"
#include <bits.h>
#include <magazine.h>
#include <mem.h>
#include <mm/format.h>
#include <mm/kmalloc.h>
#include <page_list.h>
#include <zone.h>

#define MANY 128u

static void *objects[MANY];

static bool take(struct kmem_cache *cache, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!EXPECT((objects[i] = kmem_cache_alloc(cache, GFP_KERNEL)) != NULL))
			return false;
	return true;
}

static void give(struct kmem_cache *cache, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		kmem_cache_free(cache, objects[i]);
}

/* --- making ----------------------------------------------------------------------------- */

TEST(arguments_that_make_no_sense)
{
	static const struct {
		const char *name;
		size_t size, align;
		slab_flags_t flags;
	} bad[] = {
		{NULL, 8, 0, 0},
		{"", 8, 0, 0},
		{"bad", 0, 0, 0},
		{"bad", KMEM_CACHE_SIZE_MAX + 1, 0, 0},
		{"bad", SIZE_MAX, 0, 0},
		{"bad", SIZE_MAX - 7, 4096, 0},
		{"bad", 8, 3, 0},
		{"bad", 8, 24, 0},
		{"bad", 8, 2 * PAGE_SIZE, 0},
		{"bad", 8, SIZE_MAX, 0},
		{"bad", 8, 0, 0x20},
		{"bad", 8, 0, 0x80},
		{"bad", 8, 0, SLAB_INTERNAL},
		{"bad", 8, 0, SLAB_ON_SLAB},
		{"bad", 8, 0, SLAB_KMALLOC},
		{"bad", 8, 0, 0x80000000u},
	};
	const unsigned n = sizeof(bad) / sizeof(bad[0]);

	expect_report(MM_REPORT_BAD_SIZE, n);
	for (unsigned i = 0; i < n; i++)
		EXPECT(!kmem_cache_create(bad[i].name, bad[i].size, bad[i].align, bad[i].flags,
					  NULL));
}

TEST(name_and_size_are_kept)
{
	char name[] = "test-name";
	struct kmem_cache *cache = kmem_cache_create(name, 37, 0, 0, NULL);
	struct kmem_cache *long_name =
		kmem_cache_create("a-name-that-is-longer-than-names-may-be", 8, 0, 0, NULL);

	ASSERT(cache && long_name);
	name[0] = 'X'; /* it was copied */
	EXPECT_STR(kmem_cache_name(cache), "test-name");
	EXPECT_EQ(kmem_cache_size(cache), 37);
	EXPECT_STR(kmem_cache_name(long_name), "a-name-that-is-longer-than-name");
	EXPECT(kmem_cache_destroy(cache));
	EXPECT(kmem_cache_destroy(long_name));
	EXPECT(kmem_cache_destroy(NULL));
}

static __attribute__((noinline)) struct kmem_cache *create_with_irqs_off(void)
{
	mm_irqflags_t flags = mm_irq_save();
	struct kmem_cache *cache = kmem_cache_create("test-atomic", 64, 0, 0, NULL);

	mm_irq_restore(flags);
	return cache;
}

TEST(made_where_sleeping_is_not_allowed)
{
	struct kmem_cache *cache = create_with_irqs_off();

	EXPECT(cache != NULL);
	EXPECT(kmem_cache_destroy(cache));
}

static __attribute__((noinline)) void *sleeping_request(struct kmem_cache *cache)
{
	return kmem_cache_alloc(cache, GFP_KERNEL);
}

/* An object that is ready is no excuse. */
TEST(sleeping_flags_where_sleeping_is_not_allowed)
{
	struct kmem_cache *cache = kmem_cache_create("test-sleep", 64, 0, 0, NULL);
	mm_irqflags_t flags;
	void *object;

	ASSERT(cache);
	expect_report(MM_REPORT_MIGHT_SLEEP, 1);
	kmem_cache_free(cache, sleeping_request(cache));
	EXPECT_EQ(test_reports_seen(MM_REPORT_MIGHT_SLEEP), 0);
	flags = mm_irq_save();
	object = sleeping_request(cache);
	mm_irq_restore(flags);
	EXPECT(object != NULL);
	EXPECT_EQ(test_reports_seen(MM_REPORT_MIGHT_SLEEP), 1);
	kmem_cache_free(cache, object);
	EXPECT(kmem_cache_destroy(cache));
}

/* --- where objects lie -------------------------------------------------------------------- */

/* Objects of this size and alignment: aligned, apart, each of its own contents. */
static void check_objects(size_t size, size_t align, slab_flags_t flags)
{
	struct kmem_cache *cache = kmem_cache_create("test-objects", size, align, flags, NULL);
	size_t room = nr_free_pages() / 4 * PAGE_SIZE / size;
	unsigned n = (unsigned)min_size(size > 100000 ? 2 : 40, room ? room : 1);
	uintptr_t mask = max_size(align, KMEM_CACHE_ALIGN_MIN) - 1;

	if (!EXPECT(cache != NULL) || !take(cache, n))
		return;
	for (unsigned i = 0; i < n; i++) {
		EXPECT_EQ((uintptr_t)objects[i] & mask, 0);
		live_fill(objects[i], size, i);
	}
	for (unsigned i = 0; i < n; i++)
		EXPECTF(live_filled(objects[i], size, i), "size %zu: object %u is damaged",
			size, i);
	give(cache, n);
	EXPECT(kmem_cache_destroy(cache));
}

TEST(objects_of_many_sizes)
{
	static const size_t sizes[] = {1,     2,     3,     7,     8,    9,    12,   15,
				       16,    17,    31,    33,    40,   63,   65,   100,
				       129,   255,   257,   500,   1000, 1025, 2000, 3000,
				       4095,  4096,  4097,  5000,  8191, 8192, 8193, 12288,
				       16384, 20000, 32767, 32768, 32769};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && !test_failed(); i++)
		check_objects(sizes[i], 0, 0);
}

TEST(objects_of_every_alignment)
{
	for (size_t align = 1; align <= PAGE_SIZE; align <<= 1) {
		check_objects(24, align, 0);
		check_objects(align + 1, align, 0);
	}
}

/* The largest objects are whole blocks; a small machine has few or none. */
TEST(objects_as_large_as_blocks)
{
	for (size_t size = 65536; size <= KMEM_CACHE_SIZE_MAX; size <<= 1) {
		struct kmem_cache *cache = kmem_cache_create("test-large", size, 0, 0, NULL);
		char *p;

		ASSERT(cache);
		p = kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NOWARN);
		if (p) {
			EXPECT_EQ((uintptr_t)p % size, 0);
			EXPECT_EQ(ksize(p), size);
			p[0] = p[size - 1] = 1;
			expect_report(MM_REPORT_INTERIOR_FREE, 1);
			kmem_cache_free(cache, p + PAGE_SIZE);
			kmem_cache_free(cache, p);
		}
		EXPECT(kmem_cache_destroy(cache));
	}
}

TEST(hwcache_align)
{
	const size_t line = 64;

	for (size_t size = 1; size <= 200; size += 7) {
		struct kmem_cache *cache =
			kmem_cache_create("test-line", size, 0, SLAB_HWCACHE_ALIGN, NULL);

		if (!EXPECT(cache != NULL) || !take(cache, 20))
			return;
		for (unsigned i = 0; i < 20; i++) {
			uintptr_t start = (uintptr_t)objects[i], last = start + size - 1;

			if (size > line / 2)
				EXPECT_EQ(start % line, 0);
			else
				EXPECT_EQ(start / line, last / line);
		}
		give(cache, 20);
		EXPECT(kmem_cache_destroy(cache));
	}
}

TEST(dma_cache_lies_in_the_dma_zone)
{
	struct mm_zone_info zone;
	struct kmem_cache *cache;

	if (!mm_zone_info(MM_ZONE_DMA, &zone))
		SKIP("no DMA zone");
	cache = kmem_cache_create("test-dma", 100, 0, SLAB_CACHE_DMA, NULL);
	ASSERT(cache && take(cache, MANY));
	for (unsigned i = 0; i < MANY; i++)
		EXPECT(mm_virt_to_phys(objects[i]) + 100 <= (paddr_t)zone.end << PAGE_SHIFT);
	give(cache, MANY);
	objects[0] = kmem_cache_alloc(cache, GFP_ATOMIC | GFP_DMA);
	EXPECT(objects[0] != NULL);
	kmem_cache_free(cache, objects[0]);
	EXPECT(kmem_cache_destroy(cache));
}

/* Slabs of a user cache do not lie where the kernel's do. */
TEST(user_cache_lies_in_user_pageblocks)
{
	struct mm_zone_info zone;
	struct kmem_cache *cache;
	struct page *page;

	if (!mm_zone_info(MM_ZONE_NORMAL, &zone) ||
	    zone.free_blocks[0][MM_MAX_ORDER] + zone.free_blocks[1][MM_MAX_ORDER] < 2)
		SKIP("too few free pageblocks to keep types apart");
	page_lists_drain(); /* what is there may be of pageblocks that have changed their type since */
	cache = kmem_cache_create("test-user", 1000, 0, SLAB_USER, NULL);
	ASSERT(cache && take(cache, 20));
	for (unsigned i = 0; i < 20; i++) {
		page = virt_to_page(objects[i]);
		EXPECT_EQ(buddy_pageblock_type(&zones[page->zone].buddy, page_to_pfn(page)),
			  BLOCK_USER);
	}
	give(cache, 20);
	EXPECT(kmem_cache_destroy(cache));
}

/* --- flags of a request -------------------------------------------------------------------- */

static void construct_nothing(void *object)
{
	(void)object;
}

TEST(flags_that_a_cache_refuses)
{
	struct kmem_cache *plain = kmem_cache_create("test-plain", 64, 0, 0, NULL);
	struct kmem_cache *built = kmem_cache_create("test-built", 64, 0, 0, construct_nothing);

	ASSERT(plain && built);
	expect_report(MM_REPORT_BAD_FLAGS, 5);
	EXPECT(!kmem_cache_alloc(plain, GFP_KERNEL | __GFP_HIGHMEM));
	EXPECT(!kmem_cache_alloc(plain, GFP_KERNEL | __GFP_DMA));
	EXPECT(!kmem_cache_alloc(plain, GFP_ATOMIC | __GFP_NOFAIL));
	EXPECT(!kmem_cache_alloc(built, GFP_KERNEL | __GFP_ZERO));
	EXPECT(!kmem_cache_zalloc(built, GFP_KERNEL));
	EXPECT_REPORT_TEXT("cache test-built: __GFP_ZERO would undo what the constructor did");
	EXPECT(kmem_cache_destroy(plain));
	EXPECT(kmem_cache_destroy(built));
}

TEST(zalloc_zeroes)
{
	struct kmem_cache *cache = kmem_cache_create("test-zero", 100, 0, 0, NULL);
	void *object;

	ASSERT(cache);
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	ASSERT(object);
	memset(object, 0xa5, 100);
	kmem_cache_free(cache, object);
	EXPECT(kmem_cache_zalloc(cache, GFP_KERNEL) == object);
	EXPECT(live_all_bytes(object, 100, 0));
	memset(object, 0xa5, 100);
	kmem_cache_free(cache, object);
	EXPECT(kmem_cache_alloc(cache, GFP_ATOMIC | __GFP_ZERO | __GFP_USER) == object);
	EXPECT(live_all_bytes(object, 100, 0));
	kmem_cache_free(cache, object);
	kmem_cache_free(cache, NULL);
	EXPECT(kmem_cache_destroy(cache));
}

/* --- constructors ---------------------------------------------------------------------------- */

#define BUILT_MAGIC 0x600dc0deu

struct built {
	uint32_t magic, number, used;
	char rest[52];
};

static uint32_t constructed;

static void construct(void *object)
{
	struct built *built = object;

	*built = (struct built){.magic = BUILT_MAGIC, .number = constructed++};
}

static bool is_built(const struct built *built)
{
	return built->magic == BUILT_MAGIC && built->number < constructed &&
	       live_all_bytes(built->rest, sizeof(built->rest), 0);
}

/* Every object was constructed once, by its own number; no two share one. */
static void check_built(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct built *built = objects[i];

		EXPECT(is_built(built));
		for (unsigned j = 0; j < i; j++)
			EXPECT(((const struct built *)objects[j])->number != built->number);
	}
}

TEST(constructor_runs_once_for_each_object)
{
	struct kmem_cache *cache;
	uint32_t number;

	constructed = 0;
	cache = kmem_cache_create("test-ctor", sizeof(struct built), 0, 0, construct);
	ASSERT(cache);
	EXPECT_EQ(constructed, 0);
	ASSERT(take(cache, MANY));
	EXPECT_EQ(constructed, cache->nr_slabs * cache->nr);
	check_built(MANY);
	for (unsigned i = 0; i < MANY; i++)
		((struct built *)objects[i])->used++;
	give(cache, MANY / 2);
	for (unsigned i = 0; i < MANY / 2; i++) {
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		ASSERT(objects[i]);
	}
	check_built(MANY);
	EXPECT_EQ(constructed, cache->nr_slabs * cache->nr);
	number = ((struct built *)objects[0])->number;
	EXPECT_EQ(((struct built *)objects[0])->used, 1); /* what it was when it was freed */
	kmem_cache_free(cache, objects[0]);
	objects[0] = kmem_cache_alloc(cache, GFP_KERNEL);
	EXPECT_EQ(((struct built *)objects[0])->number, number);
	give(cache, MANY);
	EXPECT(kmem_cache_destroy(cache));
}

TEST(constructor_runs_for_each_new_slab)
{
	struct kmem_cache *cache;
	uint32_t before;

	constructed = 0;
	cache = kmem_cache_create("test-ctor", 500, 0, 0, construct);
	ASSERT(cache && take(cache, 40));
	check_built(40);
	give(cache, 40);
	kmem_cache_shrink(cache);
	EXPECT_EQ(cache->nr_slabs, 0);
	before = constructed;
	ASSERT(take(cache, 1));
	EXPECT_EQ(constructed, before + cache->nr);
	give(cache, 1);
	EXPECT(kmem_cache_destroy(cache));
}

/* --- giving pages back ------------------------------------------------------------------------ */

TEST(shrink_gives_pages_back)
{
	struct kmem_cache *cache = kmem_cache_create("test-shrink", 500, 0, 0, NULL);
	size_t slabs, free, pages;

	ASSERT(cache && take(cache, MANY));
	slabs = cache->nr_slabs;
	EXPECT(slabs > 4);
	give(cache, MANY);
	free = nr_free_pages();
	pages = cache->nr_slabs << cache->order;
	EXPECT_EQ(kmem_cache_shrink(cache), pages);
	EXPECT_EQ(cache->nr_slabs, 0);
	/* Descriptors of the slabs may free pages of their own. */
	EXPECT(nr_free_pages() >= free + pages);
	EXPECT_EQ(kmem_cache_shrink(cache), 0);
	EXPECT(take(cache, 1));
	give(cache, 1);
	EXPECT(kmem_cache_destroy(cache));
}

TEST(few_empty_slabs_are_kept)
{
	struct kmem_cache *cache = kmem_cache_create("test-empty", 1000, 0, 0, NULL);
	size_t most = 0;

	ASSERT(cache);
	for (unsigned round = 0; round < 3; round++) {
		ASSERT(take(cache, MANY));
		for (unsigned i = 0; i < MANY; i++) {
			kmem_cache_free(cache, objects[(i * 37) % MANY]);
			most = max_size(most, cache->nr_empty);
		}
	}
	EXPECT(most <= cache->capacity_max); /* what one free empties at the worst */
	EXPECT(cache->nr_slabs <= most + magazine_count(cache));
	EXPECT(kmem_cache_destroy(cache));
}

TEST(reclaimable_slabs_are_counted)
{
	struct mm_memory_info before, now;
	struct kmem_cache *cache =
		kmem_cache_create("test-reclaim", 500, 0, SLAB_RECLAIM_ACCOUNT, NULL);

	ASSERT(cache);
	mm_memory_info(&before);
	ASSERT(take(cache, 20));
	mm_memory_info(&now);
	EXPECT_EQ(now.slab_reclaimable_pages - before.slab_reclaimable_pages,
		  cache->nr_slabs << cache->order);
	EXPECT(now.slab_pages >= before.slab_pages + (cache->nr_slabs << cache->order));
	give(cache, 20);
	EXPECT(kmem_cache_destroy(cache));
	mm_memory_info(&now);
	EXPECT_EQ(now.slab_reclaimable_pages, before.slab_reclaimable_pages);
}

/* --- the end of a cache ----------------------------------------------------------------------- */

TEST(destroyed_with_live_objects_it_lives_on)
{
	struct kmem_cache *cache = kmem_cache_create("test-leak", 100, 0, 0, NULL);
	char line[80];
	void *last;

	ASSERT(cache && take(cache, 20));
	for (unsigned i = 3; i < 20; i++)
		kmem_cache_free(cache, objects[i]);
	expect_report(MM_REPORT_CACHE_IN_USE, 1);
	test_log_begin();
	EXPECT(!kmem_cache_destroy(cache));
	EXPECT_REPORT_TEXT("cache test-leak destroyed with 3 live objects");
	for (unsigned i = 0; i < 3; i++) {
		mm_snprintf(line, sizeof(line), "live      object at %p", objects[i]);
		EXPECT_LOG(line);
	}
	EXPECT_EQ(live_log_count("live      object"), 3);
	EXPECT_LOG("FIX       the cache stays, and can be used");

	EXPECT(live_cache("test-leak") == cache);
	last = kmem_cache_alloc(cache, GFP_KERNEL);
	EXPECT(last != NULL);
	kmem_cache_free(cache, last);
	give(cache, 3);
	EXPECT(kmem_cache_destroy(cache));
	EXPECT(!live_cache("test-leak"));
}

TEST(own_caches_cannot_be_destroyed)
{
	struct list *link;
	unsigned n = 0;

	list_for_each (link, &cache_list)
		n += (list_entry(link, struct kmem_cache, link)->flags &
		      (SLAB_INTERNAL | SLAB_KMALLOC)) != 0;
	EXPECT(n > 0);
	expect_report(MM_REPORT_MISUSE, 2);
	EXPECT(!kmem_cache_destroy(live_cache("kmalloc-64")));
	EXPECT(!kmem_cache_destroy(live_cache("kmem_cache")));
	EXPECT_REPORT_TEXT("which is the allocator's own");
}

/* Once it is, and then there is nothing at that address that could be. */
TEST(destroyed_twice)
{
	struct kmem_cache *cache = kmem_cache_create("test-twice", 100, 0, 0, NULL);
	struct fingerprint settled;

	ASSERT(cache);
	EXPECT(kmem_cache_destroy(cache));
	live_settle(&settled);
	expect_report(MM_REPORT_MISUSE, 2);
	EXPECT(!kmem_cache_destroy(cache));
	EXPECT_REPORT_TEXT("destroyed, where no cache is (any more)");
	EXPECT_EQ(test_last_report()->address, (uintptr_t)cache);
	EXPECT(!kmem_cache_destroy((struct kmem_cache *)&settled));
	live_expect_settled(&settled);
	EXPECT_EQ(mm_check(), 0);
}

/* --- without memory ---------------------------------------------------------------------------- */

TEST(no_memory_is_null_and_said)
{
	struct kmem_cache *cache = kmem_cache_create("test-none", 64, 0, 0, NULL);
	struct fingerprint settled;
	struct held held;

	ASSERT(cache);
	live_settle(&settled); /* or reclaim would find some */
	held_init(&held);
	held_drain(&held, GFP_NOWAIT);
	EXPECT(!kmem_cache_alloc(cache, GFP_NOWAIT));
	expect_report(MM_REPORT_ALLOC_FAILED, 1);
	EXPECT(!kmem_cache_alloc(cache, GFP_KERNEL));
	objects[0] = kmem_cache_alloc(cache, GFP_ATOMIC);
	EXPECT(objects[0] != NULL);
	kmem_cache_free(cache, objects[0]);
	held_free(&held);
	EXPECT(kmem_cache_destroy(cache));
}

/* Only single pages are left: slabs of the least order that holds an object will do. */
TEST(falls_back_to_the_least_order)
{
	struct kmem_cache *cache = kmem_cache_create("test-least", 2600, 0, 0, NULL);
	struct held held, singles;
	struct page *page;
	unsigned n = 0;

	ASSERT(cache);
	EXPECT(cache->order > cache->min_order);
	held_init(&held);
	held_init(&singles);
	while (n < 40 && (page = alloc_pages(GFP_NOWAIT, 1)) != NULL) {
		split_page(page, 1);
		held_add(&held, page);
		held_add(&singles, page + 1);
		n++;
	}
	held_drain(&held, GFP_NOWAIT | __GFP_MEMALLOC);
	held_free(&singles); /* each one's buddy is held */
	EXPECT(!alloc_pages(GFP_NOWAIT | __GFP_MEMALLOC, 1));

	for (n = 0; n < 12; n++) {
		objects[n] = kmem_cache_alloc(cache, GFP_NOWAIT | __GFP_MEMALLOC);
		if (!EXPECT(objects[n] != NULL))
			break;
		EXPECT_EQ(virt_to_page(objects[n])->slab->order, cache->min_order);
		live_fill(objects[n], 2600, n);
	}
	for (unsigned i = 0; i < n; i++)
		EXPECT(live_filled(objects[i], 2600, i));
	give(cache, n);
	held_free(&held);
	EXPECT(kmem_cache_destroy(cache));
}

struct chain {
	struct chain *next;
};

static struct chain *take_all(struct kmem_cache *internal)
{
	struct chain *chain = NULL, *object;

	while ((object = cache_alloc(internal, GFP_NOWAIT | __GFP_MEMALLOC, 0)) != NULL) {
		object->next = chain;
		chain = object;
	}
	return chain;
}

static void give_all(struct kmem_cache *internal, struct chain *chain)
{
	while (chain) {
		struct chain *object = chain;

		chain = object->next;
		cache_free_internal(internal, object);
	}
}

/* A page there is, but no descriptor for the slab: the page must go back. */
TEST(no_descriptor_no_slab)
{
	gfp_t all = GFP_NOWAIT | __GFP_MEMALLOC;
	struct kmem_cache *cache = kmem_cache_create("test-page", PAGE_SIZE, 0, 0, NULL);
	struct page *page = alloc_page(GFP_KERNEL);
	struct kmem_cache *descriptors;
	struct chain *chain;
	struct held held;

	ASSERT(cache && page && take(cache, 1));
	descriptors = virt_to_page(virt_to_page(objects[0])->slab)->slab->cache;
	give(cache, 1);
	kmem_cache_shrink(cache);
	EXPECT_EQ(cache->nr_slabs, 0);
	held_init(&held);
	held_drain(&held, all | __GFP_HIGHMEM);
	chain = take_all(descriptors);
	__free_page(page);
	EXPECT_EQ(nr_free_pages(), 1);

	EXPECT(!kmem_cache_alloc(cache, all));
	EXPECT_EQ(nr_free_pages(), 1);
	EXPECT_EQ(cache->nr_slabs, 0);

	give_all(descriptors, chain);
	held_free(&held);
	EXPECT(kmem_cache_destroy(cache));
}

/* --- everything at once ------------------------------------------------------------------------ */

#define NR_MIXED 5u

TEST(random_mix_of_caches)
{
	static const size_t sizes[NR_MIXED] = {16, 50, 200, 700, 1500};
	static uint8_t which[MANY];
	struct kmem_cache *caches[NR_MIXED];
	unsigned n = 0;

	for (unsigned i = 0; i < NR_MIXED; i++) {
		caches[i] = kmem_cache_create("test-mix", sizes[i], 0, 0, NULL);
		ASSERT(caches[i]);
	}
	for (unsigned step = 0; step < 6000 && !test_failed(); step++) {
		unsigned i = test_random_below(NR_MIXED);

		if (n < MANY && (n == 0 || test_random_below(step % 500 < 250 ? 3 : 2) != 0)) {
			objects[n] = kmem_cache_alloc(caches[i], GFP_KERNEL);
			ASSERT(objects[n]);
			live_fill(objects[n], sizes[i], (uint32_t)(uintptr_t)objects[n]);
			which[n++] = (uint8_t)i;
			continue;
		}
		i = test_random_below(n);
		EXPECT(live_filled(objects[i], sizes[which[i]],
				   (uint32_t)(uintptr_t)objects[i]));
		kmem_cache_free(caches[which[i]], objects[i]);
		objects[i] = objects[--n];
		which[i] = which[n];
	}
	while (n--)
		kmem_cache_free(caches[which[n]], objects[n]);
	for (unsigned i = 0; i < NR_MIXED; i++)
		EXPECT(kmem_cache_destroy(caches[i]));
}

TEST_SUITE(kmem_cache, arguments_that_make_no_sense, name_and_size_are_kept,
	   made_where_sleeping_is_not_allowed, sleeping_flags_where_sleeping_is_not_allowed,
	   objects_of_many_sizes, objects_of_every_alignment, objects_as_large_as_blocks,
	   hwcache_align, dma_cache_lies_in_the_dma_zone, user_cache_lies_in_user_pageblocks,
	   flags_that_a_cache_refuses, zalloc_zeroes, constructor_runs_once_for_each_object,
	   constructor_runs_for_each_new_slab, shrink_gives_pages_back,
	   few_empty_slabs_are_kept, reclaimable_slabs_are_counted,
	   destroyed_with_live_objects_it_lives_on, own_caches_cannot_be_destroyed,
	   destroyed_twice, no_memory_is_null_and_said, falls_back_to_the_least_order,
	   no_descriptor_no_slab, random_mix_of_caches);
