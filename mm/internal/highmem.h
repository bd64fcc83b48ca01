/* SPDX-License-Identifier: MIT */
/* Mapping slots for pages without an address.  See highmem.c. */
#ifndef MM_INTERNAL_HIGHMEM_H
#define MM_INTERNAL_HIGHMEM_H

#include <mm/highmem.h>
#include <mm/port.h>
#include <page.h>

/* Slots of kmap(), a power of two, and what all slots take of the mapping window. */
#define KMAP_SLOTS 256u
#define HIGHMEM_SLOT_BYTES \
	(((size_t)MM_HOST_NR_CPUS * KMAP_LOCAL_DEPTH + KMAP_SLOTS) * PAGE_SIZE)

bool highmem_init(uintptr_t slots);
void highmem_reset(void);

#endif
