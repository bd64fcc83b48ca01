// SPDX-License-Identifier: MIT
/*
 * The invariants of slabs and magazines (slab.c, magazine.c).
 *
 * Under the cache's lock, with the other CPUs stopped, without output.
 */
#include <check.h>
#include <magazine.h>

enum which_list {
	LIST_PARTIAL,
	LIST_FULL,
	LIST_EMPTY
};

/* I2: the free list, without a cycle, has the length that nr_taken leaves. */
static void check_free_list(const struct slab *slab, struct violations *found)
{
	unsigned expected = (unsigned)slab->nr - slab->nr_taken, length = 0;
	uint8_t index = slab->first_free;

	while (index != OBJECT_FREE_LAST && length <= expected) {
		if (index >= slab->nr) {
			violation_add(found, (uintptr_t)slab->base,
				      "a slab's free list leads astray");
			return;
		}
		index = slab->state[index];
		length++;
	}
	if (length != expected)
		violation_add(found, (uintptr_t)slab->base,
			      "a slab's free list has a wrong length");
}

/* Count objects by state. */
static void count_states(const struct slab *slab, size_t *taken, size_t *cached)
{
	for (unsigned i = 0; i < slab->nr; i++) {
		*cached += slab->state[i] == OBJECT_CACHED;
		*taken += slab->state[i] == OBJECT_CACHED || slab->state[i] == OBJECT_LIVE;
	}
}

/* I1: on the right list. */
static bool belongs_on(const struct slab *slab, enum which_list which)
{
	switch (which) {
	case LIST_FULL: return slab->nr_taken == slab->nr;
	case LIST_EMPTY: return slab->nr_taken == 0;
	default: return slab->nr_taken > 0 && slab->nr_taken < slab->nr;
	}
}

static void check_slab(const struct slab *slab, enum which_list which, size_t *cached,
		       struct violations *found)
{
	uintptr_t where = (uintptr_t)slab->base;
	const struct page *page = page_of_address(slab->base);
	size_t taken = 0;

	if (slab->nr == 0 || slab->nr > SLAB_MAX_OBJECTS || slab->nr_taken > slab->nr) {
		violation_add(found, where, "a slab's descriptor is damaged");
		return;
	}
	if (!page || page->kind != PAGE_SLAB || page->slab != slab)
		violation_add(found, where, "a slab's page does not know its slab");
	else if (page->order != slab->order)
		violation_add(found, where, "a slab's order is not that of its pages");
	if (!belongs_on(slab, which))
		violation_add(found, where, "a slab is on the wrong list");
	check_free_list(slab, found);
	count_states(slab, &taken, cached);
	if (taken != slab->nr_taken)
		violation_add(found, where, "a slab's object states disagree with its count");
}

struct totals {
	size_t slabs, taken, cached;
};

static void check_slabs(const struct kmem_cache *cache, const struct list *slabs,
			enum which_list which, struct totals *totals, struct violations *found)
{
	const struct list *link;

	list_for_each (link, slabs) {
		const struct slab *slab = list_entry(link, struct slab, link);

		if (slab->cache != cache || totals->slabs == cache->nr_slabs) {
			violation_add(found, (uintptr_t)slab, "a list of slabs leads astray");
			return;
		}
		totals->slabs++;
		totals->taken += slab->nr_taken;
		check_slab(slab, which, &totals->cached, found);
	}
}

/* Is this object in an earlier slot too, of this magazine or of another CPU's? */
static bool is_elsewhere(const struct kmem_cache *cache, unsigned cpu, uint32_t slot)
{
	const void *object = cache->magazine[cpu]->slots[slot].object;

	for (unsigned i = 0; i <= cpu; i++) {
		const struct magazine *magazine = cache->magazine[i];
		uint32_t end = i == cpu ? slot : magazine->count;

		for (uint32_t j = 0; j < end; j++) {
			if (magazine->slots[j].object == object)
				return true;
		}
	}
	return false;
}

/* Magazine invariant I1: every slot holds an object of this cache that says so, once. */
static void check_magazine(const struct kmem_cache *cache, unsigned cpu,
			   struct violations *found)
{
	const struct magazine *magazine = cache->magazine[cpu];

	for (uint32_t i = 0; i < magazine->count; i++) {
		const struct magazine_slot *slot = &magazine->slots[i];
		const struct page *page = page_of_address(slot->object);
		unsigned index;

		if (!page || page->kind != PAGE_SLAB || page->slab->cache != cache) {
			violation_add(found, (uintptr_t)slot->object,
				      "a magazine holds a foreign object");
			continue;
		}
		index = slab_index(page->slab, slot->object);
		if (index == SLAB_NO_OBJECT || slot->state != &page->slab->state[index] ||
		    *slot->state != OBJECT_CACHED)
			violation_add(found, (uintptr_t)slot->object,
				      "an object in a magazine is not marked so");
		else if (is_elsewhere(cache, cpu, i))
			violation_add(found, (uintptr_t)slot->object,
				      "an object is in two slots of magazines");
	}
}

void slab_check_locked(const struct kmem_cache *cache, struct violations *found)
{
	struct totals totals = {0};
	size_t not_empty;

	check_slabs(cache, &cache->partial, LIST_PARTIAL, &totals, found);
	check_slabs(cache, &cache->full, LIST_FULL, &totals, found);
	not_empty = totals.slabs;
	check_slabs(cache, &cache->empty, LIST_EMPTY, &totals, found);
	if (totals.slabs - not_empty != cache->nr_empty)
		violation_add(found, (uintptr_t)cache,
			      "a cache's count of empty slabs is wrong");
	if (totals.slabs != cache->nr_slabs)
		violation_add(found, (uintptr_t)cache, "a cache's count of slabs is wrong");
	if (totals.taken != cache->nr_taken)
		violation_add(found, (uintptr_t)cache,
			      "a cache's count of taken objects is wrong");
	if (totals.cached != magazine_count(cache))
		violation_add(found, (uintptr_t)cache,
			      "objects marked cached are in no magazine");
	for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++)
		check_magazine(cache, cpu, found);
}
