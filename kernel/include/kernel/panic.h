/* SPDX-License-Identifier: MIT */
/* The end: when going on would do harm. */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

#include <kernel/trap.h>

/*
 * panic - say why, in which context and by which way, then stop the machine: the
 * debug exit device gets EXIT_PANIC; where there is none, halt for ever.  Any
 * context, also while panicking.
 *
 * panic_frame - the same for an exception: with the registers in `frame`.
 */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void panic_frame(const struct trap_frame *frame, const char *why);

/* While `on`, a panic also says "Bail out!", which tells a TAP reader that the tests are over. */
void panic_bails_out(bool on);

/* Interrupts off, stop for ever. */
_Noreturn void halt_forever(void);

#endif
