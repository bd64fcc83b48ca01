// SPDX-License-Identifier: MIT
/*
 * Slabs: every size has a layout whose objects fit, are aligned and do not overlap; the
 * index of an object is found from its address and from no other; the lists agree with a
 * naive model at every step; and the checker sees each kind of damage that it guards
 * against, one field at a time.
 */
#include "live.h"
#include <bits.h>
#include <check.h>
#include <magazine.h>
#include <mem.h>
#include <mm/kmalloc.h>
#include <slab_map.h>

/* --- layout ------------------------------------------------------------------------- */

static void lay_out(struct kmem_cache *cache, size_t size, size_t align, slab_flags_t flags)
{
	memset(cache, 0, sizeof(*cache));
	cache->object_size = (uint32_t)size;
	cache->align = (uint32_t)align;
	cache->flags = flags;
	slab_choose_layout(cache);
}

/* What is wrong with a layout; NULL if nothing is. */
static const char *flaw(const struct kmem_cache *cache)
{
	size_t bytes = PAGE_SIZE << cache->order;
	size_t header = 0;

	if (cache->flags & SLAB_ON_SLAB)
		header = align_up(sizeof(struct slab) + cache->nr, cache->align);
	if (cache->size < cache->object_size || cache->size % cache->align)
		return "spacing";
	if (cache->nr < 1 || cache->nr > SLAB_MAX_OBJECTS)
		return "number of objects";
	if (header + (size_t)cache->nr * cache->size > bytes)
		return "objects reach beyond the slab";
	if (cache->order > MM_MAX_ORDER || (cache->nr > 1 && cache->order > SLAB_MAX_ORDER))
		return "order";
	if ((PAGE_SIZE << cache->min_order) < cache->size || cache->min_order > cache->order)
		return "least order";
	if (cache->order > cache->min_order &&
	    ((PAGE_SIZE << cache->min_order) / cache->size > SLAB_MAX_OBJECTS || header))
		return "objects of the least order";
	return NULL;
}

static void check_layout(size_t size, size_t align, slab_flags_t flags)
{
	struct kmem_cache cache;
	const char *wrong;

	lay_out(&cache, size, align, flags);
	wrong = flaw(&cache);
	EXPECTF(!wrong, "size %zu, align %zu: %s (slot %u, order %u, %u objects)", size, align,
		wrong, cache.size, cache.order, cache.nr);
}

TEST(layout_of_every_small_size)
{
	static const size_t aligns[] = {8, 16, 64, 512, PAGE_SIZE};

	for (size_t size = 1; size <= 2 * KMALLOC_MAX_CACHE_SIZE && !test_failed(); size++)
		check_layout(size, aligns[size % 5], 0);
	for (size_t size = 1; size <= 600; size++)
		for (unsigned i = 0; i < 5; i++)
			check_layout(size, aligns[i], 0);
}

TEST(layout_around_every_power_of_two)
{
	for (size_t power = 1 << 13; power <= KMEM_CACHE_SIZE_MAX; power <<= 1) {
		for (size_t size = power - 17; size <= power + 17; size++)
			if (size <= KMEM_CACHE_SIZE_MAX)
				check_layout(size, 8, 0);
	}
	for (unsigned i = 0; i < 500; i++)
		check_layout(1 + test_random_below(KMEM_CACHE_SIZE_MAX - PAGE_SIZE),
			     (size_t)8 << test_random_below(10), 0);
}

/* A descriptor in the slab itself needs room, and its slabs are never of a lesser order. */
TEST(layout_with_the_descriptor_inside)
{
	struct list *link;
	unsigned n = 0;

	list_for_each (link, &cache_list) {
		const struct kmem_cache *cache = list_entry(link, struct kmem_cache, link);

		if (!(cache->flags & SLAB_ON_SLAB))
			continue;
		n++;
		EXPECTF(!flaw(cache), "cache %s: %s", cache->name, flaw(cache));
		EXPECT_EQ(cache->order, cache->min_order);
	}
	EXPECT(n > 0);
}

/* Not more than an eighth of a slab is lost where a slab may be as large as it likes. */
TEST(layout_wastes_little)
{
	for (size_t size = 16; size <= 4096; size += 8) {
		struct kmem_cache cache;
		size_t bytes, used;

		lay_out(&cache, size, 8, 0);
		bytes = PAGE_SIZE << cache.order;
		used = (size_t)cache.nr * cache.size;
		EXPECTF(bytes - used <= bytes / 8 || cache.nr == SLAB_MAX_OBJECTS,
			"size %zu: %zu of %zu bytes used", size, used, bytes);
	}
}

/* --- the index of an object --------------------------------------------------------- */

/* Each offset of a slab: the start of an object has its index, no other has any. */
static void check_index(size_t size)
{
	struct kmem_cache cache;
	struct slab slab = {.cache = &cache};
	size_t wrong = 0, slots;
	char *base = (char *)(uintptr_t)0x100000;

	lay_out(&cache, size, 8, 0);
	slab.base = base;
	slab.nr = cache.nr;
	slab.order = cache.order;
	slots = (size_t)cache.nr * cache.size;
	for (size_t offset = 0; offset < slots + cache.size; offset++) {
		unsigned expected = SLAB_NO_OBJECT;

		if (offset % cache.size == 0 && offset < slots)
			expected = (unsigned)(offset / cache.size);
		wrong += slab_index(&slab, base + offset) != expected;
	}
	for (size_t back = 1; back <= 2 * (size_t)cache.size; back++)
		wrong += slab_index(&slab, base - back) != SLAB_NO_OBJECT;
	EXPECTF(wrong == 0, "size %zu: %zu wrong indexes", size, wrong);
}

TEST(index_of_every_offset)
{
	struct list *link;

	list_for_each (link, &cache_list) {
		const struct kmem_cache *cache = list_entry(link, struct kmem_cache, link);

		if (cache->size <= KMALLOC_MAX_CACHE_SIZE)
			check_index(cache->size);
	}
	for (unsigned i = 0; i < 20; i++)
		check_index(8 * (2 + test_random_below(KMALLOC_MAX_CACHE_SIZE / 8)));
	check_index(SLAB_MAX_OBJECTS);
	check_index(100000);
}

/* --- a naive model at every step ------------------------------------------------------ */

#define MODEL_MAX 300u

struct taken {
	struct slab *slab;
	unsigned index;
};

static struct {
	struct kmem_cache *cache;
	struct taken taken[MODEL_MAX];
	unsigned n;
	uint32_t next_id;
} model;

static uint32_t *id_of(const struct taken *taken)
{
	return slab_object(taken->slab, taken->index);
}

static unsigned model_taken_of(const struct slab *slab)
{
	unsigned n = 0;

	for (unsigned i = 0; i < model.n; i++)
		n += model.taken[i].slab == slab;
	return n;
}

/* Slabs on a list; each must have as many objects taken as the model says. */
static size_t check_list(const struct list *slabs, unsigned *total)
{
	const struct list *link;
	size_t n = 0;

	list_for_each (link, slabs) {
		const struct slab *slab = list_entry(link, struct slab, link);

		EXPECT_EQ(slab->nr_taken, model_taken_of(slab));
		*total += slab->nr_taken;
		n++;
	}
	return n;
}

static void model_check(void)
{
	struct kmem_cache *cache = model.cache;
	struct violations found = {0};
	unsigned total = 0;
	size_t empty, slabs;

	empty = check_list(&cache->empty, &total);
	slabs = empty + check_list(&cache->partial, &total) + check_list(&cache->full, &total);
	EXPECT_EQ(cache->nr_empty, empty);
	EXPECT_EQ(cache->nr_slabs, slabs);
	EXPECT_EQ(cache->nr_taken, model.n);
	EXPECT_EQ(total, model.n);
	slab_check_locked(cache, &found);
	EXPECTF(found.count == 0, "%zu violations: %s", found.count, found.kept[0].what);
}

static void model_take(void)
{
	struct taken *new = &model.taken[model.n];

	new->slab = slab_take_locked(model.cache, &new->index);
	if (!new->slab) {
		EXPECT(slab_grow(model.cache, GFP_KERNEL, 0));
		return;
	}
	EXPECT(new->index < new->slab->nr);
	for (unsigned i = 0; i < model.n; i++)
		EXPECT(id_of(&model.taken[i]) != id_of(new));
	new->slab->state[new->index] = OBJECT_LIVE;
	memset(id_of(new), 0x5a, model.cache->object_size);
	*id_of(new) = model.next_id++;
	model.n++;
}

static void model_give(void)
{
	unsigned i = test_random_below(model.n);
	struct taken taken = model.taken[i];

	EXPECT(live_all_bytes((char *)id_of(&taken) + 4, model.cache->object_size - 4, 0x5a));
	slab_give_locked(model.cache, taken.slab, taken.index);
	model.taken[i] = model.taken[--model.n];
}

static void model_cull(size_t keep)
{
	size_t had = model.cache->nr_empty, most = test_random_below(4), pages;
	size_t expected = had <= keep ? 0 : min_size(had - keep, most);

	pages = slab_release(model.cache, keep, most);
	EXPECT_EQ(model.cache->nr_empty, had - expected);
	EXPECT(expected == 0 ? pages == 0 : pages >= expected);
}

/* Up and down between none and MODEL_MAX objects, with the model compared at each step. */
static void run_model(size_t size, unsigned steps)
{
	unsigned want = MODEL_MAX / 2;

	memset(&model, 0, sizeof(model));
	model.cache = kmem_cache_create("test-model", size, 0, 0, NULL);
	ASSERT(model.cache);
	for (unsigned step = 0; step < steps && !test_failed(); step++) {
		if (test_random_below(50) == 0)
			want = test_random_below(MODEL_MAX);
		if (test_random_below(40) == 0)
			model_cull(test_random_below(3));
		else if (model.n < want && test_random_below(5))
			model_take();
		else if (model.n)
			model_give();
		model_check();
	}
	while (model.n)
		model_give();
	EXPECT(kmem_cache_destroy(model.cache));
}

TEST(small_objects_against_a_model)
{
	run_model(16, 1500);
	run_model(200, 1500);
}

TEST(larger_objects_against_a_model)
{
	struct mm_memory_info info;

	run_model(1000, 1500);
	mm_memory_info(&info);
	if (info.free_pages > 4 * MODEL_MAX)
		run_model(3000, 1000);
}

/* --- the checker, checked -------------------------------------------------------------- */

/* A cache with a full, a partial and an empty slab, and some objects in a magazine. */
static struct {
	struct kmem_cache *cache, *other;
	struct slab *full, *partial, *empty;
	struct mm_stack *stack;
	void *objects[64];
	unsigned n;
} victim;

/* Each damage undoes itself when it is done a second time. */
typedef void (*damage)(void);

#define DAMAGE(name, statement) \
	static void name(void)  \
	{                       \
		statement;      \
	}

static void swap_pointers(void *a, void *b)
{
	void *t;

	memcpy(&t, a, sizeof(t));
	memcpy(a, b, sizeof(t));
	memcpy(b, &t, sizeof(t));
}

static void swap_lists(struct list *a, struct list *b)
{
	static struct list *home;
	struct list *link = home ? b->next : a->next;

	list_move(home ? a : b, link);
	home = home ? NULL : a;
}

static uint8_t *first_state(const struct slab *slab, bool live)
{
	for (unsigned i = 0; i < slab->nr; i++)
		if ((slab->state[i] == OBJECT_LIVE) == live &&
		    slab->state[i] != OBJECT_CACHED && slab->state[i] != OBJECT_FREE_LAST)
			return (uint8_t *)&slab->state[i];
	return NULL;
}

static uint8_t *live_byte, *free_byte;

static struct page *page_of_slab(const struct slab *slab)
{
	return page_of_address(slab->base);
}

DAMAGE(slab_nr_zero, victim.full->nr ^= 8)
DAMAGE(slab_nr_more, victim.empty->nr ^= 1)
DAMAGE(slab_nr_huge, victim.full->nr ^= 0x4000)
DAMAGE(slab_taken_full, victim.full->nr_taken ^= 1)
DAMAGE(slab_taken_partial, victim.partial->nr_taken ^= 1)
DAMAGE(slab_taken_empty, victim.empty->nr_taken ^= 1)
DAMAGE(slab_taken_huge, victim.partial->nr_taken ^= 0x100)
DAMAGE(slab_first_free, victim.empty->first_free ^= 2)
DAMAGE(slab_first_free_none, victim.empty->first_free ^= 0xff)
DAMAGE(slab_first_free_some, victim.full->first_free ^= 0xff)
DAMAGE(state_live_to_cached, *live_byte ^= OBJECT_LIVE ^ OBJECT_CACHED)
DAMAGE(state_live_to_free, *live_byte ^= OBJECT_LIVE ^ 3)
DAMAGE(state_free_to_live, *free_byte ^= 0xf0)
DAMAGE(state_free_list_cycle, *free_byte ^= 7)
DAMAGE(state_cached_to_live,
       *victim.stack->magazine->slots[0].state ^= OBJECT_LIVE ^ OBJECT_CACHED)
DAMAGE(slab_cache, swap_pointers(&victim.partial->cache, &victim.other))
DAMAGE(page_kind, page_of_slab(victim.full)->kind ^= PAGE_SLAB ^ PAGE_BLOCK)
DAMAGE(page_slab,
       swap_pointers(&page_of_slab(victim.full)->slab, &page_of_slab(victim.partial)->slab))
DAMAGE(cache_nr_slabs, victim.cache->nr_slabs ^= 1)
DAMAGE(cache_nr_taken, victim.cache->nr_taken ^= 1)
DAMAGE(cache_nr_empty, victim.cache->nr_empty ^= 1)
static bool moved_top;

DAMAGE(magazine_holds, victim.stack->top--; moved_top ^= true;
       victim.stack->top += moved_top ? 0 : 2)
DAMAGE(stack_limit,
       victim.stack->limit = (struct mm_slot *)((uintptr_t)victim.stack->limit ^ 8))
DAMAGE(stack_capacity, victim.stack->capacity ^= 1)
DAMAGE(magazine_capacity, victim.stack->magazine->capacity ^= 1)
DAMAGE(magazine_stopper,
       victim.stack->magazine->stopper.object = victim.stack->magazine->stopper.object
							? NULL
							: victim.cache)
DAMAGE(depot_full, victim.cache->nr_full ^= 1)
DAMAGE(depot_objects, victim.cache->nr_depot ^= 1)
DAMAGE(magazine_object,
       victim.stack->magazine->slots[0].object =
	       (void *)((uintptr_t)victim.stack->magazine->slots[0].object ^ 8))
DAMAGE(magazine_object_live,
       swap_pointers(&victim.stack->magazine->slots[0].object, &victim.objects[0]))
DAMAGE(magazine_state, swap_pointers(&victim.stack->magazine->slots[0].state,
				     &victim.stack->magazine->slots[1].state))
DAMAGE(partial_on_full, swap_lists(&victim.cache->partial, &victim.cache->full))
DAMAGE(empty_on_partial, swap_lists(&victim.cache->empty, &victim.cache->partial))
DAMAGE(full_on_empty, swap_lists(&victim.cache->full, &victim.cache->empty))
DAMAGE(full_on_empty_counted, full_on_empty();
       victim.cache->nr_empty = victim.cache->nr_empty == 1 ? 2 : 1)
DAMAGE(slab_order, victim.full->order ^= 1)

/* Moved to a foreign address, the magazine's slot holds what is no object of this cache. */
static void magazine_object_foreign(void)
{
	static void *kept;

	if (!kept) {
		kept = victim.stack->magazine->slots[0].object;
		victim.stack->magazine->slots[0].object = victim.other;
	} else {
		victim.stack->magazine->slots[0].object = kept;
		kept = NULL;
	}
}

/* The same object twice: it would be handed out twice. */
static void magazine_duplicate(void)
{
	static struct mm_slot kept;

	if (!kept.object) {
		kept = victim.stack->magazine->slots[0];
		victim.stack->magazine->slots[0] = victim.stack->magazine->slots[1];
	} else {
		victim.stack->magazine->slots[0] = kept;
		kept.object = NULL;
	}
}

/* Where there is no map, the page says it. */
static void slab_map(void)
{
	static bool cleared;

	cleared = !cleared;
	if (!MM_HOST_SLAB_MAP)
		page_of_address(victim.full->base)->kind ^= 1;
	else if (cleared)
		slab_map_clear(victim.full, 1);
	else
		slab_map_set(victim.full, 1);
}

static const struct {
	const char *name;
	damage damage;
} damages[] = {
	{"slab nr 0", slab_nr_zero},
	{"slab nr one more", slab_nr_more},
	{"slab nr huge", slab_nr_huge},
	{"nr_taken of a full slab", slab_taken_full},
	{"nr_taken of a partial slab", slab_taken_partial},
	{"nr_taken of an empty slab", slab_taken_empty},
	{"nr_taken beyond nr", slab_taken_huge},
	{"first_free elsewhere", slab_first_free},
	{"first_free astray", slab_first_free_none},
	{"first_free of a full slab", slab_first_free_some},
	{"live object marked cached", state_live_to_cached},
	{"live object marked free", state_live_to_free},
	{"free object marked otherwise", state_free_to_live},
	{"cycle or jump in the free list", state_free_list_cycle},
	{"cached object marked live", state_cached_to_live},
	{"slab of another cache", slab_cache},
	{"page kind", page_kind},
	{"the slab map", slab_map},
	{"pages of two slabs swapped", page_slab},
	{"nr_slabs", cache_nr_slabs},
	{"nr_taken of the cache", cache_nr_taken},
	{"nr_empty", cache_nr_empty},
	{"magazine count", magazine_holds},
	{"end of a stack", stack_limit},
	{"capacity of a stack", stack_capacity},
	{"capacity of a magazine", magazine_capacity},
	{"stopper of a magazine", magazine_stopper},
	{"count of full magazines", depot_full},
	{"count of objects in the depot", depot_objects},
	{"magazine object moved", magazine_object},
	{"magazine holds a live object", magazine_object_live},
	{"magazine state swapped", magazine_state},
	{"magazine holds a foreign object", magazine_object_foreign},
	{"magazine holds an object twice", magazine_duplicate},
	{"partial slab on the full list", partial_on_full},
	{"empty slab on the partial list", empty_on_partial},
	{"full slab on the empty list", full_on_empty},
	{"full slab on the empty list, and counted there", full_on_empty_counted},
	{"slab order", slab_order},
};

static struct slab *first_of(const struct list *slabs)
{
	return list_entry(slabs->next, struct slab, link);
}

/* Make the victim: eight objects of 512 bytes to a slab. */
static bool make_victim(void)
{
	struct kmem_cache *cache = kmem_cache_create("test-victim", 512, 0, 0, NULL);
	unsigned per_slab;

	memset(&victim, 0, sizeof(victim));
	victim.cache = cache;
	if (!EXPECT(cache))
		return false;
	per_slab = cache->nr;
	for (unsigned i = 0; i < 5; i++) /* so that no refill ends with a full slab */
		EXPECT(slab_grow(cache, GFP_KERNEL, 0));
	while (victim.n < 3 * per_slab + 4)
		if (!EXPECT(victim.objects[victim.n++] = kmem_cache_alloc(cache, GFP_KERNEL)))
			return false;
	victim.stack = &cache->stacks[mm_cpu_id()];
	while (stack_count(victim.stack) < victim.stack->capacity)
		kmem_cache_free(cache, victim.objects[--victim.n]);
	return EXPECT(slab_grow(cache, GFP_KERNEL, 0));
}

static bool find_victims(void)
{
	struct kmem_cache *cache = victim.cache;

	if (!EXPECT(!list_empty(&cache->full) && !list_empty(&cache->partial) &&
		    !list_empty(&cache->empty)))
		return false;
	victim.full = first_of(&cache->full);
	victim.partial = first_of(&cache->partial);
	victim.empty = first_of(&cache->empty);
	victim.other = live_cache("kmalloc-512");
	live_byte = first_state(victim.full, true);
	free_byte = first_state(victim.empty, false);
	return EXPECT(live_byte && free_byte && victim.other && victim.full->nr == 8);
}

static size_t violations(void)
{
	struct violations found = {0};

	slab_check_locked(victim.cache, &found);
	return found.count;
}

TEST(checker_finds_each_damage)
{
	if (!make_victim() || !find_victims())
		return;
	EXPECT_EQ(violations(), 0);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		damages[i].damage();
		EXPECTF(violations() > 0, "not found: %s", damages[i].name);
		damages[i].damage();
		EXPECTF(violations() == 0, "not undone: %s", damages[i].name);
	}
	while (victim.n)
		kmem_cache_free(victim.cache, victim.objects[--victim.n]);
	EXPECT(kmem_cache_destroy(victim.cache));
}

TEST_SUITE(slab, layout_of_every_small_size, layout_around_every_power_of_two,
	   layout_with_the_descriptor_inside, layout_wastes_little, index_of_every_offset,
	   small_objects_against_a_model, larger_objects_against_a_model,
	   checker_finds_each_damage);
