/* SPDX-License-Identifier: MIT */
/* vmalloc from the inside.  See vmalloc.c. */
#ifndef MM_INTERNAL_VMALLOC_H
#define MM_INTERNAL_VMALLOC_H

#include <mm/vmalloc.h>

/* __vmalloc() for a request that passed gfp_admit(); `caller` is who a report names. */
MM_FASTCALL void *vmalloc_for(size_t size, gfp_t gfp, uintptr_t caller);

MM_FASTCALL void vfree_for(const void *p, uintptr_t caller);

/* Bytes of the live vmalloc area that starts at p; 0 if none does. */
size_t vmalloc_size(const void *p);

#endif
