/* SPDX-License-Identifier: MIT */
/*
 * The kernel's page tables.  It owns the last gigabyte, so one directory, kernel_pd, is
 * all there is; the other three are absent, or a process's (address_space.c).
 *
 * The image and all below it are mapped by 4 KiB pages (kernel_tables), since its
 * parts differ in what may be done to them; the rest of low memory by large pages.
 *
 * I1: a table of the window or the stacks, once installed, is never freed.
 * I2: no entry has PTE_USER, so nothing of the kernel's can be reached from ring 3.
 *
 * Locks: `lock` for entries that lead to tables.  Those of pages belong to whoever the
 * addresses belong to, and change with interrupts off.
 */
#include "page_table.h"
#include <kernel/cpu.h>
#include <kernel/image.h>
#include <kernel/panic.h>
#include <kernel/shootdown.h>
#include <kernel/smp.h>
#include <kernel/spinlock.h>
#include <mm/page_alloc.h>

static struct entry kernel_tables[KERNEL_TABLES][TABLE_ENTRIES]
	__attribute__((aligned(PAGE_BYTES)));

#define SLAB_MAP_TABLES ((SLAB_MAP_END - SLAB_MAP) / LARGE_PAGE_BYTES)

static struct entry slab_map_tables[SLAB_MAP_TABLES][TABLE_ENTRIES]
	__attribute__((aligned(PAGE_BYTES)));

uint64_t pte_no_execute;

static struct spinlock lock;

static struct entry *directory_entry(uintptr_t virt)
{
	return directory_entry_of(kernel_pd, virt);
}

/* What may be done to a page of the image, or to one outside it (data). */
static uint64_t permissions(uintptr_t virt)
{
	if (image_is_text(virt))
		return PTE_PRESENT;
	if (virt >= (uintptr_t)rodata_start && virt < (uintptr_t)rodata_end)
		return PTE_PRESENT | pte_no_execute;
	if (virt == (uintptr_t)boot_stack_guard)
		return 0;
	return PTE_PRESENT | PTE_WRITE | pte_no_execute;
}

static void map_image(paddr_t low_end)
{
	for (unsigned t = 0; t < KERNEL_TABLES; t++) {
		for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
			paddr_t phys = (paddr_t)(t * TABLE_ENTRIES + i) << PAGE_SHIFT;

			if (phys < low_end)
				entry_set(&kernel_tables[t][i],
					  phys | permissions((uintptr_t)phys_to_virt(phys)));
		}
		/* Both the old and the new entry have an upper half of 0. */
		entry_set(&kernel_pd[t],
			  virt_to_phys(kernel_tables[t]) | PTE_PRESENT | PTE_WRITE);
	}
}

/* mm maps the slab map when nobody can allocate tables yet: here they are. */
static void add_slab_map_tables(void)
{
	for (unsigned t = 0; t < SLAB_MAP_TABLES; t++)
		entry_set(directory_entry(SLAB_MAP + t * LARGE_PAGE_BYTES),
			  virt_to_phys(slab_map_tables[t]) | PTE_PRESENT | PTE_WRITE);
}

static void map_low_memory(paddr_t low_end)
{
	paddr_t phys = (paddr_t)KERNEL_TABLES * LARGE_PAGE_BYTES;

	for (; phys < low_end; phys += LARGE_PAGE_BYTES)
		entry_set(directory_entry((uintptr_t)phys_to_virt(phys)),
			  phys | PTE_PRESENT | PTE_WRITE | PTE_LARGE | pte_no_execute);
}

void paging_init(paddr_t low_end)
{
	if (cpu_features.nx) {
		write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_NXE);
		pte_no_execute = PTE_NX;
	}
	map_image(low_end);
	map_low_memory(low_end);
	add_slab_map_tables();
	entry_clear(directory_entry(BOOT_SLOT));
	write_cr3(read_cr3());
	write_cr0(read_cr0() | CR0_WP);
}

void *paging_move_boot_slot(paddr_t phys)
{
	struct entry *entry = directory_entry(BOOT_SLOT);

	entry_clear(entry);
	entry_set(entry, (phys & PTE_FRAME_2MIB) | PTE_PRESENT | PTE_WRITE | PTE_LARGE);
	invlpg(BOOT_SLOT);
	return (void *)(BOOT_SLOT + (uintptr_t)(phys % LARGE_PAGE_BYTES));
}

/* Another CPU or an interrupt may do the same while we allocate: then ours goes back. */
bool table_ensure(struct entry *entry, uint64_t bits, gfp_t gfp)
{
	struct page *page;
	uint32_t flags;
	bool ours;

	if (entry_present(entry))
		return true;
	page = alloc_pages(gfp | __GFP_ZERO, 0);
	if (!page)
		return false;
	flags = spin_lock_irqsave(&lock);
	ours = !entry_present(entry);
	if (ours)
		entry_set(entry, page_to_phys(page) | PTE_PRESENT | bits);
	spin_unlock_irqrestore(&lock, flags);
	if (!ours)
		__free_pages(page, 0);
	return true;
}

/* The window, the slab map behind it, the stacks behind that. */
static bool is_ours(uintptr_t virt)
{
	return virt >= WINDOW_START && virt < STACKS_END;
}

_Static_assert(WINDOW_END == SLAB_MAP && SLAB_MAP_END == STACKS_START, "nothing between them");

static bool map_page(uintptr_t virt, paddr_t phys, uint32_t bits)
{
	struct entry *entry;
	uint32_t flags;

	if (virt % PAGE_SIZE || phys >> cpu_features.phys_bits)
		panic("paging_map: %08zx -> %llx cannot be", (size_t)virt,
		      (unsigned long long)phys);
	if (!table_ensure(directory_entry(virt), PTE_WRITE, GFP_ATOMIC | __GFP_NOWARN))
		return false;
	flags = irq_save();
	entry = table_entry(directory_entry(virt), virt);
	if (entry_present(entry))
		panic("paging_map: %08zx is mapped already", (size_t)virt);
	entry_set(entry, (phys & PTE_FRAME) | PTE_PRESENT | PTE_WRITE | bits | pte_no_execute);
	irq_restore(flags);
	return true;
}

bool paging_map(uintptr_t virt, paddr_t phys)
{
	if (!is_ours(virt))
		panic("paging_map: %08zx is not ours to map", (size_t)virt);
	return map_page(virt, phys, 0);
}

bool paging_map_device(uintptr_t virt, paddr_t phys)
{
	if (virt != LAPIC_PAGE)
		panic("paging_map_device: %08zx is no device's", (size_t)virt);
	return map_page(virt, phys, PTE_UNCACHED);
}

static void check_run(uintptr_t virt, size_t n)
{
	if (virt % PAGE_SIZE || !is_ours(virt) || n > (STACKS_END - virt) / PAGE_SIZE)
		panic("paging: %zu pages from %08zx are not ours", n, (size_t)virt);
}

/* Of n pages from `virt` on, those in the same table. */
static size_t part_in_table(uintptr_t virt, size_t n)
{
	size_t room = TABLE_ENTRIES - (virt >> PAGE_SHIFT & (TABLE_ENTRIES - 1));

	return n < room ? n : room;
}

static void map_part(struct entry *entry, const pfn_t *frames, size_t n)
{
	uint32_t high = (uint32_t)(pte_no_execute >> 32);
	uint32_t flags = irq_save();

	for (size_t i = 0; i < n; i++) {
		if (entry_present(&entry[i]))
			panic("paging_map_run: mapped already, to %08x", entry[i].low);
		entry[i].high = high | frames[i] >> (32 - PAGE_SHIFT);
		entry[i].low = frames[i] << PAGE_SHIFT | PTE_PRESENT | PTE_WRITE;
	}
	irq_restore(flags);
}

size_t paging_map_run(uintptr_t virt, const pfn_t *frames, size_t n)
{
	size_t done = 0;

	check_run(virt, n);
	while (done < n) {
		size_t part = part_in_table(virt, n - done);
		struct entry *directory = directory_entry(virt);

		if (!table_ensure(directory, PTE_WRITE, GFP_ATOMIC | __GFP_NOWARN))
			break;
		map_part(table_entry(directory, virt), frames + done, part);
		virt += part * PAGE_SIZE;
		done += part;
	}
	return done;
}

static void unmap_part(struct entry *entry, pfn_t *frames, size_t n)
{
	uint32_t flags = irq_save();

	for (size_t i = 0; i < n; i++) {
		if (!entry_present(&entry[i]))
			panic("paging_unmap_run: page %zu of %zu is not mapped", i, n);
		frames[i] = (entry[i].high & (uint32_t)(PTE_FRAME >> 32)) << (32 - PAGE_SHIFT) |
			    entry[i].low >> PAGE_SHIFT;
		entry_clear(&entry[i]);
	}
	irq_restore(flags);
}

void paging_unmap_run(uintptr_t virt, pfn_t *frames, size_t n)
{
	check_run(virt, n);
	while (n > 0) {
		size_t part = part_in_table(virt, n);
		struct entry *directory = directory_entry(virt);

		if (!entry_present(directory))
			panic("paging_unmap_run: no page table for %08zx", (size_t)virt);
		unmap_part(table_entry(directory, virt), frames, part);
		virt += part * PAGE_SIZE;
		frames += part;
		n -= part;
	}
}

/* Clear the entry of a page that is ours, if it has one; the CPU may go on knowing it. */
static void clear_entry(uintptr_t virt)
{
	const struct entry *directory = directory_entry(virt);
	uint32_t flags;

	if (!is_ours(virt))
		panic("paging_unmap: %08zx is not ours to unmap", (size_t)virt);
	if (!entry_present(directory))
		return;
	flags = irq_save();
	entry_clear(table_entry(directory, virt));
	irq_restore(flags);
}

void paging_unmap(uintptr_t virt, size_t nr_pages)
{
	paging_unmap_lazy(virt, nr_pages);
	if (smp_count() > 1) {
		shootdown();
		return;
	}
	for (; nr_pages > 0; nr_pages--, virt += PAGE_SIZE)
		invlpg(virt);
}

void paging_unmap_local(uintptr_t virt, size_t nr_pages)
{
	paging_unmap_lazy(virt, nr_pages);
	for (; nr_pages > 0; nr_pages--, virt += PAGE_SIZE)
		invlpg(virt);
}

void paging_unmap_lazy(uintptr_t virt, size_t nr_pages)
{
	for (; nr_pages > 0; nr_pages--, virt += PAGE_SIZE)
		clear_entry(virt);
}

static unsigned long nr_flushes;

void paging_flush(void)
{
	shootdown();
	__atomic_fetch_add(&nr_flushes, 1, __ATOMIC_RELAXED);
}

unsigned long paging_flushes(void)
{
	return __atomic_load_n(&nr_flushes, __ATOMIC_RELAXED);
}

bool paging_translate(uintptr_t virt, paddr_t *phys)
{
	const struct entry *entry;

	if (virt < KERNEL_BASE)
		return false;
	entry = directory_entry(virt);
	if (!entry_present(entry))
		return false;
	if (entry->low & PTE_LARGE) {
		*phys = (entry_read(entry) & PTE_FRAME_2MIB) + virt % LARGE_PAGE_BYTES;
		return true;
	}
	entry = table_entry(entry, virt);
	if (!entry_present(entry))
		return false;
	*phys = (entry_read(entry) & PTE_FRAME) + virt % PAGE_SIZE;
	return true;
}
