// SPDX-License-Identifier: MIT
/*
 * The harness itself: names are matched as its header says, a case's random numbers repeat,
 * and expectations are true exactly when they are met.  (That a failure is seen as one is
 * for tests/tools to prove, from outside.)
 */
#include <harness.h>
#include <run.h>

TEST(globs)
{
	EXPECT(glob_list_matches("buddy", "buddy"));
	EXPECT(!glob_list_matches("buddy", "buddy.split"));
	EXPECT(!glob_list_matches("buddy", "budd"));
	EXPECT(glob_list_matches("buddy*", "buddy.split"));
	EXPECT(glob_list_matches("*", ""));
	EXPECT(!glob_list_matches("", "buddy"));
	EXPECT(!glob_list_matches("", ""));
	EXPECT(glob_list_matches("*a*b", "xaxaxb"));
	EXPECT(!glob_list_matches("*a*b", "xaxaxbx"));
	EXPECT(glob_list_matches("slab,bu??y.*", "buddy.split"));
	EXPECT(glob_list_matches("slab,,buddy", "buddy"));
	EXPECT(!glob_list_matches("slab,kmalloc", "slab,kmalloc"));
	EXPECT(!glob_list_matches("sl*,kmalloc", "buddy"));
}

TEST(random_repeats)
{
	uint32_t first[8];
	size_t same = 0;

	random_begin();
	for (size_t i = 0; i < 8; i++)
		first[i] = test_random();
	random_begin();
	for (size_t i = 0; i < 8; i++) {
		EXPECT_EQ(test_random(), first[i]);
		same += i > 0 && first[i] == first[i - 1];
	}
	EXPECT(same < 7);
	for (unsigned n = 1; n < 100; n++)
		EXPECT(test_random_below(n) < n);
}

/* Every face of a die comes up about as often as it should. */
TEST(random_is_even)
{
	unsigned faces[6] = {0};

	for (unsigned i = 0; i < 6000; i++)
		faces[test_random_below(6)]++;
	for (size_t i = 0; i < 6; i++)
		EXPECTF(faces[i] > 800 && faces[i] < 1200, "face %zu came %u times of 6000", i,
			faces[i]);
}

TEST(values_are_wide)
{
	int minus_one = -1;
	uint64_t large = 1ull << 40;
	const char *p = "";

	EXPECT_EQ(minus_one, -1ll);
	EXPECT_EQ(large, 1099511627776ull);
	EXPECT_EQ(p, (uintptr_t)p);
	EXPECT_EQ((uint8_t)255, 255);
	EXPECT_STR("same", "same");
}

TEST_SUITE(harness, globs, random_repeats, random_is_even, values_are_wide);
