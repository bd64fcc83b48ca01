/* SPDX-License-Identifier: MIT */
/*
 * System calls: the numbers of <kernel/syscall.h>, each with its function.
 *
 * A call runs as a thread with interrupts on, which may sleep.  What the process points to
 * is copied, never used in place: the copying faults where the process would, and pages
 * that are not there yet are brought as if it had touched them itself.
 */
#include <kernel/layout.h>
#include <kernel/printk.h>
#include <kernel/process.h>
#include <kernel/syscall.h>
#include <kernel/thread.h>
#include <kernel/time.h>

/* Does all of [address, address + n) belong to processes? */
static bool is_user_range(uintptr_t address, size_t n)
{
	return address >= USER_START && address < USER_END && n <= USER_END - address;
}

static bool copy_from_user(void *to, uintptr_t from, size_t n)
{
	return is_user_range(from, n) && probe_copy(to, (const void *)from, n) == 0;
}

static bool copy_to_user(uintptr_t to, const void *from, size_t n)
{
	return is_user_range(to, n) && probe_copy((void *)to, from, n) == 0;
}

/* What it writes may be anything: one line of plain characters is what the log gets. */
static uint32_t syscall_write(const struct trap_frame *frame)
{
	struct process *process = process_current();
	char text[SYSCALL_WRITE_MAX + 1];
	size_t n = frame->ecx < SYSCALL_WRITE_MAX ? frame->ecx : SYSCALL_WRITE_MAX;

	if (!copy_from_user(text, frame->ebx, n))
		process_bad_pointer(frame, frame->ebx);
	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '.';
	text[n] = '\0';
	printk("process %u (%s) writes: %s", process_id(process), process_name(process), text);
	return n;
}

static uint32_t syscall_time(const struct trap_frame *frame)
{
	uint64_t now = time_ns();

	if (!copy_to_user(frame->ebx, &now, sizeof(now)))
		process_bad_pointer(frame, frame->ebx);
	return 0;
}

static uint32_t serve(const struct trap_frame *frame)
{
	switch (frame->eax) {
	case SYSCALL_EXIT: process_exit((int)frame->ebx);
	case SYSCALL_WRITE: return syscall_write(frame);
	case SYSCALL_GROW: return process_grow(frame->ebx);
	case SYSCALL_YIELD: thread_yield(); return 0;
	case SYSCALL_SLEEP: process_sleep(frame->ebx); return 0;
	case SYSCALL_TIME: return syscall_time(frame);
	default: return (uint32_t)SYSCALL_UNKNOWN;
	}
}

void syscall_dispatch(struct trap_frame *frame)
{
	irqs_enable();
	frame->eax = serve(frame);
}
