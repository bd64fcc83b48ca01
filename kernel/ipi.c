/* SPDX-License-Identifier: MIT */
/*
 * Interrupts from one CPU to another: to run a function, to hold still, to look for threads,
 * to forget translations (shootdown.c), to stop for ever.
 *
 * I1: one call is made at a time (`call.taken`), and each CPU whose bit is in `call.pending`
 *     has still to run it.
 * I2: one CPU holds the others at a time (`hold.taken`).  A held CPU is in its interrupt handler,
 *     at a point of its thread where interrupts were on: so it has no spinlock.
 *
 * Locks: `taken` of both is waited for with interrupts on, since its owner waits for everybody.
 */
#include <drivers/lapic.h>
#include <kernel/gdt.h>
#include <kernel/ipi.h>
#include <kernel/layout.h>
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <kernel/shootdown.h>
#include <kernel/smp.h>

#define STOP_POLLS 100000u

static struct {
	bool taken;
	void (*function)(void *arg);
	void *arg;
	uint32_t pending;
} call;

static struct {
	bool taken;
	unsigned depth; /* the owner's */
	unsigned owner;
	bool on;
	uint32_t held; /* CPUs that are, by number */
} hold = {.owner = MAX_CPUS};

static bool stopping;
static uint32_t stopped;

static unsigned long counts[MAX_CPUS];

void ipi_wait(void)
{
	cpu_relax();
	shootdown_serve();
}

bool ipi_others_are_held(void)
{
	return __atomic_load_n(&hold.on, __ATOMIC_ACQUIRE) && hold.owner == cpu_here->id;
}

/* Those that can answer. */
static uint32_t others(void)
{
	return ipi_others_are_held() ? 0 : smp_online() & ~(1u << cpu_here->id);
}

static void send_all(uint32_t mask, unsigned vector)
{
	for (unsigned id = 0; mask; id++, mask >>= 1)
		if (mask & 1)
			lapic_send(smp_apic_id(id), vector);
}

/* Interrupts are on: who owns it may wait for us. */
static void take(bool *taken)
{
	while (__atomic_exchange_n(taken, true, __ATOMIC_ACQUIRE))
		ipi_wait();
}

static void give(bool *taken)
{
	__atomic_store_n(taken, false, __ATOMIC_RELEASE);
}

/* --- calls ------------------------------------------------------------------------------- */

static void answer_call(void)
{
	uint32_t mine = 1u << cpu_here->id;

	if (!(__atomic_load_n(&call.pending, __ATOMIC_ACQUIRE) & mine))
		return;
	call.function(call.arg);
	__atomic_fetch_and(&call.pending, ~mine, __ATOMIC_RELEASE);
}

/* Of the thread's own CPU: with preemption off, so that it stays there. */
static void call_others(void (*function)(void *arg), void *arg)
{
	take(&call.taken);
	call.function = function;
	call.arg = arg;
	__atomic_store_n(&call.pending, others(), __ATOMIC_RELEASE);
	send_all(others(), VECTOR_CALL);
	while (__atomic_load_n(&call.pending, __ATOMIC_ACQUIRE))
		ipi_wait();
	give(&call.taken);
}

void ipi_call_others(void (*function)(void *arg), void *arg)
{
	preempt_disable();
	if (others())
		call_others(function, arg);
	preempt_enable();
}

void ipi_call_each(void (*function)(void *arg), void *arg)
{
	uint32_t flags;

	preempt_disable();
	if (others())
		call_others(function, arg);
	flags = irq_save();
	function(arg);
	irq_restore(flags);
	preempt_enable();
}

/* --- holding still ------------------------------------------------------------------------ */

/*
 * Halted, and interrupted by nothing but who asks for a shootdown or lets it go.  The boot CPU
 * has the PICs' interrupts as well, which know no priorities: it waits with all of them off.
 */
static void rest_while_held(void)
{
	if (cpu_here->id == 0) {
		while (__atomic_load_n(&hold.on, __ATOMIC_ACQUIRE))
			ipi_wait();
		shootdown_serve();
		return;
	}
	lapic_set_priority(VECTOR_SHOOTDOWN - 1);
	while (__atomic_load_n(&hold.on, __ATOMIC_ACQUIRE)) {
		shootdown_doze();
		cpu_halt_enabling();
		irqs_disable();
	}
	shootdown_wake();
	lapic_set_priority(0);
}

static void hold_still(void)
{
	uint32_t mine = 1u << cpu_here->id;

	if (!__atomic_load_n(&hold.on, __ATOMIC_ACQUIRE))
		return;
	__atomic_fetch_or(&hold.held, mine, __ATOMIC_ACQ_REL);
	rest_while_held();
	__atomic_fetch_and(&hold.held, ~mine, __ATOMIC_ACQ_REL);
}

void ipi_hold_others(void)
{
	uint32_t rest;

	preempt_disable();
	if (smp_count() == 1)
		return;
	if (!ipi_others_are_held()) {
		take(&hold.taken);
		rest = others();
		hold.owner = cpu_here->id;
		__atomic_store_n(&hold.on, true, __ATOMIC_RELEASE);
		send_all(rest, VECTOR_HOLD);
		while (__atomic_load_n(&hold.held, __ATOMIC_ACQUIRE) != rest)
			ipi_wait();
	}
	hold.depth++;
}

void ipi_release_others(void)
{
	if (smp_count() > 1 && --hold.depth == 0) {
		hold.owner = MAX_CPUS;
		__atomic_store_n(&hold.on, false, __ATOMIC_RELEASE);
		send_all(__atomic_load_n(&hold.held, __ATOMIC_ACQUIRE), VECTOR_RELEASE);
		while (__atomic_load_n(&hold.held, __ATOMIC_ACQUIRE))
			ipi_wait();
		give(&hold.taken);
	}
	preempt_enable();
}

void ipi_pretend(unsigned id)
{
	if (smp_count() > 1)
		hold.owner = id;
	gdt_pretend(id);
	sched_freeze(id != 0);
}

/* --- the rest ------------------------------------------------------------------------------ */

void ipi_reschedule(unsigned id)
{
	lapic_send(smp_apic_id(id), VECTOR_RESCHEDULE);
}

void ipi_nmi(unsigned id)
{
	lapic_send_nmi(smp_apic_id(id));
}

void ipi_stop_others(void)
{
	uint32_t rest = others();

	__atomic_store_n(&stopping, true, __ATOMIC_SEQ_CST);
	for (unsigned id = 0; id < MAX_CPUS; id++)
		if (rest >> id & 1)
			ipi_nmi(id);
	for (unsigned i = 0;
	     i < STOP_POLLS && (__atomic_load_n(&stopped, __ATOMIC_ACQUIRE) & rest) != rest;
	     i++)
		cpu_relax();
}

void ipi_stop_if_asked(void)
{
	if (!__atomic_load_n(&stopping, __ATOMIC_ACQUIRE))
		return;
	__atomic_fetch_or(&stopped, 1u << cpu_here->id, __ATOMIC_RELEASE);
	halt_forever();
}

unsigned long ipi_count(unsigned id)
{
	return __atomic_load_n(&counts[id], __ATOMIC_RELAXED);
}

bool ipi_dispatch(unsigned vector)
{
	if (vector < VECTOR_RESCHEDULE || vector > VECTOR_RELEASE)
		return false;
	counts[cpu_here->id]++;
	lapic_acknowledge();
	switch (vector) {
	case VECTOR_RESCHEDULE: sched_kicked(); break;
	case VECTOR_CALL: answer_call(); break;
	case VECTOR_HOLD: hold_still(); break;
	case VECTOR_SHOOTDOWN: shootdown_serve(); break;
	default: break;
	}
	return true;
}
