/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: the memory that a process sees below the kernel's gigabyte.
 *
 * An address space is a list of areas, which say what may be touched and how, and the
 * pages that have been touched so far: each comes, zeroed, with its first touch.
 */
#ifndef KERNEL_ADDRESS_SPACE_H
#define KERNEL_ADDRESS_SPACE_H

#include <mm/types.h>

struct address_space; /* opaque */

/* What may be done in an area, besides reading. */
enum area_access {
	AREA_READ = 0,
	AREA_WRITE = 1,
	AREA_EXECUTE = 2,
};

/*
 * address_space_create - an empty one; NULL when there is no memory.
 * address_space_destroy - give back all its pages and tables.  Nobody may be running in it.
 *
 * Contexts: a thread that may sleep; destroy: any thread.
 */
struct address_space *address_space_create(void);
void address_space_destroy(struct address_space *space);

/*
 * address_space_add - a new area [start, end): page aligned, within USER_START .. USER_END,
 *	apart from the others, empty at will; false otherwise, or when there are too many.
 * address_space_grow - move the end of the area that starts at `start` up to `end`, by the
 *	same rules.
 *
 * Contexts: before anybody runs in it, or the thread that does.
 */
bool address_space_add(struct address_space *space, uintptr_t start, uintptr_t end,
		       unsigned access);
bool address_space_grow(struct address_space *space, uintptr_t start, uintptr_t end);

enum fault_answer {
	FAULT_SERVED,    /* the page is there: try again */
	FAULT_NO_AREA,   /* there is nothing at this address */
	FAULT_DENIED,    /* there is, but not for this */
	FAULT_NO_MEMORY, /* there should be */
};

/*
 * address_space_fault - answer a page fault at `address` with the CPU's error code:
 * bring the page, if it may be had.  `gfp`: what to add to GFP_HIGHUSER_MOVABLE for it,
 * and to GFP_KERNEL for its tables.  Contexts: a thread that may sleep.
 */
enum fault_answer address_space_fault(struct address_space *space, uintptr_t address,
				      uint32_t error, gfp_t gfp);

/*
 * address_space_write - copy n bytes to `address`, whatever its area permits; brings the
 * pages.  False when there is no area or no memory.  Contexts: as address_space_fault();
 * before anybody runs in it.
 */
bool address_space_write(struct address_space *space, uintptr_t address, const void *from,
			 size_t n);

/*
 * address_space_peek, address_space_poke - copy n bytes, within a page, from or to memory
 * that is there, whatever its area permits; false when it is not.  Any context but NMI, as
 * long as the space lives.
 */
bool address_space_peek(struct address_space *space, uintptr_t address, void *to, size_t n);
bool address_space_poke(struct address_space *space, uintptr_t address, const void *from,
			size_t n);

/*
 * address_space_switch - see `space` from now on; NULL: the kernel alone.  Contexts:
 * interrupts off.
 */
void address_space_switch(const struct address_space *space);

/* Where `address` leads now, and may not lead soon; false when it leads nowhere yet.  Any context but NMI. */
bool address_space_translate(struct address_space *space, uintptr_t address, paddr_t *phys);

/* Pages that it holds: those the process sees, and those its tables lie in. */
size_t address_space_pages(const struct address_space *space);
size_t address_space_tables(const struct address_space *space);

/* Call `visit` for each of its directories, with its physical address.  The other CPUs are held. */
void address_space_for_each_directory(const struct address_space *space,
				      void (*visit)(paddr_t phys));

#endif
