// SPDX-License-Identifier: MIT
/*
 * The allocator under real interrupts.  A timer fires at random distances; its handler
 * allocates and frees memory of all kinds with GFP_ATOMIC, while the main flow does the
 * same, grows and shrinks slabs, reallocates, makes and destroys caches.  Every byte of
 * every object tells who owns it, is written at once and verified before the object is
 * freed: memory that two owners got at the same time shows, and so does a lost or doubled
 * object, in the invariants or in the free lists, which must end page for page as they began.
 *
 * How many interrupts: irqs=N on the command line; else 100,000 where the clock counts
 * instructions, and as many as come in a few seconds elsewhere.
 */
#include "icount.h"
#include "owner.h"
#include <harness.h>
#include <kernel/cpu.h>
#include <kernel/image.h>
#include <kernel/options.h>
#include <kernel/time.h>
#include <kmalloc.h>
#include <mem.h>
#include <mm/highmem.h>
#include <mm/kmalloc.h>
#include <mm/vmalloc.h>
#include <slab_debug.h>
#include <unit/live.h>
#include <window.h>

/* --- the storm ---------------------------------------------------------------------------------- */

#define MAIN_OBJECTS    192u
#define HANDLER_OBJECTS 96u

static struct object main_objects[MAIN_OBJECTS], handler_objects[HANDLER_OBJECTS];
static struct owner thread, handler;

static volatile unsigned long irqs, irqs_wanted;

/* A cache that the thread has just made and will soon destroy; NULL between. */
static struct kmem_cache *volatile brief;

/* Distances between interrupts, in ticks of the PIT (0.84 us). */
#define TICKS_MIN 3u
#define TICKS_MAX 24u

/* One bit for each byte of text: which instructions have been interrupted. */
#define MAP_BITS  (1u << 17)

static uint32_t interrupted[MAP_BITS / 32];
static unsigned nr_interrupted;

static void note_place(uint32_t eip)
{
	uint32_t place = (eip - (uint32_t)text_start) % MAP_BITS;
	uint32_t bit = 1u << place % 32;

	nr_interrupted += !(interrupted[place / 32] & bit);
	interrupted[place / 32] |= bit;
}

/* Race with the thread for the first slab and the first magazine of its new cache. */
static void use_brief(void)
{
	uint32_t *p = brief ? kmem_cache_alloc(brief, handler.gfp) : NULL;

	if (!p)
		return;
	*p = 0x1dea;
	kmem_cache_free(brief, p);
}

static void storm_interrupt(struct trap_frame *frame)
{
	irqs++;
	note_place(frame->eip);
	use_brief();
	for (unsigned n = 1 + owner_random(&handler, 3); n > 0; n--)
		owner_step(&handler);
	if (irqs < irqs_wanted)
		timer_arm(TICKS_MIN + owner_random(&handler, TICKS_MAX - TICKS_MIN),
			  storm_interrupt);
}

static void live_brief_cache(void)
{
	struct kmem_cache *cache =
		kmem_cache_create("test-brief", 8 + owner_random(&thread, 2000), 0, 0, NULL);
	void *p[2];

	if (!cache)
		return;
	brief = cache;
	for (unsigned i = 0; i < 2; i++)
		p[i] = kmem_cache_alloc(cache, thread.gfp);
	for (unsigned i = 0; i < 2; i++)
		kmem_cache_free(cache, p[i]);
	brief = NULL;
	if (!kmem_cache_destroy(cache))
		thread.damaged++;
}

/* What only a thread may do, now and then. */
static void rare_step(void)
{
	switch (owner_random(&thread, 4)) {
	case 0: kmem_cache_shrink(owner_caches[owner_random(&thread, OWNER_CACHES)]); return;
	case 1: kmem_cache_shrink(live_cache("kmalloc-64")); return;
	case 2: kmem_cache_shrink(live_cache("kmalloc-1024")); return;
	default: break;
	}
	live_brief_cache();
}

/* Run until `wanted` interrupts have come, or for `limit_ns` (0: no limit). */
static void storm(unsigned long wanted, uint64_t limit_ns)
{
	uint64_t start = time_ns();

	irqs = 0;
	irqs_wanted = wanted;
	timer_arm(TICKS_MIN, storm_interrupt);
	while (irqs < wanted) {
		owner_step(&thread);
		if (owner_random(&thread, 100) == 0)
			rare_step();
		if (limit_ns && time_ns() - start > limit_ns)
			break;
	}
	timer_start(TIMER_HZ, NULL);
}

#define IRQS_ICOUNT   100000u
#define IRQS_PLAIN    20000u
#define PLAIN_SECONDS 4u
#define NS_PER_S      1000000000ull

TEST(allocator_under_interrupts)
{
	bool exact = clock_counts_instructions();
	uint64_t wanted = exact ? IRQS_ICOUNT : IRQS_PLAIN;
	uint64_t limit = exact ? 0 : PLAIN_SECONDS * NS_PER_S;
	struct fingerprint before;

	if (cmdline_u64("irqs", &wanted))
		limit = 0;
	if (!owner_make_caches())
		return;
	owner_init(&thread, GFP_KERNEL | __GFP_NOWARN, main_objects, MAIN_OBJECTS);
	owner_init(&handler, GFP_ATOMIC | __GFP_NOWARN, handler_objects, HANDLER_OBJECTS);
	memset(interrupted, 0, sizeof(interrupted));
	nr_interrupted = 0;
	allow_kept_pages(1 + OWNER_TABLES); /* page tables of the mapping window */
	storm(100, NS_PER_S);
	owner_release_all(&thread);
	owner_release_all(&handler);
	owner_warm_up();
	live_settle(&before);

	storm((unsigned long)wanted, limit);
	test_note("%lu interrupts at %u places; handler %lu allocs, %lu frees, %lu failed; "
		  "thread %lu, %lu, %lu",
		  irqs, nr_interrupted, handler.allocs, handler.frees, handler.failures,
		  thread.allocs, thread.frees, thread.failures);
	EXPECT_EQ(mm_check(), 0);
	owner_release_all(&thread);
	owner_release_all(&handler);
	owner_expect_undamaged(&thread, "thread");
	owner_expect_undamaged(&handler, "handler");
	EXPECT(limit || irqs == wanted);
	EXPECT(irqs >= 100);
	live_expect_settled(&before);
	owner_destroy_caches();
}

/* --- single interrupts ---------------------------------------------------------------------------- */

static void (*task)(void);
static volatile unsigned tasks_done;

static void run_task(struct trap_frame *frame)
{
	(void)frame;
	if (tasks_done) /* a tick was on its way when the timer was armed: this is one too many */
		return;
	task();
	tasks_done++;
}

/* Run f() as an interrupt handler, n times. */
static void in_interrupt(void (*f)(void), unsigned n)
{
	task = f;
	for (unsigned i = 0; i < n; i++) {
		tasks_done = 0;
		timer_arm(20, run_task);
		while (!tasks_done)
			cpu_relax();
	}
	timer_start(TIMER_HZ, NULL);
}

static struct {
	struct held held;
	struct page *nowait;
	size_t atomic, expected;
	void *p, *q;
	bool slept;
} in_handler;

/* Pages that GFP_ATOMIC finds above its mark, in both zones; by Linux's arithmetic. */
static size_t atomic_reserve(void)
{
	size_t pages = 0;

	for (unsigned i = MM_ZONE_DMA; i <= MM_ZONE_NORMAL; i++) {
		struct mm_zone_info zone;
		size_t mark;

		if (!mm_zone_info((enum mm_zone_id)i, &zone))
			continue;
		mark = zone.min - zone.min / 2;
		mark = mark - mark / 4 + zone.reserve[MM_ZONE_NORMAL];
		pages += zone.free > mark ? zone.free - mark : 0;
	}
	return pages;
}

static void use_reserve(void)
{
	in_handler.nowait = alloc_pages(GFP_NOWAIT, 0);
	in_handler.atomic = held_take(&in_handler.held, GFP_ATOMIC, 0, (size_t)-1);
	held_free(&in_handler.held);
	in_handler.p = kmalloc(3000, GFP_ATOMIC);
	kfree(in_handler.p);
}

TEST(atomic_succeeds_where_nowait_fails)
{
	struct held held;

	memset(&in_handler, 0, sizeof(in_handler));
	held_init(&in_handler.held);
	held_init(&held);
	held_drain(&held, GFP_NOWAIT);
	in_handler.expected = atomic_reserve();
	in_interrupt(use_reserve, 1);
	held_free(&held);
	EXPECT(!in_handler.nowait);
	EXPECT(in_handler.expected > 0);
	EXPECT_EQ(in_handler.atomic, in_handler.expected);
	EXPECT(in_handler.p != NULL);
}

static __attribute__((noinline)) void allocate_as_if_in_a_thread(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	void *p = kmalloc(100, GFP_KERNEL | __GFP_NOFAIL);

	in_handler.p = page && p ? page_address(page) : NULL;
	in_handler.slept = irqs_enabled();
	if (page)
		__free_pages(page, 0);
	kfree(p);
}

/* Two call sites, each reported once, however often they are reached. */
TEST(sleeping_flags_in_a_handler)
{
	expect_report(MM_REPORT_MIGHT_SLEEP, 2);
	test_log_begin();
	for (unsigned i = 0; i < 4; i++) {
		in_interrupt(allocate_as_if_in_a_thread, 1);
		EXPECT(in_handler.p != NULL);
		EXPECT(!in_handler.slept);
	}
	EXPECT_EQ(test_reports_seen(MM_REPORT_MIGHT_SLEEP), 2);
	EXPECT_EQ(live_log_count("might sleep: "), 2);
	EXPECT_LOG("allocate_as_if_in_a_thread+0x");
	EXPECT_LOG(
		"context   CPU 0, interrupt in thread main, interrupt depth 1, interrupts off");
	EXPECT_LOG("FIX       served without sleeping");
}

static __attribute__((noinline)) void *allocate_without_preemption(void)
{
	void *p;

	preempt_disable();
	p = kmalloc(100, GFP_KERNEL);
	preempt_enable();
	return p;
}

TEST(sleeping_flags_where_preemption_is_off)
{
	void *p[2];

	expect_report(MM_REPORT_MIGHT_SLEEP, 1);
	p[0] = allocate_without_preemption();
	p[1] = allocate_without_preemption();
	EXPECT(p[0] && p[1]);
	kfree(p[0]);
	kfree(p[1]);
}

static void free_what_the_thread_allocated(void)
{
	kfree(in_handler.p);
	__free_pages(in_handler.nowait, 1);
	in_handler.q = kmalloc(5000, GFP_ATOMIC);
}

TEST(memory_changes_hands)
{
	in_handler.p = kmalloc(5000, GFP_KERNEL);
	in_handler.nowait = alloc_pages(GFP_KERNEL, 1);
	ASSERT(in_handler.p && in_handler.nowait);
	in_interrupt(free_what_the_thread_allocated, 1);
	/* Last in, first out, across the border. */
	EXPECT(in_handler.q == in_handler.p ||
	       slab_is_debugged(kmalloc_cache(5000, GFP_KERNEL)));
	kfree(in_handler.q);
}

static void free_badly(void)
{
	kfree((char *)in_handler.p + 8);
	kfree((void *)8192);
}

TEST(bad_frees_in_a_handler)
{
	in_handler.p = kmalloc(64, GFP_KERNEL);
	ASSERT(in_handler.p);
	expect_report(MM_REPORT_INTERIOR_FREE, 1);
	expect_report(MM_REPORT_BAD_ADDRESS, 1);
	test_log_begin();
	in_interrupt(free_badly, 1);
	EXPECT_LOG("8 bytes inside the 64-byte object at ");
	EXPECT_LOG("context   CPU 0, interrupt");
	kfree(in_handler.p);
}

TEST_SUITE(irq, atomic_succeeds_where_nowait_fails, sleeping_flags_in_a_handler,
	   sleeping_flags_where_preemption_is_off, memory_changes_hands, bad_frees_in_a_handler,
	   allocator_under_interrupts);
