// SPDX-License-Identifier: MIT
/* Globs for names of tests: `*` is any text, `?` any character; a comma separates globs. */
#include "run.h"

/* Does the glob that ends at `end` match all of `text`?  One star to go back to is enough. */
static bool glob_matches(const char *glob, const char *end, const char *text)
{
	const char *star = NULL, *retry = NULL;

	while (*text) {
		if (glob < end && *glob == '*') {
			star = ++glob;
			retry = text;
		} else if (glob < end && (*glob == '?' || *glob == *text)) {
			glob++;
			text++;
		} else if (star) {
			glob = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (glob < end && *glob == '*')
		glob++;
	return glob == end;
}

bool glob_list_matches(const char *globs, const char *text)
{
	while (*globs) {
		const char *end = globs;

		while (*end && *end != ',')
			end++;
		if (glob_matches(globs, end, text))
			return true;
		globs = *end ? end + 1 : end;
	}
	return false;
}
