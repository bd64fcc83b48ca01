/* SPDX-License-Identifier: MIT */
/* The clock, and the timer interrupt. */
#ifndef KERNEL_TIME_H
#define KERNEL_TIME_H

#include <kernel/irq.h>

#define TIMER_HZ     100u /* from boot on */
#define TIMER_HZ_MIN 19u  /* what the PIT's 16 bits reach */
#define TIMER_HZ_MAX 50000u

/*
 * time_start - remember when the kernel was entered; as early as possible.
 * time_init  - measure the TSC against the PIT (10 ms) and start the timer at
 *	TIMER_HZ.  Interrupts stay off.
 */
void time_start(void);
void time_init(void);

/*
 * Nanoseconds since time_start(); 0 before time_init().  From the TSC, or, on a
 * CPU without one, from timer interrupts, at their resolution.  Any context.
 */
uint64_t time_ns(void);

/* Ticks of the TSC in a second, as measured; 0 without a TSC. */
uint64_t time_tsc_hz(void);

/*
 * timer_start - interrupt `hz` times a second (TIMER_HZ_MIN .. TIMER_HZ_MAX,
 *	others are moved there) and call `handler` (or NULL) each time.
 * timer_arm - interrupt once, `pit_ticks` (1 .. 65536, at PIT_HZ) from now.
 * timer_stop - no more timer interrupts, but one that is already on its way.  On
 *	a CPU without a TSC the clock stands still meanwhile.
 *
 * The handler runs in interrupt context.  These may be called from it.  Whoever has the
 * timer sets the pace of the threads as well: each interrupt of it ends a time slice and
 * wakes the sleepers whose time has come, so while it is stopped, nobody is preempted
 * and sleepers sleep on.
 */
void timer_start(unsigned hz, irq_handler handler);
void timer_arm(unsigned pit_ticks, irq_handler handler);
void timer_stop(void);

/* Timer interrupts so far. */
unsigned long timer_count(void);

#endif
