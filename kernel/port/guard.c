// SPDX-License-Identifier: MIT
/* See <kernel/guard.h>. */
#include <kernel/guard.h>
#include <kernel/options.h>
#include <kernel/printk.h>
#include <kernel/time.h>
#include <mm/guard.h>

/* An object is sampled each 2^27 ns, which is 134 ms. */
#define SAMPLE_SHIFT 27

static bool on;
static uint32_t last; /* [a] when, in such spans */

void guard_start(void)
{
	if (!options.guard_objects)
		return;
	on = mm_guard_start(options.guard_objects, options.guard_interval);
	if (on)
		printk("guard pages: for %u objects; each %u. slow allocation, and by the "
		       "clock",
		       options.guard_objects, options.guard_interval);
}

void guard_show(void)
{
	struct mm_guard_info info;

	if (!on)
		return;
	mm_guard_info(&info);
	printk("guard pages: %lu objects guarded, %u of them now; %lu chosen in vain; %u "
	       "places "
	       "retired by %lu reports",
	       info.allocs, info.live, info.missed, info.retired, info.reports);
}

/* Two CPUs may both find that it is time: then two are sampled. */
void guard_tick(void)
{
	uint32_t now;

	if (!on)
		return;
	now = (uint32_t)(time_ns() >> SAMPLE_SHIFT);
	if (__atomic_exchange_n(&last, now, __ATOMIC_RELAXED) != now)
		mm_guard_sample();
}
