/* SPDX-License-Identifier: MIT */
/* The kernel's main line, from the boot code's point of view. */
#ifndef KERNEL_MAIN_H
#define KERNEL_MAIN_H

#include <boot/multiboot.h>

/* Everything after the boot information is read.  Interrupts off. */
_Noreturn void kernel_main(struct boot *boot);

/* The thread that reclaims; see mm_kswapd(). */
extern struct thread *kswapd_thread;

#endif
