// SPDX-License-Identifier: MIT
/*
 * The mapping window: kernel addresses at which blocks of pages are mapped
 * contiguously, for memory that has no address of its own.
 *
 * One bit for each page of the window says whether it is taken.  An area is its
 * pages and an unmapped guard page behind them, so that a run past the end faults.
 * The search goes on where the last one ended (next fit), a word of bits at a time.
 *
 * I1. A page of the window is mapped only while its bit is set.
 * I2. `used` is the number of set bits.
 *
 * Locks: window.lock [w], interrupts off, for bits, hint and used.  The host maps and
 * unmaps without it: a taken area has one owner.
 */
#include <bits.h>
#include <bootmem.h>
#include <mem.h>
#include <mm/port.h>
#include <window.h>

#define WORD_BITS   32u
#define GUARD_PAGES 1u

static struct {
	uintptr_t start; /* [I] */
	size_t nr_pages; /* [I] 0: no window */
	uint32_t *taken; /* [w] one bit a page */
	size_t hint;     /* [w] where the next search begins */
	size_t used;     /* [w] */
	struct mm_spinlock lock;
} window;

void window_reset(void)
{
	memset(&window, 0, sizeof(window));
}

/* Manage [start, end).  False when low memory has no room for the bits. */
bool window_init(uintptr_t start, uintptr_t end)
{
	size_t nr_pages = (end - start) >> PAGE_SHIFT;
	size_t bytes = (nr_pages + WORD_BITS - 1) / WORD_BITS * sizeof(uint32_t);
	paddr_t phys;

	window.taken = bootmem_alloc(bytes, PAGE_SIZE, &phys);
	if (!window.taken)
		return false;
	memset(window.taken, 0, bytes);
	window.start = start;
	window.nr_pages = nr_pages;
	return true;
}

static bool is_taken(size_t i)
{
	return window.taken[i / WORD_BITS] >> (i % WORD_BITS) & 1;
}

/* [w] First page of `n` free ones in [from, to); `to` when there are none. */
static size_t find_free_locked(size_t from, size_t to, size_t n)
{
	size_t run = 0;

	for (size_t i = from; i < to; i++) {
		if (i % WORD_BITS == 0 && window.taken[i / WORD_BITS] == ~0u) {
			run = 0;
			i += WORD_BITS - 1;
			continue;
		}
		run = is_taken(i) ? 0 : run + 1;
		if (run == n)
			return i + 1 - n;
	}
	return to;
}

static void mark_locked(size_t from, size_t n, bool taken)
{
	for (size_t i = from; i < from + n; i++) {
		uint32_t bit = 1u << (i % WORD_BITS);

		if (taken)
			window.taken[i / WORD_BITS] |= bit;
		else
			window.taken[i / WORD_BITS] &= ~bit;
	}
	/* window_pages_used() looks on without the lock. */
	__atomic_store_n(&window.used, window.used + (taken ? n : -n), __ATOMIC_RELAXED);
}

/* Take n pages; returns the first, or window.nr_pages when there is no such gap. */
static size_t take_area(size_t n)
{
	mm_irqflags_t flags = mm_irq_save();
	size_t first;

	mm_spin_lock(&window.lock);
	first = find_free_locked(window.hint, window.nr_pages, n);
	if (first == window.nr_pages)
		first = find_free_locked(0, window.nr_pages, n);
	if (first != window.nr_pages) {
		mark_locked(first, n, true);
		window.hint = first + n;
	}
	mm_spin_unlock(&window.lock);
	mm_irq_restore(flags);
	return first;
}

static void give_area(size_t first, size_t n)
{
	mm_irqflags_t flags = mm_irq_save();

	mm_spin_lock(&window.lock);
	mark_locked(first, n, false);
	mm_spin_unlock(&window.lock);
	mm_irq_restore(flags);
}

/* Map a block contiguously; NULL when the window has no room or the host no page table. */
void *window_map_block(struct page *page, unsigned order)
{
	size_t n = (size_t)1 << order;
	paddr_t phys = (paddr_t)pfn_of_page(page) << PAGE_SHIFT;
	size_t first = take_area(n + GUARD_PAGES);
	uintptr_t address = window.start + first * PAGE_SIZE;

	if (first == window.nr_pages)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (mm_host_map(address + i * PAGE_SIZE, phys + i * PAGE_SIZE))
			continue;
		mm_host_unmap(address, i);
		give_area(first, n + GUARD_PAGES);
		return NULL;
	}
	return (void *)address;
}

/* Undo it.  `address` is what window_map_block() returned. */
void window_unmap_block(const void *address, unsigned order)
{
	size_t n = (size_t)1 << order;

	mm_host_unmap((uintptr_t)address, n);
	give_area(((uintptr_t)address - window.start) >> PAGE_SHIFT, n + GUARD_PAGES);
}

/* The page mapped around an address of the window; NULL for any other address. */
struct page *window_page(const void *address)
{
	paddr_t phys;

	if ((uintptr_t)address - window.start >= window.nr_pages * PAGE_SIZE ||
	    !mm_host_translate((uintptr_t)address, &phys) ||
	    !page_exists((pfn_t)(phys >> PAGE_SHIFT)))
		return NULL;
	return page_of_pfn((pfn_t)(phys >> PAGE_SHIFT));
}

size_t window_pages(void)
{
	return window.nr_pages;
}

size_t window_pages_used(void)
{
	return __atomic_load_n(&window.used, __ATOMIC_RELAXED);
}
