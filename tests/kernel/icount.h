/* SPDX-License-Identifier: MIT */
/* Does the clock count instructions?  QEMU's -icount shift=0 makes one tick of each. */
#ifndef TESTS_KERNEL_ICOUNT_H
#define TESTS_KERNEL_ICOUNT_H

#include <stdbool.h>

/*
 * True when the TSC advances by one for each instruction, and so repeats exactly.
 * Measured: ten nops against eleven.  Contexts: a thread.
 */
bool clock_counts_instructions(void);

#endif
