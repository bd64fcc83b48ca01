// SPDX-License-Identifier: MIT
/*
 * Where the kernel has references to what it has allocated, for mm_leak_scan(): in its data, and on
 * the stacks.  Of threads that do not run all of the stack is looked at, dead parts too: who
 * was interrupted has his registers there.
 *
 * Variables of tests are left out, but for what a test names: they are full of addresses of what
 * was freed long ago, and somebody has that memory now.
 *
 * The pages of stacks and of page tables are known by entries of page tables only, which hold
 * physical addresses.
 */
#include <kernel/image.h>
#include <kernel/layout.h>
#include <kernel/paging.h>
#include <kernel/process.h>
#include <kernel/stack.h>
#include <kernel/thread.h>
#include <mm/leak.h>
#include <mm/page_alloc.h>
#include <roots.h>

/* Of the stack that is in use: what lies above is alive. */
static uintptr_t live_from;

static const void *of_test;
static size_t of_test_bytes;

void roots_set_of_test(const void *memory, size_t nr_bytes)
{
	of_test = memory;
	of_test_bytes = nr_bytes;
}

static void keep_frame(paddr_t phys)
{
	mm_leak_keep(pfn_to_page((pfn_t)(phys >> PAGE_SHIFT)));
}

/* Of one stack, or of something else. */
static void root_between(uintptr_t start, uintptr_t end)
{
	if (live_from > start && live_from < end)
		start = live_from;
	mm_leak_root((const void *)start, end - start);
}

static bool is_dead(const struct stack_area *stack, uintptr_t page)
{
	return live_from > stack->start && live_from < stack->end &&
	       page + PAGE_BYTES <= live_from;
}

static void root_stack(const struct stack_area *stack)
{
	for (uintptr_t page = stack->start; page < stack->end; page += PAGE_BYTES) {
		paddr_t phys;

		if (!paging_translate(page, &phys))
			continue;
		keep_frame(phys);
		if (!is_dead(stack, page))
			root_between(page, page + PAGE_BYTES);
	}
}

void mm_host_roots(const void *here)
{
	live_from = (uintptr_t)here;
	paging_for_each_table(keep_frame);
	process_for_each_directory(keep_frame);
	mm_leak_root(of_test, of_test_bytes);
	root_between((uintptr_t)data_start, (uintptr_t)test_data_start);
	root_between((uintptr_t)test_data_end, (uintptr_t)boot_stack_guard);
	root_between((uintptr_t)boot_stack, (uintptr_t)boot_stack_top);
	root_between((uintptr_t)boot_stack_top, (uintptr_t)test_bss_start);
	root_between((uintptr_t)test_bss_end, (uintptr_t)kernel_end);
	stack_for_each(root_stack);
}
