// SPDX-License-Identifier: MIT
/*
 * `replay=1` on the command line: the trace that the boot loader has brought is replayed in
 * place of the tests, and each call timed.  Where the clock counts instructions (QEMU's
 * -icount shift=0) the costs are guest instructions, and the same in every run.
 */
#include "replay_main.h"
#include <harness.h>
#include <kernel/cpu.h>
#include <kernel/memory.h>
#include <kernel/printk.h>
#include <kernel/time.h>
#include <replay/print.h>

static uint64_t instructions(void)
{
	return rdtsc();
}

const char *replay_open_module(struct trace *trace)
{
	size_t size;
	const void *bytes = memory_module(0, &size);

	return bytes ? trace_open(trace, bytes, size) : "the boot loader has brought no module";
}

bool replay_main(void)
{
	const struct replay_options options = {.clock = instructions};
	struct replay_result result;
	struct trace trace;
	const char *wrong = replay_open_module(&trace);

	if (!wrong && !cpu_features.tsc)
		wrong = "this CPU has no clock to measure by";
	if (wrong) {
		printk("replay: %s", wrong);
		return false;
	}
	timer_stop(); /* nothing comes in between */
	replay_run(&trace, &options, &result);
	timer_start(TIMER_HZ, NULL);
	replay_print(&trace, &result);
	return !result.error && mm_report_total() == 0;
}
