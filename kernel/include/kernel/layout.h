/* SPDX-License-Identifier: MIT */
/*
 * Where things lie in the kernel's address space.  Read by C, by assembly and
 * by the linker script, so it holds plain numbers only.
 *
 *	00000000 - 003FFFFF	nothing, ever: NULL and what is near it faults
 *	00400000 - BFFFFFFF	the running process's; each sees its own (address_space.h)
 *	  00400000		its program: header and text, then data
 *	  ...      - 7FFFFFFF	its heap, from the end of the program on
 *	  BFFEF000 - BFFFEFFF	its stack; a page apart from the kernel
 *	C0000000 - F7FFFFFF	direct map of low memory, at most 896 MiB
 *	  C0100000		the kernel image
 *	F8000000 - FF7FFFFF	mapping window, 4 KiB pages on demand
 *	FF800000 - FFBFFFFF	mm's slab map: a word for each page of the address space
 *	FFC00000 - FFDFEFFF	stacks of threads, each with an unmapped page below it
 *	FFDFF000 - FFDFFFFF	registers of the local APIC
 *	FFE00000 - FFFFFFFF	boot slot: one large page, moved about by phys_read()
 */
#ifndef KERNEL_LAYOUT_H
#define KERNEL_LAYOUT_H

#define KERNEL_BASE 0xC0000000 /* virtual minus physical address of low memory */
#define KERNEL_LOAD 0x00100000 /* physical address of the image */
#ifndef KASAN
#define LOW_LIMIT 0x38000000 /* low memory ends here: 896 MiB */
#else
#define LOW_LIMIT    0x03000000 /* 48 MiB, since all of it has a shadow in the image: */
#define SHADOW_START 0xC0600000 /* its address: what the compiler adds is in the Makefile */
#define SHADOW_BYTES 0x00600000
#endif
#define DMA_LIMIT        0x01000000 /* what ISA DMA reaches: 16 MiB */
#define WINDOW_START     0xF8000000
#define WINDOW_END       0xFF800000
#define SLAB_MAP         0xFF800000
#define SLAB_MAP_END     0xFFC00000
#define STACKS_START     0xFFC00000
#define STACKS_END       0xFFDFF000
#define LAPIC_PAGE       0xFFDFF000
#define BOOT_SLOT        0xFFE00000

#define PAGE_BYTES       0x1000
#define LARGE_PAGE_BYTES 0x200000

/* Tables of 4 KiB pages, 2 MiB each, for the image and what lies below it. */
#ifndef KASAN
#define KERNEL_TABLES 4
#else
#define KERNEL_TABLES 6
#endif

#define BOOT_STACK_BYTES 0x8000
#ifndef KASAN
#define THREAD_STACK_BYTES 0x4000
#else
#define THREAD_STACK_BYTES 0x8000 /* red zones around each variable */
#endif

/* What a process may have mapped. */
#define USER_START            0x00400000
#define USER_HEAP_END         0x80000000
#define USER_STACK_BYTES      0x10000
#define USER_STACK_TOP        0xBFFFF000
#define USER_END              0xC0000000

/* Segment selectors: entries of the GDT.  Those of ring 3 ask for its rights. */
#define SELECTOR_CODE         0x08
#define SELECTOR_DATA         0x10
#define SELECTOR_TSS          0x18
#define SELECTOR_DOUBLE_FAULT 0x20
#define SELECTOR_USER_CODE    0x2b
#define SELECTOR_USER_DATA    0x33

/*
 * In %gs while the kernel runs.  Its base is CPU_STRIDE times the number of the CPU: so
 * %gs:array is this CPU's element of any array whose elements have that size.
 */
#define SELECTOR_CPU          0x38
#define CPU_STRIDE            64

/* Interrupt vectors. */
#define NR_EXCEPTIONS         32
#define IRQ_VECTOR            32 /* the 16 lines of the PICs */
#define NR_IRQS               16
#define VECTOR_SPURIOUS       0x3f /* the local APIC's; the first ones want four ones at the end */
#define VECTOR_TICK           0x40 /* the local APIC's timer */
#define VECTOR_RESCHEDULE     0x41 /* and from here on what CPUs send each other: ipi.c */
#define VECTOR_CALL           0x42
#define VECTOR_HOLD           0x43
#define VECTOR_SHOOTDOWN      0x50 /* these two also interrupt a CPU that is held */
#define VECTOR_RELEASE        0x51
#define VECTOR_SYSCALL        0x80
#define NR_VECTORS            129 /* the others are spare */

/* What the debug exit device is told; QEMU ends with status 2 * value + 1. */
#define EXIT_PASS             16
#define EXIT_PANIC            17
#define EXIT_FAIL             18

#define DEBUG_EXIT_PORT       0xf4

#endif
