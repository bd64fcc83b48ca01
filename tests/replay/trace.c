// SPDX-License-Identifier: MIT
/* See trace.h. */
#include "trace.h"
#include <mem.h>

bool trace_allocates(const struct trace_event *event)
{
	return event->kind == TRACE_KMALLOC || event->kind == TRACE_CACHE_ALLOC ||
	       event->kind == TRACE_PAGES_ALLOC || event->kind == TRACE_VMALLOC;
}

static const char *check_header(const struct trace_header *header)
{
	if (memcmp(header->magic, TRACE_MAGIC, sizeof(header->magic)))
		return "it does not begin as a trace does";
	if (header->name[TRACE_NAME_MAX - 1])
		return "its name does not end";
	if (header->nr_slots > TRACE_SLOTS_MAX)
		return "too many slots";
	if (header->nr_caches > TRACE_CACHES_MAX)
		return "too many caches";
	if (header->nr_gfps > TRACE_GFPS_MAX)
		return "too many combinations of flags";
	if (header->nr_samples > TRACE_VALUE_MAX)
		return "too many samples";
	return NULL;
}

static const char *check_tables(const struct trace *trace)
{
	for (uint32_t i = 0; i < trace->header->nr_caches; i++) {
		const struct trace_cache *cache = &trace->caches[i];

		if (!cache->name[0] || cache->name[TRACE_NAME_MAX - 1])
			return "a cache's name is empty or does not end";
		if (cache->size == 0 || cache->size > TRACE_VALUE_MAX)
			return "a cache's size is impossible";
		if ((cache->align & (cache->align - 1)) || cache->align > PAGE_SIZE)
			return "a cache's alignment is impossible";
	}
	for (uint32_t i = 0; i < trace->header->nr_gfps; i++) {
		if ((trace->gfps[i] & TRACE_CLASS_MASK) >= NR_TRACE_CLASSES ||
		    trace->gfps[i] & ~(TRACE_GFP_BITS | TRACE_CLASS_MASK))
			return "unknown flags";
	}
	return NULL;
}

static const char *check_event(const struct trace_header *header,
			       const struct trace_event *event)
{
	if (event->kind >= NR_TRACE_KINDS || event->unused)
		return "an event of no known kind";
	if (event->kind == TRACE_SAMPLE)
		return event->value < header->nr_samples ? NULL : "a sample that is not there";
	if (event->slot >= header->nr_slots)
		return "a slot that is not there";
	if (!trace_allocates(event))
		return NULL;
	if (event->gfp >= header->nr_gfps)
		return "flags that are not there";
	if (event->kind == TRACE_CACHE_ALLOC && event->value >= header->nr_caches)
		return "a cache that is not there";
	if (event->kind == TRACE_PAGES_ALLOC && event->value > MM_MAX_ORDER)
		return "a block of pages larger than any";
	if (event->kind == TRACE_VMALLOC && event->value == 0)
		return "an area of no pages";
	return NULL;
}

const char *trace_open(struct trace *trace, const void *bytes, size_t size)
{
	const struct trace_header *header = bytes;
	uint64_t expected = sizeof(*header);
	const char *wrong;

	if (size < sizeof(*header))
		return "it is shorter than its header";
	wrong = check_header(header);
	if (wrong)
		return wrong;
	trace->header = header;
	trace->caches = (const struct trace_cache *)(header + 1);
	trace->gfps = (const uint32_t *)(trace->caches + header->nr_caches);
	trace->samples = (const struct trace_sample *)(trace->gfps + header->nr_gfps);
	trace->events = (const struct trace_event *)(trace->samples + header->nr_samples);
	expected += (uint64_t)header->nr_caches * sizeof(*trace->caches) +
		    (uint64_t)header->nr_gfps * sizeof(*trace->gfps) +
		    (uint64_t)header->nr_samples * sizeof(*trace->samples) +
		    (uint64_t)header->nr_events * sizeof(*trace->events);
	if (size != expected)
		return size < expected ? "it ends early" : "something follows its end";
	wrong = check_tables(trace);
	for (uint32_t i = 0; !wrong && i < header->nr_events; i++)
		wrong = check_event(header, &trace->events[i]);
	return wrong;
}
