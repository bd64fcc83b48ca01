// SPDX-License-Identifier: MIT
/*
 * The slow half of mm's host contract, with its rules checked: no lock is held when the
 * host is called, what is mapped was not, what is unmapped lies in the window.
 *
 * A broken rule ends the process of the case, after a diagnostic.
 */
#define _GNU_SOURCE
#include "host.h"
#include <harness.h>
#include <mm/format.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_BYTES 200

struct host_state host;

uintptr_t host_stack_top;
bool host_verbose;

static uint64_t now;
static unsigned long interrupts;

/* Where host_panics() waits; the innermost one. */
static jmp_buf *panic_catcher;
static char panic_text[TEXT_BYTES];

__attribute__((weak)) _Noreturn void host_end_process(void)
{
	fflush(stdout);
	_exit(1);
}

_Noreturn void host_die(const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list args;

	va_start(args, format);
	mm_vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	test_fail(NULL, 0, "host contract: %s", text);
	host_end_process();
}

void host_check_no_lock(const char *function)
{
	if (host.nr_locks)
		host_die("%s called while a lock is held", function);
}

/* --- interrupts and contexts --------------------------------------------------------- */

void host_set_cpu(unsigned cpu)
{
	if (cpu >= MM_HOST_NR_CPUS || (host.irqs_off && host.irq_depth == 0))
		host_die("host_set_cpu(%u) where a thread cannot migrate", cpu);
	host.cpu = cpu;
}

void host_set_context(enum host_context context)
{
	host.no_sleep = context == HOST_THREAD_ATOMIC;
	host.irq_depth = context == HOST_IRQ;
	host.nmi = context == HOST_NMI;
	host.irqs_off = context == HOST_IRQ || context == HOST_NMI;
}

void host_on_interrupt(void (*handler)(void))
{
	host.interrupt = handler;
}

unsigned long host_interrupts(void)
{
	return interrupts;
}

void host_deliver_interrupt(void)
{
	if (host.irq_depth || host.nmi)
		return;
	interrupts++;
	host.irq_depth = 1;
	host.irqs_off = true;
	host.interrupt();
	if (host.nr_locks || !host.irqs_off)
		host_die("an interrupt handler left locks held or interrupts on");
	host.irqs_off = false;
	host.irq_depth = 0;
}

/* All the others do it while this thread waits for them. */
void mm_host_on_each_cpu(void (*function)(void *arg), void *arg)
{
	unsigned self = host.cpu;

	host_check_no_lock("mm_host_on_each_cpu");
	if (host.irqs_off)
		host_die("mm_host_on_each_cpu() with interrupts off");
	for (host.cpu = 0; host.cpu < MM_HOST_NR_CPUS; host.cpu++) {
		host.irqs_off = true;
		function(arg);
		host.irqs_off = false;
	}
	host.cpu = self;
}

static struct {
	void (*handler)(void);
	unsigned long left, every, steps, delivered, in_section;
} nmis;

void host_on_nmi(void (*handler)(void), unsigned long first, unsigned long every)
{
	memset(&nmis, 0, sizeof(nmis));
	nmis.handler = handler;
	nmis.left = first;
	nmis.every = every;
	host.steps = handler != NULL;
}

void host_nmi_counts(struct host_nmi_counts *counts)
{
	counts->steps = nmis.steps;
	counts->delivered = nmis.delivered;
	counts->in_section = nmis.in_section;
}

void host_take_step(void)
{
	const struct host_state before = host;

	nmis.steps++;
	if (nmis.left == 0 || --nmis.left > 0)
		return;
	nmis.left = nmis.every;
	nmis.delivered++;
	nmis.in_section += host.nr_locks > 0;
	host.in_nmi = host.nmi = true;
	host.irqs_off = true;
	nmis.handler();
	if (host.nr_locks != before.nr_locks || !host.irqs_off)
		host_die("an NMI handler left locks held or interrupts on");
	host = before;
}

void host_check_quiet(void)
{
	if (host.nr_locks)
		test_fail(NULL, 0, "the case ends with %u locks held", host.nr_locks);
	if (host.irqs_off && host.irq_depth == 0 && !host.nmi)
		test_fail(NULL, 0, "the case ends with interrupts off");
}

void mm_host_context(struct mm_context *context)
{
	*context = (struct mm_context){
		.kind = host.nmi         ? MM_CONTEXT_NMI
			: host.irq_depth ? MM_CONTEXT_IRQ
					 : MM_CONTEXT_THREAD,
		.cpu = host.cpu,
		.irq_depth = host.irq_depth,
		.irqs_off = host.irqs_off,
		.thread = "test",
	};
}

void host_set_time(uint64_t ns)
{
	now = ns;
}

uint64_t mm_host_time(void)
{
	return now;
}

/* --- sleeping ------------------------------------------------------------------------ */

static bool (*on_sleep)(const uint32_t *word, unsigned ms);
static unsigned long wakes;

void host_on_sleep(bool (*sleep)(const uint32_t *word, unsigned ms))
{
	on_sleep = sleep;
}

unsigned long host_wakes(void)
{
	return wakes;
}

bool mm_host_wait(const uint32_t *word, uint32_t seen, unsigned ms)
{
	if (!mm_may_sleep())
		host_die("mm_host_wait() where sleeping is not allowed");
	if (!on_sleep)
		return false;
	return __atomic_load_n(word, __ATOMIC_ACQUIRE) != seen || on_sleep(word, ms);
}

void mm_host_wake(const uint32_t *word)
{
	(void)word;
	host_check_no_lock("mm_host_wake");
	wakes++;
}

/* There is one thread, and so one word. */
uint32_t *mm_host_thread_word(void)
{
	static uint32_t word;

	if (host.irq_depth || host.nmi)
		host_die("mm_host_thread_word() in an interrupt");
	return &word;
}

static bool (*ask_host)(gfp_t gfp, unsigned order);

void host_on_out_of_memory(bool (*ask)(gfp_t gfp, unsigned order))
{
	ask_host = ask;
}

bool mm_host_out_of_memory(gfp_t gfp, unsigned order)
{
	host_check_no_lock("mm_host_out_of_memory");
	if (!mm_may_sleep())
		host_die("mm_host_out_of_memory() where sleeping is not allowed");
	return ask_host && ask_host(gfp, order);
}

/* --- log and panic ------------------------------------------------------------------- */

void mm_host_log(const char *line)
{
	host_check_no_lock("mm_host_log");
	if (strlen(line) > TEXT_BYTES + 20 || strchr(line, '\n'))
		host_die("a line of log that is none: %s", line);
	test_log_line(line);
	host_keep_log(line);
	if (host_verbose)
		fprintf(stderr, "%s\n", line);
}

_Noreturn void mm_host_panic(const char *why)
{
	mm_snprintf(panic_text, sizeof(panic_text), "%s", why);
	if (panic_catcher)
		longjmp(*panic_catcher, 1);
	test_fail(NULL, 0, "panic: %s", why);
	host_end_process();
}

const char *host_panic_text(void)
{
	return panic_text;
}

bool host_panics(void (*f)(void *arg), void *arg)
{
	const struct host_state before = host;
	jmp_buf *outer = panic_catcher;
	jmp_buf here;
	bool panicked = true;

	panic_text[0] = '\0';
	if (setjmp(here) == 0) {
		panic_catcher = &here;
		f(arg);
		panicked = false;
	} else {
		for (unsigned i = before.nr_locks; i < host.nr_locks; i++)
			((struct mm_spinlock *)(uintptr_t)host.locks[i])->held = 0;
		host = before;
	}
	panic_catcher = outer;
	return panicked;
}

bool host_faults(void (*f)(void *arg), void *arg)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL); /* a sanitizer would tell a long story */
		signal(SIGBUS, SIG_DFL);
		f(arg);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		host_die("no process to fault in");
	return WIFSIGNALED(status) &&
	       (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS);
}

/* Along the frame pointers, no further than main(). */
__attribute__((no_sanitize("address"))) size_t mm_host_backtrace(uintptr_t *frames, size_t max)
{
	const uintptr_t *frame = __builtin_frame_address(0);
	size_t n = 0;

	while (n < max && (uintptr_t)frame < host_stack_top) {
		const uintptr_t *next = (const uintptr_t *)frame[0];

		frames[n++] = frame[1];
		if (next <= frame || (uintptr_t)next % sizeof(uintptr_t))
			break;
		frame = next;
	}
	return n;
}
