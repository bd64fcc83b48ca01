/* SPDX-License-Identifier: MIT */
/*
 * The suites of tests/unit, lowest layer first; one line each.  The hosted program
 * (tests/host/suites.c) and the kernel (tests/kernel/suites.c) run these and their own.
 */
#ifndef TESTS_UNIT_SUITES_H
#define TESTS_UNIT_SUITES_H

#include <harness.h>

#define UNIT_SUITES(SUITE) \
	SUITE(harness)     \
	SUITE(cmdline)     \
	SUITE(bits)        \
	SUITE(list)        \
	SUITE(format)      \
	SUITE(memmap)      \
	SUITE(bootmem)     \
	SUITE(gfp)         \
	SUITE(page)        \
	SUITE(buddy)       \
	SUITE(check_buddy) \
	SUITE(zone)        \
	SUITE(migrate)     \
	SUITE(compact)     \
	SUITE(page_list)   \
	SUITE(page_alloc)  \
	SUITE(exact)       \
	SUITE(reclaim)     \
	SUITE(slab)        \
	SUITE(shuffle)     \
	SUITE(magazine)    \
	SUITE(kmem_cache)  \
	SUITE(slab_debug)  \
	SUITE(guard)       \
	SUITE(misuse)      \
	SUITE(bulk)        \
	SUITE(kmalloc)     \
	SUITE(mempool)     \
	SUITE(nolock)      \
	SUITE(pointer)     \
	SUITE(window)      \
	SUITE(highmem)     \
	SUITE(vmalloc)     \
	SUITE(kvmalloc)    \
	SUITE(fault)       \
	SUITE(leak)        \
	SUITE(leak_scan)   \
	SUITE(report)      \
	SUITE(replay)      \
	SUITE(stats)

#define SUITE_DECLARE(suite) extern const struct test_suite suite##_suite;
#define SUITE_LIST(suite)    &suite##_suite,

UNIT_SUITES(SUITE_DECLARE)

#endif
