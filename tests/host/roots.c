// SPDX-License-Identifier: MIT
/* Where a hosted test has references: where it says, and on the one stack. */
#include "host.h"
#include <mm/leak.h>
#include <unit/world.h>

static const void *root;
static size_t root_bytes;

void world_root(const void *memory, size_t nr_bytes)
{
	root = memory;
	root_bytes = nr_bytes;
}

void mm_host_roots(const void *here)
{
	mm_leak_root(root, root_bytes);
	mm_leak_root(here, host_stack_top - (uintptr_t)here);
}
