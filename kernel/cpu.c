/* SPDX-License-Identifier: MIT */
/*
 * The CPUs, and what CPUID tells of them.
 *
 * The width of a physical address decides how much memory is HighMem, and a
 * page beyond it faults when touched.  PAE alone does not promise 36 bits: the
 * Pentium Pro line has them, QEMU's qemu32 has PAE and 32 bits.  So in this order:
 * leaf 0x80000008 where it exists; 36 bits where the CPU has PSE-36, whose large
 * pages would make no sense with fewer; else 32, which is always true.
 */
#include <kernel/cpu.h>
#include <kernel/string.h>
#include <kernel/thread.h>
#include <mm/format.h>

#define LEAF_FEATURES     1u
#define LEAF_EXTENDED     0x80000000u
#define LEAF_EXT_FEATURES 0x80000001u
#define LEAF_BRAND        0x80000002u /* and the two after it */
#define LEAF_ADDRESS_BITS 0x80000008u

#define EDX_TSC           (1u << 4)
#define EDX_APIC          (1u << 9)
#define EDX_PSE36         (1u << 17)
#define EXT_EDX_NX        (1u << 20)

#define PSE36_BITS        36u
#define PLAIN_BITS        32u

struct cpu cpus[MAX_CPUS] = {
	{.self = &cpus[0], .busy = BUSY_IRQS_OFF, .current = &main_thread}};
struct cpu_features cpu_features;

static void detect_vendor(struct cpu_features *f)
{
	struct cpuid r = cpuid(0);

	memcpy(f->vendor, &r.ebx, sizeof(r.ebx));
	memcpy(f->vendor + 4, &r.edx, sizeof(r.edx));
	memcpy(f->vendor + 8, &r.ecx, sizeof(r.ecx));
}

static void detect_brand(struct cpu_features *f, uint32_t last_leaf)
{
	char text[sizeof(f->brand)] = {0};
	const char *start = text;

	if (last_leaf < LEAF_BRAND + 2)
		return;
	for (unsigned i = 0; i < 3; i++) {
		struct cpuid r = cpuid(LEAF_BRAND + i);

		memcpy(text + i * sizeof(r), &r, sizeof(r));
	}
	while (*start == ' ') /* Intel aligns it to the right */
		start++;
	memcpy(f->brand, start, strlen(start));
}

/* Family and model with their extensions, as Intel's manual combines them. */
static void detect_model(struct cpu_features *f, uint32_t signature)
{
	f->stepping = signature & 0xf;
	f->model = (signature >> 4 & 0xf) | (signature >> 12 & 0xf0);
	f->family = signature >> 8 & 0xf;
	if (f->family == 0xf)
		f->family += signature >> 20 & 0xff;
}

void cpu_detect(void)
{
	struct cpu_features *f = &cpu_features;
	struct cpuid r = cpuid(LEAF_FEATURES);
	uint32_t last_leaf = cpuid(LEAF_EXTENDED).eax;

	if (last_leaf < LEAF_EXTENDED) /* a CPU without extended leaves answers anything */
		last_leaf = 0;
	detect_vendor(f);
	detect_model(f, r.eax);
	detect_brand(f, last_leaf);
	f->tsc = r.edx & EDX_TSC;
	f->apic = r.edx & EDX_APIC;
	f->pse36 = r.edx & EDX_PSE36;
	f->nx = last_leaf >= LEAF_EXT_FEATURES && cpuid(LEAF_EXT_FEATURES).edx & EXT_EDX_NX;
	f->phys_bits = f->pse36 ? PSE36_BITS : PLAIN_BITS;
	if (last_leaf >= LEAF_ADDRESS_BITS)
		f->phys_bits = cpuid(LEAF_ADDRESS_BITS).eax & 0xff;
}

void cpu_forbid_fpu(void)
{
	write_cr0(read_cr0() | CR0_EM | CR0_TS);
	write_cr4(read_cr4() & ~(CR4_OSFXSR | CR4_OSXMMEXCPT)); /* UEFI firmware sets them */
}

const char *cpu_context(uint32_t eflags, char *text, size_t size)
{
	const char *irqs = eflags & EFLAGS_IF ? "on" : "off";
	const char *name = current()->name;

	if (cpu_in_nmi())
		mm_snprintf(text, size, "NMI handler in thread %s, cpu %u", name, cpu_here->id);
	else if (cpu_irq_depth())
		mm_snprintf(text, size,
			    "interrupt handler in thread %s, depth %u, interrupts %s, cpu %u",
			    name, cpu_irq_depth(), irqs, cpu_here->id);
	else
		mm_snprintf(text, size, "thread %s, interrupts %s, preempt count %u, cpu %u",
			    name, irqs, cpu_preempt_count(), cpu_here->id);
	return text;
}
