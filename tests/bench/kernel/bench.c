// SPDX-License-Identifier: MIT
/*
 * What each step of the allocator costs, in our own kernel: `bench=` on the command line.
 *
 * Where the clock counts instructions (QEMU's -icount shift=0, which `make bench` uses) the
 * numbers are guest instructions, exact and the same in every run; ten nops against eleven
 * prove it first.  Elsewhere they are ticks of the TSC.
 */
#include "../../kernel/icount.h"
#include <driver.h>
#include <harness.h>
#include <kernel/printk.h>
#include <kernel/time.h>
#include <kernel_bench.h>
#include <mm/format.h>
#include <run.h>

#define LINE_BYTES 120

#define WORKLOADS(WORKLOAD) \
	WORKLOAD(pair)      \
	WORKLOAD(cache)     \
	WORKLOAD(batch)     \
	WORKLOAD(pages)     \
	WORKLOAD(areas)     \
	WORKLOAD(interrupt) \
	WORKLOAD(mix)       \
	WORKLOAD(growth)    \
	WORKLOAD(ours)

#define DECLARE(name) extern const struct bench_workload name##_workload;
#define LIST(name)    &name##_workload,

WORKLOADS(DECLARE)

const struct bench_workload *const bench_workloads[] = {WORKLOADS(LIST) NULL};

static const char *filter;

bool bench_matches(const char *name)
{
	return !*filter || glob_list_matches(filter, name);
}

void bench_print(const char *format, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, format);
	mm_vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	printk_raw(line);
}

bool bench_begin(const char *rows)
{
	filter = rows;
	if (!cpu_features.tsc)
		return false;
	timer_stop(); /* nothing comes in between, and GFP_KERNEL is allowed */
	return true;
}

void bench_end(void)
{
	timer_start(TIMER_HZ, NULL);
}

/* --- an interrupt handler ------------------------------------------------------------- */

#define SOON 16u /* ticks of the PIT */

static struct {
	void (*f)(void *arg);
	void *arg;
	bool done;
} visit;

static void visit_handler(struct trap_frame *frame)
{
	(void)frame;
	visit.f(visit.arg);
	__atomic_store_n(&visit.done, true, __ATOMIC_RELEASE);
}

bool bench_in_interrupt(void (*f)(void *arg), void *arg)
{
	visit.f = f;
	visit.arg = arg;
	visit.done = false;
	timer_arm(SOON, visit_handler);
	while (!__atomic_load_n(&visit.done, __ATOMIC_ACQUIRE))
		cpu_relax();
	timer_stop();
	return true;
}

bool bench_main(const char *rows)
{
	unsigned n;

	if (!bench_begin(rows)) {
		bench_print("bench: this CPU has no clock to measure by");
		return false;
	}
	bench_print("bench: %s for each operation", clock_counts_instructions()
							    ? "guest instructions"
							    : "ticks of the TSC, not exact,");
	n = bench_run_all();
	bench_end();
	return n > 0 && mm_report_total() == 0;
}
