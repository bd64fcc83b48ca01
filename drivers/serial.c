/* SPDX-License-Identifier: MIT */
/*
 * A 16550 (or 8250, without its FIFO) that only sends, by polling.
 *
 * Every wait is bounded.  A port that stopped taking bytes costs SEND_POLLS once;
 * from then on bytes are dropped, without waiting, until it takes one again.
 * A newline is sent as CR LF, which is what a terminal on a serial line needs.
 */
#include <drivers/serial.h>
#include <kernel/printk.h>
#include <kernel/x86.h>

#define COM1                 0x3f8u

/* Registers, as offsets. */
#define DATA                 0u
#define INTERRUPT_ENABLE     1u
#define DIVISOR_LOW          0u /* with LINE_CONTROL_DIVISOR */
#define DIVISOR_HIGH         1u
#define FIFO_CONTROL         2u
#define INTERRUPT_ID         2u
#define LINE_CONTROL         3u
#define MODEM_CONTROL        4u
#define LINE_STATUS          5u
#define SCRATCH              7u

#define FIFO_ENABLE_CLEAR    0x07u
#define FIFO_WORKS           0xc0u /* in INTERRUPT_ID */
#define LINE_CONTROL_8N1     0x03u
#define LINE_CONTROL_DIVISOR 0x80u
#define MODEM_DTR_RTS_OUT2   0x0bu
#define MODEM_LOOPBACK       0x12u /* and RTS */
#define STATUS_RECEIVED      0x01u
#define STATUS_SEND_EMPTY    0x20u
#define STATUS_IDLE          0x40u

#define DIVISOR_115200       1u
#define FIFO_BYTES           16u
#define TEST_BYTE            0xa5u

/* Polls take about 1 us on a PC: a second, where a FIFO at 115200 drains in 1.4 ms. */
#define SEND_POLLS           (1u << 20)
#define LOOPBACK_POLLS       (1u << 14)

static unsigned
	fifo_bytes;        /* bytes that may be sent when the port is empty; 1 without a FIFO */
static unsigned fifo_room; /* of these, left */
static bool stuck;

static bool wait_for(uint8_t status, unsigned polls)
{
	while (polls--) {
		if (inb(COM1 + LINE_STATUS) & status)
			return true;
		cpu_relax();
	}
	return false;
}

static void send(char c)
{
	if (fifo_room == 0) {
		if (!wait_for(STATUS_SEND_EMPTY, stuck ? 1 : SEND_POLLS)) {
			stuck = true;
			return;
		}
		stuck = false;
		fifo_room = fifo_bytes;
	}
	outb(COM1 + DATA, (uint8_t)c);
	fifo_room--;
}

static void serial_write(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n')
			send('\r');
		send(text[i]);
	}
}

/* A byte sent in loopback mode must come back: tells a UART from an empty bus. */
static bool loopback_works(void)
{
	bool works;

	wait_for(STATUS_IDLE, LOOPBACK_POLLS); /* what the boot loader still sends */
	outb(COM1 + MODEM_CONTROL, MODEM_LOOPBACK);
	outb(COM1 + FIFO_CONTROL, FIFO_ENABLE_CLEAR);
	outb(COM1 + DATA, TEST_BYTE);
	works = wait_for(STATUS_RECEIVED, LOOPBACK_POLLS) && inb(COM1 + DATA) == TEST_BYTE;
	outb(COM1 + MODEM_CONTROL, MODEM_DTR_RTS_OUT2);
	return works;
}

bool serial_init(void)
{
	static const struct console console = {"serial", serial_write};

	outb(COM1 + SCRATCH, TEST_BYTE);
	if (inb(COM1 + SCRATCH) != TEST_BYTE)
		return false;
	outb(COM1 + INTERRUPT_ENABLE, 0);
	outb(COM1 + LINE_CONTROL, LINE_CONTROL_DIVISOR);
	outb(COM1 + DIVISOR_LOW, DIVISOR_115200);
	outb(COM1 + DIVISOR_HIGH, 0);
	outb(COM1 + LINE_CONTROL, LINE_CONTROL_8N1);
	if (!loopback_works())
		return false;
	outb(COM1 + FIFO_CONTROL, FIFO_ENABLE_CLEAR);
	fifo_bytes = (inb(COM1 + INTERRUPT_ID) & FIFO_WORKS) == FIFO_WORKS ? FIFO_BYTES : 1;
	console_add(&console);
	return true;
}
