// SPDX-License-Identifier: MIT
/*
 * Any command line: each word that is found lies in the line, in order, without blanks; what
 * is found for a key is the value of the last word with it, and it fits; numbers are what
 * strtoull() says.
 */
#include "fuzz.h"
#include <kernel/cmdline.h>
#include <stdlib.h>
#include <string.h>

#define LINE 512u

static void check_word(const struct cmdline_word *word, const char *from, const char *end)
{
	EXPECT(word->key >= from && word->key + word->key_length <= end);
	EXPECT(!memchr(word->key, ' ', word->key_length));
	EXPECT(!memchr(word->key, '=', word->key_length));
	if (word->value) {
		EXPECT(word->value == word->key + word->key_length + 1);
		EXPECT(word->value + word->value_length <= end);
		EXPECT(!memchr(word->value, ' ', word->value_length));
	}
}

static void check_number(const struct cmdline_word *word)
{
	char text[LINE], *end;
	uint64_t number = 0;

	if (!word->value || !cmdline_number(word->value, word->value_length, &number))
		return;
	memcpy(text, word->value, word->value_length);
	text[word->value_length] = '\0';
	EXPECT_EQ(strtoull(text, &end, strncmp(text, "0x", 2) ? 10 : 16), number);
	EXPECT(*end == '\0');
}

/* The value of the last word with this word's key, found the naive way. */
static void check_find(const char *line, const struct cmdline_word *wanted)
{
	struct cmdline_word word, last = {0};
	const char *cursor = line;
	char key[LINE], value[16];
	bool found;

	memcpy(key, wanted->key, wanted->key_length);
	key[wanted->key_length] = '\0';
	while (cmdline_next(&cursor, &word)) {
		if (cmdline_key_is(&word, key) && word.value)
			last = word;
	}
	found = cmdline_find(line, key, value, sizeof(value));
	EXPECT(found == (last.value && last.value_length < sizeof(value)));
	if (found)
		EXPECT(strlen(value) == last.value_length &&
		       !memcmp(value, last.value, last.value_length));
	else
		EXPECT(value[0] == '\0');
}

TEST(any_command_line)
{
	char line[LINE];
	const char *cursor = line, *before = line;
	struct cmdline_word word;

	fuzz_text(line, sizeof(line));
	while (cmdline_next(&cursor, &word) && !test_failed()) {
		check_word(&word, before, line + strlen(line));
		check_number(&word);
		check_find(line, &word);
		EXPECT(cursor > before);
		before = cursor;
	}
}

TEST_SUITE(fuzz, any_command_line);
