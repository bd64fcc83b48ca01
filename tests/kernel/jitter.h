/* SPDX-License-Identifier: MIT */
/*
 * Preemption at random points: timer interrupts at random distances, each of which ends a
 * time slice.  The distances follow from the seed of the case.
 */
#ifndef TESTS_KERNEL_JITTER_H
#define TESTS_KERNEL_JITTER_H

#include <stdint.h>

/* Start; `also`, or NULL, runs in each of the interrupts. */
void jitter_start(void (*also)(void));

/* The timer is as it was from boot on. */
void jitter_stop(void);

/* For handlers: a number below n. */
uint32_t jitter_random_below(uint32_t n);

/* Interrupts since jitter_start(). */
unsigned long jitter_count(void);

#endif
