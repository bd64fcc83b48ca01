/* SPDX-License-Identifier: MIT */
/*
 * The life of a thread: made, started, ended, joined.  Who runs when is sched.c's.
 *
 * I1: a thread's memory is freed by the one who joins it, after it has left the CPU for
 *     ever: it cannot free the stack that it runs on.
 */
#include <kernel/image.h>
#include <kernel/layout.h>
#include <kernel/mutex.h>
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <kernel/shootdown.h>
#include <mm/format.h>
#include <mm/kmalloc.h>
#include <mm/report.h>

struct thread main_thread = {
	.name = "main",
	.stack = {(uintptr_t)boot_stack, (uintptr_t)boot_stack + BOOT_STACK_BYTES},
	.state = THREAD_RUNNING,
};

/* The first that a thread does, with interrupts still off. */
static _Noreturn void thread_begin(void)
{
	struct thread *self = current();

	irqs_enable();
	self->function(self->arg);
	thread_exit();
}

/* A thread that is not started yet. */
static struct thread *thread_new(const char *name, void (*function)(void *arg), void *arg)
{
	struct thread *thread = kzalloc(sizeof(*thread), GFP_KERNEL);

	if (!thread)
		return NULL;
	if (!stack_alloc(&thread->stack)) {
		kfree(thread);
		return NULL;
	}
	mm_snprintf(thread->name, sizeof(thread->name), "%s", name);
	thread->function = function;
	thread->arg = arg;
	thread->esp = switch_prepare(thread->stack.end, thread_begin);
	return thread;
}

static void thread_free(struct thread *thread)
{
	stack_free(&thread->stack);
	kfree(thread);
}

struct thread *thread_create(const char *name, void (*function)(void *arg), void *arg)
{
	struct thread *thread = thread_new(name, function, arg);

	if (thread)
		sched_start(thread);
	return thread;
}

_Noreturn void thread_exit(void)
{
	struct thread *self = current();
	uintptr_t caller = (uintptr_t)__builtin_return_address(0);

	mutex_release_all(self);
	if (!may_sleep())
		panic("thread %s ends where it may not even sleep", self->name);
	if (self->guard)
		mm_report(MM_REPORT_MISUSE, caller, "it ends",
			  "thread %s ends inside of trap_expect()", self->name);
	irqs_disable();
	self->state = THREAD_DEAD;
	wait_wake_all(&self->exited);
	sched_exit();
}

static bool is_dead(const struct thread *thread)
{
	return __atomic_load_n(&thread->state, __ATOMIC_ACQUIRE) == THREAD_DEAD;
}

void thread_join(struct thread *thread)
{
	might_sleep_in("thread_join", (uintptr_t)__builtin_return_address(0));
	if (thread == current())
		panic("thread %s waits for its own end", thread->name);
	wait_event(&thread->exited, is_dead(thread));
	thread_free(thread);
}

/* Any interrupt may make a thread ready, and lets it run before it returns to here. */
_Noreturn void idle_run(void)
{
	for (;;) {
		irqs_disable();
		shootdown_doze();
		cpu_halt_enabling();
	}
}

static void idle(void *arg)
{
	(void)arg;
	idle_run();
}

struct thread *idle_new(unsigned cpu)
{
	char name[THREAD_NAME_BYTES];

	mm_snprintf(name, sizeof(name), "idle/%u", cpu);
	return thread_new(name, idle, NULL);
}

void idle_free(struct thread *thread)
{
	thread_free(thread);
}

void threads_init(void)
{
	this_cpu()->idle = idle_new(0);
	if (!this_cpu()->idle)
		panic("no memory for the idle thread");
}
