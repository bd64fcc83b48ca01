/* SPDX-License-Identifier: MIT */
/* The local APIC of the CPU that calls these: all need lapic_init() there, but itself. */
#ifndef DRIVERS_LAPIC_H
#define DRIVERS_LAPIC_H

#include <stdbool.h>
#include <stdint.h>

/*
 * lapic_init - find and enable the local APIC of this CPU; interrupts of the PICs pass through
 * it, as before, to the one that boots.  False when the CPU has none, or none that can be reached.  May be called
 * again.  Contexts: a thread.
 */
bool lapic_init(void);

/* What becomes of the PICs' output: an interrupt, as usual, or an NMI. */
void lapic_pics_make_nmis(bool nmis);

/* Its number: others send interrupts to it by that. */
unsigned lapic_id(void);

/* Let in only vectors of a higher priority (their upper four bits) than that; 0: all. */
void lapic_set_priority(unsigned vector);

/* End of interrupt, for all that does not come from the PICs. */
void lapic_acknowledge(void);

/* Interrupt the CPU whose local APIC has that number.  Any context but NMI. */
void lapic_send(unsigned id, unsigned vector);
void lapic_send_nmi(unsigned id);

/* Reset all other CPUs, and start them in real mode at the page of that number, below 1 MiB. */
void lapic_broadcast_init(void);
void lapic_broadcast_startup(unsigned page);

/*
 * The timer: VECTOR_TICK after `count` units of the bus's clock, again and again or once.
 * lapic_timer_count() is what is left.  Interrupts off.
 */
void lapic_timer_start(uint32_t count, bool again);
void lapic_timer_stop(void);
uint32_t lapic_timer_count(void);

#endif
