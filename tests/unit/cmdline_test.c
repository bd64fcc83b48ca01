// SPDX-License-Identifier: MIT
/* The kernel's command line: words, keys, values and numbers, with the input that people type. */
#include <harness.h>
#include <kernel/cmdline.h>
#include <mem.h>

/* The next word is this key and value (NULL: no value). */
static void expect_word(const char **cursor, const char *key, const char *value)
{
	struct cmdline_word word;

	ASSERT(cmdline_next(cursor, &word));
	EXPECTF(cmdline_key_is(&word, key), "expected the key %s, found %.*s", key,
		(int)word.key_length, word.key);
	EXPECT_EQ(word.value != NULL, value != NULL);
	if (value)
		EXPECTF(cmdline_value_is(&word, value), "expected the value %s, found %.*s",
			value, (int)word.value_length, word.value);
}

static void expect_end(const char **cursor)
{
	struct cmdline_word word;

	EXPECT(!cmdline_next(cursor, &word));
	EXPECT(!cmdline_next(cursor, &word));
}

TEST(words)
{
	const char *cursor = "test=buddy* quiet  seed=7\tx= =y a=b=c ";

	expect_word(&cursor, "test", "buddy*");
	expect_word(&cursor, "quiet", NULL);
	expect_word(&cursor, "seed", "7");
	expect_word(&cursor, "x", "");
	expect_word(&cursor, "", "y");
	expect_word(&cursor, "a", "b=c");
	expect_end(&cursor);
}

TEST(nothing)
{
	static const char *const lines[] = {"", " ", "\t \t"};

	for (size_t i = 0; i < 3; i++) {
		const char *cursor = lines[i];

		expect_end(&cursor);
	}
}

/* A key is the whole key. */
TEST(keys_and_values)
{
	const char *cursor = "test=fail";
	struct cmdline_word word;

	ASSERT(cmdline_next(&cursor, &word));
	EXPECT(cmdline_key_is(&word, "test"));
	EXPECT(!cmdline_key_is(&word, "tes"));
	EXPECT(!cmdline_key_is(&word, "tests"));
	EXPECT(!cmdline_key_is(&word, ""));
	EXPECT(cmdline_value_is(&word, "fail"));
	EXPECT(!cmdline_value_is(&word, "fai"));
	EXPECT(!cmdline_value_is(&word, "fails"));
	cursor = "test";
	ASSERT(cmdline_next(&cursor, &word));
	EXPECT(!cmdline_value_is(&word, ""));
}

TEST(find)
{
	const char *line = "a=1 b a=22 c=";
	char value[4];

	EXPECT(cmdline_find(line, "a", value, sizeof(value)));
	EXPECT_STR(value, "22"); /* the last one counts */
	EXPECT(cmdline_find(line, "c", value, sizeof(value)));
	EXPECT_STR(value, "");
	memset(value, 'x', sizeof(value));
	EXPECT(!cmdline_find(line, "b", value, sizeof(value)));
	EXPECT_STR(value, "");
	EXPECT(!cmdline_find(line, "d", value, sizeof(value)));
	EXPECT(cmdline_find(line, "a", value, 3));
	memset(value, 'x', sizeof(value));
	EXPECT(!cmdline_find(line, "a", value, 2)); /* no room for the end */
	EXPECT_STR(value, "");
	EXPECT_EQ(value[2], 'x');
	EXPECT(!cmdline_find(line, "a", value, 0));
}

static bool number_of(const char *text, uint64_t *number)
{
	size_t length = 0;

	while (text[length])
		length++;
	return cmdline_number(text, length, number);
}

TEST(numbers)
{
	static const struct {
		const char *text;
		uint64_t number;
	} good[] = {
		{"0", 0},
		{"7", 7},
		{"007", 7},
		{"18446744073709551615", UINT64_MAX},
		{"0x0", 0},
		{"0xffffffffffffffff", UINT64_MAX},
		{"0XaBcDeF", 0xabcdef},
		{"0x00000000000000000001", 1},
	};
	static const char *const bad[] = {
		"", "x", "0x", "-1", "+1", " 1", "1 ", "1k", "0x1g", "0b1", "1.5", "a",
		"18446744073709551616", "99999999999999999999", "0x10000000000000000",
		/* what lies around the digits in ASCII, with and without bit 5 */
		"/", ":", "@", "G", "`", "g", "\x10", "\x19"};
	uint64_t number;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		EXPECTF(number_of(good[i].text, &number), "%s is a number", good[i].text);
		EXPECT_EQ(number, good[i].number);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		number = 42;
		EXPECTF(!number_of(bad[i], &number), "\"%s\" is no number", bad[i]);
		EXPECT_EQ(number, 42);
	}
}

TEST_SUITE(cmdline, words, nothing, keys_and_values, find, numbers);
