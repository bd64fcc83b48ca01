/* SPDX-License-Identifier: MIT */
/* kmalloc from the inside.  See kmalloc.c. */
#ifndef MM_INTERNAL_KMALLOC_H
#define MM_INTERNAL_KMALLOC_H

#include <mm/kmalloc.h>

void kmalloc_init(void);

/* Pages in blocks beyond the caches.  [a] */
extern size_t kmalloc_large_pages;

#endif
