/* SPDX-License-Identifier: MIT */
/* Memory before there is an allocator.  See bootmem.c. */
#ifndef MM_INTERNAL_BOOTMEM_H
#define MM_INTERNAL_BOOTMEM_H

#include <memmap.h>

struct bootmem {
	struct memmap
		ram; /* all RAM, in whole pages; kept for good: it tells holes from memory */
	struct memmap free; /* what nobody has taken yet */
	paddr_t dma_limit, low_limit, max_paddr;
};

extern struct bootmem bootmem;

bool bootmem_init(const struct mm_boot_info *info, bool can_map);
void *bootmem_alloc(size_t size, size_t align, paddr_t *phys);
void bootmem_give_back(paddr_t start, paddr_t end);

#endif
