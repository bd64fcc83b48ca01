// SPDX-License-Identifier: MIT
/*
 * A generated workload, as the text in which workloads are recorded (see pack.c).
 *
 *	trace-generate SEED EVENTS > TEXT
 */
#include <harness.h>
#include <host/host.h>
#include <kernel/cmdline.h>
#include <replay/generate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 10000000u

/* For the harness, whose random numbers are used here, and for the host of mm, which is not. */
void test_host_write(const char *line)
{
	puts(line);
}

void host_keep_log(const char *line)
{
	puts(line);
}

static void print_gfp(uint32_t i, uint32_t gfp)
{
	static const char *const classes[NR_TRACE_CLASSES] = {
		[TRACE_NONE] = "NONE", [TRACE_NOWAIT] = "NOWAIT",     [TRACE_ATOMIC] = "ATOMIC",
		[TRACE_NOIO] = "NOIO", [TRACE_NOFS] = "NOFS",         [TRACE_KERNEL] = "KERNEL",
		[TRACE_USER] = "USER", [TRACE_HIGHUSER] = "HIGHUSER",
	};
	static const char *const modifiers[] = {
		"ZERO",    "DMA",           "HIGHMEM", "MOVABLE",  "NOWARN",
		"NORETRY", "RETRY_MAYFAIL", "NOFAIL",  "MEMALLOC", "NOMEMALLOC",
	};
	const char *separator = " ";

	printf("G %u %s", i, classes[gfp & TRACE_CLASS_MASK]);
	for (unsigned bit = 0; bit < sizeof(modifiers) / sizeof(modifiers[0]); bit++) {
		if (gfp & (TRACE_ZERO << bit)) {
			printf("%s%s", separator, modifiers[bit]);
			separator = ",";
		}
	}
	printf("%s 0\n", *separator == ' ' ? " -" : "");
}

static void print_cache(uint32_t i, const struct trace_cache *cache)
{
	const char *flags = cache->flags & TRACE_CACHE_RECLAIMABLE ? "R"
			    : cache->flags & TRACE_CACHE_LINE      ? "H"
								   : "-";

	printf("C %u %s %u %u %u %s\n", i, cache->name, cache->size, cache->size, cache->align,
	       flags);
}

static void print_event(const struct trace_event *event)
{
	static const char letters[NR_TRACE_KINDS] = "kfacpqvwM";
	unsigned value = event->kind == TRACE_VMALLOC ? event->value * PAGE_SIZE : event->value;

	if (event->kind == TRACE_SAMPLE)
		printf("M generated=1\n");
	else if (trace_allocates(event))
		printf("%c %u %u %u %u\n", letters[event->kind], event->slot, value, event->gfp,
		       event->irqs_off * 4u);
	else
		printf("%c %u %u\n", letters[event->kind], event->slot, event->irqs_off * 4u);
}

static void print_trace(const struct trace *trace, unsigned nr_events)
{
	const struct trace_header *header = trace->header;

	printf("# generated\nH name %s\nH slots %u\nH events %u\n", header->name,
	       header->nr_slots, nr_events);
	for (uint32_t i = 0; i < header->nr_caches; i++)
		print_cache(i, &trace->caches[i]);
	for (uint32_t i = 0; i < header->nr_gfps; i++)
		print_gfp(i, trace->gfps[i]);
	for (uint32_t i = 0; i < header->nr_events; i++)
		print_event(&trace->events[i]);
}

int main(int argc, char **argv)
{
	uint64_t seed, events;
	struct trace trace;
	size_t size;
	void *bytes;

	if (argc != 3 || !cmdline_number(argv[1], strlen(argv[1]), &seed) ||
	    !cmdline_number(argv[2], strlen(argv[2]), &events) || events == 0 ||
	    events > EVENTS_MAX) {
		fprintf(stderr, "usage: trace-generate SEED EVENTS\n");
		return 2;
	}
	size = trace_generated_size((uint32_t)events);
	bytes = malloc(size);
	if (!bytes)
		return 1;
	trace_generate(seed, (uint32_t)events, bytes);
	if (trace_open(&trace, bytes, size))
		return 1;
	print_trace(&trace, (unsigned)events);
	free(bytes);
	return fflush(stdout) ? 1 : 0;
}
