/* SPDX-License-Identifier: MIT */
/* The two 8259 interrupt controllers of a PC.  Callers have interrupts off. */
#ifndef DRIVERS_PIC_H
#define DRIVERS_PIC_H

#include <stdbool.h>

/* Both controllers' lines at vectors base .. base + 15, all masked.  base: a multiple of 8. */
void pic_init(unsigned base);

void pic_mask(unsigned irq);
void pic_unmask(unsigned irq);

/* End of interrupt. */
void pic_acknowledge(unsigned irq);

/*
 * Lines 7 and 15 are also what a controller answers when a request went away
 * before it was served.  True when that is so; such an interrupt is then done with.
 */
bool pic_is_spurious(unsigned irq);

/*
 * Take the request that the first controller signals, as the CPU does when it is interrupted,
 * and be done with it at once.  False when there is none.
 */
bool pic_poll(void);

#endif
