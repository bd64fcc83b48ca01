/* SPDX-License-Identifier: MIT */
/*
 * Memory and string functions.  The compiler calls the first four on its own
 * account, and would turn a plain loop in them into a call of themselves: so
 * they are string instructions.  Any context: every entry from an interrupt
 * clears the direction flag, and memmove() restores it.
 */
#include <kernel/string.h>

#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	void *at = to;
	size_t words = n / sizeof(uint32_t);
	size_t rest = n % sizeof(uint32_t);

	__asm__ volatile("rep movsl" : "+D"(at), "+S"(from), "+c"(words) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(rest) : : "memory");
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	if ((uintptr_t)to - (uintptr_t)from >= n)
		return memcpy(to, from, n);

	/* The end of `from` overlaps `to`: copy downwards. */
	char *last = (char *)to + n - 1;
	const char *from_last = (const char *)from + n - 1;

	__asm__ volatile("std\n\trep movsb\n\tcld"
			 : "+D"(last), "+S"(from_last), "+c"(n)
			 :
			 : "memory", "cc");
	return to;
}

void *memset(void *to, int byte, size_t n)
{
	void *at = to;
	uint32_t pattern = (uint8_t)byte * 0x01010101u;
	size_t words = n / sizeof(uint32_t);
	size_t rest = n % sizeof(uint32_t);

	__asm__ volatile("rep stosl" : "+D"(at), "+c"(words) : "a"(pattern) : "memory");
	__asm__ volatile("rep stosb" : "+D"(at), "+c"(rest) : "a"(pattern) : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (size_t i = 0; i < n; i++)
		if (x[i] != y[i])
			return x[i] - y[i];
	return 0;
}

size_t strlen(const char *s)
{
	const char *end = s;

	while (*end)
		end++;
	return (size_t)(end - s);
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i] || !a[i])
			return (uint8_t)a[i] - (uint8_t)b[i];
	return 0;
}
