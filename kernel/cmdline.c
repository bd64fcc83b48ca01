/* SPDX-License-Identifier: MIT */
/* Takes a command line apart.  Pure; tested hosted as well as in the kernel. */
#include <kernel/cmdline.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool equal(const char *text, size_t length, const char *word)
{
	size_t i;

	for (i = 0; i < length && word[i]; i++)
		if (text[i] != word[i])
			return false;
	return i == length && !word[i];
}

bool cmdline_next(const char **cursor, struct cmdline_word *word)
{
	const char *at = *cursor;

	while (is_blank(*at))
		at++;
	if (!*at)
		return false;
	*word = (struct cmdline_word){.key = at};
	while (*at && !is_blank(*at) && *at != '=')
		at++;
	word->key_length = (size_t)(at - word->key);
	if (*at == '=') {
		word->value = ++at;
		while (*at && !is_blank(*at))
			at++;
		word->value_length = (size_t)(at - word->value);
	}
	*cursor = at;
	return true;
}

bool cmdline_key_is(const struct cmdline_word *word, const char *key)
{
	return equal(word->key, word->key_length, key);
}

bool cmdline_value_is(const struct cmdline_word *word, const char *value)
{
	return word->value && equal(word->value, word->value_length, value);
}

bool cmdline_find(const char *line, const char *key, char *value, size_t size)
{
	struct cmdline_word word, last = {0};

	while (cmdline_next(&line, &word))
		if (word.value && cmdline_key_is(&word, key))
			last = word;
	if (size > 0)
		value[0] = '\0';
	if (!last.value || last.value_length >= size)
		return false;
	for (size_t i = 0; i < last.value_length; i++)
		value[i] = last.value[i];
	value[last.value_length] = '\0';
	return true;
}

/* The digit's value, or 16. */
static unsigned digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c |= 0x20; /* lower case */
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

bool cmdline_number(const char *text, size_t length, uint64_t *number)
{
	unsigned base = 10;
	uint64_t n = 0;

	if (length > 2 && text[0] == '0' && (text[1] | 0x20) == 'x') {
		base = 16;
		text += 2;
		length -= 2;
	}
	if (length == 0)
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned d = digit(text[i]);

		if (d >= base || n > (UINT64_MAX - d) / base)
			return false;
		n = n * base + d;
	}
	*number = n;
	return true;
}
