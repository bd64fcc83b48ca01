/* SPDX-License-Identifier: MIT */
/* The memory of the machine that runs.  See arena.c. */
#ifndef TESTS_HOST_ARENA_H
#define TESTS_HOST_ARENA_H

#include <mm/types.h>

bool arena_map(uintptr_t virt, paddr_t phys);
void arena_unmap(uintptr_t virt, size_t nr_pages);
void arena_unmap_lazy(uintptr_t virt, size_t nr_pages);
void arena_flush(void);
bool arena_translate(uintptr_t virt, paddr_t *phys);

#endif
