// SPDX-License-Identifier: MIT
/*
 * What nothing refers to: a conservative scan, as of a garbage collector that frees nothing
 * (Boehm and Weiser 1988; the idea of using it for a kernel's leaks is kmemleak's).
 *
 * A *unit* is what somebody has to free: a live object, a block of pages, a vmalloc area. An
 * aligned word refers to a unit if it is an address inside of it, or a struct page of its.
 * Roots are what the host names (mm_host_roots()). From there on each unit that is found
 * is scanned in turn. What is not found has leaked; the converse does not hold, since any
 * word may look like an address, and old ones lie about on stacks.
 *
 * The allocator's own do not refer: its caches are neither scanned nor units, and some of its
 * variables are left out (find_own). So an object that is free, in a magazine
 * say, is nothing. It is not listed, nor does it refer.
 *
 * Guarded objects are no units, but roots while they live: a sample that leaks is not listed.
 *
 * Each unit has a number: first[] has that of the first one in each page, and two bits:
 * it was reached, it was scanned. Units to be scanned wait on a stack; what finds no room there
 * is found again by walking over all that were reached and not scanned. So memory is bounded, and
 * allocated before; if it does not suffice for what others allocate meanwhile, it is
 * allocated anew.
 *
 * The other CPUs are stopped at points where they hold no lock, and interrupts are off: nothing
 * changes (but for what an NMI handler allocates, which may show as reached or not).
 */
#include <bits.h>
#include <guard_hook.h>
#include <late.h>
#include <leak.h>
#include <mem.h>
#include <mm/highmem.h>
#include <mm/kvmalloc.h>
#include <mm/migrate.h>
#include <mm/nolock.h>
#include <page_list.h>
#include <slab_debug.h>
#include <window.h>

#define WORD_BITS   32u
#define PENDING     512u
#define SCAN_TRIES  3u

/* What others may allocate between two looks. */
#define SPARE_UNITS 4096u

/* One thing that can leak.  Objects have a slab, all others a head page. */
struct unit {
	uint32_t number;
	uint32_t index; /* of the object */
	const struct slab *slab;
	struct page *page;
	const char *start; /* NULL: high memory, which has no address */
	size_t nr_bytes;
	const char *what; /* of no object: in words */
};

/* Addresses [start, end). */
struct extent {
	uintptr_t start, end;
};

#define NR_OWN 3u

static struct scan {
	void *memory; /* of all that follows */
	size_t nr_bytes;
	uint32_t *first;            /* by entry of the page array */
	uint32_t *reached, *done;   /* bits, by number */
	struct unit *pending;       /* a stack */
	struct leaked *listed;      /* objects, for the report */
	struct unit *listed_others; /* and others */
	size_t nr_units, max_units;
	size_t nr_pending;
	bool overflow; /* of the stack */
	size_t nr_listed, nr_listed_others;
	size_t objects, others;    /* leaked */
	struct extent own[NR_OWN]; /* no roots */
	unsigned nr_own;
} scan;

static bool busy; /* [a] somebody scans */

static const void *ignored[MM_LEAK_IGNORED]; /* [i] NULL: free */
static struct mm_spinlock ignored_lock;      /* [i] */

/* --- numbers and bits ------------------------------------------------------------ */

static bool test_bit(const uint32_t *bits, uint32_t i)
{
	return bits[i / WORD_BITS] >> (i % WORD_BITS) & 1;
}

static void set_bit(uint32_t *bits, uint32_t i)
{
	bits[i / WORD_BITS] |= 1u << (i % WORD_BITS);
}

static size_t entry_of(const struct page *page)
{
	return pfn_of_page(page) - page_array.start;
}

static struct page *page_at(size_t entry)
{
	return page_of_pfn(page_array.start + (pfn_t)entry);
}

static struct page *slab_head(const struct slab *slab)
{
	return page_of_address(slab->base - slab->cache->lead);
}

/* Units that begin in this page, or could. */
static uint32_t units_of(const struct page *page)
{
	switch (page_get_kind(page)) {
	case PAGE_SLAB:
		if ((page->slab->cache->flags & SLAB_INTERNAL) || slab_head(page->slab) != page)
			return 0;
		return page->slab->nr;
	case PAGE_BLOCK:
	case PAGE_LARGE:
	case PAGE_VMALLOC: return 1;
	default: return 0;
	}
}

/* Number them all, if first[] is there; returns how many there are. */
static size_t number_units(void)
{
	size_t n = 0;

	for (size_t i = 0; i < page_array.entries; i++) {
		if (!page_entry_exists(i))
			continue;
		if (scan.first)
			scan.first[i] = (uint32_t)n;
		n += units_of(page_at(i));
	}
	return n;
}

/* --- units ----------------------------------------------------------------------- */

static bool object_unit(const struct slab *slab, unsigned index, struct unit *unit)
{
	if (index >= slab->nr || slab->state[index] != OBJECT_LIVE)
		return false;
	*unit = (struct unit){
		.number = scan.first[entry_of(slab_head(slab))] + index,
		.slab = slab,
		.index = index,
		.start = slab_object(slab, index),
		.nr_bytes = slab->cache->object_size,
	};
	return true;
}

static void block_unit(struct page *head, struct unit *unit)
{
	bool large = page_get_kind(head) == PAGE_LARGE;

	*unit = (struct unit){
		.number = scan.first[entry_of(head)],
		.page = head,
		.start = large && head->window   ? (const char *)head->window
			 : page_is_highmem(head) ? NULL
						 : page_address(head),
		.nr_bytes = PAGE_SIZE << head->order,
		.what = large ? "a kmalloc block" : "a block of pages",
	};
}

/* The live vmalloc area around `address`. */
static bool area_unit(uintptr_t address, struct unit *unit)
{
	struct window_area area;

	window_find((const void *)address, &area);
	if (area.place != WINDOW_AREA || area.use != WINDOW_VMALLOC)
		return false;
	*unit = (struct unit){
		.page = window_page((const void *)area.start),
		.start = (const char *)area.start,
		.nr_bytes = area.nr_pages * PAGE_SIZE,
		.what = "a vmalloc area",
	};
	unit->number = scan.first[entry_of(unit->page)];
	return true;
}

/* The unit of a page that is in no slab. */
static bool page_unit(struct page *page, struct unit *unit)
{
	struct page *head = page_head(page);

	if (!head)
		return false;
	switch (page_get_kind(head)) {
	case PAGE_BLOCK:
	case PAGE_LARGE: block_unit(head, unit); return true;
	case PAGE_VMALLOC: return area_unit(head->window, unit);
	default: return false;
	}
}

static bool slab_unit(const struct slab *slab, uintptr_t address, struct unit *unit)
{
	uintptr_t offset = address - (uintptr_t)slab->base;

	if ((slab->cache->flags & SLAB_INTERNAL) || address < (uintptr_t)slab->base ||
	    offset % slab->cache->size >= slab->cache->object_size)
		return false;
	return object_unit(slab, (unsigned)(offset / slab->cache->size), unit);
}

/* --- reaching -------------------------------------------------------------------- */

/* What is its owner's to know of: pages that move are found by their movers. */
static bool is_known(const struct unit *unit)
{
	return unit->page && page_get_kind(unit->page) == PAGE_BLOCK &&
	       mm_is_movable(unit->page);
}

static void reach(const struct unit *unit)
{
	/* What an NMI handler has allocated since units were numbered has no number of its own. */
	if (unit->number >= scan.max_units || test_bit(scan.reached, unit->number))
		return;
	set_bit(scan.reached, unit->number);
	if (scan.nr_pending < PENDING)
		scan.pending[scan.nr_pending++] = *unit;
	else
		scan.overflow = true;
}

/* The pages that vmap() has mapped around an address: whoever has that has them. */
static void reach_mapped(const struct window_area *area)
{
	struct unit unit;

	for (size_t i = 0; i < area->nr_pages; i++) {
		struct page *page = window_page((const void *)(area->start + i * PAGE_SIZE));

		if (page && page_unit(page, &unit))
			reach(&unit);
	}
}

static void reach_in_window(uintptr_t address)
{
	struct window_area area;
	struct page *page;
	struct unit unit;

	window_find((const void *)address, &area);
	if (area.place != WINDOW_AREA)
		return;
	if (area.use == WINDOW_VMAP) {
		reach_mapped(&area);
		return;
	}
	page = window_page((const void *)area.start);
	if (page && page_unit(page, &unit))
		reach(&unit);
}

/* Is this page one of the run at `run`? */
static bool is_of_run(const struct page *page, uintptr_t run)
{
	return page && page_get_kind(page) == PAGE_BLOCK &&
	       page_get_home(page) == PAGE_OF_RUN && page->window == run;
}

/* The other pages of a run of alloc_pages_exact(), which are blocks of their own. */
static void reach_run(const struct page *page)
{
	uintptr_t run = page->window;
	struct unit unit;

	for (uintptr_t at = run;
	     is_of_run(page, run) && is_of_run(page_of_address((void *)at), run);
	     at += PAGE_SIZE) {
		block_unit(page_of_address((void *)at), &unit);
		reach(&unit);
	}
}

/* A page outside of slabs.  Whoever has an area does not know of its pages. */
static void reach_page(struct page *page)
{
	struct unit unit;

	if (page_get_kind(page) != PAGE_SLAB && page_get_kind(page) != PAGE_VMALLOC &&
	    page_unit(page, &unit)) {
		reach(&unit);
		reach_run(page);
	}
}

/* A word that was found somewhere. */
static void reach_word(uintptr_t word)
{
	struct page *page = page_of_address((const void *)word);
	size_t entry = (word - page_array.first) / sizeof(struct page);
	struct unit unit;

	if (page && page_get_kind(page) == PAGE_SLAB) {
		if (slab_unit(page->slab, word, &unit))
			reach(&unit);
	} else if (page) {
		reach_page(page);
	} else if (window_holds(word)) {
		reach_in_window(word);
	}
	/* The page array lies in reserved memory, where no unit is. */
	if (word >= page_array.first && page_entry_exists(entry))
		reach_page(page_at(entry));
}

/* Nobody vouches for what is read here: not a red zone of a sanitizer's, either. */
static __attribute__((no_sanitize("address", "undefined"))) void scan_words(uintptr_t start,
									    uintptr_t end)
{
	start = (start + sizeof(uintptr_t) - 1) & ~(sizeof(uintptr_t) - 1);
	for (; start < end && end - start >= sizeof(uintptr_t); start += sizeof(uintptr_t))
		reach_word(*(const uintptr_t *)start);
}

static void scan_high(struct page *page, size_t nr_bytes)
{
	for (size_t i = 0; i < nr_bytes >> PAGE_SHIFT; i++) {
		void *address = kmap_local_page(page + i);

		scan_words((uintptr_t)address, (uintptr_t)address + PAGE_SIZE);
		kunmap_local(address);
	}
}

static void scan_unit(const struct unit *unit)
{
	if (test_bit(scan.done, unit->number))
		return;
	set_bit(scan.done, unit->number);
	if (is_known(unit))
		return;
	if (unit->start)
		scan_words((uintptr_t)unit->start, (uintptr_t)unit->start + unit->nr_bytes);
	else
		scan_high(unit->page, unit->nr_bytes);
}

static void scan_pending(void)
{
	while (scan.nr_pending > 0) {
		const struct unit unit = scan.pending[--scan.nr_pending];

		scan_unit(&unit);
	}
}

/* --- all units ------------------------------------------------------------------- */

static void for_each_object(const struct slab *slab, void (*visit)(const struct unit *unit))
{
	struct unit unit;

	for (unsigned i = 0; i < slab->nr; i++) {
		if (object_unit(slab, i, &unit))
			visit(&unit);
	}
}

static void for_each_unit(void (*visit)(const struct unit *unit))
{
	for (size_t i = 0; i < page_array.entries; i++) {
		struct page *page = page_entry_exists(i) ? page_at(i) : NULL;
		struct unit unit;

		if (!page || units_of(page) == 0)
			continue;
		if (page_get_kind(page) == PAGE_SLAB)
			for_each_object(page->slab, visit);
		else if (page_unit(page, &unit) && unit.page == page)
			visit(&unit);
	}
}

static void scan_if_reached(const struct unit *unit)
{
	if (unit->number >= scan.max_units || !test_bit(scan.reached, unit->number))
		return;
	scan_unit(unit);
	scan_pending();
}

/* All that can be reached from what has been, by now. */
static void spread(void)
{
	scan_pending();
	while (scan.overflow) {
		scan.overflow = false;
		for_each_unit(scan_if_reached);
	}
}

/* --- roots ----------------------------------------------------------------------- */

static void add_own(const void *start, const void *end)
{
	scan.own[scan.nr_own++] = (struct extent){(uintptr_t)start, (uintptr_t)end};
}

/*
 * What of our own variables may hold addresses of units, which are no references: the slots of the
 * CPUs' page lists, which are one array, with blocks that have been popped; and where the
 * window and the page array begin, which somebody's area may, too.
 */
static void find_own(void)
{
	struct extent slots = {UINTPTR_MAX, 0};

	for (unsigned number = 0; number < NR_PAGE_LISTS; number++) {
		for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++) {
			struct page **first = mm_page_stacks[number][cpu].slots;
			struct page **end = first + page_list_capacity(number);

			if (!first)
				continue;
			if ((uintptr_t)first < slots.start)
				slots.start = (uintptr_t)first;
			if ((uintptr_t)end > slots.end)
				slots.end = (uintptr_t)end;
		}
	}
	add_own((const void *)slots.start, (const void *)slots.end);
	add_own(&window, &window + 1);
	add_own(&page_array, &page_array + 1);
}

/* [start, end) without those of our own from the i-th on. */
static void scan_root(uintptr_t start, uintptr_t end, unsigned i)
{
	const struct extent *own = &scan.own[i];

	if (i == scan.nr_own) {
		scan_words(start, end);
	} else if (own->start >= own->end || start >= own->end || end <= own->start) {
		scan_root(start, end, i + 1);
	} else {
		if (start < own->start)
			scan_root(start, own->start, i + 1);
		if (end > own->end)
			scan_root(own->end, end, i + 1);
	}
}

void mm_leak_root(const void *memory, size_t nr_bytes)
{
	scan_root((uintptr_t)memory, (uintptr_t)memory + nr_bytes, 0);
}

/* It is reached, and holds no pointers. */
static void keep(const struct unit *unit)
{
	if (unit->number >= scan.max_units)
		return;
	set_bit(scan.reached, unit->number);
	set_bit(scan.done, unit->number);
}

void mm_leak_keep(struct page *page)
{
	struct unit unit;

	if (page && page_get_kind(page) != PAGE_SLAB && page_unit(page, &unit))
		keep(&unit);
}

static void keep_if_known(const struct unit *unit)
{
	if (is_known(unit))
		keep(unit);
}

/* The histories of debugged slabs, also of those without a live object: only descriptors know them. */
static void keep_histories(void)
{
	for (size_t i = 0; i < page_array.entries; i++) {
		struct page *page = page_entry_exists(i) ? page_at(i) : NULL;
		const struct slab_history *history;

		if (!page || page_get_kind(page) != PAGE_SLAB || units_of(page) == 0 ||
		    !slab_is_debugged(page->slab->cache))
			continue;
		history = slab_debug_history(page->slab, 0);
		if (history)
			mm_leak_keep(page_of_address(history));
	}
}

/* The unit that begins at `p`. */
static bool unit_at(const void *p, struct unit *unit)
{
	struct page *page = page_of_address(p);
	bool found;

	if (page && page_get_kind(page) == PAGE_SLAB)
		found = slab_unit(page->slab, (uintptr_t)p, unit);
	else
		found = (page || (page = window_page(p))) && page_unit(page, unit);
	return found && unit->start == p;
}

/* What is no longer there is forgotten.  Nobody has the lock: all are stopped. */
static void reach_ignored(void)
{
	struct unit unit;

	for (unsigned i = 0; i < MM_LEAK_IGNORED; i++) {
		if (ignored[i] && unit_at(ignored[i], &unit))
			reach(&unit);
		else
			ignored[i] = NULL;
	}
}

bool mm_leak_ignore(const void *p)
{
	mm_irqflags_t flags = mm_irq_save();
	unsigned i = 0;

	mm_spin_lock(&ignored_lock);
	while (i < MM_LEAK_IGNORED && ignored[i] && ignored[i] != p)
		i++;
	if (i < MM_LEAK_IGNORED)
		ignored[i] = p;
	mm_spin_unlock(&ignored_lock);
	mm_irq_restore(flags);
	return i < MM_LEAK_IGNORED;
}

/* --- a scan ---------------------------------------------------------------------- */

static size_t bit_words(size_t bits)
{
	return (bits + WORD_BITS - 1) / WORD_BITS;
}

/* A slab that somebody releases meanwhile must not be looked at. */
static size_t count_units(void)
{
	mm_irqflags_t flags;
	size_t n;

	mm_host_stop_cpus();
	flags = mm_irq_save();
	n = number_units();
	mm_irq_restore(flags);
	mm_host_start_cpus();
	return n;
}

/* Room for as many units as there are, and some. */
static bool allocate(void)
{
	size_t max = count_units() + SPARE_UNITS, words = bit_words(max);
	size_t lists = PENDING * sizeof(struct unit) + MM_LEAK_LISTED * sizeof(struct leaked) +
		       MM_LEAK_LISTED * sizeof(struct unit);
	char *at;

	scan.nr_bytes = lists + (page_array.entries + 2 * words) * sizeof(uint32_t);
	at = scan.memory = kvmalloc(scan.nr_bytes, GFP_KERNEL | __GFP_NOWARN);
	if (!at)
		return false;
	memset(at, 0, scan.nr_bytes);
	scan.listed = (struct leaked *)at;
	scan.pending = (struct unit *)(scan.listed + MM_LEAK_LISTED);
	scan.listed_others = scan.pending + PENDING;
	scan.first = (uint32_t *)(scan.listed_others + MM_LEAK_LISTED);
	scan.reached = scan.first + page_array.entries;
	scan.done = scan.reached + words;
	scan.max_units = max;
	return true;
}

static void release(void)
{
	kvfree(scan.memory);
	memset(&scan, 0, sizeof(scan));
}

static void list_if_lost(const struct unit *unit)
{
	if (unit->number >= scan.max_units || test_bit(scan.reached, unit->number))
		return;
	if (unit->slab) {
		if (scan.nr_listed < MM_LEAK_LISTED)
			leak_copy(&scan.listed[scan.nr_listed++], unit->slab, unit->index);
		scan.objects++;
	} else {
		if (scan.nr_listed_others < MM_LEAK_LISTED)
			scan.listed_others[scan.nr_listed_others++] = *unit;
		scan.others++;
	}
}

/*
 * Its frame lies below that of its caller, where the registers are that a caller of that may
 * keep pointers in; nothing below it is a root.
 */
static __attribute__((noinline)) void scan_from_here(void)
{
	struct unit own;

	find_own();
	if (unit_at(scan.memory, &own))
		keep(&own);
	for_each_unit(keep_if_known);
	keep_histories();
	reach_ignored();
	if (guard_is_on())
		guard_is_on()->for_each(mm_leak_root);
	mm_host_roots(__builtin_frame_address(0));
	spread();
	for_each_unit(list_if_lost);
}

/* False: others have allocated too much meanwhile. */
static __attribute__((noinline)) bool scan_once(void)
{
	mm_irqflags_t flags;
	bool enough;

	mm_drain_deferred();
	mm_host_stop_cpus();
	flags = mm_irq_save();
	enough = number_units() <= scan.max_units;
	__builtin_unwind_init(); /* all registers that are to survive calls go to this frame */
	if (enough)
		scan_from_here();
	mm_irq_restore(flags);
	mm_host_start_cpus();
	return enough;
}

static bool scan_all(void)
{
	for (unsigned i = 0; i < SCAN_TRIES; i++) {
		if (!allocate())
			return false;
		if (scan_once())
			return true;
		release();
	}
	return false;
}

static void report_lost(uintptr_t caller)
{
	struct report report;

	report_begin(&report, MM_REPORT_LEAK, 0, caller,
		     "%zu objects and %zu blocks and areas are live that nothing refers to",
		     scan.objects, scan.others);
	for (size_t i = 0; i < scan.nr_listed; i++)
		leak_describe(&report, &scan.listed[i]);
	for (size_t i = 0; i < scan.nr_listed_others; i++) {
		const struct unit *unit = &scan.listed_others[i];

		report_line(&report, "pages     %s of %zu bytes at %p, page frame 0x%x",
			    unit->what, unit->nr_bytes, (const void *)unit->start,
			    pfn_of_page(unit->page));
	}
	if (scan.objects + scan.others > scan.nr_listed + scan.nr_listed_others)
		report_line(&report, "          and %zu more",
			    scan.objects + scan.others - scan.nr_listed -
				    scan.nr_listed_others);
	report_end(&report, "nothing: only found");
}

size_t mm_leak_scan(void)
{
	uintptr_t caller = CALLER();
	size_t lost = MM_LEAK_UNKNOWN;

	if (__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE))
		return lost;
	if (scan_all()) {
		lost = scan.objects + scan.others;
		if (lost)
			report_lost(caller);
		release();
	}
	__atomic_store_n(&busy, false, __ATOMIC_RELEASE);
	return lost;
}
