/* SPDX-License-Identifier: MIT */
/* Segments, and the two task states that the CPU keeps of us. */
#ifndef KERNEL_GDT_H
#define KERNEL_GDT_H

#include <stdint.h>

/* Load the GDT with flat segments and both task state segments. */
void gdt_init(void);

#endif
