/* SPDX-License-Identifier: MIT */
/*
 * Intel 8259A, twice: the second one hangs on line 2 of the first.
 *
 * I1: line 2 of the first is unmasked whenever a line of the second is.
 */
#include <drivers/pic.h>
#include <kernel/x86.h>

#define FIRST_COMMAND  0x20u
#define FIRST_DATA     0x21u
#define SECOND_COMMAND 0xa0u
#define SECOND_DATA    0xa1u

#define ICW1_INIT      0x11u /* edge triggered, cascaded, ICW4 follows */
#define ICW4_8086      0x01u
#define OCW2_EOI       0x20u /* non-specific end of interrupt */
#define OCW3_READ_ISR  0x0bu
#define OCW3_POLL      0x0cu
#define POLL_REQUEST   0x80u

#define LINES          8u
#define CASCADE        2u
#define SPURIOUS       7u
#define ALL_LINES      0xffu

static unsigned masked = 0xffffu; /* bit n: line n is masked */

static void write_masks(void)
{
	bool second_idle = masked >> LINES == ALL_LINES;
	unsigned first = masked & ALL_LINES & ~(1u << CASCADE);

	outb(FIRST_DATA, (uint8_t)(second_idle ? first | 1u << CASCADE : first));
	outb(SECOND_DATA, (uint8_t)(masked >> LINES));
}

void pic_init(unsigned base)
{
	outb(FIRST_COMMAND, ICW1_INIT);
	outb(SECOND_COMMAND, ICW1_INIT);
	outb(FIRST_DATA, (uint8_t)base);
	outb(SECOND_DATA, (uint8_t)(base + LINES));
	outb(FIRST_DATA, 1u << CASCADE);
	outb(SECOND_DATA, CASCADE);
	outb(FIRST_DATA, ICW4_8086);
	outb(SECOND_DATA, ICW4_8086);
	write_masks();
}

void pic_mask(unsigned irq)
{
	masked |= 1u << irq;
	write_masks();
}

void pic_unmask(unsigned irq)
{
	masked &= ~(1u << irq);
	write_masks();
}

void pic_acknowledge(unsigned irq)
{
	if (irq >= LINES)
		outb(SECOND_COMMAND, OCW2_EOI);
	outb(FIRST_COMMAND, OCW2_EOI);
}

static bool in_service(uint16_t command, unsigned line)
{
	outb(command, OCW3_READ_ISR);
	return inb(command) & 1u << line;
}

bool pic_is_spurious(unsigned irq)
{
	if (irq == SPURIOUS)
		return !in_service(FIRST_COMMAND, SPURIOUS);
	if (irq == LINES + SPURIOUS && !in_service(SECOND_COMMAND, SPURIOUS)) {
		outb(FIRST_COMMAND, OCW2_EOI); /* the first one did see an interrupt */
		return true;
	}
	return false;
}

bool pic_poll(void)
{
	outb(FIRST_COMMAND, OCW3_POLL);
	if (!(inb(FIRST_COMMAND) & POLL_REQUEST))
		return false;
	outb(FIRST_COMMAND, OCW2_EOI);
	return true;
}
