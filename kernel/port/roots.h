/* SPDX-License-Identifier: MIT */
/* For tests of mm_leak_scan(). */
#ifndef KERNEL_PORT_ROOTS_H
#define KERNEL_PORT_ROOTS_H

#include <stddef.h>

/* The one variable of a test in which there may be references. */
void roots_set_of_test(const void *memory, size_t nr_bytes);

#endif
