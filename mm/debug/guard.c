// SPDX-License-Identifier: MIT
/*
 * Guarded objects: see <mm/guard.h>.
 *
 * The pool is a run of pages of low memory.  Every second one is a slot's: it holds one object, at
 * its left end or at its right one.  All the others, and those of slots whose object is free, cannot
 * be reached; the host knows from mm_host_guard() which.
 *
 *	| guard | slot 0 | guard | slot 1 | guard | ... | slot n-1 | guard |
 *
 * What of a slot's page the object does not use is full of CANARY, and looked at when the object
 * is freed: there an access hits no guard page.
 *
 * Nobody waits for anybody: a slot changes hands by a compare and exchange of its state, so an object
 * may be freed in any context.
 *
 * I1. All of a slot but `state` and `damaged` is written by who made it SLOT_BUSY; who reads
 *     it for a report may read what is out of date.
 * I2. A slot's page can be reached while it is SLOT_LIVE, and after a report.
 * I3. A damaged slot is SLOT_RETIRED from its free on, or, if it was free, from the next attempt
 *     to take it on; and for ever.
 *
 * No locks.
 */
#include <bits.h>
#include <fill.h>
#include <guard_hook.h>
#include <late.h>
#include <log.h>
#include <magazine.h>
#include <mem.h>
#include <mm/guard.h>
#include <mm/page_alloc.h>
#include <report.h>
#include <slab_debug.h>
#include <track.h>

#define CANARY      0xaau
#define SHOWN_BYTES 64u

/* From this part of the pool on, one object of each call site is enough. */
#define PLENTY(nr)  ((nr) - (nr) / 4)

enum slot_state {
	SLOT_FREE,
	SLOT_BUSY, /* somebody's, for a moment */
	SLOT_LIVE,
	SLOT_RETIRED,
};

struct slot {
	uint32_t state; /* [a] enum slot_state */
	bool damaged;   /* [a] what it shares with its guard pages was touched */
	char *object;   /* NULL: never used */
	size_t size;
	const struct kmem_cache *cache; /* its address only, while the object lives */
	char cache_name[KMEM_CACHE_NAME_MAX];
	struct track alloc, free;
};

static struct {
	struct guard_hook hook;
	char *pages;
	struct slot *slots;
	unsigned nr;

	bool on;              /* [a] */
	uint32_t interval;    /* [a] */
	uint32_t due;         /* [a] the next one, whatever the interval */
	uint32_t asked, next; /* [a] requests; where to look for a free slot */
	uint32_t live;        /* [a] */
	uint32_t turn;        /* [a] whose stack mm_guard_sample() empties next */
	unsigned long allocs, missed, reports; /* [a] */
} pool;

static void count(unsigned long *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static bool change_state(struct slot *slot, uint32_t from, enum slot_state to)
{
	return __atomic_compare_exchange_n(&slot->state, &from, (uint32_t)to, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void set_state(struct slot *slot, enum slot_state to)
{
	__atomic_store_n(&slot->state, (uint32_t)to, __ATOMIC_RELEASE);
}

static uint32_t get_state(const struct slot *slot)
{
	return __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
}

static bool is_damaged(const struct slot *slot)
{
	return __atomic_load_n(&slot->damaged, __ATOMIC_RELAXED);
}

static void condemn(struct slot *slot)
{
	__atomic_store_n(&slot->damaged, true, __ATOMIC_RELAXED);
}

static char *page_of_slot(const struct slot *slot)
{
	return pool.pages + (2 * (size_t)(slot - pool.slots) + 1) * PAGE_SIZE;
}

/* The slot whose page is around an address of the pool; NULL: that is a guard page. */
static struct slot *slot_around(const void *p)
{
	size_t page = ((uintptr_t)p - pool.hook.start) >> PAGE_SHIFT;

	return page % 2 ? &pool.slots[page / 2] : NULL;
}

/* --- bytes that must not change ------------------------------------------------------------- */

static void report_damage(struct slot *slot, const struct fill *fill, uintptr_t caller)
{
	bool before = fill->from < (uint8_t *)slot->object;
	uint8_t *end = (uint8_t *)page_of_slot(slot) + PAGE_SIZE;
	uint8_t *shown = fill->from - (uintptr_t)fill->from % 16;
	const struct report_marks marks = {fill->from, fill->to, CANARY};
	struct report report;

	condemn(slot);
	count(&pool.reports);
	report_begin(&report, MM_REPORT_OUT_OF_BOUNDS, (uintptr_t)fill->from, caller,
		     "%zu bytes %s the %zu-byte object at %p of cache %s were overwritten: "
		     "found by its free",
		     (size_t)(fill->to - fill->from), before ? "before" : "after", slot->size,
		     (void *)slot->object, slot->cache_name);
	report_line(&report, "damage    %p .. %p, %ld bytes from the start of the object",
		    (void *)fill->from, (void *)(fill->to - 1),
		    (long)(fill->from - (uint8_t *)slot->object));
	report_line(&report, "expected  %02x", CANARY);
	report_marked_bytes(&report, shown, min_size((size_t)(end - shown), SHOWN_BYTES),
			    &marks);
	track_describe(&report, "allocated", &slot->alloc);
	report_end(&report, "the object is freed; its place is not used again");
}

static void look_at(struct slot *slot, uint8_t *start, uint8_t *end, uintptr_t caller)
{
	struct fill fill = {start, end, CANARY, NULL, NULL};

	if (unlikely(fill_find_damage(&fill)))
		report_damage(slot, &fill, caller);
}

/* What is left of the page, on both sides. */
static void look_around(struct slot *slot, uintptr_t caller)
{
	uint8_t *page = (uint8_t *)page_of_slot(slot), *object = (uint8_t *)slot->object;

	look_at(slot, page, object, caller);
	look_at(slot, object + slot->size, page + PAGE_SIZE, caller);
}

/* --- allocation ------------------------------------------------------------------------------ */

/* Debugged ones have red zones; those of DMA must lie low. */
static bool can_guard(const struct kmem_cache *cache, size_t size)
{
	return !(cache->flags & (SLAB_INTERNAL | SLAB_DEBUG | SLAB_CACHE_DMA)) &&
	       size <= PAGE_SIZE && cache->align <= PAGE_SIZE;
}

static bool take_due(void)
{
	if (!__atomic_load_n(&pool.due, __ATOMIC_RELAXED) ||
	    !__atomic_exchange_n(&pool.due, 0, __ATOMIC_RELAXED))
		return false;
	slab_debug_want_exact(EXACT_FOR_GUARD, false);
	return true;
}

static bool is_chosen(void)
{
	uint32_t interval = __atomic_load_n(&pool.interval, __ATOMIC_RELAXED);

	if (unlikely(take_due()))
		return true;
	return interval && __atomic_add_fetch(&pool.asked, 1, __ATOMIC_RELAXED) % interval == 0;
}

static bool is_guarded_from(uintptr_t caller)
{
	for (unsigned i = 0; i < pool.nr; i++) {
		if (get_state(&pool.slots[i]) == SLOT_LIVE &&
		    pool.slots[i].alloc.caller == caller)
			return true;
	}
	return false;
}

/* The slots in turn, so that one which was freed stays so for as long as can be.  NULL: all are taken. */
static struct slot *take_slot(void)
{
	for (unsigned i = 0; i < pool.nr; i++) {
		uint32_t turn = __atomic_fetch_add(&pool.next, 1, __ATOMIC_RELAXED);
		struct slot *slot = &pool.slots[turn % pool.nr];

		if (!change_state(slot, SLOT_FREE, SLOT_BUSY))
			continue;
		if (!is_damaged(slot))
			return slot;
		set_state(slot, SLOT_RETIRED);
	}
	return NULL;
}

/* What kmalloc promises follows from the size. */
static size_t alignment_of(const struct kmem_cache *cache, size_t size)
{
	return cache->flags & SLAB_KMALLOC ? max_size(size & -size, cache->align)
					   : cache->align;
}

/* At which end is as good as random: the golden ratio's bits. */
static bool at_right_end(unsigned long n)
{
	return (uint32_t)n * 0x9e3779b9u >> 31;
}

static void place(struct slot *slot, const struct kmem_cache *cache, size_t size, bool right)
{
	char *page = page_of_slot(slot);
	size_t offset = (PAGE_SIZE - size) & ~(alignment_of(cache, size) - 1);

	slot->object = right ? page + offset : page;
	slot->size = size;
	slot->cache = cache;
	memcpy(slot->cache_name, cache->name, KMEM_CACHE_NAME_MAX);
	memset(page, CANARY, (size_t)(slot->object - page));
	memset(slot->object + size, CANARY, (size_t)(page + PAGE_SIZE - slot->object) - size);
}

static void *guard_alloc(struct kmem_cache *cache, size_t size, gfp_t gfp, uintptr_t caller)
{
	struct slot *slot = NULL;

	(void)gfp;
	if (!can_guard(cache, size) || !is_chosen())
		return NULL;
	if (__atomic_load_n(&pool.live, __ATOMIC_RELAXED) < PLENTY(pool.nr) ||
	    !is_guarded_from(caller))
		slot = take_slot();
	if (!slot) {
		count(&pool.missed);
		return NULL;
	}
	mm_host_guard(page_of_slot(slot), false);
	place(slot, cache, size, at_right_end(__atomic_load_n(&pool.allocs, __ATOMIC_RELAXED)));
	if (cache->ctor)
		cache->ctor(slot->object);
	track_note(&slot->alloc, caller);
	slot->free.caller = 0;
	count(&pool.allocs);
	__atomic_fetch_add(&pool.live, 1, __ATOMIC_RELAXED);
	set_state(slot, SLOT_LIVE);
	return slot->object;
}

/* --- free -------------------------------------------------------------------------------------- */

static bool guard_free(void *p, const struct kmem_cache *wanted, uintptr_t caller)
{
	struct slot *slot = slot_around(p);

	if (!slot || slot->object != p || (wanted && slot->cache != wanted) ||
	    !change_state(slot, SLOT_LIVE, SLOT_BUSY))
		return false;
	look_around(slot, caller);
	track_note(&slot->free, caller);
	mm_host_guard(page_of_slot(slot), true);
	__atomic_fetch_sub(&pool.live, 1, __ATOMIC_RELAXED);
	set_state(slot, is_damaged(slot) ? SLOT_RETIRED : SLOT_FREE);
	return true;
}

static size_t guard_size(const void *p)
{
	const struct slot *slot = slot_around(p);

	return slot && get_state(slot) == SLOT_LIVE && slot->object == p ? slot->size : 0;
}

/* By the owner, to less than it had. */
static void guard_resize(void *p, size_t size)
{
	struct slot *slot = slot_around(p);

	memset(slot->object + size, CANARY, slot->size - size);
	slot->size = size;
}

static size_t guard_live_of(const struct kmem_cache *cache, void **objects, size_t most)
{
	size_t n = 0;

	for (unsigned i = 0; i < pool.nr; i++) {
		if (get_state(&pool.slots[i]) != SLOT_LIVE || pool.slots[i].cache != cache)
			continue;
		if (n < most)
			objects[n] = pool.slots[i].object;
		n++;
	}
	return n;
}

static void guard_for_each(void (*visit)(const void *object, size_t size))
{
	visit(&pool.slots, sizeof(pool.slots));
	for (unsigned i = 0; i < pool.nr; i++)
		if (get_state(&pool.slots[i]) == SLOT_LIVE)
			visit(pool.slots[i].object, pool.slots[i].size);
}

/* --- reports ------------------------------------------------------------------------------------ */

static bool was_used(const struct slot *slot)
{
	return slot->object != NULL;
}

/* Bytes from the object to an address outside of it; 0: it is inside. */
static size_t distance(const struct slot *slot, const char *p)
{
	if (p < slot->object)
		return (size_t)(slot->object - p);
	return p < slot->object + slot->size ? 0 : (size_t)(p - slot->object) - slot->size + 1;
}

/* Whom an access at `p` was meant for: of two that were used a live one, or else the nearer one. */
static bool is_likelier(const struct slot *slot, const struct slot *than, const char *p)
{
	bool live = get_state(slot) == SLOT_LIVE, other = get_state(than) == SLOT_LIVE;

	return live == other ? distance(slot, p) < distance(than, p) : live;
}

/* The slot that an address has to do with; NULL: with none that was ever used. */
static struct slot *concerned(const char *p)
{
	size_t page = (size_t)(p - pool.pages) >> PAGE_SHIFT;
	struct slot *left = NULL, *right = NULL;

	if (page % 2)
		return was_used(&pool.slots[page / 2]) ? &pool.slots[page / 2] : NULL;
	if (page > 0 && was_used(&pool.slots[page / 2 - 1]))
		left = &pool.slots[page / 2 - 1];
	if (page / 2 < pool.nr && was_used(&pool.slots[page / 2]))
		right = &pool.slots[page / 2];
	if (left && right)
		return is_likelier(left, right, p) ? left : right;
	return left ? left : right;
}

/* "3 bytes after the 100-byte object at ... of cache ..." */
#define WHERE_FORMAT "%zu bytes %s the %zu-byte object at %p of cache %s"

static const char *side(const struct slot *slot, const char *p)
{
	if (distance(slot, p) == 0)
		return "inside";
	return p < slot->object ? "before" : "after";
}

/* Those before are counted to its first byte, those behind from the one behind its last. */
static size_t offset_of(const struct slot *slot, const char *p)
{
	if (p < slot->object)
		return (size_t)(slot->object - p);
	return (size_t)(p - slot->object) - (distance(slot, p) ? slot->size : 0);
}

static const char *life(const struct slot *slot)
{
	return get_state(slot) == SLOT_LIVE ? "live" : "free";
}

static void describe_slot(const struct report *report, const struct slot *slot)
{
	report_line(report, "object    %s, guarded: its page lies between pages out of reach",
		    life(slot));
	track_describe(report, "allocated", &slot->alloc);
	track_describe(report, "freed", &slot->free);
}

static void guard_describe(const struct report *report, const void *p)
{
	const struct slot *slot = concerned(p);

	if (!slot) {
		report_line(report, "address   %p: among guard pages, where no object ever was",
			    p);
		return;
	}
	report_line(report, "address   %p: " WHERE_FORMAT, p, offset_of(slot, p), side(slot, p),
		    slot->size, (void *)slot->object, slot->cache_name);
	describe_slot(report, slot);
}

static void guard_find(const void *p, struct guarded *guarded)
{
	const struct slot *slot = slot_around(p);

	*guarded = (struct guarded){NULL, NULL, false};
	if (slot && was_used(slot))
		*guarded = (struct guarded){slot->object, slot->cache_name,
					    get_state(slot) == SLOT_LIVE};
}

/* --- faults -------------------------------------------------------------------------------------- */

/* Neither of those beside it is kept apart from its neighbour any more. */
static void condemn_around(const char *p)
{
	size_t page = (size_t)(p - pool.pages) >> PAGE_SHIFT;

	if (page / 2 < pool.nr)
		condemn(&pool.slots[page / 2]);
	if (page % 2 == 0 && page > 0)
		condemn(&pool.slots[page / 2 - 1]);
}

static void report_access(const char *p, bool write, uintptr_t ip)
{
	const struct slot *slot = concerned(p);
	const char *access = write ? "write" : "read";
	enum mm_report_kind kind = MM_REPORT_BAD_ADDRESS;
	struct report report;

	if (slot)
		kind = slot_around(p) ? MM_REPORT_USE_AFTER_FREE : MM_REPORT_OUT_OF_BOUNDS;
	if (slot)
		report_begin(&report, kind, (uintptr_t)p, ip, "%s of %p, " WHERE_FORMAT, access,
			     (const void *)p, offset_of(slot, p), side(slot, p), slot->size,
			     (void *)slot->object, slot->cache_name);
	else
		report_begin(&report, kind, (uintptr_t)p, ip,
			     "%s of %p, among guard pages, where no object ever was", access,
			     (const void *)p);
	if (slot)
		describe_slot(&report, slot);
	report_end(&report, "the access goes on; the place is not used again");
}

/*
 * Somebody else may have made it reachable just now, or be about to: then the access is tried
 * again, without a word.
 */
static bool is_reachable_anyway(const struct slot *slot)
{
	uint32_t state = slot ? get_state(slot) : (uint32_t)SLOT_FREE;

	return state == SLOT_BUSY || state == SLOT_LIVE;
}

bool mm_guard_fault(uintptr_t address, bool write, uintptr_t ip)
{
	char *p = (char *)address, *page = (char *)(address & PAGE_MASK);
	struct mm_context context;

	if (!guard_around(p))
		return false;
	if (!is_reachable_anyway(slot_around(p))) {
		condemn_around(p);
		count(&pool.reports);
		mm_host_context(&context);
		if (context.kind == MM_CONTEXT_NMI)
			late_hold();
		report_access(p, write, ip);
		if (context.kind == MM_CONTEXT_NMI)
			late_let_go();
	}
	mm_host_guard(page, false);
	return true;
}

/* --- starting --------------------------------------------------------------------------------------- */

#define PAGES_OF(nr) (2 * (size_t)(nr) + 1)

/* From now on nobody but us frees this page. */
static bool make_unreachable(char *page)
{
	if (!mm_host_guard(page, true))
		return false;
	page_set_kind(page_of_address(page), PAGE_GUARD);
	return true;
}

/* The first n pages of the pool can be reached again, and all of it is memory as any other. */
static void give_up(char *pages, size_t n, unsigned nr_objects)
{
	for (size_t i = 0; i < n; i++) {
		page_set_kind(page_of_address(pages + i * PAGE_SIZE), PAGE_BLOCK);
		mm_host_guard(pages + i * PAGE_SIZE, false);
	}
	free_pages_exact(pages, PAGES_OF(nr_objects) * PAGE_SIZE);
}

/* NULL: there is no memory, or the host cannot guard. */
static char *make_pages(unsigned nr_objects)
{
	char *pages =
		alloc_pages_exact(PAGES_OF(nr_objects) * PAGE_SIZE, GFP_KERNEL | __GFP_NOWARN);

	if (!pages)
		return NULL;
	for (size_t i = 0; i < PAGES_OF(nr_objects); i++) {
		if (!make_unreachable(pages + i * PAGE_SIZE)) {
			give_up(pages, i, nr_objects);
			return NULL;
		}
	}
	return pages;
}

static bool make_pool(unsigned nr_objects)
{
	size_t bytes = nr_objects * sizeof(struct slot);
	struct slot *slots = alloc_pages_exact(bytes, GFP_KERNEL | __GFP_NOWARN | __GFP_ZERO);
	char *pages = slots ? make_pages(nr_objects) : NULL;

	if (!pages) {
		if (slots)
			free_pages_exact(slots, bytes);
		return false;
	}
	memset(&pool, 0, sizeof(pool));
	pool.pages = pages;
	pool.slots = slots;
	pool.nr = nr_objects;
	pool.hook = (struct guard_hook){(uintptr_t)pages, PAGES_OF(nr_objects) * PAGE_SIZE,
					guard_alloc,      guard_free,
					guard_size,       guard_resize,
					guard_find,       guard_describe,
					guard_for_each,   guard_live_of};
	__atomic_store_n(&guard_hook, &pool.hook, __ATOMIC_RELEASE);
	return true;
}

bool mm_guard_start(unsigned nr_objects, unsigned interval)
{
	if (!guard_is_on() &&
	    (nr_objects == 0 || nr_objects > MM_GUARD_MAX || !make_pool(nr_objects))) {
		mm_log("mm: guard pages for %u objects: none, since %s", nr_objects,
		       nr_objects == 0 || nr_objects > MM_GUARD_MAX
			       ? "that is no number for them"
			       : "there is no memory, or the host cannot guard pages");
		return false;
	}
	__atomic_store_n(&pool.interval, interval, __ATOMIC_RELAXED);
	__atomic_store_n(&pool.on, true, __ATOMIC_RELAXED);
	return true;
}

void mm_guard_stop(void)
{
	if (!guard_is_on())
		return;
	__atomic_store_n(&pool.on, false, __ATOMIC_RELAXED);
	__atomic_store_n(&pool.interval, 0, __ATOMIC_RELAXED);
	take_due();
}

/* [g] The cache whose turn it is: that many behind the first. */
static struct kmem_cache *cache_at_locked(uint32_t turn)
{
	struct list *link;

	list_for_each (link, &cache_list)
		if (turn-- == 0)
			return list_entry(link, struct kmem_cache, link);
	return NULL;
}

/* This CPU has no object of the next cache ready, so that its next one takes the slow path. */
static void empty_next_stack(void)
{
	mm_irqflags_t flags = mm_irq_save();
	struct kmem_cache *cache;

	mm_spin_lock(&cache_list_lock);
	cache = cache_at_locked(__atomic_fetch_add(&pool.turn, 1, __ATOMIC_RELAXED));
	if (cache)
		magazine_empty_here(cache);
	else
		__atomic_store_n(&pool.turn, 0, __ATOMIC_RELAXED);
	mm_spin_unlock(&cache_list_lock);
	mm_irq_restore(flags);
}

void mm_guard_sample(void)
{
	if (!guard_is_on() || !__atomic_load_n(&pool.on, __ATOMIC_RELAXED))
		return;
	empty_next_stack();
	/* In this order: whoever takes what is due lets sizes be rounded again. */
	slab_debug_want_exact(EXACT_FOR_GUARD, true);
	__atomic_store_n(&pool.due, 1, __ATOMIC_RELEASE);
}

void mm_guard_info(struct mm_guard_info *info)
{
	memset(info, 0, sizeof(*info));
	if (!guard_is_on())
		return;
	info->objects = pool.nr;
	info->live = __atomic_load_n(&pool.live, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < pool.nr; i++)
		info->retired += is_damaged(&pool.slots[i]);
	info->allocs = __atomic_load_n(&pool.allocs, __ATOMIC_RELAXED);
	info->missed = __atomic_load_n(&pool.missed, __ATOMIC_RELAXED);
	info->reports = __atomic_load_n(&pool.reports, __ATOMIC_RELAXED);
}
