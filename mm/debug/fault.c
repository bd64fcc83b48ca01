// SPDX-License-Identifier: MIT
/*
 * Fault injection: which requests fail though there is memory.
 *
 * Arming sets the hook, shuts the page lists, and empties the stacks of all caches on all CPUs,
 * in one call to each.  Whoever would fill them asks for the hook with interrupts off: what
 * asked before the call came to its CPU has been emptied by it, and what asks later sees the
 * hook.  So from then on each request comes here.
 *
 * The fate of a candidate is a function of the seed and of its number alone: there is no state
 * of a generator to race for, and where candidates come in the same order a run repeats.
 *
 * I1. armed.fault and armed.word change only while the hook is NULL and no CPU is in decide(),
 *     which looks at the hook, and at them, with interrupts off.
 *
 * No locks: counters are atomic [a], and NMIs may come here.
 */
#include <fault_hook.h>
#include <gfp.h>
#include <log.h>
#include <magazine.h>
#include <mem.h>
#include <mm/fault.h>
#include <page_alloc.h>
#include <page_list.h>
#include <report.h>
#include <slab_debug.h>
#include <zone.h>

static struct {
	struct mm_fault fault;    /* see I1 */
	const uint32_t *word;     /* see I1: the thread's */
	unsigned long candidates; /* [a] */
	unsigned long injected;   /* [a] */
	bool lists_held;          /* by who arms and clears */
} armed;

/* --- which ------------------------------------------------------------------------------- */

static unsigned context_bit(enum mm_context_kind kind)
{
	switch (kind) {
	case MM_CONTEXT_IRQ: return MM_FAULT_IRQ;
	case MM_CONTEXT_NMI: return MM_FAULT_NMI;
	default: return MM_FAULT_THREAD;
	}
}

static bool is_here(const struct mm_fault *fault)
{
	struct mm_context context;

	if (!fault->contexts && !fault->this_thread)
		return true;
	mm_host_context(&context);
	if (fault->contexts && !(fault->contexts & context_bit(context.kind)))
		return false;
	return !fault->this_thread ||
	       (context.kind == MM_CONTEXT_THREAD && mm_host_thread_word() == armed.word);
}

static bool is_wanted(const struct mm_fault *fault, const char *cache, unsigned order)
{
	unsigned kind = cache ? MM_FAULT_OBJECTS : MM_FAULT_PAGES;

	if (fault->kinds && !(fault->kinds & kind))
		return false;
	if (fault->cache[0])
		return cache && slab_debug_matches(fault->cache, cache);
	return cache || order >= fault->min_order;
}

static bool is_candidate(const struct mm_fault *fault, const char *cache, unsigned order,
			 uintptr_t caller)
{
	if (!is_wanted(fault, cache, order))
		return false;
	if (fault->caller_to && (caller < fault->caller_from || caller >= fault->caller_to))
		return false;
	return is_here(fault);
}

/* Random bits for a number: the finalizer of splitmix64. */
static uint32_t mix(uint64_t x)
{
	x *= 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)(x >> 32);
}

/* Does the candidate of this number fail, as far as numbers go? */
static bool is_chosen(const struct mm_fault *fault, unsigned long number)
{
	if (number < fault->space)
		return false;
	if (fault->interval > 1 && (number - fault->space + 1) % fault->interval != 0)
		return false;
	return (uint64_t)mix(fault->seed + number) * MM_FAULT_PER >> 32 < fault->probability;
}

/* One more, unless there were all. */
static bool count_injected(const struct mm_fault *fault)
{
	unsigned long n = __atomic_load_n(&armed.injected, __ATOMIC_RELAXED);

	do {
		if (fault->times > 0 && n >= (unsigned long)fault->times)
			return false;
	} while (!__atomic_compare_exchange_n(&armed.injected, &n, n + 1, true,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

/* *number: of the candidate, from 1 on. */
static bool decide(const char *cache, unsigned order, uintptr_t caller, unsigned long *number)
{
	mm_irqflags_t flags = mm_irq_save();
	bool fails = false;

	if (fault_is_armed() && is_candidate(&armed.fault, cache, order, caller)) {
		*number = __atomic_add_fetch(&armed.candidates, 1, __ATOMIC_RELAXED);
		fails = is_chosen(&armed.fault, *number - 1) && count_injected(&armed.fault);
	}
	mm_irq_restore(flags);
	return fails;
}

#define FLAG_TEXT_MAX 200

static void report_injected(const char *cache, gfp_t gfp, unsigned order, uintptr_t caller,
			    unsigned long number)
{
	char text[FLAG_TEXT_MAX];
	struct report report;

	gfp_describe(gfp, text, sizeof(text));
	if (cache)
		report_begin(&report, MM_REPORT_ALLOC_FAILED, 0, caller,
			     "injected: no object of cache %s for %s", cache, text);
	else
		report_begin(&report, MM_REPORT_ALLOC_FAILED, 0, caller,
			     "injected: no block of order %u for %s", order, text);
	report_line(&report, "fault     candidate %lu since faults were armed", number);
	report_end(&report, "the request fails: NULL");
}

static bool inject(const char *cache, gfp_t gfp, unsigned order, uintptr_t caller)
{
	unsigned long number = 0;

	if ((gfp & __GFP_NOFAIL) || !decide(cache, order, caller, &number))
		return false;
	if (!(gfp & __GFP_NOWARN))
		report_injected(cache, gfp, order, caller, number);
	return true;
}

/* --- arming ------------------------------------------------------------------------------ */

static void hold_lists(bool hold)
{
	if (hold == armed.lists_held)
		return;
	armed.lists_held = hold;
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		if (hold)
			page_lists_shut(&zones[i]);
		else
			page_lists_release(&zones[i]);
	}
}

/* [p] On each CPU.  The list's lock is taken once, since they all come at the same time. */
static void empty_stacks(void *none)
{
	struct list *link;

	(void)none;
	page_lists_drain_here();
	mm_spin_lock(&cache_list_lock);
	list_for_each (link, &cache_list) {
		struct kmem_cache *cache = list_entry(link, struct kmem_cache, link);

		if (this_stack(cache)->magazine)
			magazine_empty_here(cache);
	}
	mm_spin_unlock(&cache_list_lock);
}

static void do_nothing(void *none)
{
	(void)none;
}

/* The hook, and what leads requests to it. */
static void hook(fault_hook_fn function)
{
	__atomic_store_n(&fault_hook, function, __ATOMIC_SEQ_CST);
	pages_ask(function != NULL);
}

void mm_fault_clear(void)
{
	if (!fault_is_armed())
		return;
	hook(NULL);
	mm_host_on_each_cpu(do_nothing, NULL);
	hold_lists(false);
}

void mm_fault_set(const struct mm_fault *fault)
{
	struct kmem_cache *cache = NULL;

	mm_fault_clear();
	armed.fault = *fault;
	armed.word = mm_host_thread_word();
	__atomic_store_n(&armed.candidates, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&armed.injected, 0, __ATOMIC_RELAXED);
	hook(inject);
	hold_lists(true);
	mm_host_on_each_cpu(empty_stacks, NULL);
	/* What was in depots is of no use to anybody now, either. */
	while ((cache = cache_next(cache)) != NULL)
		magazine_trim(cache);
	zone_wake_waiters();
}

void mm_fault_stats(struct mm_fault_stats *stats)
{
	stats->candidates = __atomic_load_n(&armed.candidates, __ATOMIC_RELAXED);
	stats->injected = __atomic_load_n(&armed.injected, __ATOMIC_RELAXED);
	stats->armed = fault_is_armed();
}

bool mm_fault_nth(unsigned long n)
{
	if (n == 0)
		mm_fault_clear();
	else
		mm_fault_set(&(struct mm_fault){
			.this_thread = true,
			.space = n - 1,
			.probability = MM_FAULT_PER,
			.times = 1,
		});
	return n == 0 && __atomic_load_n(&armed.injected, __ATOMIC_RELAXED) > 0;
}

/* --- the option ---------------------------------------------------------------------------- */

static bool ends_word(char c)
{
	return c == '\0' || c == ',';
}

/* What is behind `key` and =, if the word begins so; else NULL. */
static const char *value_of(const char *word, const char *key)
{
	while (*key && *word == *key) {
		word++;
		key++;
	}
	return !*key && *word == '=' ? word + 1 : NULL;
}

/* False for what is no number, or too large a one. */
static bool read_number(const char *at, unsigned long *number)
{
	unsigned long n = 0;

	if (ends_word(*at))
		return false;
	for (; !ends_word(*at); at++) {
		unsigned long digit = (unsigned long)(*at - '0');

		if (*at < '0' || *at > '9' || n > (~0ul - digit) / 10)
			return false;
		n = 10 * n + digit;
	}
	*number = n;
	return true;
}

/* A bit for each letter: that of its place in `letters`. */
static bool read_letters(const char *at, const char *letters, unsigned *bits)
{
	unsigned found = 0;

	for (; !ends_word(*at); at++) {
		unsigned i = 0;

		while (letters[i] && letters[i] != *at)
			i++;
		if (!letters[i])
			return false;
		found |= 1u << i;
	}
	*bits = found;
	return found != 0;
}

static bool read_pattern(const char *at, char *pattern)
{
	size_t n = 0;

	while (!ends_word(at[n]))
		n++;
	if (n == 0 || n >= MM_FAULT_PATTERN)
		return false;
	memcpy(pattern, at, n);
	pattern[n] = '\0';
	return true;
}

#define LONG_MOST (~0ul >> 1)

/* Is the word this key with a number up to `most`? */
static bool read_keyed(const char *word, const char *key, unsigned long most,
		       unsigned long *number)
{
	const char *value = value_of(word, key);

	return value && read_number(value, number) && *number <= most;
}

static bool read_numbers(const char *word, struct mm_fault *fault)
{
	const char *times = value_of(word, "times");
	unsigned long n;

	if (times && times[0] == '-' && times[1] == '1' && ends_word(times[2]))
		fault->times = -1;
	else if (read_keyed(word, "times", LONG_MOST, &n))
		fault->times = (long)n;
	else if (read_keyed(word, "probability", MM_FAULT_PER, &n))
		fault->probability = (unsigned)n;
	else if (read_keyed(word, "interval", ~0ul, &n))
		fault->interval = n;
	else if (read_keyed(word, "space", ~0ul, &n))
		fault->space = n;
	else if (read_keyed(word, "seed", ~0ul, &n))
		fault->seed = n;
	else if (read_keyed(word, "order", MM_MAX_ORDER, &n))
		fault->min_order = (unsigned)n;
	else
		return false;
	return true;
}

static bool read_word(const char *word, struct mm_fault *fault)
{
	const char *value;

	if ((value = value_of(word, "context")) != NULL)
		return read_letters(value, "tin", &fault->contexts);
	if ((value = value_of(word, "kind")) != NULL)
		return read_letters(value, "op", &fault->kinds);
	if ((value = value_of(word, "cache")) != NULL)
		return read_pattern(value, fault->cache);
	return read_numbers(word, fault);
}

bool mm_fault_parse(const char *text, struct mm_fault *fault)
{
	bool good = true;

	memset(fault, 0, sizeof(*fault));
	fault->probability = MM_FAULT_PER;
	while (*text) {
		size_t n = 0;

		while (!ends_word(text[n]))
			n++;
		if (n > 0 && !read_word(text, fault)) {
			mm_log("mm: fault=: cannot use %.*s, ignored", (int)n, text);
			good = false;
		}
		text += n;
		if (*text)
			text++;
	}
	return good;
}
