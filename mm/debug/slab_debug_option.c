// SPDX-License-Identifier: MIT
/*
 * The option slab_debug: which caches have which debug flags, by name.
 *
 * The text is kept, and read again for each cache that is made: it is short, and wrong letters
 * can be named once, when it is set.
 */
#include <log.h>
#include <mem.h>
#include <slab_debug.h>

static char text[MM_SLAB_DEBUG_TEXT_MAX]; /* [I] */
static bool given;                        /* [I] */

static slab_flags_t flag_of_letter(char letter)
{
	switch (letter) {
	case 'F': return SLAB_CONSISTENCY_CHECKS;
	case 'Z': return SLAB_RED_ZONE;
	case 'P': return SLAB_POISON;
	case 'U': return SLAB_STORE_USER;
	default: return 0;
	}
}

static bool ends_part(char c)
{
	return c == '\0' || c == ',' || c == ';';
}

/* Does the pattern, which ends with its part of the text, match the name?  * and ? */
bool slab_debug_matches(const char *pattern, const char *name)
{
	const char *star = NULL, *retry = NULL;

	while (*name) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = name;
		} else if (!ends_part(*pattern) && (*pattern == '?' || *pattern == *name)) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star;
			name = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return ends_part(*pattern);
}

/* The letters at *at, which is moved behind them. */
static slab_flags_t read_letters(const char **at)
{
	slab_flags_t flags = 0;

	if (ends_part(**at))
		flags = SLAB_DEBUG;
	for (; !ends_part(**at); (*at)++)
		flags |= flag_of_letter(**at);
	return flags;
}

/* Do the patterns at *at match?  There may be none, which match all.  Moves *at behind them. */
static bool read_patterns(const char **at, const char *name)
{
	bool matched = **at != ',';

	while (**at == ',') {
		(*at)++;
		matched = matched || slab_debug_matches(*at, name);
		while (!ends_part(**at))
			(*at)++;
	}
	return matched;
}

slab_flags_t slab_debug_wanted(const char *name)
{
	const char *at = text;

	while (given) {
		slab_flags_t flags = read_letters(&at);

		if (read_patterns(&at, name))
			return flags;
		if (*at++ == '\0')
			break;
	}
	return 0;
}

static void name_unknown_letters(void)
{
	bool letters = true;

	for (const char *at = text; *at; at++) {
		if (letters && !ends_part(*at) && *at != '-' && !flag_of_letter(*at))
			mm_log("mm: slab_debug=%s: there is no %c, ignored", text, *at);
		letters = *at == ';' || (letters && *at != ',');
	}
}

void slab_debug_init(const char *wanted)
{
	size_t length = 0;

	given = wanted != NULL;
	while (given && wanted[length] && length < sizeof(text) - 1)
		length++;
	if (given)
		memcpy(text, wanted, length);
	text[length] = '\0';
	name_unknown_letters();
}
