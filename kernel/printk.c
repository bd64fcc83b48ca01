/* SPDX-License-Identifier: MIT */
/*
 * The kernel's log.
 *
 * Locks: `writer`, the CPU that writes a line; interrupts are off meanwhile.  An NMI, or a fault
 * inside a console, may still come in the middle of a line: its own line is then
 * written at once, on a new line, since it may be the last that we get to say.  For the
 * same reason a panic waits for no other CPU.
 *
 * In a debugger, log_ring[] holds the end of the log: start reading at
 * log_ring_end modulo its size.
 */
#include <kernel/cpu.h>
#include <kernel/ipi.h>
#include <kernel/printk.h>
#include <kernel/string.h>
#include <kernel/time.h>
#include <mm/format.h>

#define NOBODY         UINT32_MAX
#define NR_CONSOLES    4
#define LOG_RING_BYTES 16384u /* a power of two, so that the end may wrap at 2^32 */

_Static_assert((LOG_RING_BYTES & (LOG_RING_BYTES - 1)) == 0, "a power of two");

static const struct console *consoles[NR_CONSOLES];
static unsigned nr_consoles;
static unsigned writer = NOBODY;
static bool impatient; /* wait for nobody */

/* `used`: only debuggers read it, and a compiler may drop what nobody reads. */
static char log_ring[LOG_RING_BYTES] __attribute__((used));
static size_t log_ring_end; /* bytes ever written */

static void ring_write(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		log_ring[log_ring_end++ % LOG_RING_BYTES] = text[i];
}

static void write_everywhere(const char *text, size_t length)
{
	ring_write(text, length);
	for (unsigned i = 0; i < nr_consoles; i++)
		consoles[i]->write(text, length);
}

/* False when this CPU is in the middle of a line, or no other shall be waited for. */
static bool take_turn(void)
{
	unsigned me = cpu_here->id, expected = NOBODY;

	while (!__atomic_compare_exchange_n(&writer, &expected, me, false, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		if (expected == me || __atomic_load_n(&impatient, __ATOMIC_RELAXED))
			return false;
		expected = NOBODY;
		ipi_wait();
	}
	return true;
}

void printk_wait_for_nobody(void)
{
	__atomic_store_n(&impatient, true, __ATOMIC_RELAXED);
}

/* `line` has room for a newline after its `length` characters. */
static void write_line(char *line, size_t length)
{
	uint32_t flags = irq_save();
	bool nested = !take_turn();

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)line[i] < ' ' && line[i] != '\t')
			line[i] = '?';
	line[length] = '\n';
	if (nested)
		write_everywhere("\n", 1);
	write_everywhere(line, length + 1);
	if (!nested)
		__atomic_store_n(&writer, NOBODY, __ATOMIC_RELEASE);
	irq_restore(flags);
}

static size_t put_time(char *line, size_t size)
{
	uint64_t us = time_ns() / 1000;

	return (size_t)mm_snprintf(line, size, "[%5u.%06u] ", (unsigned)(us / 1000000),
				   (unsigned)(us % 1000000));
}

/* Write `text` as lines with the time before each. */
static void write_lines(const char *text)
{
	do {
		char line[LOG_LINE_MAX];
		size_t length = put_time(line, sizeof(line));

		while (*text && *text != '\n') {
			if (length < sizeof(line) - 1)
				line[length++] = *text;
			text++;
		}
		write_line(line, length);
		if (*text == '\n')
			text++;
	} while (*text);
}

void vprintk(const char *format, va_list args)
{
	char text[LOG_LINE_MAX];

	mm_vsnprintf(text, sizeof(text), format, args);
	write_lines(text);
}

void printk(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintk(format, args);
	va_end(args);
}

void printk_raw(const char *line)
{
	char copy[LOG_LINE_MAX];
	size_t length = strlen(line);

	if (length > sizeof(copy) - 1)
		length = sizeof(copy) - 1;
	memcpy(copy, line, length);
	write_line(copy, length);
}

void console_add(const struct console *console)
{
	if (nr_consoles < NR_CONSOLES)
		consoles[nr_consoles++] = console;
}
