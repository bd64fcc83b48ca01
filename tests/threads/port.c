// SPDX-License-Identifier: MIT
/*
 * The slow half of mm's host contract for a process with many threads.
 *
 * Sleeping is a futex and nothing else, so that waiting and waking order nothing: what
 * the sleeper finds when it wakes must be ordered by mm's own atomic operations, and
 * ThreadSanitizer sees whether it is.
 *
 * A broken rule ends the process of the case, after a diagnostic.
 */
#define _GNU_SOURCE
#include "threads.h"
#include <harness.h>
#include <host.h>
#include <linux/futex.h>
#include <mm/format.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TEXT_BYTES     200
#define NS_PER_SECOND  1000000000u
#define NS_PER_MS      1000000u

/* Out of so many critical sections, one on another CPU, and one that is yielded after. */
#define MIGRATE_ONE_IN 32u
#define YIELD_ONE_IN   64u

struct host_state host;
uintptr_t host_stack_top; /* main.c sets it; there are no backtraces here */
bool host_verbose;

_Thread_local struct host_thread host_self = {.name = "main"};

/* Held by the thread that has interrupts off on the CPU.  A cache line of its own each. */
static struct {
	_Alignas(64) pthread_mutex_t mutex;
} cpus[MM_HOST_NR_CPUS];

static pthread_mutex_t stop_lock =
	PTHREAD_MUTEX_INITIALIZER; /* one stops the others at a time */
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static bool patient;
static bool (*oom_hook)(gfp_t gfp, unsigned order);

/* A race ends the process, with this status, which main.c calls a failure of the case. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "halt_on_error=1 exitcode=66 " /* THREADS_RACE_STATUS */
	       "report_thread_leaks=0 second_deadlock_stack=1 history_size=5";
}

__attribute__((constructor)) static void init_cpus(void)
{
	for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++)
		pthread_mutex_init(&cpus[cpu].mutex, NULL);
}

_Noreturn void host_die(const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list args;

	va_start(args, format);
	mm_vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	test_fail(NULL, 0, "host contract: %s, by %s", text, host_self.name);
	fflush(stdout);
	_exit(1);
}

void host_check_no_lock(const char *function)
{
	if (host_self.nr_locks)
		host_die("%s called while a lock is held", function);
}

/* --- CPUs ------------------------------------------------------------------------------ */

static bool one_in(uint32_t n)
{
	return host_self.migrates && test_random_from(&host_self.random) % n == 0;
}

/* Interrupts off: on this CPU, or on the one that the scheduler has chosen meanwhile. */
void host_take_cpu(void)
{
	if (one_in(MIGRATE_ONE_IN))
		host_self.cpu = test_random_from(&host_self.random) % MM_HOST_NR_CPUS;
	if (!host.no_cpus)
		pthread_mutex_lock(&cpus[host_self.cpu].mutex);
	host_self.irqs_off = true;
}

void host_give_cpu(void)
{
	host_self.irqs_off = false;
	if (!host.no_cpus)
		pthread_mutex_unlock(&cpus[host_self.cpu].mutex);
	if (one_in(YIELD_ONE_IN))
		sched_yield();
}

/* The owner may have lost its processor: spinning on would only keep it from running. */
void host_relax(void)
{
	sched_yield();
}

void host_wait_for_lock(const struct mm_spinlock *lock)
{
	(void)lock;
	sched_yield();
}

void host_set_cpu(unsigned cpu)
{
	if (cpu >= MM_HOST_NR_CPUS || host_self.irqs_off)
		host_die("host_set_cpu(%u) where a thread cannot migrate", cpu);
	host_self.cpu = cpu;
}

/* All CPUs are this thread's: then nobody else is in a critical section. */
void mm_host_stop_cpus(void)
{
	host_check_no_lock("mm_host_stop_cpus");
	if (host_self.irqs_off)
		host_die("mm_host_stop_cpus() with interrupts off");
	pthread_mutex_lock(&stop_lock);
	for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++)
		pthread_mutex_lock(&cpus[cpu].mutex);
	host_self.irqs_off = true;
}

void mm_host_start_cpus(void)
{
	host_check_no_lock("mm_host_start_cpus");
	host_self.irqs_off = false;
	for (unsigned cpu = MM_HOST_NR_CPUS; cpu-- > 0;)
		pthread_mutex_unlock(&cpus[cpu].mutex);
	pthread_mutex_unlock(&stop_lock);
}

/* One after the other, as somebody on that CPU. */
void mm_host_on_each_cpu(void (*function)(void *arg), void *arg)
{
	unsigned self = host_self.cpu;

	host_check_no_lock("mm_host_on_each_cpu");
	if (host_self.irqs_off)
		host_die("mm_host_on_each_cpu() with interrupts off");
	for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++) {
		if (!host.no_cpus)
			pthread_mutex_lock(&cpus[cpu].mutex);
		host_self.cpu = cpu;
		host_self.irqs_off = true;
		function(arg);
		host_self.irqs_off = false;
		if (!host.no_cpus)
			pthread_mutex_unlock(&cpus[cpu].mutex);
	}
	host_self.cpu = self;
}

void host_check_quiet(void)
{
	if (host_self.nr_locks)
		test_fail(NULL, 0, "the case ends with %u locks held", host_self.nr_locks);
	if (host_self.irqs_off)
		test_fail(NULL, 0, "the case ends with interrupts off");
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

/* --- sleeping ---------------------------------------------------------------------------- */

uint64_t mm_host_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_SECOND + (uint64_t)t.tv_nsec;
}

/*
 * A daemon ends when it is told to and mm_host_wait() says that it cannot sleep.  Whoever
 * tells it wakes it from whatever it waits for.
 */
static struct host_daemon {
	pthread_t thread;
	void (*body)(void *unused);
	const uint32_t *waits_for; /* [a] */
	bool told, ended;          /* [a] */
} only_daemon;

static bool daemon_may_wait(struct host_daemon *daemon, const uint32_t *word)
{
	__atomic_store_n(&daemon->waits_for, word, __ATOMIC_SEQ_CST);
	return !__atomic_load_n(&daemon->told, __ATOMIC_SEQ_CST);
}

static void *run_daemon(void *arg)
{
	struct host_daemon *daemon = arg;

	host_self = (struct host_thread){.name = "daemon", .migrates = true, .daemon = daemon};
	daemon->body(NULL);
	__atomic_store_n(&daemon->ended, true, __ATOMIC_RELAXED);
	return NULL;
}

void threads_start_daemon(void (*body)(void *unused))
{
	only_daemon = (struct host_daemon){.body = body};
	if (pthread_create(&only_daemon.thread, NULL, run_daemon, &only_daemon))
		host_die("no thread for a daemon");
}

void threads_end_daemon(void)
{
	__atomic_store_n(&only_daemon.told, true, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&only_daemon.ended, __ATOMIC_RELAXED)) {
		const uint32_t *word =
			__atomic_load_n(&only_daemon.waits_for, __ATOMIC_SEQ_CST);

		if (word)
			mm_host_wake(word);
		usleep(1000);
	}
	pthread_join(only_daemon.thread, NULL);
}

void threads_be_patient(bool be_patient)
{
	patient = be_patient;
}

bool mm_host_wait(const uint32_t *word, uint32_t seen, unsigned ms)
{
	struct timespec limit = {ms / 1000, (long)(ms % 1000 * NS_PER_MS)};

	host_check_no_lock("mm_host_wait");
	if (!mm_may_sleep())
		host_die("mm_host_wait() where sleeping is not allowed");
	if (host_self.daemon && !daemon_may_wait(host_self.daemon, word))
		return false;
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, patient ? NULL : &limit, NULL, 0);
	return !host_self.daemon || daemon_may_wait(host_self.daemon, NULL);
}

void mm_host_wake(const uint32_t *word)
{
	host_check_no_lock("mm_host_wake");
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

uint32_t *mm_host_thread_word(void)
{
	return &host_self.word;
}

void threads_on_oom(bool (*hook)(gfp_t gfp, unsigned order))
{
	__atomic_store_n(&oom_hook, hook, __ATOMIC_RELEASE);
}

bool mm_host_out_of_memory(gfp_t gfp, unsigned order)
{
	bool (*hook)(gfp_t, unsigned) = __atomic_load_n(&oom_hook, __ATOMIC_ACQUIRE);

	host_check_no_lock("mm_host_out_of_memory");
	return hook && hook(gfp, order);
}

/* --- log and panic ----------------------------------------------------------------------- */

void mm_host_log(const char *line)
{
	host_check_no_lock("mm_host_log");
	pthread_mutex_lock(&log_lock);
	test_log_line(line);
	host_keep_log(line);
	pthread_mutex_unlock(&log_lock);
	if (host_verbose)
		fprintf(stderr, "%s\n", line);
}

_Noreturn void mm_host_panic(const char *why)
{
	test_fail(NULL, 0, "panic: %s", why);
	fflush(stdout);
	_exit(1);
}

/* The harness's own notes are taken by one thread at a time. */
static pthread_mutex_t notes_lock = PTHREAD_MUTEX_INITIALIZER;

void test_host_lock(void)
{
	pthread_mutex_lock(&notes_lock);
}

void test_host_unlock(void)
{
	pthread_mutex_unlock(&notes_lock);
}
