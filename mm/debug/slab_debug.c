// SPDX-License-Identifier: MIT
/*
 * Debugging of objects: red zones, poison, owners (as SLUB has them).
 *
 * A slab of a debugged cache, with SLAB_RED_ZONE:
 *
 *	| lead | object | gap | object | gap | ... | rest |
 *
 * Lead, gaps and rest are filled with RED_BYTE when the slab is made, and must stay so.  The
 * first RED_BYTES and more of a gap are the right zone of the object before it, its last
 * RED_BYTES the left zone of the one behind.  An owner that asked for fewer bytes than
 * the object has (kmalloc) finds its right zone right behind those.
 *
 * Nothing here is done under a lock.  An object is looked at by who has just taken it and by
 * who is about to give it back, which is to say by its owner; nobody else may write to what
 * is looked at, and who does is whom we are after.  That includes what is repaired.
 *
 * I1. Debugged caches have no magazines, and their slabs no reciprocal: every alloc and free
 *     comes by the slow path.
 * I2. With SLAB_POISON and no constructor a free object is full of POISON_FREE, with
 *     POISON_END in its last byte.
 * I3. History is kept in pages outside of the slab, so no overrun reaches it.  There is none for
 *     slabs that were made when memory was short, or in an NMI: reports know less then.
 */
#include <bits.h>
#include <fill.h>
#include <mem.h>
#include <page_alloc.h>
#include <poison.h>
#include <slab_debug.h>

#define RED_BYTE     0xbbu
#define RED_BYTES    16u /* at least, on each side of an object */
#define POISON_FREE  0x6bu
#define POISON_END   0xa5u
#define POISON_NEW   0x5au

/* What a report shows around the damage. */
#define SHOWN_BEFORE 16u
#define SHOWN_BYTES  64u

size_t slab_debug_rounded_sizes;

static size_t most_rounded;
static uint32_t exact; /* [a] who wants exact sizes: enum slab_debug_exact */

void slab_debug_round_sizes(size_t most)
{
	most_rounded = most;
	exact = 0;
	slab_debug_rounded_sizes = most;
}

/* Somebody else may change his mind meanwhile: the last to come writes what holds for all. */
void slab_debug_want_exact(enum slab_debug_exact who, bool wanted)
{
	uint32_t now;

	if (wanted)
		__atomic_fetch_or(&exact, who, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(&exact, ~(uint32_t)who, __ATOMIC_SEQ_CST);
	do {
		now = __atomic_load_n(&exact, __ATOMIC_SEQ_CST);
		__atomic_store_n(&slab_debug_rounded_sizes, now ? 0 : most_rounded,
				 __ATOMIC_SEQ_CST);
	} while (__atomic_load_n(&exact, __ATOMIC_SEQ_CST) != now);
}

/* --- layout ---------------------------------------------------------------------- */

/* What each object is aligned to: kmalloc promises more than its caches ask for. */
static size_t alignment_of(const struct kmem_cache *cache)
{
	size_t natural = cache->object_size & -cache->object_size;

	return cache->flags & SLAB_KMALLOC ? max_size(natural, cache->align) : cache->align;
}

/* Room for the zones; none for objects so large that it would not fit a block. */
void slab_debug_choose_layout(struct kmem_cache *cache)
{
	size_t align = alignment_of(cache), lead = align_up(RED_BYTES, align);
	size_t size = align_up(cache->object_size + 2 * RED_BYTES, align);

	if (!(cache->flags & SLAB_RED_ZONE))
		return;
	if (lead + size > PAGE_SIZE << MM_MAX_ORDER) {
		cache->flags &= ~SLAB_RED_ZONE;
		return;
	}
	if (cache->flags & SLAB_KMALLOC)
		slab_debug_want_exact(EXACT_FOR_RED_ZONES, true);
	cache->lead = (uint32_t)lead;
	cache->size = (uint32_t)size;
}

/* The pointer to a slab's history lies behind its states. */
static size_t history_offset(const struct kmem_cache *cache)
{
	return align_up(offsetof(struct slab, state) + cache->nr_states, sizeof(void *));
}

size_t slab_debug_descriptor_size(const struct kmem_cache *cache)
{
	return history_offset(cache) + sizeof(struct slab_history *);
}

static struct slab_history **history_of_slab(const struct slab *slab)
{
	return (struct slab_history **)((uintptr_t)slab + history_offset(slab->cache));
}

/* NULL: there is none. */
static struct slab_history *history_of(const struct slab *slab, unsigned index)
{
	struct slab_history *history = *history_of_slab(slab);

	return history ? &history[index] : NULL;
}

static unsigned history_order(const struct slab *slab)
{
	return get_order(slab->nr * sizeof(struct slab_history));
}

/* Without a word where there is no memory for it. */
void slab_debug_make_history(struct slab *slab, gfp_t gfp)
{
	struct page *page;

	if (!(slab->cache->flags & (SLAB_RED_ZONE | SLAB_STORE_USER)))
		return;
	page = pages_try((gfp & __GFP_KSWAPD_RECLAIM) | __GFP_NOWARN, history_order(slab));
	if (!page)
		return;
	slab_count_pages(slab->cache, (size_t)1 << page->order);
	memset(page_address(page), 0, PAGE_SIZE << page->order);
	*history_of_slab(slab) = page_address(page);
}

void slab_debug_drop_history(struct slab *slab)
{
	struct slab_history *history = *history_of_slab(slab);
	unsigned order = history_order(slab);

	if (!history)
		return;
	slab_count_pages(slab->cache, -((size_t)1 << order));
	pages_free(page_of_address(history), order);
}

/* --- bytes that must not change ---------------------------------------------------- */

static bool is_poisoned(const struct kmem_cache *cache)
{
	return (cache->flags & SLAB_POISON) && !cache->ctor;
}

static void poison_free(const struct kmem_cache *cache, void *object)
{
	memset(object, POISON_FREE, cache->object_size - 1);
	((uint8_t *)object)[cache->object_size - 1] = POISON_END;
}

/* Objects that are free, but those of which the constructor has to be called yet. */
static void poison_slab(const struct slab *slab)
{
	const struct kmem_cache *cache = slab->cache;

	poison(slab->base - cache->lead, PAGE_SIZE << slab->order, MM_POISON_RED_ZONE);
	for (unsigned i = 0; i < slab->nr; i++) {
		if (cache->ctor)
			unpoison(slab_object(slab, i), cache->object_size);
		else
			poison(slab_object(slab, i), cache->object_size, MM_POISON_FREE_OBJECT);
	}
}

/* All zones of a new slab, and its objects, which are free. */
void slab_debug_form(struct slab *slab)
{
	const struct kmem_cache *cache = slab->cache;

	*history_of_slab(slab) = NULL;
	if (cache->flags & SLAB_RED_ZONE)
		memset(slab->base - cache->lead, RED_BYTE, PAGE_SIZE << slab->order);
	for (unsigned i = 0; is_poisoned(cache) && i < slab->nr; i++)
		poison_free(cache, slab_object(slab, i));
	poison_slab(slab);
}

/* --- reports ----------------------------------------------------------------------- */

/* One object, and on whose behalf it is looked at. */
struct look {
	struct slab *slab;
	unsigned index;
	uint8_t *object;
	const char *by; /* in words */
	uintptr_t caller;
	bool damaged, isolated;
};

/* The damaged bytes as hex, marked, with some before and behind them. */
static void show_damage(const struct report *report, const struct look *look,
			const struct fill *fill)
{
	const struct slab *slab = look->slab;
	uint8_t *first = (uint8_t *)slab->base - slab->cache->lead;
	uint8_t *end = first + (PAGE_SIZE << slab->order);
	uint8_t *start = fill->from - (uintptr_t)fill->from % SHOWN_BEFORE;
	const struct report_marks marks = {fill->from, fill->to, fill->byte};

	if (start >= first + SHOWN_BEFORE)
		start -= SHOWN_BEFORE;
	report_marked_bytes(report, start, min_size((size_t)(end - start), SHOWN_BYTES),
			    &marks);
}

static const char *fix_of(const struct look *look)
{
	return look->isolated ? "the bytes are restored; the slab is isolated: nothing of it "
				"is given out again"
			      : "the bytes are restored; in an NMI the slab cannot be isolated";
}

/* No lock is held, and the slab isolated before a word is said. */
static void condemn(struct look *look)
{
	look->damaged = true;
	look->isolated = slab_isolate(look->slab);
}

static void report_damage(struct look *look, enum mm_report_kind kind, const struct fill *fill,
			  const char *where)
{
	const struct kmem_cache *cache = look->slab->cache;
	size_t requested = slab_debug_requested(look->slab, look->index);
	struct report report;

	report_begin(&report, kind, (uintptr_t)fill->from, look->caller,
		     "%zu bytes %s the %zu-byte object at %p of cache %s were overwritten: "
		     "found by %s",
		     (size_t)(fill->to - fill->from), where, requested, (void *)look->object,
		     cache->name, look->by);
	report_line(&report,
		    "damage    %p .. %p, %ld bytes from the start of the object, which is %s",
		    (void *)fill->from, (void *)(fill->to - 1),
		    (long)(fill->from - look->object),
		    kind == MM_REPORT_USE_AFTER_FREE ? "free" : "live");
	report_line(&report, "expected  %02x", fill->byte);
	show_damage(&report, look, fill);
	slab_debug_describe(&report, look->slab, look->index);
	report_end(&report, fix_of(look));
}

/* Report, repair and isolate if a byte of it is not what it should be. */
static void look_at(struct look *look, enum mm_report_kind kind, struct fill fill,
		    const char *where)
{
	if (likely(!fill_find_damage(&fill)))
		return;
	condemn(look);
	report_damage(look, kind, &fill, where);
	memset(fill.from, fill.byte, (size_t)(fill.to - fill.from));
}

/* The zones on both sides.  A gap's last RED_BYTES belong to the next object. */
static void look_at_zones(struct look *look, size_t used)
{
	const struct kmem_cache *cache = look->slab->cache;
	uint8_t *object = look->object;
	struct fill left = {object - RED_BYTES, object, RED_BYTE, NULL, NULL};
	struct fill right = {object + used, object + cache->size - RED_BYTES, RED_BYTE, NULL,
			     NULL};

	look_at(look, MM_REPORT_OUT_OF_BOUNDS, left, "before");
	look_at(look, MM_REPORT_OUT_OF_BOUNDS, right, "after");
}

/* The contents of a free object. */
static void look_at_poison(struct look *look)
{
	uint8_t *end = look->object + look->slab->cache->object_size;
	struct fill body = {look->object, end - 1, POISON_FREE, NULL, NULL};
	struct fill last = {end - 1, end, POISON_END, NULL, NULL};

	look_at(look, MM_REPORT_USE_AFTER_FREE, body, "of");
	look_at(look, MM_REPORT_USE_AFTER_FREE, last, "at the end of");
}

/* SLAB_CONSISTENCY_CHECKS: what is wrong with the descriptor; NULL if nothing is. */
static const char *flaw_of_locked(const struct slab *slab)
{
	const struct page *page = page_of_address(slab->base);
	unsigned left = (unsigned)slab->nr - slab->nr_taken, length = 0;

	if (!page || page->kind != PAGE_SLAB || page->slab != slab)
		return "its page does not know it";
	if (slab->nr_taken > slab->nr)
		return "more objects are taken than it has";
	for (uint8_t i = slab->first_free; i != OBJECT_FREE_LAST; i = slab->state[i]) {
		if (i >= slab->nr || ++length > left)
			return "its free list leads astray";
	}
	return length == left ? NULL : "its free list has a wrong length";
}

static void look_at_slab(struct look *look)
{
	struct kmem_cache *cache = look->slab->cache;
	mm_irqflags_t flags;
	const char *flaw = NULL;

	if (!(cache->flags & SLAB_CONSISTENCY_CHECKS))
		return;
	flags = mm_irq_save();
	if (cache_lock_if_allowed(cache)) {
		flaw = look->slab->isolated ? NULL : flaw_of_locked(look->slab);
		cache_unlock(cache);
	}
	mm_irq_restore(flags);
	if (!flaw)
		return;
	condemn(look);
	report_now(MM_REPORT_CORRUPTION, (uintptr_t)look->slab->base, look->caller,
		   look->isolated ? "the slab is isolated: nothing of it is given out again"
				  : "in an NMI the slab cannot be isolated",
		   "slab at %p of cache %s is damaged: %s; found by %s",
		   (void *)look->slab->base, cache->name, flaw, look->by);
	look->damaged = true;
}

/* --- objects ----------------------------------------------------------------------- */

static void begin_look(struct look *look, void *object, const char *by, uintptr_t caller)
{
	look->slab = page_of_address(object)->slab;
	look->index = slab_index(look->slab, object);
	look->object = object;
	look->by = by;
	look->caller = caller;
	look->damaged = look->isolated = false;
}

/* A free object: also one that has just been taken. */
static void look_at_free(struct look *look)
{
	if (is_poisoned(look->slab->cache))
		look_at_poison(look);
	if (look->slab->cache->flags & SLAB_RED_ZONE)
		look_at_zones(look, look->slab->cache->object_size);
}

static void look_at_live(struct look *look)
{
	if (look->slab->cache->flags & SLAB_RED_ZONE)
		look_at_zones(look, slab_debug_requested(look->slab, look->index));
}

static void set_requested(const struct slab *slab, unsigned index, size_t size)
{
	struct slab_history *history = history_of(slab, index);

	if (history)
		history->requested = (uint32_t)size;
}

bool slab_debug_take(void *object, uintptr_t caller)
{
	struct look look;
	const struct kmem_cache *cache;
	struct slab_history *history;

	begin_look(&look, object, "an allocation", caller);
	cache = look.slab->cache;
	look_at_slab(&look);
	look_at_free(&look);
	if (look.damaged)
		return false;
	set_requested(look.slab, look.index, cache->object_size);
	unpoison(object, cache->object_size);
	if (is_poisoned(cache))
		memset(object, POISON_NEW, cache->object_size);
	history = history_of(look.slab, look.index);
	if (history && (cache->flags & SLAB_STORE_USER))
		track_note(&history->alloc, caller);
	return true;
}

bool slab_debug_give(void *object, uintptr_t caller)
{
	struct look look;
	const struct kmem_cache *cache;
	struct slab_history *history;

	begin_look(&look, object, "its free", caller);
	cache = look.slab->cache;
	look_at_slab(&look);
	look_at_live(&look);
	set_requested(look.slab, look.index, cache->object_size);
	if (is_poisoned(cache))
		poison_free(cache, object);
	poison(object, cache->object_size, MM_POISON_FREE_OBJECT);
	history = history_of(look.slab, look.index);
	if (history && (cache->flags & SLAB_STORE_USER))
		track_note(&history->free, caller);
	return !look.damaged;
}

size_t slab_debug_requested_slow(const struct slab *slab, unsigned index)
{
	const struct slab_history *history = history_of(slab, index);

	return history && history->requested ? history->requested : slab->cache->object_size;
}

/* What the owner did not ask for belongs to the right zone. */
void slab_debug_resize(void *object, size_t size)
{
	const struct slab *slab = page_of_address(object)->slab;
	unsigned index = slab_index(slab, object);

	if (!(slab->cache->flags & SLAB_RED_ZONE) || !history_of(slab, index))
		return;
	set_requested(slab, index, size);
	memset((uint8_t *)object + size, RED_BYTE, slab->cache->object_size - size);
	poison(object, slab->cache->object_size, MM_POISON_RED_ZONE);
	unpoison(object, size);
}

const struct slab_history *slab_debug_history(const struct slab *slab, unsigned index)
{
	return history_of(slab, index);
}

void slab_debug_describe(const struct report *report, const struct slab *slab, unsigned index)
{
	const struct slab_history *history;

	if (!slab_is_debugged(slab->cache))
		return;
	history = history_of(slab, index);
	if (!history)
		return;
	track_describe(report, "allocated", &history->alloc);
	track_describe(report, "freed", &history->free);
}

/* --- all objects of a cache ---------------------------------------------------------- */

static size_t validate_slab(struct slab *slab, uintptr_t caller)
{
	size_t damaged = 0;

	for (unsigned i = 0; i < slab->nr; i++) {
		struct look look;

		begin_look(&look, slab_object(slab, i), "kmem_cache_validate", caller);
		if (slab->state[i] == OBJECT_LIVE)
			look_at_live(&look);
		else
			look_at_free(&look);
		damaged += look.damaged;
	}
	return damaged;
}

/* Those in which damage is found leave the list meanwhile. */
static size_t validate_list(struct list *slabs, uintptr_t caller)
{
	struct list *link = slabs->next;
	size_t damaged = 0;

	while (link != slabs) {
		struct slab *slab = list_entry(link, struct slab, link);

		link = link->next;
		damaged += validate_slab(slab, caller);
	}
	return damaged;
}

size_t kmem_cache_validate(struct kmem_cache *cache)
{
	size_t damaged;

	if (!slab_is_debugged(cache))
		return 0;
	damaged = validate_list(&cache->isolated, CALLER());
	damaged += validate_list(&cache->partial, CALLER());
	damaged += validate_list(&cache->full, CALLER());
	return damaged + validate_list(&cache->empty, CALLER());
}
