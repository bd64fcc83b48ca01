/* SPDX-License-Identifier: MIT */
/*
 * Interrupt lines and their handlers.
 *
 * I1: a line is unmasked only while it has a handler.
 * I2: handlers run with an IRQ depth of 1 or more, and leave it as they found it.
 * I3: another thread runs, if it is time for that, only after the outermost handler
 *     has returned and its line is acknowledged.
 * Locks: lines[] changes with interrupts off.
 */
#include <drivers/pic.h>
#include <kernel/cpu.h>
#include <kernel/irq.h>
#include <kernel/layout.h>

static struct {
	irq_handler handler;
	const char *name; /* for debuggers */
	unsigned long count;
} lines[NR_IRQS];

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
	flags = irq_save();
	free = !lines[irq].handler;
	if (free) {
		lines[irq].handler = handler;
		lines[irq].name = name;
		pic_unmask(irq);
	}
	irq_restore(flags);
	return free;
}

void irq_unregister(unsigned irq)
{
	uint32_t flags = irq_save();

	pic_mask(irq);
	lines[irq].handler = NULL;
	irq_restore(flags);
}

void irq_mask(unsigned irq)
{
	uint32_t flags = irq_save();

	pic_mask(irq);
	irq_restore(flags);
}

void irq_unmask(unsigned irq)
{
	uint32_t flags = irq_save();

	if (lines[irq].handler)
		pic_unmask(irq);
	irq_restore(flags);
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
		spurious++;
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
	if (frame->vector - IRQ_VECTOR < NR_IRQS)
		handle_line(frame->vector - IRQ_VECTOR, frame);
	else
		spurious++;
	cpu->busy -= BUSY_IRQ;
	preempt_now();
}
