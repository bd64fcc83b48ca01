/* SPDX-License-Identifier: MIT */
/* What CPUs ask of each other, by interrupts from one to another. */
#ifndef KERNEL_IPI_H
#define KERNEL_IPI_H

#include <stdbool.h>
#include <stdint.h>

/*
 * ipi_wait - the body of every loop that waits for another CPU: a pause, in which this CPU
 * serves what others wait for.  Any context.
 */
void ipi_wait(void);

/*
 * ipi_call_others - run function(arg) on every other CPU that runs, there as an interrupt
 *	handler, and return when all have.
 * ipi_call_each - here too, with interrupts off, after the others.
 *
 * The function must not call these.  Contexts: a thread, interrupts on.
 */
void ipi_call_others(void (*function)(void *arg), void *arg);
void ipi_call_each(void (*function)(void *arg), void *arg);

/*
 * ipi_hold_others - hold every other CPU at a point where its interrupts are on, until
 *	ipi_release_others().  The thread stays on its CPU, and may not sleep meanwhile.
 *	Held CPUs serve TLB shootdowns, nothing else.  Nests.
 *
 * Contexts: a thread, interrupts on when the first is called.
 */
void ipi_hold_others(void);
void ipi_release_others(void);

/* Does this CPU hold the others?  Then there is nobody to call, nor to wait for. */
bool ipi_others_are_held(void);

/*
 * For tests on the boot CPU, which hold the others: go by the number of one of them, or by one's own
 * again.  The thread must not block meanwhile.
 */
void ipi_pretend(unsigned id);

/* Have CPU `id` look for threads to run.  Any context but NMI. */
void ipi_reschedule(unsigned id);

/*
 * ipi_nmi - interrupt CPU `id` by an NMI.  ipi_stop_others - stop every other CPU for ever, as
 * soon as may be, also where its interrupts are off; does not wait long for those that do not
 * answer.  Any context.
 */
void ipi_nmi(unsigned id);
void ipi_stop_others(void);

/* For the dispatchers: true if it was an interrupt of these, or an NMI to stop. */
bool ipi_dispatch(unsigned vector);
void ipi_stop_if_asked(void);

/* Interrupts from others that CPU `id` has served so far. */
unsigned long ipi_count(unsigned id);

#endif
