// SPDX-License-Identifier: MIT
/*
 * Leaks since a mark: counts that are compared, and the objects themselves where a
 * debugged cache has recorded who allocated them.
 *
 * Caches are numbered in the order in which they are made, and so are tracks (track.c). So a
 * mark needs two numbers to know a new cache and a new object; no object is written to.
 *
 * All is read with the other CPUs stopped, since magazines have no lock, and under the lock of
 * the list of caches, then of each cache. Nothing is printed under them: what is to be
 * listed is looked for one by one, each time the oldest that is younger than the last.
 */
#include <bits.h>
#include <guard_hook.h>
#include <kmalloc.h>
#include <late.h>
#include <leak.h>
#include <magazine.h>
#include <mem.h>
#include <mm/nolock.h>
#include <slab_debug.h>
#include <window.h>
#include <zone.h>

/* Is it none of the allocator's own? */
static bool is_watched(const struct kmem_cache *cache)
{
	return !(cache->flags & SLAB_INTERNAL);
}

size_t leak_live_objects(struct kmem_cache *cache)
{
	size_t taken, cached;

	cache_lock(cache);
	taken = cache->nr_taken;
	cached = magazine_count(cache);
	cache_unlock(cache);
	return (taken > cached ? taken - cached : 0) + guard_live(cache, NULL, 0);
}

void leak_for_each_cache(bool (*visit)(struct kmem_cache *cache, void *arg), void *arg)
{
	mm_irqflags_t flags = mm_irq_save();
	struct list *link;

	mm_spin_lock(&cache_list_lock);
	list_for_each (link, &cache_list) {
		struct kmem_cache *cache = list_entry(link, struct kmem_cache, link);

		if (is_watched(cache) && !visit(cache, arg))
			break;
	}
	mm_spin_unlock(&cache_list_lock);
	mm_irq_restore(flags);
}

static void for_each_live_in(const struct list *slabs, leak_object_visitor visit, void *arg)
{
	const struct list *link;

	list_for_each (link, slabs) {
		const struct slab *slab = list_entry(link, struct slab, link);

		for (unsigned i = 0; i < slab->nr; i++)
			if (slab->state[i] == OBJECT_LIVE)
				visit(slab, i, arg);
	}
}

void leak_for_each_live(struct kmem_cache *cache, leak_object_visitor visit, void *arg)
{
	cache_lock(cache);
	for_each_live_in(&cache->partial, visit, arg);
	for_each_live_in(&cache->full, visit, arg);
	for_each_live_in(&cache->isolated, visit, arg);
	cache_unlock(cache);
}

/* --- counts --------------------------------------------------------------------- */

/* Free pages are those that compaction keeps together, too. */
static size_t pages_held(void)
{
	size_t held = 0;

	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		struct mm_zone_info info;

		if (mm_zone_info((enum mm_zone_id)i, &info))
			held += info.managed - info.free - info.isolated;
	}
	return held;
}

static void count_pages(size_t pages[MM_LEAK_NR_PAGES])
{
	size_t in_slabs = __atomic_load_n(&slab_pages, __ATOMIC_RELAXED);

	pages[MM_LEAK_LARGE] = __atomic_load_n(&kmalloc_large_pages, __ATOMIC_RELAXED);
	pages[MM_LEAK_VMALLOC] = window_pages_of(WINDOW_VMALLOC);
	pages[MM_LEAK_VMAP] = window_pages_of(WINDOW_VMAP);
	pages[MM_LEAK_BLOCKS] =
		pages_held() - in_slabs - pages[MM_LEAK_LARGE] - pages[MM_LEAK_VMALLOC];
}

static bool mark_cache(struct kmem_cache *cache, void *arg)
{
	struct mm_leak_mark *mark = arg;

	if (mark->nr_caches < MM_LEAK_CACHES) {
		mark->caches[mark->nr_caches].serial = cache->serial;
		mark->caches[mark->nr_caches].live = (uint32_t)leak_live_objects(cache);
		mark->nr_caches++;
	}
	mark->serial = cache->serial;
	return true;
}

void mm_leak_mark(struct mm_leak_mark *mark)
{
	memset(mark, 0, sizeof(*mark));
	mm_drain_deferred();
	mm_host_stop_cpus();
	mark->track = track_last();
	leak_for_each_cache(mark_cache, mark);
	count_pages(mark->pages);
	mm_host_start_cpus();
}

/* --- recorded objects ------------------------------------------------------------ */

void leak_copy(struct leaked *leaked, const struct slab *slab, unsigned index)
{
	const struct slab_history *history =
		slab_is_debugged(slab->cache) ? slab_debug_history(slab, index) : NULL;

	memset(leaked, 0, sizeof(*leaked));
	if (history)
		leaked->track = history->alloc;
	leaked->object = slab_object(slab, index);
	leaked->size = slab_debug_requested(slab, index);
	memcpy(leaked->cache, slab->cache->name, KMEM_CACHE_NAME_MAX);
}

void leak_describe(const struct report *report, const struct leaked *leaked)
{
	report_line(report, "object    %p: %zu bytes of cache %s", leaked->object, leaked->size,
		    leaked->cache);
	track_describe(report, "allocated", &leaked->track);
}

/* Those younger than `after`: how many, and the oldest of them. */
struct search {
	uint32_t after;
	size_t count;
	struct leaked oldest;
};

/* Tracks' numbers wrap. */
static bool is_younger(uint32_t number, uint32_t than)
{
	return (int32_t)(number - than) > 0;
}

static void search_object(const struct slab *slab, unsigned index, void *arg)
{
	const struct slab_history *history = slab_debug_history(slab, index);
	struct search *search = arg;

	if (!history || !history->alloc.caller ||
	    !is_younger(history->alloc.number, search->after))
		return;
	if (search->count++ == 0 ||
	    is_younger(search->oldest.track.number, history->alloc.number))
		leak_copy(&search->oldest, slab, index);
}

static bool search_cache(struct kmem_cache *cache, void *arg)
{
	if (cache->flags & SLAB_STORE_USER)
		leak_for_each_live(cache, search_object, arg);
	return true;
}

/* The oldest that is younger than `after`, copied; false: there is none. */
static bool next_leaked(uint32_t after, struct leaked *leaked)
{
	struct search search = {.after = after};

	mm_host_stop_cpus();
	leak_for_each_cache(search_cache, &search);
	mm_host_start_cpus();
	*leaked = search.oldest;
	return search.count > 0;
}

/* --- the report ------------------------------------------------------------------ */

/* What there is more than at the mark. */
struct growth {
	const struct mm_leak_mark *mark;
	size_t objects, recorded, pages[MM_LEAK_NR_PAGES], all_pages;

	/* One cache's, while they are listed: */
	uint32_t after; /* the serial of the last one */
	size_t in_cache;
	char cache[KMEM_CACHE_NAME_MAX];
};

/* Live objects of the cache at the mark; SIZE_MAX: it was not watched. */
static size_t live_before(const struct mm_leak_mark *mark, const struct kmem_cache *cache)
{
	for (size_t i = 0; i < mark->nr_caches; i++) {
		if (mark->caches[i].serial == cache->serial)
			return mark->caches[i].live;
	}
	return is_younger(cache->serial, mark->serial) ? 0 : SIZE_MAX;
}

/* Objects of a cache that were not live at the mark; *recorded is how many of them are known. */
static size_t growth_of(struct kmem_cache *cache, const struct mm_leak_mark *mark,
			size_t *recorded)
{
	struct search search = {.after = mark->track};
	size_t before = live_before(mark, cache), now = leak_live_objects(cache);

	search_cache(cache, &search);
	*recorded = search.count;
	return max_size(search.count, now > before ? now - before : 0);
}

static bool add_cache(struct kmem_cache *cache, void *arg)
{
	struct growth *growth = arg;
	size_t recorded;

	growth->objects += growth_of(cache, growth->mark, &recorded);
	growth->recorded += recorded;
	return true;
}

/* The next cache that has grown. */
static bool find_cache(struct kmem_cache *cache, void *arg)
{
	struct growth *growth = arg;
	size_t recorded;

	if (!is_younger(cache->serial, growth->after))
		return true;
	growth->after = cache->serial;
	growth->in_cache = growth_of(cache, growth->mark, &recorded);
	memcpy(growth->cache, cache->name, KMEM_CACHE_NAME_MAX);
	return growth->in_cache == 0;
}

static void measure(struct growth *growth, const struct mm_leak_mark *mark)
{
	size_t now[MM_LEAK_NR_PAGES];

	memset(growth, 0, sizeof(*growth));
	growth->mark = mark;
	mm_drain_deferred();
	mm_host_stop_cpus();
	leak_for_each_cache(add_cache, growth);
	count_pages(now);
	mm_host_start_cpus();
	for (unsigned i = 0; i < MM_LEAK_NR_PAGES; i++) {
		growth->pages[i] = now[i] > mark->pages[i] ? now[i] - mark->pages[i] : 0;
		growth->all_pages += growth->pages[i];
	}
}

static void report_caches(const struct report *report, struct growth *growth)
{
	do {
		growth->in_cache = 0;
		mm_host_stop_cpus();
		leak_for_each_cache(find_cache, growth);
		mm_host_start_cpus();
		if (growth->in_cache)
			report_line(report, "cache     %s: %zu objects", growth->cache,
				    growth->in_cache);
	} while (growth->in_cache);
}

static void report_pages(const struct report *report, const struct growth *growth)
{
	static const char *const kinds[MM_LEAK_NR_PAGES] = {
		[MM_LEAK_LARGE] = "in kmalloc blocks",
		[MM_LEAK_BLOCKS] = "in other blocks",
		[MM_LEAK_VMALLOC] = "in vmalloc areas",
		[MM_LEAK_VMAP] = "mapped by vmap",
	};

	for (unsigned i = 0; i < MM_LEAK_NR_PAGES; i++) {
		if (growth->pages[i])
			report_line(report, "pages     %zu %s", growth->pages[i], kinds[i]);
	}
}

static void report_objects(const struct report *report, const struct growth *growth)
{
	uint32_t after = growth->mark->track;
	struct leaked leaked;
	size_t listed = 0;

	while (listed < MM_LEAK_LISTED && next_leaked(after, &leaked)) {
		leak_describe(report, &leaked);
		after = leaked.track.number;
		listed++;
	}
	if (growth->recorded > listed)
		report_line(report, "          and %zu more that were recorded",
			    growth->recorded - listed);
}

size_t mm_leak_check(const struct mm_leak_mark *mark)
{
	struct growth growth;
	struct report report;

	measure(&growth, mark);
	if (growth.objects + growth.all_pages == 0)
		return 0;
	report_begin(&report, MM_REPORT_LEAK, 0, CALLER(),
		     "%zu objects and %zu pages are live that were not at the mark",
		     growth.objects, growth.all_pages);
	report_caches(&report, &growth);
	report_pages(&report, &growth);
	report_objects(&report, &growth);
	report_end(&report, "nothing: only found");
	return growth.objects + growth.all_pages;
}
