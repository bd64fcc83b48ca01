/* SPDX-License-Identifier: MIT */
/*
 * The local APIC: a part of the CPU that passes interrupts to it.  On the CPU that boots
 * it is transparent for devices: the PICs' output is wired to its pin LINT0, which the firmware,
 * or a reset, makes an external interrupt (ExtINT: the CPU asks the PIC for the vector).  The
 * others mask that pin.  Made
 * an NMI instead, the same wire interrupts the CPU also while its interrupts are off.
 *
 * Registers: Intel SDM 3A, chapter 10.  32 bits each, 16 bytes apart, in one page that must
 * not be cached.  All CPUs have theirs at the same address.
 */
#include <drivers/lapic.h>
#include <kernel/cpu.h>
#include <kernel/layout.h>
#include <kernel/paging.h>

#define MSR_APIC_BASE     0x1bu
#define BASE_BOOTS        (1u << 8)
#define BASE_ENABLED      (1u << 11)
#define BASE_X2APIC       (1u << 10) /* the registers are MSRs instead */
#define BASE_ADDRESS      0xfffff000u

#define REGISTER_ID       0x20u
#define REGISTER_TPR      0x80u
#define REGISTER_EOI      0xb0u
#define REGISTER_SPIN     0xf0u /* spurious interrupt vector */
#define REGISTER_ICR_LOW  0x300u
#define REGISTER_ICR_HIGH 0x310u
#define REGISTER_TIMER    0x320u
#define REGISTER_LINT0    0x350u
#define REGISTER_INITIAL  0x380u
#define REGISTER_CURRENT  0x390u
#define REGISTER_DIVIDE   0x3e0u

#define ID_SHIFT          24
#define ICR_INIT_ALL      0xc4500u /* to all others: INIT */
#define ICR_STARTUP_ALL   0xc4600u /* to all others: STARTUP, and the page's number */
#define ICR_FIXED         0x04000u /* to one, and its vector */
#define ICR_NMI           0x04400u
#define ICR_PENDING       0x01000u
#define TIMER_PERIODIC    0x20000u
#define DIVIDE_BY_1       0xbu

#define SPIN_ENABLED      (1u << 8)

#define LVT_NMI           (4u << 8)
#define LVT_EXTINT        (7u << 8)
#define LVT_MASKED        (1u << 16)

static bool mapped;

static volatile uint32_t *at(unsigned offset)
{
	return (volatile uint32_t *)(LAPIC_PAGE + offset);
}

bool lapic_init(void)
{
	uint32_t flags;
	uint64_t base;
	bool boots;

	if (!cpu_features.apic)
		return false;
	base = read_msr(MSR_APIC_BASE);
	boots = base & BASE_BOOTS;
	if (!(base & BASE_ENABLED) || (base & BASE_X2APIC) || base >> 32)
		return false;
	if (!mapped)
		mapped = paging_map_device(LAPIC_PAGE, base & BASE_ADDRESS);
	if (!mapped)
		return false;
	flags = irq_save();
	*at(REGISTER_SPIN) = SPIN_ENABLED | VECTOR_SPURIOUS;
	*at(REGISTER_TPR) = 0;
	*at(REGISTER_LINT0) =
		boots ? LVT_EXTINT : LVT_MASKED; /* after the line above, which may mask it */
	irq_restore(flags);
	return true;
}

void lapic_pics_make_nmis(bool nmis)
{
	*at(REGISTER_LINT0) = nmis ? LVT_NMI : LVT_EXTINT;
}

unsigned lapic_id(void)
{
	return *at(REGISTER_ID) >> ID_SHIFT;
}

void lapic_set_priority(unsigned vector)
{
	*at(REGISTER_TPR) = vector & 0xf0u;
}

void lapic_acknowledge(void)
{
	*at(REGISTER_EOI) = 0;
}

/* The two halves of a command belong together: no interrupt comes between, and no NMI handler sends. */
static void command(unsigned id, uint32_t low)
{
	uint32_t flags = irq_save();

	while (*at(REGISTER_ICR_LOW) & ICR_PENDING)
		cpu_relax();
	*at(REGISTER_ICR_HIGH) = id << ID_SHIFT;
	*at(REGISTER_ICR_LOW) = low;
	irq_restore(flags);
}

void lapic_send(unsigned id, unsigned vector)
{
	command(id, ICR_FIXED | vector);
}

void lapic_send_nmi(unsigned id)
{
	command(id, ICR_NMI);
}

void lapic_broadcast_init(void)
{
	command(0, ICR_INIT_ALL);
}

void lapic_broadcast_startup(unsigned page)
{
	command(0, ICR_STARTUP_ALL | page);
}

void lapic_timer_start(uint32_t count, bool again)
{
	*at(REGISTER_DIVIDE) = DIVIDE_BY_1;
	*at(REGISTER_TIMER) = VECTOR_TICK | (again ? TIMER_PERIODIC : 0);
	*at(REGISTER_INITIAL) = count;
}

void lapic_timer_stop(void)
{
	*at(REGISTER_TIMER) = VECTOR_TICK | LVT_MASKED;
	*at(REGISTER_INITIAL) = 0;
}

uint32_t lapic_timer_count(void)
{
	return *at(REGISTER_CURRENT);
}
