/* SPDX-License-Identifier: MIT */
/*
 * The hot half of mm's host contract (see <mm/port.h>) for this kernel.  The slow
 * half is in port.c.
 */
#ifndef MM_HOST_H
#define MM_HOST_H

#include <kernel/cpu.h>
#include <kernel/paging.h>
#include <kernel/spinlock.h>

#define MM_HOST_SLAB_MAP SLAB_MAP
#define MM_HOST_NR_CPUS  MAX_CPUS

/* `make FAST_PATH=irqsave`: pop and push as on a host that has no say in interrupt entry. */
#ifndef FAST_PATH_IRQSAVE
#include <restart.h>
#endif

typedef uint32_t mm_irqflags_t;

static inline mm_irqflags_t mm_irq_save(void)
{
	return irq_save();
}

static inline void mm_irq_restore(mm_irqflags_t flags)
{
	irq_restore(flags);
}

static inline unsigned mm_cpu_id(void)
{
	return cpu_here->id;
}

static inline bool mm_may_sleep(void)
{
	return may_sleep_here();
}

static inline void mm_cpu_relax(void)
{
	ipi_wait();
}

struct mm_spinlock {
	struct spinlock lock;
};

#define mm_spin_lock(mm_lock)    spin_lock_named(&(mm_lock)->lock, #mm_lock)
#define mm_spin_trylock(mm_lock) spin_trylock_named(&(mm_lock)->lock, #mm_lock)
#define mm_spin_unlock(mm_lock)  spin_unlock(&(mm_lock)->lock)

#ifdef KASAN
#define MM_HOST_POISON
void mm_host_poison(const void *p, size_t size, enum mm_poison why);
void mm_host_unpoison(const void *p, size_t size);
#endif

static inline void *mm_phys_to_virt(paddr_t phys)
{
	return phys_to_virt(phys);
}

static inline paddr_t mm_virt_to_phys(const void *virt)
{
	return virt_to_phys(virt);
}

#endif
