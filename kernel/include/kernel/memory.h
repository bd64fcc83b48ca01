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

#endif
