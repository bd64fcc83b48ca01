/* SPDX-License-Identifier: MIT */
/*
 * Interrupts that cannot be turned off, and a source of them: the timer, made to interrupt
 * by NMI.
 *
 * A handler runs with BUSY_NMI set and all interrupts off, NMIs too, until it returns.  It
 * must not fault: the return from an exception would let the next NMI in, on top of it.
 * It takes no lock, prints nothing, and has its memory from <mm/nolock.h>.
 */
#ifndef KERNEL_NMI_H
#define KERNEL_NMI_H

#include <kernel/trap.h>

typedef void (*nmi_handler)(struct trap_frame *frame);

/* NMIs on CPU `id` so far. */
unsigned long nmi_count(unsigned id);

/* Who is called for NMIs that another CPU has sent (ipi_nmi()); NULL: nobody. */
void nmi_set_ipi_handler(nmi_handler handler);

/*
 * nmi_timer_start - from now on the timer interrupts by NMIs, which call `handler`, and not at
 *	all in the usual way: the clock goes on, but nobody is preempted, and sleepers sleep
 *	on.  False, and nothing changed, on a machine without a local APIC.
 * nmi_timer_arm - the next one comes `pit_ticks` (at PIT_HZ) from now.  From the handler too.
 * nmi_timer_stop - everything as it was before nmi_timer_start().
 *
 * Contexts: a thread, interrupts on.
 */
bool nmi_timer_start(nmi_handler handler);
void nmi_timer_arm(unsigned pit_ticks);
void nmi_timer_stop(void);

/* From trap_dispatch(). */
void nmi_dispatch(struct trap_frame *frame);

#endif
