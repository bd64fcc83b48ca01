/* SPDX-License-Identifier: MIT */
/*
 * Address spaces.
 *
 * Each has a table of four directories of its own.  The fourth is the kernel's, which all
 * share: so whatever the kernel maps is mapped in all of them, and nothing must be copied.
 * The other three, and their tables of pages, come when they are first needed.
 *
 * The CPU reads a directory's entry in the table of four only when CR3 is loaded.  So after
 * adding a directory to the space in use, CR3 is loaded again.  An entry that was absent
 * is not remembered by the TLB: a new page needs nothing of that kind.
 *
 * Its pages move when mm asks for it, between any two instructions of the process: the entry that
 * leads to the page is taken out, on every CPU, before it is copied; should the process fault
 * there meanwhile, it waits for the lock, and finds the page back.  Which entry that is, the table of pages must find, since a
 * page does not know where it is mapped: so each table has a mover of its own, and has
 * few entries to look at.
 *
 * I1: only entries below USER_END have PTE_USER: the kernel's pages are never ring 3's.
 * I2: a page that is mapped here is mapped once, and belongs to the space.
 *
 * Locks: the space's own, for entries, counts and the list of tables.  Only the thread that runs in
 * the space, or makes it or destroys it, adds and removes; so it may read the list and the counts
 * without.  Others move pages, and look on.
 */
#include "page_table.h"
#include <kernel/address_space.h>
#include <kernel/shootdown.h>
#include <kernel/smp.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <kernel/trap.h>
#include <kernel/x86.h>
#include <mm/highmem.h>
#include <mm/kmalloc.h>
#include <mm/migrate.h>

#define MAX_AREAS        4u /* text, data, heap, stack */
#define USER_DIRECTORIES 3u
#define PDPT_BYTES       (NR_DIRECTORIES * sizeof(struct entry))

/* The CPU wants it aligned to 32 bytes, below 4 GiB: kmalloc() of a power of two, low memory. */
_Static_assert(PDPT_BYTES == 32, "Intel SDM 3A, 4.4.1");
_Static_assert(USER_END == USER_DIRECTORIES << DIRECTORY_SHIFT,
	       "whole directories are the user's");

struct area {
	uintptr_t start, end;
	unsigned access; /* enum area_access */
};

/* A table of pages: the entries for [start, start + LARGE_PAGE_BYTES). */
struct user_table {
	struct mm_mover mover; /* of all pages in it */
	struct address_space *space;
	struct user_table *next; /* of the same space */
	uintptr_t start;
	struct entry *entries;
};

struct address_space {
	struct spinlock lock;
	struct entry *pdpt;
	struct user_table *tables;
	size_t nr_pages, nr_tables; /* directories count as tables */
	unsigned nr_areas;
	struct area areas[MAX_AREAS];
};

extern struct entry kernel_pdpt[NR_DIRECTORIES];

/*
 * What each CPU uses.  Written before CR3 is: who changes an entry and then finds that a CPU does not
 * use the space needs no shootdown there, since that CPU forgets all before it does.
 */
static const struct address_space *loaded[MAX_CPUS];

struct address_space *address_space_create(void)
{
	struct address_space *space = kzalloc(sizeof(*space), GFP_KERNEL);

	if (!space)
		return NULL;
	space->pdpt = kzalloc(PDPT_BYTES, GFP_KERNEL);
	if (!space->pdpt) {
		kfree(space);
		return NULL;
	}
	entry_set(&space->pdpt[USER_DIRECTORIES], virt_to_phys(kernel_pd) | PTE_PRESENT);
	return space;
}

void address_space_switch(const struct address_space *space)
{
	uint32_t cr3 = (uint32_t)virt_to_phys(space ? space->pdpt : kernel_pdpt);

	__atomic_store_n(&loaded[cpu_here->id], space, __ATOMIC_SEQ_CST);
	if (read_cr3() != cr3)
		write_cr3(cr3);
}

/* The CPUs that may know translations of this space.  Entries that change were written before. */
static uint32_t users_of(const struct address_space *space)
{
	uint32_t mask = 0;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned id = 0; id < smp_count(); id++)
		if (__atomic_load_n(&loaded[id], __ATOMIC_RELAXED) == space)
			mask |= 1u << id;
	return mask;
}

size_t address_space_pages(const struct address_space *space)
{
	return space->nr_pages;
}

size_t address_space_tables(const struct address_space *space)
{
	return space->nr_tables;
}

void address_space_for_each_directory(const struct address_space *space,
				      void (*visit)(paddr_t phys))
{
	for (unsigned i = 0; i < USER_DIRECTORIES; i++)
		if (entry_present(&space->pdpt[i]))
			visit(entry_read(&space->pdpt[i]) & PTE_FRAME);
}

/* --- areas ------------------------------------------------------------------------------ */

static struct area *find_area(struct address_space *space, uintptr_t address)
{
	for (unsigned i = 0; i < space->nr_areas; i++)
		if (address >= space->areas[i].start && address < space->areas[i].end)
			return &space->areas[i];
	return NULL;
}

/* Is [start, end) a proper range, maybe empty, that touches no area but `except`? */
static bool range_is_free(const struct address_space *space, uintptr_t start, uintptr_t end,
			  const struct area *except)
{
	if (start < USER_START || start > end || end > USER_END || (start | end) % PAGE_SIZE)
		return false;
	for (unsigned i = 0; i < space->nr_areas; i++) {
		const struct area *area = &space->areas[i];

		if (area != except && start < area->end && area->start < end)
			return false;
	}
	return true;
}

bool address_space_add(struct address_space *space, uintptr_t start, uintptr_t end,
		       unsigned access)
{
	if (space->nr_areas == MAX_AREAS || !range_is_free(space, start, end, NULL))
		return false;
	space->areas[space->nr_areas++] = (struct area){start, end, access};
	return true;
}

bool address_space_grow(struct address_space *space, uintptr_t start, uintptr_t end)
{
	for (unsigned i = 0; i < space->nr_areas; i++) {
		struct area *area = &space->areas[i];

		if (area->start == start && end >= area->end &&
		    range_is_free(space, start, end, area)) {
			area->end = end;
			return true;
		}
	}
	return false;
}

/* --- pages ------------------------------------------------------------------------------ */

static struct user_table *find_table(const struct address_space *space, uintptr_t address)
{
	struct user_table *table = space->tables;

	while (table && address - table->start >= LARGE_PAGE_BYTES)
		table = table->next;
	return table;
}

static struct entry *entry_in(const struct user_table *table, uintptr_t address)
{
	return &table->entries[(address - table->start) >> PAGE_SHIFT];
}

static bool translate(const struct address_space *space, uintptr_t address, paddr_t *phys)
{
	const struct user_table *table = find_table(space, address);
	const struct entry *entry;

	if (!table)
		return false;
	entry = entry_in(table, address);
	if (!entry_present(entry))
		return false;
	*phys = (entry_read(entry) & PTE_FRAME) + address % PAGE_SIZE;
	return true;
}

bool address_space_translate(struct address_space *space, uintptr_t address, paddr_t *phys)
{
	uint32_t flags = spin_lock_irqsave(&space->lock);
	bool found = translate(space, address, phys);

	spin_unlock_irqrestore(&space->lock, flags);
	return found;
}

/* Permissions are told by the lower tables: here these bits must be 0. */
static bool ensure_directory(struct address_space *space, struct entry *pdpt_entry, gfp_t gfp)
{
	uint32_t flags;

	if (entry_present(pdpt_entry))
		return true;
	if (!table_ensure(pdpt_entry, 0, gfp))
		return false;
	space->nr_tables++;
	flags = irq_save(); /* on another CPU it would be loaded anyway */
	if (read_cr3() == virt_to_phys(space->pdpt))
		write_cr3(read_cr3());
	irq_restore(flags);
	return true;
}

/* [lock] The entry that leads to `page`, or NULL: it has just been freed. */
static struct entry *find_entry_of(const struct user_table *table, const struct page *page)
{
	paddr_t phys = page_to_phys(page);

	for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
		struct entry *entry = &table->entries[i];

		if (entry_present(entry) && (entry_read(entry) & PTE_FRAME) == phys)
			return entry;
	}
	return NULL;
}

/* See struct mm_mover. */
static bool move_page(struct mm_mover *mover, struct page *from, struct page *to)
{
	struct user_table *table = (struct user_table *)mover; /* its first member */
	struct address_space *space = table->space;
	uint32_t flags = spin_lock_irqsave(&space->lock);
	struct entry *entry = find_entry_of(table, from);
	bool move = entry && page_count(from) == MM_MOVING_REFS;

	if (move) {
		uint64_t bits = entry_read(entry) & ~PTE_FRAME;

		entry_clear(entry);
		shootdown_on(users_of(space));
		copy_highpage(to, from);
		entry_set(entry, page_to_phys(to) | bits);
	}
	spin_unlock_irqrestore(&space->lock, flags);
	return move;
}

static struct user_table *add_table(struct address_space *space, uintptr_t address, gfp_t gfp)
{
	struct entry *entry = &space->pdpt[address >> DIRECTORY_SHIFT];
	struct user_table *table = kzalloc(sizeof(*table), gfp);
	uint32_t flags;

	if (!table)
		return NULL;
	if (!ensure_directory(space, entry, gfp))
		goto fail;
	entry = directory_entry_of(table_of(entry), address);
	if (!table_ensure(entry, PTE_WRITE | PTE_USER, gfp))
		goto fail;
	table->mover.move = move_page;
	table->space = space;
	table->start = address & ~(uintptr_t)(LARGE_PAGE_BYTES - 1);
	table->entries = table_of(entry);
	flags = spin_lock_irqsave(
		&space->lock); /* whoever looks on finds a whole table, or none */
	table->next = space->tables;
	space->tables = table;
	space->nr_tables++;
	spin_unlock_irqrestore(&space->lock, flags);
	return table;
fail:
	kfree(table);
	return NULL;
}

static uint64_t permissions(const struct area *area)
{
	return PTE_PRESENT | PTE_USER | (area->access & AREA_WRITE ? PTE_WRITE : 0) |
	       (area->access & AREA_EXECUTE ? 0 : pte_no_execute);
}

/* It is not while its page is moved. */
static bool is_present(struct address_space *space, const struct entry *entry)
{
	uint32_t flags = spin_lock_irqsave(&space->lock);
	bool present = entry_present(entry);

	spin_unlock_irqrestore(&space->lock, flags);
	return present;
}

static bool bring_page(struct address_space *space, const struct area *area, uintptr_t address,
		       gfp_t gfp)
{
	struct user_table *table = find_table(space, address);
	struct entry *entry;
	struct page *page;
	uint32_t flags;

	if (!table)
		table = add_table(space, address, GFP_KERNEL | gfp);
	if (!table)
		return false;
	entry = entry_in(table, address);
	if (is_present(space, entry))
		return true;
	page = alloc_page(GFP_HIGHUSER_MOVABLE | __GFP_ZERO | gfp);
	if (!page)
		return false;
	flags = spin_lock_irqsave(&space->lock);
	entry_set(entry, page_to_phys(page) | permissions(area));
	space->nr_pages++;
	spin_unlock_irqrestore(&space->lock, flags);
	mm_set_movable(page, &table->mover);
	return true;
}

enum fault_answer address_space_fault(struct address_space *space, uintptr_t address,
				      uint32_t error, gfp_t gfp)
{
	struct area *area = find_area(space, address);

	if (!area)
		return FAULT_NO_AREA;
	if ((error & FAULT_WRITE && !(area->access & AREA_WRITE)) ||
	    (error & FAULT_FETCH && !(area->access & AREA_EXECUTE)) || error & FAULT_PROTECTION)
		return FAULT_DENIED;
	return bring_page(space, area, address, gfp) ? FAULT_SERVED : FAULT_NO_MEMORY;
}

/*
 * The page at `address`, mapped for a moment, at the right byte; NULL when it is not there.
 * [lock] until kunmap_local(): so long it is not moved, nor freed.
 */
static void *map_locally(const struct address_space *space, uintptr_t address)
{
	paddr_t phys;
	char *page;

	if (!translate(space, address, &phys))
		return NULL;
	page = kmap_local_page(pfn_to_page((pfn_t)(phys >> PAGE_SHIFT)));
	return page + address % PAGE_SIZE;
}

bool address_space_peek(struct address_space *space, uintptr_t address, void *to, size_t n)
{
	uint32_t flags = spin_lock_irqsave(&space->lock);
	void *from = map_locally(space, address);

	if (from) {
		memcpy(to, from, n);
		kunmap_local(from);
	}
	spin_unlock_irqrestore(&space->lock, flags);
	return from;
}

bool address_space_poke(struct address_space *space, uintptr_t address, const void *from,
			size_t n)
{
	uint32_t flags = spin_lock_irqsave(&space->lock);
	void *to = map_locally(space, address);

	if (to) {
		memcpy(to, from, n);
		kunmap_local(to);
	}
	spin_unlock_irqrestore(&space->lock, flags);
	return to;
}

bool address_space_write(struct address_space *space, uintptr_t address, const void *from,
			 size_t n)
{
	while (n > 0) {
		size_t part = PAGE_SIZE - address % PAGE_SIZE;
		struct area *area = find_area(space, address);

		if (part > n)
			part = n;
		if (!area || !bring_page(space, area, address, 0) ||
		    !address_space_poke(space, address, from, part))
			return false;
		address += part;
		from = (const char *)from + part;
		n -= part;
	}
	return true;
}

/* --- the end ------------------------------------------------------------------------------ */

/* Take what `entry` leads to, a page or a table, out of its table.  NULL when it leads nowhere. */
static struct page *take(struct address_space *space, struct entry *entry, size_t *count)
{
	struct page *page = NULL;
	uint32_t flags = spin_lock_irqsave(&space->lock);

	if (entry_present(entry)) {
		page = pfn_to_page((pfn_t)((entry_read(entry) & PTE_FRAME) >> PAGE_SHIFT));
		entry_clear(entry);
		--*count;
	}
	spin_unlock_irqrestore(&space->lock, flags);
	return page;
}

static void free_table(struct address_space *space, struct user_table *table)
{
	struct entry *directory = table_of(&space->pdpt[table->start >> DIRECTORY_SHIFT]);

	for (unsigned i = 0; i < TABLE_ENTRIES; i++)
		__free_page(take(space, &table->entries[i], &space->nr_pages));
	mm_mover_quiesce(&table->mover);
	__free_page(
		take(space, directory_entry_of(directory, table->start), &space->nr_tables));
	kfree(table);
}

void address_space_destroy(struct address_space *space)
{
	struct user_table *table;

	while ((table = space->tables) != NULL) {
		space->tables = table->next;
		free_table(space, table);
	}
	for (unsigned i = 0; i < USER_DIRECTORIES; i++)
		__free_page(take(space, &space->pdpt[i], &space->nr_tables));
	kfree(space->pdpt);
	kfree(space);
}
