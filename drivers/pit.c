/* SPDX-License-Identifier: MIT */
/* Intel 8254.  No state; callers keep others away from the channel they use. */
#include <drivers/pit.h>
#include <kernel/x86.h>

#define CHANNEL_0      0x40u
#define CHANNEL_2      0x42u
#define COMMAND        0x43u

#define SELECT_0       0x00u
#define SELECT_2       0x80u
#define BOTH_BYTES     0x30u
#define MODE_TERMINAL  0x00u /* mode 0: output rises once, at the end of the count */
#define MODE_RATE      0x04u /* mode 2: a pulse every count */

#define PORT_B         0x61u
#define PORT_B_GATE    0x01u /* lets channel 2 count */
#define PORT_B_SPEAKER 0x02u
#define PORT_B_OUTPUT  0x20u /* channel 2's output */

static void load(uint16_t channel, uint8_t command, unsigned count)
{
	outb(COMMAND, command);
	outb(channel, (uint8_t)count); /* PIT_COUNT_MAX reads as 0, which means just that */
	outb(channel, (uint8_t)(count >> 8));
}

void pit_periodic(unsigned count)
{
	load(CHANNEL_0, SELECT_0 | BOTH_BYTES | MODE_RATE, count);
}

void pit_oneshot(unsigned count)
{
	load(CHANNEL_0, SELECT_0 | BOTH_BYTES | MODE_TERMINAL, count);
}

void pit_stop(void)
{
	/* A mode without a count: the output stays low and nothing counts. */
	outb(COMMAND, SELECT_0 | BOTH_BYTES | MODE_TERMINAL);
}

void pit_span_start(unsigned count)
{
	outb(PORT_B, (inb(PORT_B) & (uint8_t)~PORT_B_SPEAKER) | PORT_B_GATE);
	load(CHANNEL_2, SELECT_2 | BOTH_BYTES | MODE_TERMINAL, count);
}

bool pit_span_over(void)
{
	return inb(PORT_B) & PORT_B_OUTPUT;
}
