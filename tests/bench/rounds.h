/* SPDX-License-Identifier: MIT */
/* Rounds of a workload: the same wherever it runs. */
#ifndef TESTS_BENCH_ROUNDS_H
#define TESTS_BENCH_ROUNDS_H

#include "bench.h"

/* A workload that is no average of its own first runs once more than asked for: now. */
extern bool bench_warming_up;

/* Begin, run so many rounds, end.  What they come to, bench_report() gets. */
void bench_run_rounds(const struct bench_workload *workload, unsigned rounds);

#endif
