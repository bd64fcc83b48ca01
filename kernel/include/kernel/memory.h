/* SPDX-License-Identifier: MIT */
/* The machine's memory, from the boot loader's word to a running allocator. */
#ifndef KERNEL_MEMORY_H
#define KERNEL_MEMORY_H

#include <boot/multiboot.h>

/*
 * Log the memory map, reserve what the kernel and the firmware own, make the
 * final page tables and start mm.  Panics when there is no memory to work with.
 * Once, interrupts off.
 */
void memory_init(struct boot *boot);

/*
 * memory_module - the i-th file that the boot loader has put into memory beside the kernel, 0
 * being the first.
 *
 * NULL when there are not so many (the first BOOT_MODULES_KEPT count), when it is empty, or when
 * it lies beyond low memory.  Its memory is reserved for ever.  Any context, after memory_init().
 */
const void *memory_module(unsigned i, size_t *size);

/* Where the boot loader's information began, which is reserved for ever.  Any context, after memory_init(). */
paddr_t memory_boot_tables(void);

#endif
