/* SPDX-License-Identifier: MIT */
/* Where requests ask whether they shall fail.  See debug/fault.c, which hooks itself in here. */
#ifndef MM_INTERNAL_FAULT_HOOK_H
#define MM_INTERNAL_FAULT_HOOK_H

#include <bits.h>
#include <mm/port.h>

/* `cache` is the name of an object's; NULL: a block of pages. */
typedef bool (*fault_hook_fn)(const char *cache, gfp_t gfp, unsigned order, uintptr_t caller);

extern fault_hook_fn fault_hook; /* [a] NULL: nothing is armed */

/*
 * With interrupts off the answer counts until they are on: arming and clearing both wait for
 * each CPU.
 */
static inline bool fault_is_armed(void)
{
	return unlikely(__atomic_load_n(&fault_hook, __ATOMIC_RELAXED) != NULL);
}

/* Shall this request fail?  Reports it then.  Any context, with no lock held. */
static inline bool fault_fails(const char *cache, gfp_t gfp, unsigned order, uintptr_t caller)
{
	fault_hook_fn hook = __atomic_load_n(&fault_hook, __ATOMIC_ACQUIRE);

	return unlikely(hook != NULL) && hook(cache, gfp, order, caller);
}

#endif
