/* SPDX-License-Identifier: MIT */
/*
 * User programs, as flat images: what lies in memory from USER_START on.
 *
 *	header		struct program_header
 *	text		code and constants, up to text_end, a page boundary
 *	data		up to data_end, where the image ends
 *	zeroes		up to end
 */
#ifndef KERNEL_PROGRAM_H
#define KERNEL_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#define PROGRAM_MAGIC 0x51554152u /* "RAUQ" in memory */

/* All addresses as the program sees them. */
struct program_header {
	uint32_t magic;
	uint32_t entry;
	uint32_t text_end, data_end, end;
};

struct program {
	const char *name; /* lives for ever */
	const void *image;
	size_t size;
};

#endif
