/* SPDX-License-Identifier: MIT */
/*
 * The options of the command line.  Nothing there can keep the kernel from
 * booting: what is wrong is named in the log, and the default stays.
 */
#include <kernel/cmdline.h>
#include <kernel/options.h>
#include <kernel/printk.h>
#include <kernel/x86.h>
#include <mm/guard.h>

struct options options;

static const char *command_line = "";

typedef bool (*option_parser)(const struct cmdline_word *word);

static bool copy_value(const struct cmdline_word *word, char *to)
{
	if (word->value_length >= OPTION_TEXT_MAX)
		return false;
	for (size_t i = 0; i < word->value_length; i++)
		to[i] = word->value[i];
	to[word->value_length] = '\0';
	return true;
}

static bool parse_test(const struct cmdline_word *word)
{
	return copy_value(word, options.test);
}

static bool parse_bench(const struct cmdline_word *word)
{
	return options.bench_given = copy_value(word, options.bench);
}

static bool parse_seed(const struct cmdline_word *word)
{
	return options.seed_given =
		       cmdline_number(word->value, word->value_length, &options.seed);
}

/* 0 or 1 */
static bool parse_switch(const struct cmdline_word *word, bool *to)
{
	uint64_t number;

	if (!cmdline_number(word->value, word->value_length, &number) || number > 1)
		return false;
	*to = number;
	return true;
}

static bool parse_panic_on_report(const struct cmdline_word *word)
{
	return parse_switch(word, &options.panic_on_report);
}

static bool parse_reports(const struct cmdline_word *word)
{
	return parse_switch(word, &options.show_reports);
}

/* Without a value: all letters, all caches. */
static bool parse_slab_debug(const struct cmdline_word *word)
{
	return options.slab_debug_given = copy_value(word, options.slab_debug);
}

/* 0: any. */
static bool parse_shuffle(const struct cmdline_word *word)
{
	uint64_t seed;

	if (!cmdline_number(word->value, word->value_length, &seed) || seed > UINT32_MAX)
		return false;
	options.shuffle_seed = seed ? (uint32_t)seed : (uint32_t)rdtsc() | 1;
	return true;
}

static bool parse_fault(const struct cmdline_word *word)
{
	return options.fault_given = copy_value(word, options.fault);
}

#define GUARD_OBJECTS 64u

/* INTERVAL[,OBJECTS] */
static bool parse_guard_pages(const struct cmdline_word *word)
{
	uint64_t interval, objects = GUARD_OBJECTS;
	size_t n = 0;

	while (n < word->value_length && word->value[n] != ',')
		n++;
	if (!cmdline_number(word->value, n, &interval) || interval > UINT32_MAX)
		return false;
	if (n < word->value_length &&
	    (!cmdline_number(word->value + n + 1, word->value_length - n - 1, &objects) ||
	     objects == 0 || objects > MM_GUARD_MAX))
		return false;
	options.guard_interval = (unsigned)interval;
	options.guard_objects = (unsigned)objects;
	return true;
}

static bool parse_replay(const struct cmdline_word *word)
{
	return parse_switch(word, &options.replay);
}

static bool parse_selftest(const struct cmdline_word *word)
{
	for (enum selftest mode = SELFTEST_NONE + 1; mode < NR_SELFTESTS; mode++) {
		if (cmdline_value_is(word, selftest_name(mode))) {
			options.selftest = mode;
			return true;
		}
	}
	return false;
}

static const struct {
	const char *key;
	option_parser parse;
} known[] = {
	{"test", parse_test},
	{"bench", parse_bench},
	{"seed", parse_seed},
	{"panic_on_report", parse_panic_on_report},
	{"selftest", parse_selftest},
	{"reports", parse_reports},
	{"replay", parse_replay},
	{"slab_debug", parse_slab_debug},
	{"shuffle", parse_shuffle},
	{"fault", parse_fault},
	{"guard_pages", parse_guard_pages},
};

#define NR_KNOWN (sizeof(known) / sizeof(known[0]))

static void parse_word(const struct cmdline_word *word)
{
	for (size_t i = 0; i < NR_KNOWN; i++) {
		if (!cmdline_key_is(word, known[i].key))
			continue;
		if (!word->value || !known[i].parse(word))
			printk("command line: bad value, ignored: %.*s%s%.*s",
			       (int)word->key_length, word->key, word->value ? "=" : "",
			       (int)word->value_length, word->value ? word->value : "");
		return;
	}
	printk("command line: unknown here, left to the tests: %.*s", (int)word->key_length,
	       word->key);
}

void options_init(const char *line)
{
	const char *cursor = line;
	struct cmdline_word word;
	bool first = true;

	command_line = line;
	while (cmdline_next(&cursor, &word)) {
		/* QEMU's -kernel puts the path of the kernel in front, as did the first GRUB. */
		if (!first || word.value)
			parse_word(&word);
		first = false;
	}
}

bool cmdline_get(const char *key, char *value, size_t size)
{
	return cmdline_find(command_line, key, value, size);
}

bool cmdline_u64(const char *key, uint64_t *number)
{
	char value[OPTION_TEXT_MAX];
	size_t length = 0;

	if (!cmdline_get(key, value, sizeof(value)))
		return false;
	while (value[length])
		length++;
	if (cmdline_number(value, length, number))
		return true;
	printk("command line: not a number, ignored: %s=%s", key, value);
	return false;
}
