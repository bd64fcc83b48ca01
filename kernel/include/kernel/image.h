/* SPDX-License-Identifier: MIT */
/* The kernel image in memory: where its parts start and end (see linker.ld, entry.S). */
#ifndef KERNEL_IMAGE_H
#define KERNEL_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

extern char kernel_start[], kernel_end[];
extern char text_start[], text_end[];
extern char rodata_start[], rodata_end[];
extern char data_start[];
extern char test_data_start[], test_data_end[], test_bss_start[], test_bss_end[];
extern char boot_stack_guard[], boot_stack[], boot_stack_top[];

static inline bool image_is_text(uintptr_t address)
{
	return address >= (uintptr_t)text_start && address < (uintptr_t)text_end;
}

#endif
