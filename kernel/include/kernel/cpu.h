/* SPDX-License-Identifier: MIT */
/*
 * What the kernel knows of each CPU: which context it is in, and what it can do.
 *
 * The counters of struct cpu belong to their CPU: it alone writes them, and each
 * interrupt leaves them as it found them.
 */
#ifndef KERNEL_CPU_H
#define KERNEL_CPU_H

#include <kernel/x86.h>

#include <stddef.h>

struct cpu {
	unsigned id;
	unsigned irq_depth;     /* interrupt handlers that this CPU is in */
	unsigned nmi_depth;     /* 1 in an NMI handler */
	unsigned preempt_count; /* > 0: this thread may neither sleep nor be preempted */
};

extern struct cpu boot_cpu;

/* The CPU that runs this.  Stable while interrupts or preemption are off. */
static inline struct cpu *this_cpu(void)
{
	return &boot_cpu;
}

static inline void preempt_disable(void)
{
	this_cpu()->preempt_count++;
	__asm__ volatile("" : : : "memory");
}

static inline void preempt_enable(void)
{
	__asm__ volatile("" : : : "memory");
	this_cpu()->preempt_count--;
}

/* May the caller block?  Only a thread that holds nothing, with interrupts on. */
static inline bool may_sleep(void)
{
	const struct cpu *cpu = this_cpu();

	return cpu->irq_depth == 0 && cpu->nmi_depth == 0 && cpu->preempt_count == 0 &&
	       irqs_enabled();
}

struct cpu_features {
	char vendor[13];
	char brand[49]; /* "" when the CPU has no brand string */
	unsigned family, model, stepping;
	unsigned phys_bits; /* width of a physical address */
	bool tsc, pse36, nx;
};

extern struct cpu_features cpu_features;

/* Fill cpu_features from CPUID.  Once, early. */
void cpu_detect(void);

/*
 * cpu_context - where execution is, in words: "thread, interrupts on, cpu 0".
 * `eflags`: of the code that is meant, since a trap turns interrupts off.  Writes
 * to `text` and returns it.  Any context.
 */
const char *cpu_context(uint32_t eflags, char *text, size_t size);

#endif
