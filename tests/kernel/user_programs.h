/* SPDX-License-Identifier: MIT */
/* The programs of tests/user, as the Makefile puts them into the image, and what to run of them. */
#ifndef TESTS_KERNEL_USER_PROGRAMS_H
#define TESTS_KERNEL_USER_PROGRAMS_H

#include <kernel/process.h>
#include <user/shared.h>

/* Everything allowed (enum job), and one thing that is not (enum offence). */
struct program program_worker(void);
struct program program_offender(void);

/* The first thread ever needs a table for its stack, and that is kept: allow_kept_pages(). */
#define PROCESS_KEEPS 1

/* Run one to its end; how it ended.  All zero but for the fate when it cannot be created. */
struct process_end run_worker(enum job job, uint32_t arg);
struct process_end offend(enum offence offence, uintptr_t address);

/* Where the heap of "worker" starts, and its struct job_control lies. */
uintptr_t worker_heap(void);

/* Its pages when it holds n with JOB_HOLD: text, data, stack, control, and these. */
#define WORKER_PAGES(n) ((n) + 4u)

/*
 * A "worker", for one of the jobs with a job_control: create it; wait until it is ready, false when it has
 * ended before; both, NULL for an end before.
 */
struct process *worker_create(enum job job, uint32_t arg);
bool worker_await(struct process *worker);
struct process *worker_start(enum job job, uint32_t arg);

/* What its job_control says; all zero when there is none. */
struct job_control worker_control(struct process *worker);

/* Tell it to stop, and wait for its end. */
struct process_end worker_stop(struct process *worker);

#endif
