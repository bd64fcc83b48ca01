// SPDX-License-Identifier: MIT
/* What the program of many threads runs. */
#include <unit/suites.h>

#define THREADS_SUITES(SUITE)   \
	SUITE(planted)          \
	SUITE(storm)            \
	SUITE(mempool_threads)  \
	SUITE(movers)           \
	SUITE(migrate_threads)  \
	SUITE(mistakes_threads) \
	SUITE(waiting_threads)  \
	SUITE(shrinker_threads)

THREADS_SUITES(SUITE_DECLARE)

extern const struct test_suite *const test_suites[];

const struct test_suite *const test_suites[] = {THREADS_SUITES(SUITE_LIST) NULL};
