// SPDX-License-Identifier: MIT
/*
 * The hosted test program.
 *
 *	unit [-v] [-l] [-d] [-e EFFORT] [FILTER [SEED]]
 *
 *	FILTER	globs of suites or cases, separated by commas; "" or none: all
 *	SEED	decimal or 0x hex; none: from the clock
 *	-v	print the allocator's log, on stderr
 *	-l	list the cases
 *	-d	all in one process, for a debugger
 *	-e	how much to do: 1 as in the kernel, 8 by default, 64 for a few minutes
 *
 * Each case runs in a process of its own, on a machine that has just been booted, for
 * CASE_SECONDS of its CPU time at most, and PATIENCE times as long by the clock, should it
 * sleep: a case that crashes or hangs is one failure, not the end.
 */
#define _GNU_SOURCE
#include "host.h"
#include <harness.h>
#include <kernel/cmdline.h>
#include <run.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CASE_SECONDS 120
#define PATIENCE     4
#define LOG_BYTES    65536

extern const struct test_suite *const test_suites[];

/* What the process of a case tells its parent. */
static struct shared {
	struct test_result result;
	bool ended;
	size_t log_used;
	char log[LOG_BYTES];
} * shared;

static bool one_process;
static unsigned effort = 8;

void test_host_write(const char *line)
{
	puts(line);
}

unsigned test_host_effort(void)
{
	return effort;
}

void host_keep_log(const char *line)
{
	size_t length = strlen(line);

	if (shared->log_used + length + 2 > LOG_BYTES)
		return;
	memcpy(shared->log + shared->log_used, line, length);
	shared->log_used += length;
	shared->log[shared->log_used++] = '\n';
	shared->log[shared->log_used] = '\0';
}

/* What the allocator said before the case failed; as remarks, so that nobody counts them. */
static void show_log(void)
{
	for (char *line = shared->log, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
		printf("    # | %.*s\n", (int)(end - line), line);
}

static void run_case(void (*body)(struct test_result *result))
{
	running.result = &shared->result; /* for what goes wrong before the case itself */
	if (!host_boot(&host_pc))
		test_fail(NULL, 0, "the machine does not boot");
	else
		body(&shared->result);
	host_check_quiet();
	shared->ended = true;
}

/* A busy host keeps it waiting for a CPU: that is not the case's fault. */
static void limit_time(void)
{
	const struct itimerval cpu_time = {.it_value.tv_sec = CASE_SECONDS};

	setitimer(ITIMER_PROF, &cpu_time, NULL);
	alarm(PATIENCE * CASE_SECONDS);
}

static bool is_late(int signal)
{
	return signal == SIGPROF || signal == SIGALRM;
}

static void tell_end(struct test_result *result, int status)
{
	char why[120];

	if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "killed by signal %d (%s)%s", WTERMSIG(status),
			 strsignal(WTERMSIG(status)),
			 is_late(WTERMSIG(status)) ? ": it took too long" : "");
	else
		snprintf(why, sizeof(why), "ended before its end, with status %d",
			 WEXITSTATUS(status));
	test_fail_case(result, why);
}

void test_host_run(void (*body)(struct test_result *result), struct test_result *result)
{
	int status = 0;
	pid_t pid;

	memset(shared, 0, offsetof(struct shared, log) + 1);
	fflush(stdout);
	pid = one_process ? 0 : fork();
	if (pid == 0) {
		if (!one_process)
			limit_time();
		run_case(body);
		fflush(stdout);
		if (!one_process)
			_exit(0);
	} else if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		test_fail_case(result, "no process to run it in");
		return;
	}
	*result = shared->result;
	if (!shared->ended)
		tell_end(result, status);
	if (result->failures)
		show_log();
}

static void map_shared(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED)
		_exit(2);
}

bool host_run_tests(const struct test_suite *const *suites, const char *filter, char *output,
		    size_t size)
{
	size_t used = 0;
	int status, ends[2];
	ssize_t n;
	pid_t pid;

	fflush(stdout);
	if (pipe(ends) || (pid = fork()) < 0)
		return false;
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		if (!freopen("/dev/null", "w", stderr))
			_exit(2);
		map_shared();
		status = tests_run(suites, filter, 1) ? 0 : 1;
		fflush(stdout);
		_exit(status);
	}
	close(ends[1]);
	while ((n = read(ends[0], output + used, size - 1 - used)) > 0)
		used += (size_t)n;
	output[used] = '\0';
	close(ends[0]);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static void list(void)
{
	for (size_t i = 0; test_suites[i]; i++) {
		for (size_t j = 0; test_suites[i]->cases[j]; j++)
			printf("%s.%s\n", test_suites[i]->name, test_suites[i]->cases[j]->name);
	}
}

static int usage(void)
{
	fprintf(stderr, "usage: unit [-v] [-l] [-d] [-e EFFORT] [FILTER [SEED]]\n");
	return 2;
}

static uint64_t clock_seed(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
	uint64_t seed = clock_seed();
	int option;

	while ((option = getopt(argc, argv, "vlde:")) != -1) {
		switch (option) {
		case 'v': host_verbose = true; break;
		case 'l': list(); return 0;
		case 'd': one_process = true; break;
		case 'e': effort = (unsigned)atoi(optarg); break;
		default: return usage();
		}
	}
	if (effort == 0 || argc - optind > 2 ||
	    (argc - optind == 2 &&
	     !cmdline_number(argv[optind + 1], strlen(argv[optind + 1]), &seed)))
		return usage();
	map_shared();
	host_stack_top = (uintptr_t)__builtin_frame_address(0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("# seed 0x%llx\n", (unsigned long long)seed);
	return tests_run(test_suites, argc > optind ? argv[optind] : NULL, seed) ? 0 : 1;
}
