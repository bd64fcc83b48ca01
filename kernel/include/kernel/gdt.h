/* SPDX-License-Identifier: MIT */
/* Segments, and the two task states that the CPU keeps of us. */
#ifndef KERNEL_GDT_H
#define KERNEL_GDT_H

#include <stdint.h>

/* Load the GDT with flat segments and both task state segments. */
void gdt_init(void);

/* Where the CPU puts its stack pointer when it enters the kernel from ring 3. */
void gdt_set_kernel_stack(uint32_t top);

#endif
