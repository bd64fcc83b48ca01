/* SPDX-License-Identifier: MIT */
/* Page tables: the kernel's direct map of low memory, its mapping window, its stacks. */
#ifndef KERNEL_PAGING_H
#define KERNEL_PAGING_H

#include <kernel/layout.h>
#include <mm/types.h>

/*
 * paging_init - the final map: low memory up to `low_end` at KERNEL_BASE, the
 * image's text read-only, everything but text no-execute where the CPU can.
 * Once, before anything uses the window.
 */
void paging_init(paddr_t low_end);

/*
 * paging_map - map the page at `phys` at `virt` in the window, the slab map or among the stacks, writable,
 * never executable.  `virt` is unmapped before.  False when a page table is needed and
 * there is no memory for one.  Calls alloc_pages(GFP_ATOMIC).
 *
 * paging_unmap - unmap `nr_pages` pages from `virt`, in the window or among the stacks.
 * Pages that are not mapped are skipped; every CPU has forgotten them when it returns.
 *
 * paging_unmap_lazy - the same, but CPUs may go on using the old translations until
 * paging_flush(), which makes them forget all of the window's; paging_flushes() counts
 * those.  Nothing may be mapped there before.
 *
 * paging_unmap_local - the same for addresses that this CPU alone ever uses: no other one forgets
 * them.
 *
 * paging_map_run - map n pages side by side; returns how many it has page tables for.
 * paging_unmap_run - as paging_unmap_lazy for n pages that are mapped, and tell their frames.
 *
 * Contexts: any but NMI.
 */
bool paging_map(uintptr_t virt, paddr_t phys);
MM_FASTCALL size_t paging_map_run(uintptr_t virt, const pfn_t *frames, size_t n);
MM_FASTCALL void paging_unmap_run(uintptr_t virt, pfn_t *frames, size_t n);
void paging_unmap(uintptr_t virt, size_t nr_pages);
void paging_unmap_lazy(uintptr_t virt, size_t nr_pages);
void paging_unmap_local(uintptr_t virt, size_t nr_pages);
void paging_flush(void);
unsigned long paging_flushes(void);

/*
 * paging_map_device - map the page of a device's registers at `phys`, uncached and for ever, at
 * `virt`: one of the addresses that layout.h sets aside.  Otherwise as paging_map().
 */
bool paging_map_device(uintptr_t virt, paddr_t phys);

/* For kasan.c, before there are other threads: one page of the shadow, in the table that is kept for it. */
void paging_map_shadow(uintptr_t virt, paddr_t phys);

/*
 * paging_guard - let every access to this page of low memory fault, or, with `guarded` false, no
 *	more.  False: a large page has to be split for it, and there is no memory for a
 *	table.  Contexts: as mm_host_guard() of <mm/port.h>.
 */
bool paging_guard(uintptr_t virt, bool guarded);

/*
 * paging_for_each_table - call `visit` for each of the kernel's page tables, with its physical
 *	address.  They only ever become more.  Any context.
 */
void paging_for_each_table(void (*visit)(paddr_t phys));

/* Where `virt`, any kernel address, leads; false when nowhere.  Any context. */
MM_FASTCALL bool paging_translate(uintptr_t virt, paddr_t *phys);

/*
 * paging_move_boot_slot - map the 2 MiB around `phys` at BOOT_SLOT, writable.
 * Returns the address of `phys` there.  Boot only: one user at a time.
 */
void *paging_move_boot_slot(paddr_t phys);

static inline void *phys_to_virt(paddr_t phys)
{
	return (void *)((uintptr_t)phys + KERNEL_BASE);
}

static inline paddr_t virt_to_phys(const void *virt)
{
	return (uintptr_t)virt - KERNEL_BASE;
}

#endif
