/* SPDX-License-Identifier: MIT */
/* The local APIC, as far as NMIs need it. */
#ifndef DRIVERS_LAPIC_H
#define DRIVERS_LAPIC_H

#include <stdbool.h>

/*
 * lapic_init - find and enable the local APIC of this CPU; interrupts of the PICs pass through
 * it, as before.  False when the CPU has none, or none that can be reached.  May be called
 * again.  Contexts: a thread.
 */
bool lapic_init(void);

/* What becomes of the PICs' output: an interrupt, as usual, or an NMI. */
void lapic_pics_make_nmis(bool nmis);

#endif
