/* SPDX-License-Identifier: MIT */
/*
 * Where things lie in the kernel's address space.  Read by C, by assembly and
 * by the linker script, so it holds plain numbers only.
 *
 *	00000000 - BFFFFFFF	nothing yet; page 0 stays unmapped, so NULL faults
 *	C0000000 - F7FFFFFF	direct map of low memory, at most 896 MiB
 *	  C0100000		the kernel image
 *	F8000000 - FFBFFFFF	mapping window, 4 KiB pages on demand
 *	FFC00000 - FFDFFFFF	stacks of threads, each with an unmapped page below it
 *	FFE00000 - FFFFFFFF	boot slot: one large page, moved about by phys_read()
 */
#ifndef KERNEL_LAYOUT_H
#define KERNEL_LAYOUT_H

#define KERNEL_BASE           0xC0000000 /* virtual minus physical address of low memory */
#define KERNEL_LOAD           0x00100000 /* physical address of the image */
#define LOW_LIMIT             0x38000000 /* low memory ends here: 896 MiB */
#define DMA_LIMIT             0x01000000 /* what ISA DMA reaches: 16 MiB */
#define WINDOW_START          0xF8000000
#define WINDOW_END            0xFFC00000
#define STACKS_START          0xFFC00000
#define STACKS_END            0xFFE00000
#define BOOT_SLOT             0xFFE00000

#define PAGE_BYTES            0x1000
#define LARGE_PAGE_BYTES      0x200000

/* Tables of 4 KiB pages, 2 MiB each, for the image and what lies below it. */
#define KERNEL_TABLES         4

#define BOOT_STACK_BYTES      0x8000
#define THREAD_STACK_BYTES    0x4000

/* Segment selectors: entries of the GDT. */
#define SELECTOR_CODE         0x08
#define SELECTOR_DATA         0x10
#define SELECTOR_TSS          0x18
#define SELECTOR_DOUBLE_FAULT 0x20

/* Interrupt vectors. */
#define NR_EXCEPTIONS         32
#define IRQ_VECTOR            32 /* the 16 lines of the PICs */
#define NR_IRQS               16
#define NR_VECTORS            64 /* 48 .. 63 are spare */

/* What the debug exit device is told; QEMU ends with status 2 * value + 1. */
#define EXIT_PASS             16
#define EXIT_PANIC            17
#define EXIT_FAIL             18

#define DEBUG_EXIT_PORT       0xf4

#endif
