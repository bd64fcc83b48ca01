// SPDX-License-Identifier: MIT
/*
 * See goods.h.
 *
 * A stamp is a few bytes in each stretch of STRIDE bytes, at both ends of the whole: all of it
 * would take ThreadSanitizer minutes.  It need not be more: it notices by itself when two threads
 * believe that they own the same bytes.
 */
#include "goods.h"
#include <bits.h>
#include <harness.h>
#include <mm/highmem.h>
#include <mm/kmalloc.h>
#include <mm/kvmalloc.h>
#include <mm/nolock.h>
#include <mm/vmalloc.h>
#include <page.h>
#include <slab.h>

#define STRIDE      256u
#define SMALL_MAX   600u
#define MEDIUM_MAX  9000u
#define LARGE_MAX   70000u
#define ORDER_MAX   3u
#define RUN_MAX     50000u
#define VIEW_MAX    5u
#define AREA_MAX    30000u
#define BULK_MAX    80u
#define CONSTRUCTED 0xc0de50f7u

/* Sizes of the caches' objects; those of the odd ones are constructed. */
static const uint16_t cache_sizes[] = {24, 64, 200, 520, 1100, 3000};

#define NR_CACHES (sizeof(cache_sizes) / sizeof(cache_sizes[0]))

static struct kmem_cache *caches[NR_CACHES];
static struct good *mailboxes[NR_MAILBOXES]; /* [a] */

/* --- stamps ------------------------------------------------------------------------------ */

static void write_stamp(struct good *good)
{
	uint8_t *bytes = good->address;

	for (size_t i = 0; i < good->size; i += STRIDE)
		bytes[i] = (uint8_t)(good->stamp + i / STRIDE);
	bytes[good->size - 1] = (uint8_t)(good->stamp >> 8);
}

static bool check_stamp(const struct good *good, size_t size)
{
	const uint8_t *bytes = good->address;

	for (size_t i = 0; i + 1 < size; i += STRIDE) {
		if (!EXPECTF(bytes[i] == (uint8_t)(good->stamp + i / STRIDE),
			     "byte %zu of %zu at %p is not its owner's", i, good->size,
			     good->address))
			return false;
	}
	return true;
}

static bool check_whole_stamp(const struct good *good)
{
	const uint8_t *bytes = good->address;

	return check_stamp(good, good->size) &&
	       EXPECTF(bytes[good->size - 1] == (uint8_t)(good->stamp >> 8),
		       "the last of %zu bytes at %p is not its owner's", good->size,
		       good->address);
}

static void check_zero(const struct good *good)
{
	const uint8_t *bytes = good->address;

	for (size_t i = 0; i < good->size; i += STRIDE)
		EXPECTF(bytes[i] == 0, "byte %zu of zeroed memory is not zero", i);
	EXPECTF(bytes[good->size - 1] == 0, "the last byte of zeroed memory is not zero");
}

/* --- allocation -------------------------------------------------------------------------- */

static gfp_t choose_gfp(struct worker *worker)
{
	static const gfp_t choices[] = {GFP_KERNEL, GFP_KERNEL,   GFP_KERNEL,
					GFP_ATOMIC, GFP_NOWAIT,   GFP_USER,
					GFP_NOIO,   GFP_HIGHUSER, GFP_KERNEL | GFP_DMA};
	gfp_t gfp = choices[worker_below(worker, sizeof(choices) / sizeof(choices[0]))];

	return gfp | __GFP_NOWARN | __GFP_NORETRY |
	       (worker_below(worker, 4) == 0 ? __GFP_ZERO : 0);
}

/* Mostly small, as sizes are. */
static size_t choose_size(struct worker *worker)
{
	uint32_t dice = worker_below(worker, 64);

	if (dice == 0)
		return 1 + worker_below(worker, LARGE_MAX);
	return 1 + worker_below(worker, dice < 16 ? MEDIUM_MAX : SMALL_MAX);
}

static bool alloc_bytes(struct worker *worker, struct good *good, gfp_t gfp)
{
	good->size = choose_size(worker);
	if (worker_below(worker, 4) == 0) {
		good->zeroed = false;
		good->address = kmalloc_nolock(good->size, gfp & __GFP_DMA);
	} else {
		good->address = kmalloc(good->size, gfp);
	}
	return good->address != NULL;
}

static uint32_t *constructed_word(void *object)
{
	return (uint32_t *)object + 1;
}

static bool is_constructed(const struct kmem_cache *cache)
{
	return cache->ctor != NULL;
}

static bool alloc_object(struct worker *worker, struct good *good, gfp_t gfp)
{
	size_t i = worker_below(worker, NR_CACHES);

	gfp &= ~(__GFP_HIGHMEM | __GFP_DMA);
	good->cache = caches[i];
	good->size = cache_sizes[i];
	if (is_constructed(good->cache))
		gfp &= ~__GFP_ZERO;
	good->address = kmem_cache_alloc(good->cache, gfp);
	if (good->address && is_constructed(good->cache)) /* no stamp is there */
		EXPECT_EQ(*constructed_word(good->address), CONSTRUCTED);
	return good->address != NULL;
}

static bool alloc_block(struct worker *worker, struct good *good, gfp_t gfp)
{
	good->order = gfp & __GFP_HIGHMEM ? 0 : worker_below(worker, ORDER_MAX + 1);
	good->size = PAGE_SIZE << good->order;
	if (worker_below(worker, 4) == 0) {
		good->zeroed = false;
		good->page = alloc_pages_nolock(gfp & (__GFP_DMA | __GFP_HIGHMEM), good->order);
	} else {
		good->page = alloc_pages(gfp, good->order);
	}
	if (!good->page)
		return false;
	good->address =
		page_is_highmem(good->page) ? kmap(good->page) : page_address(good->page);
	if (good->address)
		return true;
	__free_pages(good->page, good->order); /* all slots of kmap() are held */
	return false;
}

static bool alloc_run(struct worker *worker, struct good *good, gfp_t gfp)
{
	good->size = 1 + worker_below(worker, RUN_MAX);
	good->address = alloc_pages_exact(good->size, gfp & ~__GFP_HIGHMEM);
	return good->address != NULL;
}

static bool alloc_area(struct worker *worker, struct good *good, gfp_t gfp)
{
	good->size = 1 + worker_below(worker, AREA_MAX);
	good->address = __vmalloc(good->size, gfp);
	return good->address != NULL;
}

static bool alloc_either(struct worker *worker, struct good *good, gfp_t gfp)
{
	good->size = 1 + worker_below(worker, AREA_MAX);
	good->address = kvmalloc(good->size, GFP_KERNEL | __GFP_NOWARN | (gfp & __GFP_ZERO));
	return good->address != NULL;
}

/* A view has references of its own; when it is gone, so are the pages. */
static bool alloc_view(struct worker *worker, struct good *good, gfp_t gfp)
{
	unsigned wanted = 1 + worker_below(worker, VIEW_MAX), n = 0;
	struct page *pages[VIEW_MAX];

	while (n < wanted && (pages[n] = alloc_page(gfp)) != NULL)
		n++;
	good->size = n * PAGE_SIZE;
	good->address = n ? vmap(pages, n) : NULL;
	while (n > 0)
		put_page(pages[--n]);
	return good->address != NULL;
}

struct good *good_alloc(struct worker *worker)
{
	static bool (*const allocs[NR_GOOD_KINDS])(struct worker *, struct good *, gfp_t) = {
		alloc_bytes, alloc_object, alloc_block, alloc_run,
		alloc_area,  alloc_either, alloc_view,
	};
	struct good *good = kzalloc(sizeof(*good), GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY);
	gfp_t gfp = choose_gfp(worker);

	if (!good)
		return NULL;
	good->kind = (enum good_kind)worker_below(worker, NR_GOOD_KINDS);
	good->stamp = (uint32_t)test_random_from(&worker->random);
	good->zeroed = gfp & __GFP_ZERO;
	if (!allocs[good->kind](worker, good, gfp)) {
		kfree(good);
		return NULL;
	}
	if (good->zeroed && !(good->kind == GOOD_OBJECT && is_constructed(good->cache)))
		check_zero(good);
	write_stamp(good);
	return good;
}

void good_resize(struct worker *worker, struct good *good)
{
	size_t size = choose_size(worker), old = good->size;
	void *moved;

	if (good->kind != GOOD_KMALLOC && good->kind != GOOD_KVMALLOC)
		return;
	check_whole_stamp(good);
	if (good->kind == GOOD_KMALLOC)
		moved = krealloc(good->address, size,
				 GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY);
	else
		moved = kvrealloc(good->address, size, GFP_KERNEL | __GFP_NOWARN);
	if (!moved) {
		check_whole_stamp(good);
		return;
	}
	good->address = moved;
	good->size = size;
	check_stamp(good, min_size(old, size));
	write_stamp(good);
}

/* Free it without waiting for a lock, by chance and if it can be. */
static bool free_nolock(const struct good *good)
{
	if (good->stamp % 4)
		return false;
	if (good->kind == GOOD_PAGES && !page_is_highmem(good->page))
		free_pages_nolock(good->page, good->order);
	else if ((good->kind == GOOD_KMALLOC || good->kind == GOOD_OBJECT) &&
		 page_of_address(good->address))
		kfree_nolock(good->address);
	else
		return false;
	return true;
}

static void free_good(const struct good *good)
{
	switch (good->kind) {
	case GOOD_KMALLOC: kfree(good->address); break;
	case GOOD_OBJECT: kmem_cache_free(good->cache, good->address); break;
	case GOOD_RUN: free_pages_exact(good->address, good->size); break;
	case GOOD_VMALLOC: vfree(good->address); break;
	case GOOD_KVMALLOC: kvfree(good->address); break;
	case GOOD_VIEW: vunmap(good->address); break;
	default:
		if (page_is_highmem(good->page))
			kunmap(good->page);
		__free_pages(good->page, good->order);
	}
}

void good_free(struct good *good)
{
	if (!good)
		return;
	check_whole_stamp(good);
	if (!free_nolock(good))
		free_good(good);
	kfree(good);
}

/* --- caches and mailboxes ------------------------------------------------------------------ */

static void construct(void *object)
{
	*constructed_word(object) = CONSTRUCTED;
}

void goods_begin(void)
{
	for (size_t i = 0; i < NR_CACHES; i++)
		caches[i] = kmem_cache_create("goods", cache_sizes[i], 0, SLAB_PANIC,
					      i % 2 ? construct : NULL);
}

void goods_end(void)
{
	for (size_t i = 0; i < NR_CACHES; i++)
		EXPECT(kmem_cache_destroy(caches[i]));
}

void goods_shrink(struct worker *worker)
{
	mm_drain_deferred();
	kmem_cache_shrink(caches[worker_below(worker, NR_CACHES)]);
}

void goods_bulk(struct worker *worker)
{
	struct kmem_cache *cache = caches[worker_below(worker, NR_CACHES)];
	size_t n = 1 + worker_below(worker, BULK_MAX);
	void *objects[BULK_MAX];

	if (kmem_cache_alloc_bulk(cache, GFP_KERNEL | __GFP_NOWARN, n, objects) != n)
		return;
	for (size_t i = 0; i < n; i++)
		*(uint8_t *)objects[i] = (uint8_t)(worker->id + i);
	for (size_t i = 0; i < n; i++)
		EXPECT_EQ(*(uint8_t *)objects[i], (uint8_t)(worker->id + i));
	kmem_cache_free_bulk(cache, n, objects);
}

struct good *mailbox_swap(unsigned box, struct good *good)
{
	return __atomic_exchange_n(&mailboxes[box], good, __ATOMIC_ACQ_REL);
}

void mailboxes_empty(void)
{
	for (unsigned i = 0; i < NR_MAILBOXES; i++)
		good_free(mailbox_swap(i, NULL));
	mm_drain_deferred();
}
