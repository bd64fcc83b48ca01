/* SPDX-License-Identifier: MIT */
/* Restartable sequences: code that starts again when it is interrupted. */
#ifndef KERNEL_RESTART_H
#define KERNEL_RESTART_H

#include <stdbool.h>
#include <stdint.h>

/*
 * In the asm of a sequence, behind its last instruction: label 1 is its start, label 2 its
 * commit; `undo` the byte that the instruction before the commit has overwritten, at the
 * address in ECX.
 */
#define RESTARTABLE(undo)                   \
	"	.pushsection .restart, \"aw\"\n"  \
	"	.long	1b, 2b, " undo "\n" \
	"	.popsection\n"

struct trap_frame;

/* Sort the table of sequences.  Once, before the first interrupt. */
void restart_init(void);

/*
 * If the frame lies in a sequence, at any instruction but the first, have it start again.
 * At the entry of every interrupt and NMI, before anything else may use what sequences use.
 */
void restart_rewind(struct trap_frame *frame);

/* Sequences that were made to start again, on any CPU. */
unsigned long restart_count(void);

/* For tests: do not rewind, and see what breaks. */
void restart_switch(bool on);

#endif
