// SPDX-License-Identifier: MIT
/*
 * The run-time half of gcc's -fsanitize=kernel-address.
 *
 * Each 8 bytes of memory have one byte of shadow: 0, all may be accessed; 1 to 7, so many of
 * them from the first on; otherwise none, and the byte says why.  Before each access the compiler
 * has put a call of ours; around each variable on a stack, red zones, whose shadow the function
 * writes by itself; behind each global variable, too, and a table that tells of them.
 *
 * Checked is low memory: image, stack of the boot CPU, all that mm gives out but vmalloc areas
 * (which have guard pages); and the stacks of threads.  The shadow of low memory is part of the
 * image (SHADOW_START), that of the stacks is mapped where the compiler expects it.
 *
 * I1. This file, string.c, and what reads what may not be accessed (KASAN_FREE in the Makefile) are not
 *     checked.  In checked files memcpy and its like are the kasan_ ones below.
 * I2. While a CPU reports, its accesses are not checked.
 */
#ifdef KASAN
#include <kernel/cpu.h>
#include <kernel/image.h>
#include <kernel/kasan.h>
#include <kernel/layout.h>
#include <kernel/paging.h>
#include <kernel/string.h>
#include <kernel/thread.h>
#include <mm/port.h>
#include <mm/report.h>

#define GRANULE       8u

/* Ours, in the shadow; those of variables are the compiler's. */
#define FREE_PAGES    0xff
#define FREE_OBJECT   0xfb
#define RED_ZONE      0xfc
#define GLOBAL_ZONE   0xf9
#define STACK_LEFT    0xf1
#define STACK_MID     0xf2
#define STACK_RIGHT   0xf3
#define STACK_PARTIAL 0xf4
#define STACK_USE     0xf8 /* the variable's block has ended */

#define STACKS_SHADOW (SHADOW_START + (STACKS_START - KERNEL_BASE) / GRANULE)
#define STACKS_PAGES  (((STACKS_END - STACKS_START) / GRANULE + PAGE_BYTES - 1) / PAGE_BYTES)

static uint8_t stacks_shadow[STACKS_PAGES][PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
static bool up;
static bool reporting[MAX_CPUS];

/* What gcc emits for each global variable. */
struct global {
	const void *start;
	size_t size, size_with_zone;
	const char *name, *module;
	unsigned long has_constructor;
	const void *location;
	unsigned long alias;
};

typedef void (*constructor)(void);

extern const constructor constructors_start[], constructors_end[];

static bool is_checked(uintptr_t address)
{
	return address - KERNEL_BASE < LOW_LIMIT ||
	       address - STACKS_START < STACKS_END - STACKS_START;
}

static uint8_t *shadow_of(uintptr_t address)
{
	return (uint8_t *)(SHADOW_START + (address - KERNEL_BASE) / GRANULE);
}

static void fill(uintptr_t start, size_t size, uint8_t byte)
{
	if (is_checked(start))
		memset(shadow_of(start), byte, (size + GRANULE - 1) / GRANULE);
}

/* --- what mm tells -------------------------------------------------------------------------- */

void mm_host_poison(const void *p, size_t size, enum mm_poison why)
{
	static const uint8_t bytes[] = {[MM_POISON_FREE_PAGES] = FREE_PAGES,
					[MM_POISON_FREE_OBJECT] = FREE_OBJECT,
					[MM_POISON_RED_ZONE] = RED_ZONE};

	fill((uintptr_t)p, size, bytes[why]);
}

void mm_host_unpoison(const void *p, size_t size)
{
	uintptr_t at = (uintptr_t)p;

	fill(at, size & ~(size_t)(GRANULE - 1), 0);
	if (size % GRANULE && is_checked(at))
		*shadow_of(at + size) = size % GRANULE;
}

/* --- checks ------------------------------------------------------------------------------------ */

/* The first byte of these that may not be accessed; 0: all may. */
static uintptr_t find_bad(uintptr_t address, size_t size)
{
	uintptr_t end = address + size;

	while (address < end) {
		uintptr_t next = (address | (GRANULE - 1)) + 1;
		uint8_t shadow = *shadow_of(address);
		uintptr_t allowed = next - GRANULE + shadow;

		if (shadow >= GRANULE)
			return address;
		if (shadow && allowed < (next < end ? next : end))
			return allowed > address ? allowed : address;
		address = next;
	}
	return 0;
}

static const char *variable_zone(uint8_t shadow)
{
	switch (shadow) {
	case GLOBAL_ZONE: return "behind a global variable";
	case STACK_LEFT: return "before the first variable on the stack";
	case STACK_MID:
	case STACK_PARTIAL:
	case STACK_RIGHT: return "behind a variable on the stack";
	case STACK_USE: return "a variable on the stack whose block has ended";
	default: return NULL;
	}
}

/* The shadow of a byte that may not be accessed, or of those right behind, says why. */
static uint8_t reason(uintptr_t bad)
{
	uint8_t shadow = *shadow_of(bad);

	return shadow < GRANULE ? *shadow_of(bad + GRANULE) : shadow;
}

static void report(uintptr_t bad, size_t size, bool write, uintptr_t ip)
{
	const char *zone = variable_zone(reason(bad));

	if (zone)
		mm_report(reason(bad) == STACK_USE ? MM_REPORT_USE_AFTER_FREE
						   : MM_REPORT_OUT_OF_BOUNDS,
			  ip, "the access goes on", "%s of %zu bytes at %p, %s",
			  write ? "write" : "read", size, (void *)bad, zone);
	else
		mm_report_access(bad, size, write, ip);
}

static __attribute__((noinline)) void found(uintptr_t bad, size_t size, bool write,
					    uintptr_t ip)
{
	bool *here = &reporting[cpu_here->id];

	if (*here)
		return;
	*here = true;
	report(bad, size, write, ip);
	*here = false;
}

/* True: this access may be looked at. */
static bool may_check(uintptr_t address, size_t size)
{
	return up && size && is_checked(address) && is_checked(address + size - 1);
}

static inline __attribute__((always_inline)) void check(uintptr_t address, size_t size,
							bool write, uintptr_t ip)
{
	uintptr_t bad;

	if (!may_check(address, size))
		return;
	bad = find_bad(address, size);
	if (bad)
		found(bad, size, write, ip);
}

#define CHECKER(name, write)                                                         \
	void __asan_##name##_noabort(uintptr_t address, size_t size);                \
	void __asan_##name##_noabort(uintptr_t address, size_t size)                 \
	{                                                                            \
		check(address, size, write, (uintptr_t)__builtin_return_address(0)); \
	}
#define CHECKER_OF(name, bytes, write)                                                \
	void __asan_##name##bytes##_noabort(uintptr_t address);                       \
	void __asan_##name##bytes##_noabort(uintptr_t address)                        \
	{                                                                             \
		check(address, bytes, write, (uintptr_t)__builtin_return_address(0)); \
	}

CHECKER_OF(load, 1, false)
CHECKER_OF(load, 2, false)
CHECKER_OF(load, 4, false)
CHECKER_OF(load, 8, false)
CHECKER_OF(load, 16, false)
CHECKER(loadN, false)
CHECKER_OF(store, 1, true)
CHECKER_OF(store, 2, true)
CHECKER_OF(store, 4, true)
CHECKER_OF(store, 8, true)
CHECKER_OF(store, 16, true)
CHECKER(storeN, true)

/* --- memory functions of checked files ------------------------------------------------------------ */

void *kasan_memset(void *to, int byte, size_t n);
void *kasan_memcpy(void *restrict to, const void *restrict from, size_t n);
void *kasan_memmove(void *to, const void *from, size_t n);
int kasan_memcmp(const void *a, const void *b, size_t n);

#define IP ((uintptr_t)__builtin_return_address(0))

/* Such a size is a negative one. */
static bool is_absurd(size_t n, uintptr_t ip)
{
	if ((intptr_t)n >= 0)
		return false;
	mm_report(MM_REPORT_OUT_OF_BOUNDS, ip, "nothing is done",
		  "%zu bytes, which is less than none, to be copied or filled", n);
	return true;
}

void *kasan_memset(void *to, int byte, size_t n)
{
	if (is_absurd(n, IP))
		return to;
	check((uintptr_t)to, n, true, IP);
	return memset(to, byte, n);
}

void *kasan_memcpy(void *restrict to, const void *restrict from, size_t n)
{
	if (is_absurd(n, IP))
		return to;
	check((uintptr_t)from, n, false, IP);
	check((uintptr_t)to, n, true, IP);
	return memcpy(to, from, n);
}

void *kasan_memmove(void *to, const void *from, size_t n)
{
	if (is_absurd(n, IP))
		return to;
	check((uintptr_t)from, n, false, IP);
	check((uintptr_t)to, n, true, IP);
	return memmove(to, from, n);
}

int kasan_memcmp(const void *a, const void *b, size_t n)
{
	check((uintptr_t)a, n, false, IP);
	check((uintptr_t)b, n, false, IP);
	return memcmp(a, b, n);
}

/* --- variables -------------------------------------------------------------------------------------- */

void __asan_register_globals(const struct global *globals, size_t n);
void __asan_unregister_globals(const struct global *globals, size_t n);

void __asan_register_globals(const struct global *globals, size_t n)
{
	for (const struct global *g = globals; g < globals + n; g++) {
		fill((uintptr_t)g->start, g->size_with_zone, GLOBAL_ZONE);
		mm_host_unpoison(g->start, g->size);
	}
}

void __asan_unregister_globals(const struct global *globals, size_t n)
{
	(void)globals;
	(void)n;
}

void kasan_forget_stack(uintptr_t start, uintptr_t end)
{
	fill(start, end - start, 0);
}

void kasan_forget_below(void)
{
	kasan_forget_stack(current()->stack.start, (uintptr_t)__builtin_frame_address(0) & ~7u);
}

/* A function that does not return will not clear the shadow of its frame, nor will its callers. */
void __asan_handle_no_return(void);

void __asan_handle_no_return(void)
{
	kasan_forget_below();
}

/* The blocks of a variable that begin and end. */
void __asan_poison_stack_memory(uintptr_t address, size_t size);
void __asan_unpoison_stack_memory(uintptr_t address, size_t size);
void __asan_alloca_poison(uintptr_t address, size_t size);
void __asan_allocas_unpoison(uintptr_t top, uintptr_t bottom);

void __asan_poison_stack_memory(uintptr_t address, size_t size)
{
	fill(address, size, STACK_USE);
}

void __asan_unpoison_stack_memory(uintptr_t address, size_t size)
{
	mm_host_unpoison((const void *)address, size);
}

void __asan_alloca_poison(uintptr_t address, size_t size)
{
	(void)address;
	(void)size;
}

void __asan_allocas_unpoison(uintptr_t top, uintptr_t bottom)
{
	if (top && top < bottom)
		kasan_forget_stack(top, bottom);
}

void kasan_init(void)
{
	for (size_t i = 0; i < STACKS_PAGES; i++)
		paging_map_shadow(STACKS_SHADOW + i * PAGE_BYTES,
				  virt_to_phys(stacks_shadow[i]));
	for (const constructor *make = constructors_start; make < constructors_end; make++)
		(*make)();
	up = true;
}

#endif
