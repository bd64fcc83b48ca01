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

_Static_assert(offsetof(struct mm_page_stack, top) == 0, "%gs:stacks(number) is a top");
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

_Static_assert((MAX_CPUS & (MAX_CPUS - 1)) == 0, "a stack's number is shifted, not multiplied");

#define PAGE_STACK_SHIFT __builtin_ctz(MAX_CPUS *CPU_STRIDE)

/* The state of a block is its kind, the first byte of its struct page. */
static inline __attribute__((always_inline)) struct page *mm_page_pop(
	struct mm_page_stack *stacks)
{
	struct page *page;

	__asm__ volatile goto("1:	mov	%%gs:%[top], %[page]\n"
			      "	cmp	%%gs:%[bottom], %[page]\n"
			      "	jbe	%l[empty]\n"
			      "	mov	-4(%[page]), %[page]\n"
			      "	cmpb	%[listed], (%[page])\n"
			      "	jne	%l[empty]\n"
			      "	movb	%[block], (%[page])\n"
			      "2:	subl	$4, %%gs:%[top]\n" RESTARTABLE("%c[listed]")
			      : [page] "=&c"(page)
			      : [top] "m"(stacks->top), [bottom] "m"(stacks->bottom),
				[listed] "i"(MM_PAGE_LISTED), [block] "i"(MM_PAGE_BLOCK)
			      : "memory", "cc"
			      : empty);
	if (!page)
		__builtin_unreachable();
	return page;
empty:
	return NULL;
}

static inline __attribute__((always_inline)) bool mm_page_push(
	struct mm_page_stack (*stacks)[MAX_CPUS], struct page *page)
{
	unsigned number;
	struct page **top;

	__asm__ volatile goto(
		"1:	cmpb	%[block], (%[page])\n"
		"	jne	%l[other]\n"
		"	cmpl	$1, %c[refs](%[page])\n"
		"	jne	%l[other]\n"
		"	movzbl	%c[home](%[page]), %[number]\n"
		"	shl	%[shift], %[number]\n"
		"	mov	%%gs:%c[stacks](%[number]), %[top]\n"
		"	cmp	%%gs:%c[stacks]+%c[limit](%[number]), %[top]\n"
		"	jae	%l[other]\n"
		"	mov	%[page], (%[top])\n"
		"	movb	%[listed], (%[page])\n"
		"2:	addl	$4, %%gs:%c[stacks](%[number])\n"
		"	incl	%%gs:%c[stacks]+%c[frees](%[number])\n" RESTARTABLE("%c[block]")
		: [number] "=&r"(number), [top] "=&r"(top)
		: [page] "c"(page), [stacks] "i"(stacks),
		  [limit] "i"(offsetof(struct mm_page_stack, limit)),
		  [frees] "i"(offsetof(struct mm_page_stack, frees)), [home] "i"(MM_PAGE_HOME),
		  [refs] "i"(MM_PAGE_REFS), [shift] "i"(PAGE_STACK_SHIFT),
		  [listed] "i"(MM_PAGE_LISTED), [block] "i"(MM_PAGE_BLOCK)
		: "memory", "cc"
		: other);
	return true;
other:
	return false;
}

#endif
