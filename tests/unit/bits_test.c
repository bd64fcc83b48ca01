// SPDX-License-Identifier: MIT
/* Arithmetic on powers of two, against its definition in loops. */
#include <bits.h>
#include <harness.h>

TEST(powers_of_two)
{
	EXPECT(!is_power_of_2(0));
	for (unsigned i = 0; i < 8 * sizeof(size_t); i++) {
		size_t n = (size_t)1 << i;

		EXPECT(is_power_of_2(n));
		EXPECT(i == 0 || !is_power_of_2(n | 1));
		EXPECT(i < 2 || !is_power_of_2(n - 1));
	}
}

/* Of every pair of bits, with whatever lies between. */
TEST(lowest_and_highest)
{
	for (unsigned low = 0; low < 32; low++) {
		for (unsigned high = low; high < 32; high++) {
			uint32_t between = (1u << high) - (1u << low);
			uint32_t mask = 1u << low | 1u << high | (between & test_random());

			EXPECT_EQ(lowest_bit(mask), low);
			EXPECT_EQ(highest_bit(mask), high);
		}
	}
}

TEST(align_up_small)
{
	for (size_t align = 1; align <= 64; align *= 2) {
		for (size_t n = 0; n < 200; n++) {
			size_t expected = n;

			while (expected % align)
				expected++;
			EXPECT_EQ(align_up(n, align), expected);
		}
	}
	EXPECT_EQ(align_up(SIZE_MAX - 4095, 4096), SIZE_MAX - 4095);
	EXPECT_EQ(align_up(SIZE_MAX - 4096, 4096), SIZE_MAX - 4095);
}

TEST(pfn_align)
{
	for (unsigned order = 0; order <= MM_MAX_ORDER; order++) {
		for (unsigned i = 0; i < 100; i++) {
			pfn_t pfn = test_random();

			EXPECT_EQ(pfn_align_down(pfn, order), pfn - pfn % (1u << order));
		}
	}
	EXPECT_EQ(pfn_align_down(0xffffffff, 10), 0xfffffc00);
}

TEST(least_and_most)
{
	EXPECT_EQ(min_size(1, 2), 1);
	EXPECT_EQ(min_size(2, 1), 1);
	EXPECT_EQ(max_size(1, SIZE_MAX), SIZE_MAX);
	EXPECT_EQ(max_size(SIZE_MAX, 0), SIZE_MAX);
}

TEST_SUITE(bits, powers_of_two, lowest_and_highest, align_up_small, pfn_align, least_and_most);
