/* SPDX-License-Identifier: MIT */
/*
 * Pages: blocks of 2^order physically contiguous pages, order 0 .. MM_MAX_ORDER,
 * aligned to their own size.
 *
 * Contexts: with flags that may sleep, a thread with interrupts on; with other
 * flags and for every free, also interrupt handlers and interrupts off; never
 * NMI.  Sleeping flags where sleeping is not allowed are reported once a call
 * site, and served as GFP_NOWAIT would be.
 *
 * Failure is NULL (0 for functions that return an address).  Unless NOWARN is
 * set, running out of memory is reported, a few times a second at most.
 */
#ifndef MM_PAGE_ALLOC_H
#define MM_PAGE_ALLOC_H

#include <mm/gfp.h>
#include <mm/port.h>
#include <mm/types.h>

struct page; /* one for each page frame; opaque */

/*
 * alloc_pages - a block of 2^order pages in the zones that `gfp` allows.
 *
 * The block has one reference.  An order beyond MM_MAX_ORDER and flags that
 * make no sense are reported.
 */
static inline struct page *alloc_pages(gfp_t gfp, unsigned order);
static inline struct page *alloc_page(gfp_t gfp);

/*
 * __free_pages - drop a reference to the block; the last one frees it.
 *
 * `order` must be the one that the block was allocated with: the block knows
 * it, and a wrong one is reported and nothing freed.  NULL does nothing.
 */
MM_FASTCALL void __free_pages(struct page *page, unsigned order);
MM_FASTCALL void __free_page(struct page *page);

/*
 * The same by address.  Low memory only: __GFP_HIGHMEM is refused with a
 * report, since such pages may have no address.  free_pages(0, order) does nothing.
 */
uintptr_t __get_free_pages(gfp_t gfp, unsigned order);
uintptr_t __get_free_page(gfp_t gfp);
uintptr_t get_zeroed_page(gfp_t gfp);
uintptr_t __get_dma_pages(gfp_t gfp, unsigned order);
void free_pages(uintptr_t address, unsigned order);
void free_page(uintptr_t address);

/*
 * alloc_pages_exact - as many pages as `size` bytes need, and no more: physically
 * contiguous, aligned as the next larger block is.  Its address, or NULL; a size of 0 or
 * beyond the largest block is reported.  Low memory only, as __get_free_pages.
 *
 * free_pages_exact - give back all of it; `size` must be the same.  When one of the pages is
 * not a single page in use, which is what shows of a wrong size or a second free, that
 * is reported and nothing is freed.  NULL does nothing.
 *
 * Each of the pages has a reference of its own.  (Linux's functions of these names.)
 */
void *alloc_pages_exact(size_t size, gfp_t gfp);
void free_pages_exact(void *address, size_t size);

/*
 * References.  get_page() on any page of a block takes one on the block;
 * put_page() drops it, and frees the block with the last one.  Any context but NMI.
 */
void get_page(struct page *page);
void put_page(struct page *page);
unsigned page_count(const struct page *page);

/*
 * split_page - make 2^order blocks of one page each out of one block.
 *
 * The caller must hold the only reference; each page then has one of its own
 * and is freed by itself.
 */
void split_page(struct page *page, unsigned order);

/*
 * Conversions.  virt_to_page: low memory only, NULL for any other address.
 * pfn_to_page: NULL for a frame that has no struct page.  page_address: the
 * address in the direct map, for a High page that kmap() holds its mapping, else NULL.
 */
struct page *virt_to_page(const void *address);
struct page *pfn_to_page(pfn_t pfn);
pfn_t page_to_pfn(const struct page *page);
paddr_t page_to_phys(const struct page *page);
void *page_address(const struct page *page);

/* Order of the smallest block that holds `size` bytes; MM_NR_ORDERS when none does. */
unsigned get_order(size_t size);

/* Free pages in all zones together.  Exact while nobody else allocates. */
size_t nr_free_pages(void);

/* --- what alloc_pages becomes; no interface ----------------------------------------- */

/* The stacks of free blocks at each CPU's hand; mm/page_list.c says when they are open. */
extern struct mm_page_stack mm_page_stacks[MM_PAGE_STACKS_ALL][MM_HOST_NR_CPUS];

/* Any order, any flags; where this CPU's stack of that number had none; with __GFP_DIRECT_RECLAIM. */
MM_FASTCALL struct page *alloc_pages_any(gfp_t gfp, unsigned order);
MM_FASTCALL struct page *alloc_pages_refill(gfp_t gfp, unsigned number);
MM_FASTCALL struct page *alloc_pages_sleepy(gfp_t gfp, unsigned number);

/* Flags that change nothing for who finds a block ready, but from which stack it is. */
#define ALLOC_PAGES_PLAIN \
	(GFP_PLAIN | __GFP_DMA | __GFP_HIGHMEM | __GFP_MOVABLE | __GFP_USER | __GFP_NOMEMALLOC)

/* Are they constants for which a stack will do? */
#define ALLOC_PAGES_HAS_STACK(gfp, order)                            \
	(__builtin_constant_p(gfp) && __builtin_constant_p(order) && \
	 (order) < MM_PAGE_STACK_ORDERS &&                           \
	 !((gfp) & ~(ALLOC_PAGES_PLAIN | __GFP_DIRECT_RECLAIM)) &&   \
	 ((gfp) & (__GFP_DMA | __GFP_HIGHMEM)) != (__GFP_DMA | __GFP_HIGHMEM))

/* The number of that stack: see <mm/stack.h>. */
static inline __attribute__((always_inline)) unsigned alloc_pages_stack(gfp_t gfp,
									unsigned order)
{
	unsigned zone = gfp & __GFP_DMA ? 0 : gfp & __GFP_HIGHMEM ? 2 : 1;
	unsigned type = gfp & (__GFP_USER | __GFP_MOVABLE) ? 1 : 0;

	return (zone * 2 + type) * MM_PAGE_STACK_ORDERS + order;
}

static inline __attribute__((always_inline)) struct page *alloc_pages(gfp_t gfp, unsigned order)
{
	struct page *page;

	if (!ALLOC_PAGES_HAS_STACK(gfp, order))
		return alloc_pages_any(gfp, order);
	if (gfp & __GFP_DIRECT_RECLAIM)
		return alloc_pages_sleepy(gfp, alloc_pages_stack(gfp, order));
	page = mm_page_pop(mm_page_stacks[alloc_pages_stack(gfp, order)]);
	return __builtin_expect(page != NULL, 1)
		       ? page
		       : alloc_pages_refill(gfp, alloc_pages_stack(gfp, order));
}

static inline __attribute__((always_inline)) struct page *alloc_page(gfp_t gfp)
{
	return alloc_pages(gfp, 0);
}

#endif
