/* SPDX-License-Identifier: MIT */
/* Bytes that must all be the same, and where they are not. */
#ifndef MM_INTERNAL_FILL_H
#define MM_INTERNAL_FILL_H

#include <mm/types.h>

/* Bytes that are all equal, and where among them others were found: damage [from, to). */
struct fill {
	uint8_t *start, *end;
	uint8_t byte;
	uint8_t *from, *to;
};

/* False: it is whole. */
static inline bool fill_find_damage(struct fill *fill)
{
	uint8_t *from = fill->start, *to = fill->end;

	while (from < to && *from == fill->byte)
		from++;
	while (from < to && to[-1] == fill->byte)
		to--;
	fill->from = from;
	fill->to = to;
	return from < to;
}

#endif
