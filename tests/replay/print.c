// SPDX-License-Identifier: MIT
/* See print.h. */
#include "print.h"
#include <harness.h>
#include <mm/format.h>

#define LINE_BYTES 160

static void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void print(const char *format, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, format);
	mm_vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	test_host_write(line);
}

static void print_waste(const char *key, const struct replay_waste *waste)
{
	print("replay\t%s\t%u\t%u\t%u", key, waste->mean, waste->peak, waste->end);
}

static void print_cost(enum replay_step step, const struct replay_cost *cost)
{
	unsigned long long mean = cost->sum * 100 / cost->calls;

	print("replay\tcost\t%s\t%llu\t%llu\t%llu\t%llu\t%llu", replay_step_name(step),
	      (unsigned long long)cost->calls, mean, (unsigned long long)cost->p99,
	      (unsigned long long)cost->p999, (unsigned long long)cost->max);
}

void replay_print(const struct trace *trace, const struct replay_result *result)
{
	print("replay\ttrace\t%s\t%u\t%u", trace->header->name, trace->header->nr_events,
	      trace->header->nr_slots);
	if (result->error)
		print("replay\terror\t%u\t%s", result->at, result->error);
	print("replay\tlive\t%u\t%llu\t%llu", result->nr_samples,
	      (unsigned long long)result->live_peak, (unsigned long long)result->live_end);
	print_waste("slabs", &result->slabs);
	print_waste("everything", &result->everything);
	print_waste("recorded", &result->recorded);
	for (unsigned i = 0; i < NR_REPLAY_STEPS; i++) {
		if (result->costs[i].calls)
			print_cost((enum replay_step)i, &result->costs[i]);
	}
}

void mix_print(const struct mix_waste waste[NR_MIX_MOMENTS])
{
	print("mix\tslabs\t%u\t%u\t%u\t%u", waste[MIX_FILLED].slabs,
	      waste[MIX_AFTER_FIRST].slabs, waste[MIX_AFTER_SECOND].slabs,
	      waste[MIX_HALVED].slabs);
	print("mix\teverything\t%u\t%u\t%u\t%u", waste[MIX_FILLED].everything,
	      waste[MIX_AFTER_FIRST].everything, waste[MIX_AFTER_SECOND].everything,
	      waste[MIX_HALVED].everything);
}
