/* SPDX-License-Identifier: MIT */
/*
 * The local APIC: a part of the CPU that passes interrupts to it.  On a PC with one CPU it
 * is transparent: the PICs' output is wired to its pin LINT0, which the firmware, or a
 * reset, makes an external interrupt (ExtINT: the CPU asks the PIC for the vector).  Made
 * an NMI instead, the same wire interrupts the CPU also while its interrupts are off.
 *
 * Registers: Intel SDM 3A, chapter 10.  32 bits each, 16 bytes apart, in one page that must
 * not be cached.
 */
#include <drivers/lapic.h>
#include <kernel/cpu.h>
#include <kernel/layout.h>
#include <kernel/paging.h>

#define MSR_APIC_BASE   0x1bu
#define BASE_ENABLED    (1u << 11)
#define BASE_X2APIC     (1u << 10) /* the registers are MSRs instead */
#define BASE_ADDRESS    0xfffff000u

#define REGISTER_SPIN   0xf0u /* spurious interrupt vector */
#define REGISTER_LINT0  0x350u

#define SPIN_ENABLED    (1u << 8)
#define SPURIOUS_VECTOR 0x3fu /* the low four bits are ones on the first APICs */

#define LVT_NMI         (4u << 8)
#define LVT_EXTINT      (7u << 8)

_Static_assert(SPURIOUS_VECTOR >= IRQ_VECTOR + NR_IRQS && SPURIOUS_VECTOR < NR_VECTORS,
	       "spare");

static bool mapped;

static volatile uint32_t *at(unsigned offset)
{
	return (volatile uint32_t *)(LAPIC_PAGE + offset);
}

bool lapic_init(void)
{
	uint32_t flags;
	uint64_t base;

	if (!cpu_features.apic)
		return false;
	base = read_msr(MSR_APIC_BASE);
	if (!(base & BASE_ENABLED) || (base & BASE_X2APIC) || base >> 32)
		return false;
	if (!mapped)
		mapped = paging_map_device(LAPIC_PAGE, base & BASE_ADDRESS);
	if (!mapped)
		return false;
	flags = irq_save();
	*at(REGISTER_SPIN) = SPIN_ENABLED | SPURIOUS_VECTOR;
	*at(REGISTER_LINT0) = LVT_EXTINT; /* after the line above, which may mask it */
	irq_restore(flags);
	return true;
}

void lapic_pics_make_nmis(bool nmis)
{
	*at(REGISTER_LINT0) = nmis ? LVT_NMI : LVT_EXTINT;
}
