/* SPDX-License-Identifier: MIT */
/* The text screen of a VGA card as a console, in colour. */
#ifndef DRIVERS_VGA_H
#define DRIVERS_VGA_H

#include <stdbool.h>

/*
 * Add the screen as a console if it is there and in text mode.  `told_text`: the
 * boot loader said so; else the BIOS is asked.  Call after trap_init().
 */
bool vga_init(bool told_text);

#endif
