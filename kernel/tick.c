/* SPDX-License-Identifier: MIT */
/*
 * See <kernel/tick.h>.  All local APICs count at the same rate, that of the bus.
 *
 * Locks: each CPU's element changes on that CPU, with interrupts off.
 */
#include <drivers/lapic.h>
#include <drivers/pit.h>
#include <kernel/cpu.h>
#include <kernel/guard.h>
#include <kernel/sched.h>
#include <kernel/tick.h>

#define SPAN_PIT_TICKS (PIT_HZ / 100)
#define SPAN_HZ        100u
#define US_PER_S       1000000u

static uint32_t counts_per_second;

static struct {
	irq_handler handler;
	unsigned long count;
} __attribute__((aligned(CPU_STRIDE))) ticks[MAX_CPUS];

void tick_calibrate(void)
{
	uint32_t flags = irq_save();

	pit_span_start(SPAN_PIT_TICKS);
	lapic_timer_start(UINT32_MAX, false);
	while (!pit_span_over())
		;
	counts_per_second = (UINT32_MAX - lapic_timer_count()) * SPAN_HZ;
	lapic_timer_stop();
	irq_restore(flags);
}

static void start(uint32_t count, bool again, irq_handler handler)
{
	uint32_t flags = irq_save();

	ticks[cpu_here->id].handler = handler;
	lapic_timer_start(count ? count : 1, again);
	irq_restore(flags);
}

void tick_start(unsigned hz, irq_handler handler)
{
	start(counts_per_second / hz, true, handler);
}

void tick_arm(unsigned us, irq_handler handler)
{
	start((uint32_t)((uint64_t)counts_per_second * us / US_PER_S), false, handler);
}

void tick_stop(void)
{
	uint32_t flags = irq_save();

	lapic_timer_stop();
	ticks[cpu_here->id].handler = NULL;
	irq_restore(flags);
}

unsigned long tick_count(unsigned id)
{
	return __atomic_load_n(&ticks[id].count, __ATOMIC_RELAXED);
}

void tick_dispatch(struct trap_frame *frame)
{
	unsigned id = cpu_here->id;

	lapic_acknowledge();
	ticks[id].count++;
	if (ticks[id].handler)
		ticks[id].handler(frame);
	guard_tick();
	sched_tick();
}
