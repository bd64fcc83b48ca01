// SPDX-License-Identifier: MIT
/* See owner.h. */
#include "owner.h"
#include <harness.h>
#include <kernel/image.h>
#include <mem.h>
#include <mm/highmem.h>
#include <mm/kmalloc.h>
#include <mm/port.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>
#include <page.h>
#include <window.h>

/* The last one is too large for magazines: each of its objects comes from the slabs. */
static const size_t cache_sizes[OWNER_CACHES] = {24, 96, 520, 8400};

/* Bytes of an object that are written and verified: all, but of very large ones. */
static const size_t cache_signed[OWNER_CACHES] = {24, 96, 520, 512};

struct kmem_cache *owner_caches[OWNER_CACHES];

uint32_t owner_random(struct owner *owner, uint32_t below)
{
	return (uint32_t)((test_random_from(&owner->random) >> 32) * below >> 32);
}

/* Word i of an object with this key.  No two keys agree in many words. */
static uint32_t word(uint32_t key, size_t i)
{
	return key + (uint32_t)i * (key | 1);
}

static void sign(void *p, size_t bytes, uint32_t key)
{
	uint32_t *words = p;

	for (size_t i = 0; i < bytes / 4; i++)
		words[i] = word(key, i);
}

static bool signed_by(const void *p, size_t bytes, uint32_t key)
{
	const uint32_t *words = p;
	uint32_t differs = 0;

	for (size_t i = 0; i < bytes / 4; i++)
		differs |= words[i] ^ word(key, i);
	return differs == 0;
}

/* Pages may lie in high memory: mapped one by one, on top of what was interrupted. */
static void sign_pages(const struct object *o)
{
	for (unsigned i = 0; i < 1u << o->size; i++) {
		void *address = kmap_local_page(o->page + i);

		sign(address, PAGE_SIZE, o->key + i);
		kunmap_local(address);
	}
}

static bool pages_signed(const struct object *o)
{
	bool ok = true;

	for (unsigned i = 0; i < 1u << o->size; i++) {
		const void *address = kmap_local_page(o->page + i);

		ok = signed_by(address, PAGE_SIZE, o->key + i) && ok;
		kunmap_local(address);
	}
	return ok;
}

static void expect_owned(struct owner *owner, const struct object *o, const char *when)
{
	bool ok = o->what == PAGES ? pages_signed(o) : signed_by(o->p, o->size, o->key);

	if (ok)
		return;
	owner->damaged++;
	if (!owner->first_damage)
		owner->first_damage = when;
}

/* --- one step of an owner -------------------------------------------------------------------- */

/* Log-uniform from 8 bytes to 4 KiB, few larger; a multiple of 4. */
static size_t random_size(struct owner *owner)
{
	uint32_t power = 8u << owner_random(owner, 9);

	if (owner_random(owner, 64) == 0)
		power = 8192;
	return (power + owner_random(owner, power)) & ~3u;
}

static gfp_t random_page_flags(struct owner *owner)
{
	static const gfp_t extra[] = {
		0, 0, 0, __GFP_ZERO, __GFP_HIGHMEM, __GFP_HIGHMEM, __GFP_USER, __GFP_DMA};

	return owner->gfp | extra[owner_random(owner, 8)];
}

static void allocate(struct owner *owner, struct object *o)
{
	unsigned kind = owner_random(owner, 11);

	o->key = (uint32_t)test_random_from(&owner->random);
	if (kind == 0) {
		o->what = PAGES;
		o->size = owner_random(owner, 3) ? 0 : owner_random(owner, 3);
		o->page = alloc_pages(random_page_flags(owner), (unsigned)o->size);
	} else if (kind <= OWNER_CACHES) {
		o->what = (enum what)(CACHE + kind - 1);
		o->size = cache_signed[kind - 1];
		o->p = kmem_cache_alloc(owner_caches[kind - 1], owner->gfp);
	} else if (kind == 10) {
		o->what = AREA;
		o->size = random_size(owner);
		o->p = __vmalloc(o->size, owner->gfp | __GFP_HIGHMEM);
	} else {
		o->what = KMALLOC;
		o->size = random_size(owner);
		o->p = kmalloc(o->size, owner->gfp | (kind == 9 ? __GFP_ZERO : 0));
	}
	if (!o->p) {
		o->what = NOTHING;
		owner->failures++;
		return;
	}
	owner->allocs++;
	if (o->what == PAGES)
		sign_pages(o);
	else
		sign(o->p, o->size, o->key);
}

static void release(struct owner *owner, struct object *o)
{
	expect_owned(owner, o, "when it was freed");
	if (o->what == PAGES)
		__free_pages(o->page, (unsigned)o->size);
	else if (o->what == KMALLOC)
		kfree(o->p);
	else if (o->what == AREA)
		vfree(o->p);
	else
		kmem_cache_free(owner_caches[o->what - CACHE], o->p);
	o->what = NOTHING;
	owner->frees++;
}

static void resize(struct owner *owner, struct object *o)
{
	size_t size = random_size(owner);
	size_t kept = size < o->size ? size : o->size;
	void *p = krealloc(o->p, size, owner->gfp);

	if (!p) {
		owner->failures++;
		return;
	}
	o->p = p;
	o->size = kept;
	expect_owned(owner, o, "after krealloc");
	o->size = size;
	sign(p, size, o->key);
}

void owner_step(struct owner *owner)
{
	struct object *o = &owner->objects[owner_random(owner, owner->nr_objects)];

	if (o->what == NOTHING)
		allocate(owner, o);
	else if (o->what == KMALLOC && owner_random(owner, 4) == 0)
		resize(owner, o);
	else
		release(owner, o);
}

void owner_release_all(struct owner *owner)
{
	for (unsigned i = 0; i < owner->nr_objects; i++)
		if (owner->objects[i].what != NOTHING)
			release(owner, &owner->objects[i]);
}

void owner_expect_undamaged(const struct owner *owner, const char *name)
{
	EXPECTF(owner->damaged == 0, "%lu objects of the %s damaged, the first one %s",
		owner->damaged, name, owner->first_damage);
}

void owner_give(struct owner *from, unsigned i, struct object *object)
{
	*object = from->objects[i];
	from->objects[i].what = NOTHING;
}

void owner_release(struct owner *owner, struct object *object)
{
	release(owner, object);
}

void owner_init(struct owner *owner, gfp_t gfp, struct object *objects, unsigned n)
{
	memset(owner, 0, sizeof(*owner));
	memset(objects, 0, n * sizeof(*objects));
	owner->gfp = gfp;
	owner->random = test_random64();
	owner->objects = objects;
	owner->nr_objects = n;
}

bool owner_make_caches(void)
{
	static const char *const names[OWNER_CACHES] = {"test-owner-24", "test-owner-96",
							"test-owner-520", "test-owner-8400"};

	for (unsigned i = 0; i < OWNER_CACHES; i++) {
		owner_caches[i] = kmem_cache_create(names[i], cache_sizes[i], 0, 0, NULL);
		if (!EXPECT(owner_caches[i] != NULL))
			return false;
	}
	return true;
}

void owner_destroy_caches(void)
{
	for (unsigned i = 0; i < OWNER_CACHES; i++)
		EXPECT(kmem_cache_destroy(owner_caches[i]));
}

/* Page tables for more of the window than the storm comes by: 2 MiB each. */
#define TABLE_SPAN 512u

static void make_page_tables(void)
{
	uintptr_t starts[OWNER_TABLES];

	window_flush();
	for (unsigned i = 0; i < OWNER_TABLES; i++) {
		starts[i] = window_reserve(TABLE_SPAN - 1);
		if (!EXPECT(starts[i] && mm_host_map(starts[i], virt_to_phys(text_start))))
			return;
		mm_host_unmap(starts[i], 1);
	}
	for (unsigned i = 0; i < OWNER_TABLES; i++)
		window_release(starts[i], TABLE_SPAN - 1);
	window_flush();
}

/* Every cache gets its magazine on this CPU. */
static void touch_caches(void *arg)
{
	static const gfp_t kinds[] = {0, __GFP_USER, __GFP_DMA};

	(void)arg;
	for (unsigned i = 0; i < OWNER_CACHES; i++)
		kmem_cache_free(owner_caches[i],
				kmem_cache_alloc(owner_caches[i], GFP_ATOMIC | __GFP_NOWARN));
	for (unsigned kind = 0; kind < 3; kind++)
		for (size_t size = 1; size <= KMALLOC_MAX_CACHE_SIZE;
		     size = kmalloc_size_roundup(size) + 1)
			kfree(kmalloc(size, GFP_NOWAIT | __GFP_NOWARN | kinds[kind]));
}

void owner_warm_up(void)
{
	make_page_tables();
	mm_host_on_each_cpu(touch_caches, NULL);
}
