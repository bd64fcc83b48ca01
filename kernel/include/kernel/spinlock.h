/* SPDX-License-Identifier: MIT */
/*
 * Ticket spinlocks.  Who comes takes the next number, and waits until that is served: so the
 * CPUs get the lock in the order in which they asked.
 *
 * A lock is held with interrupts off, so its holder neither sleeps nor changes CPUs, and is no
 * interrupt handler's victim.  Who waits serves meanwhile what other CPUs wait for
 * (ipi_wait()): the holder may be one of them.
 *
 * The word: which number is served in the lower half, which is next in the upper one.  It is
 * free when they agree.  Only the holder changes the lower half, hence without a bus lock.
 *
 * With LOCK_ORDER defined (make LOCK_ORDER=1) each step is told to lock_order.c as well.
 */
#ifndef KERNEL_SPINLOCK_H
#define KERNEL_SPINLOCK_H

#include <kernel/cpu.h>
#include <kernel/ipi.h>
#include <kernel/lock_order.h>

#define SPIN_TICKET 0x10000u /* one more number, in the upper half */

/* All zero bytes is a free lock. */
struct spinlock {
	union {
		uint32_t word;
		struct {
			uint16_t serves, next;
		};
	};
};

static inline bool spin_word_is_free(uint32_t word)
{
	return word >> 16 == (uint16_t)word;
}

static inline void spin_take(struct spinlock *lock)
{
	uint16_t mine = __atomic_fetch_add(&lock->next, 1, __ATOMIC_ACQUIRE);

	while (__builtin_expect(__atomic_load_n(&lock->serves, __ATOMIC_ACQUIRE) != mine, 0))
		ipi_wait();
}

/*
 * True: taken.  False: somebody has it; not that an NMI had it between the two looks, and gave it
 * back.  Any context, NMI included.
 */
static inline bool spin_try_take(struct spinlock *lock)
{
	uint32_t word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);

	do {
		if (!spin_word_is_free(word))
			return false;
	} while (!__atomic_compare_exchange_n(&lock->word, &word, word + SPIN_TICKET, false,
					      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return true;
}

static inline void spin_give(struct spinlock *lock)
{
	__asm__ volatile("incw %0" : "+m"(lock->serves) : : "memory", "cc");
}

/*
 * spin_lock, spin_unlock - interrupts are off.
 * spin_trylock - the same without waiting: true, if it is taken.
 * spin_lock_irqsave - turns interrupts off first, and returns what spin_unlock_irqrestore()
 *	wants.
 *
 * Any context; in NMI handlers only spin_trylock().
 */
#ifndef LOCK_ORDER
#define spin_lock_named(lock, name)    spin_take(lock)
#define spin_trylock_named(lock, name) spin_try_take(lock)
#define spin_unlock(lock)              spin_give(lock)
#else
#define spin_lock_named(lock, lock_name)                                  \
	do {                                                              \
		static struct lock_site site_ = {lock_name, __FILE__, 0}; \
		struct spinlock *lock_ = (lock);                          \
                                                                          \
		if (lock_order_before(lock_, &site_, false)) {            \
			spin_take(lock_);                                 \
			lock_order_taken(lock_, &site_);                  \
		}                                                         \
	} while (0)

#define spin_trylock_named(lock, lock_name)                                                   \
	({                                                                                    \
		static struct lock_site site_ = {lock_name, __FILE__, 0};                     \
		struct spinlock *lock_ = (lock);                                              \
		bool taken_ = lock_order_before(lock_, &site_, true) && spin_try_take(lock_); \
                                                                                              \
		if (taken_)                                                                   \
			lock_order_taken(lock_, &site_);                                      \
		taken_;                                                                       \
	})

#define spin_unlock(lock)                        \
	do {                                     \
		struct spinlock *give_ = (lock); \
                                                 \
		if (lock_order_give(give_))      \
			spin_give(give_);        \
	} while (0)
#endif

/* A lock is known to lock_order.c by how it is called, here or by who names it. */
#define spin_lock(lock)    spin_lock_named(lock, #lock)
#define spin_trylock(lock) spin_trylock_named(lock, #lock)

#define spin_lock_irqsave(lock)               \
	({                                    \
		uint32_t flags_ = irq_save(); \
		spin_lock(lock);              \
		flags_;                       \
	})

#define spin_unlock_irqrestore(lock, flags) \
	do {                                \
		spin_unlock(lock);          \
		irq_restore(flags);         \
	} while (0)

static inline bool spin_is_locked(const struct spinlock *lock)
{
	return !spin_word_is_free(__atomic_load_n(&lock->word, __ATOMIC_RELAXED));
}

#endif
