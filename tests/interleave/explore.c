// SPDX-License-Identifier: MIT
/*
 * See explore.h.
 *
 * An order is the list of choices that were made, one wherever several threads could go on: 0 is who
 * ran, if that one can go on, then come the others by number.  The search goes through the
 * orders as an odometer does: the last choice that has another value left gets the next one, and what
 * comes after it begins at 0 again.
 */
#define _GNU_SOURCE
#include "explore.h"
#include <fcntl.h>
#include <harness.h>
#include <host/host.h>
#include <mm/format.h>
#include <mm/port.h>
#include <run.h>
#include <stdio.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define PLAIN       __attribute__((no_sanitize("thread")))

#define STACK_BYTES (256u << 10)
#define CHOICES_MAX 20000u
#define STEPS_MAX   200000ul /* of one order: it does not end */
#define ORDERS_MAX  5000000ul
#define TEXT_BYTES  400u
#define FOUND       77

enum state {
	RUNS,    /* or could */
	WAITS,   /* until *word == value */
	RELAXES, /* until somebody else has made a step */
	SLEEPS,  /* until it is woken */
	ENDED,
};

static struct thread {
	enum state state;
	const uint32_t *word;
	uint32_t value;
	bool timed_out;
	unsigned long relaxed_at; /* step */
	struct host_thread self;  /* while it does not run */
	uint32_t own_word;
	ucontext_t context;
	void (*body)(void);
	char stack[STACK_BYTES];
} threads[EXPLORE_THREADS_MAX];

static struct choice {
	uint8_t made, of;
	uint8_t thread;     /* that goes on */
	unsigned long step; /* when */
} choices[CHOICES_MAX];

static struct {
	const struct exploration *exploration;
	ucontext_t main;
	bool on;
	unsigned nr_threads, now, switches;
	size_t nr_choices, prefix; /* so many are given */
	unsigned switched;
	unsigned long steps;
} run;

/* --- who can go on --------------------------------------------------------------------------- */

PLAIN static bool can_go_on(const struct thread *thread)
{
	switch (thread->state) {
	case RUNS: return true;
	case WAITS: return *thread->word == thread->value;
	case RELAXES: return run.steps > thread->relaxed_at;
	default: return false;
	}
}

PLAIN static _Noreturn void leave(void)
{
	run.on = false;
	setcontext(&run.main);
	__builtin_unreachable();
}

PLAIN void explore_abandon(void)
{
	if (run.on)
		leave();
}

PLAIN static _Noreturn void fail(const char *why)
{
	run.on = false;
	test_fail(NULL, 0, "%s", why);
	for (unsigned i = 0; i < run.nr_threads; i++) {
		static const char *const words[] = {"could go on", "waits for a lock", "spins",
						    "sleeps", "has ended"};

		test_note("thread %u %s", i, words[threads[i].state]);
	}
	leave();
}

PLAIN static void go_on_as(unsigned next)
{
	unsigned previous = run.now;

	if (next == previous)
		return;
	threads[previous].self = host_self;
	run.now = next;
	host_self = threads[next].self;
	swapcontext(&threads[previous].context, &threads[next].context);
}

/* The candidates, the running thread first if it is one; `forced`: it is not to be one. */
PLAIN static unsigned list_candidates(uint8_t candidates[EXPLORE_THREADS_MAX], bool *free)
{
	unsigned n = 0;

	*free = !can_go_on(&threads[run.now]);
	if (!*free)
		candidates[n++] = (uint8_t)run.now;
	for (unsigned i = 0; i < run.nr_threads; i++)
		if (i != run.now && can_go_on(&threads[i]))
			candidates[n++] = (uint8_t)i;
	return n;
}

/* Nobody can go on.  Those who spin may try again; whose time is over wakes, if that is allowed. */
PLAIN static unsigned somebody(void)
{
	for (unsigned i = 1; i <= run.nr_threads; i++) {
		unsigned next = (run.now + i) % run.nr_threads;

		if (threads[next].state == RELAXES)
			return next;
	}
	for (unsigned i = 0; i < run.nr_threads; i++) {
		if (threads[i].state == SLEEPS && run.exploration->times_out) {
			threads[i].timed_out = true;
			return i;
		}
	}
	fail("nobody can go on: a wake-up was lost, or locks wait for each other");
}

PLAIN static unsigned choose(const uint8_t *candidates, unsigned n, bool free)
{
	struct choice *choice = &choices[run.nr_choices];

	if (!free && run.switched == run.switches)
		n = 1;
	if (n == 1)
		return candidates[0];
	if (run.nr_choices == CHOICES_MAX)
		fail("too many choices in one order");
	if (run.nr_choices >= run.prefix)
		choice->made = 0;
	run.nr_choices++;
	choice->of = (uint8_t)n;
	choice->step = run.steps;
	choice->thread = candidates[choice->made];
	if (!free && choice->made > 0)
		run.switched++;
	return choice->thread;
}

/* Who goes on?  Perhaps the thread that runs. */
PLAIN static void schedule(void)
{
	uint8_t candidates[EXPLORE_THREADS_MAX];
	bool free;
	unsigned n = list_candidates(candidates, &free);
	unsigned next = n ? choose(candidates, n, free) : somebody();

	threads[next].state = RUNS;
	go_on_as(next);
}

/* --- what threads do -------------------------------------------------------------------------- */

PLAIN void explore_step(const volatile void *object)
{
	if (!run.on)
		return;
	if (++run.steps == STEPS_MAX)
		fail("it does not end");
	if (!run.exploration->is_place || run.exploration->is_place(object))
		schedule();
}

PLAIN void explore_wait_until(const uint32_t *word, uint32_t value)
{
	struct thread *self = &threads[run.now];

	if (!run.on)
		return;
	self->state = WAITS;
	self->word = word;
	self->value = value;
	schedule();
}

PLAIN void explore_relax(void)
{
	struct thread *self = &threads[run.now];

	if (!run.on)
		return;
	self->state = RELAXES;
	self->relaxed_at = run.steps;
	schedule();
}

PLAIN bool explore_sleep(const uint32_t *word)
{
	struct thread *self = &threads[run.now];

	self->state = SLEEPS;
	self->word = word;
	self->timed_out = false;
	schedule();
	return self->timed_out;
}

PLAIN void explore_wake(const uint32_t *word)
{
	for (unsigned i = 0; run.on && i < run.nr_threads; i++)
		if (threads[i].state == SLEEPS && threads[i].word == word)
			threads[i].state = RUNS;
}

uint32_t *explore_thread_word(void)
{
	return &threads[run.now].own_word;
}

/* --- one order --------------------------------------------------------------------------------- */

PLAIN static void run_body(void)
{
	threads[run.now].body();
	host_check_quiet();
	for (;;) {
		bool more = false;

		threads[run.now].state = ENDED;
		for (unsigned i = 0; i < run.nr_threads; i++)
			more |= threads[i].state != ENDED;
		if (!more)
			leave();
		schedule();
	}
}

PLAIN static void begin_thread(unsigned i, void (*body)(void))
{
	static const char *const names[] = {"thread-0", "thread-1", "thread-2", "thread-3"};
	struct thread *thread = &threads[i];

	thread->state = RUNS;
	thread->body = body;
	thread->self = (struct host_thread){.name = names[i], .cpu = i % MM_HOST_NR_CPUS};
	getcontext(&thread->context);
	thread->context.uc_stack.ss_sp = thread->stack;
	thread->context.uc_stack.ss_size = STACK_BYTES;
	thread->context.uc_link = NULL;
	makecontext(&thread->context, run_body, 0);
}

/* Small, without high memory: it is booted once for each order. */
static const struct mm_range ram[] = {{0, 640u << 10}, {1u << 20, 3u << 20}};
static const struct host_machine machine = {
	.ram = ram,
	.nr_ram = 2,
	.dma_limit = 1u << 20,
	.low_limit = 1u << 30,
	.max_paddr = 1ull << 32,
	.window_pages = 2048,
};

PLAIN static void run_order(const struct exploration *exploration)
{
	struct host_thread self;

	if (!host_boot(&machine))
		test_fail(NULL, 0, "the machine does not boot");
	exploration->begin();
	if (test_failed())
		return;
	run.nr_choices = run.switched = 0;
	run.steps = 0;
	run.nr_threads = 0;
	while (exploration->threads[run.nr_threads]) {
		begin_thread(run.nr_threads, exploration->threads[run.nr_threads]);
		run.nr_threads++;
	}
	self = host_self;
	run.exploration = exploration;
	run.now = 0;
	host_self = threads[0].self;
	run.on = true;
	swapcontext(&run.main, &threads[0].context);
	host_self = self;
	run.now = 0;
	if (!test_failed())
		exploration->end();
}

/* The next order, if there is one: how many choices of it are given. */
static bool next_order(void)
{
	size_t n = run.nr_choices;

	while (n > 0 && choices[n - 1].made + 1u >= choices[n - 1].of)
		n--;
	if (n == 0)
		return false;
	choices[n - 1].made++;
	run.prefix = n;
	return true;
}

/* Where the order was not that of least effort. */
static void tell_order(unsigned long number)
{
	char text[TEXT_BYTES];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < run.nr_choices && used < TEXT_BYTES - 40; i++)
		if (choices[i].made)
			used += (size_t)mm_snprintf(text + used, TEXT_BYTES - used,
						    " at step %lu thread %u goes on;",
						    choices[i].step, choices[i].thread);
	test_note("order %lu:%s %lu steps in all", number, text, run.steps);
}

#define MUCH_EFFORT 8u

static unsigned long search(const struct exploration *exploration)
{
	unsigned long orders = 0;

	run.switches = exploration->switches;
	if (run.switches > 1 && test_effort() < MUCH_EFFORT)
		run.switches--;
	run.prefix = 0;
	do {
		run_order(exploration);
		orders++;
	} while (!test_failed() && orders < ORDERS_MAX && next_order());
	return orders;
}

unsigned long explore(const struct exploration *exploration)
{
	unsigned long orders = search(exploration);

	if (test_failed())
		tell_order(orders);
	else
		EXPECTF(orders < ORDERS_MAX, "there are more than %lu orders", ORDERS_MAX);
	return orders;
}

bool explore_finds_failure(const struct exploration *exploration)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		static struct test_result nobodys; /* what fails here fails no case */
		int nowhere = open("/dev/null", O_WRONLY);

		dup2(nowhere, STDERR_FILENO);
		dup2(nowhere, STDOUT_FILENO);
		running.result = &nobodys;
		search(exploration);
		_exit(test_failed() ? FOUND : 0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == FOUND;
}
