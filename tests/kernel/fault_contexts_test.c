// SPDX-License-Identifier: MIT
/*
 * Injected failures where the kernel's threads are not: in interrupt handlers, in NMI handlers, and
 * in processes, which meet them in page faults and in system calls.
 */
#include "user_programs.h"
#include <harness.h>
#include <kernel/cpu.h>
#include <kernel/layout.h>
#include <kernel/nmi.h>
#include <kernel/thread.h>
#include <kernel/time.h>
#include <mm/fault.h>
#include <mm/kmalloc.h>
#include <mm/nolock.h>
#include <mm/page_alloc.h>
#include <mm/stats.h>
#include <unit/live.h>

#define QUIET         __GFP_NOWARN

/* --- interrupts and NMIs --------------------------------------------------------------------- */

/* What a round of requests got, as a bit for each. */
#define GOT_OBJECT    1u
#define GOT_BLOCK     2u
#define GOT_UNLOCKED  4u /* kmalloc_nolock(), alloc_pages_nolock() */
#define GOT_PAGE      8u
#define GOT_ALL       15u
#define UNLOCKED_ONES (GOT_UNLOCKED | GOT_PAGE)

static unsigned request_unlocked(void)
{
	void *p = kmalloc_nolock(100, 0);
	struct page *page = alloc_pages_nolock(0, 0);
	unsigned got = (p ? GOT_UNLOCKED : 0) | (page ? GOT_PAGE : 0);

	kfree_nolock(p);
	if (page)
		free_pages_nolock(page, 0);
	return got;
}

static unsigned request_all(void)
{
	void *p = kmalloc(100, GFP_ATOMIC | QUIET);
	struct page *page = alloc_pages(GFP_ATOMIC | QUIET, 1);
	unsigned got = (p ? GOT_OBJECT : 0) | (page ? GOT_BLOCK : 0);

	kfree(p);
	if (page)
		__free_pages(page, 1);
	return got | request_unlocked();
}

static volatile bool came;
static volatile unsigned got_in_handler;

static void irq_requests(struct trap_frame *frame)
{
	(void)frame;
	if (came) /* a tick was on its way when the timer was armed */
		return;
	got_in_handler = request_all();
	came = true;
}

static void nmi_requests(struct trap_frame *frame)
{
	(void)frame;
	got_in_handler = request_unlocked();
	came = true;
}

static unsigned in_interrupt(void)
{
	came = false;
	timer_arm(20, irq_requests);
	while (!came)
		cpu_relax();
	timer_start(TIMER_HZ, NULL);
	return got_in_handler;
}

static unsigned in_nmi(void)
{
	came = false;
	nmi_timer_arm(20);
	while (!came)
		cpu_relax();
	return got_in_handler;
}

/* Armed for one context: there all fail, and in the other ones none, nor are they counted. */
static void arm(unsigned contexts)
{
	mm_fault_set(&(struct mm_fault){.contexts = contexts, .probability = MM_FAULT_PER});
}

static void expect_injected(unsigned long injected)
{
	struct mm_fault_stats stats;

	mm_fault_stats(&stats);
	EXPECT_EQ(stats.candidates, injected);
	EXPECT_EQ(stats.injected, injected);
}

TEST(in_an_interrupt_only)
{
	threads_start_on(BOOT_CPU);
	EXPECT_EQ(in_interrupt(), GOT_ALL);
	arm(MM_FAULT_IRQ);
	EXPECT_EQ(request_all(), GOT_ALL);
	expect_injected(0);
	EXPECT_EQ(in_interrupt(), 0);
	expect_injected(4);
	EXPECT_EQ(request_all(), GOT_ALL);
	arm(MM_FAULT_THREAD);
	EXPECT_EQ(in_interrupt(), GOT_ALL);
	arm(MM_FAULT_NMI);
	EXPECT_EQ(in_interrupt(), GOT_ALL);
	expect_injected(0);
	mm_fault_clear();
	EXPECT_EQ(in_interrupt(), GOT_ALL);
	live_expect_whole();
}

TEST(in_an_nmi_only)
{
	allow_kept_pages(1); /* page table of the APIC's page */
	if (!nmi_timer_start(nmi_requests))
		SKIP("no local APIC");
	EXPECT_EQ(in_nmi(), UNLOCKED_ONES);
	arm(MM_FAULT_NMI);
	EXPECT_EQ(request_all(), GOT_ALL);
	expect_injected(0);
	EXPECT_EQ(in_nmi(), 0);
	expect_injected(2);
	EXPECT_EQ(request_all(), GOT_ALL);
	arm(MM_FAULT_IRQ | MM_FAULT_THREAD);
	EXPECT_EQ(in_nmi(), UNLOCKED_ONES);
	expect_injected(0);
	mm_fault_clear();
	EXPECT_EQ(in_nmi(), UNLOCKED_ONES);
	nmi_timer_stop();
	live_expect_whole();
}

/* --- processes ------------------------------------------------------------------------------- */

#define MOST_NTHS 200u

/* What a process does; how it ends, when nothing fails. */
struct life {
	const char *name;
	struct process_end (*live)(void);
	enum process_fate fate;
	int status;
	unsigned least; /* requests that it makes, those of its creation among them */
};

/* Heap, stack, data, and every system call. */
static struct process_end check(void)
{
	return run_worker(JOB_CHECK, 0);
}

/* Page tables, one for each page. */
static struct process_end spread(void)
{
	return run_worker(JOB_SPREAD, 3);
}

/* The kernel is the first to touch the page, on the way out of a system call. */
static struct process_end read_into_a_new_page(void)
{
	return offend(OFFENCE_TIME_CALL, USER_STACK_TOP - USER_STACK_BYTES);
}

/* Out of memory, or a system call that has no page for its answer; not anything else. */
static bool is_death_by_memory(const struct process_end *end)
{
	return end->fate == PROCESS_OUT_OF_MEMORY ||
	       (end->fate == PROCESS_FAULTED && end->vector == VECTOR_SYSCALL);
}

static bool is_good(const struct process_end *end, const struct life *life)
{
	return end->fate == life->fate && end->status == life->status;
}

/*
 * The n-th request of all threads fails, from the first that makes the process to the last that it
 * makes itself: nobody else asks for anything meanwhile.
 */
static bool fail_nth(unsigned long n, const struct life *life)
{
	struct mm_fault_stats stats;
	struct process_end end;

	mm_fault_set(&(struct mm_fault){
		.contexts = MM_FAULT_THREAD,
		.space = n - 1,
		.probability = MM_FAULT_PER,
		.times = 1,
	});
	end = life->live();
	mm_fault_clear();
	mm_fault_stats(&stats);
	EXPECTF(stats.injected ? is_death_by_memory(&end) : is_good(&end, life),
		"%s, request %lu: fate %u, status %d, vector %u", life->name, n, end.fate,
		end.status, end.vector);
	return stats.injected;
}

static void meet_each(const struct life *life)
{
	struct fingerprint before;
	unsigned long n = 0;

	for (unsigned i = 0; i < 2; i++) { /* what is made once is made */
		struct process_end end = life->live();

		EXPECTF(is_good(&end, life), "%s: fate %u, status %d", life->name, end.fate,
			end.status);
	}
	live_settle(&before);
	while (n < MOST_NTHS && !test_failed() && fail_nth(n + 1, life)) {
		n++;
		live_expect_settled(&before);
		live_expect_whole();
	}
	live_expect_settled(&before);
	EXPECTF(n >= life->least && n < MOST_NTHS, "%s: %lu requests", life->name, n);
}

/* Each dies alone: one that holds pages all the while has them as it filled them. */
TEST(processes_die_alone)
{
	static const struct life lives[] = {
		{"check", check, PROCESS_EXITED, 0, 15},
		{"spread", spread, PROCESS_EXITED, 0, 12},
		{"read into a new page", read_into_a_new_page, PROCESS_EXITED, 0, 8},
	};
	struct process *witness;
	struct process_end end;

	allow_kept_pages(2 * PROCESS_KEEPS);
	allow_reports(MM_REPORT_ALLOC_FAILED);
	threads_start_on(BOOT_CPU);
	witness = worker_start(JOB_HOLD, 4);
	ASSERT(witness);
	for (unsigned i = 0; i < sizeof(lives) / sizeof(lives[0]); i++)
		meet_each(&lives[i]);
	end = worker_stop(witness);
	EXPECT_EQ(end.fate, PROCESS_EXITED);
	EXPECT_EQ(end.status, 0);
}

TEST_SUITE(fault_contexts, in_an_interrupt_only, in_an_nmi_only, processes_die_alone);
