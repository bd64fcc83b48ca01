// SPDX-License-Identifier: MIT
/*
 * The kernel as host of the tests: what the allocator logs is also passed to the
 * harness, and what tests/unit/world.h asks for.
 */
#include "kswapd.h"
#include <harness.h>
#include <kernel/cpu.h>
#include <kernel/gdt.h>
#include <kernel/ipi.h>
#include <kernel/options.h>
#include <kernel/paging.h>
#include <kernel/printk.h>
#include <kernel/spinlock.h>
#include <kernel/thread.h>
#include <kernel/trap.h>
#include <log_filter.h>
#include <mm/port.h>
#include <page_list.h>
#include <roots.h>
#include <unit/world.h>

#define LINE_BYTES LOG_LINE_MAX

/* It knows of one CPU; what these log comes here one by one. */
static struct spinlock harness_lock;

/* An NMI handler may have interrupted who has the lock: it goes on without. */
static uint32_t lock_harness(void)
{
	uint32_t flags = irq_save();

	if (!cpu_in_nmi())
		spin_lock(&harness_lock);
	return flags;
}

static void unlock_harness(uint32_t flags)
{
	if (!cpu_in_nmi())
		spin_unlock(&harness_lock);
	irq_restore(flags);
}

/* One line, without its newline, for the harness. */
static void pass_on(const char *text, size_t length)
{
	char line[LINE_BYTES];
	uint32_t flags;
	size_t n = 0;

	while (n < length && n < sizeof(line) - 1 && text[n] != '\n') {
		line[n] = text[n];
		n++;
	}
	line[n] = '\0';
	flags = lock_harness();
	test_log_line(line);
	unlock_harness(flags);
}

static bool hold(const char *line)
{
	uint32_t flags = lock_harness();
	bool held = test_log_hold(line);

	unlock_harness(flags);
	return held;
}

static const struct console log_keeper = {"tests", pass_on};

/* The first case makes the harness a console, and the judge of what mm logs. */
void test_host_run(void (*body)(struct test_result *result), struct test_result *result)
{
	static bool listening;

	if (!listening) {
		kswapd_park();
		console_add(&log_keeper);
		if (!options.show_reports)
			mm_log_set_filter(hold);
	}
	listening = true;
	threads_start_on(CPUS_ALL);
	body(result);
}

unsigned world_cpus(void)
{
	return MM_HOST_NR_CPUS;
}

/* Each element is the other CPU's own again, when this one gives it back. */
static void pretend(unsigned before, unsigned after)
{
	static struct cpu own;
	uint32_t flags = irq_save();

	if (before)
		cpus[0] = cpus[before];
	if (before)
		cpus[before] = own;
	if (after) {
		own = cpus[after];
		cpus[after] = cpus[0];
	}
	cpus[after].id = after;
	cpus[after].self = &cpus[after];
	ipi_pretend(after);
	irq_restore(flags);
}

/*
 * The boot CPU goes by another's number, and that one, if it runs, is held meanwhile with all
 * the others.  Nobody else has what is at a pretended CPU's hand: that goes back before.
 */
unsigned world_set_cpu(unsigned cpu)
{
	unsigned before = cpu_here->id;

	if (before == cpu)
		return before;
	page_lists_drain_here();
	if (before == 0) {
		ipi_hold_others();
		preempt_enable(); /* it may sleep as before */
	} else {
		pretend(before, 0);
	}
	if (cpu) {
		pretend(0, cpu);
	} else {
		preempt_disable();
		ipi_release_others();
	}
	return before;
}

bool world_faults(const void *address)
{
	char byte;

	return !probe_read(address, &byte, 1);
}

unsigned long world_flushes(void)
{
	return paging_flushes();
}

void world_root(const void *memory, size_t nr_bytes)
{
	roots_set_of_test(memory, nr_bytes);
}
