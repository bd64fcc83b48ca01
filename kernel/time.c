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
#include <kernel/guard.h>
#include <kernel/printk.h>
#include <kernel/sched.h>
#include <kernel/spinlock.h>
#include <kernel/time.h>

#define NS_PER_S       1000000000u
#define SCALE_SHIFT    22

#define SPAN_PIT_TICKS (PIT_HZ / 100) /* measure for 10 ms */
#define SPAN_HZ        100u
#define SPAN_TRIES     10u
#define SPAN_CERTAINTY 200u /* the doubt may be a part in so many */
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

/* A span of the PIT in ticks of the TSC: at least `ticks`, and at most `doubt` more. */
struct span {
	uint64_t ticks, doubt;
};

/*
 * Measure one.  Whoever stops the machine for a moment, as an emulator's host may, does so
 * somewhere between two looks at the TSC: what lies between those that enclose the start and
 * the end of the span is the doubt.  False when the span never ends.
 */
static bool measure_span(struct span *span)
{
	uint64_t before, start, now, last;

	before = rdtsc();
	pit_span_start(SPAN_PIT_TICKS);
	start = now = rdtsc();
	do {
		last = now;
		now = rdtsc();
		if (now - start > TSC_HZ_MAX / SPAN_HZ)
			return false;
	} while (!pit_span_over());
	now = rdtsc();
	span->ticks = last - start;
	span->doubt = now - last + start - before;
	return true;
}

/* The most certain of several tries; the first that is certain enough ends them. */
static uint64_t measure_well(void)
{
	struct span best = {0, UINT64_MAX}, span;

	for (unsigned i = 0; i < SPAN_TRIES && best.doubt > best.ticks / SPAN_CERTAINTY; i++) {
		if (!measure_span(&span))
			return 0;
		if (span.doubt < best.doubt)
			best = span;
	}
	return best.ticks + best.doubt / 2;
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
	guard_tick();
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
