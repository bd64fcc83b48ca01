// SPDX-License-Identifier: MIT
/*
 * Any sequence of operations: the bytes are instructions of a little machine with
 * SLOTS registers, each of which may hold a block of memory of any kind.
 *
 * Rightful operations must succeed or fail as their contracts say, and no block's contents may
 * change while it is held.  Wrong ones (a pointer freed twice, an address inside a
 * block, another cache, another order) must each end in one report, and change nothing.
 */
#include "fuzz.h"
#include <host/host.h>
#include <mm/highmem.h>
#include <mm/kmalloc.h>
#include <mm/kvmalloc.h>
#include <mm/page_alloc.h>
#include <mm/reclaim.h>
#include <mm/slab.h>
#include <mm/stats.h>
#include <mm/vmalloc.h>
#include <string.h>
#include <unit/live.h>

#define SLOTS  48u
#define CACHES 4u

enum kind {
	NOTHING,
	KMALLOC, /* kmalloc, kvmalloc's small ones included */
	OBJECT,  /* of caches[cache] */
	PAGES,
	VMALLOC,
	KVMALLOC,
};

struct slot {
	enum kind kind;
	uint8_t cache, order;
	uint32_t seed;
	size_t size;       /* bytes that are filled */
	void *p;           /* NULL: pages of high memory */
	struct page *page; /* PAGES */
};

static struct slot slots[SLOTS];
static struct kmem_cache *caches[CACHES];
static uint32_t serial;

static void construct(void *object)
{
	memset(object, 0xc0, 24);
}

static void make_caches(void)
{
	caches[0] = kmem_cache_create("fuzz-24", 24, 0, 0, NULL);
	caches[1] = kmem_cache_create("fuzz-ctor", 24, 0, 0, construct);
	caches[2] = kmem_cache_create("fuzz-700", 700, 64, SLAB_RECLAIM_ACCOUNT, NULL);
	caches[3] = kmem_cache_create("fuzz-9000", 9000, 0, SLAB_USER, NULL);
}

/* --- slots ------------------------------------------------------------------------- */

static struct slot *any_slot(void)
{
	return &slots[fuzz_byte() % SLOTS];
}

/* Fill what a slot was just given. */
static void hold(struct slot *slot, enum kind kind, void *p, size_t size)
{
	if (!p)
		return;
	slot->kind = kind;
	slot->p = p;
	slot->size = size;
	slot->seed = serial++;
	live_fill(p, size, slot->seed);
}

static void expect_untouched(const struct slot *slot)
{
	if (slot->kind == PAGES)
		EXPECT(live_filled_pages(slot->page, slot->order, slot->seed));
	else if (slot->kind != NOTHING)
		EXPECT(live_filled(slot->p, slot->size, slot->seed));
}

static void release(struct slot *slot)
{
	if (slot->kind == NOTHING)
		return;
	expect_untouched(slot);
	switch (slot->kind) {
	case KMALLOC: kfree(slot->p); break;
	case OBJECT:
		if (caches[slot->cache] == caches[1])
			construct(slot->p);
		kmem_cache_free(caches[slot->cache], slot->p);
		break;
	case PAGES: __free_pages(slot->page, slot->order); break;
	case VMALLOC: vfree(slot->p); break;
	case KVMALLOC: kvfree(slot->p); break;
	default: break;
	}
	slot->kind = NOTHING;
}

/* An empty slot. */
static struct slot *fresh_slot(void)
{
	struct slot *slot = any_slot();

	release(slot);
	return slot;
}

/* --- what operations ask for --------------------------------------------------------- */

static size_t any_size(void)
{
	unsigned shift = fuzz_byte() % 20;

	return ((size_t)1 << shift) + (fuzz_u16() & (((size_t)1 << shift) - 1));
}

static gfp_t any_gfp(void)
{
	static const gfp_t flags[] = {GFP_KERNEL, GFP_ATOMIC,          GFP_NOWAIT,
				      GFP_USER,   GFP_HIGHUSER,        GFP_KERNEL | __GFP_ZERO,
				      GFP_NOIO,   GFP_ATOMIC | GFP_DMA};

	return flags[fuzz_byte() % (sizeof(flags) / sizeof(flags[0]))];
}

/* --- rightful operations -------------------------------------------------------------- */

static void do_kmalloc(void)
{
	struct slot *slot = fresh_slot();
	size_t size = any_size();
	gfp_t gfp = any_gfp();
	void *p = kmalloc(size, gfp);

	if (p && (gfp & __GFP_ZERO))
		EXPECT(live_all_bytes(p, size, 0));
	if (p)
		EXPECT(ksize(p) >= size);
	hold(slot, KMALLOC, p, size);
}

static void do_krealloc(void)
{
	struct slot *slot = any_slot();
	size_t size = any_size();
	void *p;

	if (slot->kind != KMALLOC)
		return;
	expect_untouched(slot);
	p = krealloc(slot->p, size, any_gfp());
	if (!p)
		expect_untouched(slot);
	else
		hold(slot, KMALLOC, p, size);
}

static void do_object(void)
{
	struct slot *slot = fresh_slot();
	unsigned cache = fuzz_byte() % CACHES;
	gfp_t gfp = any_gfp() & ~(__GFP_ZERO | __GFP_HIGHMEM | __GFP_DMA);
	uint8_t *p = kmem_cache_alloc(caches[cache], gfp);

	slot->cache = (uint8_t)cache;
	if (p && cache == 1)
		EXPECT(live_all_bytes(p, 24, 0xc0));
	hold(slot, OBJECT, p, kmem_cache_size(caches[cache]));
}

static void do_bulk(void)
{
	unsigned cache = fuzz_byte() % CACHES, n = fuzz_byte();
	void *objects[256];

	if (kmem_cache_alloc_bulk(caches[cache], GFP_KERNEL, n, objects) == n)
		kmem_cache_free_bulk(caches[cache], n, objects);
}

static void do_pages(void)
{
	struct slot *slot = fresh_slot();
	unsigned order = fuzz_byte() % (MM_MAX_ORDER + 1);
	struct page *page = alloc_pages(any_gfp(), order);

	if (!page)
		return;
	slot->kind = PAGES;
	slot->page = page;
	slot->order = (uint8_t)order;
	slot->seed = serial++;
	live_fill_pages(page, order, slot->seed);
}

static void do_vmalloc(void)
{
	struct slot *slot = fresh_slot();
	size_t size = any_size();

	hold(slot, VMALLOC, vmalloc(size), size);
}

static void do_kvmalloc(void)
{
	struct slot *slot = fresh_slot();
	size_t size = any_size();

	hold(slot, KVMALLOC, kvmalloc(size, GFP_KERNEL), size);
}

static void do_release(void)
{
	release(any_slot());
}

static void do_check(void)
{
	EXPECT_EQ(mm_check(), 0);
	expect_untouched(any_slot());
}

static void do_shrink(void)
{
	kmem_cache_shrink(caches[fuzz_byte() % CACHES]);
}

static void do_cpu(void)
{
	host_set_cpu(fuzz_byte() % MM_HOST_NR_CPUS);
}

static void do_context(void)
{
	host_set_context(fuzz_byte() & 1 ? HOST_THREAD_ATOMIC : HOST_THREAD);
}

/* Flags at random: NULL, or memory. */
static void do_any_flags(void)
{
	struct slot *slot = fresh_slot();
	gfp_t gfp = (gfp_t)fuzz_u32();

	allow_reports(MM_REPORT_BAD_FLAGS);
	if (fuzz_byte() & 1) {
		hold(slot, KMALLOC, kmalloc(fuzz_u16(), gfp), 0);
	} else {
		unsigned order = fuzz_byte() % 4;

		__free_pages(alloc_pages(gfp, order), order);
	}
}

/* --- wrong ones ------------------------------------------------------------------------- */

static void *opaque(const void *p)
{
	__asm__ volatile("" : "+r"(p));
	return (void *)(uintptr_t)p;
}

static unsigned long reports;

/* From here to expect_refused() one report must come, of whatever kind. */
static void begin_wrong(void)
{
	for (unsigned kind = 0; kind < MM_NR_REPORT_KINDS; kind++)
		allow_reports((enum mm_report_kind)kind);
	reports = mm_report_total();
}

static void expect_refused(const char *what)
{
	EXPECTF(mm_report_total() == reports + 1, "%s: %lu reports", what,
		mm_report_total() - reports);
}

/* Does a slot hold this address? */
static bool is_held(const void *p)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		const struct slot *slot = &slots[i];
		const char *start = slot->kind == PAGES ? page_address(slot->page) : slot->p;
		size_t size = slot->kind == PAGES ? PAGE_SIZE << slot->order : slot->size;

		if (slot->kind != NOTHING && start && (const char *)p >= start &&
		    (const char *)p < start + size)
			return true;
	}
	return false;
}

/* Freed, and at once once more. */
static void do_double_free(void)
{
	struct slot *slot = any_slot();
	void *p = slot->p;

	if (slot->kind != KMALLOC && slot->kind != OBJECT)
		return;
	release(slot);
	if (is_held(p) || ZERO_OR_NULL_PTR(p))
		return;
	begin_wrong();
	kfree(opaque(p));
	expect_refused("a double free");
}

static void do_interior_free(void)
{
	struct slot *slot = any_slot();
	size_t offset = fuzz_u16();

	if (slot->kind == NOTHING || slot->kind == PAGES || offset == 0 || offset >= slot->size)
		return;
	begin_wrong();
	kfree(opaque((char *)slot->p + offset));
	expect_refused("a free of the inside of a block");
}

static void do_wrong_cache(void)
{
	struct slot *slot = any_slot();
	unsigned cache = fuzz_byte() % CACHES;

	if ((slot->kind != OBJECT || slot->cache == cache) && slot->kind != KMALLOC)
		return;
	if (ZERO_OR_NULL_PTR(slot->p))
		return;
	begin_wrong();
	kmem_cache_free(caches[cache], opaque(slot->p));
	expect_refused("a free to the wrong cache");
}

static void do_wrong_order(void)
{
	struct slot *slot = any_slot();
	unsigned order = fuzz_byte() % (MM_MAX_ORDER + 2);

	if (slot->kind != PAGES || order == slot->order)
		return;
	begin_wrong();
	__free_pages(slot->page, order);
	expect_refused("a free with the wrong order");
}

static void do_wild_free(void)
{
	uintptr_t address = (uintptr_t)fuzz_u64();

	if (ZERO_OR_NULL_PTR((void *)address) || is_held((void *)address))
		return;
	begin_wrong();
	kfree(opaque((void *)address));
	expect_refused("a free of any address");
}

/* --- the case ----------------------------------------------------------------------------- */

static void (*const operations[])(void) = {
	do_kmalloc,     do_kmalloc,     do_krealloc,  do_object,      do_object,
	do_bulk,        do_pages,       do_pages,     do_vmalloc,     do_kvmalloc,
	do_release,     do_release,     do_release,   do_check,       do_shrink,
	do_cpu,         do_context,     do_any_flags, do_double_free, do_interior_free,
	do_wrong_cache, do_wrong_order, do_wild_free,
};

#define NR_OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* Page tables of the window stay; what cannot sleep or has no memory says so. */
TEST(operations_in_any_order)
{
	memset(slots, 0, sizeof(slots));
	allow_kept_pages(8);
	allow_reports(MM_REPORT_ALLOC_FAILED);
	allow_reports(MM_REPORT_MIGHT_SLEEP);
	make_caches();
	while (fuzz_more() && !test_failed())
		operations[fuzz_byte() % NR_OPERATIONS]();
	host_set_context(HOST_THREAD);
	for (unsigned i = 0; i < SLOTS; i++)
		release(&slots[i]);
	for (unsigned i = 0; i < CACHES; i++)
		EXPECT(kmem_cache_destroy(caches[i]));
}

TEST_SUITE(fuzz, operations_in_any_order);
