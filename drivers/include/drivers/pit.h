/* SPDX-License-Identifier: MIT */
/* The 8254 interval timer.  Channel 0 raises IRQ 0; channel 2 is for measuring. */
#ifndef DRIVERS_PIT_H
#define DRIVERS_PIT_H

#include <stdbool.h>
#include <stdint.h>

#define PIT_HZ        1193182u /* ticks a second, on every PC */

/* Largest count that the timer takes. */
#define PIT_COUNT_MAX 65536u

/* IRQ 0 every `count` ticks, 2 .. PIT_COUNT_MAX. */
void pit_periodic(unsigned count);

/* IRQ 0 once, `count` ticks from now, 1 .. PIT_COUNT_MAX. */
void pit_oneshot(unsigned count);

/* No IRQ 0 until one of the above. */
void pit_stop(void);

/*
 * Measure a span on channel 2, whatever channel 0 does: start, then poll until
 * it is over.  Changes bits 0 and 1 of port 0x61 (the speaker stays off).
 */
void pit_span_start(unsigned count);
bool pit_span_over(void);

#endif
