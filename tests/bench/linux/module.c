// SPDX-License-Identifier: MIT
/*
 * The workloads in Linux: a module that runs all of them when it is loaded, and prints
 * their rows with printk.  The tick, which would be in the figures, stands still meanwhile.
 */
#include "bench_host.h"
#include "driver.h"
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/vmstat.h>

#define LINE_BYTES 120
#define TIMER_IRQ  0 /* with `nolapic` on the command line the tick is the PIT's */

#define WORKLOADS(WORKLOAD) \
	WORKLOAD(pair)      \
	WORKLOAD(cache)     \
	WORKLOAD(batch)     \
	WORKLOAD(pages)     \
	WORKLOAD(areas)     \
	WORKLOAD(interrupt) \
	WORKLOAD(mix)       \
	WORKLOAD(growth)

#define DECLARE(name) extern const struct bench_workload name##_workload;
#define LIST(name)    &name##_workload,

WORKLOADS(DECLARE)

const struct bench_workload *const bench_workloads[] = {WORKLOADS(LIST) NULL};

bool bench_matches(const char *name)
{
	return true;
}

void bench_print(const char *format, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, format);
	vscnprintf(line, sizeof(line), format, args);
	va_end(args);
	printk("%s\n", line);
}

/* --- slabs ------------------------------------------------------------------------------- */

/* What is counted for all CPUs, and what this one, the only one, has not added to it yet. */
static long slab_pages(enum node_stat_item item)
{
	return atomic_long_read(&vm_node_stat[item]) +
	       this_cpu_read(NODE_DATA(0)->per_cpu_nodestats->vm_node_stat_diff[item]);
}

uint64_t bench_slab_bytes(void)
{
	return (uint64_t)(slab_pages(NR_SLAB_RECLAIMABLE_B) +
			  slab_pages(NR_SLAB_UNRECLAIMABLE_B))
	       << PAGE_SHIFT;
}

/* --- an interrupt handler ------------------------------------------------------------------ */

#define SOON_NS 100000

static struct visit {
	struct hrtimer timer;
	void (*f)(void *arg);
	void *arg;
	bool done;
} visit;

static enum hrtimer_restart visit_handler(struct hrtimer *timer)
{
	visit.f(visit.arg);
	smp_store_release(&visit.done, true);
	return HRTIMER_NORESTART;
}

bool bench_in_interrupt(void (*f)(void *arg), void *arg)
{
	visit.f = f;
	visit.arg = arg;
	visit.done = false;
	hrtimer_init(&visit.timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	visit.timer.function = visit_handler;
	enable_irq(TIMER_IRQ);
	hrtimer_start(&visit.timer, ns_to_ktime(SOON_NS), HRTIMER_MODE_REL_HARD);
	while (!smp_load_acquire(&visit.done))
		cpu_relax();
	disable_irq(TIMER_IRQ);
	return true;
}

static int __init bench_init(void)
{
	bench_print("bench: guest instructions for each operation, in Linux");
	disable_irq(TIMER_IRQ);
	bench_run_all();
	enable_irq(TIMER_IRQ);
	bench_print("bench: done");
	return 0;
}

static void __exit bench_exit(void)
{
}

module_init(bench_init);
module_exit(bench_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("What each step of the allocator costs");
