/* SPDX-License-Identifier: MIT */
/*
 * The clock (TSC, measured once against the PIT) and the timer interrupt (PIT
 * channel 0).
 *
 * Nanoseconds are (ticks * scale) >> SCALE_SHIFT.  scale = 10^9 * 2^22 / hz fits
 * 32 bits for hz >= 10^6, and is exact to 2^-22 or better for hz <= 4 * 10^9.
 *
 * Locks: `lock` for the PIT and the handler; its interrupts come to the boot CPU only.
 */
#include <drivers/pit.h>
#include <kernel/cpu.h>
#include <kernel/printk.h>
#include <kernel/sched.h>
#include <kernel/spinlock.h>
#include <kernel/time.h>

#define NS_PER_S       1000000000u
#define SCALE_SHIFT    22

#define SPAN_PIT_TICKS (PIT_HZ / 100) /* measure for 10 ms */
#define SPAN_HZ        100u
#define TSC_HZ_MIN     1000000u
#define TSC_HZ_MAX     20000000000ull

static uint64_t tsc_at_start;
static uint64_t tsc_hz; /* 0: no TSC, or none that can be believed */
static uint32_t tsc_scale;

static struct spinlock lock;

static struct {
	irq_handler handler;
	uint32_t period_ns;
	unsigned long count;
	uint64_t elapsed_ns; /* sum of the periods: the clock where there is no TSC */
} timer;

void time_start(void)
{
	if (cpu_features.tsc)
		tsc_at_start = rdtsc();
}

/* Ticks of the TSC during a span of the PIT; 0 when the span never ends. */
static uint64_t measure_span(void)
{
	uint64_t start, now;

	pit_span_start(SPAN_PIT_TICKS);
	start = rdtsc();
	do {
		now = rdtsc();
		if (now - start > TSC_HZ_MAX / SPAN_HZ)
			return 0;
	} while (!pit_span_over());
	return now - start;
}

/* The middle one of three: whoever stops the machine for a moment, as an emulator's host may, spoils one. */
static uint64_t measure_well(void)
{
	uint64_t a = measure_span(), b = measure_span(), c = measure_span();
	uint64_t low = a < b ? a : b, high = a < b ? b : a;

	return c < low ? low : c > high ? high : c;
}

static void calibrate(void)
{
	uint64_t hz = measure_well() * PIT_HZ / SPAN_PIT_TICKS;

	if (hz < TSC_HZ_MIN) {
		printk("time: the TSC cannot be measured; the clock runs on timer interrupts");
		return;
	}
	tsc_scale = (uint32_t)(((uint64_t)NS_PER_S << SCALE_SHIFT) / hz);
	tsc_hz = hz;
}

static void timer_interrupt(struct trap_frame *frame)
{
	timer.count++;
	timer.elapsed_ns += timer.period_ns;
	if (timer.handler)
		timer.handler(frame);
	sched_tick();
}

static uint32_t ticks_to_ns(unsigned pit_ticks)
{
	return (uint32_t)((uint64_t)pit_ticks * NS_PER_S / PIT_HZ);
}

void time_init(void)
{
	if (cpu_features.tsc)
		calibrate();
	irq_register(IRQ_TIMER, timer_interrupt, "timer");
	timer_start(TIMER_HZ, NULL);
}

/* Its two halves are two loads: a tick between them would make the time jump by seconds. */
static uint64_t elapsed_ns(void)
{
	const volatile uint64_t *elapsed = &timer.elapsed_ns;
	uint64_t ns;

	do
		ns = *elapsed;
	while (ns != *elapsed);
	return ns;
}

uint64_t time_ns(void)
{
	uint64_t ticks;

	if (!tsc_hz)
		return elapsed_ns();
	ticks = rdtsc() - tsc_at_start;
	return ((ticks >> 32) * tsc_scale << (32 - SCALE_SHIFT)) +
	       ((ticks & UINT32_MAX) * tsc_scale >> SCALE_SHIFT);
}

uint64_t time_tsc_hz(void)
{
	return tsc_hz;
}

void timer_start(unsigned hz, irq_handler handler)
{
	uint32_t flags = spin_lock_irqsave(&lock);
	unsigned count;

	hz = hz < TIMER_HZ_MIN ? TIMER_HZ_MIN : hz > TIMER_HZ_MAX ? TIMER_HZ_MAX : hz;
	count = (PIT_HZ + hz / 2) / hz;
	timer.handler = handler;
	timer.period_ns = ticks_to_ns(count);
	pit_periodic(count);
	spin_unlock_irqrestore(&lock, flags);
}

void timer_arm(unsigned pit_ticks, irq_handler handler)
{
	uint32_t flags = spin_lock_irqsave(&lock);

	timer.handler = handler;
	timer.period_ns = ticks_to_ns(pit_ticks);
	pit_oneshot(pit_ticks);
	spin_unlock_irqrestore(&lock, flags);
}

void timer_stop(void)
{
	uint32_t flags = spin_lock_irqsave(&lock);

	pit_stop();
	timer.handler = NULL;
	spin_unlock_irqrestore(&lock, flags);
}

unsigned long timer_count(void)
{
	return timer.count;
}
