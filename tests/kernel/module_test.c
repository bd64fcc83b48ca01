// SPDX-License-Identifier: MIT
/*
 * What the boot loader has placed.  Its tables, and boot modules: the one that the boot loader has brought lies where the kernel says, in memory
 * that nobody gets; and if it is a recorded workload, it runs with each block's contents checked.
 */
#include "replay_main.h"
#include <harness.h>
#include <kernel/memory.h>
#include <mm/page_alloc.h>
#include <page.h>

TEST(tables_of_the_boot_loader_are_reserved)
{
	pfn_t pfn = (pfn_t)(memory_boot_tables() >> PAGE_SHIFT);

	EXPECT(pfn > 0);
	EXPECTF(!page_exists(pfn) || page_of_pfn(pfn)->kind == PAGE_RESERVED, "page %u", pfn);
}

TEST(its_memory_is_reserved)
{
	size_t size, pages = 0;
	const char *bytes = memory_module(0, &size);

	if (!bytes)
		SKIP("no boot module");
	for (size_t at = 0; at < size; at += PAGE_SIZE) {
		const struct page *page = page_of_address(bytes + at);

		EXPECTF(!page || page->kind == PAGE_RESERVED, "page %zu of it", pages);
		pages++;
	}
	EXPECT(pages > 0);
	EXPECT(!memory_module(1, &size));
	EXPECT(!memory_module(1000, &size));
}

TEST(recorded_workload_runs)
{
	const struct replay_options options = {.check = true};
	struct replay_result result;
	struct trace trace;
	const char *wrong;
	size_t size;

	if (!memory_module(0, &size))
		SKIP("no boot module");
	wrong = replay_open_module(&trace);
	ASSERT(EXPECTF(!wrong, "%s", wrong));
	allow_kept_pages(8); /* page tables */
	EXPECTF(replay_run(&trace, &options, &result), "event %u: %s", result.at, result.error);
	EXPECT_EQ(result.at, trace.header->nr_events - 1);
	EXPECT(result.slabs.end > RATIO_ONE);
	EXPECT(result.everything.end > result.slabs.end);
	test_note("%u events of %s", trace.header->nr_events, trace.header->name);
}

TEST_SUITE(module, tables_of_the_boot_loader_are_reserved, its_memory_is_reserved,
	   recorded_workload_runs);
