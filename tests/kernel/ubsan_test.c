// SPDX-License-Identifier: MIT
/* In a kernel that notices undefined behaviour (`make UBSAN=1`): of each kind one, and what is said of it. */
#include <harness.h>
#include <mm/format.h>

/* Undefined on purpose; the compiler must not know. */
static int hidden(int value)
{
	__asm__ volatile("" : "+r"(value));
	return value;
}

static volatile int sink;

#define INT_LEAST (-2147483647 - 1)

static void add(void)
{
	sink = hidden(2147483647) + hidden(1);
}

static void subtract(void)
{
	sink = hidden(INT_LEAST) - hidden(1);
}

static void multiply(void)
{
	sink = hidden(65536) * hidden(65536);
}

static void negate(void)
{
	sink = -hidden(INT_LEAST);
}

static void shift(void)
{
	sink = hidden(1) << hidden(40);
}

static void index_beyond(void)
{
	static int array[4];

	sink = *(&array[hidden(5)] - hidden(5));
}

static void misaligned(void)
{
	static int array[2];

	sink = *(int *)((uintptr_t)array + (uintptr_t)hidden(1));
}

static void invalid_bool(void)
{
	static char bytes[1] = {7};

	sink = *(bool *)(uintptr_t)(bytes + hidden(0));
}

static void wrap(void)
{
	const char *p = (const char *)(uintptr_t)hidden(-16);

	sink = (int)(uintptr_t)(p + (unsigned)hidden(32));
}

static void no_bit(void)
{
	sink = __builtin_ctz((unsigned)hidden(0));
}

static void no_elements(void)
{
	char array[hidden(-1)];

	sink = (int)sizeof(array);
}

static const struct {
	void (*commit)(void);
	const char *text;
} kinds[] = {
	{add, "1 + 2147483647 does not fit 'int'"},
	{subtract, "-2147483648 - 1 does not fit 'int'"},
	{multiply, "65536 * 65536 does not fit 'int'"},
	{negate, "-(-2147483648) does not fit 'int'"},
	{shift, "1 shifted by 40 bits, of 32"},
	{index_beyond, "index 5 is beyond 'int [4]'"},
	{misaligned, " is not aligned for 'int', which wants 4 bytes"},
	{invalid_bool, "7 is no value of '_Bool'"},
	{wrap, "a pointer wraps around: from 0xfffffff0 to 0x00000010"},
	{no_bit, "0 has no lowest or highest bit"},
	{no_elements, "an array of -1 elements"},
};

static bool is_watched(void)
{
#ifdef UBSAN
	return true;
#else
	return false;
#endif
}

/* Each place is reported once, so this suite can run once. */
TEST(each_kind_is_told)
{
	if (!is_watched())
		SKIP("not in this kernel");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		expect_report(MM_REPORT_UNDEFINED, 1);
		kinds[i].commit();
		kinds[i].commit();
		EXPECT_REPORT_TEXT("tests/kernel/ubsan_test.c:");
		EXPECT_REPORT_TEXT(kinds[i].text);
	}
}

TEST_SUITE(ubsan, each_kind_is_told);
