/* SPDX-License-Identifier: MIT */
/*
 * Touching pages that have no permanent address.  For a page of low memory all
 * of these cost nothing and return its direct-map address.
 */
#ifndef MM_HIGHMEM_H
#define MM_HIGHMEM_H

#include <mm/page_alloc.h>
#include <mm/types.h>

/*
 * kmap - map a page for as long as needed, visible on every CPU.
 *
 * Mapping the same page again returns the same address; each kmap wants a
 * kunmap.  Returns NULL when all slots are held or no page table can be had.
 * Contexts: a thread (it may sleep).  kunmap: any but NMI; of a page that is not
 * mapped: reported.
 */
void *kmap(struct page *page);
void kunmap(struct page *page);

/*
 * kmap_local_page - map a page for a moment, on this CPU only.
 *
 * Never fails: nests to a depth of KMAP_LOCAL_DEPTH on each CPU, shared with the
 * interrupt handlers that run on top; deeper is a bug that panics.  Unmap in the
 * reverse order.  In between, a page of high memory keeps the caller on this CPU: it is not
 * preempted, and may not sleep.  Contexts: any but NMI.
 * kunmap_local takes any address within the mapped page.
 */
#define KMAP_LOCAL_DEPTH 16
void *kmap_local_page(struct page *page);
void kunmap_local(const void *address);

/* Zero or copy one page, wherever it lies.  Contexts: any but NMI. */
void clear_highpage(struct page *page);
void copy_highpage(struct page *to, struct page *from);

/* Is this page beyond the direct map? */
bool page_is_highmem(const struct page *page);

#endif
