/* SPDX-License-Identifier: MIT */
/* Runs workloads, and keeps and prints what they came to: in our kernel and in Linux. */
#ifndef TESTS_BENCH_DRIVER_H
#define TESTS_BENCH_DRIVER_H

#include "bench.h"

/* NULL ends the list. */
extern const struct bench_workload *const bench_workloads[];

/* Written by each place. */
bool bench_matches(const char *name); /* is the row asked for? */
void bench_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * bench_run_all - run the workloads that have a row which is asked for; print the rows of each
 *	when it is done.  Returns how many rows there were.
 * bench_run_quietly - the same without printing.
 * bench_find - what a row came to, in hundredths for each operation; false: it did not run.
 */
unsigned bench_run_all(void);
void bench_run_quietly(void);
bool bench_find(const char *name, uint64_t *hundredths);

#endif
