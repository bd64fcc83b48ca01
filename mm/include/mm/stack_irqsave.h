/* SPDX-License-Identifier: MIT */
/*
 * Pop and push for any host: with interrupts off.
 *
 * A host that owns its interrupt entry can have them without: see kernel/port/restart.h of
 * the Quarry kernel, and "Restartable sequences" in mm/README.md.  It then defines
 * MM_HOST_RESTARTABLE and the two functions in <mm_host.h>.
 *
 * Both are all or nothing for whoever interrupts, and for whoever runs on this CPU next.
 */
#ifndef MM_STACK_IRQSAVE_H
#define MM_STACK_IRQSAVE_H

#include <mm/port.h>
#include <mm/stack.h>

/* An object from this CPU's stack, now live; NULL when it is empty.  Any context but NMI. */
static inline void *mm_stack_pop(struct mm_stack *stacks)
{
	mm_irqflags_t flags = mm_irq_save();
	struct mm_stack *stack = &stacks[mm_cpu_id()];
	struct mm_slot *slot = stack->top - 1;
	void *object = slot->object;

	if (object) {
		*slot->state = MM_OBJECT_LIVE;
		__atomic_store_n(&stack->top, slot, __ATOMIC_RELAXED);
	}
	mm_irq_restore(flags);
	return object;
}

/* Put a live object on this CPU's stack.  Any context but NMI. */
static inline enum mm_push_result mm_stack_push(struct mm_stack *stacks, void *object,
						uint8_t *state)
{
	mm_irqflags_t flags = mm_irq_save();
	struct mm_stack *stack = &stacks[mm_cpu_id()];
	enum mm_push_result result = MM_PUSH_DONE;

	if (*state != MM_OBJECT_LIVE) {
		result = MM_PUSH_NOT_LIVE;
	} else if (stack->top >= __atomic_load_n(&stack->limit, __ATOMIC_RELAXED)) {
		result = MM_PUSH_FULL;
	} else {
		*state = MM_OBJECT_CACHED;
		*stack->top = (struct mm_slot){object, state};
		__atomic_store_n(&stack->top, stack->top + 1, __ATOMIC_RELAXED);
	}
	mm_irq_restore(flags);
	return result;
}

/*
 * A block from this CPU's stack, now PAGE_BLOCK, with one reference; NULL when there is none, or
 * what lies there is not PAGE_LISTED.  Any context but NMI.
 */
static inline struct page *mm_page_pop(struct mm_page_stack *stacks)
{
	mm_irqflags_t flags = mm_irq_save();
	struct mm_page_stack *stack = &stacks[mm_cpu_id()];
	struct page **top = stack->top, *page = NULL;

	if (top > __atomic_load_n(&stack->bottom, __ATOMIC_RELAXED) &&
	    __atomic_load_n((uint8_t *)top[-1], __ATOMIC_RELAXED) == MM_PAGE_LISTED) {
		page = *--top;
		__atomic_store_n((uint8_t *)page, MM_PAGE_BLOCK, __ATOMIC_RELAXED);
		__atomic_store_n(&stack->top, top, __ATOMIC_RELAXED);
	}
	mm_irq_restore(flags);
	return page;
}

/*
 * Put a block on this CPU's stack of its number; `stacks` is the first one's.  False, nothing
 * done: it is no PAGE_BLOCK with one reference, or there is no room.  Any
 * context but NMI.
 */
static inline bool mm_page_push(struct mm_page_stack (*stacks)[MM_HOST_NR_CPUS],
				struct page *page)
{
	uint8_t *bytes = (uint8_t *)page;
	mm_irqflags_t flags = mm_irq_save();
	bool done = false;

	if (__atomic_load_n(bytes, __ATOMIC_RELAXED) == MM_PAGE_BLOCK &&
	    __atomic_load_n((uint32_t *)(bytes + MM_PAGE_REFS), __ATOMIC_ACQUIRE) == 1) {
		unsigned number = __atomic_load_n(bytes + MM_PAGE_HOME, __ATOMIC_RELAXED);
		struct mm_page_stack *stack = &stacks[number][mm_cpu_id()];
		struct page **top = stack->top;

		done = top < __atomic_load_n(&stack->limit, __ATOMIC_RELAXED);
		if (done) {
			__atomic_store_n(bytes, MM_PAGE_LISTED, __ATOMIC_RELAXED);
			*top = page;
			__atomic_store_n(&stack->top, top + 1, __ATOMIC_RELAXED);
			__atomic_store_n(&stack->frees, stack->frees + 1, __ATOMIC_RELAXED);
		}
	}
	mm_irq_restore(flags);
	return done;
}

#endif
