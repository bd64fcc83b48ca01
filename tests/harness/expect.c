// SPDX-License-Identifier: MIT
/*
 * Expectations: each one that is not met becomes a line
 *
 *	# suite.case: what: expected X, found Y at file:line (seed 0x...)
 *
 * A case prints at most DIAGNOSTICS_MAX of them; all count.
 */
#include "run.h"
#include <mem.h>
#include <mm/format.h>

#define DIAGNOSTICS_MAX 12u
#define TEXT_BYTES      320
#define PLACE_BYTES     100
#define LINE_BYTES      560

void write_case_line(const char *text)
{
	char line[LINE_BYTES];

	mm_snprintf(line, sizeof(line), "    %s", text);
	test_host_write(line);
}

static void write_remark(const char *text)
{
	char line[LINE_BYTES];

	mm_snprintf(line, sizeof(line), "# %s.%s: %s", running.suite->name, running.test->name,
		    text);
	write_case_line(line);
}

/* Count a failure, and say what it was.  May be called by interrupt handlers. */
static void fail(const char *text, const char *file, int line)
{
	unsigned failures;
	char full[TEXT_BYTES + PLACE_BYTES + 64], place[PLACE_BYTES] = "";

	if (!running.result)
		return;
	failures = __atomic_add_fetch(&running.result->failures, 1, __ATOMIC_RELAXED);
	if (failures > DIAGNOSTICS_MAX)
		return;
	if (file)
		mm_snprintf(place, sizeof(place), " at %s:%d", file, line);
	mm_snprintf(full, sizeof(full), "%s%s (seed 0x%llx)%s", text, place,
		    (unsigned long long)running.seed,
		    failures == DIAGNOSTICS_MAX ? "; no further ones are shown" : "");
	write_remark(full);
}

bool test_check(bool ok, const char *what, const char *file, int line)
{
	return ok ? true : test_fail(file, line, "expected %s, found it false", what);
}

/* Small numbers, of either sign, in decimal; what is rather a mask or an address in hex. */
static void describe_value(char *text, size_t size, unsigned long long value)
{
	long long number = (long long)value;

	if (number > -1000000 && number < 1000000)
		mm_snprintf(text, size, "%lld", number);
	else
		mm_snprintf(text, size, "0x%llx", value);
}

#define VALUE_BYTES 24

bool test_check_eq(unsigned long long found, unsigned long long expected, const char *what,
		   const char *file, int line)
{
	char found_text[VALUE_BYTES], expected_text[VALUE_BYTES];

	if (found == expected)
		return true;
	describe_value(found_text, sizeof(found_text), found);
	describe_value(expected_text, sizeof(expected_text), expected);
	return test_fail(file, line, "%s: expected %s, found %s", what, expected_text,
			 found_text);
}

static bool equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

bool test_check_str(const char *found, const char *expected, const char *what, const char *file,
		    int line)
{
	if (found && equal(found, expected))
		return true;
	return test_fail(file, line, "%s: expected \"%s\", found \"%s\"", what, expected,
			 found ? found : "(null)");
}

static bool starts_with(const char *text, const char *prefix)
{
	while (*prefix && *text == *prefix) {
		text++;
		prefix++;
	}
	return !*prefix;
}

bool test_check_contains(const char *found, const char *text, const char *what,
			 const char *file, int line)
{
	for (const char *at = found; *at; at++) {
		if (starts_with(at, text))
			return true;
	}
	return test_fail(file, line, "%s: expected \"...%s...\", found \"%s\"", what, text,
			 found);
}

bool test_fail(const char *file, int line, const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list args;

	va_start(args, format);
	mm_vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fail(text, file, line);
	return false;
}

void test_note(const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list args;

	va_start(args, format);
	mm_vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (running.suite)
		write_remark(text);
}

void test_skip(const char *reason)
{
	running.result->skipped = true;
	mm_snprintf(running.result->reason, sizeof(running.result->reason), "%s", reason);
}

bool test_failed(void)
{
	return __atomic_load_n(&running.result->failures, __ATOMIC_RELAXED) > 0;
}
