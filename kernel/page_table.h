/* SPDX-License-Identifier: MIT */
/*
 * PAE page tables, as the processor reads them: what paging.c (the kernel's own) and
 * address_space.c (those of processes) share.
 *
 * Entries are 64 bits wide, 512 in a table.  A page directory is a table whose entries
 * span 2 MiB each, by another table or as one large page; four directories, in a table
 * of four, make 4 GiB.
 *
 * An entry is written in two halves.  I1: the CPU never sees a present entry with
 * the wrong upper half: the lower one, with the present bit, is written last when
 * mapping and first when unmapping.
 *
 * Locks: entries of pages belong to whoever has the addresses; those that lead to tables change
 * with interrupts off.
 */
#ifndef KERNEL_PAGE_TABLE_H
#define KERNEL_PAGE_TABLE_H

#include <kernel/paging.h>
#include <mm/gfp.h>

#define PTE_PRESENT      0x001u
#define PTE_WRITE        0x002u
#define PTE_USER         0x004u
#define PTE_UNCACHED     0x018u /* no caching, write-through: what goes to a device */
#define PTE_LARGE        0x080u
#define PTE_NX           (1ull << 63)
#define PTE_FRAME        0x000ffffffffff000ull
#define PTE_FRAME_2MIB   0x000fffffffe00000ull

#define TABLE_ENTRIES    512u
#define LARGE_PAGE_SHIFT 21
#define DIRECTORY_SHIFT  30 /* a whole directory: 1 GiB */
#define NR_DIRECTORIES   4u

struct entry {
	volatile uint32_t low, high;
};

/* From boot/entry.S, which fills it for the start: the last directory of every address space. */
extern struct entry kernel_pd[TABLE_ENTRIES];

/* PTE_NX, or 0 when the CPU does not know it.  Set by paging_init(). */
extern uint64_t pte_no_execute;

static inline uint64_t entry_read(const struct entry *entry)
{
	return (uint64_t)entry->high << 32 | entry->low;
}

static inline bool entry_present(const struct entry *entry)
{
	return entry->low & PTE_PRESENT;
}

/* `entry` is not present, or keeps its upper half. */
static inline void entry_set(struct entry *entry, uint64_t value)
{
	entry->high = (uint32_t)(value >> 32);
	entry->low = (uint32_t)value;
}

static inline void entry_clear(struct entry *entry)
{
	entry->low = 0;
	entry->high = 0;
}

/* The table, of pages or of tables, that a present entry leads to: it lies in low memory. */
static inline struct entry *table_of(const struct entry *entry)
{
	return phys_to_virt(entry->low & (uint32_t)PTE_FRAME);
}

/* The entry for `virt` in a directory, and in the table of a present directory entry. */
static inline struct entry *directory_entry_of(struct entry *directory, uintptr_t virt)
{
	return &directory[virt >> LARGE_PAGE_SHIFT & (TABLE_ENTRIES - 1)];
}

static inline struct entry *table_entry(const struct entry *directory_entry, uintptr_t virt)
{
	return &table_of(directory_entry)[virt >> PAGE_SHIFT & (TABLE_ENTRIES - 1)];
}

/*
 * table_ensure - make `entry` lead to a table: unless it does, an empty one, entered with
 * the permissions `bits`.  False when there is no memory for it.  `gfp` as alloc_pages():
 * low memory; contexts as there.
 */
bool table_ensure(struct entry *entry, uint64_t bits, gfp_t gfp);

#endif
