/* SPDX-License-Identifier: MIT */
/* All that a user program has: system calls, and what some of the tests' programs share. */
#ifndef TESTS_USER_USER_H
#define TESTS_USER_USER_H

#include <kernel/layout.h>
#include <kernel/syscall.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int main(uint32_t arg0, uint32_t arg1);

static inline uint32_t system_call(uint32_t number, uint32_t a, uint32_t b)
{
	uint32_t answer;

	__asm__ volatile("int %1"
			 : "=a"(answer)
			 : "i"(VECTOR_SYSCALL), "a"(number), "b"(a), "c"(b)
			 : "memory");
	return answer;
}

static inline uint32_t write(const char *text, size_t length)
{
	return system_call(SYSCALL_WRITE, (uint32_t)text, length);
}

static inline void *grow(size_t bytes)
{
	return (void *)system_call(SYSCALL_GROW, bytes, 0);
}

static inline void yield(void)
{
	system_call(SYSCALL_YIELD, 0, 0);
}

static inline void sleep(uint32_t ms)
{
	system_call(SYSCALL_SLEEP, ms, 0);
}

static inline uint64_t time(void)
{
	uint64_t now;

	system_call(SYSCALL_TIME, (uint32_t)&now, 0);
	return now;
}

/*
 * Where an emulator runs one CPU after the other, it goes on to the next here, and else only at the end
 * of a time slice: somebody may wait for this CPU's answer to an interrupt that long.
 */
static inline void relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

#endif
