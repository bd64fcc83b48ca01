/* SPDX-License-Identifier: MIT */
/* Areas of the mapping window.  See window.c. */
#ifndef MM_INTERNAL_WINDOW_H
#define MM_INTERNAL_WINDOW_H

#include <page.h>

bool window_init(uintptr_t start, uintptr_t end);
void window_reset(void);
void *window_map_block(struct page *page, unsigned order);
void window_unmap_block(const void *address, unsigned order);
struct page *window_page(const void *address);
size_t window_pages(void);
size_t window_pages_used(void);

#endif
