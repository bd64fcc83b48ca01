// SPDX-License-Identifier: MIT
/*
 * The page array: one struct page for each frame from the first of RAM to the
 * last, at one stretch, so that frame -> page is one shift and one add.
 *
 * Its border is a multiple of the largest block at both ends, hence:
 *
 * I1. The buddy of any frame of RAM, at any order, has a struct page.
 * I2. Every frame of low memory has one, holes included (they say PAGE_HOLE).
 * I3. Where a hole above low memory is larger than a block, the part of the
 *     array that would describe it is given to the allocator as free memory.  A PC
 *     with 8 GiB has such a hole below 4 GiB.  Nobody may touch those entries:
 *     page_exists() tells, and buddies never ask (I1).
 */
#include <bootmem.h>
#include <mem.h>
#include <mm/port.h>
#include <page.h>

struct page_array page_array;

#define BLOCK_PAGES ((pfn_t)1 << MM_MAX_ORDER)
#define BLOCK_BYTES ((paddr_t)PAGE_SIZE << MM_MAX_ORDER)

/* Entries of one largest block fill whole pages: a hole's part of the array can go. */
_Static_assert(sizeof(struct page) * BLOCK_PAGES % PAGE_SIZE == 0, "array in whole pages");

static paddr_t block_start(paddr_t address)
{
	return address & ~(BLOCK_BYTES - 1);
}

static paddr_t block_end(paddr_t address)
{
	return (address + BLOCK_BYTES - 1) & ~(BLOCK_BYTES - 1);
}

void page_array_reset(void)
{
	memset(&page_array, 0, sizeof(page_array));
}

/* Does the frame lie in a block that holds some RAM, or in low memory? */
static bool block_is_backed(paddr_t block)
{
	return block < bootmem.low_limit ||
	       memmap_intersects(&bootmem.ram, block, block + BLOCK_BYTES);
}

/* Zero (which is PAGE_HOLE) the entries from `block` on, or give their memory back. */
static void set_up_block(paddr_t block, paddr_t array_phys)
{
	pfn_t pfn = (pfn_t)(block >> PAGE_SHIFT);
	paddr_t offset = (paddr_t)(pfn - page_array.start) * sizeof(struct page);
	paddr_t bytes = (paddr_t)BLOCK_PAGES * sizeof(struct page);

	if (block_is_backed(block)) {
		memset(page_of_pfn(pfn), 0, (size_t)bytes);
		page_array.bytes += bytes;
	} else {
		bootmem_give_back(array_phys + offset, array_phys + offset + bytes);
	}
}

/* Make the array from bootmem's map; false when low memory has no room for it. */
bool page_array_init(void)
{
	const struct memmap *ram = &bootmem.ram;
	paddr_t start = block_start(ram->ranges[0].start);
	paddr_t end = block_end(ram->ranges[ram->count - 1].end);
	paddr_t low_end = memmap_bytes(ram, 0, bootmem.low_limit) ? bootmem.low_limit : 0;
	paddr_t entries = (end - start) >> PAGE_SHIFT;
	paddr_t phys;
	void *array;

	if (entries > SIZE_MAX / sizeof(struct page))
		return false;
	array = bootmem_alloc((size_t)entries * sizeof(struct page), PAGE_SIZE, &phys);
	if (!array)
		return false;
	page_array.start = (pfn_t)(start >> PAGE_SHIFT);
	page_array.end = (pfn_t)(end >> PAGE_SHIFT);
	page_array.bias = (uintptr_t)array - (uintptr_t)page_array.start * sizeof(struct page);
	page_array.first = (uintptr_t)array;
	page_array.entries = (size_t)entries;
	page_array.low_bytes = (uintptr_t)(low_end < end ? low_end : end);
	page_array.low_start = (uintptr_t)start;
	page_array.low_span = start < low_end ? page_array.low_bytes - (uintptr_t)start : 0;
	for (paddr_t block = start; block < end; block += BLOCK_BYTES)
		set_up_block(block, phys);
	return true;
}

/* Note in `map`, a byte for each largest block, which entries of the array exist. */
void page_array_set_map(uint8_t *map)
{
	for (size_t i = 0; i < page_array.entries >> MM_MAX_ORDER; i++) {
		paddr_t block = ((paddr_t)page_array.start << PAGE_SHIFT) + i * BLOCK_BYTES;

		map[i] = block_is_backed(block);
	}
	page_array.map = map;
}

/*
 * The head of the block around `page`: itself unless it is a tail.  NULL for a
 * hole, for reserved memory, and for a tail whose head is gone (damage).
 */
struct page *page_head(struct page *page)
{
	pfn_t pfn = pfn_of_page(page);

	if (page->kind == PAGE_HOLE || page->kind == PAGE_RESERVED)
		return NULL;
	if (page->kind != PAGE_TAIL)
		return page;
	for (unsigned order = 1; order <= MM_MAX_ORDER; order++) {
		struct page *head = page_of_pfn(pfn_align_down(pfn, order));

		if (head->kind > PAGE_TAIL)
			return head->order >= order ? head : NULL;
	}
	return NULL;
}

const char *page_kind_name(enum page_kind kind)
{
	static const char *const names[PAGE_NR_KINDS] = {
		[PAGE_HOLE] = "no RAM",
		[PAGE_RESERVED] = "reserved memory",
		[PAGE_TAIL] = "the inside of a block",
		[PAGE_FREE] = "a free block",
		[PAGE_LISTED] = "a free block",
		[PAGE_BLOCK] = "a block of pages",
		[PAGE_SLAB] = "a slab page",
		[PAGE_LARGE] = "a large kmalloc block",
		[PAGE_VMALLOC] = "a page of a vmalloc area",
		[PAGE_GUARD] = "a guarded page",
	};

	return (unsigned)kind < PAGE_NR_KINDS ? names[kind] : "a damaged struct page";
}
