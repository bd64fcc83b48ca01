// SPDX-License-Identifier: MIT
/* Random numbers that repeat: splitmix64 (Steele, Lea and Flood 2014), seeded per case. */
#include "run.h"

#define FNV_BASIS 0xcbf29ce484222325ull
#define FNV_PRIME 0x100000001b3ull

static uint64_t hash(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * FNV_PRIME;
	return h;
}

void random_begin(void)
{
	uint64_t h = hash(FNV_BASIS ^ running.seed, running.suite->name);

	running.random = hash(h ^ '.', running.test->name);
}

uint64_t test_random_from(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint64_t test_random64(void)
{
	return test_random_from(&running.random);
}

uint32_t test_random(void)
{
	return (uint32_t)(test_random64() >> 32);
}

/* The upper half of a product: no division, and no bias that a test could notice. */
uint32_t test_random_below(uint32_t n)
{
	return (uint32_t)((uint64_t)test_random() * n >> 32);
}

__attribute__((weak)) unsigned test_host_effort(void)
{
	return 1;
}

unsigned test_effort(void)
{
	return test_host_effort();
}
