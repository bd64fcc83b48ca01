// SPDX-License-Identifier: MIT
/*
 * Random order, for hosts that want it (mm_boot_info.shuffle_seed): the free list of each new slab
 * is shuffled (Fisher and Yates), and of a block that is split either half is kept.  So who can
 * write beyond an object does not know whose the next one is.
 *
 * What needs no hiding: free lists lie in the descriptors, beside no object, and are indexes; so
 * there are no pointers in free memory to be encoded.  Objects whose size users choose are kept
 * apart by __GFP_USER, whose caches are kmalloc's own for that.
 *
 * The numbers are no secret to who can read memory.  They are a hash of a counter (splitmix32,
 * after Steele, Lea and Flood 2014), so that CPUs need no lock, and one seed gives one order on one
 * CPU.
 */
#include <shuffle.h>

#define STEP 0x9e3779b9u /* 2^32 over the golden ratio; odd, so all numbers come */

uint32_t shuffle_state;

/* 0: nothing is shuffled. */
void shuffle_init(uint32_t seed)
{
	shuffle_state = seed;
}

/* 0 .. n - 1, n > 0. */
uint32_t shuffle_below(uint32_t n)
{
	uint32_t x = __atomic_add_fetch(&shuffle_state, STEP, __ATOMIC_RELAXED);

	x ^= x >> 16;
	x *= 0x85ebca6bu;
	x ^= x >> 13;
	x *= 0xc2b2ae35u;
	x ^= x >> 16;
	return (uint32_t)((uint64_t)x * n >> 32);
}
