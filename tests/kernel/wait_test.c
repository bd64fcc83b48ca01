// SPDX-License-Identifier: MIT
/*
 * Waiting: queues, the clock, mutexes, mm's futex.  Preemption comes at random points, the
 * wake-ups from threads and from interrupt handlers.  A wake-up that is lost shows as a
 * wait that only its deadline ends.
 */
#include "icount.h"
#include "jitter.h"
#include <harness.h>
#include <kernel/cpu.h>
#include <kernel/mutex.h>
#include <kernel/smp.h>
#include <kernel/thread.h>
#include <kernel/time.h>
#include <mem.h>
#include <mm/port.h>
#include <unit/live.h>

#define ROUNDS      10000u
#define LONG_MS     5000u /* no wait of these cases takes so long, but one that is never woken */
#define MAX_HELPERS 8u

static struct thread *helpers[MAX_HELPERS];

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

/* --- no wake-up is lost ------------------------------------------------------------------- */

static struct wait_queue queue;
static uint32_t turn, given, taken;
static volatile unsigned lost;

static uint32_t read_word(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void write_word(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* Of two threads; less where others may run at the same time, whom each wake-up may have to be sent. */
static unsigned play_rounds(void)
{
	return ROUNDS / smp_count();
}

/* Two threads, by turns: odd and even numbers. */
static void play(void *arg)
{
	uint32_t mine = (uint32_t)(uintptr_t)arg;

	for (uint32_t round = 0; round < play_rounds() && !lost; round++) {
		if (!wait_event_until(&queue, read_word(&turn) == 2 * round + mine,
				      wait_deadline(LONG_MS)))
			lost++;
		write_word(&turn, 2 * round + mine + 1);
		wait_wake_all(&queue);
	}
}

TEST(threads_wake_each_other)
{
	turn = lost = 0;
	jitter_start(NULL);
	if (start_helpers(2, play))
		join_helpers(2);
	jitter_stop();
	EXPECT_EQ(lost, 0);
	EXPECT_EQ(turn, 2 * play_rounds());
	test_note("%u rounds, preempted %lu times", play_rounds(), jitter_count());
}

static void give_one(void)
{
	write_word(&given, given + 1);
	wait_wake_one(&queue);
}

/* What was given between the last look and the sleep is the race. */
TEST(handlers_wake_threads)
{
	given = lost = 0;
	jitter_start(give_one);
	for (taken = 0; taken < ROUNDS && !lost; taken++)
		if (!wait_event_until(&queue, read_word(&given) != taken,
				      wait_deadline(LONG_MS)))
			lost++;
	jitter_stop();
	EXPECT_EQ(lost, 0);
	EXPECT(given >= ROUNDS);
}

static uint32_t word;

static void change_word(void)
{
	write_word(&word, word + 1);
	mm_host_wake(&word);
}

TEST(handlers_wake_by_address)
{
	uint32_t seen = 0;

	word = lost = 0;
	jitter_start(change_word);
	for (unsigned round = 0; round < ROUNDS && !lost; round++) {
		uint64_t start = time_ns();

		EXPECT(mm_host_wait(&word, seen, LONG_MS));
		if (read_word(&word) == seen || time_ns() - start > LONG_MS * 1000000ull)
			lost++;
		seen = read_word(&word);
	}
	jitter_stop();
	EXPECT_EQ(lost, 0);
}

/*
 * Tokens, each of which wakes one thread: all are taken, and each thread gets some.  On several CPUs
 * a quick one may take what another was woken for.
 */
#define TOKENS 2000u

static uint32_t tokens;
static unsigned tokens_taken[4];
static volatile bool no_more_tokens;

static bool take_token(void)
{
	uint32_t n = read_word(&tokens);

	while (n > 0 && !__atomic_compare_exchange_n(&tokens, &n, n - 1, false,
						     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	return n > 0;
}

static void take_tokens(void *arg)
{
	bool got;

	do {
		got = false;
		wait_event(&queue, (got = take_token()) || no_more_tokens);
		tokens_taken[(uintptr_t)arg] += got;
	} while (got);
}

TEST(one_wake_up_each)
{
	unsigned total = 0;

	tokens = 0;
	no_more_tokens = false;
	memset(tokens_taken, 0, sizeof(tokens_taken));
	jitter_start(NULL);
	if (!start_helpers(4, take_tokens))
		return;
	for (unsigned i = 0; i < TOKENS; i++) {
		__atomic_add_fetch(&tokens, 1, __ATOMIC_ACQ_REL);
		wait_wake_one(&queue);
		if (i % 4 == 0)
			thread_yield();
	}
	while (read_word(&tokens) > 0)
		thread_yield();
	no_more_tokens = true;
	wait_wake_all(&queue);
	join_helpers(4);
	jitter_stop();
	for (unsigned i = 0; i < 4; i++) {
		total += tokens_taken[i];
		EXPECT(tokens_taken[i] > 0 || smp_count() > 1);
	}
	EXPECT_EQ(total, TOKENS);
}

/* Woken exactly once for one call: the others on the queue sleep on. */
static volatile unsigned woken;

static void count_wake_ups(void *arg)
{
	struct waiter waiter;

	(void)arg;
	wait_begin(&waiter, &queue);
	if (wait_block(&waiter, WAIT_FOREVER))
		woken++;
	wait_end(&waiter);
}

TEST(wake_one_wakes_the_first)
{
	threads_start_on(BOOT_CPU);
	woken = 0;
	timer_stop(); /* nobody runs but by our leave */
	if (!start_helpers(3, count_wake_ups))
		return;
	thread_yield();
	EXPECT_EQ(woken, 0);
	for (unsigned i = 0; i < 3; i++) {
		wait_wake_one(&queue);
		EXPECT(helpers[i]->state == THREAD_READY);
		EXPECT(i == 2 || helpers[i + 1]->state == THREAD_BLOCKED);
		thread_yield();
		EXPECT_EQ(woken, i + 1);
	}
	join_helpers(3);
	EXPECT(queue.first == NULL);
	timer_start(TIMER_HZ, NULL);
}

/* --- the clock ---------------------------------------------------------------------------- */

#define STEP_NS     20000000u
#define STEP_NS_MAX (STEP_NS << 6)

static uint64_t start_ns, step_ns;
static char woken_order[MAX_HELPERS + 1];
static unsigned char sleep_rank[MAX_HELPERS]; /* in which order they are to wake */
static unsigned early;

static void sleep_by_rank(void *arg)
{
	unsigned i = (unsigned)(uintptr_t)arg;
	uint64_t wake_ns = start_ns + step_ns * (sleep_rank[i] / 2 + 1);

	thread_sleep_until(wake_ns);
	if (time_ns() < wake_ns)
		__atomic_add_fetch(&early, 1, __ATOMIC_RELAXED);
	woken_order[__atomic_fetch_add(&woken, 1, __ATOMIC_RELAXED)] =
		(char)('a' + sleep_rank[i]);
}

static void shuffle_ranks(void)
{
	for (unsigned i = 0; i < MAX_HELPERS; i++)
		sleep_rank[i] = (unsigned char)i;
	for (unsigned i = MAX_HELPERS - 1; i > 0; i--) {
		unsigned j = test_random_below(i + 1);
		unsigned char swap = sleep_rank[i];

		sleep_rank[i] = sleep_rank[j];
		sleep_rank[j] = swap;
	}
}

/* By pairs of the same time: did each pair wake in its turn? */
static bool wake_in_pairs(uint64_t step)
{
	woken = 0;
	memset(woken_order, 0, sizeof(woken_order));
	step_ns = step;
	start_ns = time_ns() + step;
	if (!start_helpers(MAX_HELPERS, sleep_by_rank))
		return false;
	join_helpers(MAX_HELPERS);
	for (unsigned i = 0; i < MAX_HELPERS; i++)
		if ((unsigned)(woken_order[i] - 'a') / 2 != i / 2)
			return false;
	return true;
}

/*
 * Whatever the order of going to sleep.  An emulated machine stands still at times, for longer than
 * a step: who should have woken meanwhile wakes all at once, and may be preempted before he
 * writes his letter.  So steps become longer until they are long enough; a wrong order stays wrong.
 */
TEST(sleepers_wake_in_order)
{
	uint64_t step = STEP_NS;
	bool in_order;

	threads_start_on(BOOT_CPU);
	shuffle_ranks();
	early = 0;
	while (!(in_order = wake_in_pairs(step)) && step < STEP_NS_MAX && !test_failed())
		step *= 2;
	EXPECT_EQ(early, 0);
	EXPECTF(in_order, "they woke as %s", woken_order);
	EXPECT(step == STEP_NS || !clock_counts_instructions());
}

TEST(timed_waits_end)
{
	uint64_t start = time_ns();
	uint32_t zero = 0;

	EXPECT(!wait_event_until(&queue, false, start + STEP_NS));
	EXPECT(time_ns() >= start + STEP_NS);
	EXPECT(queue.first == NULL);
	EXPECT(!wait_event_until(&queue, false, 0)); /* long over */
	EXPECT(wait_event_until(&queue, true, 0));
	EXPECT(wait_event_until(&queue, time_ns() >= start + 2 * STEP_NS, start + 2 * STEP_NS));
	start = time_ns();
	EXPECT(mm_host_wait(&zero, 0, 20));
	EXPECT(time_ns() >= start + 20 * 1000000u);
	EXPECT(mm_host_wait(&zero, 1, LONG_MS)); /* at once: it is not 1 */
	EXPECT(time_ns() < start + LONG_MS * 1000000ull);
}

static void wake_in_vain(void *arg)
{
	(void)arg;
	while (!no_more_tokens) {
		wait_wake_all(&queue);
		thread_sleep_ms(1);
	}
}

/* However often it is woken for nothing, its time is not longer for that. */
TEST(vain_wake_ups_do_not_prolong)
{
	uint64_t start;

	no_more_tokens = false;
	if (!start_helpers(1, wake_in_vain))
		return;
	start = time_ns();
	EXPECT(!wait_event_until(&queue, time_ns() - start > LONG_MS * 1000000ull,
				 wait_deadline(50)));
	no_more_tokens = true;
	join_helpers(1);
}

/* A condition that itself waits: the wake-ups of the outer queue wait for it. */
static struct wait_queue inner;

static bool sleepy_condition(void)
{
	(void)wait_event_until(&inner, false, wait_deadline(10));
	return read_word(&given) > 0;
}

static void give_during_condition(void *arg)
{
	(void)arg;
	while (!inner.first)
		thread_yield();
	give_one();
}

TEST(conditions_may_wait)
{
	given = 0;
	if (!start_helpers(1, give_during_condition))
		return;
	EXPECT(wait_event_until(&queue, sleepy_condition(), wait_deadline(LONG_MS)));
	join_helpers(1);
}

/* --- mutexes -------------------------------------------------------------------------------- */

#define MUTEX_ROUNDS 2500u

static struct mutex mutex = MUTEX(test_mutex);
static volatile unsigned counter, inside, violations;

static void increment(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < MUTEX_ROUNDS; i++) {
		unsigned value;

		if (i % 4 || !mutex_trylock(&mutex))
			mutex_lock(&mutex);
		violations += inside++ != 0 || !mutex_is_mine(&mutex);
		value = counter;
		if (i % 16 == 0)
			thread_yield();
		counter = value + 1;
		inside--;
		mutex_unlock(&mutex);
	}
}

TEST(mutex_excludes)
{
	counter = inside = violations = 0;
	jitter_start(NULL);
	if (start_helpers(4, increment))
		join_helpers(4);
	jitter_stop();
	EXPECT_EQ(violations, 0);
	EXPECT_EQ(counter, 4 * MUTEX_ROUNDS);
	EXPECT(mutex.owner == NULL);
	EXPECT(mutex.waiters.first == NULL);
	EXPECT(current()->held == NULL);
}

TEST(mutex_locked_again)
{
	expect_report(MM_REPORT_MISUSE, 1);
	mutex_lock(&mutex);
	mutex_lock(&mutex);
	EXPECT_REPORT_TEXT("mutex test_mutex locked again by thread main, which holds it");
	mutex_unlock(&mutex);
	EXPECT(mutex_is_mine(&mutex));
	mutex_unlock(&mutex);
	EXPECT(!mutex_is_mine(&mutex));
	EXPECT(mutex_trylock(&mutex));
	EXPECT(!mutex_trylock(&mutex));
	mutex_unlock(&mutex);
}

static void unlock_what_is_not_mine(void *arg)
{
	(void)arg;
	mutex_unlock(&mutex);
}

TEST(mutex_unlocked_by_another)
{
	expect_report(MM_REPORT_MISUSE, 2);
	mutex_lock(&mutex);
	if (start_helpers(1, unlock_what_is_not_mine))
		join_helpers(1);
	EXPECT_REPORT_TEXT("unlocked by thread helper, which does not hold it");
	EXPECT(mutex_is_mine(&mutex));
	mutex_unlock(&mutex);
	mutex_unlock(&mutex);
	EXPECT_REPORT_TEXT("unlocked by thread main");
}

static struct mutex other_mutex = MUTEX(other_mutex);

static void exit_with_mutexes(void *arg)
{
	(void)arg;
	mutex_lock(&mutex);
	mutex_lock(&other_mutex);
}

TEST(mutex_of_the_dead)
{
	expect_report(MM_REPORT_MISUSE, 2);
	test_log_begin();
	if (start_helpers(1, exit_with_mutexes))
		join_helpers(1);
	EXPECT_LOG("thread helper ends and holds mutex other_mutex");
	EXPECT_LOG("thread helper ends and holds mutex test_mutex");
	EXPECT(mutex_trylock(&mutex));
	EXPECT(mutex_trylock(&other_mutex));
	mutex_unlock(&mutex); /* in the order of locking, which need not be reversed */
	mutex_unlock(&other_mutex);
}

/* --- where nobody may sleep ----------------------------------------------------------------- */

static __attribute__((noinline)) void sleep_with_interrupts_off(void)
{
	uint32_t flags = irq_save();

	thread_sleep_ms(1);
	irq_restore(flags);
}

static __attribute__((noinline)) void sleep_without_preemption(void)
{
	preempt_disable();
	thread_sleep_ms(1);
	preempt_enable();
}

static __attribute__((noinline)) void lock_without_preemption(void)
{
	preempt_disable();
	mutex_lock(&mutex);
	mutex_unlock(&mutex);
	preempt_enable();
}

static __attribute__((noinline)) void wait_with_interrupts_off(void)
{
	uint32_t flags = irq_save();

	EXPECT(!wait_event_until(&queue, false, wait_deadline(LONG_MS)));
	wait_event(&queue, true);
	irq_restore(flags);
}

static volatile unsigned handled;

static __attribute__((noinline)) void sleep_in_handler(struct trap_frame *frame)
{
	(void)frame;
	thread_sleep_ms(1);
	handled++;
}

static void in_handler(void)
{
	handled = 0;
	timer_arm(20, sleep_in_handler);
	while (!handled)
		cpu_relax();
	timer_start(TIMER_HZ, NULL);
}

static const struct {
	void (*function)(void);
	unsigned sites;
	const char *report, *caller, *context;
} forbidden[] = {
	{sleep_with_interrupts_off, 1, "thread_sleep_ms may sleep",
	 "sleep_with_interrupts_off+0x", "thread main, interrupt depth 0, interrupts off"},
	{sleep_without_preemption, 1, "thread_sleep_ms may sleep",
	 "sleep_without_preemption+0x", "(preempt count 1)"},
	{lock_without_preemption, 1, "mutex_lock may sleep", "lock_without_preemption+0x",
	 "(preempt count 1)"},
	{wait_with_interrupts_off, 2, "this function may sleep", "wait_with_interrupts_off+0x",
	 "interrupts off"},
	{in_handler, 1, "thread_sleep_ms may sleep", "sleep_in_handler+0x",
	 "interrupt in thread main, interrupt depth 1"},
};

/* Each is reported the first time, with the culprit's name; and goes on. */
TEST(sleeping_where_it_is_forbidden)
{
	for (unsigned i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		expect_report(MM_REPORT_MIGHT_SLEEP, forbidden[i].sites);
		test_log_begin();
		forbidden[i].function();
		EXPECT_LOG(forbidden[i].report);
		EXPECT_LOG(forbidden[i].context);
		if (live_has_symbols())
			EXPECT_LOG(forbidden[i].caller);
		forbidden[i].function(); /* not again */
	}
	EXPECT(may_sleep());
	EXPECT_EQ(cpu_irq_depth(), 0);
}

TEST_SUITE(wait, threads_wake_each_other, handlers_wake_threads, handlers_wake_by_address,
	   one_wake_up_each, wake_one_wakes_the_first, sleepers_wake_in_order, timed_waits_end,
	   vain_wake_ups_do_not_prolong, conditions_may_wait, mutex_excludes,
	   mutex_locked_again, mutex_unlocked_by_another, mutex_of_the_dead,
	   sleeping_where_it_is_forbidden);
