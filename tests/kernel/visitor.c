// SPDX-License-Identifier: MIT
/* See visitor.h. */
#include "visitor.h"
#include "jitter.h"
#include <kernel/x86.h>
#include <mm/kmalloc.h>
#include <unit/live.h>

#define GREEDY     (GFP_ATOMIC | __GFP_NOWARN)
#define NR_OBJECTS 12u
#define PEEK_BYTES 100u

static struct {
	void *p;
	size_t size;
	uint32_t seed;
} objects[NR_OBJECTS];

static void *anchor;
static unsigned long served, refused, damaged;

static void take(unsigned i)
{
	size_t size = jitter_random_below(4) ? 8 + jitter_random_below(600) : PAGE_SIZE;
	void *p = kmalloc(size, GREEDY);

	if (!p) {
		refused++;
		return;
	}
	served++;
	objects[i].p = p;
	objects[i].size = size;
	objects[i].seed = jitter_random_below(1u << 31);
	live_fill(p, size, objects[i].seed);
}

static void give_back(unsigned i)
{
	damaged += !live_filled(objects[i].p, objects[i].size, objects[i].seed);
	kfree(objects[i].p);
	objects[i].p = NULL;
}

void visitor_step(void)
{
	unsigned i = jitter_random_below(NR_OBJECTS);

	if (objects[i].p)
		give_back(i);
	else
		take(i);
}

void visitor_enter(void)
{
	anchor = kmalloc(PEEK_BYTES, GFP_KERNEL);
}

void visitor_peek(void)
{
	void *p = kmalloc(PEEK_BYTES, GREEDY);

	if (!p) {
		refused++;
		return;
	}
	served++;
	live_fill(p, PEEK_BYTES, (uint32_t)served);
	damaged += !live_filled(p, PEEK_BYTES, (uint32_t)served);
	kfree(p);
}

void visitor_leave(void)
{
	uint32_t flags = irq_save();

	for (unsigned i = 0; i < NR_OBJECTS; i++)
		if (objects[i].p)
			give_back(i);
	irq_restore(flags);
	kfree(anchor);
	anchor = NULL;
	EXPECT_EQ(damaged, 0);
	EXPECT(served > 0);
	served = refused = damaged = 0;
}

unsigned long visitor_served(void)
{
	return served;
}

unsigned long visitor_refused(void)
{
	return refused;
}
