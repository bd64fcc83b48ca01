/* SPDX-License-Identifier: MIT */
/* Compaction.  See compact.c. */
#ifndef MM_INTERNAL_COMPACT_H
#define MM_INTERNAL_COMPACT_H

#include <mm/stats.h>
#include <mm/types.h>

/*
 * compact_for - move pages until a request that may use the zones from `class` down finds a
 * block of 2^order pages.  True: it should try again.  False: nothing to be gained, too
 * little memory is free, or somebody else compacts.  Contexts: a thread that may sleep.
 */
bool compact_for(enum mm_zone_id class, unsigned order);

#endif
