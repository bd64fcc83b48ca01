/* SPDX-License-Identifier: MIT */
/* What an exception means, in words. */
#include <kernel/layout.h>
#include <kernel/panic.h>
#include <kernel/thread.h>
#include <kernel/x86.h>
#include <mm/format.h>

#define TEXT_MAX 160u

/* Intel SDM 3A, table 6-1. */
static const char *const names[NR_EXCEPTIONS] = {
	[0] = "divide error",
	[1] = "debug exception",
	[2] = "non-maskable interrupt",
	[3] = "breakpoint",
	[4] = "overflow",
	[5] = "bound range exceeded",
	[6] = "invalid opcode",
	[7] = "FPU not available",
	[8] = "double fault",
	[9] = "coprocessor segment overrun",
	[10] = "invalid TSS",
	[11] = "segment not present",
	[12] = "stack segment fault",
	[13] = "general protection fault",
	[14] = "page fault",
	[16] = "FPU error",
	[17] = "alignment check",
	[18] = "machine check",
	[19] = "SIMD error",
	[20] = "virtualization exception",
	[21] = "control protection exception",
};

const char *trap_name(unsigned vector)
{
	const char *name = vector < NR_EXCEPTIONS ? names[vector] : NULL;

	return name ? name : "reserved exception";
}

static const char *access_of(uint32_t error)
{
	if (error & FAULT_FETCH)
		return "execution of";
	return error & FAULT_WRITE ? "write to" : "read of";
}

static const char *page_of(uint32_t error)
{
	if (error & FAULT_RESERVED)
		return "a page with reserved bits set in its tables";
	if (!(error & FAULT_PROTECTION))
		return "an unmapped page";
	if (error & FAULT_FETCH)
		return "a no-execute page";
	return error & FAULT_WRITE ? "a read-only page" : "a protected page";
}

static void describe_page_fault(const struct trap_frame *frame, char *text, size_t size)
{
	uint32_t address = read_cr2();
	const char *by = frame->error & FAULT_USER ? "user" : "kernel";
	const char *null = address < PAGE_BYTES ? " (NULL pointer?)" : "";

	mm_snprintf(text, size, "page fault: %s %08x%s, %s, by the %s (error %x)",
		    access_of(frame->error), address, null, page_of(frame->error), by,
		    frame->error);
}

/* Most often the CPU could not push an exception, because the stack had no room for it. */
static void describe_double_fault(const struct trap_frame *frame, char *text, size_t size)
{
	const struct thread *thread = current();
	uint32_t address = read_cr2();

	if (thread->stack.start - address <= PAGE_BYTES)
		mm_snprintf(text, size, "stack overflow: thread %s, esp %08x, cr2 %08x",
			    thread->name, frame->user_esp, address);
	else
		mm_snprintf(text, size, "double fault: thread %s, esp %08x, cr2 %08x",
			    thread->name, frame->user_esp, address);
}

_Noreturn void trap_report(const struct trap_frame *frame)
{
	char text[TEXT_MAX];

	if (frame->vector == VECTOR_PAGE_FAULT)
		describe_page_fault(frame, text, sizeof(text));
	else if (frame->vector == VECTOR_DOUBLE_FAULT)
		describe_double_fault(frame, text, sizeof(text));
	else
		mm_snprintf(text, sizeof(text), "exception %u: %s (error %x)", frame->vector,
			    trap_name(frame->vector), frame->error);
	panic_frame(frame, text);
}
