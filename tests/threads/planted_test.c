// SPDX-License-Identifier: MIT
/*
 * Is a race seen?  The machine is broken on purpose, in a process of its own, which must end
 * by ThreadSanitizer's verdict.  Without it, nobody knows what happens.
 */
#include "threads.h"
#include <fcntl.h>
#include <harness.h>
#include <host.h>
#include <mm/kmalloc.h>
#include <mm/port.h>
#include <run.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS       4u
#define ROUNDS        2000u
#define HELD          40u
#define CHILD_SECONDS 60u

#ifdef __SANITIZE_THREAD__
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

/* More objects of one cache than its magazines hold: both they and the slabs are used. */
static void use_cache(struct worker *worker)
{
	void *held[HELD];

	for (unsigned i = 0; i < ROUNDS; i++) {
		for (unsigned j = 0; j < HELD; j++)
			held[j] = kmalloc(16, GFP_ATOMIC);
		for (unsigned j = 0; j < HELD; j++)
			kfree(held[j]);
		worker_progress(worker, "uses a cache");
	}
}

/* How a process ends that breaks the machine by `broken` = true and uses it. */
static int status_of_broken(bool *broken)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		static struct test_result nobodys; /* what fails here fails no case */
		int nowhere = open("/dev/null", O_WRONLY);

		running.result = &nobodys;
		dup2(nowhere, STDERR_FILENO);
		dup2(nowhere, STDOUT_FILENO);
		alarm(CHILD_SECONDS);
		host_boot(&host_pc); /* a machine of its own */
		*broken = true;
		workers_run(THREADS, use_cache, NULL);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		host_die("no process to plant a race in");
	return status;
}

static void expect_race(bool *broken)
{
	int status;

	if (!sanitized)
		SKIP("built without ThreadSanitizer");
	status = status_of_broken(broken);
	EXPECT(WIFEXITED(status));
	EXPECT_EQ(WEXITSTATUS(status), THREADS_RACE_STATUS);
}

TEST(without_locks)
{
	expect_race(&host.no_locks);
}

TEST(without_interrupts_off)
{
	expect_race(&host.no_cpus);
}

static bool nothing_broken;

TEST(unbroken)
{
	EXPECT_EQ(status_of_broken(&nothing_broken), 0);
}

TEST_SUITE(planted, without_locks, without_interrupts_off, unbroken);
