// SPDX-License-Identifier: MIT
/* See icount.h. */
#include "icount.h"
#include <kernel/cpu.h>

#define ROUNDS 8

/* Ticks from one reading of the clock to the next, with nops between. */
#define TICKS_OF(nops)                                                \
	({                                                            \
		uint32_t start_, end_;                                \
		__asm__ volatile("rdtsc\n\t"                          \
				 "mov %%eax, %0\n\t" nops "rdtsc\n\t" \
				 "mov %%eax, %1"                      \
				 : "=&r"(start_), "=&r"(end_)         \
				 :                                    \
				 : "eax", "edx");                     \
		end_ - start_;                                        \
	})

#define TEN_NOPS "nop; nop; nop; nop; nop; nop; nop; nop; nop; nop\n\t"

bool clock_counts_instructions(void)
{
	uint32_t flags;
	unsigned exact = 0;

	if (!cpu_features.tsc)
		return false;
	flags = irq_save();
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t ten = TICKS_OF(TEN_NOPS);
		uint32_t eleven = TICKS_OF(TEN_NOPS "nop\n\t");

		exact += eleven == ten + 1 && ten < 20;
	}
	irq_restore(flags);
	return exact == ROUNDS;
}
