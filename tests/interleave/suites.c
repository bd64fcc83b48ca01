// SPDX-License-Identifier: MIT
/* What the program that explores orders runs. */
#include <unit/suites.h>

#define INTERLEAVE_SUITES(SUITE) \
	SUITE(orders)            \
	SUITE(slab_orders)       \
	SUITE(page_orders)       \
	SUITE(wait_orders)

INTERLEAVE_SUITES(SUITE_DECLARE)

extern const struct test_suite *const test_suites[];

const struct test_suite *const test_suites[] = {INTERLEAVE_SUITES(SUITE_LIST) NULL};
