// SPDX-License-Identifier: MIT
/*
 * Libraries are loaded each to itself (RTLD_LOCAL), with its own functions first
 * (RTLD_DEEPBIND): several mallocs live in one process, and none stands in for another.
 */
#define _GNU_SOURCE
#include "library.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

/* A function as a pointer, by way of a union: C has no cast for it. */
#define FIND(call, library, name)                  \
	({                                         \
		union {                            \
			void *object;              \
			__typeof__(call) function; \
		} found_ = {dlsym(library, name)}; \
		call = found_.function;            \
	})

bool library_open(struct library_calls *calls, const char *path)
{
	void *library;

	if (!path) {
		*calls = (struct library_calls){malloc, calloc, free};
		return true;
	}
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
	if (!library) {
		fprintf(stderr, "bench: %s\n", dlerror());
		return false;
	}
	FIND(calls->malloc, library, "malloc");
	FIND(calls->calloc, library, "calloc");
	FIND(calls->free, library, "free");
	if (!calls->malloc || !calls->calloc || !calls->free || calls->malloc == malloc) {
		fprintf(stderr, "bench: %s has no malloc of its own\n", path);
		return false;
	}
	return true;
}
