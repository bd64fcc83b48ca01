/* SPDX-License-Identifier: MIT */
/*
 * The hot half of mm's host contract for a program with one thread, in which nothing ever
 * interrupts: no locks, nothing to switch off.  Memory is one mapping (port.c).
 */
#ifndef MM_HOST_H
#define MM_HOST_H

#include <mm/types.h>

#define MM_HOST_NR_CPUS 1

typedef unsigned mm_irqflags_t;

struct mm_spinlock {
	bool held;
};

/* A word for each page, where pointers have 32 bits; only those of slabs are touched. */
#ifdef __i386__
#define MM_HOST_SLAB_MAP        ((uintptr_t)bench_slab_map)
#define MM_HOST_SLAB_MAP_ZEROED 1
#define BENCH_SLAB_MAP_WORDS    (UINTPTR_MAX / PAGE_SIZE + 1)
extern uintptr_t bench_slab_map[];
#endif

/* Virtual minus physical address of the arena. */
extern uintptr_t bench_arena_offset;

static inline mm_irqflags_t mm_irq_save(void)
{
	return 0;
}

static inline void mm_irq_restore(mm_irqflags_t flags)
{
	(void)flags;
}

static inline unsigned mm_cpu_id(void)
{
	return 0;
}

static inline bool mm_may_sleep(void)
{
	return true;
}

static inline void mm_cpu_relax(void)
{
}

static inline bool mm_spin_trylock(struct mm_spinlock *lock)
{
	(void)lock;
	return true;
}

static inline void mm_spin_lock(struct mm_spinlock *lock)
{
	(void)lock;
}

static inline void mm_spin_unlock(struct mm_spinlock *lock)
{
	(void)lock;
}

static inline void *mm_phys_to_virt(paddr_t phys)
{
	return (void *)((uintptr_t)phys + bench_arena_offset);
}

static inline paddr_t mm_virt_to_phys(const void *virt)
{
	return (uintptr_t)virt - bench_arena_offset;
}

#endif
