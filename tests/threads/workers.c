// SPDX-License-Identifier: MIT
/* Workers: see threads.h.  The thread that started them watches over them. */
#define _GNU_SOURCE
#include "threads.h"
#include <harness.h>
#include <mm/format.h>
#include <mm/port.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define POLL_MICROSECONDS 2000u
#define NS_PER_SECOND     1000000000ull

static struct worker workers[WORKERS_MAX];
static void (*worker_body)(struct worker *worker);
static pthread_barrier_t start;

void worker_progress(struct worker *worker, const char *doing)
{
	__atomic_store_n(&worker->doing, doing, __ATOMIC_RELAXED);
	__atomic_store_n(&worker->progress, worker->progress + 1, __ATOMIC_RELAXED);
}

uint32_t worker_below(struct worker *worker, uint32_t n)
{
	return (uint32_t)((test_random_from(&worker->random) >> 32) * n >> 32);
}

static void *run_worker(void *arg)
{
	struct worker *worker = arg;
	char name[16];

	mm_snprintf(name, sizeof(name), "worker-%u", worker->id);
	host_self = (struct host_thread){
		.name = name,
		.cpu = worker->id % MM_HOST_NR_CPUS,
		.migrates = true,
		.random = test_random_from(&worker->random),
	};
	pthread_barrier_wait(&start);
	worker_body(worker);
	if (host_self.irqs_off || host_self.nr_locks)
		host_die("a thread ends with interrupts off or a lock held");
	__atomic_store_n(&worker->ended, true, __ATOMIC_RELAXED);
	return NULL;
}

static const char *state_of(const struct worker *worker)
{
	if (__atomic_load_n(&worker->ended, __ATOMIC_RELAXED))
		return "ended";
	return __atomic_load_n(&worker->doing, __ATOMIC_RELAXED);
}

static _Noreturn void tell_stall(unsigned n)
{
	test_fail(NULL, 0, "no thread got on for %u seconds", STALL_SECONDS);
	for (unsigned i = 0; i < n; i++)
		test_note("worker-%u: %s", i, state_of(&workers[i]));
	fflush(stdout);
	_exit(1);
}

/* Until all have ended. */
static void watch(unsigned n)
{
	uint64_t since = mm_host_time();
	uint32_t before = 0;
	unsigned ended = 0;

	while (ended < n) {
		uint32_t progress = 0;

		ended = 0;
		for (unsigned i = 0; i < n; i++) {
			progress += __atomic_load_n(&workers[i].progress, __ATOMIC_RELAXED);
			ended += __atomic_load_n(&workers[i].ended, __ATOMIC_RELAXED);
		}
		if (progress + ended != before)
			since = mm_host_time();
		else if (mm_host_time() - since > STALL_SECONDS * NS_PER_SECOND)
			tell_stall(n);
		before = progress + ended;
		usleep(POLL_MICROSECONDS);
	}
}

void workers_run(unsigned n, void (*body)(struct worker *worker), void *arg)
{
	pthread_t threads[WORKERS_MAX];

	worker_body = body;
	pthread_barrier_init(&start, NULL, n);
	for (unsigned i = 0; i < n; i++) {
		workers[i] = (struct worker){
			.id = i, .random = test_random64(), .arg = arg, .doing = "started"};
		if (pthread_create(&threads[i], NULL, run_worker, &workers[i]))
			host_die("no thread to run a worker in");
	}
	watch(n);
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&start);
}
