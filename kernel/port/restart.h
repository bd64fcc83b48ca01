/* SPDX-License-Identifier: MIT */
/*
 * Pop and push as restartable sequences: without turning interrupts off, without a locked
 * instruction.
 *
 * Each runs from label 1 to the instruction at label 2, its commit, which makes what it did
 * true.  Whoever interrupts it before the commit is done (interrupts and NMIs, and so
 * also other threads and a move to another CPU) lets it start again from label 1: see
 * kernel/restart.c.  Hence:
 *
 *  I1. Until the commit nothing is written that anybody else reads, but for the state of the
 *	object, which is written by the instruction right before; for the one boundary between
 *	the two the table holds what it was, and the interrupt writes that back.  The state's
 *	address is in ECX.
 *  I2. What the sequence reads to find its way, it still has when it starts again.
 *
 * %gs: is the segment whose base is MM_CPU_STRIDE times the number of the CPU, so it
 * picks this CPU's element of the array of stacks in the very instruction that uses it.
 */
#ifndef KERNEL_PORT_RESTART_H
#define KERNEL_PORT_RESTART_H

#include <kernel/layout.h>
#include <kernel/restart.h>
#include <mm/stack.h>

#define MM_HOST_RESTARTABLE

_Static_assert(CPU_STRIDE == MM_CPU_STRIDE, "what %gs finds is this CPU's stack");

/* See <mm/stack_irqsave.h>. */
static inline __attribute__((always_inline)) void *mm_stack_pop(struct mm_stack *stacks)
{
	void *object, *at; /* the stack's top, then the state */

	__asm__ volatile goto("1:	mov	%%gs:%[stack], %[at]\n"
			      "	mov	-8(%[at]), %[object]\n"
			      "	test	%[object], %[object]\n"
			      "	jz	%l[empty]\n"
			      "	mov	-4(%[at]), %[at]\n"
			      "	movb	%[live], (%[at])\n"
			      "2:	subl	$8, %%gs:%[stack]\n" RESTARTABLE("%c[cached]")
			      : [at] "=&c"(at), [object] "=&r"(object)
			      : [stack] "m"(stacks->top), [live] "i"(MM_OBJECT_LIVE),
				[cached] "i"(MM_OBJECT_CACHED)
			      : "memory", "cc"
			      : empty);
	if (!object)
		__builtin_unreachable();
	return object;
empty:
	return NULL;
}

static inline __attribute__((always_inline)) enum mm_push_result mm_stack_push(
	struct mm_stack *stacks, void *object, uint8_t *state)
{
	struct mm_slot *top;

	__asm__ volatile goto(
		"1:	cmpb	%[live], (%[state])\n"
		"	jne	%l[not_live]\n"
		"	mov	%%gs:%[stack], %[top]\n"
		"	cmp	%%gs:%[limit], %[top]\n"
		"	jae	%l[full]\n"
		"	mov	%[object], (%[top])\n"
		"	mov	%[state], 4(%[top])\n"
		"	movb	%[cached], (%[state])\n"
		"2:	addl	$8, %%gs:%[stack]\n" RESTARTABLE("%c[live]")
		: [top] "=&r"(top)
		: [stack] "m"(stacks->top), [limit] "m"(stacks->limit), [object] "r"(object),
		  [state] "c"(state), [live] "i"(MM_OBJECT_LIVE), [cached] "i"(MM_OBJECT_CACHED)
		: "memory", "cc"
		: not_live, full);
	return MM_PUSH_DONE;
not_live:
	return MM_PUSH_NOT_LIVE;
full:
	return MM_PUSH_FULL;
}

#endif
