/* SPDX-License-Identifier: MIT */
/*
 * Making a report: a headline, lines of detail, and the line that says what was
 * done about it.  Never with a lock of mm's held.  See debug/report.c.
 */
#ifndef MM_INTERNAL_REPORT_H
#define MM_INTERNAL_REPORT_H

#include <mm/port.h>
#include <mm/report.h>

#define REPORT_WHAT_MAX 160

struct late_report;

struct report {
	enum mm_report_kind kind;
	uintptr_t address, caller;
	uint64_t time; /* when it began: ages are told as of then */
	bool quiet;    /* counted and passed on, but not printed: the rate limit */
	bool later;    /* kept for later, in `late`; or lost, if that is NULL */
	struct late_report *late;
	char what[REPORT_WHAT_MAX];
};

void report_begin(struct report *report, enum mm_report_kind kind, uintptr_t address,
		  uintptr_t caller, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void report_line(const struct report *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void report_bytes(const struct report *report, const void *address, size_t size);

/* The same, with a mark at each byte of [from, to) that is not `expected`. */
struct report_marks {
	const uint8_t *from, *to;
	uint8_t expected;
};

void report_marked_bytes(const struct report *report, const void *address, size_t size,
			 const struct report_marks *marks);

/* "name+0x12", or the bare address, as one line of the report. */
void report_symbol(const struct report *report, const char *label, uintptr_t address);

void report_end(const struct report *report, const char *fix);

/* Pass a report to the listener; may panic.  The end of report_end(), and of late.c's printing. */
void report_tell(const struct report *report);

/* All of it in one call, for reports without detail. */
void report_now(enum mm_report_kind kind, uintptr_t address, uintptr_t caller, const char *fix,
		const char *format, ...) __attribute__((format(printf, 5, 6)));

/* True the first time that it is asked for this call site; remembers REPORT_CALL_SITES of them. */
#define REPORT_CALL_SITES 64
bool report_first_from(uintptr_t caller);

/* At most so many failures to allocate are printed in so long. */
#define REPORT_LIMIT_BURST  5u
#define REPORT_LIMIT_PERIOD 1000000000ull /* ns */

void report_reset(bool panic_on_report);

#endif
