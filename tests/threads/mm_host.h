/* SPDX-License-Identifier: MIT */
/*
 * The hot half of mm's host contract (see <mm/port.h>) for a process with many threads.
 *
 * There are MM_HOST_NR_CPUS CPUs, and any number of threads on them.  Interrupts off is a
 * mutex, one for each CPU: whoever holds it is the only one in a critical section of that
 * CPU.  With interrupts on, the threads of one CPU run as the system likes, at the same
 * time if it likes: that is preemption at every instruction and more, so what only
 * works because nothing else runs on this CPU has to be done with interrupts off.  A
 * thread that migrates goes on as another CPU at its next critical section.
 *
 * ThreadSanitizer knows a mutex and it knows atomic operations, so it sees exactly the
 * order that these promise: for data of a CPU by its mutex, for all else by spinlocks.
 */
#ifndef MM_HOST_H
#define MM_HOST_H

#include <mm/types.h>

#define MM_HOST_NR_CPUS 4

/* Locks that may be held at once: the list of caches, and one cache. */
#define HOST_LOCKS_MAX  2u

typedef bool mm_irqflags_t; /* were interrupts off? */

struct mm_spinlock {
	uint32_t held;
};

/* The machine: written while there is one thread only. */
struct host_state {
	uintptr_t low_offset; /* virtual minus physical address of low memory */
	paddr_t low_start, low_end;
	bool no_locks; /* broken on purpose: spinlocks exclude nobody */
	bool no_cpus;  /* broken on purpose: neither does interrupts off */
};

extern struct host_state host;

struct host_daemon;

/* The running thread. */
struct host_thread {
	const char *name;
	unsigned cpu; /* where it runs; where it will, while interrupts are on */
	bool irqs_off;
	bool no_sleep; /* it plays somebody who may not */
	bool migrates;
	uint64_t random;            /* when it migrates, and yields */
	uint32_t word;              /* mm_host_thread_word() */
	struct host_daemon *daemon; /* set: it can be told to end */
	unsigned nr_locks;
	const struct mm_spinlock *locks[HOST_LOCKS_MAX];
};

extern _Thread_local struct host_thread host_self;

_Noreturn void host_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void host_check_lock_order(const struct mm_spinlock *const *held, unsigned nr_held,
			   const struct mm_spinlock *lock);
void host_take_cpu(void);
void host_give_cpu(void);
void host_relax(void);
void host_wait_for_lock(const struct mm_spinlock *lock);

static inline mm_irqflags_t mm_irq_save(void)
{
	bool were_off = host_self.irqs_off;

	if (!were_off)
		host_take_cpu();
	return were_off;
}

static inline void mm_irq_restore(mm_irqflags_t were_off)
{
	if (!host_self.irqs_off)
		host_die("mm_irq_restore() without mm_irq_save()");
	if (were_off)
		return;
	if (host_self.nr_locks)
		host_die("interrupts on again while a lock is held");
	host_give_cpu();
}

static inline unsigned mm_cpu_id(void)
{
	return host_self.cpu;
}

static inline void mm_cpu_relax(void)
{
	host_relax();
}

static inline bool mm_spin_trylock(struct mm_spinlock *lock)
{
	if (!host_self.irqs_off)
		host_die("a lock is taken with interrupts on");
	if (!host.no_locks && __atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE))
		return false;
	if (host_self.nr_locks == HOST_LOCKS_MAX)
		host_die("too many locks held");
	host_self.locks[host_self.nr_locks++] = lock;
	return true;
}

static inline void mm_spin_lock(struct mm_spinlock *lock)
{
	if (host_self.nr_locks)
		host_check_lock_order(host_self.locks, host_self.nr_locks, lock);
	while (!mm_spin_trylock(lock))
		host_wait_for_lock(lock);
}

static inline void mm_spin_unlock(struct mm_spinlock *lock)
{
	if (host_self.nr_locks == 0 || host_self.locks[host_self.nr_locks - 1] != lock)
		host_die("a lock is released that was not the last one taken");
	if (!host_self.irqs_off)
		host_die("a lock is released with interrupts on");
	host_self.nr_locks--;
	if (!host.no_locks)
		__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

static inline bool mm_may_sleep(void)
{
	return !host_self.irqs_off && !host_self.no_sleep;
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
