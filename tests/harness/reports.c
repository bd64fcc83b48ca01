// SPDX-License-Identifier: MIT
/*
 * The allocator's reports and its log, as a case may expect them.
 *
 * The harness listens for as long as the tests run.  A report that the running case did
 * not announce fails it at once, an announced one that did not come at its end; a report
 * while no case runs fails the whole run.  Reports of interrupt handlers count for the case
 * they interrupt.
 */
#include "run.h"
#include <mem.h>
#include <mm/format.h>

#define ANY       (~0u)
#define LOG_BYTES 8192

static struct {
	unsigned expected[MM_NR_REPORT_KINDS], seen[MM_NR_REPORT_KINDS]; /* of this case */
	unsigned outside;
	struct test_report last;
} reports;

static struct {
	bool on;
	size_t used;
	char text[LOG_BYTES];
} kept;

__attribute__((weak)) void test_host_lock(void)
{
}

__attribute__((weak)) void test_host_unlock(void)
{
}

static void tell_outside(const struct mm_report *report)
{
	char line[240];

	reports.outside++;
	mm_snprintf(line, sizeof(line), "# a report outside of any case: %s: %s",
		    mm_report_kind_name(report->kind), report->what);
	test_host_write(line);
}

static bool note_report(const struct mm_report *report)
{
	unsigned seen;

	reports.last = (struct test_report){report->kind, report->address, report->caller, ""};
	mm_snprintf(reports.last.what, sizeof(reports.last.what), "%s", report->what);
	if (!running.suite) {
		tell_outside(report);
		return false;
	}
	seen = __atomic_add_fetch(&reports.seen[report->kind], 1, __ATOMIC_RELAXED);
	if (seen <= reports.expected[report->kind]) {
		hold_drop();
		return true;
	}
	hold_show();
	return test_fail(NULL, 0, "a report nobody announced: %s: %s",
			 mm_report_kind_name(report->kind), report->what);
}

static bool listener(const struct mm_report *report)
{
	bool expected;

	test_host_lock();
	expected = note_report(report);
	test_host_unlock();
	return expected;
}

void reports_listen(bool on)
{
	mm_report_listen(on ? listener : NULL);
}

void reports_begin_case(void)
{
	memset(reports.expected, 0, sizeof(reports.expected));
	memset(reports.seen, 0, sizeof(reports.seen));
	memset(&reports.last, 0, sizeof(reports.last));
	hold_drop();
	kept.on = false;
	kept.used = 0;
}

void reports_end_case(void)
{
	for (unsigned kind = 0; kind < MM_NR_REPORT_KINDS; kind++) {
		unsigned expected = reports.expected[kind], seen = reports.seen[kind];

		if (expected != ANY && seen < expected)
			test_fail(NULL, 0, "reports of \"%s\": expected %u, found %u",
				  mm_report_kind_name((enum mm_report_kind)kind), expected,
				  seen);
	}
	kept.on = false;
	if (running.result->failures)
		hold_show();
	else
		hold_drop();
}

unsigned reports_outside(void)
{
	return reports.outside;
}

void expect_report(enum mm_report_kind kind, unsigned n)
{
	if (reports.expected[kind] != ANY)
		reports.expected[kind] += n;
}

void allow_reports(enum mm_report_kind kind)
{
	reports.expected[kind] = ANY;
}

unsigned test_reports_seen(enum mm_report_kind kind)
{
	return __atomic_load_n(&reports.seen[kind], __ATOMIC_RELAXED);
}

const struct test_report *test_last_report(void)
{
	return &reports.last;
}

/* --- lines of the log -------------------------------------------------------------- */

void test_log_begin(void)
{
	kept.used = 0;
	kept.text[0] = '\0';
	kept.on = true;
}

void test_log_line(const char *line)
{
	if (kept.on)
		kept.used += (size_t)mm_snprintf(kept.text + kept.used, LOG_BYTES - kept.used,
						 "%s\n", line);
	if (kept.used >= LOG_BYTES) {
		kept.used = LOG_BYTES - 1;
		kept.on = false;
	}
}

bool test_log_kept(void)
{
	return kept.used > 0;
}

bool test_log_has(const char *text)
{
	for (const char *at = kept.text; *at; at++) {
		size_t i = 0;

		while (text[i] && at[i] == text[i])
			i++;
		if (!text[i])
			return true;
	}
	return false;
}

const char *test_log_text(void)
{
	return kept.text;
}
