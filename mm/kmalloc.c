// SPDX-License-Identifier: MIT
/*
 * kmalloc: from a size and flags to a cache, to whole pages, or to mapped high memory.
 *
 * Size classes are every 16 bytes up to 128, and four to a doubling from there on, so that rounding
 * a larger size up wastes at most a fifth of the block.  Three more, 1152, 2304 and 2688, are there
 * because slabs hold a whole number of them.  More classes would not waste less: each has slabs
 * of its own that are not full.  Each class exists in three kinds: for the kernel, for users
 * (GFP_USER: slabs in user pageblocks) and for DMA.
 *
 * Alignment is what kmalloc.h promises because a class is a multiple of the largest power of
 * two that divides any size it serves: for those between two neighbours, that is what the
 * classes must be chosen by.  Slabs of up to 32 KiB are aligned to their size, so no
 * object crosses a 64 KiB boundary.
 *
 * I1. class_of_step names the first class that is large enough.
 * I2. A block beyond the caches is PAGE_LARGE; `window` is its address in the
 *     mapping window, or 0 when it has its direct-map address.
 *
 * No locks of its own.
 */
#include <bits.h>
#include <gfp.h>
#include <guard_hook.h>
#include <kmalloc.h>
#include <mem.h>
#include <mm/format.h>
#include <mm/highmem.h>
#include <page_alloc.h>
#include <pointer.h>
#include <report.h>
#include <slab.h>
#include <slab_map.h>
#include <window.h>
#include <zone.h>

#define CLASS_SIZE(bytes) bytes,

static const uint16_t class_sizes[] = {KMALLOC_CLASSES(CLASS_SIZE)};

/* The table from size to class has steps as wide as the narrowest class. */
#define STEP_SHIFT 4

_Static_assert(KMALLOC_MIN_SIZE == 1u << STEP_SHIFT, "each class begins with a step");

static uint8_t class_of_step[KMALLOC_MAX_CACHE_SIZE >> STEP_SHIFT];

enum kmalloc_kind {
	KMALLOC_KERNEL,
	KMALLOC_USER,
	KMALLOC_DMA,
	NR_KMALLOC_KINDS
};

static struct kmem_cache caches[NR_KMALLOC_KINDS][KMALLOC_NR_CLASSES];

/* DMA memory is asked for too seldom to have any ready. */
struct mm_stack kmalloc_stacks[KMALLOC_NR_CLASSES][MM_HOST_NR_CPUS];
static struct mm_stack user_stacks[KMALLOC_NR_CLASSES][MM_HOST_NR_CPUS];

/* The same, for kernel memory: where the class's stacks are. */
static struct mm_stack *stacks_of_step[KMALLOC_MAX_CACHE_SIZE >> STEP_SHIFT];

size_t kmalloc_large_pages;

/* --- sizes --------------------------------------------------------------------- */

static void fill_table(void)
{
	unsigned class = 0;

	for (size_t i = 0; i < sizeof(class_of_step); i++) {
		while (class_sizes[class] < (i + 1) << STEP_SHIFT)
			class ++;
		class_of_step[i] = (uint8_t) class;
		stacks_of_step[i] = kmalloc_stacks[class];
	}
}

/* size: 1 .. KMALLOC_MAX_CACHE_SIZE */
static inline unsigned class_of(size_t size)
{
	return class_of_step[(size - 1) >> STEP_SHIFT];
}

void kmalloc_init(void)
{
	static const char *const prefixes[NR_KMALLOC_KINDS] = {"kmalloc", "kmalloc-user",
							       "kmalloc-dma"};
	static const slab_flags_t flags[NR_KMALLOC_KINDS] = {0, SLAB_USER, SLAB_CACHE_DMA};
	struct mm_stack(*const stacks[NR_KMALLOC_KINDS])[MM_HOST_NR_CPUS] = {kmalloc_stacks,
									     user_stacks, NULL};

	kmalloc_large_pages = 0;
	slab_debug_round_sizes(KMALLOC_MAX_CACHE_SIZE);
	fill_table();
	for (unsigned kind = 0; kind < NR_KMALLOC_KINDS; kind++) {
		for (unsigned class = 0; class < KMALLOC_NR_CLASSES; class ++) {
			char name[KMEM_CACHE_NAME_MAX];

			mm_snprintf(name, sizeof(name), "%s-%u", prefixes[kind],
				    class_sizes[class]);
			cache_setup(&caches[kind][class], name, class_sizes[class], 0,
				    flags[kind] | SLAB_KMALLOC, NULL,
				    stacks[kind] ? stacks[kind][class] : NULL);
		}
	}
}

size_t kmalloc_size_roundup(size_t size)
{
	if (size == 0 || size > KMALLOC_MAX_SIZE)
		return size;
	if (size <= KMALLOC_MAX_CACHE_SIZE)
		return class_sizes[class_of(size)];
	return PAGE_SIZE << get_order(size);
}

static enum kmalloc_kind kind_of(gfp_t gfp)
{
	if (gfp & __GFP_DMA)
		return KMALLOC_DMA;
	return gfp_block_type(gfp) == BLOCK_USER ? KMALLOC_USER : KMALLOC_KERNEL;
}

struct kmem_cache *kmalloc_cache(size_t size, gfp_t gfp)
{
	return &caches[kind_of(gfp)][class_of(size)];
}

/* --- whole pages --------------------------------------------------------------- */

static void count_large(const struct page *page)
{
	__atomic_fetch_add(&kmalloc_large_pages, (size_t)1 << page->order, __ATOMIC_RELAXED);
}

/* Beyond the caches: a whole block of low memory. */
static void *alloc_large(size_t size, gfp_t gfp, uintptr_t caller)
{
	struct page *page = pages_alloc(gfp & ~__GFP_HIGHMEM, get_order(size), caller);

	if (!page)
		return NULL;
	page->window = 0;
	page_set_kind(page, PAGE_LARGE);
	count_large(page);
	return page_address(page);
}

/*
 * Whole pages of the High zone, mapped in the window.  NULL, without a word, when
 * there are none or no room to map them: low memory is next.
 */
static void *alloc_high(size_t size, gfp_t gfp, uintptr_t caller)
{
	gfp_t quiet =
		(gfp & ~(__GFP_NOFAIL | __GFP_RETRY_MAYFAIL)) | __GFP_NORETRY | __GFP_NOWARN;
	unsigned order = get_order(size);
	struct page *page;
	void *address = NULL;

	if (zones[MM_ZONE_HIGH].managed == 0)
		return NULL;
	page = pages_alloc(quiet, order, caller);
	if (!page)
		return NULL;
	if (page_is_highmem(page))
		address = window_map_block(page, order);
	if (!address) {
		pages_free(page, order);
		return NULL;
	}
	count_large(page);
	return address;
}

/* The large block that starts at p; NULL if none does. */
static struct page *large_block(const void *p)
{
	struct page *page = page_of_address(p);

	if (page && page->kind == PAGE_LARGE && page->window == 0)
		return (uintptr_t)p % PAGE_SIZE == 0 ? page : NULL;
	page = window_page(p);
	if (page && page->kind == PAGE_LARGE && page->window == (uintptr_t)p)
		return page;
	return NULL;
}

/* False, nothing freed, when somebody else is freeing it. */
static bool free_large(struct page *page)
{
	unsigned order = page->order;

	if (page->window && !window_unmap_block((const void *)page->window, order))
		return false;
	page_set_kind(page, PAGE_BLOCK);
	__atomic_fetch_sub(&kmalloc_large_pages, (size_t)1 << order, __ATOMIC_RELAXED);
	pages_free(page, order);
	return true;
}

static void free_slow(const void *p, uintptr_t caller)
{
	const struct guard_hook *guard;
	struct page *page = page_of_address(p);

	if (ZERO_OR_NULL_PTR(p))
		return;
	if (page && page->kind == PAGE_SLAB) {
		cache_free_slow(page->slab, (void *)(uintptr_t)p, NULL, caller);
		return;
	}
	guard = guard_around(p);
	if (guard && guard->free((void *)(uintptr_t)p, NULL, caller))
		return;
	page = large_block(p);
	if (!page || !free_large(page))
		pointer_refuse_free(p, NULL, caller);
}

/* --- the interface ------------------------------------------------------------- */

/* One that the guard pages have chosen, if they have; without any slack. */
static __attribute__((noinline)) void *alloc_guarded(struct kmem_cache *cache, size_t size,
						     gfp_t gfp, uintptr_t caller)
{
	void *p = guard_is_on()->alloc(cache, size, gfp, caller);

	if ((gfp & __GFP_ZERO) && p)
		memset(p, 0, size);
	return p;
}

/* size: 1 .. KMALLOC_MAX_CACHE_SIZE.  Zeroing covers the slack: krealloc may hand it out. */
static inline void *alloc_small(size_t size, gfp_t gfp, uintptr_t caller)
{
	struct kmem_cache *cache = kmalloc_cache(size, gfp);
	void *p;

	if (unlikely(guard_is_on() != NULL)) {
		p = alloc_guarded(cache, size, gfp, caller);
		if (p)
			return p;
	}
	p = cache_alloc(cache, gfp, caller);
	if (slab_is_debugged(cache) && p)
		slab_debug_resize(p, size);
	if ((gfp & __GFP_ZERO) && p)
		memset(p, 0, kmalloc_bytes_to_zero(cache, size));
	return p;
}

/* Zero and unusual sizes, high memory. */
static __attribute__((noinline)) void *alloc_unusual(size_t size, gfp_t gfp, uintptr_t caller)
{
	void *p;

	if (size == 0)
		return ZERO_SIZE_PTR;
	if (size > KMALLOC_MAX_SIZE) {
		if (!(gfp & __GFP_NOWARN))
			report_now(MM_REPORT_BAD_SIZE, 0, caller, "the request fails: NULL",
				   "kmalloc of %zu bytes; the most is %zu", size,
				   KMALLOC_MAX_SIZE);
		return NULL;
	}
	if (gfp & __GFP_HIGHMEM) {
		p = alloc_high(size, gfp, caller);
		if (p)
			return p;
	}
	if (size > KMALLOC_MAX_CACHE_SIZE)
		return alloc_large(size, gfp, caller);
	return alloc_small(size, gfp & ~__GFP_HIGHMEM, caller);
}

void *kmalloc_for(size_t size, gfp_t gfp, uintptr_t caller)
{
	if (!gfp_admit(&gfp, caller))
		return NULL;
	if (unlikely(size - 1 >= KMALLOC_MAX_CACHE_SIZE || (gfp & __GFP_HIGHMEM)))
		return alloc_unusual(size, gfp, caller);
	return alloc_small(size, gfp, caller);
}

MM_FASTCALL __attribute__((noinline)) void *kmalloc_slow(size_t size, gfp_t gfp)
{
	return kmalloc_for(size, gfp, CALLER());
}

/* This CPU has no object of these stacks ready.  (Their register is not that of the result.) */
static MM_FASTCALL __attribute__((noinline)) void *alloc_empty(gfp_t gfp,
							       const struct mm_stack *stacks)
{
	size_t class = (size_t)(stacks - kmalloc_stacks[0]) / MM_HOST_NR_CPUS;

	return kmalloc_for(class_sizes[class], gfp, CALLER());
}

/* No function is called but at the end: so there is nothing to save. */
static inline __attribute__((always_inline)) void *alloc_any(size_t size, gfp_t gfp)
{
	struct mm_stack *stacks;
	void *p;

	if (unlikely(size - 1 >= slab_debug_rounded_sizes || !gfp_is_plain(gfp)))
		return kmalloc_slow(size, gfp);
	stacks = stacks_of_step[(size - 1) >> STEP_SHIFT];
	p = mm_stack_pop(stacks);
	return likely(p) ? p : alloc_empty(gfp, stacks);
}

MM_FASTCALL void *kmalloc_any(size_t size, gfp_t gfp)
{
	return alloc_any(size, gfp);
}

MM_FASTCALL void *kmalloc_kernel(size_t size)
{
	return alloc_any(size, GFP_KERNEL);
}

MM_FASTCALL void *kmalloc_atomic(size_t size)
{
	return alloc_any(size, GFP_ATOMIC);
}

MM_FASTCALL void *kzalloc_any(size_t size, gfp_t gfp)
{
	if (likely(size - 1 < slab_debug_rounded_sizes && gfp_is_plain(gfp))) {
		unsigned class = class_of(size);
		void *p = mm_stack_pop(kmalloc_stacks[class]);

		if (likely(p))
			return memset(p, 0, class_sizes[class]);
	}
	return kmalloc_slow(size, gfp | __GFP_ZERO);
}

static void *alloc_array(size_t n, size_t size, gfp_t gfp, uintptr_t caller)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return kmalloc_for(bytes, gfp, caller);
}

void *kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	return alloc_array(n, size, gfp, CALLER());
}

void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	return alloc_array(n, size, gfp | __GFP_ZERO, CALLER());
}

/* False, and nothing done, if it has to be done slowly. */
static inline bool free_fast(const void *p)
{
	return slab_free_fast(slab_around(p), (void *)(uintptr_t)p);
}

void kfree_for(const void *p, uintptr_t caller)
{
	if (!free_fast(p))
		free_slow(p, caller);
}

static MM_FASTCALL __attribute__((noinline)) void kfree_slow(const void *p)
{
	free_slow(p, CALLER());
}

MM_FASTCALL void kfree(const void *p)
{
	if (unlikely(!free_fast(p)))
		kfree_slow(p);
}

/* Usable bytes of a live block; 0, silent, for anything else. */
size_t kmalloc_size_of(const void *p)
{
	const struct guard_hook *guard = guard_around(p);
	struct page *page = page_of_address(p);

	if (guard)
		return guard->size(p);
	if (page && page->kind == PAGE_SLAB) {
		unsigned index = slab_index(page->slab, p);

		if (index == SLAB_NO_OBJECT || page->slab->state[index] != OBJECT_LIVE ||
		    (page->slab->cache->flags & SLAB_INTERNAL))
			return 0;
		return slab_debug_requested(page->slab, index);
	}
	page = large_block(p);
	return page ? PAGE_SIZE << page->order : 0;
}

/* The same; says what is wrong when it is 0. */
static size_t checked_size(const void *p, uintptr_t caller, const char *action)
{
	size_t size = kmalloc_size_of(p);
	struct report report;

	if (size)
		return size;
	report_begin(&report, MM_REPORT_BAD_ADDRESS, (uintptr_t)p, caller,
		     "%s of %p, which is no live block", action, p);
	pointer_describe(&report, p);
	report_end(&report, "nothing is changed");
	return 0;
}

size_t ksize(const void *p)
{
	return ZERO_OR_NULL_PTR(p) ? 0 : checked_size(p, CALLER(), "ksize");
}

void kfree_sensitive(const void *p)
{
	size_t size;

	if (ZERO_OR_NULL_PTR(p))
		return;
	size = kmalloc_size_of(p);
	if (size)
		memset((void *)(uintptr_t)p, 0, size);
	/* The compiler may not drop the stores: the next owner sees this memory. */
	__asm__ volatile("" : : "r"(p) : "memory");
	kfree_for(p, CALLER());
}

static void resize_in_place(const void *p, size_t size)
{
	const struct guard_hook *guard = guard_around(p);
	const struct page *page = page_of_address(p);

	if (guard)
		guard->resize((void *)(uintptr_t)p, size);
	else if (page && page->kind == PAGE_SLAB && slab_is_debugged(page->slab->cache))
		slab_debug_resize((void *)(uintptr_t)p, size);
}

/* Does the block move when its size changes from `old` usable bytes to `size`? */
static bool must_move(size_t old, size_t size)
{
	return size > old || kmalloc_size_roundup(size) < old;
}

void *krealloc_for(const void *p, size_t size, gfp_t gfp, uintptr_t caller)
{
	size_t old;
	void *new;

	if (ZERO_OR_NULL_PTR(p))
		return kmalloc_for(size, gfp, caller);
	if (size == 0) {
		kfree_for(p, caller);
		return ZERO_SIZE_PTR;
	}
	old = checked_size(p, caller, "krealloc");
	if (old == 0)
		return NULL;
	if (!must_move(old, size)) {
		/* The slack counts as grown: a later krealloc may hand it out. */
		if (gfp & __GFP_ZERO)
			memset((char *)(uintptr_t)p + size, 0, old - size);
		resize_in_place(p, size);
		return (void *)(uintptr_t)p;
	}
	new = kmalloc_for(size, gfp, caller);
	if (!new)
		return NULL;
	memcpy(new, p, min_size(old, size));
	kfree_for(p, caller);
	return new;
}

void *krealloc(const void *p, size_t size, gfp_t gfp)
{
	return krealloc_for(p, size, gfp, CALLER());
}

void *krealloc_array(void *p, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return krealloc_for(p, bytes, gfp, CALLER());
}

void *kmemdup(const void *from, size_t size, gfp_t gfp)
{
	void *p = kmalloc_for(size, gfp, CALLER());

	if (!ZERO_OR_NULL_PTR(p))
		memcpy(p, from, size);
	return p;
}

static char *copy_string(const char *s, size_t length, gfp_t gfp, uintptr_t caller)
{
	char *copy = kmalloc_for(length + 1, gfp, caller);

	if (copy) {
		memcpy(copy, s, length);
		copy[length] = '\0';
	}
	return copy;
}

static size_t length_of(const char *s, size_t max)
{
	size_t length = 0;

	while (length < max && s[length])
		length++;
	return length;
}

char *kstrdup(const char *s, gfp_t gfp)
{
	return s ? copy_string(s, length_of(s, SIZE_MAX - 1), gfp, CALLER()) : NULL;
}

char *kstrndup(const char *s, size_t max, gfp_t gfp)
{
	return s ? copy_string(s, length_of(s, min_size(max, SIZE_MAX - 1)), gfp, CALLER())
		 : NULL;
}
