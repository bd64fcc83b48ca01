/* SPDX-License-Identifier: MIT */
/*
 * The hot half of mm's host contract (see <mm/port.h>) for a Linux process, with every rule
 * of the contract checked: interrupts and locks nest as they must, nobody takes a lock
 * twice or out of order, and only low memory has an address.
 *
 * There is one thread.  CPUs, interrupts and contexts are pretended by host.h, at moments
 * that the test chooses.
 */
#ifndef MM_HOST_H
#define MM_HOST_H

#include <mm/types.h>

#define MM_HOST_NR_CPUS 4

/*
 * Programs of both word sizes are tested, so both ways to find a slab are: by the map where
 * pointers have 32 bits, by the page array elsewhere.
 */
#ifdef __i386__
#define MM_HOST_SLAB_MAP        ((uintptr_t)host_slab_map)
#define MM_HOST_SLAB_MAP_ZEROED 1
#define HOST_SLAB_MAP_WORDS     (UINTPTR_MAX / PAGE_SIZE + 1)
extern uintptr_t host_slab_map[];
#endif

/* Locks that may be held at once: the list of caches, and one cache. */
#define HOST_LOCKS_MAX 2u

typedef uint32_t mm_irqflags_t; /* were interrupts off? */

struct mm_spinlock {
	uint32_t held;
};

struct host_state {
	unsigned cpu;
	bool irqs_off;
	bool no_sleep;      /* a test says that this thread may not sleep */
	unsigned irq_depth; /* pretended interrupts that we are inside of */
	bool nmi;
	unsigned nr_locks;
	const struct mm_spinlock *locks[HOST_LOCKS_MAX + 1]; /* and one that an NMI tried */
	void (*interrupt)(
		void); /* called when interrupts come on again; see host_on_interrupt() */
	bool steps;    /* somebody counts steps: see host_on_nmi() */
	bool in_nmi;   /* one that came at a step */

	uintptr_t low_offset; /* virtual minus physical address of low memory */
	paddr_t low_start, low_end;
};

extern struct host_state host;

_Noreturn void host_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void host_deliver_interrupt(void);
void host_take_step(void);
void host_check_lock_order(const struct mm_spinlock *const *held, unsigned nr_held,
			   const struct mm_spinlock *lock);

/* A moment at which an NMI may come. */
static inline void host_step(void)
{
	if (host.steps && !host.in_nmi)
		host_take_step();
}

static inline mm_irqflags_t mm_irq_save(void)
{
	bool were_off = host.irqs_off;

	host_step();
	host.irqs_off = true;
	return were_off;
}

static inline void mm_irq_restore(mm_irqflags_t were_off)
{
	if (!host.irqs_off)
		host_die("mm_irq_restore() without mm_irq_save()");
	host_step();
	if (were_off)
		return;
	if (host.nr_locks)
		host_die("interrupts on again while a lock is held");
	host.irqs_off = false;
	if (host.interrupt)
		host_deliver_interrupt();
}

static inline unsigned mm_cpu_id(void)
{
	return host.cpu;
}

static inline void mm_spin_lock(struct mm_spinlock *lock)
{
	if (!host.irqs_off)
		host_die("a lock is taken with interrupts on");
	if (host.in_nmi)
		host_die("a lock is waited for in an NMI");
	host_step();
	if (lock->held)
		host_die("a lock is taken that is held already: deadlock");
	if (host.nr_locks)
		host_check_lock_order(host.locks, host.nr_locks, lock);
	host.locks[host.nr_locks++] = lock;
	lock->held = 1;
	host_step();
}

/* Whoever only tries cannot deadlock: no order to check. */
static inline bool mm_spin_trylock(struct mm_spinlock *lock)
{
	if (!host.irqs_off)
		host_die("a lock is tried with interrupts on");
	host_step();
	if (lock->held)
		return false;
	host.locks[host.nr_locks++] = lock;
	lock->held = 1;
	host_step();
	return true;
}

static inline void mm_spin_unlock(struct mm_spinlock *lock)
{
	host_step();
	if (!lock->held || host.nr_locks == 0 || host.locks[host.nr_locks - 1] != lock)
		host_die("a lock is released that was not the last one taken");
	if (!host.irqs_off)
		host_die("a lock is released with interrupts on");
	host.nr_locks--;
	lock->held = 0;
	host_step();
}

static inline bool mm_may_sleep(void)
{
	return !host.irqs_off && !host.no_sleep && host.irq_depth == 0 && !host.nmi &&
	       host.nr_locks == 0;
}

/* A busy wait in the only thread would last for ever. */
static inline void mm_cpu_relax(void)
{
	host_die("busy wait");
}

static inline void *mm_phys_to_virt(paddr_t phys)
{
	if (phys < host.low_start || phys >= host.low_end)
		host_die("mm_phys_to_virt(%llx): not low memory", (unsigned long long)phys);
	return (void *)((uintptr_t)phys + host.low_offset);
}

/* Asked for any pointer: one outside of low memory becomes an address that is not in it either. */
static inline paddr_t mm_virt_to_phys(const void *virt)
{
	return (uintptr_t)virt - host.low_offset;
}

#endif
