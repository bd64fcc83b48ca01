// SPDX-License-Identifier: MIT
/*
 * Memory maps against the simplest model of a set there is, one flag for each unit of
 * addresses: after every operation the map must hold the same bytes, in sorted ranges that
 * do not touch.  Every set of eight units meets every range; random ones go on from there,
 * at the bottom, in the middle and at the very end of the address space.
 *
 * When the array of ranges is full the map may lose memory, and must count that; but it
 * never holds a byte that was not added, or that was removed since.
 */
#include <harness.h>
#include <mem.h>
#include <memmap.h>

#define KIB       1024ull
#define MIB       (1024 * KIB)
#define TOP       (~(paddr_t)0) /* the last address that a range can end at */

#define UNITS_MAX 600u

/* Unit i is the addresses base + [i, i + 1) * size. */
struct model {
	paddr_t base, size;
	unsigned units;
	bool in[UNITS_MAX];
};

static struct memmap map;
static struct model model;

static void model_begin(paddr_t base, paddr_t size, unsigned units)
{
	memset(&model, 0, sizeof(model));
	model.base = base;
	model.size = size;
	model.units = units;
	memmap_clear(&map);
}

static paddr_t address_of(unsigned unit)
{
	return model.base + unit * model.size;
}

static void add(unsigned from, unsigned to)
{
	memmap_add(&map, address_of(from), address_of(to));
	for (unsigned i = from; i < to; i++)
		model.in[i] = true;
}

static void take_out(unsigned from, unsigned to)
{
	memmap_remove(&map, address_of(from), address_of(to));
	for (unsigned i = from; i < to; i++)
		model.in[i] = false;
}

/* I1: not empty, sorted, not touching. */
static bool check_form(void)
{
	if (!EXPECT(map.count <= MEMMAP_MAX_RANGES))
		return false;
	for (size_t i = 0; i < map.count; i++) {
		if (!EXPECT(map.ranges[i].start < map.ranges[i].end))
			return false;
		if (i > 0 && !EXPECT(map.ranges[i - 1].end < map.ranges[i].start))
			return false;
	}
	return true;
}

/* Is the unit in the map: all of it, some of it (which is wrong), nothing? */
static unsigned bytes_of_unit(unsigned unit)
{
	paddr_t bytes = 0, start = address_of(unit), end = start + model.size;

	for (size_t i = 0; i < map.count; i++) {
		paddr_t from = map.ranges[i].start > start ? map.ranges[i].start : start;
		paddr_t to = map.ranges[i].end < end ? map.ranges[i].end : end;

		if (from < to)
			bytes += to - from;
	}
	return bytes == 0 ? 0 : bytes == model.size ? 2 : 1;
}

static bool check_same(void)
{
	if (!check_form())
		return false;
	for (unsigned i = 0; i < model.units; i++) {
		if (!EXPECTF(bytes_of_unit(i) == (model.in[i] ? 2 : 0),
			     "unit %u: expected %s, found it otherwise", i,
			     model.in[i] ? "in" : "out"))
			return false;
	}
	return true;
}

/* --- by hand ---------------------------------------------------------------------- */

static void expect_ranges(size_t n, const struct mm_range *expected)
{
	ASSERT_EQ(map.count, n);
	for (size_t i = 0; i < n; i++) {
		EXPECT_EQ(map.ranges[i].start, expected[i].start);
		EXPECT_EQ(map.ranges[i].end, expected[i].end);
	}
}

#define EXPECT_RANGES(...)                                                                \
	expect_ranges(sizeof((struct mm_range[]){__VA_ARGS__}) / sizeof(struct mm_range), \
		      (struct mm_range[]){__VA_ARGS__})

TEST(empty_and_wrapping)
{
	memmap_clear(&map);
	memmap_add(&map, 0, 0);
	memmap_add(&map, 5, 5);
	memmap_add(&map, 9, 3);
	memmap_add(&map, TOP - 4095, 4096); /* a length that wraps at 2^64 */
	memmap_add(&map, TOP, 0);
	EXPECT_EQ(map.count, 0);
	EXPECT_EQ(map.dropped, 0);
	memmap_add(&map, 10, 20);
	memmap_remove(&map, 15, 15);
	memmap_remove(&map, 18, 12);
	memmap_remove(&map, TOP, 11);
	EXPECT_RANGES({10, 20});
}

/* The cases of Linux's memblock simulator, for adding. */
TEST(add_by_hand)
{
	memmap_clear(&map);
	memmap_add(&map, 16 * MIB, 32 * MIB);
	memmap_add(&map, 64 * MIB, 96 * MIB); /* disjoint, above */
	memmap_add(&map, 4 * MIB, 8 * MIB);   /* disjoint, below */
	EXPECT_RANGES({4 * MIB, 8 * MIB}, {16 * MIB, 32 * MIB}, {64 * MIB, 96 * MIB});
	memmap_add(&map, 12 * MIB, 20 * MIB); /* overlapping the bottom */
	memmap_add(&map, 90 * MIB, 99 * MIB); /* overlapping the top */
	EXPECT_RANGES({4 * MIB, 8 * MIB}, {12 * MIB, 32 * MIB}, {64 * MIB, 99 * MIB});
	memmap_add(&map, 13 * MIB, 14 * MIB); /* inside */
	memmap_add(&map, 4 * MIB, 8 * MIB);   /* twice */
	EXPECT_RANGES({4 * MIB, 8 * MIB}, {12 * MIB, 32 * MIB}, {64 * MIB, 99 * MIB});
	memmap_add(&map, 8 * MIB, 12 * MIB); /* filling a gap to the byte */
	EXPECT_RANGES({4 * MIB, 32 * MIB}, {64 * MIB, 99 * MIB});
	memmap_add(&map, 32 * MIB + 1, 64 * MIB); /* leaving one byte */
	EXPECT_RANGES({4 * MIB, 32 * MIB}, {32 * MIB + 1, 99 * MIB});
	memmap_add(&map, 0, 200 * MIB); /* around all */
	EXPECT_RANGES({0, 200 * MIB});
	memmap_add(&map, 300 * MIB, TOP); /* to the end of the world */
	EXPECT_RANGES({0, 200 * MIB}, {300 * MIB, TOP});
}

/* The same for removing. */
TEST(remove_by_hand)
{
	memmap_clear(&map);
	memmap_add(&map, 10 * MIB, 20 * MIB);
	memmap_add(&map, 30 * MIB, 40 * MIB);
	memmap_remove(&map, 0, 10 * MIB); /* absent, touching */
	memmap_remove(&map, 20 * MIB, 30 * MIB);
	memmap_remove(&map, 40 * MIB, TOP);
	EXPECT_RANGES({10 * MIB, 20 * MIB}, {30 * MIB, 40 * MIB});
	memmap_remove(&map, 5 * MIB, 11 * MIB);  /* overlapping the bottom */
	memmap_remove(&map, 19 * MIB, 25 * MIB); /* overlapping the top */
	memmap_remove(&map, 5 * MIB, 11 * MIB);  /* twice */
	EXPECT_RANGES({11 * MIB, 19 * MIB}, {30 * MIB, 40 * MIB});
	memmap_remove(&map, 32 * MIB, 33 * MIB); /* inside */
	EXPECT_RANGES({11 * MIB, 19 * MIB}, {30 * MIB, 32 * MIB}, {33 * MIB, 40 * MIB});
	memmap_remove(&map, 18 * MIB, 34 * MIB); /* over several */
	EXPECT_RANGES({11 * MIB, 18 * MIB}, {34 * MIB, 40 * MIB});
	memmap_remove(&map, 0, TOP);
	EXPECT_EQ(map.count, 0);
}

/* --- against the model ------------------------------------------------------------ */

#define FEW 8u

static void set_up(unsigned set)
{
	model_begin(0x10000, 0x400, FEW);
	for (unsigned i = 0; i < FEW; i++) {
		if (set >> i & 1)
			add(i, i + 1);
	}
}

/* 2^8 sets, 45 ranges, empty ones among them, two operations: 23,040 of them. */
TEST(every_small_set)
{
	for (unsigned set = 0; set < 1u << FEW && !test_failed(); set++) {
		for (unsigned from = 0; from <= FEW; from++) {
			for (unsigned to = from; to <= FEW; to++) {
				set_up(set);
				add(from, to);
				check_same();
				set_up(set);
				take_out(from, to);
				check_same();
			}
		}
	}
}

static void random_range(unsigned longest, unsigned *from, unsigned *to)
{
	*from = test_random_below(model.units);
	*to = *from + test_random_below(longest + 1);
	*to = *to < model.units ? *to : model.units;
}

static void random_operation(unsigned longest)
{
	unsigned from, to;

	random_range(longest, &from, &to);
	if (test_random_below(2))
		add(from, to);
	else
		take_out(from, to);
}

/* Places of which only the first and last unit differ from plain: both ends of the world. */
static void random_place(unsigned units)
{
	static const paddr_t sizes[] = {1, 0x400, PAGE_SIZE, 3 * PAGE_SIZE + 1};
	paddr_t size = sizes[test_random_below(4)];

	switch (test_random_below(3)) {
	case 0: model_begin(0, size, units); break;
	case 1: model_begin(TOP - units * size, size, units); break;
	default: model_begin(test_random64() >> 2, size, units);
	}
}

/* Up to 255 units make at most 128 ranges: nothing may be dropped. */
TEST(random_against_model)
{
	for (unsigned round = 0; round < 8 * test_effort() && !test_failed(); round++) {
		random_place(255);
		for (unsigned i = 0; i < 200 && !test_failed(); i++) {
			random_operation(1 + test_random_below(40));
			check_same();
		}
		EXPECT_EQ(map.dropped, 0);
	}
}

static void check_questions(unsigned from, unsigned to)
{
	unsigned in = 0;

	for (unsigned i = from; i < to; i++)
		in += model.in[i];
	EXPECT_EQ(memmap_bytes(&map, address_of(from), address_of(to)), in * model.size);
	EXPECT_EQ(memmap_intersects(&map, address_of(from), address_of(to)), in > 0);
	if (from < to)
		EXPECT_EQ(memmap_contains(&map, address_of(from), address_of(to)),
			  in == to - from);
}

/* contains, intersects and bytes, on all pairs of borders. */
TEST(questions)
{
	for (unsigned round = 0; round < 2 * test_effort() && !test_failed(); round++) {
		random_place(40);
		for (unsigned i = 0; i < 12; i++)
			random_operation(12);
		for (unsigned from = 0; from <= model.units; from++) {
			for (unsigned to = from; to <= model.units; to++)
				check_questions(from, to);
		}
	}
	EXPECT(!memmap_intersects(&map, 20, 10));
	EXPECT_EQ(memmap_bytes(&map, TOP, 0), 0);
}

/* The slowest way to find a place: try each unit border from the top. */
static paddr_t find_slowly(unsigned n, unsigned align, unsigned limit)
{
	for (unsigned at = limit + 1; at-- > 0;) {
		unsigned i = 0;

		if (at + n > limit || at % align)
			continue;
		while (i < n && model.in[at + i])
			i++;
		if (i == n)
			return address_of(at);
	}
	return MEMMAP_NOT_FOUND;
}

TEST(find_top_down)
{
	for (unsigned round = 0; round < 300 * test_effort() && !test_failed(); round++) {
		unsigned n = 1 + test_random_below(8), align = 1u << test_random_below(5);
		unsigned limit;

		model_begin(0, PAGE_SIZE, 64);
		for (unsigned i = 0; i < 10; i++)
			random_operation(16);
		limit = test_random_below(65);
		EXPECT_EQ(memmap_find_top_down(&map, n * PAGE_SIZE, align * PAGE_SIZE,
					       limit * PAGE_SIZE),
			  find_slowly(n, align, limit));
	}
}

TEST(find_at_the_ends)
{
	memmap_clear(&map);
	EXPECT_EQ(memmap_find_top_down(&map, 1, 1, TOP), MEMMAP_NOT_FOUND);
	memmap_add(&map, 0, PAGE_SIZE);
	EXPECT_EQ(memmap_find_top_down(&map, PAGE_SIZE, PAGE_SIZE, TOP), 0);
	EXPECT_EQ(memmap_find_top_down(&map, PAGE_SIZE + 1, 1, TOP), MEMMAP_NOT_FOUND);
	EXPECT_EQ(memmap_find_top_down(&map, PAGE_SIZE, 1, PAGE_SIZE - 1), MEMMAP_NOT_FOUND);
	EXPECT_EQ(memmap_find_top_down(&map, TOP, 1, TOP), MEMMAP_NOT_FOUND);
	memmap_add(&map, TOP - 100, TOP);
	EXPECT_EQ(memmap_find_top_down(&map, 100, 1, TOP), TOP - 100);
	EXPECT_EQ(memmap_find_top_down(&map, 64, 32, TOP), TOP - 95);
	/* The only multiple of 64 up there lies before the range: the next one below serves. */
	EXPECT_EQ(memmap_find_top_down(&map, 64, 64, TOP), PAGE_SIZE - 64);
}

/* A page stays exactly if its four quarters were there. */
TEST(trim_to_pages)
{
	for (unsigned round = 0; round < 40 * test_effort() && !test_failed(); round++) {
		random_place(200);
		model.size = PAGE_SIZE / 4;
		model.base = test_random_below(2) ? 0 : (test_random64() >> 3 & PAGE_MASK);
		for (unsigned i = 0; i < 40; i++)
			random_operation(12);
		for (unsigned page = 0; page < model.units; page += 4) {
			bool *q = &model.in[page];

			q[0] = q[1] = q[2] = q[3] = q[0] && q[1] && q[2] && q[3];
		}
		memmap_trim_to_pages(&map);
		check_same();
	}
}

/* Rounding up the start of the last page of all would wrap to 0. */
TEST(trim_at_the_end)
{
	memmap_clear(&map);
	memmap_add(&map, TOP - 100, TOP);
	memmap_trim_to_pages(&map);
	EXPECT_EQ(map.count, 0);
	memmap_add(&map, TOP - 3 * PAGE_SIZE, TOP);
	memmap_trim_to_pages(&map);
	EXPECT_RANGES({TOP - 3 * PAGE_SIZE + 1, TOP - PAGE_SIZE + 1});
}

/* --- a full array ----------------------------------------------------------------- */

/* Range i: i + 1 pages long, 1 MiB apart. */
static void fill(void)
{
	memmap_clear(&map);
	for (unsigned i = 0; i < MEMMAP_MAX_RANGES; i++)
		memmap_add(&map, i * MIB, i * MIB + (i + 1) * 4 * KIB);
	ASSERT_EQ(map.count, MEMMAP_MAX_RANGES);
	ASSERT_EQ(map.dropped, 0);
}

TEST(full_drops_the_smallest)
{
	fill();
	memmap_add(&map, 500 * MIB, 500 * MIB + 4096); /* no larger than the smallest */
	EXPECT_EQ(map.dropped, 1);
	EXPECT(!memmap_intersects(&map, 500 * MIB, 501 * MIB));
	memmap_add(&map, 500 * MIB, 501 * MIB); /* larger: the smallest goes */
	EXPECT_EQ(map.dropped, 2);
	EXPECT(memmap_contains(&map, 500 * MIB, 501 * MIB));
	EXPECT(!memmap_intersects(&map, 0, MIB));
	EXPECT(memmap_contains(&map, MIB, MIB + 8192));
	check_form();
	memmap_add(&map, 20 * MIB + 512 * KIB, 21 * MIB - 1); /* before some, after others */
	EXPECT_EQ(map.dropped, 3);
	EXPECT(memmap_contains(&map, 20 * MIB + 512 * KIB, 21 * MIB - 1));
	EXPECT(!memmap_intersects(&map, MIB, 2 * MIB));
	check_form();
}

TEST(full_still_merges)
{
	fill();
	memmap_add(&map, 8 * KIB, MIB); /* touches range 1 only */
	EXPECT_EQ(map.dropped, 0);
	memmap_add(&map, 4 * KIB, 8 * KIB); /* closes the gap: one entry is free again */
	EXPECT_EQ(map.count, MEMMAP_MAX_RANGES - 1);
	memmap_add(&map, 500 * MIB, 501 * MIB);
	EXPECT_EQ(map.dropped, 0);
}

TEST(full_split_keeps_the_larger)
{
	fill();
	memmap_remove(&map, 100 * MIB + 4096, 100 * MIB + 8192);
	EXPECT_EQ(map.dropped, 1);
	EXPECT(!memmap_intersects(&map, 100 * MIB, 100 * MIB + 8192));
	EXPECT(memmap_contains(&map, 100 * MIB + 8192, 100 * MIB + 101 * 4096));
	memmap_remove(&map, 90 * MIB + 80 * 4096, 90 * MIB + 81 * 4096);
	EXPECT_EQ(map.dropped, 2);
	EXPECT(memmap_contains(&map, 90 * MIB, 90 * MIB + 80 * 4096));
	EXPECT(!memmap_intersects(&map, 90 * MIB + 80 * 4096, 91 * MIB));
	check_form();
}

/* Nothing in the map that is not in the model; less only when something was dropped. */
static void check_subset(void)
{
	unsigned lost = 0;

	check_form();
	for (unsigned i = 0; i < model.units; i++) {
		unsigned found = bytes_of_unit(i);

		if (!EXPECTF(found != 1, "unit %u is in the map in part", i) ||
		    !EXPECTF(found == 0 || model.in[i], "unit %u: expected out, found in", i))
			return;
		lost += model.in[i] && found == 0;
	}
	EXPECTF(lost == 0 || map.dropped > 0, "%u units lost, and none counted", lost);
}

/* 300 single units in random order, of which 128 fit; then whatever comes. */
TEST(full_never_gains)
{
	for (unsigned round = 0; round < test_effort() && !test_failed(); round++) {
		random_place(UNITS_MAX);
		for (unsigned i = 0, unit = 0; i < UNITS_MAX / 2; i++) {
			unit = (unit + 2 * 77) % UNITS_MAX;
			add(unit, unit + 1);
		}
		check_subset();
		for (unsigned i = 0; i < 700 && !test_failed(); i++) {
			random_operation(1 + test_random_below(3));
			if (i % 8 == 0 || i > 650)
				check_subset();
		}
		EXPECT(map.dropped > 0);
	}
}

TEST_SUITE(memmap, empty_and_wrapping, add_by_hand, remove_by_hand, every_small_set,
	   random_against_model, questions, find_top_down, find_at_the_ends, trim_to_pages,
	   trim_at_the_end, full_drops_the_smallest, full_still_merges,
	   full_split_keeps_the_larger, full_never_gains);
