/* SPDX-License-Identifier: MIT */
/*
 * Exceptions and interrupts: what the entry code saves, and how code lives
 * through a fault that it expects.
 */
#ifndef KERNEL_TRAP_H
#define KERNEL_TRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VECTOR_DIVIDE        0u
#define VECTOR_DEBUG         1u
#define VECTOR_NMI           2u
#define VECTOR_BREAKPOINT    3u
#define VECTOR_INVALID_CODE  6u
#define VECTOR_NO_FPU        7u
#define VECTOR_DOUBLE_FAULT  8u
#define VECTOR_INVALID_TSS   10u
#define VECTOR_PROTECTION    13u
#define VECTOR_PAGE_FAULT    14u
#define VECTOR_MACHINE_CHECK 18u

/* The bits of a page fault's error code. */
#define FAULT_PROTECTION     (1u << 0) /* the page is mapped, but not for this */
#define FAULT_WRITE          (1u << 1)
#define FAULT_USER           (1u << 2)
#define FAULT_RESERVED       (1u << 3)
#define FAULT_FETCH          (1u << 4)

/* The stack at trap_dispatch(), lowest address first; trap_entry.S pushes it. */
struct trap_frame {
	uint32_t gs, fs, es, ds;
	uint32_t edi, esi, ebp, unused_esp, ebx, edx, ecx, eax;
	uint32_t vector;
	uint32_t error; /* 0 for vectors without an error code */
	uint32_t eip, cs, eflags;
	uint32_t user_esp, user_ss; /* only when the CPU changed stacks */
};

/* Did the trap come from ring 3? */
static inline bool trap_from_user(const struct trap_frame *frame)
{
	return frame->cs & 3;
}

/* ESP before the trap.  The CPU changes stacks from ring 3, and for a double fault. */
static inline uint32_t trap_frame_esp(const struct trap_frame *frame)
{
	bool changed = trap_from_user(frame) || frame->vector == VECTOR_DOUBLE_FAULT;

	return changed ? frame->user_esp : (uint32_t)&frame->user_esp;
}

/* Make the IDT; load it, on each CPU.  Interrupts stay off. */
void trap_init(void);
void trap_load(void);

/* The one C function on the path of every exception, interrupt and NMI. */
void trap_dispatch(struct trap_frame *frame);

/* Report an exception that nobody expected: registers, backtrace; then panic. */
_Noreturn void trap_report(const struct trap_frame *frame);

/* Name of an exception: "page fault".  Never NULL. */
const char *trap_name(unsigned vector);

/* An exception that trap_expect() caught. */
struct trap_caught {
	uint32_t error;
	uint32_t eip;
	uint32_t address; /* CR2; means something after a page fault */
};

/*
 * trap_expect - run function(arg) and see whether it raises exception `vector`.
 *
 * Returns true when it did: the function was left on the spot, as by longjmp,
 * and `caught` (or NULL) says where.  Returns false when it came back.  Any
 * other exception is reported as always.  Each thread has its own expectation, the
 * innermost of them if it nests.  Contexts: a thread.
 */
bool trap_expect(unsigned vector, void (*function)(void *arg), void *arg,
		 struct trap_caught *caught);

/* Copy `n` bytes from `address`, which may not be mapped: false then.  Any context. */
bool probe_read(const void *address, void *to, size_t n);

/* The same when either side may not be mapped, or `to` be read-only: how many bytes are left. */
size_t probe_copy(void *to, const void *from, size_t n);

#endif
