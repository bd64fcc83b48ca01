/* SPDX-License-Identifier: MIT */
/*
 * The hot half of mm's host contract, for the least of hosts: one CPU, memory mapped at an
 * offset, nothing to link with.  The layer check compiles mm/ with it, so that every
 * function which the library needs is one that mm/ itself calls, not one that our kernel's
 * header brings in; and it shows what a small kernel has to write.
 */
#ifndef MM_HOST_H
#define MM_HOST_H

#include <mm/types.h>

#define MM_HOST_NR_CPUS 1

/* Virtual minus physical address of low memory. */
#define MAPPED_AT       0xC0000000u

typedef uint32_t mm_irqflags_t;

static inline mm_irqflags_t mm_irq_save(void)
{
	mm_irqflags_t flags;

	__asm__ volatile("pushf\n\tpop %0\n\tcli" : "=r"(flags) : : "memory");
	return flags;
}

static inline void mm_irq_restore(mm_irqflags_t flags)
{
	__asm__ volatile("push %0\n\tpopf" : : "r"(flags) : "memory", "cc");
}

static inline unsigned mm_cpu_id(void)
{
	return 0;
}

static inline bool mm_may_sleep(void)
{
	return false;
}

static inline void mm_cpu_relax(void)
{
}

/* With one CPU nobody ever waits; but an NMI has to see whether the lock is held. */
struct mm_spinlock {
	bool held;
};

static inline bool mm_spin_trylock(struct mm_spinlock *lock)
{
	return !__atomic_exchange_n(&lock->held, true, __ATOMIC_ACQUIRE);
}

static inline void mm_spin_lock(struct mm_spinlock *lock)
{
	mm_spin_trylock(lock);
}

static inline void mm_spin_unlock(struct mm_spinlock *lock)
{
	__atomic_store_n(&lock->held, false, __ATOMIC_RELEASE);
}

static inline void *mm_phys_to_virt(paddr_t phys)
{
	return (void *)((uintptr_t)phys + MAPPED_AT);
}

static inline paddr_t mm_virt_to_phys(const void *virt)
{
	return (uintptr_t)virt - MAPPED_AT;
}

#endif
