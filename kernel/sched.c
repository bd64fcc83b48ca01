/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: round robin on each CPU.  The ready threads of a CPU stand in its queue; the
 * first one runs until it blocks, gives way, or a timer interrupt finds others waiting, and then
 * goes to the end.  The idle thread is never in a queue: it runs when that is empty.
 *
 * A change of threads is a call of switch_stacks(), which returns when somebody else
 * makes a change back.  Preemption is just that call from the end of an interrupt: the
 * interrupted registers lie on the thread's stack, below the scheduler's own frames.
 *
 * Several CPUs.  A thread is woken into the queue of the CPU where it ran last.  If that is busy,
 * one that has nothing to do is told, and takes the thread from there.  Besides, each timer
 * interrupt moves a thread from the longest queue to its own CPU's, if that is shorter: so those
 * who always run share all CPUs, not each the one where it began.
 *
 * I1: threads change with interrupts off, outside of interrupt handlers, and with a
 *     preempt count of 0: so these are the same before and after, and belong to the CPU.  The rest
 *     of cpu->busy is the thread's, and kept in switch_to() while another one runs.
 * I2: a thread is in a queue exactly if it is THREAD_READY (but on its way from one to another),
 *     and the running ones are cpu->current, THREAD_RUNNING.
 * I3: the lock of a CPU's queue is held across its change of threads, and released by the thread
 *     that goes on (sched_switched()): so whoever gets it, and finds a thread in the queue or
 *     blocked, finds all of it in memory, and its stack in nobody's use.
 * I4: to wake a thread that is not blocked makes its next attempt to block return at once.
 *     So no wake-up is lost between a look at a condition and the sleep after it; and
 *     whoever blocks must look again when he is woken.
 * I5: thread->cpu changes under the lock of the queue of that CPU.
 *
 * Locks: sleepers' before a queue's; one queue's at a time.
 */
#include <kernel/gdt.h>
#include <kernel/ipi.h>
#include <kernel/sched.h>
#include <kernel/shootdown.h>
#include <kernel/smp.h>
#include <kernel/spinlock.h>
#include <kernel/time.h>

/* What is to be done with the thread that has just left a CPU, when it has. */
enum leaving {
	STAYS, /* it is in the queue, or blocked */
	MOVES, /* to a CPU where it may run */
	ENDS,
};

static struct queue {
	struct spinlock lock;
	struct thread *first, *last;
	unsigned ready; /* threads in it */
	bool idle;      /* the idle thread runs */
	bool told;      /* and has been told to look for threads */
	enum leaving leaving;
	struct thread *previous; /* who leaves */
} __attribute__((aligned(CPU_STRIDE))) queues[MAX_CPUS];

static struct queue *queue_here(void)
{
	return &queues[cpu_here->id];
}

static bool may_run_on(const struct thread *thread, unsigned cpu)
{
	return thread->allowed >> cpu & 1;
}

/* --- the queue of the ready --------------------------------------------------------- */

static void append(struct queue *queue, struct thread *thread)
{
	thread->state = THREAD_READY;
	thread->next = NULL;
	if (queue->first)
		queue->last->next = thread;
	else
		queue->first = thread;
	queue->last = thread;
	__atomic_store_n(&queue->ready, queue->ready + 1, __ATOMIC_RELAXED);
}

/* The first that may run on `cpu`, or NULL. */
static struct thread *take(struct queue *queue, unsigned cpu)
{
	struct thread *thread = queue->first, *before = NULL;

	while (thread && !may_run_on(thread, cpu)) {
		before = thread;
		thread = thread->next;
	}
	if (!thread)
		return NULL;
	if (before)
		before->next = thread->next;
	else
		queue->first = thread->next;
	if (queue->last == thread)
		queue->last = before;
	__atomic_store_n(&queue->ready, queue->ready - 1, __ATOMIC_RELAXED);
	return thread;
}

/* The locked queue of the CPU that the thread belongs to. */
static struct queue *lock_home(const struct thread *thread)
{
	for (;;) {
		unsigned cpu = __atomic_load_n(&thread->cpu, __ATOMIC_RELAXED);

		spin_lock(&queues[cpu].lock);
		if (thread->cpu == cpu)
			return &queues[cpu];
		spin_unlock(&queues[cpu].lock);
	}
}

/* --- changes of threads --------------------------------------------------------------- */

static void switch_to(struct queue *queue, struct thread *next)
{
	struct cpu *cpu = this_cpu();
	struct thread *previous = cpu->current;
	unsigned busy = cpu->busy;

	next->state = THREAD_RUNNING;
	if (next == previous) {
		spin_unlock(&queue->lock);
		return;
	}
	queue->previous = previous;
	queue->idle = next == cpu->idle;
	cpu->current = next;
	gdt_set_kernel_stack(next->stack.end);
	if (next->process != previous->process)
		process_activate(next->process);
	switch_stacks(&previous->esp, next->esp);
	cpu_set_busy(busy); /* this thread's own */
	sched_switched();
}

/* The current thread stands where it will be found again, if ever.  Releases the lock. */
static void run_next(struct queue *queue)
{
	struct cpu *cpu = this_cpu();
	struct thread *next = take(queue, cpu->id);

	cpu->need_resched = false;
	switch_to(queue, next ? next : cpu->idle);
}

static void give_way(void)
{
	struct queue *queue = queue_here();
	struct thread *self = current();

	spin_lock(&queue->lock);
	if (self != this_cpu()->idle) {
		if (may_run_on(self, cpu_here->id))
			append(queue, self);
		else
			queue->leaving = MOVES;
	}
	run_next(queue);
}

/* Is it idle, and nobody else has told it?  One after the other are told, for as many threads. */
static bool claim_idle(struct queue *queue)
{
	return __atomic_load_n(&queue->idle, __ATOMIC_RELAXED) &&
	       !__atomic_exchange_n(&queue->told, true, __ATOMIC_SEQ_CST);
}

/*
 * `cpu` has got a thread that may run on `allowed`: see that somebody runs it.  What was written
 * before is seen by a CPU that this one sees idle: see idle_run().
 */
static void tell(unsigned cpu, uint32_t allowed)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&queues[cpu].idle, __ATOMIC_RELAXED)) {
		unsigned other = 0;

		while (other < smp_count() &&
		       !(allowed >> other & 1 && claim_idle(&queues[other])))
			other++;
		if (other == smp_count())
			return;
		cpu = other;
	}
	if (cpu == cpu_here->id)
		this_cpu()->need_resched = true;
	else
		ipi_reschedule(cpu);
}

/* A thread that is in no queue goes into that of a CPU where it may run. */
static void place(struct thread *thread)
{
	uint32_t allowed = thread->allowed;
	unsigned cpu = may_run_on(thread, cpu_here->id) ? cpu_here->id
							: (unsigned)__builtin_ctz(allowed);

	spin_lock(&queues[cpu].lock);
	thread->cpu = cpu;
	append(&queues[cpu], thread);
	spin_unlock(&queues[cpu].lock);
	tell(cpu, allowed);
}

void sched_switched(void)
{
	struct queue *queue = queue_here();
	struct thread *previous = queue->previous;
	enum leaving leaving = queue->leaving;

	queue->leaving = STAYS;
	if (leaving == MOVES)
		previous->state = THREAD_READY;
	spin_unlock(&queue->lock);
	if (leaving == MOVES)
		place(previous);
	else if (leaving == ENDS)
		thread_ended(previous);
}

/* --- sharing ------------------------------------------------------------------------------ */

/* The CPU with the longest of the other queues, if that has more than `least`; else this one. */
static unsigned longest_queue(unsigned least)
{
	unsigned me = cpu_here->id, longest = me;

	for (unsigned i = 0; i < smp_count(); i++) {
		unsigned ready = __atomic_load_n(&queues[i].ready, __ATOMIC_RELAXED);

		if (i != me && ready > least) {
			least = ready;
			longest = i;
		}
	}
	return longest;
}

/* Move a thread to this CPU from another one's locked queue.  Releases that lock. */
static bool move_from(struct queue *queue)
{
	unsigned me = cpu_here->id;
	struct thread *thread = take(queue, me);

	if (thread)
		thread->cpu = me;
	spin_unlock(&queue->lock);
	if (!thread)
		return false;
	spin_lock(&queues[me].lock);
	append(&queues[me], thread);
	spin_unlock(&queues[me].lock);
	return true;
}

/*
 * Move a thread to this CPU from the longest of the other queues, if that has more than `least`.
 * Idle CPUs do not stand in line for its lock: they would all be in the way of its owner, and of
 * those who wake others, and most of them would come too late.  Who is busy tries but once.
 */
static bool pull(unsigned least, bool idle)
{
	unsigned longest;

	while ((longest = longest_queue(least)) != cpu_here->id) {
		if (spin_trylock(&queues[longest].lock))
			return move_from(&queues[longest]);
		if (!idle)
			return false;
		ipi_wait();
	}
	return false;
}

/*
 * Halted, until an interrupt may have brought something to do.  That this CPU is idle is
 * written before it looks for the last time, and who makes a thread ready looks for that after:
 * so one of the two sees the other.
 */
_Noreturn void idle_run(void)
{
	for (;;) {
		struct queue *queue;

		irqs_disable();
		queue = queue_here();
		__atomic_store_n(&queue->told, false, __ATOMIC_SEQ_CST);
		__atomic_store_n(&queue->idle, true, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&queue->ready, __ATOMIC_RELAXED) || pull(0, true)) {
			give_way();
		} else {
			shootdown_doze();
			cpu_halt_enabling();
			shootdown_wake(); /* an NMI may have ended it, which served nothing */
		}
		irqs_enable();
	}
}

/* --- preemption --------------------------------------------------------------------------- */

/* The thread goes by another CPU's number: until it has its own again, no thread takes its place. */
static bool frozen;

void sched_freeze(bool on)
{
	__atomic_store_n(&frozen, on, __ATOMIC_RELAXED);
}

void sched_tick(void)
{
	struct queue *queue = queue_here();

	if (frozen)
		return;
	if (cpu_here->id == 0)
		sleepers_wake(time_ns());
	if (!queue->idle)
		pull(queue->ready, false);
	if (queue->ready)
		this_cpu()->need_resched = true;
}

void sched_kicked(void)
{
	if (queue_here()->ready && queue_here()->idle)
		this_cpu()->need_resched = true;
}

void preempt_now(void)
{
	uint32_t flags;

	if (!cpu_here->need_resched || cpu_here->busy & ~BUSY_IDLE || frozen)
		return;
	flags = irq_save();
	give_way();
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
	give_way();
	irq_restore(flags);
}

void thread_run_on(uint32_t allowed)
{
	current()->allowed = allowed;
	if (!may_run_on(current(), cpu_here->id))
		thread_yield();
}

void sched_start(struct thread *thread)
{
	uint32_t flags = irq_save();

	place(thread);
	irq_restore(flags);
}

bool sched_block(uint64_t deadline)
{
	struct thread *self = current();
	struct queue *queue;

	self->overslept = false;
	if (deadline != WAIT_FOREVER)
		sleepers_add(self, deadline);
	queue = queue_here();
	spin_lock(&queue->lock);
	if (self->wake_pending) {
		self->wake_pending = false;
		spin_unlock(&queue->lock);
	} else {
		self->state = THREAD_BLOCKED;
		run_next(queue);
	}
	if (deadline != WAIT_FOREVER)
		sleepers_remove(self);
	return !self->overslept;
}

/* Once it is unlocked the thread may run, and end: no more of it is touched then. */
void sched_wake(struct thread *thread)
{
	uint32_t flags = irq_save();
	struct queue *queue = lock_home(thread);
	bool blocked = thread->state == THREAD_BLOCKED;
	uint32_t allowed = thread->allowed;

	if (blocked)
		append(queue, thread);
	else
		thread->wake_pending = true;
	spin_unlock(&queue->lock);
	if (blocked)
		tell((unsigned)(queue - queues), allowed);
	irq_restore(flags);
}

void sched_oversleep(struct thread *thread)
{
	struct queue *queue = lock_home(thread);
	bool blocked = thread->state == THREAD_BLOCKED;
	uint32_t allowed = thread->allowed;

	if (blocked) {
		thread->overslept = true;
		append(queue, thread);
	}
	spin_unlock(&queue->lock);
	if (blocked)
		tell((unsigned)(queue - queues), allowed);
}

_Noreturn void sched_exit(void)
{
	struct queue *queue = queue_here();

	spin_lock(&queue->lock);
	queue->leaving = ENDS;
	run_next(queue);
	__builtin_unreachable();
}
