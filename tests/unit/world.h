/* SPDX-License-Identifier: MIT */
/*
 * What tests need of the world around them that the allocator's own host contract
 * does not offer.  The kernel's half is in tests/kernel/world.c, the one for hosted
 * programs in tests/host/world.c.
 */
#ifndef TESTS_UNIT_WORLD_H
#define TESTS_UNIT_WORLD_H

#include <mm/types.h>

/* Be another CPU, until told otherwise; returns the one before.  Interrupts stay as they are. */
unsigned world_set_cpu(unsigned cpu);

/* CPUs that may be chosen so, from 0 on: 1 where none can. */
unsigned world_cpus(void);

/* Does reading a byte at `address`, in the mapping window or near 0, fault? */
bool world_faults(const void *address);

/* How often mm_host_flush() was called. */
unsigned long world_flushes(void);

/*
 * Here this case may have references, besides stacks and variables of the kernel's (see
 * mm_host_roots()).  Other variables of tests are not looked at, nor any others of a hosted
 * program: they hold addresses of any kind.
 */
void world_root(const void *memory, size_t nr_bytes);

#endif
