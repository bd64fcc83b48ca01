// SPDX-License-Identifier: MIT
/*
 * Reports: the text, the counts, and who else wants to know.
 *
 * I1. Every report is counted and passed to the listener, printed or not; where neither
 *     may be done, both are done later (late.c).
 * I2. Only failures to allocate are rate limited: anything else is a bug, and each
 *     occurrence is worth its lines.
 *
 * No lock around a report: lines of two CPUs that report at once may interleave, but none
 * is lost, and a report works in any context, holding whatever the offender holds.  Only
 * the rate limit has one [l], taken with interrupts off: failures to allocate are reported
 * with no lock held.
 */
#include <bits.h>
#include <late.h>
#include <log.h>
#include <mem.h>
#include <mm/format.h>
#include <report.h>

#define LINE_BYTES       200
#define BACKTRACE_FRAMES 8
#define BYTES_PER_LINE   16

static struct {
	bool panic_on_report;                     /* [I] */
	mm_report_listener listener;              /* [a] */
	unsigned long counts[MM_NR_REPORT_KINDS]; /* [a] */
	uintptr_t call_sites[REPORT_CALL_SITES];  /* [a] see report_first_from() */
	struct mm_spinlock limit_lock;            /* [l] */
	uint64_t limit_start;                     /* [l] */
	unsigned limit_count;                     /* [l] */
} reports;

static const char *const kind_names[MM_NR_REPORT_KINDS] = {
	[MM_REPORT_BAD_FLAGS] = "bad flags",
	[MM_REPORT_BAD_ORDER] = "bad order",
	[MM_REPORT_BAD_SIZE] = "bad size",
	[MM_REPORT_BAD_ADDRESS] = "bad address",
	[MM_REPORT_BAD_PAGE] = "bad page",
	[MM_REPORT_DOUBLE_FREE] = "double free",
	[MM_REPORT_INTERIOR_FREE] = "interior free",
	[MM_REPORT_WRONG_CACHE] = "wrong cache",
	[MM_REPORT_WRONG_ORDER] = "wrong order",
	[MM_REPORT_OUT_OF_BOUNDS] = "out of bounds",
	[MM_REPORT_USE_AFTER_FREE] = "use after free",
	[MM_REPORT_CACHE_IN_USE] = "cache in use",
	[MM_REPORT_MISUSE] = "misuse",
	[MM_REPORT_MIGHT_SLEEP] = "might sleep",
	[MM_REPORT_ALLOC_FAILED] = "allocation failed",
	[MM_REPORT_UNDEFINED] = "undefined behaviour",
	[MM_REPORT_CORRUPTION] = "corruption",
	[MM_REPORT_LEAK] = "leak",
};

void mm_log(const char *format, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, format);
	mm_vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	mm_host_log(line);
}

void report_reset(bool panic_on_report)
{
	memset(&reports, 0, sizeof(reports));
	reports.panic_on_report = panic_on_report;
	late_reset();
}

const char *mm_report_kind_name(enum mm_report_kind kind)
{
	return (unsigned)kind < MM_NR_REPORT_KINDS ? kind_names[kind] : "unknown";
}

unsigned long mm_report_count(enum mm_report_kind kind)
{
	if ((unsigned)kind >= MM_NR_REPORT_KINDS)
		return 0;
	return __atomic_load_n(&reports.counts[kind], __ATOMIC_RELAXED);
}

unsigned long mm_report_total(void)
{
	unsigned long total = 0;

	for (unsigned kind = 0; kind < MM_NR_REPORT_KINDS; kind++)
		total += mm_report_count((enum mm_report_kind)kind);
	return total;
}

void mm_report_listen(mm_report_listener listener)
{
	__atomic_store_n(&reports.listener, listener, __ATOMIC_RELEASE);
}

/* A set of call sites that only grows; when it is full, unknown ones count as known. */
bool report_first_from(uintptr_t caller)
{
	for (size_t i = 0; i < REPORT_CALL_SITES; i++) {
		uintptr_t empty = 0;

		if (__atomic_compare_exchange_n(&reports.call_sites[i], &empty, caller, false,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return true;
		if (empty == caller)
			return false;
	}
	return false;
}

static bool over_limit(enum mm_report_kind kind)
{
	mm_irqflags_t flags;
	uint64_t now;
	bool over;

	if (kind != MM_REPORT_ALLOC_FAILED)
		return false;
	now = mm_host_time();
	flags = mm_irq_save();
	mm_spin_lock(&reports.limit_lock);
	if (now - reports.limit_start >= REPORT_LIMIT_PERIOD) {
		reports.limit_start = now;
		reports.limit_count = 0;
	}
	over = ++reports.limit_count > REPORT_LIMIT_BURST;
	mm_spin_unlock(&reports.limit_lock);
	mm_irq_restore(flags);
	return over;
}

/* One line into the log, or to what is kept for it. */
static void say(const struct report *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(const struct report *report, const char *format, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, format);
	mm_vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (report->late)
		late_line(report->late, line);
	else
		mm_host_log(line);
}

void report_line(const struct report *report, const char *format, ...)
{
	char text[LINE_BYTES];
	va_list args;

	if (report->quiet)
		return;
	va_start(args, format);
	mm_vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	say(report, "mm:   %s", text);
}

void report_symbol(const struct report *report, const char *label, uintptr_t address)
{
	const char *name;
	size_t offset;

	if (mm_host_symbol(address, &name, &offset))
		report_line(report, "%-9s %p %s+0x%zx", label, (void *)address, name, offset);
	else
		report_line(report, "%-9s %p", label, (void *)address);
}

static bool is_marked(const uint8_t *byte, const struct report_marks *marks)
{
	return marks && byte >= marks->from && byte < marks->to && *byte != marks->expected;
}

/* Memory as hex and text, if it can be read. */
void report_marked_bytes(const struct report *report, const void *address, size_t size,
			 const struct report_marks *marks)
{
	const uint8_t *bytes = address;

	if (!mm_host_readable(address, size))
		return;
	for (size_t i = 0; i < size; i += BYTES_PER_LINE) {
		char hex[3 * BYTES_PER_LINE + 1] = "", text[BYTES_PER_LINE + 1] = "";
		size_t n = min_size(size - i, BYTES_PER_LINE);

		for (size_t j = 0; j < n; j++) {
			uint8_t c = bytes[i + j];

			mm_snprintf(hex + 3 * j, sizeof(hex) - 3 * j, "%c%02x",
				    is_marked(&bytes[i + j], marks) ? '*' : ' ', c);
			text[j] = c >= ' ' && c <= '~' ? (char)c : '.';
		}
		report_line(report, "%-9s %p:%s  %s", i ? "" : "bytes",
			    (const void *)(bytes + i), hex, text);
	}
}

void report_bytes(const struct report *report, const void *address, size_t size)
{
	report_marked_bytes(report, address, size, NULL);
}

static void report_context(const struct report *report)
{
	static const char *const kinds[] = {[MM_CONTEXT_THREAD] = "thread",
					    [MM_CONTEXT_IRQ] = "interrupt",
					    [MM_CONTEXT_NMI] = "NMI"};
	struct mm_context context;

	mm_host_context(&context);
	report_line(report, "context   CPU %u, %s%s%s, interrupt depth %u, interrupts %s",
		    context.cpu, kinds[context.kind],
		    !context.thread                     ? ""
		    : context.kind == MM_CONTEXT_THREAD ? " "
							: " in thread ",
		    context.thread ? context.thread : "", context.irq_depth,
		    context.irqs_off ? "off" : "on");
}

static void report_backtrace(const struct report *report)
{
	uintptr_t frames[BACKTRACE_FRAMES];
	size_t n = mm_host_backtrace(frames, BACKTRACE_FRAMES);
	bool seen = false;

	/* What lies inside of the caller is the allocator itself: not of interest. */
	for (size_t i = 0; i < n; i++) {
		seen = seen || frames[i] == report->caller;
		if (seen && frames[i] != report->caller)
			report_symbol(report, "  from", frames[i]);
	}
}

static void begin(struct report *report, enum mm_report_kind kind, uintptr_t address,
		  uintptr_t caller, const char *format, va_list args)
{
	report->kind = kind;
	report->address = address;
	report->caller = caller;
	report->time = mm_host_time();
	report->later = late_wanted();
	report->late = report->later ? late_claim() : NULL;
	report->quiet = report->later ? !report->late : over_limit(kind);
	mm_vsnprintf(report->what, sizeof(report->what), format, args);
	__atomic_fetch_add(&reports.counts[kind], 1, __ATOMIC_RELAXED);
	if (!report->quiet)
		say(report, "mm: %s: %s", kind_names[kind], report->what);
}

void report_begin(struct report *report, enum mm_report_kind kind, uintptr_t address,
		  uintptr_t caller, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	begin(report, kind, address, caller, format, args);
	va_end(args);
}

void report_tell(const struct report *report)
{
	mm_report_listener listener = __atomic_load_n(&reports.listener, __ATOMIC_ACQUIRE);
	struct mm_report seen = {report->kind, report->what, report->address, report->caller};
	bool expected = false;

	if (listener)
		expected = listener(&seen);
	if (reports.panic_on_report && !expected)
		mm_host_panic("mm: stopped by a report, as panic_on_report asks");
}

/* Who and where, then what was done about it; then those who listen. */
void report_end(const struct report *report, const char *fix)
{
	if (!report->quiet) {
		report_symbol(report, "caller", report->caller);
		report_backtrace(report);
		report_context(report);
		report_line(report, "FIX       %s", fix);
	}
	if (!report->later)
		report_tell(report);
	else if (report->late)
		late_commit(report->late, report);
}

void report_now(enum mm_report_kind kind, uintptr_t address, uintptr_t caller, const char *fix,
		const char *format, ...)
{
	struct report report;
	va_list args;

	va_start(args, format);
	begin(&report, kind, address, caller, format, args);
	va_end(args);
	report_end(&report, fix);
}

void mm_report(enum mm_report_kind kind, uintptr_t caller, const char *fix, const char *format,
	       ...)
{
	struct report report;
	va_list args;

	if (kind == MM_REPORT_MIGHT_SLEEP && !report_first_from(caller))
		return;
	va_start(args, format);
	begin(&report, kind, 0, caller, format, args);
	va_end(args);
	report_end(&report, fix);
}
