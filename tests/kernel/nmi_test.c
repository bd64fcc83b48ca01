// SPDX-License-Identifier: MIT
/*
 * The allocator under real NMIs, which come between any two instructions, also with
 * interrupts off, and so in the middle of its critical sections.
 *
 * First at random distances, while the thread of nolock_work.h does everything; the handler's
 * allocations that failed because a lock was held, and its frees that had to wait, show that
 * critical sections were hit.  How many: nmis=N on the command line.
 *
 * Then, where the clock counts instructions, before every single instruction of some operations:
 * each is repeated as often as it has instructions, and the NMI comes one later each time.
 */
#include "each_instruction.h"
#include "icount.h"
#include <harness.h>
#include <kernel/cpu.h>
#include <kernel/nmi.h>
#include <kernel/options.h>
#include <kernel/smp.h>
#include <kernel/time.h>
#include <magazine.h>
#include <mem.h>
#include <mm/kmalloc.h>
#include <mm/nolock.h>
#include <unit/live.h>
#include <unit/nolock_work.h>

/* --- at random distances ------------------------------------------------------------------ */

/* Distances between the end of a handler and the next NMI, in ticks of the PIT (0.84 us). */
#define TICKS_MIN     3u
#define TICKS_MAX     24u

#define NMIS_ICOUNT   20000u
#define NMIS_PLAIN    4000u
#define PLAIN_SECONDS 4u
#define NS_PER_S      1000000000ull

static volatile unsigned long nmis, nmis_wanted;
static unsigned long nmis_with_irqs_off;
static uint64_t distance_random;

static void storm_nmi(struct trap_frame *frame)
{
	nmis++;
	nmis_with_irqs_off += !(frame->eflags & EFLAGS_IF);
	nolock_work_nmi();
	if (nmis < nmis_wanted)
		nmi_timer_arm(TICKS_MIN + (unsigned)(test_random_from(&distance_random) >> 33) %
						  (TICKS_MAX - TICKS_MIN));
}

/* Run until `wanted` NMIs have come, or for `limit_ns` (0: no limit). */
static bool storm(unsigned long wanted, uint64_t limit_ns)
{
	uint64_t start = time_ns();

	nmis = nmis_with_irqs_off = 0;
	nmis_wanted = wanted;
	distance_random = test_random64();
	if (!nmi_timer_start(storm_nmi))
		return false;
	nmi_timer_arm(TICKS_MIN);
	for (unsigned round = 0; nmis < wanted && !test_failed(); round++) {
		nolock_work_thread();
		if (round % 16 == 0)
			live_expect_whole();
		if (limit_ns && time_ns() - start > limit_ns)
			break;
	}
	nmi_timer_stop();
	return true;
}

TEST(allocator_under_nmis)
{
	bool exact = clock_counts_instructions();
	uint64_t wanted = exact ? NMIS_ICOUNT : NMIS_PLAIN;
	uint64_t limit = exact ? 0 : PLAIN_SECONDS * NS_PER_S;
	struct mm_nolock_info before, after;
	struct fingerprint settled;

	if (cmdline_u64("nmis", &wanted))
		limit = 0;
	allow_kept_pages(1); /* page table of the APIC's page */
	nolock_work_begin();
	live_settle(&settled);
	mm_nolock_info(&before);
	if (!storm((unsigned long)wanted, limit))
		SKIP("no local APIC");
	mm_nolock_info(&after);
	test_note("%lu NMIs, %lu of them with interrupts off; handler: %lu allocs, %lu failed; "
		  "%lu frees, %lu deferred; %lu locks busy",
		  nmis, nmis_with_irqs_off, nolock_work.allocs, nolock_work.failures,
		  after.frees - before.frees, after.deferred - before.deferred,
		  after.busy - before.busy);
	live_expect_whole();
	nolock_work_end();
	live_expect_settled(&settled);
	EXPECT(limit || nmis == wanted);
	EXPECT(nmis >= 100);
	if (exact) { /* elsewhere they come at certain instructions only */
		EXPECT(nmis_with_irqs_off > 0);
		EXPECT(after.busy > before.busy);
		EXPECT(after.deferred > before.deferred);
	}
}

/* --- before every instruction --------------------------------------------------------------- */

#define VICTIM_SIZE 90u /* of the class that the operations use */
#define OBJECT_SIZE 96u

static struct {
	void *victim; /* allocated by the thread, freed by the handler */
	struct page *page;
	void *kept; /* allocated by the handler, freed by the thread */
} one;

static void single_nmi(struct trap_frame *frame)
{
	(void)frame;
	event_came();
	kfree_nolock(one.victim);
	free_pages_nolock(one.page, 0);
	one.victim = NULL;
	one.page = NULL;
	one.kept = kmalloc_nolock(OBJECT_SIZE, 0);
}

static void prepare(void)
{
	one.victim = kmalloc(VICTIM_SIZE, GFP_KERNEL);
	one.page = alloc_page(GFP_KERNEL);
}

static void clean_up(void)
{
	kfree(one.kept);
	kfree(one.victim); /* where no NMI came */
	__free_pages(one.page, 0);
	one.kept = one.victim = NULL;
	one.page = NULL;
}

static const struct event nmi_event = {nmi_timer_arm, prepare, clean_up};

static struct kmem_cache *cache;

static void fast(void)
{
	kfree(kmalloc(OBJECT_SIZE, GFP_ATOMIC));
}

/* No magazine to take from, then none to put into: twice through the slabs. */
static void slow(void)
{
	void *p;

	kmem_cache_shrink(cache);
	p = kmalloc(OBJECT_SIZE, GFP_ATOMIC);
	kfree(p);
}

static void pages(void)
{
	__free_pages(alloc_pages(GFP_ATOMIC, 0), 0);
}

static void nolock(void)
{
	struct page *page = alloc_pages_nolock(0, 0);
	void *p = kmalloc_nolock(OBJECT_SIZE, 0);

	free_pages_nolock(page, 0);
	kfree_nolock(p);
}

static void bulk(void)
{
	static void *p[40];

	kmem_cache_free_bulk(cache, kmem_cache_alloc_bulk(cache, GFP_ATOMIC, 40, p), p);
}

/* Magazines grow with use: until they are as large as they get, no two bulks are alike. */
static void grow_magazines(void)
{
	while (cache->capacity < cache->capacity_max)
		bulk();
}

TEST(an_nmi_before_every_instruction)
{
	struct fingerprint settled;

	if (!clock_counts_instructions())
		SKIP("the clock does not count instructions");
	if (smp_count() > 1)
		SKIP("it counts those of other CPUs, too");
	allow_kept_pages(1);
	cache = live_cache("kmalloc-96");
	ASSERT(cache);
	nolock_work_begin();
	live_settle(&settled);
	if (!nmi_timer_start(single_nmi))
		SKIP("no local APIC");
	at_each_instruction(&nmi_event, "kmalloc and kfree", fast);
	at_each_instruction(&nmi_event, "the same through the slabs", slow);
	at_each_instruction(&nmi_event, "alloc_pages and __free_pages", pages);
	at_each_instruction(&nmi_event, "the same without locks", nolock);
	grow_magazines();
	at_each_instruction(&nmi_event, "a bulk", bulk);
	nmi_timer_stop();
	mm_drain_deferred();
	live_expect_settled(&settled);
}

TEST_SUITE(nmi, allocator_under_nmis, an_nmi_before_every_instruction);
