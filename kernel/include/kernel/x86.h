/* SPDX-License-Identifier: MIT */
/* Single instructions of the processor that C has no word for. */
#ifndef KERNEL_X86_H
#define KERNEL_X86_H

#include <stdbool.h>
#include <stdint.h>

#define EFLAGS_IF      (1u << 9)

#define CR0_EM         (1u << 2)  /* there is no FPU: its instructions fault */
#define CR0_TS         (1u << 3)  /* nor has its state been loaded: so do MMX and SSE */
#define CR0_WP         (1u << 16) /* read-only pages are read-only for the kernel too */

#define CR4_OSFXSR     (1u << 9)  /* the system saves SSE registers */
#define CR4_OSXMMEXCPT (1u << 10) /* and handles their exceptions */

#define MSR_EFER       0xc0000080u
#define EFER_NXE       (1u << 11)

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void outl(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

#define DEFINE_READ_CR(n)                                                          \
	static inline uint32_t read_cr##n(void)                                    \
	{                                                                          \
		uint32_t value;                                                    \
		__asm__ volatile("mov %%cr" #n ", %0" : "=r"(value) : : "memory"); \
		return value;                                                      \
	}
DEFINE_READ_CR(0)
DEFINE_READ_CR(2)
DEFINE_READ_CR(3)
DEFINE_READ_CR(4)
#undef DEFINE_READ_CR

static inline void write_cr0(uint32_t value)
{
	__asm__ volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

static inline void write_cr2(uint32_t value)
{
	__asm__ volatile("mov %0, %%cr2" : : "r"(value) : "memory");
}

static inline void write_cr4(uint32_t value)
{
	__asm__ volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

/* Also forgets every translation. */
static inline void write_cr3(uint32_t value)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static inline void invlpg(uintptr_t address)
{
	__asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

static inline uint64_t read_msr(uint32_t msr)
{
	uint64_t value;

	__asm__ volatile("rdmsr" : "=A"(value) : "c"(msr));
	return value;
}

static inline void write_msr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "A"(value) : "memory");
}

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(0));
	return r;
}

/* Only where cpu_features.tsc: see time_ns() for a clock that always works. */
static inline uint64_t rdtsc(void)
{
	uint64_t value;

	__asm__ volatile("rdtsc" : "=A"(value));
	return value;
}

static inline void cpu_relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

/* Stop until the next interrupt, if interrupts are on. */
static inline void cpu_halt(void)
{
	__asm__ volatile("hlt" : : : "memory");
}

/* The same with interrupts off until the CPU has stopped: none is missed. */
static inline void cpu_halt_enabling(void)
{
	__asm__ volatile("sti\n\thlt" : : : "memory");
}

/* The bare instructions, for where a context begins or ends; elsewhere: irq_save(). */
static inline void irqs_enable(void)
{
	__asm__ volatile("sti" : : : "memory");
}

static inline void irqs_disable(void)
{
	__asm__ volatile("cli" : : : "memory");
}

static inline uint32_t read_eflags(void)
{
	uint32_t flags;

	__asm__ volatile("pushfl\n\tpopl %0" : "=r"(flags) : : "memory");
	return flags;
}

static inline bool irqs_enabled(void)
{
	return read_eflags() & EFLAGS_IF;
}

#endif
