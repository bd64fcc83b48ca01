/* SPDX-License-Identifier: MIT */
/* The four functions that a compiler may call behind one's back: every host has them. */
#ifndef MM_INTERNAL_MEM_H
#define MM_INTERNAL_MEM_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#endif
