/* SPDX-License-Identifier: MIT */
/*
 * Debugging a cache: what it does more when its debug flags (<mm/slab.h>) are set.
 *
 *	F  SLAB_CONSISTENCY_CHECKS	each alloc and free verifies the slab's own descriptor
 *	Z  SLAB_RED_ZONE		bytes around each object that must not change: writes
 *					beyond the bytes asked for, on either side, are seen
 *	P  SLAB_POISON			freed objects are filled with 0x6b, and verified when they
 *					are given out again: writes after free are seen.  New ones
 *					are filled with 0x5a.  Not where there is a constructor.
 *	U  SLAB_STORE_USER		who allocated and who freed each object last, and when;
 *					every report about the object tells
 *
 * Such a cache has no magazines: each alloc and free takes the slow path, where one
 * predictable branch asks for these flags.  Caches without them, and their fast paths, pay
 * nothing.  (Linux: slab_debug; the letters and the syntax are its.)
 *
 * What is found is reported with the damaged bytes marked.  Then they are restored, and the
 * slab is isolated: its objects can be freed, but none is given out again.
 *
 * When an error is seen: a write beyond an object when that is freed, a write after free when
 * the object is given out next, either also by kmem_cache_validate().
 */
#ifndef MM_SLAB_DEBUG_H
#define MM_SLAB_DEBUG_H

#include <mm/slab.h>

/*
 * Which caches are made so: mm_boot_info.slab_debug, or the kernel's option of that name.
 *
 *	FZPU		all caches, but for the allocator's own; an empty text means the same
 *	ZU,kmalloc-64	one; ZU,kmalloc-*,inode: those that match a glob (* and ?)
 *	ZU,a;FP,b	several of these; the first that matches counts
 *	-,a		none for this one
 *
 * Letters that are unknown are named in the log, and ignored.  Flags given to
 * kmem_cache_create() are added.
 */
#define MM_SLAB_DEBUG_TEXT_MAX 128 /* with the terminating 0; what is beyond is ignored */

/*
 * kmem_cache_set_debug - set a cache's debug flags, or clear them with 0.
 *
 * The objects' places change, so there can be none: a cache with live objects is reported
 * and stays as it was, and so is one of the allocator's own.  Returns whether it was done.
 * Contexts: a thread, nobody else using the cache.
 */
bool kmem_cache_set_debug(struct kmem_cache *cache, slab_flags_t flags);

/*
 * kmem_cache_validate - verify all objects of a cache, live and free.  Each that is damaged
 * is reported; returns how many were.  Contexts: a thread, nobody else using the cache.
 */
size_t kmem_cache_validate(struct kmem_cache *cache);

#endif
