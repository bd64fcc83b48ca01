// SPDX-License-Identifier: MIT
/*
 * See generate.h.  Time has phases of growth and of decline, as real loads have: in one phase
 * three of four events allocate, in the next one of four.  Of the live blocks the youngest die
 * first, mostly.
 */
#include "generate.h"
#include <harness.h>
#include <mem.h>

#define GROWTH_EVENTS 600u
#define PHASE_EVENTS  900u /* growth and decline */
#define NR_SAMPLES    100u
#define YOUNG         8u /* a free takes one of so many youngest, three times of four */

static const struct trace_cache caches[] = {
	{"node", 40, 0, 0},
	{"name", 128, 8, TRACE_CACHE_RECLAIMABLE},
	{"inode", 408, 8, TRACE_CACHE_RECLAIMABLE},
	{"large_inode", 792, 8, TRACE_CACHE_RECLAIMABLE},
	{"buffer", 60, 8, TRACE_CACHE_RECLAIMABLE},
	{"task", 1300, 64, TRACE_CACHE_LINE},
	{"vector", 3072, 64, TRACE_CACHE_LINE},
	{"file", 160, 64, TRACE_CACHE_LINE},
};

static const uint32_t gfps[] = {
	TRACE_KERNEL,
	TRACE_KERNEL | TRACE_ZERO,
	TRACE_NOFS,
	TRACE_NOIO | TRACE_NOWARN,
	TRACE_ATOMIC,
	TRACE_NOWAIT | TRACE_ZERO,
	TRACE_NONE | TRACE_NOWARN | TRACE_NORETRY,
	TRACE_KERNEL | TRACE_NORETRY | TRACE_RETRY_MAYFAIL,
	TRACE_HIGHUSER | TRACE_MOVABLE,
	TRACE_HIGHUSER | TRACE_ZERO,
	TRACE_USER,
};

#define NR_CACHES      (sizeof(caches) / sizeof(caches[0]))
#define NR_GFPS        (sizeof(gfps) / sizeof(gfps[0]))
#define FIRST_PAGE_GFP 8u /* from here on: for pages only */

struct generator {
	uint64_t random;
	uint32_t live; /* slots that are held are 0 .. live - 1 in `order`, the youngest last */
	uint32_t order[GENERATED_SLOTS];
	uint8_t kinds[GENERATED_SLOTS];
};

static uint32_t below(struct generator *g, uint32_t n)
{
	return (uint32_t)(((test_random_from(&g->random) >> 32) * n) >> 32);
}

static enum trace_kind draw_kind(struct generator *g)
{
	uint32_t dice = below(g, 100);

	return dice < 30   ? TRACE_KMALLOC
	       : dice < 90 ? TRACE_CACHE_ALLOC
	       : dice < 99 ? TRACE_PAGES_ALLOC
			   : TRACE_VMALLOC;
}

static uint32_t draw_value(struct generator *g, enum trace_kind kind)
{
	switch (kind) {
	case TRACE_KMALLOC:
		return 1 + below(g, 8u << below(g, 9)); /* to 2048, small ones most */
	case TRACE_CACHE_ALLOC:
		return below(g, 1 + below(g, (uint32_t)NR_CACHES)); /* the first most */
	case TRACE_PAGES_ALLOC: return below(g, 10) == 0;
	default: return 1 + below(g, 3);
	}
}

static struct trace_event make_alloc(struct generator *g)
{
	struct trace_event event = {.kind = draw_kind(g)};
	uint32_t nr_gfps = event.kind == TRACE_PAGES_ALLOC ? NR_GFPS : FIRST_PAGE_GFP;

	event.slot = g->order[g->live];
	event.value = draw_value(g, event.kind);
	event.gfp = below(g, nr_gfps);
	event.irqs_off = event.kind != TRACE_VMALLOC && below(g, 20) == 0;
	g->kinds[event.slot] = (uint8_t)event.kind;
	g->live++;
	return event;
}

static struct trace_event make_free(struct generator *g)
{
	uint32_t among = below(g, 4) && g->live > YOUNG ? YOUNG : g->live;
	uint32_t at = g->live - 1 - below(g, among), slot = g->order[at];
	struct trace_event event = {.slot = slot, .kind = g->kinds[slot] + 1u};

	event.irqs_off = g->kinds[slot] != TRACE_VMALLOC && below(g, 20) == 0;
	g->live--;
	memmove(&g->order[at], &g->order[at + 1], (g->live - at) * sizeof(g->order[0]));
	g->order[g->live] = slot;
	return event;
}

static struct trace_event make_event(struct generator *g, uint32_t i)
{
	bool growing = i % PHASE_EVENTS < GROWTH_EVENTS;
	bool alloc = below(g, 4) < (growing ? 3u : 1u);

	if (g->live == 0 || (alloc && g->live < GENERATED_SLOTS))
		return make_alloc(g);
	return make_free(g);
}

static uint32_t nr_samples(uint32_t nr_events)
{
	return nr_events < NR_SAMPLES ? nr_events : NR_SAMPLES;
}

size_t trace_generated_size(uint32_t nr_events)
{
	return sizeof(struct trace_header) + sizeof(caches) + sizeof(gfps) +
	       nr_samples(nr_events) * sizeof(struct trace_sample) +
	       ((size_t)nr_events + nr_samples(nr_events)) * sizeof(struct trace_event);
}

static void write_events(struct generator *g, uint32_t nr_events, struct trace_event *to)
{
	uint32_t samples = nr_samples(nr_events), taken = 0;

	for (uint32_t i = 0; i < nr_events; i++) {
		*to++ = make_event(g, i);
		if ((uint64_t)(i + 1) * samples / nr_events > taken)
			*to++ = (struct trace_event){.kind = TRACE_SAMPLE, .value = taken++};
	}
}

void trace_generate(uint64_t seed, uint32_t nr_events, void *bytes)
{
	struct generator g = {.random = seed};
	struct trace_header *header = bytes;
	char *to = (char *)(header + 1);

	*header = (struct trace_header){
		.magic = TRACE_MAGIC,
		.name = "generated",
		.nr_slots = GENERATED_SLOTS,
		.nr_caches = NR_CACHES,
		.nr_gfps = NR_GFPS,
		.nr_samples = nr_samples(nr_events),
		.nr_events = nr_events + nr_samples(nr_events),
	};
	for (uint32_t i = 0; i < GENERATED_SLOTS; i++)
		g.order[i] = i;
	memcpy(to, caches, sizeof(caches));
	to += sizeof(caches);
	memcpy(to, gfps, sizeof(gfps));
	to += sizeof(gfps);
	memset(to, 0, header->nr_samples * sizeof(struct trace_sample));
	to += header->nr_samples * sizeof(struct trace_sample);
	write_events(&g, nr_events, (struct trace_event *)to);
}
