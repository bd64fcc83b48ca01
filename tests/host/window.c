// SPDX-License-Identifier: MIT
/*
 * The hooks of mm's host contract that map and unmap: the arena does it, and no lock may be
 * held meanwhile.  For one thread (tests/host) and for many (tests/threads).
 */
#include "arena.h"
#include "host.h"

bool mm_host_map(uintptr_t virt, paddr_t phys)
{
	host_check_no_lock("mm_host_map");
	return arena_map(virt, phys);
}

void mm_host_unmap(uintptr_t virt, size_t nr_pages)
{
	host_check_no_lock("mm_host_unmap");
	arena_unmap(virt, nr_pages);
}

void mm_host_unmap_lazy(uintptr_t virt, size_t nr_pages)
{
	host_check_no_lock("mm_host_unmap_lazy");
	arena_unmap_lazy(virt, nr_pages);
}

void mm_host_flush(void)
{
	host_check_no_lock("mm_host_flush");
	arena_flush();
}

MM_FASTCALL bool mm_host_translate(uintptr_t virt, paddr_t *phys)
{
	return arena_translate(virt, phys);
}
