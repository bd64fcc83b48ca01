/* SPDX-License-Identifier: MIT */
/* Hardening: which object or page comes next is hard to foretell.  See shuffle.c. */
#ifndef MM_INTERNAL_SHUFFLE_H
#define MM_INTERNAL_SHUFFLE_H

#include <bits.h>

/* [a] 0: nothing is shuffled. */
extern uint32_t shuffle_state;

static inline bool shuffle_is_on(void)
{
	return unlikely(__atomic_load_n(&shuffle_state, __ATOMIC_RELAXED) != 0);
}

void shuffle_init(uint32_t seed);
uint32_t shuffle_below(uint32_t n);

#endif
