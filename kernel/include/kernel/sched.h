/* SPDX-License-Identifier: MIT */
/*
 * The scheduler, as thread.c, wait.c and the interrupt code see it.  Everybody else
 * wants <kernel/thread.h>, <kernel/wait.h> or <kernel/mutex.h>.
 */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include <kernel/thread.h>

/* From each timer interrupt of a CPU: end the running thread's slice; the boot CPU wakes sleepers. */
void sched_tick(void);

/* Start a new thread: behind all that are ready. */
void sched_start(struct thread *thread);

/*
 * sched_block - leave the CPU to others until sched_wake() or until `deadline`, on the
 * clock of time_ns(); WAIT_FOREVER is never.  False when the deadline has come.  Called
 * with interrupts off, so that nothing can wake the thread before it is asleep.
 *
 * sched_wake - make a thread ready if it is blocked.  Any context but NMI.
 */
bool sched_block(uint64_t deadline);
void sched_wake(struct thread *thread);

/* The idle thread of a CPU, not yet started; what it does; and when that CPU has not come. */
struct thread *idle_new(unsigned cpu);
_Noreturn void idle_run(void);
void idle_free(struct thread *thread);

/* The last of a thread: never run it again. */
_Noreturn void sched_exit(void);

/* Sleepers, by the time when they are to be woken; interrupts off.  See sleep.c. */
void sleepers_add(struct thread *thread, uint64_t wake_ns);
void sleepers_remove(struct thread *thread);
void sleepers_wake(uint64_t now);

/*
 * The two halves of a change of stacks (switch.S): save the callee's registers and ESP
 * to *from, and go on where `to` was saved.  A new thread's stack is made so that it
 * goes on at the start of `entry`.
 */
void switch_stacks(uint32_t *from, uint32_t to);
uint32_t switch_prepare(uintptr_t stack_top, void (*entry)(void));

/*
 * process_activate - the running thread is about to belong to this process (NULL: to none):
 * load its address space.  Interrupts off; called when it differs from the last one.
 */
void process_activate(struct process *process);

#endif
