/* SPDX-License-Identifier: MIT */
/* What the command line asks for. */
#ifndef KERNEL_OPTIONS_H
#define KERNEL_OPTIONS_H

#include <kernel/selftest.h>

#include <stdint.h>

#define OPTION_TEXT_MAX 256u

struct options {
	char test[OPTION_TEXT_MAX]; /* test=: globs of suites and cases; "" is all */
	char bench
		[OPTION_TEXT_MAX]; /* bench=: globs of benchmarks, run in place of the tests */
	bool bench_given;
	uint64_t seed; /* seed= */
	bool seed_given;
	char slab_debug[OPTION_TEXT_MAX]; /* slab_debug=: see <mm/slab_debug.h> */
	bool slab_debug_given;
	uint32_t shuffle_seed;       /* shuffle=: see <mm/boot.h>; 0: not given */
	char fault[OPTION_TEXT_MAX]; /* fault=: see <mm/fault.h>; while tests run */
	bool fault_given;
	unsigned guard_interval,
		guard_objects;  /* guard_pages=INTERVAL[,OBJECTS]: <mm/guard.h> */
	bool panic_on_report;   /* panic_on_report=1 */
	bool replay;            /* replay=1: replay the boot module in place of the tests */
	bool show_reports;      /* reports=1: show also those that tests have announced */
	enum selftest selftest; /* selftest=fail, panic, hang, triplefault or overflow */
};

extern struct options options;

/*
 * Read the command line into `options`.  Words that it does not know, and values
 * that make no sense, are logged and otherwise ignored.  `line` must live for ever.
 */
void options_init(const char *line);

/*
 * The value of `key` on the command line, for whoever has a key of his own;
 * contracts of cmdline_find() and cmdline_number().  A number that is none is logged.
 */
bool cmdline_get(const char *key, char *value, size_t size);
bool cmdline_u64(const char *key, uint64_t *number);

#endif
