/* SPDX-License-Identifier: MIT */
/*
 * Damage on request (selftest= on the command line): proof that whoever watches
 * the tests notices each way in which they can end badly.
 */
#ifndef KERNEL_SELFTEST_H
#define KERNEL_SELFTEST_H

#include <stdbool.h>
#include <stddef.h>

enum selftest {
	SELFTEST_NONE,
	SELFTEST_FAIL, /* a test fails: done by the tests, which ask selftest_mode() */
	SELFTEST_PANIC,
	SELFTEST_HANG,
	SELFTEST_TRIPLEFAULT,
	SELFTEST_OVERFLOW, /* of a thread's stack */
	NR_SELFTESTS
};

/* Name on the command line. */
const char *selftest_name(enum selftest mode);

enum selftest selftest_mode(void);

/*
 * selftest_strike - do the damage that was asked for; called by the tests in the
 * middle of their run.  Returns for SELFTEST_NONE and SELFTEST_FAIL.
 */
void selftest_strike(void);

#endif
