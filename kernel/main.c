/* SPDX-License-Identifier: MIT */
/*
 * The kernel's main line: say who we are, bring up memory and interrupts, run the
 * tests or the benchmarks, say the verdict, end.
 */
#include "../tests/harness/harness.h"
#include <drivers/debug_exit.h>
#include <kernel/cpu.h>
#include <kernel/guard.h>
#include <kernel/image.h>
#include <kernel/irq.h>
#include <kernel/kasan.h>
#include <kernel/layout.h>
#include <kernel/main.h>
#include <kernel/memory.h>
#include <kernel/options.h>
#include <kernel/panic.h>
#include <kernel/printk.h>
#include <kernel/smp.h>
#include <kernel/thread.h>
#include <kernel/time.h>
#include <kernel/version.h>
#include <mm/fault.h>
#include <mm/format.h>
#include <mm/leak.h>
#include <mm/reclaim.h>
#include <mm/stats.h>

#define NS_PER_MS   1000000u
#define LINE_MAX    80u

/* Of those who have memory at the end, where debugged caches know them. */
#define SITES_SHOWN 10u

/* From the tests: the list of suites, ended by NULL, the benchmarks, and the replay. */
extern const struct test_suite *const test_suites[];
bool bench_main(const char *rows);
bool replay_main(void);
/* Only in the kernel of `make coverage`. */
__attribute__((weak)) void coverage_dump(void);

static void show_banner(const struct boot *boot)
{
	const struct cpu_features *f = &cpu_features;

	printk("Quarry " QUARRY_VERSION ", built by " QUARRY_COMPILER);
	printk("cpu: %s, family %u model %u stepping %u%s%s", f->vendor, f->family, f->model,
	       f->stepping, f->brand[0] ? ", " : "", f->brand);
	printk("cpu: %u-bit physical addresses, tsc %s, pse36 %s, no-execute %s", f->phys_bits,
	       f->tsc ? "yes" : "no", f->pse36 ? "yes" : "no", f->nx ? "yes" : "no");
	printk("boot loader: %s, %u modules", boot->loader[0] ? boot->loader : "(unnamed)",
	       boot->nr_modules);
	printk("command line: %s", boot->cmdline);
	printk("image: %zu KiB text, %zu KiB read-only data, %zu KiB data",
	       (size_t)(text_end - text_start) / 1024,
	       (size_t)(rodata_end - rodata_start) / 1024,
	       (size_t)(kernel_end - data_start) / 1024);
}

struct thread *kswapd_thread;

static void start_kswapd(void)
{
	kswapd_thread = thread_create("kswapd", mm_kswapd, NULL);
	if (!kswapd_thread)
		panic("no memory for kswapd");
}

static uint64_t pick_seed(void)
{
	if (options.seed_given)
		return options.seed;
	return cpu_features.tsc ? rdtsc() : time_ns();
}

/* Not before: the kernel cannot boot without memory. */
static void arm_faults(void)
{
	struct mm_fault fault;

	if (!options.fault_given)
		return;
	mm_fault_parse(options.fault, &fault);
	mm_fault_set(&fault);
}

static void clear_faults(void)
{
	struct mm_fault_stats stats;

	if (!options.fault_given)
		return;
	mm_fault_clear();
	mm_fault_stats(&stats);
	printk("fault: %lu of %lu requests failed", stats.injected, stats.candidates);
}

static bool run(void)
{
	char line[LINE_MAX];
	uint64_t seed = pick_seed();
	bool passed;

	if (options.bench_given)
		return bench_main(options.bench);
	if (options.replay)
		return replay_main();
	mm_snprintf(line, sizeof(line), "# seed 0x%llx", (unsigned long long)seed);
	printk_raw(line);
	panic_bails_out(true);
	arm_faults();
	passed = tests_run(test_suites, options.test, seed);
	clear_faults();
	guard_show();
	panic_bails_out(false);
	return passed;
}

static _Noreturn void finish(bool passed)
{
	printk_raw(passed ? "quarry: verdict: PASS" : "quarry: verdict: FAIL");
	debug_exit(passed ? EXIT_PASS : EXIT_FAIL);
	printk_raw("quarry: halted; it is safe to power off");
	halt_forever();
}

_Noreturn void kernel_main(struct boot *boot)
{
	uint64_t ready_ns;
	bool passed;

	irq_init();
	time_init();
	show_banner(boot);
	options_init(boot->cmdline);
	memory_init(boot);
	kasan_init();
	mm_show_zones();
	mm_show_page_array();
	irq_restore(EFLAGS_IF); /* they were off from the start */
	threads_init();
	smp_start();
	start_kswapd();
	guard_start();

	ready_ns = time_ns();
	passed = run();
	mm_show_summary();
	mm_show_sites(SITES_SHOWN);
	printk("boot: %u.%03u ms from entry to the first test; TSC %llu kHz; %lu timer "
	       "interrupts",
	       (unsigned)(ready_ns / NS_PER_MS), (unsigned)(ready_ns / 1000 % 1000),
	       (unsigned long long)(time_tsc_hz() / 1000), timer_count());
	if (coverage_dump)
		coverage_dump();
	irqs_disable();
	finish(passed);
}
