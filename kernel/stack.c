/* SPDX-License-Identifier: MIT */
/*
 * Backtraces: every function keeps its caller's frame pointer at (%ebp), and its
 * return address above it (-fno-omit-frame-pointer).
 *
 * I1: a frame is read only when all of it lies in the running thread's stack, or in
 *     that of double faults, and each frame lies above the one before: so the walk
 *     ends, and never faults.
 */
#include <kernel/gdt.h>
#include <kernel/image.h>
#include <kernel/printk.h>
#include <kernel/stack.h>
#include <kernel/symbols.h>
#include <kernel/thread.h>

struct frame {
	const struct frame *caller;
	uintptr_t return_address;
};

static bool holds_frame(uintptr_t start, uintptr_t end, uintptr_t ebp)
{
	return ebp >= start && ebp <= end - sizeof(struct frame);
}

static bool believable(uintptr_t ebp)
{
	const struct stack_area *stack = &current()->stack;
	struct stack_area last_resort = gdt_double_fault_stack();

	return ebp % sizeof(uintptr_t) == 0 &&
	       (holds_frame(stack->start, stack->end, ebp) ||
		holds_frame(last_resort.start, last_resort.end, ebp));
}

size_t backtrace_from(uintptr_t ebp, uintptr_t *frames, size_t max)
{
	size_t n = 0;

	while (n < max && believable(ebp)) {
		const struct frame *frame = (const struct frame *)ebp;

		if (!image_is_text(frame->return_address))
			break;
		frames[n++] = frame->return_address;
		if ((uintptr_t)frame->caller <= ebp)
			break;
		ebp = (uintptr_t)frame->caller;
	}
	return n;
}

void backtrace_show(uintptr_t ebp)
{
	uintptr_t frames[BACKTRACE_MAX];
	size_t n = backtrace_from(ebp, frames, BACKTRACE_MAX);

	for (size_t i = 0; i < n; i++) {
		char text[SYMBOL_TEXT_MAX];

		printk("    %08x  %s", (unsigned)frames[i],
		       symbol_describe_return(frames[i], text, sizeof(text)));
	}
	if (n == BACKTRACE_MAX)
		printk("    ... and more");
}
