/* SPDX-License-Identifier: MIT */
/*
 * What each CPU has of its own for the processor's sake: its descriptor table, in which %gs
 * differs from that of the others, its two task states, and a stack for double faults.
 */
#ifndef KERNEL_GDT_H
#define KERNEL_GDT_H

#include <kernel/stack.h>

struct cpu;
struct segments;

/* Load the boot CPU's. */
void gdt_init(void);

/*
 * gdt_new - those of one more CPU; NULL without memory.  Contexts: a thread that may sleep.
 * gdt_free - when that CPU has not come.
 * gdt_load - load them on the CPU that runs this, and make it `cpu`.
 */
struct segments *gdt_new(void);
void gdt_free(struct segments *segments);
void gdt_load(struct segments *segments, struct cpu *cpu);

/* Where this CPU puts its stack pointer when it enters the kernel from ring 3.  Interrupts off. */
void gdt_set_kernel_stack(uint32_t top);

/* The stack of this CPU's double faults. */
struct stack_area gdt_double_fault_stack(void);

/* For tests: let %gs lead to the elements of CPU `id` on the CPU that runs this. */
void gdt_pretend(unsigned id);

#endif
