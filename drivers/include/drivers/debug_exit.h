/* SPDX-License-Identifier: MIT */
/*
 * QEMU's isa-debug-exit device at DEBUG_EXIT_PORT (<kernel/layout.h>): ends the
 * emulator with status 2 * value + 1.
 */
#ifndef DRIVERS_DEBUG_EXIT_H
#define DRIVERS_DEBUG_EXIT_H

/* Returns when there is no such device; nothing happens then. */
void debug_exit(unsigned value);

#endif
