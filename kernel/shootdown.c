/* SPDX-License-Identifier: MIT */
/*
 * TLB shootdown.  Each request is a number, `wanted`; each CPU says which was the last before it
 * forgot all its translations.  So requests need no lock and no memory, several at once are
 * served together, and serving is right at any time: by the interrupt, or by a CPU that
 * waits for something with interrupts off (ipi_wait()), which is why nobody waits for ever.
 *
 * I1: a CPU that is neither dozing nor held and whose `seen` is behind has been sent an interrupt, or
 *     the asker knew that it has nothing to forget: it will do so in vain.
 * I2: a dozing CPU uses no translation that may change: it is about to halt, or has halted, and
 *     serves first of all when it wakes.  Either the asker sees that it dozes no more, or it
 *     sees the asker's number: both write before they read (with a full barrier between).
 *
 * Loading CR3 forgets all translations but global ones, and we have none of these.
 */
#include <drivers/lapic.h>
#include <kernel/ipi.h>
#include <kernel/layout.h>
#include <kernel/shootdown.h>
#include <kernel/smp.h>

static uint32_t wanted;
static unsigned long sent;
static bool off;

static struct {
	uint32_t seen;
	bool dozing;
} __attribute__((aligned(CPU_STRIDE))) tlb[MAX_CPUS];

static void forget_all(void)
{
	uint32_t flags = irq_save(); /* the next thread's CR3 is another */
	uint32_t number = __atomic_load_n(&wanted, __ATOMIC_SEQ_CST);

	write_cr3(read_cr3());
	__atomic_store_n(&tlb[cpu_here->id].seen, number, __ATOMIC_RELEASE);
	irq_restore(flags);
}

void shootdown_serve(void)
{
	if (__atomic_load_n(&tlb[cpu_here->id].seen, __ATOMIC_RELAXED) !=
	    __atomic_load_n(&wanted, __ATOMIC_ACQUIRE))
		forget_all();
}

static bool is_behind(unsigned id, uint32_t number)
{
	return (int32_t)(__atomic_load_n(&tlb[id].seen, __ATOMIC_ACQUIRE) - number) < 0;
}

/* Of the CPUs in `mask` the others; interrupts those that are awake, and returns these. */
static uint32_t alarm(uint32_t mask)
{
	uint32_t awake = 0;

	for (unsigned id = 0; id < smp_count(); id++) {
		if (id == cpu_here->id || !(mask >> id & 1) ||
		    __atomic_load_n(&tlb[id].dozing, __ATOMIC_SEQ_CST))
			continue;
		lapic_send(smp_apic_id(id), VECTOR_SHOOTDOWN);
		__atomic_fetch_add(&sent, 1, __ATOMIC_RELAXED);
		awake |= 1u << id;
	}
	return awake;
}

void shootdown_on(uint32_t mask)
{
	uint32_t number, awake;

	if (off) {
		write_cr3(read_cr3());
		return;
	}
	preempt_disable();
	number = __atomic_add_fetch(&wanted, 1, __ATOMIC_SEQ_CST);
	awake = smp_count() > 1 && !ipi_others_are_held() ? alarm(mask) : 0;
	forget_all();
	for (unsigned id = 0; awake; id++, awake >>= 1)
		while (awake & 1 && is_behind(id, number))
			ipi_wait();
	preempt_enable();
}

void shootdown(void)
{
	shootdown_on(UINT32_MAX);
}

void shootdown_doze(void)
{
	__atomic_store_n(&tlb[cpu_here->id].dozing, true, __ATOMIC_SEQ_CST);
}

void shootdown_wake(void)
{
	bool *dozing = &tlb[cpu_here->id].dozing;

	if (!*dozing)
		return;
	__atomic_store_n(dozing, false, __ATOMIC_SEQ_CST);
	shootdown_serve();
}

bool shootdown_dozes(void)
{
	return tlb[cpu_here->id].dozing;
}

unsigned long shootdown_count(void)
{
	return __atomic_load_n(&wanted, __ATOMIC_RELAXED);
}

unsigned long shootdown_sent(void)
{
	return __atomic_load_n(&sent, __ATOMIC_RELAXED);
}

void shootdown_switch(bool on)
{
	off = !on;
}
