// SPDX-License-Identifier: MIT
/*
 * The mapping window: kernel addresses at which pages are mapped side by side, for
 * memory that has no address of its own, or none in one piece.
 *
 * An area is its pages and an unmapped guard page behind them, so that a run past the
 * end faults.  One bit for each page of the window says whether it is taken; a second
 * one marks the edges of live areas: the first page, and the guard.  So where an area
 * begins and how long it is needs no record, and clearing its edges is what decides who
 * of two frees it.  The search for addresses goes on where the last one ended (next
 * fit), a word of bits at a time, and begins anew when a flush has made room: so
 * most of the window never needs page tables.
 *
 *	free --reserve--> being made --publish--> live --claim--> --release--> stale --flush--> free
 *
 * Unmapping is lazy (as Linux's vunmap is).  To make every CPU forget a translation is
 * dear, so it is done for many areas at once: the addresses of an unmapped area stay
 * taken, and wait on a ring, in the order of release, for a flush.  That comes when the
 * ring is full, when a quarter of the window is stale, or when a search finds no gap.
 *
 * A flush runs with no lock held: areas become stale while it does, and a second CPU, or
 * an interrupt on top, may flush too.  Whoever flushes notes the ring's end first,
 * and afterwards frees what is older than that and still there.  So nobody waits for
 * anybody, and what was released too late stays for the next flush.
 *
 * Only addresses wait; the pages are free at once, as in Linux.  Whoever still uses an
 * address after freeing it may therefore, until the flush, reach a page that has a new
 * owner: a use after free as in low memory, where nothing is unmapped at all.
 *
 * I1. A page of the window is mapped only while its bit in `taken` is set, never a guard.
 * I2. Taken pages are `used`, in areas live or being made, or `stale_pages`, on the ring.
 * I3. Edges alternate, first page and guard; every page of a live area is mapped.
 * I4. A stale area becomes free only through a flush that began after it was unmapped.
 *     Hence no CPU knows a translation of an address that is handed out.
 *
 * Locks: window.lock [w], interrupts off, for all but the mappings.  The host maps,
 * unmaps and flushes without it: an area that is not live has one owner.
 */
#include <bits.h>
#include <bootmem.h>
#include <mem.h>
#include <window.h>

#define WORD_BITS   WINDOW_WORD_BITS
#define GUARD_PAGES 1u
#define STALE_SHARE 4u /* so much of the window may be stale: a quarter */

struct window window;

void window_reset(void)
{
	memset(&window, 0, sizeof(window));
}

/*
 * Manage [start, end), but for the first page: a guard against whoever writes in front of
 * the first area, or behind what is mapped before.  False when low memory has no room
 * for the bits.
 */
bool window_init(uintptr_t start, uintptr_t end)
{
	size_t nr_pages = ((end - start) >> PAGE_SHIFT) - GUARD_PAGES;
	size_t words = (nr_pages + WORD_BITS - 1) / WORD_BITS;
	size_t bytes = 2 * words * sizeof(uint32_t);
	paddr_t phys;

	window.taken = bootmem_alloc(bytes, PAGE_SIZE, &phys);
	if (!window.taken)
		return false;
	memset(window.taken, 0, bytes);
	window.edges = window.taken + words;
	window.start = start + GUARD_PAGES * PAGE_SIZE;
	window.nr_pages = nr_pages;
	window.stale_max = nr_pages / STALE_SHARE;
	return true;
}

/* --- bits ---------------------------------------------------------------------- */

static void flip_bit(uint32_t *bits, size_t i)
{
	bits[i / WORD_BITS] ^= 1u << (i % WORD_BITS);
}

/* n bits from `from` on, which are all alike. */
static __attribute__((noinline)) void flip_words(uint32_t *bits, size_t from, size_t n)
{
	while (n > 0) {
		size_t shift = from % WORD_BITS, part = min_size(n, WORD_BITS - shift);

		bits[from / WORD_BITS] ^= ~0u >> (WORD_BITS - part) << shift;
		from += part;
		n -= part;
	}
}

/* The same for an area's, at least one. */
static inline void flip_bits(uint32_t *bits, size_t from, size_t n)
{
	size_t shift = from % WORD_BITS;

	if (likely(n <= WORD_BITS - shift))
		bits[from / WORD_BITS] ^= ~0u >> (WORD_BITS - n) << shift;
	else
		flip_words(bits, from, n);
}

/* [w] Those of an area that comes to life, or is no longer live: its first page's, and its guard's. */
static inline void flip_edges_locked(size_t first, size_t n)
{
	flip_bit(window.edges, first);
	flip_bit(window.edges, first + n);
}

/* [w] Pages of the live area that begins with page `first`; 0 when none does. */
static inline size_t measure_locked(size_t first)
{
	uint32_t word = window.edges[first / WORD_BITS] >> (first % WORD_BITS);

	if (!(word & 1))
		return 0;
	word &= ~1u;
	if (likely(word))
		return lowest_bit(word);
	return window_next_bit(window.edges, first + 1, window.nr_pages, true) - first;
}

/* --- addresses ----------------------------------------------------------------- */

static size_t index_of(uintptr_t address)
{
	return (address - window.start) >> PAGE_SHIFT;
}

static uintptr_t address_of(size_t i)
{
	return window.start + i * PAGE_SIZE;
}

/* [w] Others look at the counts without the lock. */
static void add_to(size_t *count, size_t n)
{
	__atomic_store_n(count, *count + n, __ATOMIC_RELAXED);
}

static mm_irqflags_t lock_window(void)
{
	mm_irqflags_t flags = mm_irq_save();

	mm_spin_lock(&window.lock);
	return flags;
}

static void unlock_window(mm_irqflags_t flags)
{
	mm_spin_unlock(&window.lock);
	mm_irq_restore(flags);
}

/* [w] First page of n free ones in [from, to); `to` when there are none. */
static size_t find_gap_locked(size_t from, size_t to, size_t n)
{
	for (;;) {
		size_t end;

		from = window_next_bit(window.taken, from, to, false);
		if (to - from < n)
			return to;
		end = window_next_bit(window.taken, from, from + n, true);
		if (end == from + n)
			return from;
		from = end;
	}
}

/* [w] Take n pages right where the search goes on, without leaving its word; false if it takes more. */
static inline bool take_at_hint_locked(size_t n)
{
	size_t first = window.hint, shift = first % WORD_BITS;
	uint32_t *word = &window.taken[first / WORD_BITS], mask;

	if (n > WORD_BITS - shift || n > window.nr_pages - first)
		return false;
	mask = ~0u >> (WORD_BITS - n) << shift;
	if (*word & mask)
		return false;
	*word |= mask;
	return true;
}

/* [w] Take n pages wherever they are; returns the first, or window.nr_pages when there is no such gap. */
static __attribute__((noinline)) size_t search_locked(size_t n)
{
	size_t first = find_gap_locked(window.hint, window.nr_pages, n);

	if (first == window.nr_pages)
		first = find_gap_locked(0, window.nr_pages, n);
	if (first != window.nr_pages) {
		flip_bits(window.taken, first, n);
		add_to(&window.used, n);
		window.hint = first + n;
	}
	return first;
}

/* [w] The same, and first of all where the search goes on. */
static inline size_t take_gap_locked(size_t n)
{
	size_t first = window.hint;

	if (unlikely(!take_at_hint_locked(n)))
		return search_locked(n);
	add_to(&window.used, n);
	window.hint = first + n;
	return first;
}

/* --- stale areas --------------------------------------------------------------- */

/* [w] Has the ring's place `at` come before the place `end`? */
static bool is_before(uint32_t at, uint32_t end)
{
	return (int32_t)(end - at) > 0;
}

static struct stale_area *stale_at(uint32_t at)
{
	return &window.stale[at % WINDOW_STALE_AREAS];
}

/* Put an unmapped area on the ring; false when as much is stale as may be. */
static bool set_aside(size_t first, size_t n)
{
	mm_irqflags_t flags = lock_window();
	bool room = window.tail - window.head < WINDOW_STALE_AREAS &&
		    window.stale_pages + n <= window.stale_max;

	if (room) {
		*stale_at(window.tail++) = (struct stale_area){(uint32_t)first, (uint32_t)n};
		add_to(&window.stale_pages, n);
		add_to(&window.used, -n);
	}
	unlock_window(flags);
	return room;
}

/* [w] Free what is stale before the ring's place `end`: at one stroke what lies side by side. */
static void give_back_until_locked(uint32_t end)
{
	uint32_t at = window.head;
	size_t first = 0, n = 0, pages = 0;

	for (; is_before(at, end); at++) {
		const struct stale_area *area = stale_at(at);

		if (unlikely(area->first != first + n)) {
			flip_words(window.taken, first, n);
			pages += n;
			first = area->first;
			n = 0;
		}
		n += area->nr_pages;
	}
	flip_words(window.taken, first, n);
	window.head = at;
	add_to(&window.stale_pages, -(pages + n));
	window.hint = 0;
}

static void give_back(size_t first, size_t n)
{
	mm_irqflags_t flags = lock_window();

	flip_bits(window.taken, first, n);
	add_to(&window.used, -n);
	unlock_window(flags);
}

static uint32_t ring_end(void)
{
	mm_irqflags_t flags = lock_window();
	uint32_t end = window.tail;

	unlock_window(flags);
	return end;
}

/*
 * Flush, free all that was stale before, and take n pages of it at once, before others do;
 * returns as take_gap_locked(), window.nr_pages also for n = 0.
 */
static __attribute__((noinline)) size_t flush_and_take(size_t n)
{
	size_t first = window.nr_pages;
	uint32_t end = ring_end();
	mm_irqflags_t flags;

	mm_host_flush();
	flags = lock_window();
	give_back_until_locked(end);
	if (n > 0)
		first = take_gap_locked(n);
	unlock_window(flags);
	return first;
}

/* Flush, if anything is stale. */
void window_flush(void)
{
	if (window_pages_stale())
		flush_and_take(0);
}

/* --- areas --------------------------------------------------------------------- */

/*
 * Addresses for n pages and a guard, nothing mapped there, for their owner to map; 0
 * when there is no gap.  n is less than the window's pages.
 */
MM_FASTCALL uintptr_t window_reserve(size_t n)
{
	mm_irqflags_t flags = lock_window();
	size_t first = take_gap_locked(n + GUARD_PAGES);

	unlock_window(flags);
	if (unlikely(first == window.nr_pages) && window_pages_stale())
		first = flush_and_take(n + GUARD_PAGES);
	return first == window.nr_pages ? 0 : address_of(first);
}

/* All n pages are mapped: the area is live. */
MM_FASTCALL void window_publish(uintptr_t start, size_t n, enum window_use use)
{
	size_t first = index_of(start);
	mm_irqflags_t flags = lock_window();

	flip_edges_locked(first, n);
	add_to(&window.live[use], n);
	unlock_window(flags);
}

/*
 * Take the live area that starts at `start` out of sight: it is the caller's, to unmap
 * and to release.  Returns its pages; 0 when no area starts there (any more).  `start`
 * was seen mapped as `use` says, hence is no guard.
 */
MM_FASTCALL size_t window_claim(uintptr_t start, enum window_use use)
{
	size_t first = index_of(start), n;
	mm_irqflags_t flags = lock_window();

	n = measure_locked(first);
	if (likely(n > 0)) {
		flip_edges_locked(first, n);
		add_to(&window.live[use], -n);
	}
	unlock_window(flags);
	return n;
}

/* Pages of the live area that starts at `start`, which is mapped; 0 when none does. */
size_t window_measure(uintptr_t start)
{
	mm_irqflags_t flags = lock_window();
	size_t n = measure_locked(index_of(start));

	unlock_window(flags);
	return n;
}

/* The owner of an area has unmapped (lazily) what it had mapped of the n pages. */
MM_FASTCALL void window_release(uintptr_t start, size_t n)
{
	size_t first = index_of(start);

	if (likely(set_aside(first, n + GUARD_PAGES)))
		return;
	flush_and_take(0); /* it begins after the unmapping, so it covers this area too */
	give_back(first, n + GUARD_PAGES);
}

#define RUN_MAX 16u

/* Map n frames side by side; false, none is mapped, when the host lacks a page table. */
static bool map_block(uintptr_t start, pfn_t frame, size_t n)
{
	for (size_t done = 0; done < n;) {
		size_t part = min_size(n - done, RUN_MAX), mapped;
		pfn_t frames[RUN_MAX];

		for (size_t i = 0; i < part; i++)
			frames[i] = frame + (pfn_t)(done + i);
		mapped = mm_host_map_run(start + done * PAGE_SIZE, frames, part);
		done += mapped;
		if (mapped < part) {
			mm_host_unmap_lazy(start, done);
			return false;
		}
	}
	return true;
}

/*
 * Map a block, which becomes PAGE_LARGE; NULL, and it stays what it is, when the window has
 * no room or the host no page table.
 */
void *window_map_block(struct page *page, unsigned order)
{
	size_t n = (size_t)1 << order;
	uintptr_t start = window.nr_pages > n ? window_reserve(n) : 0;

	if (start == 0)
		return NULL;
	if (!map_block(start, pfn_of_page(page), n)) {
		window_release(start, n);
		return NULL;
	}
	page->window = start;
	page_set_kind(page, PAGE_LARGE);
	window_publish(start, n, WINDOW_BLOCK);
	return (void *)start;
}

/*
 * Unmap it.  `address` is what window_map_block() returned; false, nothing done, when
 * somebody else was first.
 */
bool window_unmap_block(const void *address, unsigned order)
{
	size_t n = (size_t)1 << order;

	if (window_claim((uintptr_t)address, WINDOW_BLOCK) != n)
		return false;
	mm_host_unmap_lazy((uintptr_t)address, n);
	window_release((uintptr_t)address, n);
	return true;
}

/* --- looking ------------------------------------------------------------------- */

/* What the area is for that has `page` mapped at `address`. */
enum window_use window_use_of(struct page *page, uintptr_t address)
{
	const struct page *head;
	uintptr_t offset;

	address &= PAGE_MASK;
	if (page_get_kind(page) == PAGE_VMALLOC && page->window == address)
		return WINDOW_VMALLOC;
	head = page_head(page);
	if (!head || page_get_kind(head) != PAGE_LARGE)
		return WINDOW_VMAP;
	offset = (uintptr_t)(pfn_of_page(page) - pfn_of_page(head)) * PAGE_SIZE;
	return head->window + offset == address ? WINDOW_BLOCK : WINDOW_VMAP;
}

/* [w] The stale area around page i of the window; NULL if there is none. */
static const struct stale_area *find_stale_locked(size_t i)
{
	for (uint32_t at = window.head; at != window.tail; at++) {
		if (i - stale_at(at)->first < stale_at(at)->nr_pages)
			return stale_at(at);
	}
	return NULL;
}

/*
 * [w] The live area whose pages or guard page i is.  Edges alternate, so all of them
 * up to i are walked to know which is which.
 */
static bool find_live_locked(size_t i, size_t *first, size_t *guard)
{
	for (size_t at = 0;; at = *guard + 1) {
		*first = window_next_bit(window.edges, at, window.nr_pages, true);
		if (*first > i || *first == window.nr_pages)
			return false;
		*guard = window_next_bit(window.edges, *first + 1, window.nr_pages, true);
		if (i <= *guard)
			return true;
	}
}

/* Where `address` lies, for those who have time: a report is to be made. */
void window_find(const void *address, struct window_area *area)
{
	size_t i = index_of((uintptr_t)address), first, guard;
	const struct stale_area *stale;
	mm_irqflags_t flags;

	*area = (struct window_area){.place = WINDOW_OUTSIDE};
	if (!window_holds((uintptr_t)address))
		return;
	flags = lock_window();
	stale = find_stale_locked(i);
	if (stale) {
		area->place = WINDOW_STALE;
		area->start = address_of(stale->first);
		area->nr_pages = stale->nr_pages - GUARD_PAGES;
	} else if (find_live_locked(i, &first, &guard)) {
		area->place = i == guard ? WINDOW_GUARD : WINDOW_AREA;
		area->start = address_of(first);
		area->nr_pages = guard - first;
	}
	unlock_window(flags);
	if (area->place == WINDOW_AREA || area->place == WINDOW_GUARD) {
		struct page *page = window_page((const void *)area->start);

		area->use = page ? window_use_of(page, area->start) : WINDOW_VMAP;
	}
}

size_t window_pages(void)
{
	return window.nr_pages;
}

size_t window_pages_used(void)
{
	return __atomic_load_n(&window.used, __ATOMIC_RELAXED);
}

size_t window_pages_stale(void)
{
	return __atomic_load_n(&window.stale_pages, __ATOMIC_RELAXED);
}

size_t window_pages_of(enum window_use use)
{
	return __atomic_load_n(&window.live[use], __ATOMIC_RELAXED);
}
