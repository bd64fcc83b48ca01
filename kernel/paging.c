/* SPDX-License-Identifier: MIT */
/*
 * The kernel's page tables.  It owns the last gigabyte, so one directory, kernel_pd, is
 * all there is; the other three are absent, or a process's (address_space.c).
 *
 * The image and all below it are mapped by 4 KiB pages (kernel_tables), since its
 * parts differ in what may be done to them; the rest of low memory by large pages, but where
 * some page of it was ever guarded.
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

#define PAGES_OURS ((STACKS_END - WINDOW_START) / PAGE_SIZE)

_Static_assert(WINDOW_START % LARGE_PAGE_BYTES == 0,
	       "pages of ours are in tables from their start");

/* Index of a page of ours; more than PAGES_OURS for any other address. */
static inline size_t our_index(uintptr_t virt)
{
	uintptr_t offset = virt - WINDOW_START;

	return offset >> PAGE_SHIFT | offset << (32 - PAGE_SHIFT);
}

/* Of n pages from the i-th of ours on, those in the same table. */
static inline size_t part_in_table(size_t i, size_t n)
{
	size_t room = TABLE_ENTRIES - i % TABLE_ENTRIES;

	return n < room ? n : room;
}

static inline struct entry *directory_of_ours(size_t i)
{
	return directory_entry(WINDOW_START) + i / TABLE_ENTRIES;
}

/* All of them are ours, and their table is there. */
static inline struct entry *our_entry(size_t i)
{
	return &table_of(directory_of_ours(i))[i % TABLE_ENTRIES];
}

/* Are n pages from the i-th on ours, in one table that is there? */
static inline bool are_in_one_table(size_t i, size_t n)
{
	return n <= TABLE_ENTRIES - i % TABLE_ENTRIES && i <= PAGES_OURS - n &&
	       entry_present(directory_of_ours(i));
}

static void check_run(size_t i, size_t n)
{
	if (i >= PAGES_OURS || n > PAGES_OURS - i)
		panic("paging: %zu pages from %08zx are not ours", n,
		      (size_t)(WINDOW_START + i * PAGE_SIZE));
}

/* All in one table.  Whoever has the addresses is alone with these entries. */
static inline void map_part(struct entry *entry, const pfn_t *frames, size_t n)
{
	uint32_t high = (uint32_t)(pte_no_execute >> 32);

	for (const pfn_t *end = frames + n; frames < end; frames++, entry++) {
		pfn_t frame = *frames;

		if (entry_present(entry))
			panic("paging_map_run: mapped already, to %08x", entry->low);
		entry->high = high | frame >> (32 - PAGE_SHIFT);
		entry->low = frame << PAGE_SHIFT | PTE_PRESENT | PTE_WRITE;
	}
}

static __attribute__((noinline)) size_t map_parts(size_t i, const pfn_t *frames, size_t n)
{
	size_t done = 0;

	check_run(i, n);
	while (done < n) {
		size_t part = part_in_table(i + done, n - done);

		if (!table_ensure(directory_of_ours(i + done), PTE_WRITE,
				  GFP_ATOMIC | __GFP_NOWARN))
			break;
		map_part(our_entry(i + done), frames + done, part);
		done += part;
	}
	return done;
}

MM_FASTCALL size_t paging_map_run(uintptr_t virt, const pfn_t *frames, size_t n)
{
	size_t i = our_index(virt);

	if (!are_in_one_table(i, n))
		return map_parts(i, frames, n);
	map_part(our_entry(i), frames, n);
	return n;
}

static inline void unmap_part(struct entry *entry, pfn_t *frames, size_t n)
{
	for (pfn_t *end = frames + n; frames < end; frames++, entry++) {
		uint32_t low = entry->low;

		if (!(low & PTE_PRESENT))
			panic("paging_unmap_run: a page of %zu is not mapped", n);
		*frames = (entry->high & (uint32_t)(PTE_FRAME >> 32)) << (32 - PAGE_SHIFT) |
			  low >> PAGE_SHIFT;
		entry_clear(entry);
	}
}

static __attribute__((noinline)) void unmap_parts(size_t i, pfn_t *frames, size_t n)
{
	check_run(i, n);
	while (n > 0) {
		size_t part = part_in_table(i, n);

		if (!entry_present(directory_of_ours(i)))
			panic("paging_unmap_run: no page table for %08zx",
			      (size_t)(WINDOW_START + i * PAGE_SIZE));
		unmap_part(our_entry(i), frames, part);
		i += part;
		frames += part;
		n -= part;
	}
}

MM_FASTCALL void paging_unmap_run(uintptr_t virt, pfn_t *frames, size_t n)
{
	size_t i = our_index(virt);

	if (are_in_one_table(i, n))
		unmap_part(our_entry(i), frames, n);
	else
		unmap_parts(i, frames, n);
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

#ifdef KASAN
void paging_map_shadow(uintptr_t virt, paddr_t phys)
{
	static struct entry table[TABLE_ENTRIES] __attribute__((aligned(PAGE_BYTES)));
	struct entry *directory = directory_entry(virt);

	if (!entry_present(directory))
		entry_set(directory, virt_to_phys(table) | PTE_PRESENT | PTE_WRITE);
	entry_set(table_entry(directory, virt),
		  phys | PTE_PRESENT | PTE_WRITE | pte_no_execute);
}
#endif

/* --- pages of low memory that cannot be reached --------------------------------------------- */

/* The table that maps all that the large page does, entered in its place, if it is still there. */
static void enter_split(struct entry *directory, struct page *page)
{
	struct entry *table = page_address(page);
	uint32_t flags = spin_lock_irqsave(&lock);
	uint32_t bits = directory->low & ~(uint32_t)PTE_LARGE;
	bool ours = directory->low & PTE_LARGE;

	for (unsigned i = 0; ours && i < TABLE_ENTRIES; i++) {
		table[i].high = directory->high;
		table[i].low = bits + (i << PAGE_SHIFT);
	}
	/* The upper half stays as it is, so at every moment the entry leads to the same pages. */
	if (ours)
		directory->low = (uint32_t)page_to_phys(page) | PTE_PRESENT | PTE_WRITE;
	spin_unlock_irqrestore(&lock, flags);
	if (!ours)
		__free_pages(page, 0);
}

/* False: there is no memory for a table. */
static bool split(struct entry *directory)
{
	struct page *page;

	if (!(directory->low & PTE_LARGE))
		return true;
	page = alloc_pages(GFP_ATOMIC | __GFP_NOWARN, 0);
	if (!page)
		return false;
	enter_split(directory, page);
	return true;
}

bool paging_guard(uintptr_t virt, bool guarded)
{
	struct entry *directory = directory_entry(virt), *entry;

	if (virt < KERNEL_BASE || virt >= WINDOW_START || !entry_present(directory))
		panic("paging_guard: %08zx is no low memory", (size_t)virt);
	if (!split(directory))
		return false;
	entry = table_entry(directory, virt);
	if (!guarded)
		entry->low |= PTE_PRESENT; /* no processor remembers that a page is not there */
	else
		entry->low &= ~PTE_PRESENT;
	if (guarded && smp_count() > 1 && !cpu_in_nmi())
		shootdown();
	else
		invlpg(virt);
	return true;
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

/* The address is `low` and the entry's upper half.  By halves: compilers are clumsy with 64 bits. */
static inline bool found(paddr_t *phys, const struct entry *entry, uint32_t low)
{
	union {
		uint32_t halves[2];
		paddr_t phys;
	} whole = {.halves = {low, entry->high & (uint32_t)(PTE_FRAME >> 32)}};

	*phys = whole.phys;
	return true;
}

MM_FASTCALL bool paging_translate(uintptr_t virt, paddr_t *phys)
{
	const struct entry *entry = directory_entry(virt);
	uint32_t low = entry->low;

	if (virt < KERNEL_BASE || !(low & PTE_PRESENT))
		return false;
	if (low & PTE_LARGE) {
		low = (low & (uint32_t)PTE_FRAME_2MIB) | virt % LARGE_PAGE_BYTES;
		return found(phys, entry, low);
	}
	entry = table_entry(entry, virt);
	low = entry->low;
	if (!(low & PTE_PRESENT))
		return false;
	return found(phys, entry, (low & (uint32_t)PTE_FRAME) | virt % PAGE_SIZE);
}

void paging_for_each_table(void (*visit)(paddr_t phys))
{
	for (unsigned i = 0; i < TABLE_ENTRIES; i++)
		if (entry_present(&kernel_pd[i]) && !(kernel_pd[i].low & PTE_LARGE))
			visit(entry_read(&kernel_pd[i]) & PTE_FRAME);
}
