// SPDX-License-Identifier: MIT
/*
 * The hot paths cost no more than tests/bench/kernel/budgets.h grants them, so that nobody
 * makes them slower without noticing.
 *
 * Only where the clock counts instructions: then a figure is the same in each run, and any
 * instruction too many is the change's that has just been made.
 */
#include "../bench/driver.h"
#include "../bench/kernel/kernel_bench.h"
#include "icount.h"
#include <harness.h>
#include <kernel/version.h>

struct budget {
	const char *row;
	unsigned instructions;
};

#define BUDGET(id, row, instructions) {row, instructions},
static const struct budget budgets[] = {
#include "../bench/kernel/budgets.h"
};
#undef BUDGET

#define NR_BUDGETS   (sizeof(budgets) / sizeof(budgets[0]))
#define FILTER_BYTES 1024u
#define PAGE_TABLES  8u /* for the areas that are measured, and the workloads' own */

/* The rows with a budget, as a filter. */
static const char *all_rows(void)
{
	static char filter[FILTER_BYTES];
	size_t n = 0;

	for (size_t i = 0; i < NR_BUDGETS; i++) {
		for (const char *c = budgets[i].row; *c && n < FILTER_BYTES - 2; c++)
			filter[n++] = *c;
		filter[n++] = ',';
	}
	filter[n - 1] = 0;
	return filter;
}

/* All of them together, when the first one is asked for. */
static bool measure(void)
{
	static bool measured;

	if (measured)
		return true;
	allow_kept_pages(PAGE_TABLES);
	if (!bench_begin(all_rows()))
		return false;
	bench_run_quietly();
	bench_end();
	return measured = true;
}

static void hold(const struct budget *budget)
{
	uint64_t hundredths;

	if (!clock_counts_instructions())
		SKIP("the clock does not count instructions");
	if (QUARRY_COMPILER[0] != 'g')
		SKIP("the budgets are gcc's");
	ASSERT(measure());
	ASSERT(bench_find(budget->row, &hundredths));
	EXPECTF(hundredths <= budget->instructions * 100ull,
		"%s takes %u.%02u instructions; its budget is %u "
		"(tests/bench/kernel/budgets.h)",
		budget->row, (unsigned)(hundredths / 100), (unsigned)(hundredths % 100),
		budget->instructions);
}

#define BUDGET(id, row, instructions)                                    \
	TEST(id)                                                         \
	{                                                                \
		static const struct budget budget = {row, instructions}; \
                                                                         \
		hold(&budget);                                           \
	}
#include "../bench/kernel/budgets.h"
#undef BUDGET

#define BUDGET(id, row, instructions) id,
static const struct test_case *const cases[] = {
#include "../bench/kernel/budgets.h"
	NULL};

extern const struct test_suite budget_suite;
const struct test_suite budget_suite = {"budget", cases};
