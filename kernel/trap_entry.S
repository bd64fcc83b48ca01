/* SPDX-License-Identifier: MIT */
/*
 * Entry and exit of every exception and interrupt.
 *
 * A stub for each vector pushes what the CPU did not, so that all share one frame
 * layout (struct trap_frame), and joins trap_common.  That clears the direction
 * flag, saves all registers, loads the kernel's data segments (%gs with that of this CPU,
 * whose descriptor each CPU's own table has under the same selector), aligns the stack
 * to 16 bytes as the C ABI wants, and calls trap_dispatch(frame).  Gates are
 * interrupt gates: interrupts are off until iret.
 *
 * From ring 3 everything is the same, but the stack, which the CPU has changed before it
 * pushes anything.  Only the CPU can load what ring 3 may have in a segment register, so
 * what was saved can be loaded again.
 */
#include <kernel/layout.h>

/* Offsets into struct trap_frame; trap.c asserts them. */
#define FRAME_EIP 56

/* Vectors for which the CPU pushes an error code: 8, 10 - 14, 17, 21, 29, 30. */
#define HAS_ERROR_CODE 0x60227d00

/* The bit that is always one, and interrupts; no right to use ports (IOPL 0). */
#define EFLAGS_USER 0x202

	.text
	.balign 16
	.globl trap_stubs
	.type trap_stubs, @function
trap_stubs:
	.set vector, 0
	.rept NR_VECTORS
	.balign 16
	.if vector >= NR_EXCEPTIONS || ((HAS_ERROR_CODE >> (vector & 31)) & 1) == 0
	push $0
	.endif
	push $vector
	jmp trap_common
	.set vector, vector + 1
	.endr
	.size trap_stubs, . - trap_stubs

	.type trap_common, @function
trap_common:
	cld
	pusha
	push %ds
	push %es
	push %fs
	push %gs
	mov $SELECTOR_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov $SELECTOR_CPU, %eax
	mov %eax, %gs
	mov %esp, %ebx

	/* A frame that leads a backtrace from here to the code that was interrupted. */
	push FRAME_EIP(%ebx)
	push %ebp
	mov %esp, %ebp

	and $-16, %esp
	sub $12, %esp
	push %ebx
	call trap_dispatch
	mov %ebx, %esp
	pop %gs
	pop %fs
	pop %es
	pop %ds
	popa
	add $8, %esp /* vector, error code */
	iret
	.size trap_common, . - trap_common

/*
 * bool trap_guard_run(void (*function)(void *), void *arg, uint32_t *saved_esp)
 *
 * Calls function(arg) and returns false; or true, when trap_guard_unwind(saved_esp)
 * cut the call short.
 */
	.globl trap_guard_run
	.type trap_guard_run, @function
trap_guard_run:
	push %ebp
	mov %esp, %ebp
	push %ebx
	push %esi
	push %edi
	pushf
	mov 16(%ebp), %eax
	mov %esp, (%eax)
	and $-16, %esp
	sub $12, %esp
	push 12(%ebp)
	call *8(%ebp)
	xor %eax, %eax
	lea -16(%ebp), %esp
1:	popf
	pop %edi
	pop %esi
	pop %ebx
	pop %ebp
	ret
	.size trap_guard_run, . - trap_guard_run

/* _Noreturn void trap_guard_unwind(uint32_t saved_esp) */
	.globl trap_guard_unwind
	.type trap_guard_unwind, @function
trap_guard_unwind:
	mov 4(%esp), %esp
	mov $1, %eax
	jmp 1b
	.size trap_guard_unwind, . - trap_guard_unwind

/*
 * _Noreturn void user_enter(uint32_t eip, uint32_t esp, uint32_t ebx, uint32_t ecx)
 *
 * Go on in ring 3, interrupts on; no other register tells it anything of the kernel.
 */
	.globl user_enter
	.type user_enter, @function
user_enter:
	mov 4(%esp), %eax
	mov 8(%esp), %edx
	mov 12(%esp), %ebx
	mov 16(%esp), %ecx
	mov $SELECTOR_USER_DATA, %esi
	mov %esi, %ds
	mov %esi, %es
	mov %esi, %fs
	mov %esi, %gs
	push %esi
	push %edx
	push $EFLAGS_USER
	push $SELECTOR_USER_CODE
	push %eax
	xor %eax, %eax
	xor %edx, %edx
	xor %esi, %esi
	xor %edi, %edi
	xor %ebp, %ebp
	iret
	.size user_enter, . - user_enter

/*
 * size_t probe_copy(void *to, const void *from, size_t n)
 *
 * Returns how many bytes were not copied, because one side is not mapped there.
 */
	.globl probe_copy
	.type probe_copy, @function
probe_copy:
	push %ebp
	mov %esp, %ebp
	push %esi
	push %edi
	mov 8(%ebp), %edi
	mov 12(%ebp), %esi
	mov 16(%ebp), %ecx
2:	rep movsb
3:	mov %ecx, %eax
	pop %edi
	pop %esi
	pop %ebp
	ret
	.size probe_copy, . - probe_copy

	/* Where a fault is forgiven, and where to go on. */
	.section __ex_table, "a"
	.long 2b, 3b

	.section .note.GNU-stack, "", @progbits
