/* SPDX-License-Identifier: MIT */
/*
 * See <kernel/lock_order.h>.
 *
 * Each CPU has a list of the locks that it holds.  A matrix says which class was ever held when
 * which was taken, closed under "at once or by way of others": a lock may be taken if none of
 * the held ones is reachable from it.
 *
 * I1: a CPU's list is its own, and changes with interrupts off.  An NMI may come in between: it
 *     adds behind what is there and takes that off again, so an entry is claimed first
 *     (`n`), then written.
 * I2: bits of the matrix are only ever set.
 *
 * Locks: `registering`, for new classes, is no spinlock of the kind that is watched.  An NMI
 * handler that finds it taken goes without a class.
 */
#include <kernel/lock_order.h>

#ifdef LOCK_ORDER
#include <kernel/printk.h>
#include <kernel/smp.h>
#include <kernel/spinlock.h>
#include <kernel/string.h>
#include <kernel/symbols.h>
#include <mm/format.h>

#define MAX_CLASSES 96u /* 0: none */
#define MAX_HELD    12u
#define NAME_BYTES  32u
#define MAX_SILENT  64u
#define TEXT_MAX    200u

static char names[MAX_CLASSES][NAME_BYTES];
static unsigned nr_classes = 1;
static bool registering;

static uint32_t after[MAX_CLASSES][MAX_CLASSES / 32]; /* bit j of i: j was taken inside of i */

static struct held_locks {
	unsigned n;
	struct {
		const struct spinlock *lock;
		uint8_t lock_class;
		uint8_t extra; /* times taken again, by mistake */
	} entries[MAX_HELD];
} __attribute__((aligned(CPU_STRIDE))) held[MAX_CPUS];

/* What comes before what, whether it has been seen or not. */
static const struct {
	const char *outer, *inner;
} declared[] = {
	{"cache_list_lock", "cache"}, /* the list of caches, then one of them */
	{"zone", "cache"},            /* that is: no pages are asked for with a cache's lock */
	{"zone", "cache_list_lock"},
};

static unsigned mistakes;
static char *catcher;
static size_t catcher_size;

/* --- reports ------------------------------------------------------------------------------ */

/* Each place once: it may be reached a thousand times a second. */
static bool is_new(uintptr_t caller)
{
	static uintptr_t seen[MAX_SILENT];
	static unsigned nr_seen;
	unsigned n = __atomic_load_n(&nr_seen, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; i < n && i < MAX_SILENT; i++)
		if (seen[i] == caller)
			return false;
	n = __atomic_fetch_add(&nr_seen, 1, __ATOMIC_ACQ_REL);
	if (n < MAX_SILENT)
		seen[n] = caller;
	return n < MAX_SILENT;
}

static void __attribute__((format(printf, 2, 3)))
mistake(uintptr_t caller, const char *format, ...)
{
	char text[TEXT_MAX], place[SYMBOL_TEXT_MAX];
	va_list args;

	va_start(args, format);
	mm_vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (catcher) {
		mm_snprintf(catcher, catcher_size, "%s", text);
		return;
	}
	if (!is_new(caller))
		return;
	__atomic_add_fetch(&mistakes, 1, __ATOMIC_RELAXED);
	printk("lock order: %s; CPU %u, at %s", text, cpu_here->id,
	       symbol_describe_return(caller, place, sizeof(place)));
}

unsigned lock_order_mistakes(void)
{
	return __atomic_load_n(&mistakes, __ATOMIC_RELAXED);
}

void lock_order_catch(char *text, size_t size)
{
	catcher_size = size;
	catcher = text;
}

/* --- classes ------------------------------------------------------------------------------ */

static bool is_name_part(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* Where the word that ends before `end` begins; subscripts are skipped.  *end is moved to its end. */
static size_t word_before(const char *text, size_t *end)
{
	size_t start;

	while (*end > 0 && !is_name_part(text[*end - 1])) {
		if (text[*end - 1] == ']')
			while (*end > 0 && text[*end - 1] != '[')
				--*end;
		if (*end > 0)
			--*end;
	}
	start = *end;
	while (start > 0 && is_name_part(text[start - 1]))
		start--;
	return start;
}

/* "&zones[i].lock" is "zone", and so is "&zone->lock"; "&cache_list_lock" is itself. */
static void plain_name(const char *text, char name[NAME_BYTES])
{
	size_t end = strlen(text), start = word_before(text, &end);
	size_t n = 0;

	if (end - start == 4 && strncmp(text + start, "lock", 4) == 0 && start > 1) {
		size_t outer_end = start, outer = word_before(text, &outer_end);

		if (outer_end > outer) {
			start = outer;
			end = outer_end;
		}
	}
	if (end - start > 2 && text[end - 1] == 's')
		end--;
	while (start < end && n < NAME_BYTES - 1)
		name[n++] = text[start++];
	name[n] = '\0';
}

/* mm names its locks alike in all files; elsewhere only files do. */
static void full_name(const struct lock_site *site, char name[NAME_BYTES])
{
	char plain[NAME_BYTES];
	const char *file = site->file;
	size_t length;

	plain_name(site->name, plain);
	if (strncmp(file, "./", 2) == 0)
		file += 2;
	if (strncmp(file, "mm/", 3) == 0) {
		mm_snprintf(name, NAME_BYTES, "%s", plain);
		return;
	}
	for (const char *c = file; *c; c++)
		if (*c == '/')
			file = c + 1;
	length = strlen(file);
	mm_snprintf(name, NAME_BYTES, "%.*s:%s", (int)(length > 2 ? length - 2 : length), file,
		    plain);
}

static unsigned find_class(const char *name)
{
	unsigned i = 1;

	while (i < nr_classes && strcmp(names[i], name) != 0)
		i++;
	return i;
}

static unsigned add_class(const char *name)
{
	unsigned i = find_class(name);

	if (i == nr_classes && i < MAX_CLASSES) {
		mm_snprintf(names[i], NAME_BYTES, "%s", name);
		nr_classes++;
	}
	return i < MAX_CLASSES ? i : 0;
}

static void set_after(unsigned outer, unsigned inner)
{
	__atomic_fetch_or(&after[outer][inner / 32], 1u << inner % 32, __ATOMIC_RELAXED);
}

static bool is_after(unsigned outer, unsigned inner)
{
	return __atomic_load_n(&after[outer][inner / 32], __ATOMIC_RELAXED) >> inner % 32 & 1;
}

/* `inner` is taken inside of `outer`, and so is all that is inside of it, in all that is outside. */
static void learn(unsigned outer, unsigned inner)
{
	for (unsigned i = 1; i < nr_classes; i++) {
		if (i != outer && !is_after(i, outer))
			continue;
		set_after(i, inner);
		for (unsigned j = 1; j < nr_classes; j++)
			if (is_after(inner, j))
				set_after(i, j);
	}
}

static void declare_all(void)
{
	for (unsigned i = 0; i < sizeof(declared) / sizeof(declared[0]); i++) {
		unsigned outer = add_class(declared[i].outer);
		unsigned inner = add_class(declared[i].inner);

		learn(outer, inner);
	}
}

static void register_site(struct lock_site *site)
{
	uint32_t flags = irq_save();
	char name[NAME_BYTES];

	while (__atomic_exchange_n(&registering, true, __ATOMIC_ACQUIRE)) {
		if (cpu_in_nmi()) {
			irq_restore(flags);
			return;
		}
		ipi_wait();
	}
	if (nr_classes == 1)
		declare_all();
	full_name(site, name);
	site->lock_class = (uint8_t)add_class(name);
	__atomic_store_n(&registering, false, __ATOMIC_RELEASE);
	irq_restore(flags);
}

/* --- the steps ------------------------------------------------------------------------------ */

/* The entry of `lock` on this CPU's list, or its end. */
static unsigned find_held(const struct held_locks *list, const struct spinlock *lock)
{
	unsigned i = list->n < MAX_HELD ? list->n : MAX_HELD;

	while (i > 0 && list->entries[i - 1].lock != lock)
		i--;
	return i > 0 ? i - 1 : list->n;
}

static void check_order(const struct held_locks *list, unsigned taken, uintptr_t caller)
{
	for (unsigned i = 0; i < list->n && i < MAX_HELD; i++) {
		unsigned outer = list->entries[i].lock_class;

		if (!list->entries[i].lock || outer == 0 || taken == 0)
			continue;
		if (outer == taken)
			mistake(caller, "%s taken inside of another %s", names[taken],
				names[outer]);
		else if (is_after(taken, outer))
			mistake(caller, "%s taken inside of %s, which comes after it",
				names[taken], names[outer]);
		else if (!is_after(outer, taken))
			learn(outer, taken);
	}
}

bool lock_order_before(const struct spinlock *lock, struct lock_site *site, bool tries)
{
	uintptr_t caller = (uintptr_t)__builtin_return_address(0);
	struct held_locks *list;
	unsigned i;

	if (!site->lock_class)
		register_site(site);
	if (irqs_enabled()) {
		mistake(caller, "%s taken with interrupts on", names[site->lock_class]);
		return true; /* where it runs may change at any time: nothing else can be said */
	}
	list = &held[cpu_here->id];
	if (tries)
		return true;
	if (cpu_in_nmi())
		mistake(caller, "%s waited for in an NMI handler", names[site->lock_class]);
	i = find_held(list, lock);
	if (i < list->n) {
		mistake(caller, "%s taken twice", names[site->lock_class]);
		list->entries[i].extra++;
		return false;
	}
	check_order(list, site->lock_class, caller);
	return true;
}

void lock_order_taken(const struct spinlock *lock, const struct lock_site *site)
{
	struct held_locks *list;
	unsigned i;

	if (irqs_enabled())
		return;
	list = &held[cpu_here->id];
	i = list->n++;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (i >= MAX_HELD)
		return;
	list->entries[i].lock_class = site->lock_class;
	list->entries[i].extra = 0;
	list->entries[i].lock = lock;
}

static void remove(struct held_locks *list, unsigned i)
{
	for (; i + 1 < list->n && i + 1 < MAX_HELD; i++)
		list->entries[i] = list->entries[i + 1];
	if (i < MAX_HELD)
		list->entries[i].lock = NULL;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	list->n--;
}

bool lock_order_give(const struct spinlock *lock)
{
	uintptr_t caller = (uintptr_t)__builtin_return_address(0);
	struct held_locks *list;
	unsigned i;

	if (irqs_enabled()) {
		mistake(caller, "a spinlock given back with interrupts on");
		return true;
	}
	list = &held[cpu_here->id];
	i = find_held(list, lock);
	if (i == list->n) {
		mistake(caller, "a spinlock given back by CPU %u, which does not have it",
			cpu_here->id);
		return false;
	}
	if (list->entries[i].extra) {
		list->entries[i].extra--;
		return false;
	}
	remove(list, i);
	return true;
}

void lock_order_sleep(const char *function, uintptr_t caller)
{
	uint32_t flags = irq_save();
	const struct held_locks *list = &held[cpu_here->id];

	if (list->n > 0)
		mistake(caller, "%s may sleep, with %s", function,
			names[list->entries[0].lock_class]);
	irq_restore(flags);
}
#endif
