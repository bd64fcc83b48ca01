/* SPDX-License-Identifier: MIT */
/*
 * What the kernel knows of each CPU: which context it is in, which threads it has,
 * and what it can do.
 *
 * The fields of struct cpu belong to their CPU: it alone writes them.  Each interrupt
 * leaves the counters as it found them; the threads change with interrupts off.
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
	bool need_resched;      /* the thread's time is up: give way where that is allowed */

	struct thread *current;                  /* never NULL */
	struct thread *idle;                     /* runs when no other thread can */
	struct thread *ready_first, *ready_last; /* who waits for this CPU, in turn */
};

extern struct cpu boot_cpu;

/* The CPU that runs this.  Stable while interrupts or preemption are off. */
static inline struct cpu *this_cpu(void)
{
	return &boot_cpu;
}

/* Let the next thread run if this one's time is up; see sched.c.  Any context. */
void preempt_now(void);

/*
 * Between the two the thread is not preempted, and may not sleep.  They nest.  Any
 * context.
 */
static inline void preempt_disable(void)
{
	this_cpu()->preempt_count++;
	__asm__ volatile("" : : : "memory");
}

static inline void preempt_enable(void)
{
	__asm__ volatile("" : : : "memory");
	if (--this_cpu()->preempt_count == 0 && this_cpu()->need_resched && irqs_enabled())
		preempt_now();
}

/*
 * May the caller block?  Only a thread that holds nothing, with interrupts on; and not
 * the idle thread, which has to be there when all others have blocked.
 */
static inline bool may_sleep(void)
{
	const struct cpu *cpu = this_cpu();

	return cpu->irq_depth == 0 && cpu->nmi_depth == 0 && cpu->preempt_count == 0 &&
	       cpu->current != cpu->idle && irqs_enabled();
}

struct cpu_features {
	char vendor[13];
	char brand[49]; /* "" when the CPU has no brand string */
	unsigned family, model, stepping;
	unsigned phys_bits; /* width of a physical address */
	bool tsc, apic, pse36, nx;
};

extern struct cpu_features cpu_features;

/* Fill cpu_features from CPUID.  Once, early. */
void cpu_detect(void);

/*
 * From now on each use of the FPU, of MMX or of SSE is an exception: nobody saves
 * their registers, so one thread's values would show in another.  Once, early.
 */
void cpu_forbid_fpu(void);

/*
 * cpu_context - where execution is, in words: "thread main, interrupts on, cpu 0".
 * `eflags`: of the code that is meant, since a trap turns interrupts off.  Writes
 * to `text` and returns it.  Any context.
 */
const char *cpu_context(uint32_t eflags, char *text, size_t size);

#endif
