/* SPDX-License-Identifier: MIT */
/*
 * struct page: what the allocator knows of one page frame.
 *
 * All of them form one array, indexed by frame number.  16 bytes in both word
 * sizes: links are frame numbers, not pointers.
 *
 * A block of 2^order pages is described by its first page, the head; the other
 * pages of any block, free or not, are of kind PAGE_TAIL.  So a state change costs
 * the same for every order, and freeing what lies inside a block is noticed.
 */
#ifndef MM_INTERNAL_PAGE_H
#define MM_INTERNAL_PAGE_H

#include <bits.h>
#include <mm/port.h>
#include <mm/stats.h>
#include <mm/types.h>

enum page_kind {
	PAGE_HOLE,     /* no RAM here */
	PAGE_RESERVED, /* RAM that is not the allocator's: kernel, firmware, page array */
	PAGE_TAIL,     /* inside a block, which its head describes */
	PAGE_FREE,     /* head of a free block: on a list of its zone's buddy allocator */
	PAGE_LISTED,   /* head of a free block: on a list of a CPU's (page_list.c) */
	PAGE_BLOCK,    /* head of a block that alloc_pages() gave out */
	PAGE_SLAB,     /* in a slab; head or not */
	PAGE_LARGE,    /* head of a kmalloc block beyond the caches */
	PAGE_VMALLOC,  /* page of a vmalloc area; no block is larger than it */
	PAGE_GUARD,    /* of the pool of guarded objects; a block of its own */
	PAGE_NR_KINDS
};

enum block_type {
	BLOCK_KERNEL,
	BLOCK_USER,
	NR_BLOCK_TYPES,
	BLOCK_ISOLATED =
		NR_BLOCK_TYPES, /* no pageblock's type: free, but not to be given out */
	NR_BLOCK_LISTS
};

/* Free blocks up to this order, exclusive, may be on a CPU's lists; so many are these for each CPU. */
#define PAGE_LIST_ORDERS MM_PAGE_STACK_ORDERS
#define NR_PAGE_LISTS    MM_NR_PAGE_STACKS

_Static_assert(NR_PAGE_LISTS == MM_NR_ZONES * NR_BLOCK_TYPES * PAGE_LIST_ORDERS,
	       "a list of each");

/*
 * What else `home` can be: there is none, for larger blocks; the block has a mover; or had one
 * since it was given out; or is one page of a run (exact.c).  Lists of these numbers take nothing in.
 */
#define PAGE_HOMELESS    NR_PAGE_LISTS
#define PAGE_MOVABLE     (NR_PAGE_LISTS + 1)
#define PAGE_WAS_MOVABLE (NR_PAGE_LISTS + 2)
#define PAGE_OF_RUN      (NR_PAGE_LISTS + 3)

struct mm_mover;
struct slab;

struct page {
	/*
	 * [z] zone lock while the page is free; else whoever holds the block.  Who walks
	 * a zone under its lock also looks at blocks that are held.  So whoever holds one
	 * takes the lock to change more than one page, or more than kind; kind alone is
	 * changed by page_set_kind().
	 */
	uint8_t kind;  /* enum page_kind */
	uint8_t order; /* of the block, at its head */
	union {
		uint8_t type; /* PAGE_FREE: the list that holds it, enum block_type */
		uint8_t home; /* [a] any other: page_home(), or whether it has or had a mover */
	};
	uint8_t zone;  /* [I] enum mm_zone_id */
	uint32_t refs; /* [a] PAGE_BLOCK: references; PAGE_LISTED: 1, which its taker gets */
	union {
		struct {
			pfn_t next, prev; /* [z] PAGE_FREE: neighbours on the list */
		};
		struct slab *slab; /* [I] PAGE_SLAB */
		uintptr_t
			window; /* [I] PAGE_LARGE, PAGE_VMALLOC: its address in the window, or 0;
				 * home PAGE_OF_RUN: the address of the run */
		struct mm_mover *mover; /* [a] PAGE_BLOCK that is movable: whom to ask */
		uint64_t fill;          /* 8 bytes in both word sizes */
	};
};

_Static_assert(sizeof(struct page) == 16, "struct page is 16 bytes in both word sizes");
_Static_assert(offsetof(struct page, kind) == 0 && offsetof(struct page, order) == 1 &&
		       offsetof(struct page, home) == MM_PAGE_HOME &&
		       offsetof(struct page, refs) == MM_PAGE_REFS &&
		       (unsigned)PAGE_LISTED == MM_PAGE_LISTED &&
		       (unsigned)PAGE_BLOCK == MM_PAGE_BLOCK,
	       "pages are what <mm/stack.h> says of them");

#define PFN_NONE ((pfn_t)~0u)

/*
 * The page array of the machine.  `bias` is the address that frame 0 would have;
 * an integer, because for machines whose RAM starts high it is no valid pointer.
 * All [I], set by page_array_init().
 */
struct page_array {
	uintptr_t bias;
	pfn_t start, end;    /* frames that the array covers, holes included */
	uintptr_t first;     /* address of the entry of frame `start` */
	size_t entries;      /* end - start */
	uint8_t *map;        /* for each largest block of them: do its entries exist? */
	uintptr_t low_bytes; /* physical addresses below have a direct-map address */
	uintptr_t low_start; /* and so many, from here on, a page: */
	uintptr_t low_span;
	paddr_t bytes; /* RAM spent on it */
};

extern struct page_array page_array;

static inline struct page *page_of_pfn(pfn_t pfn)
{
	return (struct page *)(page_array.bias + (uintptr_t)pfn * sizeof(struct page));
}

static inline pfn_t pfn_of_page(const struct page *page)
{
	return (pfn_t)(((uintptr_t)page - page_array.bias) / sizeof(struct page));
}

/* The page around an address of low memory; NULL for any other address. */
static inline struct page *page_of_address(const void *address)
{
	uintptr_t offset = (uintptr_t)mm_virt_to_phys(address) - page_array.low_start;

	if (offset >= page_array.low_span)
		return NULL;
	return (struct page *)(page_array.first + (offset >> PAGE_SHIFT) * sizeof(struct page));
}

/* Does the array have the i-th entry, and is it one of a struct page? */
static inline bool page_entry_exists(size_t i)
{
	return i < page_array.entries && page_array.map[i >> MM_MAX_ORDER];
}

/* Does this frame have a struct page? */
static inline bool page_exists(pfn_t pfn)
{
	return page_entry_exists((size_t)(pfn - page_array.start));
}

/* The kind of a page that somebody else may hold.  [z] */
static inline enum page_kind page_get_kind(const struct page *page)
{
	return (enum page_kind)__atomic_load_n(&page->kind, __ATOMIC_RELAXED);
}

/* Whoever holds the block makes its head another kind of held block. */
static inline void page_set_kind(struct page *page, enum page_kind kind)
{
	__atomic_store_n(&page->kind, (uint8_t)kind, __ATOMIC_RELAXED);
}

/* Whoever holds the block, or the zone lock: [a] for those who look at it. */
static inline uint8_t page_get_home(const struct page *page)
{
	return __atomic_load_n(&page->home, __ATOMIC_RELAXED);
}

static inline void page_set_home(struct page *page, unsigned home)
{
	__atomic_store_n(&page->home, (uint8_t)home, __ATOMIC_RELAXED);
}

/*
 * [z] Drop the only reference of what should be a block of this order in a caller's hands; false, and
 * nothing is done, if it is not, or not the only one.
 */
static inline bool page_drop_only(struct page *page, unsigned order)
{
	uint32_t one = 1;

	return page_get_kind(page) == PAGE_BLOCK && page->order == order &&
	       __atomic_compare_exchange_n(&page->refs, &one, 0, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

/* The number of the lists, one of each CPU, of free blocks like this; PAGE_HOMELESS: there are none. */
static inline unsigned page_home(unsigned zone, enum block_type type, unsigned order)
{
	return order < PAGE_LIST_ORDERS
		       ? (zone * NR_BLOCK_TYPES + (unsigned)type) * PAGE_LIST_ORDERS + order
		       : PAGE_HOMELESS;
}

void page_array_reset(void);
bool page_array_init(void);
void page_array_set_map(uint8_t *map);
struct page *page_head(struct page *page);
const char *page_kind_name(enum page_kind kind);

#endif
