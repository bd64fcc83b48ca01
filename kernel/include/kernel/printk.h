/* SPDX-License-Identifier: MIT */
/*
 * The kernel's log: whole lines, to every console and to a ring in memory.
 *
 * Each line of printk() starts with "[seconds.microseconds] ", so that no line
 * of the kernel's can be mistaken for one of the tests' (TAP).
 */
#ifndef KERNEL_PRINTK_H
#define KERNEL_PRINTK_H

#include <stdarg.h>
#include <stddef.h>

#define LOG_LINE_MAX 512 /* bytes of a line with its end; the rest is cut off */

/*
 * printk - log a line; a newline inside `format` starts another, one at the end
 * is not needed.  Any context, NMI included.
 */
void printk(const char *format, ...) __attribute__((format(printf, 1, 2)));
void vprintk(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* From now on no CPU waits until another one's line is written: for a panic. */
void printk_wait_for_nobody(void);

/* Log one line as it is, without the time: for text that other programs parse. */
void printk_raw(const char *line);

/*
 * A place where the log appears.  write() gets one line at a time, with its
 * newline, interrupts off; also from an NMI in the middle of another write().
 */
struct console {
	const char *name;
	void (*write)(const char *text, size_t length);
};

/* `console` must live for ever. */
void console_add(const struct console *console);

#endif
