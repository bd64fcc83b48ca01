// SPDX-License-Identifier: MIT
/* See user_programs.h. */
#include "user_programs.h"
#include <kernel/layout.h>
#include <kernel/thread.h>
#include <mem.h>

extern const char _binary_worker_start[], _binary_worker_end[];
extern const char _binary_offender_start[], _binary_offender_end[];

struct program program_worker(void)
{
	return (struct program){"worker", _binary_worker_start,
				(size_t)(_binary_worker_end - _binary_worker_start)};
}

struct program program_offender(void)
{
	return (struct program){"offender", _binary_offender_start,
				(size_t)(_binary_offender_end - _binary_offender_start)};
}

static struct process_end run(const struct program *program, uint32_t arg0, uint32_t arg1)
{
	struct process *process = process_create(program, arg0, arg1);
	struct process_end end = {.fate = PROCESS_OUT_OF_MEMORY};

	if (process)
		process_wait(process, &end);
	return end;
}

struct process_end run_worker(enum job job, uint32_t arg)
{
	const struct program program = program_worker();

	return run(&program, job, arg);
}

struct process_end offend(enum offence offence, uintptr_t address)
{
	const struct program program = program_offender();

	return run(&program, offence, address);
}

uintptr_t worker_heap(void)
{
	struct program_header header;

	memcpy(&header, _binary_worker_start, sizeof(header));
	return (header.end + PAGE_SIZE - 1) & PAGE_MASK;
}

struct job_control worker_control(struct process *worker)
{
	struct job_control control = {0};

	process_peek(worker, worker_heap(), &control, sizeof(control));
	return control;
}

struct process *worker_create(enum job job, uint32_t arg)
{
	const struct program program = program_worker();

	return process_create(&program, job, arg);
}

bool worker_await(struct process *worker)
{
	while (!worker_control(worker).ready) {
		if (process_has_ended(worker))
			return false;
		thread_yield();
	}
	return true;
}

struct process *worker_start(enum job job, uint32_t arg)
{
	struct process *worker = worker_create(job, arg);

	if (worker && !worker_await(worker)) {
		process_wait(worker, NULL);
		return NULL;
	}
	return worker;
}

struct process_end worker_stop(struct process *worker)
{
	const uint32_t one = 1;
	struct process_end end;

	process_poke(worker, worker_heap() + offsetof(struct job_control, stop), &one,
		     sizeof(one));
	process_wait(worker, &end);
	return end;
}
