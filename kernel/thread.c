/* SPDX-License-Identifier: MIT */
/*
 * The life of a thread: made, started, ended, joined.  Who runs when is sched.c's.
 *
 * I1: a thread's memory is freed by the one who joins it, after it has left the CPU for
 *     ever: it cannot free the stack that it runs on.  It is dead only when the next thread
 *     of that CPU says so.
 */
#include <kernel/image.h>
#include <kernel/layout.h>
#include <kernel/mutex.h>
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <kernel/spinlock.h>
#include <mm/format.h>
#include <mm/kmalloc.h>
#include <mm/report.h>

struct thread main_thread = {
	.name = "main",
	.stack = {(uintptr_t)boot_stack, (uintptr_t)boot_stack + BOOT_STACK_BYTES},
	.state = THREAD_RUNNING,
	.allowed = 1, /* it drives the boot CPU's timer */
};

static uint32_t start_on = CPUS_ALL;

void threads_start_on(uint32_t allowed)
{
	start_on = allowed;
}

/* The first that a thread does, with interrupts still off. */
static _Noreturn void thread_begin(void)
{
	struct thread *self = current();

	this_cpu()->busy = self == this_cpu()->idle ? BUSY_IDLE : 0;
	sched_switched();
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
	thread->allowed = start_on;
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
	sched_exit();
}

/* Who joins it waits for this lock before he frees it. */
void thread_ended(struct thread *thread)
{
	spin_lock(&thread->exited.lock);
	__atomic_store_n(&thread->state, THREAD_DEAD, __ATOMIC_RELEASE);
	wait_wake_all_locked(&thread->exited);
	spin_unlock(&thread->exited.lock);
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

static void idle(void *arg)
{
	(void)arg;
	idle_run();
}

struct thread *idle_new(unsigned cpu)
{
	char name[THREAD_NAME_BYTES];
	struct thread *thread;

	mm_snprintf(name, sizeof(name), "idle/%u", cpu);
	thread = thread_new(name, idle, NULL);
	if (thread) {
		thread->cpu = cpu;
		thread->allowed = 1u << cpu;
	}
	return thread;
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
