/* SPDX-License-Identifier: MIT */
/* Starting the other CPUs, and which of them run. */
#ifndef KERNEL_SMP_H
#define KERNEL_SMP_H

#include <boot/multiboot.h>
#include <kernel/cpu.h>

/*
 * smp_reserve - keep the pages below 1 MiB that the others start in, unless this machine has
 *	one CPU.  When boot->ram and boot->reserved are complete.
 * smp_start - start all other CPUs, and say how many run.  Once, in a thread that may sleep,
 *	interrupts on.
 */
void smp_reserve(struct boot *boot);
void smp_start(void);

/* CPUs that run: bits by number.  They do not change after smp_start(). */
uint32_t smp_online(void);

/* How many that are: 0 .. smp_count() - 1. */
unsigned smp_count(void);

/* The number that CPU `id` has in its local APIC: who sends it an interrupt needs that. */
unsigned smp_apic_id(unsigned id);

#endif
