// SPDX-License-Identifier: MIT
/*
 * What must fault does: null pointers and their like, writes to text and constants,
 * execution of data, guard pages, memory that is mapped no more.  And the kernel lives
 * through each of these faults.
 */
#include <harness.h>
#include <kernel/cpu.h>
#include <kernel/image.h>
#include <kernel/layout.h>
#include <kernel/trap.h>
#include <mem.h>
#include <mm/highmem.h>
#include <mm/kmalloc.h>
#include <unit/live.h>
#include <window.h>

/* Sanitizers would say that it is wrong, which it is. */
#define WRONG __attribute__((no_sanitize("undefined", "address")))

static WRONG void read_byte(void *address)
{
	(void)*(volatile char *)address;
}

static WRONG void write_byte(void *address)
{
	*(volatile char *)address = 1;
}

static WRONG void call(void *address)
{
	((void (*)(void))address)();
}

/* An address before a symbol: to the compiler nothing is there. */
static void *before(const void *symbol, size_t n)
{
	return (void *)((uintptr_t)symbol - n);
}

/* Does f(address) fault, at this address, with these bits of the error code? */
static void expect_fault(void (*f)(void *), const void *address, uint32_t error)
{
	struct trap_caught caught = {0};

	if (!EXPECTF(trap_expect(VECTOR_PAGE_FAULT, f, (void *)(uintptr_t)address, &caught),
		     "no fault at %p", address))
		return;
	EXPECT_EQ(caught.address, (uint32_t)address);
	EXPECT_EQ(caught.error, error);
	EXPECT(irqs_enabled());
	EXPECT_EQ(cpu_irq_depth(), 0);
}

TEST(null_and_its_neighbours)
{
	static const uintptr_t addresses[] = {0, 1, 16, 20, 4095, 4096, 0x100000};

	for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		expect_fault(read_byte, (void *)addresses[i], 0);
		expect_fault(write_byte, (void *)addresses[i], FAULT_WRITE);
	}
	expect_fault(read_byte, kmalloc(0, GFP_KERNEL), 0);
	expect_fault(write_byte, ZERO_SIZE_PTR, FAULT_WRITE);
}

TEST(text_is_read_only)
{
	char first = *(char *)kmalloc;

	expect_fault(write_byte, text_start, FAULT_WRITE | FAULT_PROTECTION);
	expect_fault(write_byte, kmalloc, FAULT_WRITE | FAULT_PROTECTION);
	expect_fault(write_byte, before(text_end, 1), FAULT_WRITE | FAULT_PROTECTION);
	EXPECT_EQ(*(char *)kmalloc, first);
}

TEST(constants_are_read_only)
{
	static const char constant[] = "constant";

	expect_fault(write_byte, constant, FAULT_WRITE | FAULT_PROTECTION);
	expect_fault(write_byte, rodata_start, FAULT_WRITE | FAULT_PROTECTION);
	expect_fault(write_byte, before(rodata_end, 1), FAULT_WRITE | FAULT_PROTECTION);
	EXPECT_STR(constant, "constant");
}

#define RET        0xc3
#define FETCH_BITS (FAULT_FETCH | FAULT_PROTECTION)

TEST(data_cannot_be_executed)
{
	static char data[16];
	char stack[16];
	char *small, *pages;

	if (!cpu_features.nx)
		SKIP("this CPU has no no-execute bit");
	small = kmalloc(64, GFP_KERNEL);
	pages = kmalloc(4 * PAGE_SIZE, GFP_KERNEL);
	ASSERT(small && pages);
	small[0] = pages[0] = data[0] = stack[0] = (char)RET;
	expect_fault(call, small, FETCH_BITS);
	expect_fault(call, pages, FETCH_BITS);
	expect_fault(call, data, FETCH_BITS);
	expect_fault(call, stack, FETCH_BITS);
	expect_fault(call, rodata_start, FETCH_BITS);
	kfree(small);
	kfree(pages);
}

TEST(stack_has_a_guard)
{
	expect_fault(read_byte, boot_stack_guard, 0);
	expect_fault(write_byte, before(boot_stack, 1), FAULT_WRITE);
}

TEST(nothing_beyond_low_memory)
{
	paddr_t end = page_array.low_bytes;
	uintptr_t address = KERNEL_BASE + (uintptr_t)end;

	/* The direct map ends with a large page: look behind it. */
	address = (address + LARGE_PAGE_BYTES - 1) & ~(uintptr_t)(LARGE_PAGE_BYTES - 1);
	if (address < WINDOW_START)
		expect_fault(read_byte, (void *)address, 0);
	expect_fault(read_byte, (void *)(WINDOW_END - PAGE_SIZE), 0);
}

TEST(window_memory_has_guards)
{
	struct mm_zone_info zone;
	char *p;

	if (!mm_zone_info(MM_ZONE_HIGH, &zone))
		SKIP("no High zone on this machine");
	allow_kept_pages(2); /* page tables of the mapping window */
	p = kmalloc(3 * PAGE_SIZE, GFP_HIGHUSER);
	ASSERT(p);
	EXPECT((uintptr_t)p >= WINDOW_START && (uintptr_t)p < WINDOW_END);
	memset(p, (int)RET, 4 * PAGE_SIZE);
	expect_fault(write_byte, p + 4 * PAGE_SIZE, FAULT_WRITE);
	if (cpu_features.nx)
		expect_fault(call, p, FETCH_BITS);
	kfree(p);
	window_flush();
	expect_fault(read_byte, p, 0); /* use after free */
	expect_fault(write_byte, p + PAGE_SIZE, FAULT_WRITE);
}

TEST(local_mappings_end)
{
	struct page *page = alloc_pages(GFP_HIGHUSER, 0);
	char *address;

	ASSERT(page);
	if (!page_is_highmem(page)) {
		__free_page(page);
		SKIP("no High zone on this machine");
	}
	address = kmap_local_page(page);
	address[0] = (char)RET;
	EXPECT_EQ(address[0], (char)RET);
	if (cpu_features.nx)
		expect_fault(call, address, FETCH_BITS);
	kunmap_local(address);
	expect_fault(read_byte, address, 0);
	__free_page(page);
}

/* --- other exceptions ------------------------------------------------------------------------- */

static void breakpoint(void *arg)
{
	(void)arg;
	__asm__ volatile("int3");
}

static void undefined(void *arg)
{
	(void)arg;
	__asm__ volatile("ud2");
}

static void return_quietly(void *arg)
{
	++*(int *)arg;
}

/* Traps leave nothing behind: after thousands of them memory is still where it was. */
TEST(traps_are_survived)
{
	struct trap_caught caught;
	int calls = 0;
	char byte;
	void *p;

	EXPECT(trap_expect(VECTOR_BREAKPOINT, breakpoint, NULL, NULL));
	EXPECT(trap_expect(VECTOR_INVALID_CODE, undefined, NULL, &caught));
	EXPECT(image_is_text(caught.eip));
	EXPECT(!trap_expect(VECTOR_PAGE_FAULT, return_quietly, &calls, NULL));
	EXPECT_EQ(calls, 1);
	for (unsigned i = 0; i < 2000; i++)
		EXPECT(trap_expect(VECTOR_PAGE_FAULT, read_byte, NULL, NULL));
	EXPECT(!probe_read(NULL, &byte, 1));
	EXPECT(probe_read(text_start, &byte, 1));
	EXPECT(irqs_enabled());
	p = kmalloc(100, GFP_KERNEL);
	EXPECT(p != NULL);
	kfree(p);
}

static void trap_where_nobody_may_sleep(void *arg)
{
	(void)irq_save();
	preempt_disable();
	read_byte(arg);
}

/* What it had switched off is on again. */
TEST(cut_short_it_may_sleep_again)
{
	EXPECT(trap_expect(VECTOR_PAGE_FAULT, trap_where_nobody_may_sleep, NULL, NULL));
	EXPECT(may_sleep());
	EXPECT_EQ(cpu_preempt_count(), 0);
}

/* Reading goes as far as it can, and no further. */
TEST(probing_across_the_end)
{
	char bytes[16];

	EXPECT(!probe_read(before((void *)KERNEL_BASE, 8), bytes, 16));
	EXPECT(!probe_read(before(boot_stack_guard, 8), bytes, 16));
	EXPECT(probe_read(before(boot_stack_guard, 8), bytes, 8));
}

TEST_SUITE(protection, null_and_its_neighbours, text_is_read_only, constants_are_read_only,
	   data_cannot_be_executed, stack_has_a_guard, nothing_beyond_low_memory,
	   window_memory_has_guards, local_mappings_end, traps_are_survived,
	   cut_short_it_may_sleep_again, probing_across_the_end);
