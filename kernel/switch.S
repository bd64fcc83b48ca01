/* SPDX-License-Identifier: MIT */
/*
 * From one thread's stack to another's.  To its caller switch_stacks() is a function that
 * takes long to return: so it saves what a function must preserve, and nothing else.
 * Interrupts are off on both sides.
 */

	.text

/* void switch_stacks(uint32_t *from, uint32_t to) */
	.globl switch_stacks
	.type switch_stacks, @function
switch_stacks:
	mov 4(%esp), %eax
	mov 8(%esp), %edx
	push %ebp
	push %ebx
	push %esi
	push %edi
	mov %esp, (%eax)
	mov %edx, %esp
	pop %edi
	pop %esi
	pop %ebx
	pop %ebp
	ret
	.size switch_stacks, . - switch_stacks

/*
 * uint32_t switch_prepare(uintptr_t stack_top, void (*entry)(void))
 *
 * What the second half above will find: four registers and a return address.  `entry` never
 * returns; the word above its address is where it would, and leaves the stack aligned
 * as after a call.  EBP 0 ends every backtrace.
 */
	.globl switch_prepare
	.type switch_prepare, @function
switch_prepare:
	mov 4(%esp), %eax
	mov 8(%esp), %edx
	sub $40, %eax
	movl $0, (%eax)    /* edi */
	movl $0, 4(%eax)   /* esi */
	movl $0, 8(%eax)   /* ebx */
	movl $0, 12(%eax)  /* ebp */
	mov %edx, 16(%eax)
	movl $0, 20(%eax)
	ret
	.size switch_prepare, . - switch_prepare

	.section .note.GNU-stack, "", @progbits
