// SPDX-License-Identifier: MIT
/*
 * Where memory comes from, by its physical address, on the machine that is there: each
 * flag's zone, ISA DMA's rules, nothing that belongs to kernel or firmware, every zone
 * taken to its last page and given back, and memory beyond 4 GiB touched for real.
 */
#include <bits.h>
#include <harness.h>
#include <kernel/image.h>
#include <kernel/layout.h>
#include <kernel/paging.h>
#include <mem.h>
#include <mm/highmem.h>
#include <mm/kmalloc.h>
#include <unit/live.h>

#define GIB     ((paddr_t)1 << 30)
#define DMA_64K ((paddr_t)1 << 16)

static const struct {
	gfp_t gfp;
	enum mm_zone_id highest;
} flags[] = {
	{GFP_KERNEL, MM_ZONE_NORMAL},        {GFP_ATOMIC, MM_ZONE_NORMAL},
	{GFP_NOWAIT, MM_ZONE_NORMAL},        {GFP_NOIO, MM_ZONE_NORMAL},
	{GFP_NOFS, MM_ZONE_NORMAL},          {GFP_USER, MM_ZONE_NORMAL},
	{GFP_HIGHUSER, MM_ZONE_HIGH},        {GFP_HIGHUSER_MOVABLE, MM_ZONE_HIGH},
	{GFP_KERNEL | GFP_DMA, MM_ZONE_DMA}, {GFP_ATOMIC | GFP_DMA, MM_ZONE_DMA},
};

/* The highest zone, up to `zone`, with pages well above its marks. */
static enum mm_zone_id usable_zone(enum mm_zone_id zone, enum mm_zone_id class)
{
	struct mm_zone_info info;

	while (zone > MM_ZONE_DMA &&
	       (!mm_zone_info(zone, &info) || info.free <= info.low + info.reserve[class] + 16))
		zone--;
	return zone;
}

static void expect_in_zone(paddr_t phys, paddr_t bytes, enum mm_zone_id zone)
{
	static const paddr_t start[] = {0, DMA_LIMIT, LOW_LIMIT};
	static const paddr_t end[] = {DMA_LIMIT, LOW_LIMIT, ~(paddr_t)0};

	EXPECTF(phys >= start[zone] && phys + bytes <= end[zone],
		"%llx is not in zone %u, where it should be", (unsigned long long)phys, zone);
}

TEST(zone_of_each_flag)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		enum mm_zone_id expected = usable_zone(flags[i].highest, flags[i].highest);

		for (unsigned order = 0; order < 4; order++) {
			struct page *page = alloc_pages(flags[i].gfp, order);

			ASSERT(page);
			expect_in_zone(page_to_phys(page), PAGE_SIZE << order, expected);
			__free_pages(page, order);
		}
	}
}

TEST(kmalloc_of_each_flag)
{
	static const size_t sizes[] = {8, 100, 4096, 20000};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		enum mm_zone_id expected = usable_zone(flags[i].highest, flags[i].highest);

		if (expected == MM_ZONE_HIGH)
			continue; /* mapped: see tests of highmem */
		for (unsigned j = 0; j < 4; j++) {
			void *p = kmalloc(sizes[j], flags[i].gfp);

			ASSERT(p);
			expect_in_zone(virt_to_phys(p), sizes[j], expected);
			kfree(p);
		}
	}
}

/* Many at once, of all sizes up to 64 KiB: below 16 MiB, and none across a 64 KiB border. */
TEST(isa_dma_buffers)
{
	static void *buffers[200];
	struct mm_zone_info zone;
	unsigned n = 0;

	ASSERT(mm_zone_info(MM_ZONE_DMA, &zone));
	while (n < 200) {
		size_t size = 1 + test_random_below(1u << (6 + n % 11));
		void *p = kmalloc(size, GFP_KERNEL | GFP_DMA | __GFP_NOWARN);
		paddr_t phys;

		if (!p)
			break;
		buffers[n++] = p;
		phys = virt_to_phys(p);
		EXPECT(phys + size <= DMA_LIMIT);
		EXPECTF(phys / DMA_64K == (phys + size - 1) / DMA_64K,
			"%zu bytes at %llx cross 64 KiB", size, (unsigned long long)phys);
	}
	EXPECT(n > 50);
	while (n > 0)
		kfree(buffers[--n]);
}

/* --- all of it ---------------------------------------------------------------------------- */

static bool overlaps(paddr_t start, paddr_t end, paddr_t from, paddr_t to)
{
	return start < to && from < end;
}

/* Kernel image, first page, video memory and BIOS, the page array. */
static bool is_not_ours(paddr_t start, paddr_t end)
{
	paddr_t array = virt_to_phys(page_of_pfn(page_array.start));

	return overlaps(start, end, virt_to_phys(kernel_start), virt_to_phys(kernel_end)) ||
	       overlaps(start, end, 0, PAGE_SIZE) || overlaps(start, end, 0xa0000, 0x100000) ||
	       overlaps(start, end, array, array + page_array.low_bytes / PAGE_SIZE * 16);
}

TEST(nothing_reserved_is_handed_out)
{
	struct fingerprint settled;
	size_t stolen = 0, total;
	struct held held;

	live_settle(&settled);
	total = nr_free_pages();
	held_init(&held);
	held_drain(&held, GFP_NOWAIT | __GFP_MEMALLOC | __GFP_HIGHMEM);
	EXPECT_EQ(held.pages, total);
	for (pfn_t pfn = held.first; pfn != PFN_NONE; pfn = page_of_pfn(pfn)->next) {
		paddr_t start = (paddr_t)pfn << PAGE_SHIFT;

		stolen += is_not_ours(start, start + (PAGE_SIZE << page_of_pfn(pfn)->order));
	}
	held_free(&held);
	EXPECT_EQ(stolen, 0);
}

/* One zone alone, page by page or block by block, until nothing is left; and back. */
static void exhaust(enum mm_zone_id id, gfp_t gfp, unsigned order)
{
	struct fingerprint before;
	struct mm_zone_info zone;
	struct held held, others;
	struct page *page;

	held_init(&held);
	held_init(&others);
	live_settle(&before);
	/* Higher zones first, out of the way. */
	for (unsigned i = MM_NR_ORDERS; i-- > order;)
		while ((page = alloc_pages(gfp, i)) != NULL)
			held_add(live_zone_of(page) == id ? &held : &others, page);
	mm_zone_info(id, &zone);
	for (unsigned i = order; i < MM_NR_ORDERS; i++)
		EXPECT_EQ(zone.free_blocks[0][i] + zone.free_blocks[1][i], 0);
	if (order == 0)
		EXPECT_EQ(zone.free, 0);
	EXPECT(!alloc_pages(gfp, order));
	held_free(&others);
	held_free(&held);
	live_expect_settled(&before);
}

TEST(exhaust_dma)
{
	exhaust(MM_ZONE_DMA, GFP_NOWAIT | __GFP_MEMALLOC | GFP_DMA, 0);
}

TEST(exhaust_normal)
{
	struct mm_zone_info zone;

	if (!mm_zone_info(MM_ZONE_NORMAL, &zone))
		SKIP("no Normal zone: 16 MiB or less");
	exhaust(MM_ZONE_NORMAL, GFP_NOWAIT | __GFP_MEMALLOC, 0);
}

TEST(exhaust_high)
{
	struct mm_zone_info zone;

	if (!mm_zone_info(MM_ZONE_HIGH, &zone))
		SKIP("no High zone: 896 MiB or less");
	exhaust(MM_ZONE_HIGH, GFP_NOWAIT | __GFP_MEMALLOC | __GFP_HIGHMEM, 0);
}

/* Single pages throughout, so that every merge up to the largest block must happen again. */
static void exhaust_by_pages(gfp_t gfp, size_t most)
{
	struct fingerprint before;
	struct held held, later;
	struct page *page;

	held_init(&held);
	held_init(&later);
	live_settle(&before);
	held_take(&held, gfp, 0, most);
	while ((page = held_pop(&held)) != NULL) {
		if (test_random_below(3) == 0)
			held_add(&later, page);
		else
			__free_page(page);
	}
	held_free(&later);
	live_expect_settled(&before);
}

TEST(exhaust_by_single_pages)
{
	exhaust_by_pages(GFP_NOWAIT | __GFP_MEMALLOC | GFP_DMA, 4096);
	exhaust_by_pages(GFP_NOWAIT | __GFP_MEMALLOC, 30000);
	exhaust_by_pages(GFP_NOWAIT | __GFP_MEMALLOC | __GFP_HIGHMEM, 30000);
}

/* Every byte of every page that can be had is written and read back, on a small machine. */
TEST(every_page_is_memory)
{
	const size_t most = (size_t)64 << (20 - PAGE_SHIFT);
	size_t wrong = 0;
	struct held held;
	struct page *page;

	if (nr_free_pages() > most)
		SKIP("more than 64 MiB: too much to touch");
	held_init(&held);
	held_take(&held, GFP_NOWAIT | __GFP_MEMALLOC, 0, most);
	for (pfn_t pfn = held.first; pfn != PFN_NONE; pfn = page_of_pfn(pfn)->next)
		memset(page_address(page_of_pfn(pfn)), (int)(pfn * 7 & 0xff), PAGE_SIZE);
	while ((page = held_pop(&held)) != NULL) {
		const uint32_t *words = page_address(page);
		uint32_t expected = (page_to_pfn(page) * 7 & 0xff) * 0x01010101u;

		for (size_t i = 0; i < PAGE_SIZE / 4; i++)
			wrong += words[i] != expected;
		__free_page(page);
	}
	EXPECT_EQ(wrong, 0);
}

/* --- beyond 4 GiB --------------------------------------------------------------------------- */

/* A page beyond 4 GiB; the blocks that came before it are in `held`. */
static struct page *page_beyond_4g(struct held *held)
{
	struct page *page;

	while ((page = alloc_pages(GFP_NOWAIT | __GFP_HIGHMEM, MM_MAX_ORDER)) != NULL) {
		held_add(held, page);
		if (page_to_phys(page) >= 4 * GIB)
			return page;
	}
	return NULL;
}

/* The page where an address cut to 32 bits would lead: its first word must not change. */
static uint32_t word_at_alias(const struct page *page)
{
	struct page *alias =
		pfn_to_page(page_to_pfn(page) & (pfn_t)((4 * GIB - 1) >> PAGE_SHIFT));
	const uint32_t *address;
	uint32_t value = 0;

	if (!alias)
		return 0;
	address = kmap_local_page(alias);
	value = *address;
	kunmap_local(address);
	return value;
}

TEST(round_trip_beyond_4g)
{
	struct held held;
	struct page *page;
	uint32_t alias;
	void *address;

	held_init(&held);
	page = page_beyond_4g(&held);
	if (!page) {
		held_free(&held);
		SKIP("no memory beyond 4 GiB on this machine");
	}
	allow_kept_pages(2); /* page tables of the mapping window */
	alias = word_at_alias(page);
	address = kmap(page);
	EXPECT(address != NULL);
	live_fill(address, PAGE_SIZE, alias ^ 0x12345678);
	EXPECT_EQ(word_at_alias(page), alias);
	EXPECT(page_address(page) == address);
	kunmap(page);

	address = kmap_local_page(page);
	EXPECT(live_filled(address, PAGE_SIZE, alias ^ 0x12345678));
	kunmap_local(address);
	copy_highpage(page + 1, page);
	clear_highpage(page);
	EXPECT(live_pages_all_bytes(page, 0, 0));
	EXPECT(live_filled_pages(page + 1, 0, alias ^ 0x12345678));
	held_free(&held);
}

/* The last frames of memory, where a missing bit of a page table entry would show. */
TEST(the_last_page_of_memory)
{
	struct mm_zone_info zone;
	struct held held;
	struct page *page, *last = NULL;

	if (!mm_zone_info(MM_ZONE_HIGH, &zone))
		SKIP("no High zone on this machine");
	held_init(&held);
	while ((page = alloc_pages(GFP_NOWAIT | __GFP_HIGHMEM | __GFP_MEMALLOC,
				   MM_MAX_ORDER)) != NULL) {
		held_add(&held, page);
		if (page_is_highmem(page) && (!last || page > last))
			last = page;
	}
	if (last) {
		last += ((size_t)1 << MM_MAX_ORDER) - 1;
		test_note("the last page of a largest block is at %llx",
			  (unsigned long long)page_to_phys(last));
		live_fill_pages(last, 0, 99);
		EXPECT(live_filled_pages(last, 0, 99));
	}
	held_free(&held);
}

TEST_SUITE(placement, zone_of_each_flag, kmalloc_of_each_flag, isa_dma_buffers,
	   nothing_reserved_is_handed_out, exhaust_dma, exhaust_normal, exhaust_high,
	   exhaust_by_single_pages, every_page_is_memory, round_trip_beyond_4g,
	   the_last_page_of_memory);
