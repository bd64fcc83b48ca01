// SPDX-License-Identifier: MIT
/*
 * Who has how much: live objects by the call sites that allocated them, as debugged caches have
 * recorded these (SLAB_STORE_USER).  See <mm/leak.h>.
 *
 * Sites are counted in a table that is hashed by their address, open, twice as large as it may get
 * full; memory for it is allocated before the other CPUs are stopped.
 */
#include <bits.h>
#include <leak.h>
#include <log.h>
#include <mem.h>
#include <mm/kvmalloc.h>
#include <mm/nolock.h>
#include <slab_debug.h>

#define SLOTS_SHIFT 10
#define SLOTS       (1u << SLOTS_SHIFT)
#define GOLDEN      0x9e3779b9u /* 2^32 over the golden ratio: neighbours go far apart */
#define NS_PER_MS   1000000ull

_Static_assert(SLOTS == 2 * MM_SITES, "twice as large as it may get full");

struct sites {
	uint64_t now;
	size_t nr;
	struct mm_site unknown;
	struct mm_site slots[SLOTS]; /* caller 0: empty */
};

/* Where this site is, or is to be; `unknown` when the table is full. */
static struct mm_site *site_of(struct sites *sites, uintptr_t caller)
{
	uint32_t i = (uint32_t)caller * GOLDEN >> (32 - SLOTS_SHIFT);

	while (sites->slots[i].caller && sites->slots[i].caller != caller)
		i = (i + 1) % SLOTS;
	if (!sites->slots[i].caller) {
		if (sites->nr == MM_SITES)
			return &sites->unknown;
		sites->nr++;
		sites->slots[i].caller = caller;
		sites->slots[i].youngest_ns = UINT64_MAX;
	}
	return &sites->slots[i];
}

static void add_object(const struct slab *slab, unsigned index, void *arg)
{
	const struct slab_history *history = slab_debug_history(slab, index);
	struct sites *sites = arg;
	struct mm_site *site = &sites->unknown;
	uint64_t age;

	if (history && history->alloc.caller) {
		site = site_of(sites, history->alloc.caller);
		/* Clocks of CPUs may differ a little. */
		age = sites->now > history->alloc.time ? sites->now - history->alloc.time : 0;
		site->oldest_ns = age > site->oldest_ns ? age : site->oldest_ns;
		site->youngest_ns = age < site->youngest_ns ? age : site->youngest_ns;
	}
	site->objects++;
	site->bytes += slab_debug_requested(slab, index);
}

static bool add_cache(struct kmem_cache *cache, void *arg)
{
	struct sites *sites = arg;
	size_t live;

	if (cache->flags & SLAB_STORE_USER) {
		leak_for_each_live(cache, add_object, sites);
		return true;
	}
	live = leak_live_objects(cache);
	sites->unknown.objects += live;
	sites->unknown.bytes += live * cache->object_size;
	return true;
}

static void count_all(struct sites *sites)
{
	memset(sites, 0, sizeof(*sites));
	mm_drain_deferred();
	mm_host_stop_cpus();
	sites->now = mm_host_time();
	leak_for_each_cache(add_cache, sites);
	mm_host_start_cpus();
}

/* Takes the site with the most bytes out of the table; NULL when it is empty. */
static const struct mm_site *take_largest(struct sites *sites, struct mm_site *taken)
{
	struct mm_site *largest = NULL;

	for (size_t i = 0; i < SLOTS; i++) {
		if (sites->slots[i].caller &&
		    (!largest || sites->slots[i].bytes > largest->bytes))
			largest = &sites->slots[i];
	}
	if (!largest)
		return NULL;
	*taken = *largest;
	largest->caller = 0;
	return taken;
}

bool mm_for_each_site(bool (*visit)(const struct mm_site *site, void *arg), void *arg)
{
	struct sites *sites = kvmalloc(sizeof(*sites), GFP_KERNEL | __GFP_NOWARN);
	struct mm_site site;
	bool more = true;

	if (!sites)
		return false;
	count_all(sites);
	while (more && take_largest(sites, &site))
		more = visit(&site, arg);
	if (more && sites->unknown.objects)
		visit(&sites->unknown, arg);
	kvfree(sites);
	return true;
}

struct shown {
	size_t n, most;
};

static bool show_site(const struct mm_site *site, void *arg)
{
	struct shown *shown = arg;
	const char *name = "?";
	size_t offset = 0;

	if (!site->caller) {
		if (shown->n)
			mm_log("mm: %10zu %8zu %31s not recorded", site->bytes, site->objects,
			       "");
		return false;
	}
	if (shown->n == 0)
		mm_log("mm: %10s %8s %15s %15s %s", "bytes", "objects", "oldest, ms",
		       "youngest, ms", "allocated by");
	if (shown->n++ >= shown->most)
		return true;
	mm_host_symbol(site->caller, &name, &offset);
	mm_log("mm: %10zu %8zu %15llu %15llu %p %s+0x%zx", site->bytes, site->objects,
	       (unsigned long long)(site->oldest_ns / NS_PER_MS),
	       (unsigned long long)(site->youngest_ns / NS_PER_MS), (void *)site->caller, name,
	       offset);
	return true;
}

void mm_show_sites(size_t most)
{
	struct shown shown = {0, most};

	mm_for_each_site(show_site, &shown);
	if (shown.n > most)
		mm_log("mm: %43s and %zu more call sites", "", shown.n - most);
}
