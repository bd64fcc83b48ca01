// SPDX-License-Identifier: MIT
/*
 * The hot pair: kmalloc and kfree of one object, again and again.
 *
 * By size and by flags; by a size that is written in the call, and by one that the compiler
 * does not know.
 */
#include "bench.h"

#define LOOPS 1000u

BENCH_LOOP(loop, )

#define CONSTANT(bytes)                                                            \
	BENCH_PAIR(constant_##bytes, void *, kmalloc(bytes, GFP_KERNEL), kfree(p)) \
	BENCH_PAIR(constant_##bytes##_atomic, void *, kmalloc(bytes, GFP_ATOMIC), kfree(p))

CONSTANT(16)
CONSTANT(64)
CONSTANT(256)
CONSTANT(1024)
CONSTANT(4096)
BENCH_PAIR(variable, void *, kmalloc(size, GFP_KERNEL), kfree(p))
BENCH_PAIR(variable_atomic, void *, kmalloc(size, GFP_ATOMIC), kfree(p))
BENCH_PAIR(zeroed_64, void *, kzalloc(64, GFP_KERNEL), kfree(p))
BENCH_PAIR(zeroed, void *, kzalloc(size, GFP_KERNEL), kfree(p))

#define ROWS(bytes)                                                                      \
	{"kmalloc-" #bytes, "kmalloc + kfree, " #bytes " B, constant, KERNEL", LOOPS,    \
	 constant_##bytes, bytes},                                                       \
		{"kmalloc-" #bytes "-atomic",                                            \
		 "kmalloc + kfree, " #bytes " B, constant, ATOMIC", LOOPS,               \
		 constant_##bytes##_atomic, bytes},                                      \
		{"kmalloc-" #bytes "-variable",                                          \
		 "kmalloc + kfree, " #bytes " B, not constant, KERNEL", LOOPS, variable, \
		 bytes},                                                                 \
	{                                                                                \
		"kmalloc-" #bytes "-variable-atomic",                                    \
			"kmalloc + kfree, " #bytes " B, not constant, ATOMIC", LOOPS,    \
			variable_atomic, bytes                                           \
	}

static const struct bench_row rows[] = {
	{"loop", "the loop itself", LOOPS, loop, 0},
	ROWS(16),
	ROWS(64),
	ROWS(256),
	ROWS(1024),
	ROWS(4096),
	{"kzalloc-64", "kzalloc + kfree, 64 B, constant, KERNEL", LOOPS, zeroed_64, 64},
	{"kzalloc-64-variable", "kzalloc + kfree, 64 B, not constant, KERNEL", LOOPS, zeroed,
	 64},
};

BENCH_WORKLOAD(pair);
