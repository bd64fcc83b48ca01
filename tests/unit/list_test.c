// SPDX-License-Identifier: MIT
/* Linked lists, against an array: random operations on two lists, both walked after each. */
#include <harness.h>
#include <list.h>
#include <mem.h>

#define ELEMENTS 12u
#define LISTS    2u

struct element {
	unsigned number;
	struct list link;
};

static struct element elements[ELEMENTS];
static struct list heads[LISTS];

/* The model: numbers in order. */
static unsigned order[LISTS][ELEMENTS], lengths[LISTS];

static void model_insert(unsigned list, unsigned at, unsigned number)
{
	memmove(&order[list][at + 1], &order[list][at],
		(lengths[list] - at) * sizeof(order[list][0]));
	order[list][at] = number;
	lengths[list]++;
}

static unsigned model_remove(unsigned list, unsigned at)
{
	unsigned number = order[list][at];

	lengths[list]--;
	memmove(&order[list][at], &order[list][at + 1],
		(lengths[list] - at) * sizeof(order[list][0]));
	return number;
}

static void compare(unsigned list)
{
	const struct list *link, *prev = &heads[list];
	unsigned n = 0;

	EXPECT_EQ(list_empty(&heads[list]), lengths[list] == 0);
	list_for_each (link, &heads[list]) {
		const struct element *element = list_entry(link, struct element, link);

		ASSERT(n < lengths[list]);
		ASSERT_EQ(element->number, order[list][n]);
		ASSERT_EQ(link->prev, prev);
		prev = link;
		n++;
	}
	EXPECT_EQ(n, lengths[list]);
	EXPECT_EQ(heads[list].prev, prev);
}

static void begin(void)
{
	for (unsigned i = 0; i < LISTS; i++) {
		list_init(&heads[i]);
		lengths[i] = 0;
	}
	for (unsigned i = 0; i < ELEMENTS; i++) {
		elements[i].number = i;
		list_add_tail(&heads[0], &elements[i].link);
		model_insert(0, lengths[0], i);
	}
}

/* One element from anywhere in either list goes to an end of either. */
static void move_one(void)
{
	unsigned from = lengths[0] == 0 || (lengths[1] && test_random_below(2));
	unsigned to = test_random_below(LISTS);
	unsigned number = model_remove(from, test_random_below(lengths[from]));
	struct list *link = &elements[number].link;

	switch (test_random_below(3)) {
	case 0:
		list_move(&heads[to], link);
		model_insert(to, 0, number);
		break;
	case 1:
		list_del(link);
		list_add(&heads[to], link);
		model_insert(to, 0, number);
		break;
	default:
		list_del(link);
		list_add_tail(&heads[to], link);
		model_insert(to, lengths[to], number);
	}
}

TEST(random_moves)
{
	begin();
	for (unsigned i = 0; i < 500 * test_effort() && !test_failed(); i++) {
		move_one();
		for (unsigned list = 0; list < LISTS; list++)
			compare(list);
	}
}

TEST_SUITE(list, random_moves);
