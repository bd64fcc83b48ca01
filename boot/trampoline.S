/* SPDX-License-Identifier: MIT */
/*
 * Where the other CPUs begin, in real mode, at the start of a page below 1 MiB: smp_start()
 * copies trampoline .. trampoline_end there and fills in the words at its end.  From there as
 * in entry.S: protected mode, page tables that have this page where it is and the kernel at
 * KERNEL_BASE, then up.
 *
 * The words are the same for all, so they may come at the same time.  In the upper half each
 * draws a number, which no other has; who draws one that nobody has prepared for, or comes when
 * smp_start() has gone on, is parked: halted with interrupts off, for ever.
 */
#include <kernel/layout.h>

#define PHYS(symbol) ((symbol) - KERNEL_BASE)

#define CR0_PE      0x1
#define CR0_WP      0x10000
#define CR0_PG      0x80000000
#define CR4_PAE     0x20
#define MSR_EFER    0xc0000080
#define EFER_NXE    0x800

#define HERE(label) (label - trampoline)

	.section .rodata, "a"
	.globl trampoline, trampoline_words, trampoline_gdt, trampoline_protected, trampoline_end
	.balign 16
trampoline:
	.code16
	cli
	cld
	xor %ebx, %ebx
	mov %cs, %bx
	mov %bx, %ds
	shl $4, %ebx /* the page */
	lgdtl HERE(gdt_pointer)
	mov %cr0, %eax
	or $CR0_PE, %eax
	mov %eax, %cr0
	ljmpl *HERE(far_pointer)

	.code32
trampoline_protected:
	mov $SELECTOR_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %cr4, %eax
	or $CR4_PAE, %eax
	mov %eax, %cr4
	mov HERE(page_tables)(%ebx), %eax
	mov %eax, %cr3
	/* Before the first look at a table with no-execute pages in it. */
	cmpl $0, HERE(no_execute)(%ebx)
	je 1f
	mov $MSR_EFER, %ecx
	rdmsr
	or $EFER_NXE, %eax
	wrmsr
1:	mov %cr0, %eax
	or $(CR0_PG | CR0_WP), %eax
	mov %eax, %cr0
	mov $upper_half, %eax
	jmp *%eax

	.balign 8
trampoline_gdt:
	.quad 0
	.quad 0x00cf9a000000ffff /* SELECTOR_CODE: flat */
	.quad 0x00cf92000000ffff /* SELECTOR_DATA: flat */

	.balign 4
trampoline_words:
	/* struct trampoline_words in smp.c */
gdt_pointer:
	.word 3 * 8 - 1
	.long 0
far_pointer:
	.long 0
	.word SELECTOR_CODE
page_tables:
	.long 0
no_execute:
	.long 0
trampoline_end:

	.text
	.type upper_half, @function
upper_half:
	mov $PHYS(kernel_pdpt), %eax
	mov %eax, %cr3
	mov $1, %eax
	lock xadd %eax, smp_drawn
	cmp smp_prepared, %eax
	jae 1f
	mov smp_stacks(, %eax, 4), %esp
	xor %ebp, %ebp
	sub $12, %esp
	push %eax
	call smp_enter
1:	lock incl smp_parked
2:	cli
	hlt
	jmp 2b
	.size upper_half, . - upper_half

	.section .note.GNU-stack, "", @progbits
