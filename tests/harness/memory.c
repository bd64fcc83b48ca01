// SPDX-License-Identifier: MIT
/*
 * What a case leaves behind: the allocator's state before and after it must be the same,
 * but for what the allocator may keep by itself: empty slabs, full magazines, and the
 * objects that both are made of.
 */
#include "run.h"
#include <mem.h>
#include <mm/leak.h>
#include <mm/stats.h>

#define CACHES_MAX          192u

/* mm_check() walks every page: some 50 instructions each. */
#define CHECK_PER_CASE_MAX  ((size_t)1 << 17) /* pages; 512 MiB */
#define CHECK_PER_SUITE_MAX ((size_t)1 << 21)

struct snapshot {
	size_t pages_held; /* neither free nor in slabs, large blocks or vmalloc areas */
	size_t large_pages, vmalloc_pages;
	size_t window_pages; /* not the stale ones, which wait for a flush and nothing else */
	size_t nr_caches;
	size_t live[CACHES_MAX]; /* objects of the i-th cache */
};

static struct snapshot before, after;
static struct mm_leak_mark mark;
static size_t may_keep;
static bool verify;

__attribute__((weak)) bool test_host_memory_up(void)
{
	return true;
}

/* Caches of descriptors and magazines change whenever the allocator sees fit: "NAME-SIZE". */
static bool is_internal(const char *name)
{
	static const char *const names[] = {"slab-descriptor-", "magazine-"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *a = name, *b = names[i];

		while (*b && *a == *b) {
			a++;
			b++;
		}
		if (!*b)
			return true;
	}
	return false;
}

static bool count_live(const struct mm_cache_info *info, void *arg)
{
	struct snapshot *snapshot = arg;

	if (snapshot->nr_caches < CACHES_MAX)
		snapshot->live[snapshot->nr_caches] = is_internal(info->name) ? 0 : info->live;
	snapshot->nr_caches++;
	return true;
}

static void take(struct snapshot *snapshot)
{
	struct mm_memory_info info;

	memset(snapshot, 0, sizeof(*snapshot));
	mm_for_each_cache(count_live, snapshot);
	mm_memory_info(&info);
	snapshot->pages_held = info.managed_pages - info.free_pages - info.slab_pages -
			       info.large_pages - info.vmalloc_pages;
	snapshot->large_pages = info.large_pages;
	snapshot->vmalloc_pages = info.vmalloc_pages;
	snapshot->window_pages = info.window_pages_used;
}

void test_memory_baseline(void)
{
	reports_listen(true);
	if (!test_host_memory_up())
		return;
	take(&before);
	mm_leak_mark(&mark);
}

void memory_begin_case(void)
{
	may_keep = 0;
	verify = true;
	test_memory_baseline();
}

static size_t managed_pages(void)
{
	struct mm_memory_info info;

	mm_memory_info(&info);
	return info.managed_pages;
}

static bool compare_cache(const struct mm_cache_info *info, void *arg)
{
	size_t *i = arg;

	if (*i >= before.nr_caches)
		test_fail(NULL, 0, "the case leaves the cache %s behind", info->name);
	else if (*i < CACHES_MAX && after.live[*i] != before.live[*i])
		test_fail(NULL, 0,
			  "live objects of cache %s: expected %zu as before, found %zu",
			  info->name, before.live[*i], after.live[*i]);
	++*i;
	return true;
}

static void compare(const char *what, size_t was, size_t is, size_t allowed)
{
	if (is < was || is - was > allowed)
		test_fail(NULL, 0, "%s: expected %zu as before, found %zu", what, was, is);
}

void memory_end_case(void)
{
	unsigned failures = running.result->failures;
	size_t cache = 0;

	if (!verify || !test_host_memory_up())
		return;
	if (managed_pages() <= CHECK_PER_CASE_MAX)
		mm_check(); /* reports what it finds, and a report fails the case */
	take(&after);
	mm_for_each_cache(compare_cache, &cache);
	compare("pages held", before.pages_held, after.pages_held, may_keep);
	compare("pages in large blocks", before.large_pages, after.large_pages, 0);
	compare("pages in vmalloc areas", before.vmalloc_pages, after.vmalloc_pages, 0);
	compare("pages of the window", before.window_pages, after.window_pages, 0);
	if (running.result->failures > failures)
		mm_leak_check(&mark); /* whose they are, if that is known */
}

/* Runs outside of any case: what it finds fails the run. */
void memory_end_suite(void)
{
	size_t managed;

	if (!test_host_memory_up())
		return;
	managed = managed_pages();
	if (managed > CHECK_PER_CASE_MAX && managed <= CHECK_PER_SUITE_MAX)
		mm_check();
}

void allow_kept_pages(size_t n)
{
	may_keep = n;
}

void allow_leaks(void)
{
	verify = false;
}
