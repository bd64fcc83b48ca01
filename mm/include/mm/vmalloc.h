/* SPDX-License-Identifier: MIT */
/*
 * vmalloc: memory that is contiguous in virtual addresses only, made of single pages
 * wherever they are free, in the mapping window given to mm_init().  For large buffers
 * that no device has to read: it does not need large free blocks, but each page costs
 * a mapping.  Up to a few pages, kmalloc is cheaper; kvmalloc (mm/kvmalloc.h) decides.
 *
 * Areas are whole pages, page aligned, and an unmapped guard page lies behind each.
 *
 * Unmapping is lazy: an area that was freed may stay readable and writable for a while, but
 * its addresses are not given out again before no CPU knows the old translation.  See
 * mm/window.c.
 *
 * Failure is NULL.  Unless NOWARN is set it is reported, running out of memory or of
 * addresses a few times a second at most.  A host without a window has no vmalloc.
 *
 * Contexts of all that allocates or maps: as alloc_pages(), that is, with flags that do
 * not sleep any but NMI.  Freeing never sleeps: any context but NMI, on any CPU.
 */
#ifndef MM_VMALLOC_H
#define MM_VMALLOC_H

#include <mm/gfp.h>
#include <mm/page_alloc.h>
#include <mm/types.h>

/*
 * vmalloc - `size` bytes, with GFP_KERNEL | __GFP_HIGHMEM: a thread that may sleep.
 * vzalloc - the same, zeroed.
 * __vmalloc - with flags of the caller's choice.
 *
 * The flags say where pages may lie and how far the request may go, for each page; give
 * __GFP_HIGHMEM unless there is a reason not to.  __GFP_ZERO zeroes whole pages, beyond `size`
 * too.  __GFP_NOFAIL is refused, since addresses may run out; __GFP_MOVABLE is ignored.
 * Impossible sizes, 0 among them, are reported as such.
 */
void *vmalloc(size_t size) __attribute__((malloc, alloc_size(1)));
void *vzalloc(size_t size) __attribute__((malloc, alloc_size(1)));
void *__vmalloc(size_t size, gfp_t gfp) __attribute__((malloc, alloc_size(1)));

/*
 * vfree - free an area of vmalloc's, with all its pages.
 *
 * NULL does nothing.  Anything but the start of such an area is reported and left alone.
 */
void vfree(const void *p);

/*
 * vmap - map n pages side by side, in the order given; the same page may come twice.
 *
 * Any pages of alloc_pages(), heads or not.  Each mapping takes a reference (unlike Linux's),
 * so that a page can neither be freed nor moved beneath it.  Unmap by vunmap(), which
 * drops them: a caller that has put its own references before need not do more to free the
 * pages.  Pages that have no references to take (kmalloc's, vmalloc's, free ones) are
 * reported.  Contexts: any but NMI; never sleeps.
 */
void *vmap(struct page *const *pages, size_t n);
void vunmap(const void *p);

/*
 * The page mapped at `p`, any address in an area of vmalloc, vmap, or
 * kmalloc(GFP_HIGHUSER); NULL for any other address.  Any context.
 */
struct page *vmalloc_to_page(const void *p);

/* Does `p` lie in an area of vmalloc's or vmap's, guard excluded?  Any context. */
bool is_vmalloc_addr(const void *p);

#endif
