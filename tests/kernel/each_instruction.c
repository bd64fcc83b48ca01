// SPDX-License-Identifier: MIT
/*
 * See each_instruction.h.
 *
 * The timer is armed, so many instructions are let pass, and the operation is begun: the more
 * pass, the earlier in it does the event come.  What the way from the timer to the handler
 * costs is measured first.
 */
#include "each_instruction.h"
#include <harness.h>
#include <kernel/x86.h>
#include <unit/live.h>

#define ARM_TICKS   20u /* the event comes so long after it is armed */
#define CHECK_EVERY 32u
#define MARGIN      200u
#define LEAST_DELAY 2u
#define WARM_UP     100u

static struct {
	volatile bool running, came;
	bool inside;     /* it came while the operation ran */
	uint64_t length; /* of the operation, event and all */
} run;

void event_came(void)
{
	run.inside = run.running;
	run.came = true;
}

/* Exactly so many instructions, and some that are always the same. */
static __attribute__((noinline)) void delay(uint32_t instructions)
{
	__asm__ volatile("mov %0, %%ecx\n\t"
			 "shr $1, %%ecx\n"
			 "1:\tdec %%ecx\n\t"
			 "jnz 1b\n\t"
			 "test $1, %0\n\t"
			 "jz 2f\n\t"
			 "nop\n"
			 "2:"
			 :
			 : "r"(instructions)
			 : "ecx", "cc");
}

static void nothing(void)
{
}

/*
 * Run the operation so long after arming the event; ticks from its start to the event, if that
 * came after it.
 */
static uint64_t run_armed(const struct event *event, void (*operation)(void), uint32_t wait)
{
	uint64_t start, last;

	run.came = run.inside = false;
	event->prepare();
	event->arm(ARM_TICKS);
	delay(wait);
	start = rdtsc();
	run.running = true;
	operation();
	run.running = false;
	last = rdtsc();
	run.length = last - start;
	for (uint64_t now = last; !run.came; now = rdtsc())
		last = now; /* before it came: how long the handler takes does not count */
	event->clean_up();
	return last - start;
}

/* Instructions of an operation, with the event behind it: how many are they at least, and at most? */
struct lengths {
	uint32_t least, most;
};

/* Of one that has become used to what there is; now and then it has a list or a slab to refill. */
static struct lengths lengths_of(const struct event *event, void (*operation)(void))
{
	struct lengths lengths = {UINT32_MAX, 0};

	for (unsigned i = 0; i < 2 * WARM_UP; i++) {
		uint32_t length;

		run_armed(event, operation, LEAST_DELAY);
		length = (uint32_t)run.length;
		if (i < WARM_UP)
			continue;
		lengths.least = length < lengths.least ? length : lengths.least;
		lengths.most = length > lengths.most ? length : lengths.most;
	}
	return lengths;
}

/* From the start of an operation to the event, when that is not delayed. */
static uint32_t time_to_event(const struct event *event)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < WARM_UP; i++) {
		uint64_t ticks = run_armed(event, nothing, LEAST_DELAY);

		least = ticks < least ? ticks : least;
	}
	return (uint32_t)least;
}

void at_each_instruction(const struct event *event, const char *name, void (*operation)(void))
{
	uint32_t first = time_to_event(event), none = lengths_of(event, nothing).least;
	struct lengths lengths = lengths_of(event, operation);
	uint32_t least = lengths.least - none, most = lengths.most - none;
	uint32_t inside = 0;

	if (!EXPECT(most + MARGIN < first))
		return;
	/* From well behind its end to well before its start. */
	for (uint32_t i = 0; i < most + 2 * MARGIN && !test_failed(); i++) {
		run_armed(event, operation, first - most - MARGIN + i);
		inside += run.inside;
		if (i % CHECK_EVERY == 0)
			live_expect_whole();
	}
	test_note("%s: %u to %u instructions, the event before %u of them", name, least, most,
		  inside);
	/* How long it is depends on what there is. */
	EXPECT(inside >= least - least / 16 && inside <= most + most / 16 + MARGIN);
}
