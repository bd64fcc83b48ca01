// SPDX-License-Identifier: MIT
/*
 * The slow half of mm's host contract for threads that take turns as explore.c says.  The hot
 * half is that of tests/threads: interrupts off excludes the other threads of a CPU.
 *
 * A broken rule ends the order.
 */
#include "explore.h"
#include <harness.h>
#include <host/host.h>
#include <mm/format.h>
#include <mm/port.h>
#include <stdio.h>
#include <unistd.h>

#define TEXT_BYTES 200u

struct host_state host;
uintptr_t host_stack_top; /* there are no backtraces here */
bool host_verbose;

_Thread_local struct host_thread host_self = {.name = "main"};

static uint32_t taken[MM_HOST_NR_CPUS]; /* 1: a thread has interrupts off there */

_Noreturn void host_die(const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list args;

	va_start(args, format);
	mm_vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	test_fail(NULL, 0, "host contract: %s, by %s", text, host_self.name);
	explore_abandon();
	fflush(stdout);
	_exit(1);
}

void host_check_no_lock(const char *function)
{
	if (host_self.nr_locks)
		host_die("%s called while a lock is held", function);
}

void host_check_quiet(void)
{
	if (host_self.nr_locks)
		test_fail(NULL, 0, "%s ends with %u locks held", host_self.name,
			  host_self.nr_locks);
	if (host_self.irqs_off)
		test_fail(NULL, 0, "%s ends with interrupts off", host_self.name);
}

/* --- CPUs ----------------------------------------------------------------------------------- */

static void take_cpu(unsigned cpu)
{
	while (taken[cpu])
		explore_wait_until(&taken[cpu], 0);
	taken[cpu] = 1;
}

void host_take_cpu(void)
{
	explore_step(&taken[host_self.cpu]);
	take_cpu(host_self.cpu);
	host_self.irqs_off = true;
}

void host_give_cpu(void)
{
	host_self.irqs_off = false;
	taken[host_self.cpu] = 0;
	explore_step(&taken[host_self.cpu]);
}

void host_relax(void)
{
	explore_relax();
}

void host_wait_for_lock(const struct mm_spinlock *lock)
{
	explore_wait_until(&lock->held, 0);
}

void host_set_cpu(unsigned cpu)
{
	host_self.cpu = cpu;
}

void mm_host_stop_cpus(void)
{
	host_check_no_lock("mm_host_stop_cpus");
	for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++)
		take_cpu(cpu);
	host_self.irqs_off = true;
}

void mm_host_start_cpus(void)
{
	host_check_no_lock("mm_host_start_cpus");
	host_self.irqs_off = false;
	for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++)
		taken[cpu] = 0;
}

void mm_host_on_each_cpu(void (*function)(void *arg), void *arg)
{
	unsigned self = host_self.cpu;

	host_check_no_lock("mm_host_on_each_cpu");
	for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++) {
		host_self.cpu = cpu;
		host_take_cpu();
		function(arg);
		host_give_cpu();
	}
	host_self.cpu = self;
}

void mm_host_context(struct mm_context *context)
{
	*context = (struct mm_context){
		.kind = MM_CONTEXT_THREAD,
		.cpu = host_self.cpu,
		.irqs_off = host_self.irqs_off,
		.thread = host_self.name,
	};
}

/* --- sleeping ------------------------------------------------------------------------------- */

/* Time goes by as it is looked at. */
uint64_t mm_host_time(void)
{
	static uint64_t time;

	return time += 1000;
}

bool mm_host_wait(const uint32_t *word, uint32_t seen, unsigned ms)
{
	(void)ms;
	host_check_no_lock("mm_host_wait");
	if (!mm_may_sleep())
		host_die("mm_host_wait() where sleeping is not allowed");
	explore_step(word);
	if (*word == seen)
		explore_sleep(word);
	return true;
}

void mm_host_wake(const uint32_t *word)
{
	host_check_no_lock("mm_host_wake");
	explore_step(word);
	explore_wake(word);
}

uint32_t *mm_host_thread_word(void)
{
	return explore_thread_word();
}

bool mm_host_out_of_memory(gfp_t gfp, unsigned order)
{
	(void)gfp;
	(void)order;
	return false;
}

/* --- log and panic --------------------------------------------------------------------------- */

void mm_host_log(const char *line)
{
	host_check_no_lock("mm_host_log");
	test_log_line(line);
	host_keep_log(line);
	if (host_verbose)
		fprintf(stderr, "%s\n", line);
}

_Noreturn void mm_host_panic(const char *why)
{
	host_die("panic: %s", why);
}

void test_host_lock(void)
{
}

void test_host_unlock(void)
{
}
