/* SPDX-License-Identifier: MIT */
/*
 * The test harness: one source, run by the kernel at boot (KTAP on the serial
 * line) and by hosted programs (the same text on stdout).
 *
 *	TEST(name) { ... }		defines a case of the suite of this file
 *	TEST_SUITE(suite, case, ...)	lists the cases, once per file, at the end; defines
 *					suite_suite, which tests/unit/suites.h lists in turn
 *	EXPECT(condition)		on failure: a diagnostic, the case goes on
 *	EXPECT_EQ(found, expected)	the same, with both values (integers, pointers);
 *					compares as 64-bit numbers, sign extended
 *	EXPECT_STR(found, expected)	the same for strings
 *	EXPECTF(condition, format, ...)	the same, with words of your own
 *	ASSERT(...), ASSERT_EQ(...)	on failure: a diagnostic, the function returns
 *	SKIP(reason)			the case does not apply on this machine
 *
 * All EXPECTs are expressions, true on success.
 *
 * A case is responsible for what it leaves behind: in the kernel it runs on the live
 * allocator, one after the other.  After each case the harness verifies that
 *
 *	every report that came was announced, and every one announced came
 *	mm_check() finds nothing (after each suite only, on machines with much memory)
 *	no object, page, cache or window page is held that was not held before
 *
 * In the hosted program each case has a process and a fresh machine of its own; files in
 * tests/host are built into that program only, and may use tests/host/host.h.
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <mm/report.h>
#include <mm/types.h>

struct test_case {
	const char *name;
	void (*run)(void);
};

struct test_suite {
	const char *name;
	const struct test_case *const *cases; /* NULL ends the list */
};

/* An array of one: its bare name is a pointer, which is what TEST_SUITE lists. */
#define TEST(name)                                                      \
	static void test_##name(void);                                  \
	static const struct test_case name[1] = {{#name, test_##name}}; \
	static void test_##name(void)

#define TEST_SUITE(suite, ...)                        \
	extern const struct test_suite suite##_suite; \
	const struct test_suite suite##_suite = {     \
		#suite, (const struct test_case *const[]){__VA_ARGS__, NULL}}

/* --- expectations ---------------------------------------------------------------- */

#define EXPECT(condition) test_check((condition) ? true : false, #condition, __FILE__, __LINE__)
#define EXPECT_EQ(found, expected) \
	test_check_eq(TEST_WIDE(found), TEST_WIDE(expected), #found, __FILE__, __LINE__)
#define EXPECT_STR(found, expected) \
	test_check_str((found), (expected), #found, __FILE__, __LINE__)
#define EXPECTF(condition, ...) \
	((condition) ? true : test_fail(__FILE__, __LINE__, __VA_ARGS__))
#define ASSERT(condition)               \
	do {                            \
		if (!EXPECT(condition)) \
			return;         \
	} while (0)
#define ASSERT_EQ(found, expected)               \
	do {                                     \
		if (!EXPECT_EQ(found, expected)) \
			return;                  \
	} while (0)
#define SKIP(reason)               \
	do {                       \
		test_skip(reason); \
		return;            \
	} while (0)

/* An integer or a pointer as 64 bits.  The inner cast leaves integers as they are. */
#define TEST_POINTER_CLASS 5
#define TEST_WIDE(x)                                            \
	((unsigned long long)(__typeof__(__builtin_choose_expr( \
		__builtin_classify_type(x) == TEST_POINTER_CLASS, (uintptr_t)0, (x))))(x))

bool test_check(bool ok, const char *what, const char *file, int line);
bool test_check_eq(unsigned long long found, unsigned long long expected, const char *what,
		   const char *file, int line);
bool test_check_str(const char *found, const char *expected, const char *what, const char *file,
		    int line);
bool test_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4))); /* returns false */
void test_skip(const char *reason);

/* Has the running case failed?  Ends loops that would only repeat the diagnostic. */
bool test_failed(void);

/* A line of remark in the log, "# suite.case: ...". */
void test_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- random numbers -------------------------------------------------------------- */

/*
 * The stream of a case depends on the seed of the run and the name of the case only, so
 * that it repeats when the case runs alone.  Not for interrupt handlers: they use a
 * state of their own.
 */
uint32_t test_random(void);
uint32_t test_random_below(uint32_t n); /* 0 .. n - 1; n > 0 */
uint64_t test_random64(void);
uint64_t test_random_from(uint64_t *state); /* any state is a good one */

/*
 * How much more than the least a random or exhaustive case should do: 1 in the kernel, where
 * an emulated processor may run it, more in a hosted program.
 */
unsigned test_effort(void);

/* --- reports --------------------------------------------------------------------- */

/* Exactly n more reports of this kind belong to this case.  Announce them first. */
void expect_report(enum mm_report_kind kind, unsigned n);

/* Any number of reports of this kind is all right in this case. */
void allow_reports(enum mm_report_kind kind);

/* How many of this kind came in this case so far; the last one of any kind. */
unsigned test_reports_seen(enum mm_report_kind kind);

struct test_report {
	enum mm_report_kind kind;
	uintptr_t address, caller;
	char what[160]; /* the headline */
};

const struct test_report *test_last_report(void);

/* Does the last report's headline contain this text? */
#define EXPECT_REPORT_TEXT(text) \
	test_check_contains(test_last_report()->what, (text), "the report", __FILE__, __LINE__)

bool test_check_contains(const char *found, const char *text, const char *what,
			 const char *file, int line);

/*
 * The lines of the log: between test_log_begin() and the end of the case they are kept
 * (the first 8 KiB of them).  Only where the host passes its lines on to
 * test_log_line(): test_log_kept() says whether any came.
 */
void test_log_begin(void);
bool test_log_kept(void);
bool test_log_has(const char *text);
const char *test_log_text(void);

/* --- what a case leaves behind ----------------------------------------------------- */

/*
 * This case may keep up to n pages.  For page tables, which a host gets for its mapping
 * window when it first needs them, and never gives back.
 */
void allow_kept_pages(size_t n);

/* This case leaks on purpose, or damages the allocator: no verification after it. */
void allow_leaks(void);

/* Forget what was held before: from now on is what counts.  After mm_init(). */
void test_memory_baseline(void);

/* --- for the host of the tests ------------------------------------------------------ */

struct test_result {
	unsigned failures;
	bool skipped;
	char reason[80]; /* why it was skipped */
};

/* How the harness's text leaves; one line, no newline.  Written by the host of the tests. */
void test_host_write(const char *line);

/*
 * [optional: calls it]  Run one case by body(result).  A host may do it in a process of its
 * own, and add a failure when that dies; test_fail_case() is for that.
 */
void test_host_run(void (*body)(struct test_result *result), struct test_result *result);
void test_fail_case(struct test_result *result, const char *why);

/*
 * [optional: nothing]  Around what the harness notes when a report comes, where threads
 * may report at the same time.
 */
void test_host_lock(void);
void test_host_unlock(void);

/* [optional: true]  Is the allocator up? */
bool test_host_memory_up(void);

/* [optional: 1]  What test_effort() says. */
unsigned test_host_effort(void);

/* A host that passes its lines of log on lets the harness keep them. */
void test_log_line(const char *line);

/*
 * A host may ask before it prints a line of the allocator's: true while a case runs.  The
 * line is held back then, and shown only if the case fails or a report comes that was not
 * announced.
 */
bool test_log_hold(const char *line);

/*
 * Run the suites whose "suite" or "suite.case" matches a glob of `filter`
 * (comma separated, with * and ?; NULL or "" is all), with `seed` for every random choice.
 * Prints KTAP; returns true if nothing failed and something ran.
 */
bool tests_run(const struct test_suite *const *suites, const char *filter, uint64_t seed);

#endif
