// SPDX-License-Identifier: MIT
/*
 * The watcher of spinlocks: each mistake that it knows is made once, and named.  Then that all that
 * ran before has made none; so this suite is the last.
 */
#include <harness.h>
#include <kernel/ipi.h>
#include <kernel/lock_order.h>
#include <kernel/nmi.h>
#include <kernel/smp.h>
#include <kernel/spinlock.h>
#include <kernel/thread.h>
#include <mm/port.h>
#include <slab.h>
#include <zone.h>

#ifdef LOCK_ORDER
#define TEXT_MAX 160u

static struct spinlock first, second, third;
static struct {
	struct spinlock lock;
} shelves[2];

static char text[TEXT_MAX];

/* Run f() and see what is reported, "" for nothing. */
static void expect_mistake(void (*f)(void), const char *report)
{
	text[0] = '\0';
	lock_order_catch(text, sizeof(text));
	f();
	lock_order_catch(NULL, 0);
	EXPECT_STR(text, report);
}

static void in_order(void)
{
	uint32_t flags = spin_lock_irqsave(&first);

	spin_lock(&second);
	spin_unlock(&second);
	spin_unlock_irqrestore(&first, flags);
}

static void second_and_third(void)
{
	uint32_t flags = spin_lock_irqsave(&second);

	spin_lock(&third);
	spin_unlock(&third);
	spin_unlock_irqrestore(&second, flags);
}

static void out_of_order(void)
{
	uint32_t flags = spin_lock_irqsave(&second);

	spin_lock(&first);
	spin_unlock(&first);
	spin_unlock_irqrestore(&second, flags);
}

static void out_of_order_by_way_of_another(void)
{
	uint32_t flags = spin_lock_irqsave(&third);

	spin_lock(&first);
	spin_unlock(&first);
	spin_unlock_irqrestore(&third, flags);
}

/* Who does not wait cannot wait for ever. */
static void trying_out_of_order(void)
{
	uint32_t flags = spin_lock_irqsave(&third);

	if (spin_trylock(&first))
		spin_unlock(&first);
	spin_unlock_irqrestore(&third, flags);
}

TEST(order_is_learnt)
{
	expect_mistake(in_order, "");
	expect_mistake(second_and_third, "");
	expect_mistake(
		out_of_order,
		"lock_order_test:first taken inside of lock_order_test:second, which comes "
		"after it");
	expect_mistake(
		out_of_order_by_way_of_another,
		"lock_order_test:first taken inside of lock_order_test:third, which comes "
		"after it");
	expect_mistake(trying_out_of_order, "");
	expect_mistake(in_order, "");
}

static void two_of_a_class(void)
{
	uint32_t flags = spin_lock_irqsave(&shelves[0].lock);

	spin_lock(&shelves[1].lock);
	spin_unlock(&shelves[1].lock);
	spin_unlock_irqrestore(&shelves[0].lock, flags);
}

TEST(two_of_a_class_have_no_order)
{
	expect_mistake(two_of_a_class,
		       "lock_order_test:shelve taken inside of another lock_order_test:shelve");
}

static void twice(void)
{
	uint32_t flags = spin_lock_irqsave(&first);

	spin_lock(&first);
	spin_unlock(&first);
	EXPECT(spin_is_locked(&first));
	spin_unlock_irqrestore(&first, flags);
	EXPECT(!spin_is_locked(&first));
}

TEST(taken_twice)
{
	expect_mistake(twice, "lock_order_test:first taken twice");
}

static void give_what_another_has(void *arg)
{
	(void)arg;
	if (cpu_here->id == 1)
		spin_unlock(&first);
}

/* From the boot CPU's lock; that one waits with interrupts on, which is a mistake of its own. */
static void given_by_another(void)
{
	uint32_t flags = spin_lock_irqsave(&first);

	preempt_disable();
	irq_restore(flags);
	ipi_call_others(give_what_another_has, NULL);
	flags = irq_save();
	preempt_enable();
	EXPECT(spin_is_locked(&first));
	spin_unlock_irqrestore(&first, flags);
}

TEST(given_back_by_another_cpu)
{
	if (smp_count() == 1)
		SKIP("one CPU only");
	expect_mistake(given_by_another,
		       "a spinlock given back by CPU 1, which does not have it");
}

static void give_what_is_free(void)
{
	uint32_t flags = irq_save();

	spin_unlock(&first);
	EXPECT(!spin_is_locked(&first));
	irq_restore(flags);
}

TEST(given_back_twice)
{
	expect_mistake(give_what_is_free,
		       "a spinlock given back by CPU 0, which does not have it");
}

static void with_interrupts_on(void)
{
	spin_lock(&first);
	spin_give(&first); /* behind the watcher's back: this is not what is tested */
}

TEST(interrupts_must_be_off)
{
	expect_mistake(with_interrupts_on, "lock_order_test:first taken with interrupts on");
}

static void sleep_with_it(void)
{
	uint32_t flags = spin_lock_irqsave(&first);

	thread_sleep_ms(1);
	spin_unlock_irqrestore(&first, flags);
}

TEST(sleeping_with_a_lock)
{
	expect_report(MM_REPORT_MIGHT_SLEEP, 1);
	expect_mistake(sleep_with_it, "thread_sleep_ms may sleep, with lock_order_test:first");
}

static void wait_in_nmi(struct trap_frame *frame)
{
	(void)frame;
	spin_lock(&first);
	spin_unlock(&first);
}

static void nmi_that_waits(void)
{
	unsigned long before = nmi_count(0);

	nmi_set_ipi_handler(wait_in_nmi);
	ipi_nmi(0);
	while (nmi_count(0) == before)
		ipi_wait();
	nmi_set_ipi_handler(NULL);
}

TEST(nmi_handlers_do_not_wait)
{
	if (smp_count() == 1)
		SKIP("one CPU only");
	expect_mistake(nmi_that_waits, "lock_order_test:first waited for in an NMI handler");
}

static struct zone zone;
static struct kmem_cache cache_of_test;

/* The page allocator is not called with a cache's lock: mm says so, whether it was seen or not. */
TEST(order_is_declared)
{
	static struct lock_site zone_site = {"&zones[i].lock", "mm/zone.c", 0};
	static struct lock_site cache_site = {"&cache->lock", "mm/slab.c", 0};
	uint32_t flags = irq_save();

	text[0] = '\0';
	lock_order_catch(text, sizeof(text));
	EXPECT(lock_order_before(&cache_of_test.lock.lock, &cache_site, false));
	lock_order_taken(&cache_of_test.lock.lock, &cache_site);
	EXPECT(lock_order_before(&zone.lock.lock, &zone_site, false));
	EXPECT(lock_order_give(&cache_of_test.lock.lock));
	lock_order_catch(NULL, 0);
	irq_restore(flags);
	EXPECT_STR(text, "zone taken inside of cache, which comes after it");
}

/* Of all that has run so far. */
TEST(nobody_else_makes_mistakes)
{
	EXPECT_EQ(lock_order_mistakes(), 0);
}

TEST_SUITE(lock_order, order_is_learnt, two_of_a_class_have_no_order, taken_twice,
	   given_back_by_another_cpu, given_back_twice, interrupts_must_be_off,
	   sleeping_with_a_lock, nmi_handlers_do_not_wait, order_is_declared,
	   nobody_else_makes_mistakes);
#else
TEST(watching)
{
	SKIP("this kernel does not watch its locks: make LOCK_ORDER=1");
}

TEST_SUITE(lock_order, watching);
#endif
