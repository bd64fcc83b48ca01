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
#include <kernel/ipi.h>
#include <kernel/printk.h>
#include <kernel/smp.h>
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
	WORKLOAD(remote)    \
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

/* --- interrupt handlers, here and on another CPU ------------------------------------------ */

#define SOON 16u /* ticks of the PIT */

struct visit {
	void (*f)(void *arg);
	void *arg;
};

static struct visit timer_visit;
static bool timer_came;

static void timer_handler(struct trap_frame *frame)
{
	(void)frame;
	timer_visit.f(timer_visit.arg);
	__atomic_store_n(&timer_came, true, __ATOMIC_RELEASE);
}

bool bench_in_interrupt(void (*f)(void *arg), void *arg)
{
	timer_visit = (struct visit){f, arg};
	timer_came = false;
	timer_arm(SOON, timer_handler);
	while (!__atomic_load_n(&timer_came, __ATOMIC_ACQUIRE))
		ipi_wait();
	timer_stop();
	return true;
}

static void on_cpu_1(void *arg)
{
	const struct visit *visit = arg;

	if (cpu_here->id == 1)
		visit->f(visit->arg);
}

bool bench_on_other_cpu(void (*f)(void *arg), void *arg)
{
	struct visit visit = {f, arg};

	if (smp_count() < 2 || cpu_here->id == 1)
		return false;
	ipi_call_others(on_cpu_1, &visit);
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
