/* SPDX-License-Identifier: MIT */
/*
 * Stacks of threads, in an address range of their own, STACKS_START .. STACKS_END.  It is
 * cut into slots: a page that is never mapped, and the stack above it.  So a stack that
 * grows too large faults, instead of running into somebody else's memory, and single
 * pages do to make one.
 *
 * I1: the lowest page of each slot is unmapped; the others are mapped while slot_used[].
 * Locks: `lock` to claim a slot; its owner alone gives it back.
 */
#include <kernel/kasan.h>
#include <kernel/layout.h>
#include <kernel/paging.h>
#include <kernel/spinlock.h>
#include <kernel/stack.h>
#include <mm/page_alloc.h>

#define STACK_PAGES (THREAD_STACK_BYTES / PAGE_BYTES)
#define SLOT_BYTES  (PAGE_BYTES + THREAD_STACK_BYTES)
#define NR_SLOTS    ((STACKS_END - STACKS_START) / SLOT_BYTES)

static struct spinlock lock;
static bool slot_used[NR_SLOTS];

static uintptr_t slot_stack(unsigned slot)
{
	return STACKS_START + slot * SLOT_BYTES + PAGE_BYTES;
}

/* A slot for the caller alone; NR_SLOTS when all are in use. */
static unsigned claim_slot(void)
{
	uint32_t flags = spin_lock_irqsave(&lock);
	unsigned slot = 0;

	while (slot < NR_SLOTS && slot_used[slot])
		slot++;
	if (slot < NR_SLOTS)
		slot_used[slot] = true;
	spin_unlock_irqrestore(&lock, flags);
	return slot;
}

static bool map_new_page(uintptr_t address)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (page && paging_map(address, page_to_phys(page)))
		return true;
	__free_pages(page, 0);
	return false;
}

/* Those that are mapped, all at once: other CPUs are interrupted for it. */
void stack_free(const struct stack_area *stack)
{
	struct page *pages[STACK_PAGES] = {0};
	paddr_t phys;

	for (unsigned i = 0; i < STACK_PAGES; i++)
		if (paging_translate(stack->start + i * PAGE_BYTES, &phys))
			pages[i] = pfn_to_page((pfn_t)(phys >> PAGE_SHIFT));
	paging_unmap(stack->start, STACK_PAGES);
	for (unsigned i = 0; i < STACK_PAGES; i++)
		__free_pages(pages[i], 0);
	__atomic_store_n(&slot_used[(stack->start - STACKS_START) / SLOT_BYTES], false,
			 __ATOMIC_RELEASE);
}

bool stack_alloc(struct stack_area *stack)
{
	unsigned slot = claim_slot();

	if (slot == NR_SLOTS)
		return false;
	stack->start = slot_stack(slot);
	stack->end = stack->start + THREAD_STACK_BYTES;
	kasan_forget_stack(stack->start, stack->end);
	for (uintptr_t page = stack->start; page < stack->end; page += PAGE_BYTES) {
		if (!map_new_page(page)) {
			stack_free(stack);
			return false;
		}
	}
	return true;
}

void stack_for_each(void (*visit)(const struct stack_area *stack))
{
	for (unsigned slot = 0; slot < NR_SLOTS; slot++) {
		struct stack_area stack = {slot_stack(slot),
					   slot_stack(slot) + THREAD_STACK_BYTES};

		if (slot_used[slot])
			visit(&stack);
	}
}
