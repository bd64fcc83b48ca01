// SPDX-License-Identifier: MIT
/*
 * The replay of recorded workloads: a generated trace runs with every block's contents checked
 * and all memory coming back, the same each time; what is no trace is refused with the reason; a
 * trace that misuses slots, and damaged contents, are found at the event; and the sums are right.
 */
#include "live.h"
#include <mem.h>
#include <mm/kmalloc.h>
#include <mm/page_alloc.h>
#include <mm/stats.h>
#include <mm/vmalloc.h>
#include <replay/footprint.h>
#include <replay/generate.h>
#include <replay/histogram.h>
#include <replay/mix.h>
#include <replay/replay.h>

#define EVENTS 3000u

static const struct replay_options checked = {.check = true};

/* A trace in memory of its own, to be damaged. */
static struct {
	void *bytes;
	size_t size;
	struct trace_header *header;
	struct trace_cache *caches;
	uint32_t *gfps;
	struct trace_event *events;
} made;

static bool make(uint64_t seed, uint32_t nr_events)
{
	struct trace trace;

	made.size = trace_generated_size(nr_events);
	made.bytes = vzalloc(made.size);
	if (!made.bytes)
		return false;
	trace_generate(seed, nr_events, made.bytes);
	if (!EXPECT(!trace_open(&trace, made.bytes, made.size)))
		return false;
	made.header = made.bytes;
	made.caches = (struct trace_cache *)(uintptr_t)trace.caches;
	made.gfps = (uint32_t *)(uintptr_t)trace.gfps;
	made.events = (struct trace_event *)(uintptr_t)trace.events;
	return true;
}

static void unmake(void)
{
	vfree(made.bytes);
	made.bytes = NULL;
}

static bool replay(const struct replay_options *options, struct replay_result *result)
{
	struct trace trace;
	const char *wrong = trace_open(&trace, made.bytes, made.size);

	*result = (struct replay_result){0};
	return EXPECTF(!wrong, "not opened: %s", wrong) && replay_run(&trace, options, result);
}

/* --- what is right ------------------------------------------------------------------------ */

TEST(generated_traces_run)
{
	struct fingerprint before;
	struct replay_result result;

	allow_kept_pages(4); /* page tables */
	for (unsigned i = 0; i < 2 * test_effort() && !test_failed(); i++) {
		uint64_t seed = test_random64();

		if (!make(seed, EVENTS))
			SKIP("no room for a trace");
		live_settle(&before);
		EXPECTF(replay(&checked, &result), "seed 0x%llx, event %u: %s",
			(unsigned long long)seed, result.at, result.error);
		EXPECT_EQ(result.at, made.header->nr_events - 1);
		EXPECT(result.nr_samples > 90 && result.nr_samples <= 100);
		EXPECT(result.live_peak > 50000 && result.live_peak < 400000);
		unmake();
	}
}

TEST(same_seed_same_figures)
{
	struct replay_result first, second;

	allow_kept_pages(4);
	if (!make(1, EVENTS))
		SKIP("no room for a trace");
	replay(&checked, &first); /* gives caches the magazines that they keep */
	EXPECT(replay(&checked, &first));
	EXPECT(replay(&checked, &second));
	EXPECT_EQ(memcmp(&first, &second, sizeof(first)), 0);
	EXPECT(first.slabs.mean > RATIO_ONE);
	EXPECT(first.everything.mean > first.slabs.mean);
	EXPECT_EQ(first.recorded.mean, 0);
	unmake();
}

static uint64_t ticks;

static uint64_t steady_clock(void)
{
	return ticks += 7;
}

/* Each step counts the events of its kind; the clock's own cost is not in the costs. */
TEST(costs_count_the_calls)
{
	const struct replay_options timed = {.clock = steady_clock};
	uint64_t kmallocs = 0, objects = 0, pages = 0;
	struct replay_result result;

	allow_kept_pages(4);
	if (!make(2, EVENTS))
		SKIP("no room for a trace");
	for (uint32_t i = 0; i < made.header->nr_events; i++) {
		kmallocs += made.events[i].kind == TRACE_KMALLOC;
		objects += made.events[i].kind == TRACE_CACHE_ALLOC;
		pages += made.events[i].kind == TRACE_PAGES_ALLOC;
	}
	EXPECT(replay(&timed, &result));
	EXPECT_EQ(result.costs[STEP_KMALLOC].calls + result.costs[STEP_KZALLOC].calls,
		  kmallocs);
	EXPECT_EQ(result.costs[STEP_KFREE].calls, kmallocs); /* the rest is freed at the end */
	EXPECT_EQ(result.costs[STEP_CACHE_ALLOC].calls + result.costs[STEP_CACHE_ZALLOC].calls,
		  objects);
	EXPECT_EQ(result.costs[STEP_CACHE_FREE].calls, objects);
	EXPECT_EQ(result.costs[STEP_PAGES_ALLOC].calls + result.costs[STEP_PAGES_ZALLOC].calls,
		  pages);
	for (unsigned i = 0; i < NR_REPLAY_STEPS; i++) {
		EXPECT(result.costs[i].calls > 0);
		EXPECT_EQ(result.costs[i].max, 0);
	}
	unmake();
}

/* --- what is wrong ------------------------------------------------------------------------ */

/* Damage one word, look for the reason, repair. */
#define REFUSED(field, value, reason)                                     \
	do {                                                              \
		__typeof__(field) kept_ = (field);                        \
		const char *why_;                                         \
		(field) = (value);                                        \
		why_ = trace_open(&trace, made.bytes, made.size);         \
		EXPECTF(why_, #field " = " #value " is taken for right"); \
		if (why_)                                                 \
			EXPECT_STR(why_, reason);                         \
		(field) = kept_;                                          \
	} while (0)

#define REFUSED_EVENT(change, reason)                             \
	do {                                                      \
		struct trace_event kept_ = *event;                \
		const char *why_;                                 \
		event->change;                                    \
		why_ = trace_open(&trace, made.bytes, made.size); \
		EXPECTF(why_, #change " is taken for right");     \
		if (why_)                                         \
			EXPECT_STR(why_, reason);                 \
		*event = kept_;                                   \
	} while (0)

static struct trace_event *first_of_kind(enum trace_kind kind)
{
	struct trace_event *event = made.events;

	while (event->kind != kind)
		event++;
	return event;
}

TEST(what_is_no_trace_is_refused)
{
	struct trace trace;
	struct trace_event *event;

	allow_kept_pages(4);
	if (!make(3, EVENTS))
		SKIP("no room for a trace");
	REFUSED(made.header->magic[0], 'q', "it does not begin as a trace does");
	REFUSED(made.header->name[TRACE_NAME_MAX - 1], 'x', "its name does not end");
	REFUSED(made.header->nr_slots, TRACE_SLOTS_MAX + 1, "too many slots");
	REFUSED(made.header->nr_slots, 1, "a slot that is not there");
	REFUSED(made.header->nr_caches, TRACE_CACHES_MAX + 1, "too many caches");
	REFUSED(made.header->nr_gfps, TRACE_GFPS_MAX + 1, "too many combinations of flags");
	REFUSED(made.header->nr_samples, UINT32_MAX, "too many samples");
	REFUSED(made.header->nr_events, UINT32_MAX, "it ends early");
	REFUSED(made.header->nr_events, made.header->nr_events - 1,
		"something follows its end");
	REFUSED(made.caches[1].name[0], '\0', "a cache's name is empty or does not end");
	REFUSED(made.caches[1].size, 0, "a cache's size is impossible");
	REFUSED(made.caches[1].align, 24, "a cache's alignment is impossible");
	REFUSED(made.caches[1].align, 2 * PAGE_SIZE, "a cache's alignment is impossible");
	REFUSED(made.gfps[0], 0xf, "unknown flags");
	REFUSED(made.gfps[0], 0x10000, "unknown flags");
	event = first_of_kind(TRACE_CACHE_ALLOC);
	REFUSED_EVENT(kind = 15, "an event of no known kind");
	REFUSED_EVENT(unused = 1, "an event of no known kind");
	REFUSED_EVENT(slot = GENERATED_SLOTS, "a slot that is not there");
	REFUSED_EVENT(value = made.header->nr_caches, "a cache that is not there");
	REFUSED_EVENT(gfp = made.header->nr_gfps, "flags that are not there");
	event = first_of_kind(TRACE_PAGES_ALLOC);
	REFUSED_EVENT(value = MM_MAX_ORDER + 1, "a block of pages larger than any");
	event = first_of_kind(TRACE_VMALLOC);
	REFUSED_EVENT(value = 0, "an area of no pages");
	event = first_of_kind(TRACE_SAMPLE);
	REFUSED_EVENT(value = made.header->nr_samples, "a sample that is not there");
	EXPECT_STR(trace_open(&trace, made.bytes, sizeof(struct trace_header) - 1),
		   "it is shorter than its header");
	unmake();
}

/* Whatever the bytes are: a reason, or a replay that ends and gives all back. */
TEST(damaged_traces_do_no_harm)
{
	allow_kept_pages(8);
	if (!make(4, 500))
		SKIP("no room for a trace");
	unmake();
	for (unsigned i = 0; i < 40 * test_effort() && !test_failed(); i++) {
		struct replay_result result;
		struct trace trace;
		uint8_t *byte;

		if (!make(4, 500))
			return;
		byte = made.bytes;
		byte += test_random_below((uint32_t)made.size);
		*byte = (uint8_t)test_random();
		/* A cache or an area of megabytes is no harm, but no machine has to have it. */
		allow_reports(MM_REPORT_ALLOC_FAILED);
		allow_reports(MM_REPORT_BAD_SIZE);
		if (!trace_open(&trace, made.bytes, made.size))
			replay_run(&trace, &checked, &result);
		unmake();
	}
}

static void expect_error_at(uint32_t at, const char *error,
			    const struct replay_options *options)
{
	struct replay_result result;

	EXPECT(!replay(options, &result));
	if (EXPECT(result.error))
		EXPECT_STR(result.error, error);
	EXPECT_EQ(result.at, at);
}

TEST(misuse_of_slots_is_found_at_the_event)
{
	static struct trace_event *event;
	struct trace_event kept;
	uint32_t i = 1;

	allow_kept_pages(4);
	if (!make(5, EVENTS))
		SKIP("no room for a trace");
	while (!trace_allocates(&made.events[i]) || made.events[i].slot == made.events[0].slot)
		i++;
	event = &made.events[i];
	kept = *event;
	event->slot = made.events[0].slot;
	if (trace_allocates(&made.events[0]) && i == 1)
		expect_error_at(i, "an allocation into a slot that is taken", &checked);
	*event = kept;
	event->kind++;
	event->slot = GENERATED_SLOTS - 1;
	expect_error_at(i, "a free of a slot that is empty", &checked);
	*event = kept;
	for (i = 0; trace_allocates(&made.events[i]) || made.events[i].kind == TRACE_SAMPLE;)
		i++;
	made.events[i].kind ^= 2u; /* an object's free becomes one of pages, say */
	expect_error_at(i, "a free of another kind than the allocation", &checked);
	unmake();
}

/* The negative control of all contents checks. */
TEST(damaged_contents_are_found_at_the_free)
{
	struct replay_options options = {.check = true};
	uint32_t alloc = 0, free;

	allow_kept_pages(4);
	if (!make(6, EVENTS))
		SKIP("no room for a trace");
	while (made.events[alloc].kind != TRACE_CACHE_ALLOC)
		alloc++;
	free = alloc + 1;
	while (made.events[free].slot != made.events[alloc].slot ||
	       made.events[free].kind == TRACE_SAMPLE)
		free++;
	options.damage_at = alloc + 1;
	expect_error_at(free, "a block whose contents changed", &options);
	unmake();
}

/* --- the sums ------------------------------------------------------------------------------ */

TEST(histogram_tells_quantiles)
{
	struct histogram *h = vzalloc(sizeof(*h));

	allow_kept_pages(4);
	if (!h)
		SKIP("no room for a histogram");
	EXPECT_EQ(histogram_quantile(h, 990), 0);
	for (unsigned i = 0; i < 1000; i++)
		histogram_add(h, i);
	EXPECT_EQ(histogram_quantile(h, 500), 499);
	EXPECT_EQ(histogram_quantile(h, 999), 998);
	EXPECT_EQ(histogram_quantile(h, 1000), 999);
	EXPECT_EQ(h->calls, 1000);
	EXPECT_EQ(h->sum, 499500);
	histogram_add(h, 5000); /* in a step of 128: 4992 .. 5119, but no larger one came */
	EXPECT_EQ(histogram_quantile(h, 1000), 5000);
	histogram_add(h, 5100);
	histogram_add(h, 1u << 30);
	histogram_add(h, (uint64_t)1 << 40);
	EXPECT_EQ(h->max, (uint64_t)1 << 40);
	EXPECT_EQ(histogram_quantile(h, 998), 5119);
	vfree(h);
}

static bool own_cache_only(const struct kmem_cache *cache, size_t pages)
{
	struct footprint before, now;
	void *object;

	footprint_take(&before);
	object = kmem_cache_alloc((struct kmem_cache *)(uintptr_t)cache, GFP_KERNEL);
	footprint_since(&now, &before);
	kmem_cache_free((struct kmem_cache *)(uintptr_t)cache, object);
	return EXPECT_EQ(now.slabs, (uint64_t)pages * PAGE_SIZE) &&
	       EXPECT(now.everything >= now.slabs + pages * sizeof(struct page));
}

/* A slab more is its pages more; descriptors and magazines count for `everything` only. */
TEST(footprint_counts_pages_of_slabs)
{
	static const size_t sizes[] = {24, 500, 2600, 3000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct kmem_cache *cache =
			kmem_cache_create("test-footprint", sizes[i], 0, 0, NULL);

		ASSERT(cache);
		own_cache_only(cache, (size_t)1 << cache->order);
		EXPECT(kmem_cache_destroy(cache));
	}
	EXPECT_EQ(footprint_ratio(0, 0), 0);
	EXPECT_EQ(footprint_ratio(3, 2), 15000);
	EXPECT_EQ(footprint_ratio(2, 3), 6667);
}

/* 13 MB of blocks, and what they waste, twice over. */
#define MIX_PAGES ((size_t)32 << (20 - PAGE_SHIFT))

static size_t low_pages_free(void)
{
	struct mm_zone_info zone;
	size_t pages = 0;

	for (unsigned id = MM_ZONE_DMA; id <= MM_ZONE_NORMAL; id++)
		pages += mm_zone_info((enum mm_zone_id)id, &zone) ? zone.free : 0;
	return pages;
}

/*
 * What the random mix may waste: a little more than mm/README.md says, since a tenth of the
 * operations, and one seed, are enough for a test.  A change that raises these has a reason.
 */
TEST(random_mix_wastes_little)
{
	/* Above what any seed has been seen to come to. */
	static const ratio_t most[NR_MIX_MOMENTS] = {11700, 12900, 12900, 24000};
	struct mix_waste waste[NR_MIX_MOMENTS];

	allow_kept_pages(8);
	if (low_pages_free() < MIX_PAGES)
		SKIP("not enough memory");
	EXPECT(mix_run(test_random64(), MIX_OPERATIONS / 10, waste));
	for (unsigned i = 0; i < NR_MIX_MOMENTS; i++) {
		EXPECTF(waste[i].slabs <= most[i], "moment %u: %u of %u", i, waste[i].slabs,
			most[i]);
		EXPECT(waste[i].slabs > RATIO_ONE && waste[i].everything > waste[i].slabs);
	}
	test_note("slab bytes over requested: %u %u %u %u of 10000", waste[0].slabs,
		  waste[1].slabs, waste[2].slabs, waste[3].slabs);
}

TEST_SUITE(replay, generated_traces_run, same_seed_same_figures, costs_count_the_calls,
	   what_is_no_trace_is_refused, damaged_traces_do_no_harm,
	   misuse_of_slots_is_found_at_the_event, damaged_contents_are_found_at_the_free,
	   histogram_tells_quantiles, footprint_counts_pages_of_slabs,
	   random_mix_wastes_little);
