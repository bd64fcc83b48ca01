/* SPDX-License-Identifier: MIT */
/*
 * System calls.  INT 0x80 with the number in EAX and arguments in EBX and ECX; the answer
 * comes in EAX.  Read by user programs, too, so it holds plain numbers only.
 *
 *	SYSCALL_EXIT	(status)	does not return
 *	SYSCALL_WRITE	(text, length)	a line to the kernel's log, at most SYSCALL_WRITE_MAX
 *					bytes of it; returns how many
 *	SYSCALL_GROW	(bytes)		move the end of the heap up; returns where it was, or
 *					0 when there is no room; memory comes when it is touched
 *	SYSCALL_YIELD	()		let others run
 *	SYSCALL_SLEEP	(ms)
 *	SYSCALL_TIME	(where)		nanoseconds since boot, as 64 bits, to where
 *
 * Any other number returns SYSCALL_UNKNOWN.  A pointer that the process may not use so
 * is its end, as if it had used it itself.
 */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#define SYSCALL_EXIT      0
#define SYSCALL_WRITE     1
#define SYSCALL_GROW      2
#define SYSCALL_YIELD     3
#define SYSCALL_SLEEP     4
#define SYSCALL_TIME      5

#define SYSCALL_WRITE_MAX 120
#define SYSCALL_UNKNOWN   (-1)

#endif
