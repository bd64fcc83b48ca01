/* SPDX-License-Identifier: MIT */
/*
 * The global descriptor tables, one for each CPU: flat code and data, for the kernel and for
 * ring 3, the segment through which %gs reaches this CPU's data, and two task state segments.
 * The selectors are the same on every CPU.
 *
 * The kernel does not switch tasks by hardware, but for one case: a double fault
 * comes when an exception cannot be delivered, most often because the stack has
 * run into its guard page.  Only a task gate gives its handler another stack, and
 * saves the registers of the moment in the other task's state, where we find them.
 *
 * That one also tells the CPU which stack to take when a trap leads it from ring 3
 * into the kernel: that of the running thread.
 */
#include <kernel/cpu.h>
#include <kernel/gdt.h>
#include <kernel/layout.h>
#include <kernel/stack.h>
#include <kernel/trap.h>
#include <kernel/x86.h>
#include <mm/kmalloc.h>

#define DESCRIPTOR_CODE          0x9au /* present, ring 0, execute and read */
#define DESCRIPTOR_DATA          0x92u /* present, ring 0, read and write */
#define DESCRIPTOR_TSS           0x89u /* present, ring 0, 32-bit TSS, not busy */
#define DESCRIPTOR_USER          0x60u /* the same for ring 3: to be added */
#define FLAGS_FLAT               0xcu  /* 4 KiB units, 32-bit */
#define FLAGS_BYTES              0x0u
#define LIMIT_FLAT               0xfffffu
#define NR_DESCRIPTORS           8

#define DOUBLE_FAULT_STACK_BYTES 8192u

#define EFLAGS_RESERVED          0x2u /* always one */

struct tss {
	uint32_t link;
	uint32_t esp0, ss0, esp1, ss1, esp2, ss2;
	uint32_t cr3, eip, eflags;
	uint32_t eax, ecx, edx, ebx, esp, ebp, esi, edi;
	uint32_t es, cs, ss, ds, fs, gs;
	uint32_t ldt;
	uint16_t trap, iomap;
};
_Static_assert(sizeof(struct tss) == 104, "Intel SDM 3A, figure 7-2");

struct segments {
	uint64_t gdt[NR_DESCRIPTORS]; /* [0] is never used, by the CPU's definition */
	struct tss kernel_tss;
	struct tss double_fault_tss;
	char double_fault_stack[DOUBLE_FAULT_STACK_BYTES] __attribute__((aligned(16)));
};

/* The operand of LGDT and SGDT. */
struct gdt_pointer {
	uint16_t limit;
	uint64_t *base;
} __attribute__((packed));

static struct segments boot_segments;

static uint64_t descriptor(uint32_t base, uint32_t limit, uint32_t access, uint32_t flags)
{
	uint32_t low = (base & 0xffff) << 16 | (limit & 0xffff);
	uint32_t high = (base & 0xff000000) | flags << 20 | (limit & 0xf0000) | access << 8 |
			(base >> 16 & 0xff);

	return (uint64_t)high << 32 | low;
}

/* Entered by the task switch, on its own stack, interrupts off. */
static _Noreturn void double_fault_entry(void)
{
	const struct tss *t = &this_cpu()->segments->kernel_tss;
	struct trap_frame frame = {
		.gs = t->gs,
		.fs = t->fs,
		.es = t->es,
		.ds = t->ds,
		.edi = t->edi,
		.esi = t->esi,
		.ebp = t->ebp,
		.ebx = t->ebx,
		.edx = t->edx,
		.ecx = t->ecx,
		.eax = t->eax,
		.vector = VECTOR_DOUBLE_FAULT,
		.eip = t->eip,
		.cs = t->cs,
		.eflags = t->eflags,
		.user_esp = t->esp,
		.user_ss = t->ss,
	};

	trap_report(&frame);
}

static void init_double_fault_tss(struct segments *s)
{
	/* As at the entry of a C function: the stack holds a return address, 0, and is aligned below it. */
	uint32_t top = (uint32_t)s->double_fault_stack + sizeof(s->double_fault_stack) - 16;

	s->double_fault_tss = (struct tss){
		.cr3 = read_cr3(),
		.eip = (uint32_t)double_fault_entry,
		.eflags = EFLAGS_RESERVED,
		.esp = top - sizeof(uint32_t),
		.es = SELECTOR_DATA,
		.cs = SELECTOR_CODE,
		.ss = SELECTOR_DATA,
		.ds = SELECTOR_DATA,
		.fs = SELECTOR_DATA,
		.gs = SELECTOR_CPU,
		.iomap = sizeof(struct tss),
	};
}

static void load_segments(void)
{
	__asm__ volatile("ljmp %0, $1f\n"
			 "1:\tmov %1, %%ds\n\tmov %1, %%es\n\tmov %1, %%fs\n\t"
			 "mov %1, %%ss\n\tmov %2, %%gs"
			 :
			 : "i"(SELECTOR_CODE), "r"(SELECTOR_DATA), "r"(SELECTOR_CPU)
			 : "memory");
}

void gdt_set_kernel_stack(uint32_t top)
{
	this_cpu()->segments->kernel_tss.esp0 = top;
}

struct stack_area gdt_double_fault_stack(void)
{
	uintptr_t start = (uintptr_t)this_cpu()->segments->double_fault_stack;

	return (struct stack_area){start, start + DOUBLE_FAULT_STACK_BYTES};
}

static void set_flat(struct segments *s, unsigned selector, uint32_t access)
{
	s->gdt[selector / 8] = descriptor(0, LIMIT_FLAT, access, FLAGS_FLAT);
}

static void set_tss(struct segments *s, unsigned selector, const struct tss *tss)
{
	s->gdt[selector / 8] =
		descriptor((uint32_t)tss, sizeof(*tss) - 1, DESCRIPTOR_TSS, FLAGS_BYTES);
}

/* The limit is 4 GiB as well: addresses wrap, so that all can be reached from any base. */
static uint64_t cpu_descriptor(unsigned id)
{
	return descriptor(id * CPU_STRIDE, LIMIT_FLAT, DESCRIPTOR_DATA, FLAGS_FLAT);
}

static void fill(struct segments *s)
{
	s->kernel_tss.ss0 = SELECTOR_DATA;
	s->kernel_tss.iomap = sizeof(struct tss); /* none: ring 3 may use no port */
	init_double_fault_tss(s);
	set_flat(s, SELECTOR_CODE, DESCRIPTOR_CODE);
	set_flat(s, SELECTOR_DATA, DESCRIPTOR_DATA);
	set_flat(s, SELECTOR_USER_CODE, DESCRIPTOR_CODE | DESCRIPTOR_USER);
	set_flat(s, SELECTOR_USER_DATA, DESCRIPTOR_DATA | DESCRIPTOR_USER);
	set_tss(s, SELECTOR_TSS, &s->kernel_tss);
	set_tss(s, SELECTOR_DOUBLE_FAULT, &s->double_fault_tss);
}

struct segments *gdt_new(void)
{
	struct segments *segments = kzalloc(sizeof(*segments), GFP_KERNEL);

	if (segments)
		fill(segments);
	return segments;
}

void gdt_free(struct segments *segments)
{
	kfree(segments);
}

void gdt_load(struct segments *segments, struct cpu *cpu)
{
	struct gdt_pointer gdtr = {sizeof(segments->gdt) - 1, segments->gdt};

	segments->gdt[SELECTOR_CPU / 8] = cpu_descriptor(cpu->id);
	cpu->segments = segments;
	__asm__ volatile("lgdt %0" : : "m"(gdtr));
	load_segments();
	/* No local one: after a reset the CPU has it at address 0, where ring 3 could look for it. */
	__asm__ volatile("lldt %w0" : : "r"(0));
	__asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS));
}

void gdt_init(void)
{
	fill(&boot_segments);
	gdt_load(&boot_segments, &cpus[0]);
}

void gdt_pretend(unsigned id)
{
	struct gdt_pointer gdtr;

	__asm__ volatile("sgdt %0" : "=m"(gdtr));
	gdtr.base[SELECTOR_CPU / 8] = cpu_descriptor(id);
	__asm__ volatile("mov %0, %%gs" : : "r"(SELECTOR_CPU) : "memory");
}
