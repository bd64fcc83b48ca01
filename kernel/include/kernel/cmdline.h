/* SPDX-License-Identifier: MIT */
/*
 * The grammar of the command line: words separated by blanks, each "key=value" or
 * a "key" alone.  Pure functions on strings: no state, no kernel.
 */
#ifndef KERNEL_CMDLINE_H
#define KERNEL_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A word of the line, in place; not terminated. */
struct cmdline_word {
	const char *key;
	size_t key_length;
	const char *value; /* NULL when there is no '=' */
	size_t value_length;
};

/* The word at *cursor, which moves on behind it; false at the end. */
bool cmdline_next(const char **cursor, struct cmdline_word *word);

bool cmdline_key_is(const struct cmdline_word *word, const char *key);
bool cmdline_value_is(const struct cmdline_word *word, const char *value);

/*
 * cmdline_find - the value of the last "key=value" in `line`, terminated, into
 * `value`.  False when there is none, or it does not fit; `value` is "" then.
 */
bool cmdline_find(const char *line, const char *key, char *value, size_t size);

/* The whole of text[0 .. length - 1] as a number: decimal, 0x hex; false when it is none. */
bool cmdline_number(const char *text, size_t length, uint64_t *number);

#endif
