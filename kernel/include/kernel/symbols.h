/* SPDX-License-Identifier: MIT */
/* Names of the kernel's functions, from the table that the second link puts into the image. */
#ifndef KERNEL_SYMBOLS_H
#define KERNEL_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYMBOL_TEXT_MAX 80u

/*
 * symbol_find - the function around `address`, and the distance from its start.
 * False outside the kernel's text, or without a table.  Any context.
 */
bool symbol_find(uintptr_t address, const char **name, size_t *offset);

/*
 * "name+0x12", or "?" when unknown, into `text`, which is returned.  The second
 * is for return addresses: after a call that does not return they may already
 * belong to the next function, so it looks one byte earlier.
 */
const char *symbol_describe(uintptr_t address, char *text, size_t size);
const char *symbol_describe_return(uintptr_t address, char *text, size_t size);

#endif
