// SPDX-License-Identifier: MIT
/* Random order of objects and pages: it is one, each comes once, and a seed repeats it. */
#include <harness.h>
#include <mm/kmalloc.h>
#include <mm/page_alloc.h>
#include <mm/reclaim.h>
#include <mm/slab.h>
#include <shuffle.h>
#include <slab.h>
#include <unit/live.h>

#define SEED    12345u
#define OBJECTS 60u
#define RANGE   10u
#define DRAWS   5000u

/* Order of all objects of one slab, as the cache hands them out. */
static bool draw_objects(uint32_t seed, unsigned order[OBJECTS])
{
	uint32_t before = shuffle_state;
	struct kmem_cache *cache;
	void *objects[OBJECTS];
	struct slab *slab;
	unsigned index, n;

	shuffle_init(seed);
	cache = kmem_cache_create("shuffled", 64, 0, 0, NULL);
	if (!EXPECT(cache && slab_grow(cache, GFP_KERNEL, 0)))
		return false;
	n = cache->nr < OBJECTS ? cache->nr : OBJECTS;
	for (unsigned i = 0; i < n; i++) {
		mm_irqflags_t flags = mm_irq_save();

		cache_lock(cache);
		slab = slab_take_locked(cache, &index);
		slab->state[index] = OBJECT_LIVE;
		cache_unlock(cache);
		mm_irq_restore(flags);
		objects[i] = slab_object(slab, index);
		order[i] = index;
	}
	EXPECT_EQ(mm_check(), 0);
	for (unsigned i = 0; i < n; i++)
		kmem_cache_free(cache, objects[i]);
	EXPECT(kmem_cache_destroy(cache));
	shuffle_init(before);
	return EXPECT_EQ(n, OBJECTS);
}

static unsigned neighbours(const unsigned *order, unsigned n)
{
	unsigned found = 0;

	for (unsigned i = 1; i < n; i++)
		found += order[i] == order[i - 1] + 1;
	return found;
}

static bool same(const unsigned *a, const unsigned *b)
{
	for (unsigned i = 0; i < OBJECTS; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

TEST(objects_in_random_order)
{
	static unsigned first[OBJECTS], other[OBJECTS], plain[OBJECTS];
	bool seen[OBJECTS] = {false};

	if (!draw_objects(SEED, first) || !draw_objects(SEED + 1, other) ||
	    !draw_objects(0, plain))
		return;
	for (unsigned i = 0; i < OBJECTS; i++) {
		if (first[i] < OBJECTS)
			EXPECT(!seen[first[i]]);
		if (first[i] < OBJECTS)
			seen[first[i]] = true;
	}
	EXPECT(!same(first, other));
	EXPECT_EQ(neighbours(plain, OBJECTS), OBJECTS - 1);
	EXPECT(neighbours(first, OBJECTS) < OBJECTS / 4);
}

/* Each number about as often as any other; and a seed repeats them. */
TEST(numbers_are_even)
{
	uint32_t before = shuffle_state, first, second;
	unsigned count[RANGE] = {0};

	shuffle_init(SEED);
	first = shuffle_below(1u << 31);
	second = shuffle_below(1u << 31);
	shuffle_init(SEED);
	EXPECT_EQ(shuffle_below(1u << 31), first);
	EXPECT_EQ(shuffle_below(1u << 31), second);
	for (unsigned i = 0; i < DRAWS; i++) {
		uint32_t n = shuffle_below(RANGE);

		if (!EXPECT(n < RANGE))
			break;
		count[n]++;
	}
	for (unsigned i = 0; i < RANGE; i++)
		EXPECT(count[i] > DRAWS / RANGE * 8 / 10 && count[i] < DRAWS / RANGE * 12 / 10);
	EXPECT_EQ(shuffle_below(1), 0);
	shuffle_init(before);
}

#define PAGES 64u

/* How many pages follow the one that was allocated before. */
static unsigned pages_in_order(uint32_t seed)
{
	uint32_t before = shuffle_state;
	struct page *pages[PAGES];
	unsigned in_order = 0, n = 0;

	shuffle_init(seed);
	/* A block in one piece, cut anew. */
	mm_shrink_all();
	while (n < PAGES && (pages[n] = alloc_pages(GFP_KERNEL, 4)) != NULL)
		n++;
	for (unsigned i = 1; i < n; i++)
		in_order += page_to_pfn(pages[i]) == page_to_pfn(pages[i - 1]) + 16;
	EXPECT_EQ(mm_check(), 0);
	for (unsigned i = 0; i < n; i++)
		__free_pages(pages[i], 4);
	EXPECT_EQ(mm_check(), 0);
	shuffle_init(before);
	return n > 8 ? in_order * 100 / n : 0;
}

TEST(pages_in_random_order)
{
	unsigned plain, shuffled;

	if (nr_free_pages() < 4 * PAGES * 16)
		SKIP("too little memory");
	plain = pages_in_order(0);
	shuffled = pages_in_order(SEED);
	EXPECTF(plain > 70 && shuffled < 40, "%u %% follow each other, shuffled %u %%", plain,
		shuffled);
}

TEST_SUITE(shuffle, objects_in_random_order, numbers_are_even, pages_in_random_order);
