/* SPDX-License-Identifier: MIT */
/*
 * Kernel threads: each has a stack of THREAD_STACK_BYTES, runs with interrupts on, and
 * may be preempted at any instruction while preemption is on, and go on on another CPU.
 *
 * A thread ends by returning from its function or by thread_exit(), and is kept until
 * another one joins it: who creates a thread that ends must join it.
 */
#ifndef KERNEL_THREAD_H
#define KERNEL_THREAD_H

#include <kernel/cpu.h>
#include <kernel/stack.h>
#include <kernel/wait.h>

#define THREAD_NAME_BYTES 24u

enum thread_state {
	THREAD_RUNNING, /* on a CPU */
	THREAD_READY,   /* waits for its turn */
	THREAD_BLOCKED, /* until sched_wake() */
	THREAD_DEAD,    /* until thread_join() */
};

struct mutex;
struct process;
struct trap_guard;

/*
 * [I] set once  [s] the scheduler's: the lock of its CPU's queue  [t] the thread's own
 */
struct thread {
	char name[THREAD_NAME_BYTES]; /* [I] */
	struct stack_area stack;      /* [I] */
	void (*function)(void *arg);  /* [I] */
	void *arg;                    /* [I] */

	enum thread_state state; /* [s] */
	uint32_t esp;            /* [s] while it does not run */
	struct thread *next;     /* [s] in the queue of the ready */
	unsigned cpu;            /* [s] where it runs, or ran last */
	uint32_t allowed;        /* [t] where it may run: bits by number */
	bool wake_pending; /* [s] woken while it was awake: it does not block the next time */

	uint64_t wake_ns;            /* [s] when a sleeper's time has come */
	struct thread *next_sleeper; /* sleep.c's */
	bool overslept;              /* [s] woken by the clock */

	struct wait_queue exited; /* who joins it */
	struct mutex *held;       /* [t] mutexes that it owns, linked by next_held */
	struct trap_guard *guard; /* [t] what its trap_expect() waits for */
	uint32_t mm_word;         /* [t] mm's: see mm_host_thread_word() */
	struct process
		*process; /* [t] whose address space it needs; NULL: the kernel's alone */
};

/* The flow of execution from boot on. */
extern struct thread main_thread;

static inline struct thread *current(void)
{
	return cpu_here->current;
}

/* Make the idle thread.  Once, when mm is up and interrupts are on. */
void threads_init(void);

/*
 * thread_create - start a thread that runs function(arg); `name` is copied, and cut to
 * THREAD_NAME_BYTES - 1.  It gets a CPU when its turn comes.  NULL when there is no
 * memory.  Contexts: a thread that may sleep.
 */
struct thread *thread_create(const char *name, void (*function)(void *arg), void *arg);

#define CPUS_ALL UINT32_MAX
#define BOOT_CPU 1u /* the first of them */

/*
 * thread_run_on - from now on the running thread runs on these CPUs only (bits by number; at
 * least one of them is online), and so on one of them when this returns.  Contexts: a thread
 * that may sleep.
 *
 * threads_start_on - new threads may run on these CPUs, until told otherwise; CPUS_ALL at first.
 */
void thread_run_on(uint32_t allowed);
void threads_start_on(uint32_t allowed);

/* End the running thread.  Mutexes that it holds are reported, and released. */
_Noreturn void thread_exit(void);

/*
 * thread_join - wait until `thread` has ended, and free what it was.  Once for each
 * thread, not by itself.  Contexts: a thread that may sleep.
 */
void thread_join(struct thread *thread);

/*
 * Let those who are ready run first; returns when it is this thread's turn again.
 * Contexts: as thread_sleep_ms().
 */
void thread_yield(void);

/*
 * thread_sleep_ms - do not run for `ms` milliseconds, rounded up to the next timer
 *	interrupt.
 * thread_sleep_until - the same until a time on the clock of time_ns().
 *
 * Contexts: a thread that may sleep; elsewhere reported, and returns at once.
 */
void thread_sleep_ms(unsigned ms);
void thread_sleep_until(uint64_t wake_ns);

#endif
