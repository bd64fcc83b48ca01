// SPDX-License-Identifier: MIT
/*
 * The run: KTAP version 1, a suite being a test whose subtests are its cases.
 *
 *	KTAP version 1
 *	1..2
 *	    KTAP version 1
 *	    # Subtest: buddy
 *	    1..2
 *	    ok 1 split
 *	    # buddy.merge: nr_free: expected 8, found 7 at tests/unit/buddy_test.c:40 (seed 0x2a)
 *	    not ok 2 merge
 *	not ok 1 buddy
 *	...
 *	# 11 passed, 1 failed, 0 skipped
 *
 * No allocation, no library: it must work while the allocator under test does not.
 */
#include "run.h"
#include <mem.h>
#include <mm/format.h>

#define LINE_BYTES 200
#define NAME_BYTES 100

struct running running;

struct totals {
	unsigned passed, failed, skipped;
};

__attribute__((weak)) void test_host_run(void (*body)(struct test_result *result),
					 struct test_result *result)
{
	body(result);
}

static void write_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void write_line(const char *format, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, format);
	mm_vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	test_host_write(line);
}

static bool selected(const char *filter, const struct test_suite *suite,
		     const struct test_case *test)
{
	char name[NAME_BYTES];

	if (!filter || !*filter || glob_list_matches(filter, suite->name))
		return true;
	mm_snprintf(name, sizeof(name), "%s.%s", suite->name, test->name);
	return glob_list_matches(filter, name);
}

static unsigned count_selected(const char *filter, const struct test_suite *suite)
{
	unsigned n = 0;

	for (size_t i = 0; suite->cases[i]; i++)
		n += selected(filter, suite, suite->cases[i]);
	return n;
}

/* The case itself and what surrounds it; `running` says which one. */
static void run_body(struct test_result *result)
{
	running.result = result;
	random_begin();
	reports_begin_case();
	memory_begin_case();
	running.test->run();
	memory_end_case();
	reports_end_case();
}

static void write_result(unsigned number, const struct test_result *result)
{
	const char *name = running.test->name;

	if (result->failures)
		write_line("    not ok %u %s", number, name);
	else if (result->skipped)
		write_line("    ok %u %s # SKIP %s", number, name, result->reason);
	else
		write_line("    ok %u %s", number, name);
}

static void run_case(const struct test_suite *suite, const struct test_case *test,
		     unsigned number, struct totals *totals)
{
	struct test_result result = {0};

	running.suite = suite;
	running.test = test;
	running.result = &result;
	test_host_run(run_body, &result);
	write_result(number, &result);
	running.suite = NULL;
	running.result = NULL;

	if (result.failures)
		totals->failed++;
	else if (result.skipped)
		totals->skipped++;
	else
		totals->passed++;
}

void test_fail_case(struct test_result *result, const char *why)
{
	running.result = result;
	test_fail(NULL, 0, "%s", why);
}

static void run_suite(const struct test_suite *suite, const char *filter, unsigned number,
		      struct totals *totals)
{
	unsigned failed = totals->failed, outside = reports_outside(), n = 0;

	write_line("    KTAP version 1");
	write_line("    # Subtest: %s", suite->name);
	write_line("    1..%u", count_selected(filter, suite));
	for (size_t i = 0; suite->cases[i]; i++) {
		if (selected(filter, suite, suite->cases[i]))
			run_case(suite, suite->cases[i], ++n, totals);
	}
	memory_end_suite();
	if (totals->failed > failed || reports_outside() > outside)
		write_line("not ok %u %s", number, suite->name);
	else
		write_line("ok %u %s", number, suite->name);
}

static bool nothing_matches(const char *filter)
{
	write_line("1..1");
	write_line("# no case matches \"%s\"", filter);
	write_line("not ok 1 filter");
	write_line("# 0 passed, 1 failed, 0 skipped");
	return false;
}

bool tests_run(const struct test_suite *const *suites, const char *filter, uint64_t seed)
{
	struct totals totals = {0};
	unsigned planned = 0, number = 0;

	running = (struct running){.seed = seed};
	reports_listen(true);
	write_line("KTAP version 1");
	for (size_t i = 0; suites[i]; i++)
		planned += count_selected(filter, suites[i]) > 0;
	if (planned == 0)
		return nothing_matches(filter);
	write_line("1..%u", planned);
	for (size_t i = 0; suites[i]; i++) {
		if (count_selected(filter, suites[i]) > 0)
			run_suite(suites[i], filter, ++number, &totals);
	}
	reports_listen(false);
	write_line("# %u passed, %u failed, %u skipped", totals.passed,
		   totals.failed + reports_outside(), totals.skipped);
	return totals.failed == 0 && reports_outside() == 0 && totals.passed > 0;
}
