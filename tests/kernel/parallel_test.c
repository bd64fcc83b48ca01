// SPDX-License-Identifier: MIT
/*
 * Threads on all CPUs: that they run at the same time, move and are preempted everywhere, share fairly
 * what there is, and that waiting, locking, ending and joining work while the other CPUs do the
 * same.  With one CPU most of it holds as well.
 */
#include "icount.h"
#include "user_programs.h"
#include <harness.h>
#include <kernel/ipi.h>
#include <kernel/mutex.h>
#include <kernel/process.h>
#include <kernel/smp.h>
#include <kernel/thread.h>
#include <kernel/tick.h>
#include <kernel/time.h>
#include <mem.h>
#include <mm/page_alloc.h>
#include <page_list.h>
#include <unit/live.h>

#define MOST_HELPERS (2 * MAX_CPUS)
#define LONG_MS      20000u
#define ONE_CPU      "one CPU only"

static struct thread *helpers[MOST_HELPERS];

static bool start_helpers(unsigned n, void (*function)(void *arg))
{
	for (unsigned i = 0; i < n; i++) {
		helpers[i] = thread_create("helper", function, (void *)(uintptr_t)i);
		if (!EXPECT(helpers[i] != NULL))
			return false;
	}
	return true;
}

static void join_helpers(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		thread_join(helpers[i]);
}

static uint32_t read_word(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void add_to(uint32_t *word)
{
	__atomic_add_fetch(word, 1, __ATOMIC_ACQ_REL);
}

/* --- at the same time ------------------------------------------------------------------------ */

static uint32_t all_made, arrived, late;

/* None gives way before all are there: each must have a CPU of its own. */
static void meet(void *arg)
{
	uint64_t end = wait_deadline(LONG_MS);

	(void)arg;
	while (!read_word(&all_made)) /* by a thread that may want this CPU */
		thread_yield();
	preempt_disable();
	add_to(&arrived);
	while (read_word(&arrived) < smp_count() && time_ns() < end)
		ipi_wait();
	if (read_word(&arrived) < smp_count())
		add_to(&late);
	preempt_enable();
}

TEST(threads_run_at_the_same_time)
{
	for (unsigned round = 0; round < 20; round++) {
		all_made = arrived = late = 0;
		EXPECT(start_helpers(smp_count(), meet));
		add_to(&all_made);
		if (!test_failed())
			join_helpers(smp_count());
		ASSERT_EQ(arrived, smp_count());
		ASSERT_EQ(late, 0);
	}
}

/* --- moving ---------------------------------------------------------------------------------- */

#define MOVES 60u

static uint32_t wrong;

static void wander(void *arg)
{
	uint64_t random = (uintptr_t)arg + 1;

	for (unsigned i = 0; i < MOVES; i++) {
		unsigned cpu = (unsigned)(test_random_from(&random) >> 33) % smp_count();

		thread_run_on(1u << cpu);
		preempt_disable();
		if (cpu_here->id != cpu || current()->cpu != cpu || cpu_preempt_count() != 1)
			add_to(&wrong);
		preempt_enable();
		if (i % 8 == 0)
			thread_sleep_ms(1);
		if (cpu_here->id != cpu)
			add_to(&wrong);
	}
}

TEST(threads_move_where_they_may_run)
{
	wrong = 0;
	if (start_helpers(MOST_HELPERS, wander))
		join_helpers(MOST_HELPERS);
	EXPECT_EQ(wrong, 0);
}

/* --- preemption and shares --------------------------------------------------------------------- */

static struct {
	uint32_t count;
	uint32_t seen; /* CPUs */
} spinners[MOST_HELPERS];

static volatile bool stop;

static void spin_at_home(void *arg)
{
	unsigned i = (unsigned)(uintptr_t)arg;

	thread_run_on(1u << i / 2);
	while (!stop) {
		add_to(&spinners[i].count);
		spinners[i].seen |= 1u << cpu_here->id;
	}
}

static bool all_have_counted(unsigned n)
{
	unsigned have = 0;

	for (unsigned i = 0; i < n; i++)
		have += read_word(&spinners[i].count) > 0;
	return have == n;
}

static bool wait_for_all(unsigned n)
{
	uint64_t end = wait_deadline(LONG_MS);

	while (!all_have_counted(n) && time_ns() < end)
		thread_sleep_ms(10);
	return all_have_counted(n);
}

/* Two on each CPU, who never give way: that both get on is the timer's work there. */
TEST(each_cpu_preempts)
{
	unsigned n = 2 * smp_count();

	memset(spinners, 0, sizeof(spinners));
	stop = false;
	if (!start_helpers(n, spin_at_home))
		return;
	EXPECT(wait_for_all(n));
	stop = true;
	join_helpers(n);
	for (unsigned i = 0; i < n; i++)
		EXPECT_EQ(spinners[i].seen, 1u << i / 2);
}

#define SHARE_NS     1500000000ull
#define SHARE_NS_MAX (SHARE_NS << 4)

static uint64_t ran_until;
static uint32_t turns_of[MOST_HELPERS];

static void spin_anywhere(void *arg)
{
	unsigned i = (unsigned)(uintptr_t)arg;

	while (time_ns() < ran_until)
		turns_of[i]++;
}

/*
 * Did each of n have turns, and none much more than another?  Where the clock counts instructions, the
 * emulator runs one CPU after the other, each for as long as a time slice, and so decides
 * itself who gets most.
 */
static bool share_for(uint64_t ns, unsigned n)
{
	uint32_t least = UINT32_MAX, most = 0;

	memset(turns_of, 0, sizeof(turns_of));
	ran_until = time_ns() + ns;
	if (!start_helpers(n, spin_anywhere))
		return false;
	join_helpers(n);
	for (unsigned i = 0; i < n; i++) {
		least = turns_of[i] < least ? turns_of[i] : least;
		most = turns_of[i] > most ? turns_of[i] : most;
	}
	test_note("%u threads on %u CPUs had %u to %u turns each", n, smp_count(), least, most);
	return least > 0 && (least >= most / 16 || clock_counts_instructions());
}

/*
 * One more than there are CPUs: none has one for itself, nor goes without.  The bounds are wide, and
 * the time is doubled until it is long enough, since the host may stop a CPU at any time, and a busy
 * one for long.
 */
TEST(all_share_all_cpus)
{
	unsigned n = smp_count() + 1;
	uint64_t ns = SHARE_NS;
	bool fair;

	if (smp_count() == 1 || n > MOST_HELPERS)
		SKIP(ONE_CPU);
	while (!(fair = share_for(ns, n)) && ns < SHARE_NS_MAX && !test_failed())
		ns *= 2;
	EXPECT(fair);
}

/* --- locks and queues -------------------------------------------------------------------------- */

#define LOCKINGS 24000u /* of all threads on one CPU; several get in each other's way */

static struct mutex mutex = MUTEX(parallel_mutex);
static volatile unsigned counter;

static unsigned lockings(void)
{
	return LOCKINGS / MOST_HELPERS / smp_count();
}

static void count_under_mutex(void *arg)
{
	(void)arg;
	for (unsigned i = lockings(); i > 0; i--) {
		mutex_lock(&mutex);
		counter = counter + 1;
		mutex_unlock(&mutex);
	}
}

TEST(mutex_storm)
{
	counter = 0;
	if (start_helpers(MOST_HELPERS, count_under_mutex))
		join_helpers(MOST_HELPERS);
	EXPECT_EQ(counter, MOST_HELPERS * lockings());
	EXPECT(!mutex.owner && !mutex.waiters.first);
}

#define RING_ROUNDS 150u

static struct wait_queue ring;
static uint32_t turn, lost;

/* Each in its turn, wherever it runs; a wake-up that is lost stops all. */
static void take_turns(void *arg)
{
	uint32_t mine = (uint32_t)(uintptr_t)arg;

	for (uint32_t round = 0; round < RING_ROUNDS && !read_word(&lost); round++) {
		if (!wait_event_until(&ring, read_word(&turn) == round * MAX_CPUS + mine,
				      wait_deadline(LONG_MS)))
			add_to(&lost);
		add_to(&turn);
		wait_wake_all(&ring);
	}
}

TEST(wait_queue_storm)
{
	turn = lost = 0;
	if (start_helpers(MAX_CPUS, take_turns))
		join_helpers(MAX_CPUS);
	EXPECT_EQ(lost, 0);
	EXPECT_EQ(turn, RING_ROUNDS * MAX_CPUS);
}

/* --- life ---------------------------------------------------------------------------------------- */

#define CHILDREN 60u

static uint32_t born;

/* Uses some of its stack until the last moment. */
static void child(void *arg)
{
	volatile char room[1024];

	(void)arg;
	for (unsigned i = 0; i < sizeof(room); i++)
		room[i] = (char)i;
	add_to(&born);
}

static void have_children(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < CHILDREN; i++) {
		struct thread *thread = thread_create("child", child, NULL);

		if (thread)
			thread_join(thread);
		else
			add_to(&lost);
	}
}

/* Stacks are freed as soon as their threads are dead, and used again at once. */
TEST(threads_come_and_go)
{
	struct fingerprint before;

	born = lost = 0;
	if (start_helpers(1, have_children))
		join_helpers(1);
	live_settle(&before);
	born = 0;
	if (start_helpers(MAX_CPUS, have_children))
		join_helpers(MAX_CPUS);
	EXPECT_EQ(born, MAX_CPUS * CHILDREN);
	EXPECT_EQ(lost, 0);
	live_settle(&before);
	EXPECT_EQ(mm_check(), 0);
}

/* --- processes ------------------------------------------------------------------------------------ */

static void count_if_process(void *arg)
{
	if (current()->process)
		add_to(arg);
}

/* In ring 3 on each of the other CPUs at once. */
TEST(processes_run_at_the_same_time)
{
	struct process *workers[MAX_CPUS];
	uint64_t end = wait_deadline(LONG_MS);
	uint32_t running = 0;

	if (smp_count() == 1)
		SKIP(ONE_CPU);
	allow_kept_pages(PROCESS_KEEPS);
	for (unsigned i = 0; i < smp_count(); i++)
		workers[i] = worker_start(JOB_SPIN, 0);
	while (running < smp_count() - 1 && time_ns() < end) {
		thread_sleep_ms(1);
		running = 0;
		ipi_call_others(count_if_process, &running);
	}
	EXPECT_EQ(running, smp_count() - 1);
	for (unsigned i = 0; i < smp_count(); i++)
		if (EXPECT(workers[i]))
			EXPECT_EQ(worker_stop(workers[i]).fate, PROCESS_EXITED);
}

/* --- a page that two CPUs free ------------------------------------------------------------ */

#define FREES 30u

static struct page *victim;
static unsigned victim_order;
static uint32_t turn, freed;

/* The pause ends this CPU's turn where CPUs run by turns. */
static void let_others_run(void)
{
	cpu_relax();
	thread_yield();
}

static void free_each(void *arg)
{
	(void)arg;
	for (uint32_t i = 1; i <= FREES; i++) {
		while (read_word(&turn) < i)
			let_others_run();
		__free_pages(victim, victim_order);
		add_to(&freed);
	}
}

/* One of the two is mistaken: it is freed once, and there is one report, at once or when the lists are emptied. */
static void check_two_frees(unsigned order)
{
	unsigned seen = test_reports_seen(MM_REPORT_DOUBLE_FREE);

	turn = freed = 0;
	victim_order = order;
	if (!start_helpers(2, free_each))
		return;
	for (uint32_t i = 1; i <= FREES; i++) {
		victim = alloc_pages(GFP_KERNEL, order);
		add_to(&turn);
		while (read_word(&freed) < 2 * i)
			let_others_run();
		page_lists_drain();
		EXPECT_EQ(test_reports_seen(MM_REPORT_DOUBLE_FREE), seen + i);
	}
	join_helpers(2);
}

TEST(two_free_the_same_block)
{
	static const unsigned orders[] = {0, 3, 4};

	if (smp_count() == 1)
		SKIP(ONE_CPU);
	expect_report(MM_REPORT_DOUBLE_FREE, 3 * FREES);
	for (unsigned i = 0; i < 3; i++)
		check_two_frees(orders[i]);
	live_expect_whole();
}

TEST_SUITE(parallel, threads_run_at_the_same_time, threads_move_where_they_may_run,
	   each_cpu_preempts, all_share_all_cpus, mutex_storm, wait_queue_storm,
	   threads_come_and_go, processes_run_at_the_same_time, two_free_the_same_block);
