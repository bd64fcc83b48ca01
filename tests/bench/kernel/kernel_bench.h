/* SPDX-License-Identifier: MIT */
/* Benchmarks in our own kernel. */
#ifndef KERNEL_BENCH_H
#define KERNEL_BENCH_H

#include <stdbool.h>

/*
 * Run the rows whose name matches a glob of `rows` ("" is all), and print them; true if
 * there were any and all went well.  Contexts: a thread.
 */
bool bench_main(const char *rows);

/*
 * Around a use of <driver.h> by somebody else: choose rows, and let no timer interrupt come.
 * bench_begin() returns false on a CPU without a clock.
 */
bool bench_begin(const char *rows);
void bench_end(void);

#endif
