/* SPDX-License-Identifier: MIT */
/*
 * Who leaked this?  What was allocated since a mark, and is still live.
 *
 * A host that does not look for leaks need not link debug/leak.c.
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

#define MM_LEAK_LISTED 16u

#endif
