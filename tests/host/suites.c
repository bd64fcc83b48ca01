// SPDX-License-Identifier: MIT
/* What the hosted program runs: all unit tests, and those that need a machine made up for them. */
#include <unit/suites.h>

#define HOST_SUITES(SUITE)      \
	SUITE(format_random)    \
	SUITE(boot)             \
	SUITE(interrupt)        \
	SUITE(nmi)              \
	SUITE(compaction)       \
	SUITE(compaction_storm) \
	SUITE(lazy)             \
	SUITE(mempool_wait)     \
	SUITE(waiting)          \
	SUITE(broken)

HOST_SUITES(SUITE_DECLARE)

extern const struct test_suite *const test_suites[];

const struct test_suite *const test_suites[] = {UNIT_SUITES(SUITE_LIST) HOST_SUITES(SUITE_LIST)
							NULL};
