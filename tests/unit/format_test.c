// SPDX-License-Identifier: MIT
/*
 * The formatter: by a table of what C says each conversion looks like, and at every size of
 * the buffer.  (tests/host/format_random_test.c compares with the C library at random.)
 */
#include <harness.h>
#include <mem.h>
#include <mm/format.h>

#define TEXT_BYTES 200

static size_t length_of(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

#define EXPECT_TEXT(expected, ...)                                         \
	do {                                                               \
		char text[TEXT_BYTES];                                     \
		int length = mm_snprintf(text, sizeof(text), __VA_ARGS__); \
		EXPECT_STR(text, expected);                                \
		EXPECT_EQ(length, length_of(expected));                    \
	} while (0)

TEST(plain)
{
	EXPECT_TEXT("a b\n", "a b\n");
	EXPECT_TEXT("100 %", "100 %%");
	EXPECT_TEXT("<x>", "<%c>", 'x');
	EXPECT_TEXT("<  x>", "<%3c>", 'x');
	EXPECT_TEXT("<x  >", "<%-3c>", 'x');
}

TEST(strings)
{
	EXPECT_TEXT("<abc>", "<%s>", "abc");
	EXPECT_TEXT("<>", "<%s>", "");
	EXPECT_TEXT("<  abc>", "<%5s>", "abc");
	EXPECT_TEXT("<abc  >", "<%-5s>", "abc");
	EXPECT_TEXT("<ab>", "<%.2s>", "abc");
	EXPECT_TEXT("<   ab>", "<%5.2s>", "abc");
	EXPECT_TEXT("<>", "<%.0s>", "abc");
	EXPECT_TEXT("<abc>", "<%.*s>", 3, "abcdef");
	EXPECT_TEXT("<abc>", "<%.*s>", -1, "abc");
	EXPECT_TEXT("<abc  >", "<%*s>", -5, "abc");
}

/* A text that is not terminated is read no further than the precision says. */
TEST(strings_unterminated)
{
	static const char abc[3] = {'a', 'b', 'c'};

	EXPECT_TEXT("<abc>", "<%.3s>", abc);
}

TEST(null_string)
{
	const char *volatile null = NULL;

	EXPECT_TEXT("<(null)>", "<%s>", null);
	EXPECT_TEXT("<(nu>", "<%.3s>", null);
}

TEST(numbers)
{
	EXPECT_TEXT("0 0 0 0 0", "%d %i %u %x %X", 0, 0, 0u, 0u, 0u);
	EXPECT_TEXT("-1 4294967295 ffffffff FFFFFFFF", "%d %u %x %X", -1, ~0u, ~0u, ~0u);
	EXPECT_TEXT("2147483647 -2147483648", "%d %d", INT32_MAX, INT32_MIN);
	EXPECT_TEXT("18446744073709551615", "%llu", ~0ull);
	EXPECT_TEXT("-9223372036854775808", "%lld", (long long)INT64_MIN);
	EXPECT_TEXT("123456789abcdef", "%llx", 0x123456789abcdefull);
	EXPECT_TEXT("4294967296 4294967295", "%llu %llu", 1ull << 32, (1ull << 32) - 1);
	EXPECT_TEXT("-1 1", "%ld %lu", -1l, 1ul);
	EXPECT_TEXT("5 -5", "%zu %td", (size_t)5, (ptrdiff_t)-5);
}

/* What does not fit the length is cut off, as C does; clang thinks that nobody wants that. */
TEST(short_numbers)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat"
	EXPECT_TEXT("-1 -1 255 65535", "%hhd %hd %hhu %hu", 255, 65535, -1, -1);
	EXPECT_TEXT("1 2 ff", "%hhd %hd %hhx", 257, 65538, 0xfffu);
#pragma GCC diagnostic pop
}

TEST(widths)
{
	EXPECT_TEXT("<   42>", "<%5d>", 42);
	EXPECT_TEXT("<42   >", "<%-5d>", 42);
	EXPECT_TEXT("<00042>", "<%05d>", 42);
	EXPECT_TEXT("<-0042>", "<%05d>", -42);
	EXPECT_TEXT("<  -42>", "<%5d>", -42);
	EXPECT_TEXT("<-42>", "<%2d>", -42);
	EXPECT_TEXT("<000ff>", "<%05x>", 255u);
	EXPECT_TEXT("<00FF>", "<%0*X>", 4, 255u);
	EXPECT_TEXT("<42  >", "<%*d>", -4, 42);
	EXPECT_TEXT("<000000000000000000000000000001>", "<%030u>", 1u);
}

TEST(precisions_of_numbers)
{
	EXPECT_TEXT("<042>", "<%.3d>", 42);
	EXPECT_TEXT("<-042>", "<%.3d>", -42);
	EXPECT_TEXT("<  042>", "<%5.3d>", 42);
	EXPECT_TEXT("<042  >", "<%-5.3d>", 42);
	EXPECT_TEXT("<00ff>", "<%.4x>", 255u);
	EXPECT_TEXT("<>", "<%.0d>", 0);
	EXPECT_TEXT("<7>", "<%.*u>", -3, 7u);
}

TEST(pointers)
{
	char expected[2 + 2 * sizeof(void *) + 1] = "0x";

	memset(expected + 2, '0', 2 * sizeof(void *));
	EXPECT_TEXT(expected, "%p", (void *)0);
	memcpy(expected + 2 * sizeof(void *) - 2, "beef", 4);
	EXPECT_TEXT(expected, "%p", (void *)0xbeef);
}

/* A conversion that there is not shows itself, and a lone % at the end does no harm. */
TEST(mistakes)
{
	const char *volatile unknown = "<%q>", *volatile cut = "<%",
			     *volatile cut_more = "<%-5";
	char text[TEXT_BYTES];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	mm_snprintf(text, sizeof(text), unknown);
	EXPECT_STR(text, "<%q>");
	mm_snprintf(text, sizeof(text), cut);
	EXPECT_EQ(text[0], '<');
	mm_snprintf(text, sizeof(text), cut_more);
	EXPECT_EQ(text[0], '<');
#pragma GCC diagnostic pop
}

/* Cut at every size: what fits, terminated, and nothing behind it; the length is the whole's. */
TEST(every_size)
{
	static const char whole[] = "frame 0x0012, order  7: free|";
	char text[64];

	for (size_t size = 0; size <= sizeof(whole) + 1; size++) {
		size_t kept = size < sizeof(whole) ? size : sizeof(whole);

		memset(text, '#', sizeof(text));
		EXPECT_EQ(mm_snprintf(text, size, "frame 0x%04x, order %2d: %-4s|", 0x12u, 7,
				      "free"),
			  sizeof(whole) - 1);
		if (kept > 0) {
			EXPECT_EQ(memcmp(text, whole, kept - 1), 0);
			EXPECT_EQ(text[kept - 1], '\0');
		}
		EXPECT_EQ(text[kept], '#');
	}
	EXPECT_EQ(mm_snprintf(NULL, 0, "%s", "measured"), 8);
}

TEST_SUITE(format, plain, strings, strings_unterminated, null_string, numbers, short_numbers,
	   widths, precisions_of_numbers, pointers, mistakes, every_size);
