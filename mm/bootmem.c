// SPDX-License-Identifier: MIT
/*
 * Memory before there is an allocator: the page array and the other tables whose
 * size depends on the machine are cut from the memory map itself.
 *
 * I1. free is a subset of ram; both hold whole pages.
 * I2. Nothing in a reserved range, nor beyond max_paddr, is in free.
 *
 * Blocks come from the top of low memory, so that the DMA zone stays whole and
 * kernel, modules and tables do not split the rest.  No locks: one CPU, once.
 */
#include <bootmem.h>
#include <log.h>
#include <mm/port.h>

struct bootmem bootmem;

static paddr_t page_limit(paddr_t limit)
{
	return limit & ~(paddr_t)(PAGE_SIZE - 1);
}

/*
 * Frame numbers have 32 bits, and the last of them means "none".  Where an address has no more
 * bits than that, the page array's entries, of 16 bytes (page.h), have 28-bit numbers.
 */
#define PFN_BITS  (sizeof(uintptr_t) > 4 ? 32 : 28)
#define PFN_REACH (((paddr_t)1 << (PFN_BITS + PAGE_SHIFT)) - PAGE_SIZE)

static void read_limits(const struct mm_boot_info *info)
{
	bootmem.max_paddr = PFN_REACH;
	if (info->max_paddr && info->max_paddr < bootmem.max_paddr)
		bootmem.max_paddr = page_limit(info->max_paddr);
	bootmem.low_limit = page_limit(info->low_limit);
	if (bootmem.low_limit > bootmem.max_paddr)
		bootmem.low_limit = bootmem.max_paddr;
	bootmem.dma_limit = page_limit(info->dma_limit);
	if (bootmem.dma_limit > bootmem.low_limit)
		bootmem.dma_limit = bootmem.low_limit;
}

static void log_lost(const char *why, paddr_t bytes)
{
	if (bytes)
		mm_log("mm: %llu KiB of RAM left unused: %s", (unsigned long long)(bytes >> 10),
		       why);
}

/* What no frame number, no CPU or no mapping reaches is dropped, and said. */
static void drop_unreachable(bool can_map)
{
	const paddr_t all = ~(paddr_t)0;

	log_lost("beyond the addresses that the CPU or a frame number reaches",
		 memmap_bytes(&bootmem.ram, bootmem.max_paddr, all));
	memmap_remove(&bootmem.ram, bootmem.max_paddr, all);
	if (can_map)
		return;
	log_lost("high memory, and no mapping window to reach it by",
		 memmap_bytes(&bootmem.ram, bootmem.low_limit, all));
	memmap_remove(&bootmem.ram, bootmem.low_limit, all);
}

/*
 * Read the boot info.  `can_map`: is there a way to reach high memory?  Returns false, having said why, when no page is left that
 * the allocator could use.
 */
bool bootmem_init(const struct mm_boot_info *info, bool can_map)
{
	memmap_clear(&bootmem.ram);
	for (size_t i = 0; i < info->nr_ram; i++)
		memmap_add(&bootmem.ram, info->ram[i].start, info->ram[i].end);
	read_limits(info);
	drop_unreachable(can_map);

	/* Byte for byte first, then whole pages: a page with one reserved byte is out. */
	bootmem.free = bootmem.ram;
	for (size_t i = 0; i < info->nr_reserved; i++)
		memmap_remove(&bootmem.free, info->reserved[i].start, info->reserved[i].end);
	memmap_trim_to_pages(&bootmem.ram);
	memmap_trim_to_pages(&bootmem.free);

	if (bootmem.ram.dropped || bootmem.free.dropped)
		mm_log("mm: memory map in too many pieces: %zu dropped",
		       bootmem.ram.dropped + bootmem.free.dropped);
	if (memmap_bytes(&bootmem.free, 0, bootmem.low_limit) == 0) {
		mm_log("mm: no usable low memory: %zu ranges of RAM, %zu reserved, low limit "
		       "%llx",
		       info->nr_ram, info->nr_reserved, (unsigned long long)info->low_limit);
		return false;
	}
	return true;
}

/*
 * `size` bytes of low memory, whole pages, not zeroed; NULL when no piece is
 * large enough.  Stores the physical address.
 */
void *bootmem_alloc(size_t size, size_t align, paddr_t *phys)
{
	const paddr_t mask = PAGE_SIZE - 1;
	paddr_t bytes = ((paddr_t)size + mask) & ~mask;

	if (align < PAGE_SIZE)
		align = PAGE_SIZE;
	*phys = memmap_find_top_down(&bootmem.free, bytes, align, bootmem.low_limit);
	if (*phys == MEMMAP_NOT_FOUND)
		return NULL;
	memmap_remove(&bootmem.free, *phys, *phys + bytes);
	return mm_phys_to_virt(*phys);
}

/* Return a part of what bootmem_alloc() gave: whole pages. */
void bootmem_give_back(paddr_t start, paddr_t end)
{
	memmap_add(&bootmem.free, start, end);
}
