// SPDX-License-Identifier: MIT
/* See mischief.h. */
#include "mischief.h"
#include <harness.h>
#include <kernel/image.h>
#include <mm/kmalloc.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

static const enum mm_report_kind kinds[] = {
	MM_REPORT_BAD_ADDRESS, MM_REPORT_INTERIOR_FREE, MM_REPORT_WRONG_CACHE,
	MM_REPORT_WRONG_ORDER, MM_REPORT_BAD_FLAGS,
};

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

void mischief_allow_reports(void)
{
	for (size_t i = 0; i < NR_KINDS; i++)
		allow_reports(kinds[i]);
}

unsigned long mischief_reports(void)
{
	unsigned long reports = 0;

	for (size_t i = 0; i < NR_KINDS; i++)
		reports += test_reports_seen(kinds[i]);
	return reports;
}

/* The compiler must not know what it is. */
static void *opaque(const void *p)
{
	__asm__ volatile("" : "+r"(p));
	return (void *)(uintptr_t)p;
}

/* With what nobody ever got from the allocator. */
static void with_nothing(struct owner *owner)
{
	uint32_t on_stack;

	switch (owner_random(owner, 4)) {
	case 0: kfree(opaque(&on_stack)); break;
	case 1: kfree(opaque(text_start)); break;
	case 2: kfree(opaque((void *)(uintptr_t)0x12345)); break;
	default: kfree(kmalloc(24, owner->gfp | (gfp_t)0x80000000u)); break;
	}
}

static void with_object(struct owner *owner, const struct object *o)
{
	unsigned other = owner_random(owner, OWNER_CACHES);

	if (o->what >= CACHE && o->what != (enum what)(CACHE + other) && owner_random(owner, 2))
		kmem_cache_free(owner_caches[other], opaque(o->p));
	else
		kfree(opaque((char *)o->p + 4));
}

void mischief(struct owner *owner)
{
	const struct object *o = &owner->objects[owner_random(owner, owner->nr_objects)];

	switch (o->what) {
	case NOTHING: with_nothing(owner); break;
	case PAGES: __free_pages(o->page, (unsigned)o->size + 1); break;
	case AREA: vfree(opaque((char *)o->p + 4)); break;
	default: with_object(owner, o); break;
	}
}
