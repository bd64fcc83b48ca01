/* SPDX-License-Identifier: MIT */
/*
 * The global descriptor table: flat code and data, for the kernel and for ring 3, and
 * two task state segments.
 *
 * The kernel does not switch tasks by hardware, but for one case: a double fault
 * comes when an exception cannot be delivered, most often because the stack has
 * run into its guard page.  Only a task gate gives its handler another stack, and
 * saves the registers of the moment in kernel_tss, where we find them.
 *
 * kernel_tss also tells the CPU which stack to take when a trap leads it from ring 3
 * into the kernel: that of the running thread.
 */
#include <kernel/gdt.h>
#include <kernel/layout.h>
#include <kernel/stack.h>
#include <kernel/trap.h>
#include <kernel/x86.h>

#define DESCRIPTOR_CODE 0x9au /* present, ring 0, execute and read */
#define DESCRIPTOR_DATA 0x92u /* present, ring 0, read and write */
#define DESCRIPTOR_TSS  0x89u /* present, ring 0, 32-bit TSS, not busy */
#define DESCRIPTOR_USER 0x60u /* the same for ring 3: to be added */
#define FLAGS_FLAT      0xcu  /* 4 KiB units, 32-bit */
#define FLAGS_BYTES     0x0u
#define LIMIT_FLAT      0xfffffu
#define NR_DESCRIPTORS  7

#define EFLAGS_RESERVED 0x2u /* always one */

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

static uint64_t gdt[NR_DESCRIPTORS]; /* [0] is never used, by the CPU's definition */
static struct tss kernel_tss;
static struct tss double_fault_tss;

char double_fault_stack[DOUBLE_FAULT_STACK_BYTES] __attribute__((aligned(16)));

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
	const struct tss *t = &kernel_tss;
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

static void init_double_fault_tss(void)
{
	/* As at the entry of a C function: the stack holds a return address, 0, and is aligned below it. */
	uint32_t top = (uint32_t)double_fault_stack + sizeof(double_fault_stack) - 16;

	double_fault_tss = (struct tss){
		.cr3 = read_cr3(),
		.eip = (uint32_t)double_fault_entry,
		.eflags = EFLAGS_RESERVED,
		.esp = top - sizeof(uint32_t),
		.es = SELECTOR_DATA,
		.cs = SELECTOR_CODE,
		.ss = SELECTOR_DATA,
		.ds = SELECTOR_DATA,
		.fs = SELECTOR_DATA,
		.gs = SELECTOR_DATA,
		.iomap = sizeof(struct tss),
	};
}

static void load_segments(void)
{
	__asm__ volatile("ljmp %0, $1f\n"
			 "1:\tmov %1, %%ds\n\tmov %1, %%es\n\tmov %1, %%fs\n\tmov %1, %%gs\n\t"
			 "mov %1, %%ss"
			 :
			 : "i"(SELECTOR_CODE), "r"(SELECTOR_DATA)
			 : "memory");
}

void gdt_set_kernel_stack(uint32_t top)
{
	kernel_tss.esp0 = top;
}

static void set_flat(unsigned selector, uint32_t access)
{
	gdt[selector / 8] = descriptor(0, LIMIT_FLAT, access, FLAGS_FLAT);
}

static void set_tss(unsigned selector, const struct tss *tss)
{
	gdt[selector / 8] =
		descriptor((uint32_t)tss, sizeof(*tss) - 1, DESCRIPTOR_TSS, FLAGS_BYTES);
}

void gdt_init(void)
{
	struct {
		uint16_t limit;
		const uint64_t *base;
	} __attribute__((packed)) gdtr = {sizeof(gdt) - 1, gdt};

	kernel_tss.ss0 = SELECTOR_DATA;
	kernel_tss.iomap = sizeof(struct tss); /* none: ring 3 may use no port */
	init_double_fault_tss();
	set_flat(SELECTOR_CODE, DESCRIPTOR_CODE);
	set_flat(SELECTOR_DATA, DESCRIPTOR_DATA);
	set_flat(SELECTOR_USER_CODE, DESCRIPTOR_CODE | DESCRIPTOR_USER);
	set_flat(SELECTOR_USER_DATA, DESCRIPTOR_DATA | DESCRIPTOR_USER);
	set_tss(SELECTOR_TSS, &kernel_tss);
	set_tss(SELECTOR_DOUBLE_FAULT, &double_fault_tss);
	__asm__ volatile("lgdt %0" : : "m"(gdtr));
	load_segments();
	/* No local one: after a reset the CPU has it at address 0, where ring 3 could look for it. */
	__asm__ volatile("lldt %w0" : : "r"(0));
	__asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS));
}
