// SPDX-License-Identifier: MIT
/*
 * The hot pair: kmalloc and kfree of one object, again and again.
 *
 * By size and by flags; by a size that is written in the call, and by one that the compiler
 * does not know.
 */
#include "bench.h"

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

#define ROWS(bytes)                                                                        \
	BENCH_ROW("kmalloc-" #bytes, "kmalloc + kfree, " #bytes " B, constant, KERNEL",    \
		  constant_##bytes, bytes),                                                \
		BENCH_ROW("kmalloc-" #bytes "-atomic",                                     \
			  "kmalloc + kfree, " #bytes " B, constant, ATOMIC",               \
			  constant_##bytes##_atomic, bytes),                               \
		BENCH_ROW("kmalloc-" #bytes "-variable",                                   \
			  "kmalloc + kfree, " #bytes " B, not constant, KERNEL", variable, \
			  bytes),                                                          \
		BENCH_ROW("kmalloc-" #bytes "-variable-atomic",                            \
			  "kmalloc + kfree, " #bytes " B, not constant, ATOMIC",           \
			  variable_atomic, bytes)

static const struct bench_row rows[] = {
	BENCH_ROW("loop", "the loop itself", loop, 0),
	ROWS(16),
	ROWS(64),
	ROWS(256),
	ROWS(1024),
	ROWS(4096),
	BENCH_ROW("kzalloc-64", "kzalloc + kfree, 64 B, constant, KERNEL", zeroed_64, 64),
	BENCH_ROW("kzalloc-64-variable", "kzalloc + kfree, 64 B, not constant, KERNEL", zeroed,
		  64),
};

BENCH_WORKLOAD(pair);
