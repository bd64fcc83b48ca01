/* SPDX-License-Identifier: MIT */
/* A shared library's malloc. */
#ifndef BENCH_LIBRARY_H
#define BENCH_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

struct library_calls {
	void *(*malloc)(size_t size);
	void *(*calloc)(size_t n, size_t size);
	void (*free)(void *p);
};

/*
 * library_open - the functions of the library at `path`, or, when it is NULL, of the C
 * library.  False, after a line on stderr, when they cannot be had.
 */
bool library_open(struct library_calls *calls, const char *path);

#endif
