/* SPDX-License-Identifier: MIT */
/* Threads for tests of mm/ under real parallelism: workers, and what they carry about. */
#ifndef TESTS_THREADS_H
#define TESTS_THREADS_H

#include <mm/gfp.h>
#include <mm/types.h>

/* --- workers ------------------------------------------------------------------------- */

#define WORKERS_MAX 24u

struct worker {
	unsigned id;
	uint64_t random; /* state of a stream of its own */
	void *arg;
	uint32_t progress; /* [a] */
	const char *doing; /* [a] for the watchdog's message */
	bool ended;        /* [a] */
};

/*
 * Run body(worker) in n threads, which start together, on CPUs by turns; returns when all
 * have ended.  They tell by worker_progress() what they do next.  If none does for
 * STALL_SECONDS, the case fails, says who was doing what, and its process ends: that
 * finds hangs, it measures nothing.
 */
#define STALL_SECONDS 30u
void workers_run(unsigned n, void (*body)(struct worker *worker), void *arg);
void worker_progress(struct worker *worker, const char *doing);
uint32_t worker_below(struct worker *worker, uint32_t n); /* 0 .. n - 1 */

/* --- the machine --------------------------------------------------------------------- */

/* The status of a process that ThreadSanitizer ended because of a race. */
#define THREADS_RACE_STATUS 66

/*
 * While patient, mm_host_wait() knows no limit: who has missed a wake-up sleeps for ever,
 * and the watchdog finds out.
 */
void threads_be_patient(bool patient);

/* A thread that runs body(NULL) beside the workers, until threads_end_daemon(). */
void threads_start_daemon(void (*body)(void *unused));
void threads_end_daemon(void);

/* What mm_host_out_of_memory() asks; NULL, and at the start: nobody. */
void threads_on_oom(bool (*hook)(gfp_t gfp, unsigned order));

#endif
