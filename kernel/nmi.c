/* SPDX-License-Identifier: MIT */
/*
 * NMIs: from other CPUs, and from the timer, on the boot CPU.  The PIT raises line 0 of the PIC, whose output the local APIC turns
 * into an NMI.  Nobody asks the PIC for a vector then, which is what makes it lower its
 * output for the next one: polling it does that.
 *
 * A handler may fault, at a page that mm guards: that ends in an IRET, after which the CPU takes the next
 * NMI though this one is not done.  And who was interrupted may have been about to read CR2.
 *
 * I1: while `handler` is set, line 0 is the only one that is unmasked.
 * I2: the PIT and the PIC are the handler's while it may come: nobody else programs them.
 */
#include <drivers/lapic.h>
#include <drivers/pic.h>
#include <drivers/pit.h>
#include <kernel/cpu.h>
#include <kernel/ipi.h>
#include <kernel/nmi.h>
#include <kernel/time.h>

static unsigned long nmi_counts[MAX_CPUS];

static nmi_handler handler;
static nmi_handler ipi_handler;

unsigned long nmi_count(unsigned id)
{
	return __atomic_load_n(&nmi_counts[id], __ATOMIC_RELAXED);
}

void nmi_set_ipi_handler(nmi_handler new_handler)
{
	__atomic_store_n(&ipi_handler, new_handler, __ATOMIC_RELEASE);
}

void nmi_dispatch(struct trap_frame *frame)
{
	struct cpu *cpu = this_cpu();
	const struct trap_frame *fault = cpu->fault;
	bool nested = cpu->busy & BUSY_NMI;
	uint32_t cr2 = read_cr2();

	cpu->fault = NULL;
	cpu->busy |= BUSY_NMI;
	ipi_stop_if_asked();
	nmi_counts[cpu->id]++;
	if (cpu->id == 0 && handler && pic_poll())
		handler(frame);
	else if (ipi_handler)
		ipi_handler(frame);
	if (!nested)
		cpu->busy &= ~BUSY_NMI;
	cpu->fault = fault;
	if (read_cr2() != cr2)
		write_cr2(cr2);
}

bool nmi_timer_start(nmi_handler new_handler)
{
	uint32_t flags;

	if (!lapic_init())
		return false;
	flags = irq_save();
	timer_stop();
	pic_poll(); /* a tick that was on its way */
	handler = new_handler;
	lapic_pics_make_nmis(true);
	irq_restore(flags);
	return true;
}

void nmi_timer_arm(unsigned pit_ticks)
{
	pit_oneshot(pit_ticks);
}

void nmi_timer_stop(void)
{
	uint32_t flags = irq_save();

	lapic_pics_make_nmis(
		false); /* the handler, which arms the timer, came for the last time */
	handler = NULL;
	pit_stop();
	pic_poll();
	irq_restore(flags);
	timer_start(TIMER_HZ, NULL);
}
