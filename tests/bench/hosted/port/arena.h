/* SPDX-License-Identifier: MIT */
/* Our allocator in this program: an arena of 32 MiB, twice what the workloads need. */
#ifndef BENCH_ARENA_H
#define BENCH_ARENA_H

#include <stdbool.h>

/* Map it and start mm.  False: there is no memory. */
bool arena_start(void);

#endif
