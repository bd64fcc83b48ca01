/* SPDX-License-Identifier: MIT */
/* A program that does nothing but what it may: see enum job. */
#include "shared.h"
#include "user.h"

#define PAGE_WORDS (PAGE_BYTES / sizeof(uint32_t))

static volatile uint32_t data[3] = {1, 2, 3};
static uint32_t zeroes[2 * PAGE_WORDS];
static const char constants[] = "constants, too";

/* --- the check ------------------------------------------------------------------------- */

static bool heap_works(void)
{
	uint8_t *start = grow(10);
	uint8_t *next = grow(3 * PAGE_BYTES);

	if (!start || (uint32_t)start % PAGE_BYTES || next != start + 10)
		return false;
	for (uint32_t i = 0; i < 10 + 3 * PAGE_BYTES; i++) {
		if (start[i])
			return false;
		start[i] = (uint8_t)(i * 7);
	}
	for (uint32_t i = 0; i < 10 + 3 * PAGE_BYTES; i++)
		if (start[i] != (uint8_t)(i * 7))
			return false;
	return grow(0) == start + 10 + 3 * PAGE_BYTES;
}

static bool heap_has_an_end(void)
{
	void *end = grow(0);

	return !grow(USER_HEAP_END) && !grow(~0u) && grow(0) == end;
}

static uint32_t sum_to(uint32_t n)
{
	volatile uint32_t frame[32];

	frame[n % 32] = n;
	return n ? sum_to(n - 1) + frame[n % 32] : 0;
}

static bool registers_survive(void)
{
	uint32_t ebx = 0x11223344, esi = 0x55667788, edi = 0x99aabbcc, answer = SYSCALL_YIELD;

	__asm__ volatile("push %%ebp\n\tmov $0x12345678, %%ebp\n\tint %4\n\t"
			 "cmp $0x12345678, %%ebp\n\tpop %%ebp\n\tje 1f\n\txor %0, %0\n1:"
			 : "+b"(ebx), "+S"(esi), "+D"(edi), "+a"(answer)
			 : "i"(VECTOR_SYSCALL)
			 : "memory");
	return ebx == 0x11223344 && esi == 0x55667788 && edi == 0x99aabbcc && answer == 0;
}

#define FLAG_DIRECTION 0x00000400u
#define FLAGS_IOPL     0x00003000u
#define FLAG_NESTED    0x00004000u
#define FLAG_ALIGN     0x00040000u
#define FLAGS_ODD      (FLAG_DIRECTION | FLAG_NESTED | FLAG_ALIGN)

/* Flags that the kernel must not go by; and it must be the kernel who copies upwards. */
static bool odd_flags_survive(void)
{
	uint64_t now[3] = {0};
	uint32_t answer = SYSCALL_TIME, flags;

	__asm__ volatile("pushf\n\torl %2, (%%esp)\n\tpopf\n\tint %3\n\t"
			 "pushf\n\tpop %1\n\tpush $0x202\n\tpopf"
			 : "+a"(answer), "=&r"(flags)
			 : "i"(FLAGS_ODD | FLAGS_IOPL), "i"(VECTOR_SYSCALL), "b"(&now[1])
			 : "memory", "cc");
	return answer == 0 && (flags & (FLAGS_ODD | FLAGS_IOPL)) == FLAGS_ODD && !now[0] &&
	       now[1] && !now[2];
}

/* The kernel has segments of its own, and gives back those that are none. */
static bool null_segments_survive(void)
{
	uint32_t answer = SYSCALL_TIME, seen, other;
	uint64_t now = 0;

	__asm__ volatile("xor %1, %1\n\tmov %1, %%ds\n\tmov %1, %%es\n\tmov %1, %%fs\n\t"
			 "mov %1, %%gs\n\tint %3\n\tmov %%ds, %1\n\tmov %%es, %2\n\t"
			 "or %2, %1\n\tmov %%fs, %2\n\tor %2, %1\n\tmov %%gs, %2\n\t"
			 "or %2, %1\n\tmov %%ss, %2\n\tmov %2, %%ds\n\tmov %2, %%es"
			 : "+a"(answer), "=&r"(seen), "=&r"(other)
			 : "i"(VECTOR_SYSCALL), "b"(&now)
			 : "memory", "cc");
	return answer == 0 && seen == 0 && now;
}

static bool time_goes_on(void)
{
	uint64_t before = time();

	sleep(20);
	return time() - before >= 20 * 1000000u;
}

static int check(void)
{
	if (data[0] + data[1] + data[2] != 6)
		return 1;
	for (uint32_t i = 0; i < 2 * PAGE_WORDS; i++)
		if (zeroes[i])
			return 2;
	zeroes[PAGE_WORDS] = data[0] = 5;
	if (!heap_works())
		return 3;
	if (!heap_has_an_end())
		return 4;
	if (sum_to(300) != 300 * 301 / 2)
		return 5;
	if (write(constants, sizeof(constants) - 1) != sizeof(constants) - 1)
		return 6;
	if (system_call(1000, 0, 0) != (uint32_t)SYSCALL_UNKNOWN)
		return 7;
	if (!registers_survive())
		return 8;
	if (!time_goes_on())
		return 9;
	if (!odd_flags_survive())
		return 10;
	if (!null_segments_survive())
		return 11;
	return 0;
}

#define FAR_BYTES 0x50000000u

static int far(void)
{
	volatile uint32_t *start = grow(FAR_BYTES);
	volatile uint32_t *end = start + FAR_BYTES / sizeof(uint32_t) - 1;

	if (!start || *start || *end)
		return 1;
	*start = 0x1234;
	*end = 0x5678;
	return *start != 0x1234 || *end != 0x5678;
}

/* --- jobs without an end ------------------------------------------------------------------ */

static uint32_t word(uint32_t page, uint32_t i)
{
	return (page * PAGE_WORDS + i) * 2654435761u;
}

static void fill(uint32_t *words, uint32_t page)
{
	for (uint32_t i = 0; i < PAGE_WORDS; i++)
		words[i] = word(page, i);
}

static uint32_t count_wrong(const volatile uint32_t *words, uint32_t page)
{
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < PAGE_WORDS; i++)
		wrong += words[i] != word(page, i);
	return wrong;
}

#define VERY_LONG 0x7fffffffu /* ms */

static int hold(uint32_t job, uint32_t pages)
{
	struct job_control *control = grow((pages + 1) * PAGE_BYTES);
	uint32_t *words = (uint32_t *)control;

	if (!control)
		return -1;
	for (uint32_t page = 1; page <= pages; page++) {
		fill(words + page * PAGE_WORDS, page);
		if (job == JOB_MIX)
			yield();
	}
	control->ready = 1;
	if (job == JOB_DOZE)
		sleep(VERY_LONG);
	while (!control->stop) {
		for (uint32_t page = 1; page <= pages; page++) {
			control->errors += count_wrong(words + page * PAGE_WORDS, page);
			relax();
		}
		control->rounds++;
		yield();
	}
	return (int)control->errors;
}

static int hoard(void)
{
	volatile uint32_t *words;

	while ((words = grow(PAGE_BYTES)) != NULL)
		*words = 1;
	return -1;
}

static int spread(uint32_t pages)
{
	volatile uint8_t *start = grow(pages * LARGE_PAGE_BYTES);

	for (uint32_t page = 0; page < pages; page++)
		start[page * LARGE_PAGE_BYTES] = 1;
	return start ? 0 : -1;
}

#define SPINS 1024u

static int spin(void)
{
	struct job_control *control = grow(PAGE_BYTES);

	control->ready = 1;
	while (!control->stop)
		if (++control->rounds % SPINS == 0)
			relax();
	return 0;
}

int main(uint32_t job, uint32_t arg)
{
	switch (job) {
	case JOB_CHECK: return check();
	case JOB_FAR: return far();
	case JOB_HOLD:
	case JOB_MIX:
	case JOB_DOZE: return hold(job, arg);
	case JOB_HOARD: return hoard();
	case JOB_SPIN: return spin();
	case JOB_SLEEP: sleep(arg); return 0;
	case JOB_SPREAD: return spread(arg);
	default: return (int)arg;
	}
}
