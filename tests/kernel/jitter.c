// SPDX-License-Identifier: MIT
/* See jitter.h. */
#include "jitter.h"
#include <harness.h>
#include <kernel/time.h>

/* Distances, in ticks of the PIT (0.84 us). */
#define TICKS_MIN 2u
#define TICKS_MAX 12u

static uint64_t state;
static void (*extra)(void);
static volatile unsigned long count;

uint32_t jitter_random_below(uint32_t n)
{
	return (uint32_t)((test_random_from(&state) >> 32) * n >> 32);
}

static void arm(struct trap_frame *frame);

static void arm_next(void)
{
	timer_arm(TICKS_MIN + jitter_random_below(TICKS_MAX - TICKS_MIN), arm);
}

static void arm(struct trap_frame *frame)
{
	(void)frame;
	count++;
	if (extra)
		extra();
	arm_next();
}

void jitter_start(void (*also)(void))
{
	state = test_random64();
	extra = also;
	count = 0;
	arm_next();
}

void jitter_stop(void)
{
	timer_start(TIMER_HZ, NULL);
	extra = NULL;
}

unsigned long jitter_count(void)
{
	return count;
}
