/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: round robin.  The ready threads of a CPU stand in a queue; the first one
 * runs until it blocks, gives way, or a timer interrupt finds others waiting, and then
 * goes to the end.  The idle thread is never in the queue: it runs when that is empty.
 *
 * A change of threads is a call of switch_stacks(), which returns when somebody else
 * makes a change back.  Preemption is just that call from the end of an interrupt: the
 * interrupted registers lie on the thread's stack, below the scheduler's own frames.
 *
 * I1: threads change with interrupts off, outside of interrupt handlers, and with a
 *     preempt count of 0: so these are the same before and after, and belong to the CPU.
 * I2: a thread is in the queue exactly if it is THREAD_READY, and the running one is
 *     cpu->current, THREAD_RUNNING.
 * I3: a thread that blocks has said where it can be found before interrupts went off for
 *     the last time, and looks then whether it was woken meanwhile (wait_block()).
 *
 * Locks: interrupts off.  With several CPUs each queue would get a spinlock, which
 * switch_stacks() passes from one thread to the next.
 */
#include <kernel/gdt.h>
#include <kernel/sched.h>
#include <kernel/time.h>

/* --- the queue of the ready --------------------------------------------------------- */

static void append_ready(struct cpu *cpu, struct thread *thread)
{
	thread->state = THREAD_READY;
	thread->next = NULL;
	if (cpu->ready_first)
		cpu->ready_last->next = thread;
	else
		cpu->ready_first = thread;
	cpu->ready_last = thread;
}

/* The first in the queue, or the idle thread. */
static struct thread *take_ready(struct cpu *cpu)
{
	struct thread *thread = cpu->ready_first;

	if (!thread)
		return cpu->idle;
	cpu->ready_first = thread->next;
	return thread;
}

/* --- changes of threads --------------------------------------------------------------- */

static void switch_to(struct cpu *cpu, struct thread *next)
{
	struct thread *previous = cpu->current;

	next->state = THREAD_RUNNING;
	if (next == previous)
		return;
	cpu->current = next;
	cpu->busy = next == cpu->idle ? BUSY_IDLE : 0;
	gdt_set_kernel_stack(next->stack.end);
	if (next->process != previous->process)
		process_activate(next->process);
	switch_stacks(&previous->esp, next->esp);
}

/* The current thread stands where it will be found again, if ever. */
static void run_next(struct cpu *cpu)
{
	cpu->need_resched = false;
	switch_to(cpu, take_ready(cpu));
}

static void give_way(struct cpu *cpu)
{
	if (cpu->current != cpu->idle)
		append_ready(cpu, cpu->current);
	run_next(cpu);
}

/* --- preemption --------------------------------------------------------------------------- */

void sched_tick(void)
{
	struct cpu *cpu = this_cpu();

	if (cpu->id == 0)
		sleepers_wake(time_ns());
	if (cpu->ready_first)
		cpu->need_resched = true;
}

void preempt_now(void)
{
	uint32_t flags;

	if (!cpu_here->need_resched || cpu_here->busy & ~BUSY_IDLE)
		return;
	flags = irq_save();
	give_way(this_cpu());
	irq_restore(flags);
}

/* --- the scheduler's services --------------------------------------------------------- */

void thread_yield(void)
{
	uint32_t flags;

	might_sleep_in("thread_yield", (uintptr_t)__builtin_return_address(0));
	if (!may_sleep())
		return;
	flags = irq_save();
	give_way(this_cpu());
	irq_restore(flags);
}

/* The idle thread gives way as soon as the interrupt that brings this about is over. */
void sched_start(struct thread *thread)
{
	struct cpu *cpu = this_cpu();
	uint32_t flags = irq_save();

	append_ready(cpu, thread);
	if (cpu->current == cpu->idle)
		cpu->need_resched = true;
	irq_restore(flags);
}

bool sched_block(uint64_t deadline)
{
	struct thread *self = current();

	self->state = THREAD_BLOCKED;
	self->overslept = false;
	if (deadline != WAIT_FOREVER)
		sleepers_add(self, deadline);
	run_next(this_cpu());
	return !self->overslept;
}

void sched_wake(struct thread *thread)
{
	uint32_t flags = irq_save();

	if (thread->state == THREAD_BLOCKED) {
		sleepers_remove(thread);
		sched_start(thread);
	}
	irq_restore(flags);
}

_Noreturn void sched_exit(void)
{
	run_next(this_cpu());
	__builtin_unreachable();
}
