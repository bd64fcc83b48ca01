// SPDX-License-Identifier: MIT
/*
 * The invariants of slabs and magazines (slab.c, magazine.c).
 *
 * Under the cache's lock, with the other CPUs stopped, without output.
 */
#include <check.h>
#include <magazine.h>
#include <slab_map.h>

enum which_list {
	LIST_PARTIAL,
	LIST_FULL,
	LIST_EMPTY,
	LIST_ISOLATED
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
	if (slab->isolated != (which == LIST_ISOLATED))
		return false;
	switch (which) {
	case LIST_ISOLATED: return true;
	case LIST_FULL: return slab->nr_taken == slab->nr;
	case LIST_EMPTY: return slab->nr_taken == 0;
	default: return slab->nr_taken > 0 && slab->nr_taken < slab->nr;
	}
}

/* Does the address of each page in which objects may start lead to the slab? */
static bool is_mapped(const struct slab *slab)
{
	const char *page = slab->base - slab->cache->lead;

	for (size_t i = 0; i < slab_marked_pages(slab); i++) {
		if (!(slab->cache->flags & SLAB_INTERNAL) &&
		    slab_around(page + i * PAGE_SIZE) != slab)
			return false;
	}
	return true;
}

static void check_slab(const struct slab *slab, enum which_list which, size_t *cached,
		       struct violations *found)
{
	uintptr_t where = (uintptr_t)slab->base;
	const struct page *page = page_of_address(slab->base - slab->cache->lead);
	size_t taken = 0;

	if (slab->nr == 0 || slab->nr > SLAB_MAX_OBJECTS || slab->nr_taken > slab->nr) {
		violation_add(found, where, "a slab's descriptor is damaged");
		return;
	}
	if (!page || page->kind != PAGE_SLAB || page->slab != slab)
		violation_add(found, where, "a slab's page does not know its slab");
	else if (page->order != slab->order)
		violation_add(found, where, "a slab's order is not that of its pages");
	if (!is_mapped(slab))
		violation_add(found, where, "the slab map does not lead to a slab");
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

/* A run of slots that should each hold another cached object. */
struct run {
	const struct mm_slot *slots;
	size_t n;
};

/* [c] The i-th run of a cache's: of the stack of each CPU, then of the depot's magazines. */
static bool run_at(const struct kmem_cache *cache, unsigned i, struct run *run)
{
	const struct magazine *magazine;

	if (i < MM_HOST_NR_CPUS) {
		const struct mm_stack *stack = &cache->stacks[i];

		run->slots = stack->magazine ? stack->magazine->slots : NULL;
		run->n = stack->magazine ? stack_count(stack) : 0;
		return true;
	}
	magazine = cache->depot_full;
	for (i -= MM_HOST_NR_CPUS; i > 0 && magazine; i--)
		magazine = magazine->next;
	if (!magazine)
		return false;
	run->slots = magazine->slots;
	run->n = magazine->count;
	return true;
}

/* Is this object in an earlier slot too, of this run or of one before it? */
static bool is_elsewhere(const struct kmem_cache *cache, unsigned which, size_t slot,
			 const void *object)
{
	struct run run;

	for (unsigned i = 0; i <= which && run_at(cache, i, &run); i++) {
		for (size_t j = 0; j < (i == which ? slot : run.n); j++) {
			if (run.slots[j].object == object)
				return true;
		}
	}
	return false;
}

/* Magazine invariant I1: every slot holds an object of this cache that says so, once. */
static void check_run(const struct kmem_cache *cache, unsigned which, const struct run *run,
		      struct violations *found)
{
	for (size_t i = 0; i < run->n; i++) {
		const struct mm_slot *slot = &run->slots[i];
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
		else if (is_elsewhere(cache, which, i, slot->object))
			violation_add(found, (uintptr_t)slot->object,
				      "an object is in two slots of magazines");
	}
}

/* The stacks' ends, the stopper below, and the depot's counts. */
static void check_magazines(const struct kmem_cache *cache, struct violations *found)
{
	size_t in_depot = 0, full = 0;

	for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++) {
		const struct mm_stack *stack = &cache->stacks[cpu];

		if (stack->top[-1].object && !stack->magazine)
			violation_add(found, (uintptr_t)stack,
				      "a stack without a magazine has objects");
		if (!stack->magazine)
			continue;
		if (stack->magazine->stopper.object)
			violation_add(found, (uintptr_t)stack,
				      "a stack's stopper is an object");
		if (stack_count(stack) > stack->magazine->capacity ||
		    stack->capacity != stack->magazine->capacity ||
		    (stack->limit &&
		     stack->limit != stack->magazine->slots + stack->magazine->capacity))
			violation_add(found, (uintptr_t)stack,
				      "a stack ends where its magazine does not");
	}
	for (const struct magazine *m = cache->depot_full; m && full <= cache->nr_full;
	     m = m->next) {
		in_depot += m->count;
		full++;
	}
	if (full != cache->nr_full || in_depot != cache->nr_depot)
		violation_add(found, (uintptr_t)cache, "a depot's counts are wrong");
}

void slab_check_locked(const struct kmem_cache *cache, struct violations *found)
{
	struct totals totals = {0};
	size_t not_empty;
	struct run run;

	check_slabs(cache, &cache->partial, LIST_PARTIAL, &totals, found);
	check_slabs(cache, &cache->full, LIST_FULL, &totals, found);
	check_slabs(cache, &cache->isolated, LIST_ISOLATED, &totals, found);
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
	check_magazines(cache, found);
	for (unsigned i = 0; run_at(cache, i, &run); i++)
		check_run(cache, i, &run, found);
}
