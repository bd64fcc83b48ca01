// SPDX-License-Identifier: MIT
/*
 * What each step of the allocator costs.
 *
 * Where the clock counts instructions (QEMU's -icount shift=0, which `make bench` uses) the
 * numbers are guest instructions, exact and the same in every run; ten nops against eleven
 * prove it first.  Elsewhere they are ticks of the TSC, the least of ROUNDS.
 *
 * Each row is one line for people and one for programs, which begins with "bench" and has
 * tabs between name, operations, ticks, and ticks for each operation in hundredths.  The
 * cost of the loop itself is a row of its own, and is not taken out of the others.
 */
#include "../kernel/icount.h"
#include <harness.h>
#include <kernel/cpu.h>
#include <kernel/printk.h>
#include <kernel/time.h>

#include <mm/format.h>
#include <mm/kmalloc.h>
#include <mm/kvmalloc.h>
#include <mm/nolock.h>
#include <mm/page_alloc.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>
#include <run.h>

#define ROUNDS     5
#define LOOPS      1000u
#define BATCH      10000u
#define LINE_BYTES 120

bool bench_run(const char *filter);

/* Runs something n times and returns the ticks; 0: impossible on this machine. */
typedef uint64_t (*measurement)(unsigned n);

/* Keeps the compiler from knowing a value, and from dropping what makes it. */
#define KEEP(x) __asm__ volatile("" : "+r"(x) : : "memory")

#define LOOP(name, body)                           \
	static uint64_t name(unsigned n)           \
	{                                          \
		uint64_t start = rdtsc();          \
                                                   \
		for (unsigned i = 0; i < n; i++) { \
			body;                      \
			KEEP(i);                   \
		}                                  \
		return rdtsc() - start;            \
	}

/* Allocate and free, again and again: the fast path of both. */
#define PAIR(name, type, alloc, free) LOOP(name, type p = alloc; KEEP(p); free)

static struct kmem_cache *cache;
static volatile size_t variable_size;

#define BULK 16u
static void *bulk[BULK];

LOOP(loop, )
PAIR(kmalloc_constant, void *, kmalloc(64, GFP_KERNEL), kfree(p))
PAIR(kmalloc_constant_atomic, void *, kmalloc(64, GFP_ATOMIC), kfree(p))
PAIR(kmalloc_variable, void *, kmalloc(variable_size, GFP_KERNEL), kfree(p))
PAIR(kmalloc_variable_atomic, void *, kmalloc(variable_size, GFP_ATOMIC), kfree(p))
PAIR(kzalloc_constant, void *, kzalloc(64, GFP_KERNEL), kfree(p))
PAIR(kmalloc_1024, void *, kmalloc(1024, GFP_KERNEL), kfree(p))
PAIR(kmalloc_4096, void *, kmalloc(4096, GFP_KERNEL), kfree(p))
PAIR(kmalloc_16384, void *, kmalloc(16384, GFP_KERNEL), kfree(p))
PAIR(kmalloc_without_locks, void *, kmalloc_nolock(64, 0), kfree_nolock(p))
PAIR(cache_pair, void *, kmem_cache_alloc(cache, GFP_KERNEL), kmem_cache_free(cache, p))
PAIR(cache_pair_atomic, void *, kmem_cache_alloc(cache, GFP_ATOMIC), kmem_cache_free(cache, p))
LOOP(bulk_pair, size_t got = kmem_cache_alloc_bulk(cache, GFP_KERNEL, BULK, bulk); KEEP(got);
     kmem_cache_free_bulk(cache, BULK, bulk))
PAIR(pages_0, struct page *, alloc_pages(GFP_KERNEL, 0), __free_pages(p, 0))
PAIR(pages_1, struct page *, alloc_pages(GFP_KERNEL, 1), __free_pages(p, 1))
PAIR(pages_3, struct page *, alloc_pages(GFP_KERNEL, 3), __free_pages(p, 3))
PAIR(pages_9_there, struct page *, alloc_pages(GFP_KERNEL | __GFP_NOWARN, 9),
     __free_pages(p, 9))

PAIR(vmalloc_8192, void *, vmalloc(8192), vfree(p))
PAIR(vmalloc_65536, void *, vmalloc(65536), vfree(p))
PAIR(kvmalloc_8192, void *, kvmalloc(8192, GFP_KERNEL), kvfree(p))
PAIR(kmalloc_high_8192, void *, kmalloc(8192, GFP_HIGHUSER), kfree(p))

/* A small machine has no block so large: a failure would be measured. */
static uint64_t pages_9(unsigned n)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_NOWARN, 9);

	if (!page)
		return 0;
	__free_pages(page, 9);
	return pages_9_there(n);
}

/* --- batches: many live at once, which brings the slabs in ------------------------------- */

static void **batch;

static bool batch_has_room(size_t bytes)
{
	return batch && nr_free_pages() > 2 * (bytes / PAGE_SIZE) + 256;
}

static uint64_t alloc_batch(size_t size, unsigned n)
{
	uint64_t start = rdtsc();

	for (unsigned i = 0; i < n; i++)
		batch[i] = kmalloc(size, GFP_KERNEL);
	return rdtsc() - start;
}

static uint64_t free_batch(unsigned n)
{
	uint64_t start = rdtsc();

	for (unsigned i = 0; i < n; i++)
		kfree(batch[i]);
	return rdtsc() - start;
}

static uint64_t batch_of(size_t size, unsigned n, bool count_alloc)
{
	uint64_t alloc, free;

	if (!batch_has_room(n * size))
		return 0;
	alloc = alloc_batch(size, n);
	free = free_batch(n);
	return count_alloc ? alloc : free;
}

static uint64_t alloc_64(unsigned n)
{
	return batch_of(64, n, true);
}

static uint64_t free_64(unsigned n)
{
	return batch_of(64, n, false);
}

static uint64_t alloc_256(unsigned n)
{
	return batch_of(256, n, true);
}

static uint64_t free_256(unsigned n)
{
	return batch_of(256, n, false);
}

static uint64_t batch_of_pages(unsigned n, bool count_alloc)
{
	uint64_t start, alloc, free;

	if (!batch_has_room(n * PAGE_SIZE))
		return 0;
	start = rdtsc();
	for (unsigned i = 0; i < n; i++)
		batch[i] = alloc_pages(GFP_KERNEL, 0);
	alloc = rdtsc() - start;
	start = rdtsc();
	for (unsigned i = 0; i < n; i++)
		__free_pages(batch[i], 0);
	free = rdtsc() - start;
	return count_alloc ? alloc : free;
}

static uint64_t alloc_page_batch(unsigned n)
{
	return batch_of_pages(n, true);
}

static uint64_t free_page_batch(unsigned n)
{
	return batch_of_pages(n, false);
}

/* --- the table ---------------------------------------------------------------------------- */

static const struct {
	const char *name, *text;
	measurement measure;
	unsigned n;
} benches[] = {
	{"loop", "the loop itself", loop, LOOPS},
	{"kmalloc-64", "kmalloc + kfree, 64 B, constant, KERNEL", kmalloc_constant, LOOPS},
	{"kmalloc-64-atomic", "kmalloc + kfree, 64 B, constant, ATOMIC",
	 kmalloc_constant_atomic, LOOPS},
	{"kmalloc-64-variable", "kmalloc + kfree, 64 B, not constant, KERNEL", kmalloc_variable,
	 LOOPS},
	{"kmalloc-64-variable-atomic", "kmalloc + kfree, 64 B, not constant, ATOMIC",
	 kmalloc_variable_atomic, LOOPS},
	{"kzalloc-64", "kzalloc + kfree, 64 B, constant, KERNEL", kzalloc_constant, LOOPS},
	{"kmalloc-64-nolock", "kmalloc_nolock + kfree_nolock, 64 B, constant",
	 kmalloc_without_locks, LOOPS},
	{"kmalloc-1024", "kmalloc + kfree, 1024 B", kmalloc_1024, LOOPS},
	{"kmalloc-4096", "kmalloc + kfree, 4096 B", kmalloc_4096, LOOPS},
	{"kmalloc-16384", "kmalloc + kfree, 16384 B: whole pages", kmalloc_16384, LOOPS},
	{"cache-40", "kmem_cache_alloc + free, 40 B, KERNEL", cache_pair, LOOPS},
	{"cache-40-atomic", "kmem_cache_alloc + free, 40 B, ATOMIC", cache_pair_atomic, LOOPS},
	{"cache-40-bulk", "kmem_cache bulk, 40 B: 16 objects, alloc + free", bulk_pair, LOOPS},
	{"batch-64-alloc", "10,000 x 64 B live: alloc each", alloc_64, BATCH},
	{"batch-64-free", "10,000 x 64 B live: free each", free_64, BATCH},
	{"batch-256-alloc", "10,000 x 256 B live: alloc each", alloc_256, BATCH},
	{"batch-256-free", "10,000 x 256 B live: free each", free_256, BATCH},
	{"pages-0", "alloc_pages + free, order 0", pages_0, LOOPS},
	{"pages-1", "alloc_pages + free, order 1", pages_1, LOOPS},
	{"pages-3", "alloc_pages + free, order 3", pages_3, LOOPS},
	{"pages-9", "alloc_pages + free, order 9", pages_9, LOOPS},
	{"vmalloc-8192", "vmalloc + vfree, 8192 B", vmalloc_8192, LOOPS},
	{"vmalloc-65536", "vmalloc + vfree, 65536 B", vmalloc_65536, LOOPS},
	{"kvmalloc-8192", "kvmalloc + kvfree, 8192 B", kvmalloc_8192, LOOPS},
	{"kmalloc-high-8192", "kmalloc(GFP_HIGHUSER) + kfree, 8192 B", kmalloc_high_8192,
	 LOOPS},
	{"batch-pages-alloc", "1,000 pages live: alloc each", alloc_page_batch, LOOPS},
	{"batch-pages-free", "1,000 pages live: free each", free_page_batch, LOOPS},
};

#define NR_BENCHES (sizeof(benches) / sizeof(benches[0]))

static void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void print(const char *format, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, format);
	mm_vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	printk_raw(line);
}

/* The least of some rounds; the first one only warms up. */
static uint64_t least(measurement measure, unsigned n)
{
	uint64_t best = 0;

	for (unsigned round = 0; round <= ROUNDS; round++) {
		uint64_t ticks = measure(n);

		if (round == 1 || (round > 1 && ticks < best))
			best = ticks;
	}
	return best;
}

static void run_one(size_t i)
{
	uint64_t ticks = least(benches[i].measure, benches[i].n);
	uint64_t hundredths = ticks * 100 / benches[i].n;

	if (ticks == 0) {
		print("  %-46s      not enough memory", benches[i].text);
		return;
	}
	print("  %-46s %8u.%02u", benches[i].text, (unsigned)(hundredths / 100),
	      (unsigned)(hundredths % 100));
	print("bench\t%s\t%u\t%llu\t%llu", benches[i].name, benches[i].n,
	      (unsigned long long)ticks, (unsigned long long)hundredths);
}

/* The benchmarks whose name matches a glob of `filter`; true if any did and all went well. */
bool bench_run(const char *filter)
{
	bool exact = clock_counts_instructions();
	unsigned n = 0;

	if (!cpu_features.tsc) {
		print("bench: this CPU has no clock to measure by");
		return false;
	}
	timer_stop(); /* nothing comes in between, and GFP_KERNEL is allowed */
	variable_size = 64;
	cache = kmem_cache_create("bench-40", 40, 0, 0, NULL);
	batch = kmalloc(BATCH * sizeof(*batch), GFP_KERNEL | __GFP_NOWARN);
	print("bench: %s for each operation",
	      exact ? "guest instructions" : "ticks of the TSC, not exact,");
	for (size_t i = 0; cache && i < NR_BENCHES; i++) {
		if (*filter && !glob_list_matches(filter, benches[i].name))
			continue;
		run_one(i);
		n++;
	}
	kfree(batch);
	if (cache)
		kmem_cache_destroy(cache);
	timer_start(TIMER_HZ, NULL);
	return n > 0 && mm_report_total() == 0;
}
