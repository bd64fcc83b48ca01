/* SPDX-License-Identifier: MIT */
/* Interrupts from devices: the 16 lines of the two PICs. */
#ifndef KERNEL_IRQ_H
#define KERNEL_IRQ_H

#include <kernel/trap.h>

#define IRQ_TIMER 0u

/*
 * Called with interrupts off, the IRQ depth raised; may enable interrupts for its
 * own time.  The line gets no further interrupt until the handler returns.
 */
typedef void (*irq_handler)(struct trap_frame *frame);

/* Remap the PICs, every line masked. */
void irq_init(void);

/*
 * irq_register - make `handler` the owner of a line and unmask it; `name` must
 * live for ever.  Returns false when the line is taken or does not exist.
 */
bool irq_register(unsigned irq, irq_handler handler, const char *name);
void irq_unregister(unsigned irq);

void irq_mask(unsigned irq);
void irq_unmask(unsigned irq);

/* Interrupts of a line so far; spurious ones, and those on vectors nobody uses, count apart. */
unsigned long irq_count(unsigned irq);
unsigned long irq_spurious_count(void);

/* From trap_dispatch(). */
void irq_dispatch(struct trap_frame *frame);

#endif
