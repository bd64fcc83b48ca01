/* SPDX-License-Identifier: MIT */
/*
 * Every order in which the steps of a few threads can come, one after the other: systematic
 * exploration, as CHESS does it (Musuvathi and others 2008), of mm/ as it is and not of a model.
 *
 * mm/ is compiled with -fsanitize=thread, but what the compiler calls before each atomic operation
 * is ours (hooks.c): there, and where a thread waits, is a place where another one may go on.
 * All are coroutines of one process, so a run is repeated exactly by the choices that were made.
 * What lies between two such places is done at once; that nothing else is shared is
 * ThreadSanitizer's to say (tests/threads).  Memory is sequentially consistent here.
 *
 * Switches that a thread did not ask for, by waiting or ending, are counted: most mistakes need
 * no more than two of them.  Up to a number of them the search is complete.
 */
#ifndef TESTS_EXPLORE_H
#define TESTS_EXPLORE_H

#include <mm/types.h>

#define EXPLORE_THREADS_MAX 4u

struct exploration {
	/* On a machine that has just been booted, by one thread. */
	void (*begin)(void);
	/* One for each thread, NULL behind the last; thread i runs on CPU i. */
	void (*threads[EXPLORE_THREADS_MAX + 1])(void);
	/* When all have ended: EXPECT() what must hold in each order. */
	void (*end)(void);
	unsigned
		switches; /* that nobody asked for, at most; one less with little effort, if there are several */
	bool times_out; /* a wait may end by its time, if nobody else can go on; else that is a failure */
	/* Where others may go on unasked: before atomic operations on these objects.  NULL: on any. */
	bool (*is_place)(const volatile void *object);
};

/*
 * Run it in all orders.  A failure ends the search, with the order that led to it as a remark.
 * Returns how many orders there were.
 */
unsigned long explore(const struct exploration *exploration);

/* Of the running order: a place where another thread may go on, before something is done to `object`. */
void explore_step(const volatile void *object);

/* The same for a search that has to find something: does any order fail?  Fails no case by itself. */
bool explore_finds_failure(const struct exploration *exploration);

/* --- for the port ------------------------------------------------------------------------- */

/* Let others go on until *word is `value`. */
void explore_wait_until(const uint32_t *word, uint32_t value);

/* Let others go on, if any can. */
void explore_relax(void);

/* Sleep until explore_wake(); true, when its time was over instead. */
bool explore_sleep(const uint32_t *word);
void explore_wake(const uint32_t *word);

/* A word of the running thread's own. */
uint32_t *explore_thread_word(void);

/* A thread cannot go on, and has said why: the order ends here. */
void explore_abandon(void);

#endif
