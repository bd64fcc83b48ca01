// SPDX-License-Identifier: MIT
/* What the kernel runs at boot: all unit tests, and those that need a machine. */
#include <unit/suites.h>

#define KERNEL_SUITES(SUITE)   \
	SUITE(selftest)        \
	SUITE(cpu)             \
	SUITE(placement)       \
	SUITE(protection)      \
	SUITE(irq)             \
	SUITE(nmi)             \
	SUITE(restart)         \
	SUITE(page_restart)    \
	SUITE(torture)         \
	SUITE(thread)          \
	SUITE(wait)            \
	SUITE(parallel)        \
	SUITE(pools)           \
	SUITE(area)            \
	SUITE(compact_threads) \
	SUITE(sleep)           \
	SUITE(pressure)        \
	SUITE(storm)           \
	SUITE(fault_paths)     \
	SUITE(fault_contexts)  \
	SUITE(guard_faults)    \
	SUITE(ubsan)           \
	SUITE(kasan)           \
	SUITE(process)         \
	SUITE(user_memory)     \
	SUITE(module)          \
	SUITE(lock_order)      \
	SUITE(budget)

KERNEL_SUITES(SUITE_DECLARE)

extern const struct test_suite *const test_suites[];

const struct test_suite *const test_suites[] = {UNIT_SUITES(SUITE_LIST)
							KERNEL_SUITES(SUITE_LIST) NULL};
