/* SPDX-License-Identifier: MIT */
/* The kernel's stacks, and who called whom on them. */
#ifndef KERNEL_STACK_H
#define KERNEL_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BACKTRACE_MAX 24u

struct stack_area {
	uintptr_t start, end;
};

/*
 * stack_alloc - memory for a thread's stack, with an unmapped page below it; false
 *	when there is none.  Contexts: a thread that may sleep.
 * stack_free - give it back.  Nobody may run on it.  Contexts: any but NMI.
 */
bool stack_alloc(struct stack_area *stack);
void stack_free(const struct stack_area *stack);

/*
 * stack_for_each - call `visit` for each stack of stack_alloc()'s, of which pages may be missing
 *	if somebody is about to make or free it.  The other CPUs are held.
 */
void stack_for_each(void (*visit)(const struct stack_area *stack));

/*
 * backtrace_from - return addresses along the chain of frame pointers that
 * starts at `ebp`, innermost first; returns how many, at most `max`.  Believes
 * no frame outside a known stack, nor one that leads backwards.  Any context.
 */
size_t backtrace_from(uintptr_t ebp, uintptr_t *frames, size_t max);

/* Log the chain of callers that starts at `ebp`, one line each, with symbols. */
void backtrace_show(uintptr_t ebp);

#endif
