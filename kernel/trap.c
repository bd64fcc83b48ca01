/* SPDX-License-Identifier: MIT */
/*
 * The dispatch of exceptions, interrupts and NMIs.
 *
 * An exception is, in this order: the process's own affair, when it comes from ring 3;
 * served, when the kernel touches a page that its process may have; forgiven, when the
 * instruction is listed in the exception table (probe_read()); reported, when it touches a page
 * that mm guards, and the instruction goes on; caught, when trap_expect()
 * waits for it; or reported, and the kernel stops.
 *
 * I1: exceptions do not change the context: the IRQ depth counts interrupts only.
 */
#include <kernel/cpu.h>
#include <kernel/irq.h>
#include <kernel/kasan.h>
#include <kernel/layout.h>
#include <kernel/nmi.h>
#include <kernel/process.h>
#include <kernel/restart.h>
#include <kernel/thread.h>
#include <kernel/trap.h>
#include <mm/guard.h>

#define GATE_INTERRUPT 0x8e00u /* present, ring 0, 32-bit interrupt gate */
#define GATE_FROM_USER 0x6000u /* ring 3 may use it by INT: to be added */
#define GATE_TASK      0x8500u /* present, ring 0, task gate */
#define STUB_BYTES     16u

_Static_assert(offsetof(struct trap_frame, eip) == 56, "FRAME_EIP in trap_entry.S");
_Static_assert(sizeof(struct trap_frame) == 76, "as pushed");

struct gate {
	uint16_t offset_low, selector;
	uint16_t type, offset_high;
};

struct exception_fixup {
	uint32_t fault, resume;
};

extern const char trap_stubs[];
extern const struct exception_fixup exception_table_start[], exception_table_end[];
bool trap_guard_run(void (*function)(void *), void *arg, uint32_t *saved_esp);
_Noreturn void trap_guard_unwind(uint32_t saved_esp);

static struct gate idt[NR_VECTORS];

/* What trap_expect() waits for, in its thread. */
struct trap_guard {
	unsigned vector;
	uint32_t saved_esp;
	struct trap_caught caught;
};

static const struct exception_fixup *find_fixup(uint32_t eip)
{
	const struct exception_fixup *fixup;

	for (fixup = exception_table_start; fixup < exception_table_end; fixup++)
		if (fixup->fault == eip)
			return fixup;
	return NULL;
}

/* Of the kernel's own faults only those that it expects may have to do with a process. */
static bool forgive(struct trap_frame *frame)
{
	const struct exception_fixup *fixup = find_fixup(frame->eip);

	if (!fixup)
		return false;
	if (frame->vector != VECTOR_PAGE_FAULT || !process_serve_fault(frame))
		frame->eip = fixup->resume;
	return true;
}

/* A page that mm has made unreachable?  Then the instruction is tried again. */
static bool was_guarded(const struct trap_frame *frame)
{
	struct cpu *cpu = this_cpu();
	bool guarded;

	if (frame->vector != VECTOR_PAGE_FAULT || (frame->error & FAULT_PROTECTION))
		return false;
	cpu->fault = frame;
	guarded = mm_guard_fault(read_cr2(), frame->error & FAULT_WRITE, frame->eip);
	cpu->fault = NULL;
	return guarded;
}

static void exception(struct trap_frame *frame)
{
	struct trap_guard *guard = current()->guard;

	if (trap_from_user(frame) && frame->vector != VECTOR_MACHINE_CHECK) {
		process_exception(frame);
		return;
	}
	if (forgive(frame) || was_guarded(frame))
		return;
	if (guard && guard->vector == frame->vector && cpu_irq_depth() == 0 && !cpu_in_nmi()) {
		guard->caught = (struct trap_caught){frame->error, frame->eip, read_cr2()};
		trap_guard_unwind(guard->saved_esp);
	}
	trap_report(frame);
}

void trap_dispatch(struct trap_frame *frame)
{
	if (frame->vector >= IRQ_VECTOR || frame->vector == VECTOR_NMI)
		restart_rewind(frame);
	if (frame->vector == VECTOR_NMI) {
		nmi_dispatch(frame);
		return;
	}
	if (frame->vector == VECTOR_SYSCALL && trap_from_user(frame))
		syscall_dispatch(frame);
	else if (frame->vector >= IRQ_VECTOR)
		irq_dispatch(frame);
	else
		exception(frame);
	if (trap_from_user(frame))
		process_return_to_user();
}

bool trap_expect(unsigned vector, void (*function)(void *arg), void *arg,
		 struct trap_caught *caught)
{
	struct trap_guard guard = {.vector = vector}, *outer = current()->guard;
	unsigned busy = cpu_here->busy;
	bool trapped;

	current()->guard = &guard;
	trapped = trap_guard_run(function, arg, &guard.saved_esp);
	cpu_set_busy(busy); /* it may have been cut short anywhere */
	current()->guard = outer;
	if (trapped)
		kasan_forget_below();
	if (trapped && caught)
		*caught = guard.caught;
	return trapped;
}

bool probe_read(const void *address, void *to, size_t n)
{
	return probe_copy(to, address, n) == 0;
}

void trap_load(void)
{
	struct {
		uint16_t limit;
		const struct gate *base;
	} __attribute__((packed)) idtr = {sizeof(idt) - 1, idt};

	__asm__ volatile("lidt %0" : : "m"(idtr));
}

void trap_init(void)
{
	for (unsigned vector = 0; vector < NR_VECTORS; vector++) {
		uint32_t stub = (uint32_t)trap_stubs + vector * STUB_BYTES;

		idt[vector] =
			(struct gate){stub & 0xffff, SELECTOR_CODE, GATE_INTERRUPT, stub >> 16};
	}
	idt[VECTOR_SYSCALL].type |= GATE_FROM_USER;
	idt[VECTOR_DOUBLE_FAULT] = (struct gate){0, SELECTOR_DOUBLE_FAULT, GATE_TASK, 0};
	restart_init();
	trap_load();
}
