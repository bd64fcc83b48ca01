// SPDX-License-Identifier: MIT
/*
 * The formatter against the C library's: formats put together at random of all that both
 * know, for values at the borders and in between, and for buffers of any size.
 */
#include <harness.h>
#include <inttypes.h>
#include <mm/format.h>
#include <stdio.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"

#define TEXT_BYTES 256

static char ours[TEXT_BYTES], theirs[TEXT_BYTES], spec[40];

static void compare(int our_length, int their_length, size_t size)
{
	EXPECTF(our_length == their_length, "\"%s\": expected the length %d, found %d", spec,
		their_length, our_length);
	EXPECTF(size == 0 || strcmp(ours, theirs) == 0, "\"%s\": expected <%s>, found <%s>",
		spec, theirs, ours);
}

static size_t random_size(void)
{
	return test_random_below(2) ? TEXT_BYTES : test_random_below(30);
}

/* "%-08.3", with each part or without. */
static size_t random_start(bool zero_allowed)
{
	size_t n = 0;

	spec[n++] = '<';
	spec[n++] = '%';
	if (test_random_below(3) == 0)
		spec[n++] = '-';
	else if (zero_allowed && test_random_below(3) == 0)
		spec[n++] = '0';
	if (test_random_below(2))
		n += (size_t)sprintf(spec + n, "%u", 1 + test_random_below(30));
	if (test_random_below(3) == 0)
		n += (size_t)sprintf(spec + n, ".%u", test_random_below(25));
	return n;
}

static uint64_t random_value(void)
{
	uint64_t value = test_random64() >> test_random_below(64);

	switch (test_random_below(6)) {
	case 0: return 0;
	case 1: return -value;
	case 2: return ~0ull >> test_random_below(64);
	case 3: return (1ull << test_random_below(64)) - test_random_below(2);
	default: return value;
	}
}

/* The same format and argument to both, the argument in the type that the length says. */
#define BOTH(value)                                                                            \
	compare(mm_snprintf(ours, size, spec, (value)), snprintf(theirs, size, spec, (value)), \
		size)

static void one_number(void)
{
	static const char *const lengths[] = {"hh", "h", "", "l", "ll", "z"};
	static const char conversions[] = "diuxX";
	unsigned length = test_random_below(6);
	size_t n = random_start(true), size = random_size();
	uint64_t value = random_value();

	sprintf(spec + n, "%s%c>", lengths[length], conversions[test_random_below(5)]);
	switch (length) {
	case 3: BOTH((unsigned long)value); break;
	case 4: BOTH((unsigned long long)value); break;
	case 5: BOTH((size_t)value); break;
	default: BOTH((unsigned)value); break;
	}
}

TEST(numbers)
{
	for (unsigned i = 0; i < 20000 * test_effort() && !test_failed(); i++)
		one_number();
}

TEST(strings)
{
	static const char text[] = "the quick brown fox jumps over";

	for (unsigned i = 0; i < 4000 * test_effort() && !test_failed(); i++) {
		size_t n = random_start(false), size = random_size();

		const char *part = text + test_random_below(sizeof(text));

		strcpy(spec + n, "s>");
		BOTH(part);
	}
}

TEST(characters)
{
	for (unsigned i = 0; i < 4000 && !test_failed(); i++) {
		int value = '!' + (int)test_random_below(90);
		size_t size = random_size(), n = 0;

		spec[n++] = '%';
		if (test_random_below(2))
			spec[n++] = '-';
		sprintf(spec + n, "%uc", 1 + test_random_below(9));
		BOTH(value);
	}
}

/* Width and precision as arguments, of either sign. */
TEST(stars)
{
	for (unsigned i = 0; i < 8000 && !test_failed(); i++) {
		int width = (int)test_random_below(40) - 20;
		int precision = (int)test_random_below(40) - 20;
		size_t size = random_size();
		int value = (int)random_value();

		strcpy(spec, test_random_below(2) ? "%*.*d" : "%0*.*x");
		compare(mm_snprintf(ours, size, spec, width, precision, value),
			snprintf(theirs, size, spec, width, precision, value), size);
	}
}

TEST_SUITE(format_random, numbers, strings, characters, stars);
