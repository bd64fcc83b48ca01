/* SPDX-License-Identifier: MIT */
/*
 * How a host hands its memory to the allocator: one structure, filled in by
 * the boot code, read once by mm_init().
 */
#ifndef MM_BOOT_H
#define MM_BOOT_H

#include <mm/types.h>

/* Bytes [start, end).  start >= end is an empty range, which is ignored. */
struct mm_range {
	paddr_t start;
	paddr_t end;
};

/*
 * Nothing is trusted: ranges may come in any order, overlap, be empty, be
 * unaligned, or reach past what the machine can address.  A page is handed out
 * only if every byte of it lies in `ram` and none of it in `reserved`.
 */
struct mm_boot_info {
	const struct mm_range *ram; /* usable RAM, as the firmware tells it */
	size_t nr_ram;
	const struct mm_range
		*reserved; /* kernel image, modules, tables, devices: never handed out */
	size_t nr_reserved;

	paddr_t dma_limit; /* the DMA zone ends here (ISA DMA: 16 MiB); 0: no such zone */
	paddr_t low_limit; /* memory below is mapped for good (mm_phys_to_virt); above is HighMem */
	paddr_t max_paddr; /* what the CPU can address, exclusive; 0: no limit known */

	/*
	 * Kernel virtual addresses, page aligned, that mm may map pages at through
	 * mm_host_map(): kmap, kmap_local_page, kmalloc(GFP_HIGHUSER), vmalloc, vmap.  Both
	 * 0: none; memory above low_limit is then left unused, and vmalloc fails.
	 */
	uintptr_t window_start;
	uintptr_t window_end;

	const char *slab_debug; /* caches to debug, by name: <mm/slab_debug.h>; NULL: none */
	uint32_t
		shuffle_seed; /* hardening: objects and pages come in a random order; 0: they do not */
	bool panic_on_report; /* stop at the first report instead of going on */
};

/*
 * mm_init - bring up zones, page allocator, slab caches and kmalloc.
 *
 * Call once, on one CPU, interrupts off or no handler that allocates.  `info`
 * and what it points to are not needed afterwards.  Calling it again forgets
 * everything and starts over (tests do; a kernel does not).
 *
 * Returns false, after a line of log that says why, when there is no memory to
 * work with; no allocation function may be called then.
 */
bool mm_init(const struct mm_boot_info *info);

#endif
