// SPDX-License-Identifier: MIT
/* The slow half of the host contract, and the arena: one mapping, of which only what is touched costs. */
#define _GNU_SOURCE
#include "arena.h"
#include <mm/boot.h>
#include <mm/port.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define ARENA_BYTES ((size_t)32 << 20)
#define BLOCK_BYTES (PAGE_SIZE << MM_MAX_ORDER)
#define ARENA_START ((paddr_t)BLOCK_BYTES) /* its physical address: any multiple of a block */

uintptr_t bench_arena_offset;

#ifdef BENCH_SLAB_MAP_WORDS
uintptr_t bench_slab_map[BENCH_SLAB_MAP_WORDS];
#endif

void mm_host_log(const char *line)
{
	fprintf(stderr, "%s\n", line);
}

_Noreturn void mm_host_panic(const char *why)
{
	fprintf(stderr, "%s\n", why);
	abort();
}

bool arena_start(void)
{
	struct mm_range ram = {ARENA_START, ARENA_START + ARENA_BYTES};
	struct mm_boot_info info = {.ram = &ram, .nr_ram = 1, .low_limit = ram.end};
	void *p = mmap(NULL, ARENA_BYTES + BLOCK_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return false;
	bench_arena_offset = (((uintptr_t)p + BLOCK_BYTES - 1) & ~(BLOCK_BYTES - 1)) -
			     (uintptr_t)ARENA_START;
	return mm_init(&info);
}
