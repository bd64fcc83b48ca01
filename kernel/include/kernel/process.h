/* SPDX-License-Identifier: MIT */
/*
 * Processes: a thread that runs a program in ring 3, in an address space of its own.
 *
 * What a process does wrong is its own end only: it is reported in one line of log,
 *
 *	process 3 (name): page fault at c0001000: kernel memory, read; eip 00400123
 *
 * and all that the process had is given back.
 */
#ifndef KERNEL_PROCESS_H
#define KERNEL_PROCESS_H

#include <kernel/program.h>
#include <kernel/trap.h>
#include <mm/types.h>

struct process; /* opaque */

enum process_fate {
	PROCESS_EXITED,        /* by itself: status */
	PROCESS_FAULTED,       /* vector, error, address, eip */
	PROCESS_KILLED,        /* process_kill() */
	PROCESS_OUT_OF_MEMORY, /* it needed a page, or others needed its pages more */
};

struct process_end {
	enum process_fate fate;
	int status;
	unsigned vector;  /* the exception; VECTOR_SYSCALL: a bad pointer in a system call */
	uint32_t error;   /* the CPU's error code */
	uint32_t address; /* of the page fault, or the bad pointer */
	uint32_t eip;
	size_t pages; /* that it had in the end */
};

/*
 * process_create - start `program`, with two arguments for its main().  NULL when there is
 * no memory, or the image makes no sense.  Contexts: a thread that may sleep.
 *
 * process_wait - sleep until it has ended, say how (unless `end` is NULL), and forget it.
 * Exactly once for each process.  Contexts: a thread that may sleep.
 *
 * process_has_ended - would process_wait() return soon?  Any context.
 *
 * process_kill - have it die soon, even if it sleeps.  Not after process_wait().  Contexts:
 * any but NMI.
 */
struct process *process_create(const struct program *program, uint32_t arg0, uint32_t arg1);
void process_wait(struct process *process, struct process_end *end);
bool process_has_ended(const struct process *process);
void process_kill(struct process *process);

/* The one that the running thread belongs to, or NULL. */
struct process *process_current(void);

unsigned process_id(const struct process *process);
const char *process_name(const struct process *process); /* its program's */

/*
 * process_peek, process_poke - copy n bytes, within a page, from or to the memory of a
 * process that may be running.  False when the page is not there.  Any context but NMI.
 */
bool process_peek(struct process *process, uintptr_t address, void *to, size_t n);
bool process_poke(struct process *process, uintptr_t address, const void *from, size_t n);

/*
 * Where `address` leads in the process now; how many pages it has, and how many its tables
 * take beside those; 0 after its end.  Any context but NMI.
 */
bool process_translate(struct process *process, uintptr_t address, paddr_t *phys);
size_t process_pages(const struct process *process);
size_t process_tables(const struct process *process);

/*
 * process_out_of_memory - have the process with most pages die, unless one is about to
 * anyway; wait for that a little.  False when there is none.  When the caller's own process is
 * to die, it gets the allocator's reserves for what it is at; false if it had those before.
 * Contexts: a thread that may sleep.
 */
bool process_out_of_memory(void);

/* Call `visit` for each directory of each process, with its physical address.  The other CPUs are held. */
void process_for_each_directory(void (*visit)(paddr_t phys));

/* --- for the system calls ----------------------------------------------------------------- */

_Noreturn void process_exit(int status);

/* The running process has given a system call a pointer that it may not use so. */
_Noreturn void process_bad_pointer(const struct trap_frame *frame, uintptr_t address);

/* Move the end of its heap up; returns where it was, or 0. */
uintptr_t process_grow(size_t nr_bytes);

/* Sleep for `ms` milliseconds, or until it is to die. */
void process_sleep(unsigned ms);

/* Is the running process to die?  Then it need not go on with what it does. */
bool process_is_dying(void);

/* --- for the traps ------------------------------------------------------------------------ */

/* An exception in ring 3.  Interrupts off; returns with the reason gone, or not at all. */
void process_exception(struct trap_frame *frame);

/* The kernel itself has faulted: was it at a page that the process may have?  Interrupts off. */
bool process_serve_fault(const struct trap_frame *frame);

/* A system call.  Interrupts off. */
void syscall_dispatch(struct trap_frame *frame);

/* On the way to ring 3: this is where the dying die.  Returns with interrupts off. */
void process_return_to_user(void);

#endif
