/* SPDX-License-Identifier: MIT */
/* Damage on request: a panic, a hang, a triple fault, a stack that overflows. */
#include <kernel/options.h>
#include <kernel/panic.h>
#include <kernel/thread.h>
#include <kernel/x86.h>

static const char *const names[NR_SELFTESTS] = {
	[SELFTEST_NONE] = "none",
	[SELFTEST_FAIL] = "fail",
	[SELFTEST_PANIC] = "panic",
	[SELFTEST_HANG] = "hang",
	[SELFTEST_TRIPLEFAULT] = "triplefault",
	[SELFTEST_OVERFLOW] = "overflow",
};

const char *selftest_name(enum selftest mode)
{
	return names[mode];
}

enum selftest selftest_mode(void)
{
	return options.selftest;
}

/* With an empty IDT the breakpoint cannot be delivered, nor can the fault about that. */
static _Noreturn void triple_fault(void)
{
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) empty = {0, 0};

	__asm__ volatile("lidt %0\n\tint3" : : "m"(empty));
	__builtin_unreachable();
}

/* Deeper than any stack.  Each call lives until the next one has returned. */
static unsigned recurse(volatile unsigned *caller)
{
	volatile unsigned mine = *caller + 1;

	return mine ? recurse(&mine) + mine : 0;
}

static void overflow(void *arg)
{
	volatile unsigned start = 0;

	(void)arg;
	recurse(&start);
}

static void overflow_a_stack(void)
{
	struct thread *thread = thread_create("bottomless", overflow, NULL);

	if (thread)
		thread_join(thread);
}

void selftest_strike(void)
{
	switch (options.selftest) {
	case SELFTEST_PANIC: panic("selftest=panic, as the command line asks");
	case SELFTEST_HANG: halt_forever();
	case SELFTEST_TRIPLEFAULT: triple_fault();
	case SELFTEST_OVERFLOW: overflow_a_stack(); break;
	default: break;
	}
}
