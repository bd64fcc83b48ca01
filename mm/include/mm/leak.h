/* SPDX-License-Identifier: MIT */
/*
 * Who leaked this?  What was allocated since a mark, and is still live; what is live though
 * nothing refers to it; and how much each call site has.
 *
 * A host that does not look for leaks need not link debug/leak.c, leak_scan.c, leak_sites.c.
 */
#ifndef MM_LEAK_H
#define MM_LEAK_H

#include <mm/types.h>

/* Caches that a mark has room for; those made later than the first so many are not watched. */
#define MM_LEAK_CACHES 192u

/* Kinds of pages that are counted apart. */
enum mm_leak_pages {
	MM_LEAK_LARGE,   /* in kmalloc blocks beyond the caches */
	MM_LEAK_BLOCKS,  /* in all other blocks, whoever has them */
	MM_LEAK_VMALLOC, /* in vmalloc areas */
	MM_LEAK_VMAP,    /* mapped by vmap areas, whose pages are in blocks, too */
	MM_LEAK_NR_PAGES
};

/* A moment, as mm_leak_mark() saw it.  The caller's memory: nothing is allocated. */
struct mm_leak_mark {
	uint32_t track;  /* the last allocation that a debugged cache recorded */
	uint32_t serial; /* the youngest cache */
	size_t pages[MM_LEAK_NR_PAGES];
	size_t nr_caches;
	struct {
		uint32_t serial, live;
	} caches[MM_LEAK_CACHES]; /* by serial */
};

/*
 * mm_leak_mark - remember what is live.
 * mm_leak_check - report, as one MM_REPORT_LEAK, what is live now and was not at the mark; no
 *	report if that is nothing.  Returns how many objects and pages that are, in all.
 *
 * Objects are counted by cache, pages by kind.  What lies in magazines and CPUs' page lists
 * is free, so the counts are exact, if nobody else allocates or frees meanwhile.  They
 * are differences: an object that lived at the mark and was freed since makes up for one
 * that leaked.  Not so in caches with SLAB_STORE_USER: there the objects themselves are
 * known, and the first MM_LEAK_LISTED of them are listed, the oldest first, with their
 * owners.  The allocator's own caches do not count.
 *
 * Marks may nest, and overlap.  The other CPUs are stopped for as long as it takes to walk
 * over the debugged caches, once for each object that is listed.  Contexts: a thread.
 */
void mm_leak_mark(struct mm_leak_mark *mark);
size_t mm_leak_check(const struct mm_leak_mark *mark);

#define MM_LEAK_LISTED 10u

/*
 * mm_leak_scan - report, as one MM_REPORT_LEAK, what is live and nothing refers to; no report
 *	if that is nothing.  Returns how many objects, blocks and areas that are;
 *	MM_LEAK_UNKNOWN if there is no memory to find out, or somebody else does.
 *
 * A reference is an aligned word that is an address anywhere inside, or a struct page of
 * the block; it lies in what mm_host_roots() names, or in something that is referred to.  So two
 * objects that refer to each other only have leaked.  Whatever looks like an address counts: old
 * words on a stack may hide a leak, but who hides pointers is accused.  Pages with a mover
 * (migrate.h) are known by that.  The first MM_LEAK_LISTED objects and as many others are
 * listed, with their owners where those are recorded.
 *
 * The other CPUs are stopped and interrupts are off for as long as it takes to read all that
 * is live: for debugging only.  Memory is allocated before: 4 bytes for each page,
 * 2 bits for each object, and some 30 KiB.  Contexts: a thread that may sleep.
 *
 * mm_leak_ignore - what begins at `p` is no leak, nor is what it refers to, for as long as it
 *	lives: one that is freed is forgotten in the next scan.  False: there are
 *	MM_LEAK_IGNORED already.  Any context but NMI.
 */
size_t mm_leak_scan(void);
bool mm_leak_ignore(const void *p);

#define MM_LEAK_UNKNOWN SIZE_MAX
#define MM_LEAK_IGNORED 64u

/* What one call site has live.  Ages are as of the call. */
struct mm_site {
	uintptr_t caller; /* return address; 0: all that nobody has recorded */
	size_t objects, bytes;
	uint64_t oldest_ns, youngest_ns;
};

/*
 * mm_for_each_site - call `visit` for each call site that has live objects of caches with
 *	SLAB_STORE_USER, the largest first, while it returns true; last, for what is live in all
 *	other caches, with caller 0.  (Linux: alloc_traces, allocinfo.)  Bytes are those that
 *	were asked for.  False: there is no memory to count in; nothing was visited.
 *
 * mm_show_sites - a table of the first `most` of them in the log.  Nothing, if none is recorded.
 *
 * Beyond MM_SITES call sites, the objects of those met last are counted as not recorded.  The
 * other CPUs are stopped for as long as it takes to walk over these caches.  Contexts: a thread
 * that may sleep.
 */
bool mm_for_each_site(bool (*visit)(const struct mm_site *site, void *arg), void *arg);
void mm_show_sites(size_t most);

#define MM_SITES 512u

/*
 * For mm_host_roots() to call:
 *
 * mm_leak_root - there may be references in this memory, which can be read.
 * mm_leak_keep - the block of this page is known, though no address of it may be found, and
 *	has no references: such as a page table.  NULL does nothing.
 */
struct page;

void mm_leak_root(const void *memory, size_t nr_bytes);
void mm_leak_keep(struct page *page);

#endif
