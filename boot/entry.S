/* SPDX-License-Identifier: MIT */
/*
 * From the boot loader to C.  Entered in 32-bit protected mode, paging off, at
 * the physical address of boot_entry, with the multiboot magic in EAX and the
 * physical address of the multiboot information in EBX.
 *
 * Maps the first 8 MiB twice, at 0 and at KERNEL_BASE, jumps to the upper copy
 * and drops the lower one: from then on page 0 faults.  paging_init() replaces
 * this map by the final one.  Until paging is on, every symbol is linked
 * KERNEL_BASE too high: hence PHYS().
 */
#include <kernel/layout.h>

#define PHYS(symbol) ((symbol) - KERNEL_BASE)

#define MULTIBOOT_HEADER_MAGIC 0x1BADB002
#define MULTIBOOT_PAGE_ALIGN   0x1
#define MULTIBOOT_MEMORY_INFO  0x2
#define MULTIBOOT_HEADER_FLAGS (MULTIBOOT_PAGE_ALIGN | MULTIBOOT_MEMORY_INFO)

#define EFLAGS_ID     0x200000
#define CPUID_EDX_PAE 0x40
#define CR0_PG        0x80000000
#define CR4_PAE       0x20

#define PTE_PRESENT 0x1
#define PTE_WRITE   0x2
#define PTE_LARGE   0x80

#define COM1            0x3f8
#define COM1_LINE       (COM1 + 5)
#define COM1_LINE_EMPTY 0x20
#define SERIAL_POLLS    100000
#define VGA_TEXT        0xb8000
#define VGA_ATTRIBUTE   0x4f /* white on red */

	.section .multiboot, "a"
	.balign 4
	.long MULTIBOOT_HEADER_MAGIC
	.long MULTIBOOT_HEADER_FLAGS
	.long -(MULTIBOOT_HEADER_MAGIC + MULTIBOOT_HEADER_FLAGS)

	.section .text.boot, "ax"
	.globl boot_entry
	.type boot_entry, @function
boot_entry:
	cli
	cld
	mov $PHYS(boot_stack_top), %esp
	mov %eax, %edi /* magic: C checks it, where it can say more */
	mov %ebx, %esi

	/* A CPU without CPUID cannot flip EFLAGS.ID. */
	pushf
	pop %eax
	mov %eax, %ecx
	xor $EFLAGS_ID, %eax
	push %eax
	popf
	pushf
	pop %eax
	xor %ecx, %eax
	test $EFLAGS_ID, %eax
	jz .Lno_pae
	mov $1, %eax
	cpuid
	test $CPUID_EDX_PAE, %edx
	jz .Lno_pae

	/* kernel_pd: the first KERNEL_TABLES large pages, one to one. */
	mov $PHYS(kernel_pd), %edx
	mov $(PTE_PRESENT | PTE_WRITE | PTE_LARGE), %eax
	mov $KERNEL_TABLES, %ecx
1:	mov %eax, (%edx)
	add $LARGE_PAGE_BYTES, %eax
	add $8, %edx
	loop 1b

	/* One directory serves both gigabytes for a moment. */
	mov $(PHYS(kernel_pd) + PTE_PRESENT), %eax
	mov %eax, PHYS(kernel_pdpt)
	mov %eax, PHYS(kernel_pdpt) + 24

	mov %cr4, %eax
	or $CR4_PAE, %eax
	mov %eax, %cr4
	mov $PHYS(kernel_pdpt), %eax
	mov %eax, %cr3
	mov %cr0, %eax
	or $CR0_PG, %eax
	mov %eax, %cr0
	mov $.Lupper_half, %eax
	jmp *%eax

.Lupper_half:
	movl $0, kernel_pdpt
	mov %cr3, %eax
	mov %eax, %cr3

	/* EBP 0 ends every backtrace; the two arguments keep ESP 16-byte aligned at the call. */
	mov $boot_stack_top, %esp
	xor %ebp, %ebp
	sub $8, %esp
	push %esi
	push %edi
	call boot_main
	ud2

/* The C code needs PAE: say so with the little that works on any PC, and stop. */
.Lno_pae:
	mov $PHYS(no_pae_text), %esi
	mov $VGA_TEXT, %edi
1:	mov (%esi), %bl
	test %bl, %bl
	jz 4f
	mov $SERIAL_POLLS, %ecx
	mov $COM1_LINE, %edx
2:	in %dx, %al
	test $COM1_LINE_EMPTY, %al
	jnz 3f
	loop 2b
3:	mov %bl, %al
	mov $COM1, %edx
	out %al, %dx
	mov $VGA_ATTRIBUTE, %bh
	mov %bx, (%edi)
	add $2, %edi
	inc %esi
	jmp 1b
4:	mov $EXIT_PANIC, %eax
	mov $DEBUG_EXIT_PORT, %edx
	out %eax, %dx
5:	hlt
	jmp 5b
	.size boot_entry, . - boot_entry

	.section .rodata, "a"
no_pae_text:
	.asciz "quarry: this CPU has no PAE (physical address extension), which Quarry needs. Halted.\r\n"

/* The page below the stack is unmapped by paging_init(): an overflow faults. */
	.section .bss.page_aligned, "aw", @nobits
	.balign PAGE_BYTES
	.globl kernel_pd, boot_stack_guard, boot_stack, boot_stack_top, kernel_pdpt
kernel_pd:
	.skip PAGE_BYTES
boot_stack_guard:
	.skip PAGE_BYTES
boot_stack:
	.skip BOOT_STACK_BYTES
boot_stack_top:
	.balign 32
kernel_pdpt:
	.skip 32

	.section .note.GNU-stack, "", @progbits
