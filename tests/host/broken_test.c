// SPDX-License-Identifier: MIT
/*
 * Nothing here can only pass: cases that are broken on purpose, each in one way, are run by
 * a harness of their own, which must call each of them failed, and say why.
 */
#include "host.h"
#include <harness.h>
#include <mm/highmem.h>
#include <mm/kmalloc.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>
#include <string.h>
#include <unistd.h>
#include <zone.h>

/* --- broken against the harness ------------------------------------------------------- */

TEST(nothing_wrong)
{
	void *p = kmalloc(100, GFP_KERNEL);

	EXPECT(p);
	kfree(p);
}

TEST(expectation)
{
	int two = 2;

	EXPECT_EQ(two + two, 5);
}

TEST(assertion)
{
	ASSERT(sizeof(char) == 2);
	_exit(0);
}

TEST(report_unannounced)
{
	kfree((void *)(uintptr_t)0x1234567);
}

TEST(report_missing)
{
	expect_report(MM_REPORT_DOUBLE_FREE, 1);
}

TEST(page_leaked)
{
	EXPECT(alloc_page(GFP_KERNEL));
}

TEST(object_leaked)
{
	EXPECT(kmalloc(100, GFP_KERNEL));
}

/* Whose it is, is told. */
TEST(owned_object_leaked)
{
	EXPECT(kmem_cache_alloc(kmem_cache_create("owned", 40, 0, SLAB_STORE_USER, NULL),
				GFP_KERNEL));
}

TEST(large_block_leaked)
{
	EXPECT(kmalloc(100000, GFP_KERNEL));
}

TEST(high_block_leaked)
{
	EXPECT(kmalloc(100, GFP_HIGHUSER));
}

TEST(vmalloc_leaked)
{
	EXPECT(vmalloc(3 * PAGE_SIZE));
}

TEST(cache_left_behind)
{
	EXPECT(kmem_cache_create("left-behind", 40, 0, 0, NULL));
}

/* Freed by us, taken before us. */
static void *foreign;

TEST(object_gone)
{
	foreign = kmalloc(100, GFP_KERNEL);
	test_memory_baseline();
	kfree(foreign);
}

TEST(allocator_damaged)
{
	zones[MM_ZONE_NORMAL].buddy.nr_free++;
}

TEST(crash)
{
	*(volatile int *)(uintptr_t)host_window_start() = 1;
}

TEST(early_end)
{
	_exit(0);
}

TEST(hang)
{
	alarm(1);
	for (;;)
		pause();
}

TEST(panic)
{
	mm_host_panic("on purpose");
}

TEST(only_skipped)
{
	SKIP("on purpose");
}

/* --- broken against the host's contract -------------------------------------------------- */

static struct mm_spinlock one, another;

TEST(interrupts_left_off)
{
	mm_irq_save();
}

TEST(restored_twice)
{
	mm_irqflags_t flags = mm_irq_save();

	mm_irq_restore(flags);
	mm_irq_restore(flags);
}

TEST(interrupts_on_with_a_lock)
{
	mm_irqflags_t flags = mm_irq_save();

	mm_spin_lock(&one);
	mm_irq_restore(flags);
}

TEST(lock_with_interrupts_on)
{
	mm_spin_lock(&one);
}

TEST(locked_twice)
{
	mm_irq_save();
	mm_spin_lock(&one);
	mm_spin_lock(&one);
}

TEST(locks_nested)
{
	mm_irq_save();
	mm_spin_lock(&one);
	mm_spin_lock(&another);
}

TEST(lock_not_held)
{
	mm_irq_save();
	mm_spin_unlock(&one);
}

TEST(log_with_a_lock)
{
	mm_irq_save();
	mm_spin_lock(&zones[0].lock);
	mm_host_log("too early");
}

TEST(map_with_a_lock)
{
	mm_irq_save();
	mm_spin_lock(&zones[0].lock);
	mm_host_map(host_window_start(), 0x1000);
}

TEST(mapped_twice)
{
	mm_host_map(host_window_start(), 13u << 20);
	mm_host_map(host_window_start(), 14u << 20);
}

TEST(mapped_before_the_flush)
{
	mm_host_map(host_window_start(), 13u << 20);
	mm_host_unmap_lazy(host_window_start(), 1);
	mm_host_map(host_window_start(), 14u << 20);
}

TEST(unmapped_lazily_and_again)
{
	mm_host_map(host_window_start(), 13u << 20);
	mm_host_unmap_lazy(host_window_start(), 1);
	mm_host_unmap(host_window_start(), 1);
}

TEST(flush_with_a_lock)
{
	mm_irq_save();
	mm_spin_lock(&zones[0].lock);
	mm_host_flush();
}

TEST(use_after_flush)
{
	char *p = vmalloc(100);

	vfree(p);
	mm_host_flush();
	*(volatile char *)p = 1;
}

TEST(unmapped_twice)
{
	mm_host_unmap(host_window_start(), 1);
}

TEST(address_of_high_memory)
{
	mm_phys_to_virt(12u << 20);
}

TEST(use_after_unmap)
{
	struct page *page = alloc_page(GFP_HIGHUSER);
	char *p = kmap_local_page(page);

	kunmap_local(p);
	*(volatile char *)p = 1;
}

TEST_SUITE(cases, nothing_wrong, expectation, assertion, report_unannounced, report_missing,
	   page_leaked, object_leaked, owned_object_leaked, large_block_leaked,
	   high_block_leaked, vmalloc_leaked, cache_left_behind, object_gone, allocator_damaged,
	   crash, early_end, hang, panic, only_skipped, interrupts_left_off, restored_twice,
	   interrupts_on_with_a_lock, lock_with_interrupts_on, locked_twice, locks_nested,
	   lock_not_held, log_with_a_lock, map_with_a_lock, mapped_twice,
	   mapped_before_the_flush, unmapped_lazily_and_again, flush_with_a_lock,
	   use_after_flush, unmapped_twice, address_of_high_memory, use_after_unmap);

/* --- and each is seen ---------------------------------------------------------------------- */

static const struct test_suite *const broken_suites[] = {&cases_suite, NULL};

static char output[16384];

static void expect_failure(const char *name, const char *why)
{
	char filter[80] = "cases.";

	strcat(filter, name);
	EXPECTF(!host_run_tests(broken_suites, filter, output, sizeof(output)),
		"%s: expected it to fail, it passed", name);
	EXPECTF(strstr(output, why), "%s: expected \"%s\", found \"%s\"", name, why, output);
	EXPECTF(strstr(output, "not ok 1 cases"), "%s: its suite passed", name);
}

TEST(control)
{
	EXPECT(host_run_tests(broken_suites, "cases.nothing_wrong", output, sizeof(output)));
	EXPECT(strstr(output, "\n    ok 1 nothing_wrong\nok 1 cases\n"));
	EXPECT(strstr(output, "# 1 passed, 0 failed, 0 skipped"));
}

TEST(failures)
{
	expect_failure("expectation", "two + two: expected 5, found 4 at tests/host/");
	expect_failure("assertion", "expected sizeof(char) == 2, found it false");
	expect_failure("report_unannounced", "a report nobody announced: bad address");
	expect_failure("report_missing", "\"double free\": expected 1, found 0");
	expect_failure("panic", "panic: on purpose");
}

TEST(leaks)
{
	expect_failure("page_leaked", "pages held: expected");
	expect_failure("object_leaked", "live objects of cache kmalloc-112: expected");
	expect_failure("object_leaked", "cache     kmalloc-112: 1 objects\n");
	expect_failure("owned_object_leaked", ": 40 bytes of cache owned\n");
	expect_failure("large_block_leaked",
		       "pages in large blocks: expected 0 as before, found 32");
	expect_failure("high_block_leaked",
		       "pages of the window: expected 0 as before, found 2");
	expect_failure("vmalloc_leaked",
		       "pages in vmalloc areas: expected 0 as before, found 3");
	expect_failure("cache_left_behind", "leaves the cache left-behind behind");
	expect_failure("object_gone", "live objects of cache kmalloc-112: expected");
	expect_failure("allocator_damaged", "corruption");
}

/* A sanitizer ends the process before the signal does. */
TEST(deaths)
{
	expect_failure("crash", "not ok 1 crash");
	expect_failure("early_end", "ended before its end, with status 0");
	expect_failure("hang", "it took too long");
	expect_failure("use_after_unmap", "not ok 1 use_after_unmap");
	expect_failure("use_after_flush", "not ok 1 use_after_flush");
}

TEST(nothing_ran)
{
	EXPECT(!host_run_tests(broken_suites, "cases.only_skipped", output, sizeof(output)));
	EXPECT(strstr(output, "ok 1 only_skipped # SKIP on purpose"));
	EXPECT(!host_run_tests(broken_suites, "nonesuch", output, sizeof(output)));
	EXPECT(strstr(output, "no case matches"));
}

TEST(contract)
{
	expect_failure("interrupts_left_off", "ends with interrupts off");
	expect_failure("restored_twice", "without mm_irq_save()");
	expect_failure("interrupts_on_with_a_lock", "interrupts on again while a lock is held");
	expect_failure("lock_with_interrupts_on", "taken with interrupts on");
	expect_failure("locked_twice", "deadlock");
	expect_failure("locks_nested", "inside of another");
	expect_failure("lock_not_held", "not the last one taken");
	expect_failure("log_with_a_lock", "mm_host_log called while a lock is held");
	expect_failure("map_with_a_lock", "mm_host_map called while a lock is held");
	expect_failure("mapped_twice", "mapped already");
	expect_failure("mapped_before_the_flush", "and there was no flush since");
	expect_failure("unmapped_lazily_and_again", "is not mapped");
	expect_failure("flush_with_a_lock", "mm_host_flush called while a lock is held");
	expect_failure("unmapped_twice", "is not mapped");
	expect_failure("address_of_high_memory", "not low memory");
}

TEST_SUITE(broken, control, failures, leaks, deaths, nothing_ran, contract);
