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

#include <kernel/layout.h>
#include <kernel/x86.h>

#include <stddef.h>

/* CPUs that the kernel can run on; more by changing this.  Others are left parked. */
#define MAX_CPUS 8

/*
 * An element of cpus[].  %gs:cpus is that of the CPU that runs the instruction (see layout.h),
 * so a field is read or changed in one instruction, however often the thread changes CPUs.
 */
struct cpu {
	unsigned id;
	unsigned busy;     /* why the thread may not sleep: BUSY_*; 0 if it may */
	bool need_resched; /* the thread's time is up: give way where that is allowed */
	struct cpu *self;

	struct thread *current; /* never NULL */
	struct thread *idle;    /* runs when no other thread can */
	struct segments *segments;
	const struct trap_frame
		*fault; /* of the kernel's own, which mm is asked about; or NULL */
} __attribute__((aligned(CPU_STRIDE)));

_Static_assert(sizeof(struct cpu) == CPU_STRIDE, "else %gs leads elsewhere");

/* The parts of `busy`: three counts, and two bits. */
#define BUSY_IRQS_OFF 0x00000001u /* irq_save() */
#define BUSY_PREEMPT  0x00000100u /* preempt_disable() */
#define BUSY_IRQ      0x00010000u /* in an interrupt handler */
#define BUSY_NMI      0x01000000u /* in an NMI handler */
#define BUSY_IDLE     0x80000000u /* the idle thread has to be there when all others have blocked */

extern struct cpu cpus[MAX_CPUS];

/* This CPU's element; each access is an instruction of its own. */
#define cpu_here ((const volatile __seg_gs struct cpu *)(uintptr_t)cpus)

/* The CPU that runs this.  Stable while interrupts or preemption are off. */
static inline struct cpu *this_cpu(void)
{
	return cpu_here->self;
}

static inline unsigned cpu_preempt_count(void)
{
	return cpu_here->busy % BUSY_IRQ / BUSY_PREEMPT;
}

/* Interrupt handlers that this CPU is in. */
static inline unsigned cpu_irq_depth(void)
{
	return cpu_here->busy % BUSY_NMI / BUSY_IRQ;
}

static inline bool cpu_in_nmi(void)
{
	return cpu_here->busy & BUSY_NMI;
}

/*
 * irq_save - interrupts off on this CPU; returns what irq_restore() wants.  They nest.  Any context.
 *
 * They are counted in `busy`, so that one look at that tells whether the thread may sleep.
 */
static inline uint32_t irq_save(void)
{
	uint32_t flags = read_eflags();

	irqs_disable();
	__asm__ volatile("incl %%gs:%c0" : : "i"(&cpus[0].busy) : "memory", "cc");
	return flags;
}

static inline void irq_restore(uint32_t flags)
{
	__asm__ volatile("decl %%gs:%c0" : : "i"(&cpus[0].busy) : "memory", "cc");
	if (flags & EFLAGS_IF)
		irqs_enable();
}

/* Let the next thread run if this one's time is up; see sched.c.  Any context. */
void preempt_now(void);

/*
 * Between the two the thread is not preempted, stays on its CPU, and may not sleep.  They
 * nest.  Any context.
 */
static inline void preempt_disable(void)
{
	__asm__ volatile("addl %1, %%gs:%c0"
			 :
			 : "i"(&cpus[0].busy), "i"(BUSY_PREEMPT)
			 : "memory", "cc");
}

static inline void preempt_enable(void)
{
	bool free;

	__asm__ volatile("subl %2, %%gs:%c1"
			 : "=@ccz"(free)
			 : "i"(&cpus[0].busy), "i"(BUSY_PREEMPT)
			 : "memory");
	if (free && cpu_here->need_resched && irqs_enabled())
		preempt_now();
}

/* What `busy` was before: for where a context is cut short.  One instruction, whatever CPU it is. */
static inline void cpu_set_busy(unsigned busy)
{
	__asm__ volatile("movl %0, %%gs:%c1" : : "ri"(busy), "i"(&cpus[0].busy) : "memory");
}

/*
 * May the caller block?  Only a thread that holds nothing, with interrupts on; and not
 * the idle thread.  Asked in each allocation, so the flags register is left alone: it would tell more
 * only where an exception or a system call begins, and there nobody allocates.
 */
static inline bool may_sleep_here(void)
{
	bool free;

	__asm__ volatile("cmpl $0, %%gs:%c1" : "=@ccz"(free) : "i"(&cpus[0].busy) : "memory");
	return free;
}

/* The same for who really is about to block, whatever turned interrupts off. */
static inline bool may_sleep(void)
{
	return may_sleep_here() && irqs_enabled();
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
