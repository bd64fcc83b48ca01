/* SPDX-License-Identifier: MIT */
/*
 * The formatter behind every report.  Public because a kernel's printk may as
 * well use it.
 *
 * Conversions: %c %s %d %i %u %x %X %p %% with the flags `-` and `0`, a width
 * and a precision (numbers or *), and the lengths h hh l ll z t.  Always
 * terminates the buffer when size > 0; returns the length that the whole text
 * has, as C's vsnprintf does.  No locks, no allocation, any context.
 */
#ifndef MM_FORMAT_H
#define MM_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

int mm_vsnprintf(char *buffer, size_t size, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));
int mm_snprintf(char *buffer, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
