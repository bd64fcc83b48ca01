/* SPDX-License-Identifier: MIT */
/*
 * The timer of each CPU's local APIC.  Of the boot CPU it is unused, unless somebody starts it:
 * there the PIT (<kernel/time.h>) sets the pace.
 */
#ifndef KERNEL_TICK_H
#define KERNEL_TICK_H

#include <kernel/irq.h>

/*
 * tick_calibrate - measure it against the PIT (10 ms).  Once, on the boot CPU, after lapic_init().
 *
 * tick_start - interrupt this CPU `hz` times a second, 1 .. 100,000, and call `handler` (or
 *	NULL) each time; each interrupt ends a time slice.
 * tick_arm - once, after `us` microseconds.
 * tick_stop - no more, but one that is already on its way.
 *
 * Any context but NMI; preemption off, or else it is any CPU's.  The handler runs in
 * interrupt context, and may call these.
 */
void tick_calibrate(void);
void tick_start(unsigned hz, irq_handler handler);
void tick_arm(unsigned us, irq_handler handler);
void tick_stop(void);

/* Its interrupts on CPU `id` so far. */
unsigned long tick_count(unsigned id);

/* For the dispatcher: interrupts off. */
void tick_dispatch(struct trap_frame *frame);

#endif
