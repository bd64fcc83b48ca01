// SPDX-License-Identifier: MIT
/*
 * Our allocator beside others, in one process on one CPU.
 *
 *	bench [--rounds=N] DIRECTORY [NAME=LIBRARY]...
 *
 * All are loaded into one process.  Rounds are interleaved: in each, every allocator runs
 * every workload, and the next round begins with another one, so that what the machine does
 * meanwhile hits all alike.  A round of an allocator is a child of that process: each begins
 * in the same state, which none of the others has changed.
 *
 * A row's figure is the median of its rounds; of single steps it is the least, since each
 * round makes the very same steps.
 *
 * Writes DIRECTORY/NAME.log for each allocator: the rows, in ticks of the TSC.
 */
#define _GNU_SOURCE
#include "../rounds.h"
#include "library.h"
#include "port/arena.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ROUNDS 9u
#define MAX_ROWS   64u
#define MAX_PATH   512u

#define WORKLOADS(allocator)                                                  \
	extern const struct bench_workload allocator##_pair_workload,         \
		allocator##_batch_workload, allocator##_mix_workload,         \
		allocator##_touched_workload;                                 \
	static const struct bench_workload *const allocator##_memory[] = {    \
		&allocator##_touched_workload, NULL};                         \
	static const struct bench_workload *const allocator##_workloads[] = { \
		&allocator##_pair_workload, &allocator##_batch_workload,      \
		&allocator##_mix_workload, NULL};

WORKLOADS(quarry)
WORKLOADS(glibc)
WORKLOADS(jemalloc)
WORKLOADS(mimalloc)

struct library_calls glibc_calls, jemalloc_calls, mimalloc_calls;

struct result {
	const char *name;
	bool least;
	uint64_t operations;
	uint64_t ticks[MAX_ROUNDS];
	unsigned rounds;
};

/* Shared with the children, who fill it in. */
struct results {
	struct result rows[MAX_ROWS];
	unsigned n;
	uint32_t least_of_call[BENCH_CALLS_MAX];
};

static struct allocator {
	const char *name;
	struct library_calls *calls; /* NULL: it is ours */
	const struct bench_workload *const *workloads;
	const struct bench_workload *const *memory;
	bool there;
	struct results *results;
} allocators[] = {
	{.name = "quarry", .workloads = quarry_workloads, .memory = quarry_memory},
	{.name = "glibc",
	 .calls = &glibc_calls,
	 .workloads = glibc_workloads,
	 .memory = glibc_memory},
	{.name = "jemalloc",
	 .calls = &jemalloc_calls,
	 .workloads = jemalloc_workloads,
	 .memory = jemalloc_memory},
	{.name = "mimalloc",
	 .calls = &mimalloc_calls,
	 .workloads = mimalloc_workloads,
	 .memory = mimalloc_memory},
};

#define NR_ALLOCATORS (sizeof(allocators) / sizeof(allocators[0]))

static struct results *running;
uint32_t *bench_least_of_call;

bool bench_wanted(const struct bench_row *row)
{
	(void)row;
	return true;
}

static struct result *result_of(const struct bench_row *row)
{
	for (unsigned i = 0; i < running->n; i++) {
		if (running->rows[i].name == row->name)
			return &running->rows[i];
	}
	if (running->n == MAX_ROWS) {
		fprintf(stderr, "bench: more than %u rows\n", MAX_ROWS);
		_exit(1);
	}
	running->rows[running->n].name = row->name;
	running->rows[running->n].least = row->least;
	return &running->rows[running->n++];
}

void bench_report(const struct bench_row *row, uint64_t operations, uint64_t ticks)
{
	struct result *result;

	if (bench_warming_up || operations == 0 || (ticks == 0 && !row->least))
		return;
	result = result_of(row);
	if (result->rounds == MAX_ROUNDS)
		return;
	result->operations = operations;
	result->ticks[result->rounds++] = ticks;
}

/* In a child; false: it died.  `start`: our own allocator has to be. */
static bool run_in_child(struct allocator *allocator,
			 const struct bench_workload *const *workloads, bool start)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		running = allocator->results;
		bench_least_of_call = running->least_of_call;
		if (start && !allocator->calls && !arena_start())
			_exit(1);
		for (; *workloads; workloads++)
			bench_run_rounds(*workloads, 1);
		_exit(0);
	}
	if (child > 0 && waitpid(child, &status, 0) == child && status == 0)
		return true;
	fprintf(stderr, "bench: the child that measured %s died\n", allocator->name);
	return false;
}

static bool run_round(unsigned round)
{
	bool all_well = true;

	for (unsigned i = 0; i < NR_ALLOCATORS; i++) {
		struct allocator *allocator = &allocators[(round + i) % NR_ALLOCATORS];

		if (!allocator->there)
			continue;
		if (round == 0)
			all_well &= run_in_child(allocator, allocator->memory, false);
		all_well &= run_in_child(allocator, allocator->workloads, true);
	}
	return all_well;
}

/* --- output ----------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t figure(struct result *result)
{
	qsort(result->ticks, result->rounds, sizeof(result->ticks[0]), compare);
	return result->ticks[result->least ? 0 : result->rounds / 2];
}

static bool write_log(struct allocator *allocator, const char *directory)
{
	char path[MAX_PATH];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.log", directory, allocator->name);
	f = fopen(path, "w");
	if (!f) {
		perror(path);
		return false;
	}
	fprintf(f, "# name\t%s\n# compiler\tgcc %s\n# bits\t%zu\n# unit\tticks of the TSC\n",
		allocator->name, __VERSION__, 8 * sizeof(void *));
	for (unsigned i = 0; i < allocator->results->n; i++) {
		struct result *result = &allocator->results->rows[i];
		uint64_t ticks = figure(result);

		fprintf(f, "bench\t%s\t%llu\t%llu\t%llu\n", result->name,
			(unsigned long long)result->operations, (unsigned long long)ticks,
			(unsigned long long)(ticks * 100 / result->operations));
	}
	return fclose(f) == 0;
}

/* --- the start -------------------------------------------------------------------------- */

/* On one CPU, and with pages of one size. */
static void hold_still(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

static bool take_library(const char *word)
{
	const char *equals = strchr(word, '=');

	for (unsigned i = 0; equals && i < NR_ALLOCATORS; i++) {
		struct allocator *a = &allocators[i];

		if (a->calls && strlen(a->name) == (size_t)(equals - word) &&
		    strncmp(a->name, word, (size_t)(equals - word)) == 0)
			return a->there = library_open(a->calls, equals + 1);
	}
	fprintf(stderr, "bench: what is \"%s\"?\n", word);
	return false;
}

static bool share_results(struct allocator *allocator)
{
	allocator->results = mmap(NULL, sizeof(*allocator->results), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (allocator->results == MAP_FAILED)
		return false;
	memset(allocator->results->least_of_call, 0xff,
	       sizeof(allocator->results->least_of_call));
	return true;
}

/* Takes an option away from the words; MAX_ROUNDS if it is not there. */
static unsigned take_rounds(int *argc, char ***argv)
{
	unsigned rounds = MAX_ROUNDS;

	if (*argc > 1 && sscanf((*argv)[1], "--rounds=%u", &rounds) == 1) {
		(*argc)--;
		(*argv)++;
	}
	return rounds < MAX_ROUNDS ? rounds : MAX_ROUNDS;
}

int main(int argc, char **argv)
{
	unsigned rounds = take_rounds(&argc, &argv);
	bool all_well = true;

	if (argc < 2) {
		fprintf(stderr, "usage: bench [--rounds=N] DIRECTORY [NAME=LIBRARY]...\n");
		return 2;
	}
	hold_still();
	allocators[0].there = true;
	allocators[1].there = library_open(&glibc_calls, NULL);
	for (int i = 2; i < argc; i++)
		all_well &= take_library(argv[i]);
	for (unsigned i = 0; i < NR_ALLOCATORS; i++)
		all_well &= share_results(&allocators[i]);
	for (unsigned round = 0; all_well && round < rounds; round++)
		all_well &= run_round(round);
	for (unsigned i = 0; all_well && i < NR_ALLOCATORS; i++) {
		if (allocators[i].there)
			all_well &= write_log(&allocators[i], argv[1]);
	}
	return all_well ? 0 : 1;
}
