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

#endif
