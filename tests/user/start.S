/* SPDX-License-Identifier: MIT */
/* Where every user program starts: its two arguments are in EBX and ECX. */
#include <kernel/layout.h>
#include <kernel/syscall.h>

	.section .text.start, "ax"
	.globl start
	.type start, @function
start:
	sub $8, %esp /* ESP is a multiple of 16 at the call */
	push %ecx
	push %ebx
	call main
	mov %eax, %ebx
	mov $SYSCALL_EXIT, %eax
	int $VECTOR_SYSCALL
	ud2
	.size start, . - start

	.section .note.GNU-stack, "", @progbits
