// SPDX-License-Identifier: MIT
/*
 * Each workload runs some rounds: the first only warms up, and of the others the least counts.
 * Where the clock counts instructions all of them are the same.
 *
 * Each row is one line for people and one for programs, which begins with "bench" and has
 * tabs between name, operations, ticks, and ticks for each operation in hundredths.
 */
#include "driver.h"
#include "rounds.h"

#define ROUNDS   5u
#define MAX_ROWS 160u

static struct result {
	const struct bench_row *row;
	uint64_t operations, ticks;
} results[MAX_ROWS];

static unsigned nr_results;

bool bench_wanted(const struct bench_row *row)
{
	return bench_matches(row->name);
}

/* The row's result; a new one if it has none yet; NULL: there is no room. */
static struct result *result_of(const struct bench_row *row)
{
	for (unsigned i = 0; i < nr_results; i++) {
		if (results[i].row == row)
			return &results[i];
	}
	if (nr_results == MAX_ROWS)
		return NULL;
	results[nr_results].row = row;
	results[nr_results].operations = 0;
	return &results[nr_results++];
}

void bench_report(const struct bench_row *row, uint64_t operations, uint64_t ticks)
{
	struct result *result;

	if (bench_warming_up || operations == 0 || !bench_wanted(row))
		return;
	result = result_of(row);
	if (!result)
		return;
	if (result->operations == 0 || ticks < result->ticks) {
		result->operations = operations;
		result->ticks = ticks;
	}
}

static void run_workload(const struct bench_workload *workload)
{
	bench_run_rounds(workload, workload->once ? 1 : ROUNDS);
}

static uint64_t in_hundredths(const struct result *result)
{
	return bench_divide(result->ticks * 100, result->operations);
}

static void print_row(const struct bench_row *row)
{
	const struct result *result = result_of(row);
	uint64_t hundredths;

	if (!result || result->operations == 0 || result->ticks == 0) {
		bench_print("  %-52s      not on this machine", row->text);
		return;
	}
	hundredths = in_hundredths(result);
	bench_print("  %-52s %8u.%02u", row->text, (unsigned)bench_divide(hundredths, 100),
		    (unsigned)(hundredths - bench_divide(hundredths, 100) * 100));
	bench_print("bench\t%s\t%llu\t%llu\t%llu", row->name,
		    (unsigned long long)result->operations, (unsigned long long)result->ticks,
		    (unsigned long long)hundredths);
}

static unsigned nr_wanted(const struct bench_workload *workload)
{
	unsigned n = 0;

	for (unsigned i = 0; i < workload->nr_rows; i++)
		n += bench_wanted(&workload->rows[i]);
	return n;
}

static void print_rows(const struct bench_workload *workload)
{
	for (unsigned i = 0; i < workload->nr_rows; i++) {
		if (bench_wanted(&workload->rows[i]))
			print_row(&workload->rows[i]);
	}
}

unsigned bench_run_all(void)
{
	unsigned n = 0;

	for (const struct bench_workload *const *w = bench_workloads; *w; w++) {
		if (nr_wanted(*w) == 0)
			continue;
		run_workload(*w);
		print_rows(*w);
		n += nr_wanted(*w);
	}
	return n;
}

void bench_run_quietly(void)
{
	for (const struct bench_workload *const *w = bench_workloads; *w; w++) {
		if (nr_wanted(*w))
			run_workload(*w);
	}
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

bool bench_find(const char *name, uint64_t *hundredths)
{
	for (unsigned i = 0; i < nr_results; i++) {
		if (same(results[i].row->name, name) && results[i].operations) {
			*hundredths = in_hundredths(&results[i]);
			return true;
		}
	}
	return false;
}
