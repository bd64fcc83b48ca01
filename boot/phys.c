/* SPDX-License-Identifier: MIT */
/* Reading physical memory before anything is known about it, through the boot slot. */
#include <boot/multiboot.h>
#include <kernel/paging.h>
#include <kernel/string.h>

#define FOUR_GIB (1ull << 32)

bool phys_read(paddr_t address, void *to, size_t n)
{
	char *at = to;

	if (address >= FOUR_GIB || n > FOUR_GIB - address)
		return false;
	while (n > 0) {
		size_t piece = LARGE_PAGE_BYTES - (size_t)(address % LARGE_PAGE_BYTES);

		if (piece > n)
			piece = n;
		memcpy(at, paging_move_boot_slot(address), piece);
		address += piece;
		at += piece;
		n -= piece;
	}
	return true;
}
