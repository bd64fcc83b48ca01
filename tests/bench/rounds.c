// SPDX-License-Identifier: MIT
/* See rounds.h. */
#include "rounds.h"

bool bench_warming_up;

static void run_round(const struct bench_workload *workload)
{
	for (unsigned i = 0; i < workload->nr_rows; i++) {
		const struct bench_row *row = &workload->rows[i];

		if (row->measure && bench_wanted(row))
			bench_report(row, row->n, row->measure(row));
	}
	if (workload->run)
		workload->run();
}

void bench_run_rounds(const struct bench_workload *workload, unsigned rounds)
{
	if (!workload->begin || workload->begin()) {
		bench_warming_up = !workload->once;
		if (bench_warming_up)
			run_round(workload);
		bench_warming_up = false;
		for (unsigned round = 0; round < rounds; round++)
			run_round(workload);
	}
	if (workload->end)
		workload->end();
}
