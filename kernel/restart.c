/* SPDX-License-Identifier: MIT */
/*
 * Restartable sequences (Bershad, Redell and Ellis 1992; Linux's rseq): a few instructions
 * that an interrupt makes start again, so that they are atomic for all that runs on the
 * same CPU without having to turn interrupts off.
 *
 * The compiler puts each into the code where it is used, some hundreds in all, and
 * describes it in section .restart.  Sorted by address, the one that was interrupted is
 * found by halves, in some ten steps.
 *
 * A sequence is only ever cut by an interrupt or an NMI: an exception in it would be a bug,
 * and goes back to where it came from.  Single steps of a debugger that is in the machine
 * would be exceptions; they do not run other code of this CPU's.
 *
 * I1. sequences[] is sorted by start, and no two overlap.
 */
#include <kernel/panic.h>
#include <kernel/restart.h>
#include <kernel/trap.h>

/* From the code at `start` to the instruction at `commit`: see RESTARTABLE(). */
struct sequence {
	uint32_t start, commit, undo;
};

extern struct sequence sequences[], sequences_end[];

static unsigned long restarts;
static bool off;

/* Insertion sort: the linker leaves them almost in order. */
void restart_init(void)
{
	for (struct sequence *next = sequences; next < sequences_end; next++) {
		struct sequence moved = *next, *place = next;

		for (; place > sequences && place[-1].start > moved.start; place--)
			*place = place[-1];
		*place = moved;
	}
	for (struct sequence *next = sequences; next + 1 < sequences_end; next++) {
		if (next->commit >= next[1].start)
			panic("restartable sequences overlap at %08x", next->start);
	}
}

/* The last sequence that starts before `eip`; NULL when there is none. */
static const struct sequence *find(uint32_t eip)
{
	const struct sequence *low = sequences, *high = sequences_end;

	while (low < high) {
		const struct sequence *middle = low + (high - low) / 2;

		if (middle->start < eip)
			low = middle + 1;
		else
			high = middle;
	}
	return low > sequences ? low - 1 : NULL;
}

void restart_rewind(struct trap_frame *frame)
{
	const struct sequence *sequence;

	if (trap_from_user(frame) || off)
		return;
	sequence = find(frame->eip);
	if (!sequence || frame->eip > sequence->commit)
		return;
	if (frame->eip == sequence->commit)
		*(volatile uint8_t *)frame->ecx = (uint8_t)sequence->undo;
	frame->eip = sequence->start;
	__atomic_fetch_add(&restarts, 1, __ATOMIC_RELAXED);
}

unsigned long restart_count(void)
{
	return __atomic_load_n(&restarts, __ATOMIC_RELAXED);
}

void restart_switch(bool on)
{
	off = !on;
}
