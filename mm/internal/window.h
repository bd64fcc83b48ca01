/* SPDX-License-Identifier: MIT */
/* Areas of the mapping window.  See window.c. */
#ifndef MM_INTERNAL_WINDOW_H
#define MM_INTERNAL_WINDOW_H

#include <bits.h>
#include <mm/port.h>
#include <page.h>

/* What a live area is for, which its first page tells: see window_use_of(). */
enum window_use {
	WINDOW_BLOCK,   /* kmalloc: the block of that page, PAGE_LARGE */
	WINDOW_VMALLOC, /* vmalloc: pages of the area's own, PAGE_VMALLOC */
	WINDOW_VMAP,    /* vmap: pages of somebody else's */
	WINDOW_NR_USES
};

/* Freed areas that wait for a flush, at most; a power of two, so that the ring's counters may wrap. */
#define WINDOW_STALE_AREAS 256u

struct stale_area {
	uint32_t first, nr_pages; /* guard included */
};

struct window {
	uintptr_t start;     /* [I] */
	size_t nr_pages;     /* [I] 0: no window */
	size_t stale_max;    /* [I] pages that may wait for a flush */
	uint32_t *taken;     /* [w] one bit a page: live, being made, or stale */
	uint32_t *edges;     /* [w] first page and guard of each live area */
	size_t hint;         /* [w] where the next search begins */
	size_t used;         /* [w] pages of areas live or being made, guards included */
	size_t stale_pages;  /* [w] pages on the ring */
	uint32_t head, tail; /* [w] oldest stale area, and the one after the youngest */
	size_t live[WINDOW_NR_USES]; /* [w] pages of live areas, without guards */
	struct stale_area stale[WINDOW_STALE_AREAS]; /* [w] */
	struct mm_spinlock lock;
};

extern struct window window;

/* What a window takes that has no room for an area: a guard page before the first one. */
#define WINDOW_LEAST_BYTES PAGE_SIZE

/* Where an address of the window lies. */
enum window_place {
	WINDOW_OUTSIDE, /* nowhere that anybody has */
	WINDOW_AREA,
	WINDOW_GUARD, /* of that area */
	WINDOW_STALE, /* in an area that was freed */
};

struct window_area {
	enum window_place place;
	enum window_use use; /* not of a stale one */
	uintptr_t start;
	size_t nr_pages; /* without the guard */
};

bool window_init(uintptr_t start, uintptr_t end);
void window_reset(void);

/* From addresses to a live area, and back. */
MM_FASTCALL uintptr_t window_reserve(size_t nr_pages);
MM_FASTCALL void window_publish(uintptr_t start, size_t nr_pages, enum window_use use);
MM_FASTCALL size_t window_claim(uintptr_t start, enum window_use use);
size_t window_measure(uintptr_t start);
MM_FASTCALL void window_release(uintptr_t start, size_t nr_pages);
void window_flush(void);

/* All steps at once, for a block. */
void *window_map_block(struct page *page, unsigned order);
bool window_unmap_block(const void *address, unsigned order);

enum window_use window_use_of(struct page *page, uintptr_t address);
void window_find(const void *address, struct window_area *area);
size_t window_pages(void);
size_t window_pages_used(void);
size_t window_pages_stale(void);
size_t window_pages_of(enum window_use use);

static inline bool window_holds(uintptr_t address)
{
	return (address - window.start) >> PAGE_SHIFT < window.nr_pages;
}

/*
 * The page mapped around an address of the window; NULL for any other address.  Nobody
 * but mm maps anything there, and what it maps are pages of its own.
 */
static inline struct page *window_page(const void *address)
{
	paddr_t phys;

	if (!window_holds((uintptr_t)address) || !mm_host_translate((uintptr_t)address, &phys))
		return NULL;
	return page_of_pfn((pfn_t)(phys >> PAGE_SHIFT));
}

#define WINDOW_WORD_BITS 32u

/* Bits [from, to) of a bitmap: the first that is `value`; `to` when none is. */
static inline size_t window_next_bit(const uint32_t *bits, size_t from, size_t to, bool value)
{
	const uint32_t flip = value ? 0 : ~0u;

	while (from < to) {
		uint32_t word =
			(bits[from / WINDOW_WORD_BITS] ^ flip) >> (from % WINDOW_WORD_BITS);

		if (word)
			return min_size(from + lowest_bit(word), to);
		from += WINDOW_WORD_BITS - from % WINDOW_WORD_BITS;
	}
	return to;
}

#endif
