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
 * with interrupts off.  It may also return early, without a reason that the caller knows.
 *
 * sched_wake - make a thread ready if it is blocked; if not, its next sched_block() returns at
 *	once.  Any context but NMI.
 */
bool sched_block(uint64_t deadline);
void sched_wake(struct thread *thread);

/* The idle thread of a CPU, not yet started; what it does; and when that CPU has not come. */
struct thread *idle_new(unsigned cpu);
_Noreturn void idle_run(void);
void idle_free(struct thread *thread);

/* For the clock: as sched_wake(), but only if the thread is blocked; it has overslept then. */
void sched_oversleep(struct thread *thread);

/* For ipi_pretend(): from on to off no CPU changes threads, unless its thread blocks. */
void sched_freeze(bool on);

/* Another CPU has told this one to look for threads.  Interrupts off. */
void sched_kicked(void);

/*
 * sched_switched - the second half of a change of threads, in the thread that goes on: the first
 *	that a new one calls.
 * thread_ended - it has left its CPU for ever.
 * wait_wake_all_locked - wait_wake_all() with the queue's lock held.
 *
 * Interrupts off.
 */
void sched_switched(void);
void thread_ended(struct thread *thread);
void wait_wake_all_locked(struct wait_queue *queue);

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
