/* SPDX-License-Identifier: MIT */
/* Translations that must be forgotten on every CPU. */
#ifndef KERNEL_SHOOTDOWN_H
#define KERNEL_SHOOTDOWN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * shootdown - when it returns, no CPU knows a translation that was taken out of the page tables
 * before.  shootdown_on(): none of these CPUs, by number.  Any context but NMI, also with interrupts off and with spinlocks held.
 */
void shootdown(void);
void shootdown_on(uint32_t mask);

/* Serve those that others wait for.  Cheap when there is none.  Any context. */
void shootdown_serve(void);

/*
 * shootdown_doze - the CPU is about to halt: nobody needs to wait for it, since it will serve
 *	what it has missed in shootdown_wake(), the first that it does afterwards.
 *
 * Interrupts off.
 */
void shootdown_doze(void);
void shootdown_wake(void);

/* Is this CPU said to be halted?  Not while a thread runs on it, but the idle one. */
bool shootdown_dozes(void);

/* For tests: shootdowns asked for so far, and those that interrupted another CPU. */
unsigned long shootdown_count(void);
unsigned long shootdown_sent(void);

/* For tests: while it is off, only the CPU that asks forgets anything. */
void shootdown_switch(bool on);

#endif
