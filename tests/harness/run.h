/* SPDX-License-Identifier: MIT */
/* The harness from the inside: the running case, and what its parts tell each other. */
#ifndef TESTS_HARNESS_RUN_H
#define TESTS_HARNESS_RUN_H

#include <harness.h>

/* Between two cases `suite` is NULL. */
struct running {
	const struct test_suite *suite;
	const struct test_case *test;
	struct test_result *result;
	uint64_t seed;   /* of the whole run: this is what repeats the case */
	uint64_t random; /* state of the case's stream */
};

extern struct running running;

/* expect.c: a line of text, at the level of the cases. */
void write_case_line(const char *text);

/* random.c */
void random_begin(void);

/* glob.c */
bool glob_list_matches(const char *globs, const char *text);

/* reports.c */
void reports_listen(bool on);
void reports_begin_case(void);
void reports_end_case(void);
unsigned reports_outside(void);

/* hold.c: what is held back is not of interest any more, or is. */
void hold_drop(void);
void hold_show(void);

/* memory.c */
void memory_begin_case(void);
void memory_end_case(void);
void memory_end_suite(void);

#endif
