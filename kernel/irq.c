/* SPDX-License-Identifier: MIT */
/*
 * Interrupt lines and their handlers; and the way to those of the local APIC.
 *
 * I1: a line is unmasked only while it has a handler.
 * I2: handlers run with an IRQ depth of 1 or more, and leave it as they found it.
 * I3: another thread runs, if it is time for that, only after the outermost handler
 *     has returned and its line is acknowledged.
 * Locks: lines[], and the PICs, whose interrupts all go to the boot CPU: `lock`.
 */
#include <drivers/pic.h>
#include <kernel/cpu.h>
#include <kernel/ipi.h>
#include <kernel/irq.h>
#include <kernel/layout.h>
#include <kernel/shootdown.h>
#include <kernel/spinlock.h>
#include <kernel/tick.h>

static struct {
	irq_handler handler;
	const char *name; /* for debuggers */
	unsigned long count;
} lines[NR_IRQS];

static struct spinlock lock;

static unsigned long spurious;

void irq_init(void)
{
	pic_init(IRQ_VECTOR);
}

bool irq_register(unsigned irq, irq_handler handler, const char *name)
{
	uint32_t flags;
	bool free;

	if (irq >= NR_IRQS)
		return false;
	flags = spin_lock_irqsave(&lock);
	free = !lines[irq].handler;
	if (free) {
		lines[irq].handler = handler;
		lines[irq].name = name;
		pic_unmask(irq);
	}
	spin_unlock_irqrestore(&lock, flags);
	return free;
}

void irq_unregister(unsigned irq)
{
	uint32_t flags = spin_lock_irqsave(&lock);

	pic_mask(irq);
	lines[irq].handler = NULL;
	spin_unlock_irqrestore(&lock, flags);
}

void irq_mask(unsigned irq)
{
	uint32_t flags = spin_lock_irqsave(&lock);

	pic_mask(irq);
	spin_unlock_irqrestore(&lock, flags);
}

void irq_unmask(unsigned irq)
{
	uint32_t flags = spin_lock_irqsave(&lock);

	if (lines[irq].handler)
		pic_unmask(irq);
	spin_unlock_irqrestore(&lock, flags);
}

unsigned long irq_count(unsigned irq)
{
	return irq < NR_IRQS ? lines[irq].count : 0;
}

unsigned long irq_spurious_count(void)
{
	return spurious;
}

static void handle_line(unsigned irq, struct trap_frame *frame)
{
	if (pic_is_spurious(irq)) {
		__atomic_fetch_add(&spurious, 1, __ATOMIC_RELAXED);
		return;
	}
	lines[irq].count++;
	if (lines[irq].handler)
		lines[irq].handler(frame);
	else
		pic_mask(irq);
	irqs_disable(); /* should the handler have enabled them */
	pic_acknowledge(irq);
}

void irq_dispatch(struct trap_frame *frame)
{
	struct cpu *cpu = this_cpu();

	cpu->busy += BUSY_IRQ;
	shootdown_wake();
	if (frame->vector - IRQ_VECTOR < NR_IRQS)
		handle_line(frame->vector - IRQ_VECTOR, frame);
	else if (frame->vector == VECTOR_TICK)
		tick_dispatch(frame);
	else if (!ipi_dispatch(frame->vector))
		__atomic_fetch_add(&spurious, 1, __ATOMIC_RELAXED);
	cpu->busy -= BUSY_IRQ;
	preempt_now();
}
