/* SPDX-License-Identifier: MIT */
/*
 * The test harness: one source, run by the kernel at boot (KTAP on the serial
 * line) and by hosted programs (the same text on stdout).
 *
 *	TEST(name)			defines a case of the suite of this file
 *	TEST_SUITE(name, case, ...)	lists the cases, once per file, at the end
 *	EXPECT(condition)		on failure: a diagnostic, the case goes on
 *	EXPECT_EQ(found, expected)	the same, with both values (integers, pointers)
 *	ASSERT(condition)		on failure: a diagnostic, the case returns
 *	SKIP(reason)			the case does not apply on this machine
 *	expect_report(kind, n)		exactly n reports of this kind are expected in
 *					this case; any report not expected fails it
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <mm/report.h>
#include <mm/types.h>

struct test_case {
	const char *name; /* NULL ends the list */
	void (*run)(void);
};

struct test_suite {
	const char *name;
	const struct test_case *cases;
};

/* How the harness's text leaves; one line, no newline.  Written by the host of the tests. */
void test_host_write(const char *line);

/*
 * Run the suites whose "suite" or "suite.case" matches a glob of `filter`
 * (comma separated; NULL or "" is all), with `seed` for every random choice.
 * Prints KTAP; returns true if nothing failed and something ran.
 */
bool tests_run(const struct test_suite *const *suites, const char *filter, uint64_t seed);

#endif
