// SPDX-License-Identifier: MIT
/*
 * An interrupt before every single instruction of pop and push, and of the slow paths behind
 * them, whose handler pops and pushes as well.  And the negative control: with interrupts that
 * do not rewind, the same finds objects that two owners have.
 *
 * What an NMI does at the same places is nmi_test.c's subject.
 */
#include "each_instruction.h"
#include "icount.h"
#include <harness.h>
#include <kernel/restart.h>
#include <kernel/time.h>
#include <magazine.h>
#include <mem.h>
#include <mm/kmalloc.h>
#include <unit/live.h>

#define OBJECT_SIZE 96u

#ifdef MM_HOST_RESTARTABLE
#define FAST_PATH_RESTARTS true
#else
#define FAST_PATH_RESTARTS false
#endif

static struct kmem_cache *cache; /* what kmalloc takes such objects from */
static void *kept;               /* allocated by the handler */
static void *victim;             /* to be freed by it */
static unsigned doubled;         /* objects that both had at a time */

static void stamp(void *p)
{
	memset(p, (int)((uintptr_t)p >> 4 & 0xff), OBJECT_SIZE);
}

static bool is_stamped(const void *p)
{
	return live_all_bytes(p, OBJECT_SIZE, (uint8_t)((uintptr_t)p >> 4));
}

/* --- the interrupt ------------------------------------------------------------------------- */

static void pop_and_push(struct trap_frame *frame)
{
	(void)frame;
	event_came();
	kept = kmalloc(OBJECT_SIZE, GFP_ATOMIC);
	if (kept)
		stamp(kept);
	EXPECT(!victim || is_stamped(victim));
	kfree(victim);
	victim = NULL;
}

static void arm(unsigned ticks)
{
	timer_arm(ticks, pop_and_push);
}

static void prepare(void)
{
	victim = kmalloc(OBJECT_SIZE, GFP_KERNEL);
	if (EXPECT(victim != NULL))
		stamp(victim);
}

static void clean_up(void)
{
	EXPECT(!kept || is_stamped(kept));
	kfree(kept);
	kfree(victim); /* where no interrupt came */
	kept = victim = NULL;
}

static const struct event interrupt = {arm, prepare, clean_up};

/* --- what it interrupts --------------------------------------------------------------------- */

static void *own;

static void take(void *p)
{
	own = p;
	doubled += own && own == kept;
}

static void kmalloc_constant(void)
{
	take(kmalloc(OBJECT_SIZE, GFP_ATOMIC));
	kfree(own);
}

static volatile size_t size = OBJECT_SIZE;

static void kmalloc_any_size(void)
{
	take(kmalloc(size, GFP_KERNEL));
	kfree(own);
}

static void cache_object(void)
{
	take(kmem_cache_alloc(cache, GFP_ATOMIC));
	kmem_cache_free(cache, own);
}

/* With nothing ready, and then with no magazine to put it into. */
static void through_the_slabs(void)
{
	kmem_cache_shrink(cache);
	take(kmalloc(OBJECT_SIZE, GFP_ATOMIC));
	kmem_cache_shrink(cache);
	kfree(own);
}

/* More than a stack holds, there and back: the depot is traded with. */
static void through_the_depot(void)
{
	static void *objects[24];

	for (unsigned i = 0; i < 24; i++) {
		take(kmalloc(OBJECT_SIZE, GFP_ATOMIC));
		objects[i] = own;
	}
	for (unsigned i = 0; i < 24; i++)
		kfree(objects[i]);
}

static void in_bulk(void)
{
	static void *objects[24];

	kmem_cache_free_bulk(cache, kmem_cache_alloc_bulk(cache, GFP_ATOMIC, 24, objects),
			     objects);
}

TEST(an_interrupt_before_every_instruction)
{
	struct fingerprint settled;

	if (!clock_counts_instructions())
		SKIP("the clock does not count instructions");
	cache = live_cache("kmalloc-96");
	ASSERT(cache);
	doubled = 0;
	live_settle(&settled);
	at_each_instruction(&interrupt, "kmalloc and kfree, constant size", kmalloc_constant);
	at_each_instruction(&interrupt, "kmalloc and kfree, any size", kmalloc_any_size);
	at_each_instruction(&interrupt, "kmem_cache_alloc and free", cache_object);
	at_each_instruction(&interrupt, "through the slabs", through_the_slabs);
	at_each_instruction(&interrupt, "through the depot", through_the_depot);
	at_each_instruction(&interrupt, "in bulk", in_bulk);
	timer_start(TIMER_HZ, NULL);
	EXPECT_EQ(doubled, 0);
	live_expect_settled(&settled);
}

/* --- the negative control ------------------------------------------------------------------- */

/* An interrupt that only pops: what goes wrong then can be put right again. */
static void pop_only(struct trap_frame *frame)
{
	(void)frame;
	event_came();
	kept = kmalloc(OBJECT_SIZE, GFP_ATOMIC);
}

static void arm_pop(unsigned ticks)
{
	timer_arm(ticks, pop_only);
}

static void prepare_pop(void)
{
	own = NULL;
}

/* When both have the object, the one below it has been skipped: it goes back, by hand. */
static void free_or_repair(void)
{
	if (own && own == kept) {
		mm_irqflags_t flags = mm_irq_save();
		struct mm_stack *stack = this_stack(cache);

		doubled++;
		stack_set_top(stack, stack->top + 1);
		mm_irq_restore(flags);
		own = NULL;
	}
	kfree(own);
	kfree(kept);
	own = kept = NULL;
}

static const struct event bare_interrupt = {arm_pop, prepare_pop, free_or_repair};

static void pop(void)
{
	own = kmalloc(OBJECT_SIZE, GFP_ATOMIC);
}

TEST(without_the_rewind_it_goes_wrong)
{
	struct fingerprint settled;
	unsigned long restarts;

	if (!clock_counts_instructions())
		SKIP("the clock does not count instructions");
	if (!FAST_PATH_RESTARTS)
		SKIP("this kernel turns interrupts off instead");
	cache = live_cache("kmalloc-96");
	ASSERT(cache);
	doubled = 0;
	live_settle(&settled);
	kfree(kmalloc(OBJECT_SIZE, GFP_KERNEL)); /* so that there is a stack to pop from */
	restart_switch(false);
	at_each_instruction(&bare_interrupt, "kmalloc, not rewound", pop);
	restart_switch(true);
	EXPECT(doubled > 0);
	test_note("%u objects with two owners", doubled);

	doubled = 0;
	restarts = restart_count();
	at_each_instruction(&bare_interrupt, "the same, rewound", pop);
	timer_start(TIMER_HZ, NULL);
	EXPECT_EQ(doubled, 0);
	EXPECT(restart_count() > restarts);
	live_expect_settled(&settled);
}

TEST_SUITE(restart, an_interrupt_before_every_instruction, without_the_rewind_it_goes_wrong);
