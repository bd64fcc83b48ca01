/* SPDX-License-Identifier: MIT */
/* In front of each file that is checked (`make KASAN=1`): what these functions access is, too. */
#ifndef KERNEL_KASAN_STRING_H
#define KERNEL_KASAN_STRING_H

#define memset  kasan_memset
#define memcpy  kasan_memcpy
#define memmove kasan_memmove
#define memcmp  kasan_memcmp

#endif
