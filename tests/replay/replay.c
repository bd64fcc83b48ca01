// SPDX-License-Identifier: MIT
/*
 * The replay: each event becomes one call of the allocator's public interface.
 *
 * Our own memory (a table of slots, histograms) lies in vmalloc areas, so that it is in none of
 * the slabs that are measured.  What slabs there were before does not count.
 *
 * Where the trace was in a handler or had interrupts off, so are we; and such a request does not
 * sleep, whatever its flags say: early in boot Linux masks that bit, and records what the
 * caller asked for.  Recorded flags that contradict each other here are made to agree.
 *
 * A clock is read right before and right after a call, and what two readings with nothing
 * between them cost is taken off.
 */
#include "replay.h"
#include "footprint.h"
#include "histogram.h"
#include <mm/kmalloc.h>
#include <mm/page_alloc.h>

#include <mm/port.h>
#include <mm/reclaim.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>
#include <unit/live.h>

/* A block that is held; kind is that of its allocation. */
struct block {
	void *p; /* struct page * of pages */
	uint32_t value : 24, kind : 4, held : 1, unused : 3;
};

struct replay {
	const struct trace *trace;
	const struct replay_options *options;
	struct replay_result *result;
	struct block *blocks;
	struct kmem_cache **caches;
	struct histogram *costs; /* NULL without a clock */
	uint64_t empty_cost;     /* what the clock itself costs */
	uint64_t live;           /* bytes asked for by live objects in slabs */
	struct footprint before;
	/* Sums of ratios, for the means. */
	uint64_t slabs, everything, recorded;
	uint32_t nr_recorded;
	gfp_t gfps[TRACE_GFPS_MAX];
};

static bool fail(struct replay *r, const char *why)
{
	if (!r->result->error)
		r->result->error = why;
	return false;
}

/* --- flags ------------------------------------------------------------------------------- */

static gfp_t gfp_of(uint32_t recorded)
{
	static const gfp_t classes[NR_TRACE_CLASSES] = {
		[TRACE_NONE] = 0,
		[TRACE_NOWAIT] = GFP_NOWAIT,
		[TRACE_ATOMIC] = GFP_ATOMIC,
		[TRACE_NOIO] = GFP_NOIO,
		[TRACE_NOFS] = GFP_NOFS,
		[TRACE_KERNEL] = GFP_KERNEL,
		[TRACE_USER] = GFP_USER,
		[TRACE_HIGHUSER] = GFP_HIGHUSER,
	};
	static const struct {
		uint32_t recorded;
		gfp_t gfp;
	} modifiers[] = {
		{TRACE_ZERO, __GFP_ZERO},         {TRACE_DMA, __GFP_DMA},
		{TRACE_HIGHMEM, __GFP_HIGHMEM},   {TRACE_MOVABLE, __GFP_MOVABLE},
		{TRACE_NOWARN, __GFP_NOWARN},     {TRACE_NORETRY, __GFP_NORETRY},
		{TRACE_NOFAIL, __GFP_NOFAIL},     {TRACE_RETRY_MAYFAIL, __GFP_RETRY_MAYFAIL},
		{TRACE_MEMALLOC, __GFP_MEMALLOC}, {TRACE_NOMEMALLOC, __GFP_NOMEMALLOC},
	};
	gfp_t gfp = classes[recorded & TRACE_CLASS_MASK];

	for (size_t i = 0; i < sizeof(modifiers) / sizeof(modifiers[0]); i++) {
		if (recorded & modifiers[i].recorded)
			gfp |= modifiers[i].gfp;
	}
	if (gfp & __GFP_DMA)
		gfp &= ~__GFP_HIGHMEM;
	if (gfp & __GFP_NOFAIL)
		gfp &= ~(__GFP_NORETRY | __GFP_RETRY_MAYFAIL);
	if (gfp & __GFP_NORETRY)
		gfp &= ~__GFP_RETRY_MAYFAIL;
	if (gfp & __GFP_NOMEMALLOC)
		gfp &= ~__GFP_MEMALLOC;
	return gfp;
}

/* As each function takes them. */
static gfp_t event_gfp(const struct replay *r, const struct trace_event *event)
{
	gfp_t gfp = r->gfps[event->gfp];

	if (event->irqs_off || !(gfp & __GFP_DIRECT_RECLAIM))
		gfp &= ~(__GFP_DIRECT_RECLAIM | __GFP_NOFAIL);
	if (event->kind == TRACE_KMALLOC)
		gfp &= ~(__GFP_HIGHMEM | __GFP_MOVABLE);
	if (event->kind == TRACE_CACHE_ALLOC)
		gfp &= ~(__GFP_HIGHMEM | __GFP_MOVABLE | __GFP_DMA);
	if (event->kind == TRACE_VMALLOC)
		gfp = (gfp | __GFP_HIGHMEM) & ~(__GFP_MOVABLE | __GFP_NOFAIL | __GFP_DMA);
	return gfp;
}

/* --- blocks ------------------------------------------------------------------------------ */

/* Bytes that the event asks for, from where the owner can write to. */
static size_t bytes_of(const struct replay *r, enum trace_kind kind, uint32_t value)
{
	switch (kind) {
	case TRACE_KMALLOC: return value;
	case TRACE_CACHE_ALLOC: return r->trace->caches[value].size;
	case TRACE_PAGES_ALLOC: return PAGE_SIZE << value;
	case TRACE_VMALLOC: return (size_t)value * PAGE_SIZE;
	default: return 0;
	}
}

/* Of these, what counts as asked of slabs. */
static size_t slab_bytes_of(const struct replay *r, const struct block *block)
{
	size_t bytes = bytes_of(r, block->kind, block->value);

	if (block->kind == TRACE_CACHE_ALLOC ||
	    (block->kind == TRACE_KMALLOC && bytes <= KMALLOC_MAX_CACHE_SIZE))
		return bytes;
	return 0;
}

static void sign(const struct replay *r, const struct block *block, uint32_t slot)
{
	if (block->kind == TRACE_PAGES_ALLOC)
		live_fill_pages(block->p, block->value, slot);
	else
		live_fill(block->p, bytes_of(r, block->kind, block->value), slot);
}

static bool is_signed(const struct replay *r, const struct block *block, uint32_t slot)
{
	if (block->kind == TRACE_PAGES_ALLOC)
		return live_filled_pages(block->p, block->value, slot);
	return live_filled(block->p, bytes_of(r, block->kind, block->value), slot);
}

static bool is_zero(const struct replay *r, const struct block *block)
{
	if (block->kind == TRACE_PAGES_ALLOC)
		return live_pages_all_bytes(block->p, block->value, 0);
	return live_all_bytes(block->p, bytes_of(r, block->kind, block->value), 0);
}

/* --- the calls --------------------------------------------------------------------------- */

static void *do_alloc(const struct replay *r, enum trace_kind kind, uint32_t value, gfp_t gfp)
{
	switch (kind) {
	case TRACE_KMALLOC: return kmalloc(value, gfp);
	case TRACE_CACHE_ALLOC: return kmem_cache_alloc(r->caches[value], gfp);
	case TRACE_PAGES_ALLOC: return alloc_pages(gfp, value);
	default: return __vmalloc((size_t)value * PAGE_SIZE, gfp);
	}
}

static void do_free(const struct replay *r, const struct block *block)
{
	switch (block->kind) {
	case TRACE_KMALLOC: kfree(block->p); break;
	case TRACE_CACHE_ALLOC: kmem_cache_free(r->caches[block->value], block->p); break;
	case TRACE_PAGES_ALLOC: __free_pages(block->p, block->value); break;
	default: vfree(block->p); break;
	}
}

static enum replay_step alloc_step(enum trace_kind kind, gfp_t gfp)
{
	bool zero = gfp & __GFP_ZERO;

	switch (kind) {
	case TRACE_KMALLOC: return zero ? STEP_KZALLOC : STEP_KMALLOC;
	case TRACE_CACHE_ALLOC: return zero ? STEP_CACHE_ZALLOC : STEP_CACHE_ALLOC;
	case TRACE_PAGES_ALLOC: return zero ? STEP_PAGES_ZALLOC : STEP_PAGES_ALLOC;
	default: return STEP_VMALLOC;
	}
}

static enum replay_step free_step(enum trace_kind allocated)
{
	switch (allocated) {
	case TRACE_KMALLOC: return STEP_KFREE;
	case TRACE_CACHE_ALLOC: return STEP_CACHE_FREE;
	case TRACE_PAGES_ALLOC: return STEP_PAGES_FREE;
	default: return STEP_VFREE;
	}
}

static uint64_t clock_of(const struct replay *r)
{
	return r->costs ? r->options->clock() : 0;
}

static void note_cost(struct replay *r, enum replay_step step, uint64_t start, uint64_t end)
{
	uint64_t cost = end - start;

	if (r->costs)
		histogram_add(&r->costs[step], cost > r->empty_cost ? cost - r->empty_cost : 0);
}

static bool replay_alloc(struct replay *r, const struct trace_event *event)
{
	struct block *block = &r->blocks[event->slot];
	gfp_t gfp = event_gfp(r, event);
	mm_irqflags_t flags = 0;
	uint64_t start, end;

	if (block->held)
		return fail(r, "an allocation into a slot that is taken");
	if (event->irqs_off)
		flags = mm_irq_save();
	start = clock_of(r);
	block->p = do_alloc(r, event->kind, event->value, gfp);
	end = clock_of(r);
	if (event->irqs_off)
		mm_irq_restore(flags);
	if (!block->p)
		return fail(r, "no memory");
	note_cost(r, alloc_step(event->kind, gfp), start, end);
	block->kind = event->kind;
	block->value = event->value;
	block->held = true;
	r->live += slab_bytes_of(r, block);
	if (r->options->check && (gfp & __GFP_ZERO) && !is_zero(r, block))
		return fail(r, "a zeroed block that is not zero");
	if (r->options->check)
		sign(r, block, event->slot + (r->options->damage_at == r->result->at + 1));
	return true;
}

static bool release(struct replay *r, uint32_t slot, bool irqs_off)
{
	struct block *block = &r->blocks[slot];
	bool damaged = r->options->check && !is_signed(r, block, slot);
	mm_irqflags_t flags = 0;
	uint64_t start, end;

	r->live -= slab_bytes_of(r, block);
	block->held = false;
	if (irqs_off)
		flags = mm_irq_save();
	start = clock_of(r);
	do_free(r, block);
	end = clock_of(r);
	if (irqs_off)
		mm_irq_restore(flags);
	note_cost(r, free_step(block->kind), start, end);
	return !damaged || fail(r, "a block whose contents changed");
}

static bool replay_free(struct replay *r, const struct trace_event *event)
{
	struct block *block = &r->blocks[event->slot];

	if (!block->held)
		return fail(r, "a free of a slot that is empty");
	/* The kinds of a free follow those of their allocations. */
	if (event->kind != block->kind + 1u)
		return fail(r, "a free of another kind than the allocation");
	return release(r, event->slot, event->irqs_off);
}

/* --- samples ----------------------------------------------------------------------------- */

static void sample(struct replay *r, const struct trace_sample *theirs)
{
	struct replay_result *result = r->result;
	bool peak = r->live > result->live_peak;
	ratio_t slabs, everything, recorded;
	struct footprint now;

	if (r->live == 0)
		return;
	footprint_since(&now, &r->before);
	slabs = footprint_ratio(now.slabs, r->live);
	everything = footprint_ratio(now.everything, r->live);
	recorded = footprint_ratio((uint64_t)theirs->slab_pages * PAGE_SIZE, theirs->requested);
	if (peak) {
		result->live_peak = r->live;
		result->slabs.peak = slabs;
		result->everything.peak = everything;
		result->recorded.peak = recorded;
	}
	result->live_end = r->live;
	result->slabs.end = slabs;
	result->everything.end = everything;
	result->recorded.end = recorded;
	r->slabs += slabs;
	r->everything += everything;
	r->recorded += recorded;
	r->nr_recorded += recorded != 0;
	result->nr_samples++;
}

static void finish_samples(struct replay *r)
{
	struct replay_result *result = r->result;

	if (result->nr_samples) {
		result->slabs.mean = (ratio_t)(r->slabs / result->nr_samples);
		result->everything.mean = (ratio_t)(r->everything / result->nr_samples);
	}
	if (r->nr_recorded)
		result->recorded.mean = (ratio_t)(r->recorded / r->nr_recorded);
}

static void finish_costs(struct replay *r)
{
	for (unsigned i = 0; r->costs && i < NR_REPLAY_STEPS; i++) {
		const struct histogram *h = &r->costs[i];

		r->result->costs[i] = (struct replay_cost){
			.calls = h->calls,
			.sum = h->sum,
			.p99 = histogram_quantile(h, 990),
			.p999 = histogram_quantile(h, 999),
			.max = h->max,
		};
	}
}

/* --- from begin to end ------------------------------------------------------------------- */

static bool replay_event(struct replay *r, const struct trace_event *event)
{
	if (event->kind == TRACE_SAMPLE) {
		sample(r, &r->trace->samples[event->value]);
		return true;
	}
	return trace_allocates(event) ? replay_alloc(r, event) : replay_free(r, event);
}

static bool replay_events(struct replay *r)
{
	for (uint32_t i = 0; i < r->trace->header->nr_events; i++) {
		r->result->at = i;
		if (!replay_event(r, &r->trace->events[i]))
			return false;
	}
	return true;
}

/* Free what the trace leaves live. */
static bool free_rest(struct replay *r)
{
	bool all = true;

	for (uint32_t i = 0; i < r->trace->header->nr_slots; i++) {
		if (r->blocks[i].held)
			all = release(r, i, false) && all;
	}
	return all;
}

static bool make_caches(struct replay *r)
{
	for (uint32_t i = 0; i < r->trace->header->nr_caches; i++) {
		const struct trace_cache *cache = &r->trace->caches[i];
		slab_flags_t flags = 0;

		if (cache->flags & TRACE_CACHE_RECLAIMABLE)
			flags |= SLAB_RECLAIM_ACCOUNT;
		if (cache->flags & TRACE_CACHE_LINE)
			flags |= SLAB_HWCACHE_ALIGN;
		r->caches[i] =
			kmem_cache_create(cache->name, cache->size, cache->align, flags, NULL);
		if (!r->caches[i])
			return fail(r, "a cache could not be made");
	}
	return true;
}

static bool destroy_caches(struct replay *r)
{
	bool all = true;

	for (uint32_t i = 0; i < r->trace->header->nr_caches; i++)
		all = kmem_cache_destroy(r->caches[i]) && all;
	return all || fail(r, "a cache has live objects when all is freed");
}

/* Least of some: the first may have to fetch the code. */
static uint64_t cost_of_clock(uint64_t (*clock)(void))
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < 16; i++) {
		uint64_t start = clock(), end = clock();

		if (end - start < least)
			least = end - start;
	}
	return least;
}

static bool set_up(struct replay *r)
{
	const struct trace_header *header = r->trace->header;

	for (uint32_t i = 0; i < header->nr_gfps; i++)
		r->gfps[i] = gfp_of(r->trace->gfps[i]);
	r->blocks = vzalloc((header->nr_slots + 1) * sizeof(*r->blocks));
	r->caches = vzalloc((header->nr_caches + 1) * sizeof(struct kmem_cache *));
	if (r->options->clock) {
		r->costs = vzalloc(NR_REPLAY_STEPS * sizeof(*r->costs));
		r->empty_cost = cost_of_clock(r->options->clock);
	}
	if (!r->blocks || !r->caches || (r->options->clock && !r->costs))
		return fail(r, "no memory for the replay's own tables");
	mm_shrink_all(); /* what others left empty is not spent on this */
	footprint_take(&r->before);
	return make_caches(r);
}

static void tear_down(struct replay *r)
{
	vfree(r->costs);
	vfree(r->caches);
	vfree(r->blocks);
}

bool replay_run(const struct trace *trace, const struct replay_options *options,
		struct replay_result *result)
{
	struct replay *r = vzalloc(sizeof(*r));

	*result = (struct replay_result){0};
	if (!r) {
		result->error = "no memory for the replay itself";
		return false;
	}
	r->trace = trace;
	r->options = options;
	r->result = result;
	if (set_up(r))
		replay_events(r);
	finish_samples(r);
	if (r->blocks && r->caches) {
		free_rest(r);
		destroy_caches(r);
	}
	finish_costs(r);
	tear_down(r);
	vfree(r);
	return !result->error;
}

const char *replay_step_name(enum replay_step step)
{
	static const char *const names[NR_REPLAY_STEPS] = {
		[STEP_KMALLOC] = "kmalloc",
		[STEP_KZALLOC] = "kzalloc",
		[STEP_KFREE] = "kfree",
		[STEP_CACHE_ALLOC] = "kmem_cache_alloc",
		[STEP_CACHE_ZALLOC] = "kmem_cache_zalloc",
		[STEP_CACHE_FREE] = "kmem_cache_free",
		[STEP_PAGES_ALLOC] = "alloc_pages",
		[STEP_PAGES_ZALLOC] = "alloc_pages, zeroed",
		[STEP_PAGES_FREE] = "__free_pages",
		[STEP_VMALLOC] = "vmalloc",
		[STEP_VFREE] = "vfree",
	};

	return names[step];
}
