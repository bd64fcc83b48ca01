/* SPDX-License-Identifier: MIT */
/*
 * An event, an interrupt or an NMI, before every single instruction of an operation: that is
 * repeated as often as it has instructions, and the event comes one later each time.
 *
 * Needs a clock that counts instructions (icount.h).
 */
#ifndef TESTS_KERNEL_EACH_INSTRUCTION_H
#define TESTS_KERNEL_EACH_INSTRUCTION_H

#include <stdbool.h>
#include <stdint.h>

struct event {
	void (*arm)(unsigned pit_ticks); /* let it come so long from now */
	void (*prepare)(void);           /* before each run of the operation */
	void (*clean_up)(void);          /* after it, and after the event */
};

/* The event's handler calls it first. */
void event_came(void);

/* EXPECTs that the event came before all instructions, or nearly, and finds mm whole now and then. */
void at_each_instruction(const struct event *event, const char *name, void (*operation)(void));

#endif
