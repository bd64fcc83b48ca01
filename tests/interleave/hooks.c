// SPDX-License-Identifier: MIT
/*
 * What gcc's -fsanitize=thread calls: before each atomic operation another thread may go on.  Then it is
 * done, in the strongest order.  Other accesses are no steps: see explore.h.
 */
#include "explore.h"

#define PLAIN __attribute__((no_sanitize("thread")))

#define NOTHING(name, ...)      \
	void name(__VA_ARGS__); \
	void name(__VA_ARGS__)  \
	{                       \
	}                       \
	_Static_assert(true, "")

NOTHING(__tsan_init, void);
NOTHING(__tsan_func_entry, void *caller __attribute__((unused)));
NOTHING(__tsan_func_exit, void *caller __attribute__((unused)));

#define ACCESSES(n)                                                         \
	NOTHING(__tsan_read##n, void *p __attribute__((unused)));           \
	NOTHING(__tsan_write##n, void *p __attribute__((unused)));          \
	NOTHING(__tsan_unaligned_read##n, void *p __attribute__((unused))); \
	NOTHING(__tsan_unaligned_write##n, void *p __attribute__((unused)))

ACCESSES(1);
ACCESSES(2);
ACCESSES(4);
ACCESSES(8);
ACCESSES(16);
NOTHING(__tsan_read_range, void *p __attribute__((unused)), long n __attribute__((unused)));
NOTHING(__tsan_write_range, void *p __attribute__((unused)), long n __attribute__((unused)));

#define UNUSED __attribute__((unused))

#define ATOMIC_OPERATION(bits, name, builtin)                                               \
	uint##bits##_t __tsan_atomic##bits##_##name(volatile void *p, uint##bits##_t value, \
						    int order);                             \
	PLAIN uint##bits##_t __tsan_atomic##bits##_##name(                                  \
		volatile void *p, uint##bits##_t value, int order UNUSED)                   \
	{                                                                                   \
		explore_step(p);                                                            \
		return builtin((volatile uint##bits##_t *)p, value, __ATOMIC_SEQ_CST);      \
	}

#define ATOMIC_COMPARE(bits, name)                                                            \
	bool __tsan_atomic##bits##_compare_exchange_##name(volatile void *p, void *expected,  \
							   uint##bits##_t value, int success, \
							   int failure);                      \
	PLAIN bool __tsan_atomic##bits##_compare_exchange_##name(                             \
		volatile void *p, void *expected, uint##bits##_t value, int success UNUSED,   \
		int failure UNUSED)                                                           \
	{                                                                                     \
		explore_step(p);                                                              \
		return __atomic_compare_exchange_n((volatile uint##bits##_t *)p, expected,    \
						   value, false, __ATOMIC_SEQ_CST,            \
						   __ATOMIC_SEQ_CST);                         \
	}

#define ATOMICS(bits)                                                                         \
	uint##bits##_t __tsan_atomic##bits##_load(const volatile void *p, int order);         \
	PLAIN uint##bits##_t __tsan_atomic##bits##_load(const volatile void *p,               \
							int order UNUSED)                     \
	{                                                                                     \
		explore_step(p);                                                              \
		return __atomic_load_n((const volatile uint##bits##_t *)p, __ATOMIC_SEQ_CST); \
	}                                                                                     \
	void __tsan_atomic##bits##_store(volatile void *p, uint##bits##_t value, int order);  \
	PLAIN void __tsan_atomic##bits##_store(volatile void *p, uint##bits##_t value,        \
					       int order UNUSED)                              \
	{                                                                                     \
		explore_step(p);                                                              \
		__atomic_store_n((volatile uint##bits##_t *)p, value, __ATOMIC_SEQ_CST);      \
	}                                                                                     \
	ATOMIC_OPERATION(bits, exchange, __atomic_exchange_n)                                 \
	ATOMIC_OPERATION(bits, fetch_add, __atomic_fetch_add)                                 \
	ATOMIC_OPERATION(bits, fetch_sub, __atomic_fetch_sub)                                 \
	ATOMIC_OPERATION(bits, fetch_and, __atomic_fetch_and)                                 \
	ATOMIC_OPERATION(bits, fetch_or, __atomic_fetch_or)                                   \
	ATOMIC_OPERATION(bits, fetch_xor, __atomic_fetch_xor)                                 \
	ATOMIC_COMPARE(bits, strong)                                                          \
	ATOMIC_COMPARE(bits, weak)

ATOMICS(8)
ATOMICS(16)
ATOMICS(32)
ATOMICS(64)

/* In this order of things they change nothing. */
NOTHING(__tsan_atomic_thread_fence, int order __attribute__((unused)));
NOTHING(__tsan_atomic_signal_fence, int order __attribute__((unused)));
