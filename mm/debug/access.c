// SPDX-License-Identifier: MIT
/*
 * Accesses that a compiler's checks have found bad: what they were meant for, in words.
 *
 * No locks: what is told may be stale by the time that it is printed.
 */
#include <late.h>
#include <page.h>
#include <pointer.h>
#include <report.h>
#include <slab.h>
#include <slab_debug.h>

/* An access, and the object that it was meant for, as far as one can tell. */
struct access {
	const char *p;
	size_t size;
	bool write;
	uintptr_t ip;

	bool is_free;       /* what lies there */
	const char *object; /* NULL: no slab's */
	size_t requested;
	const char *cache;
};

static void aim_at(struct access *access, const struct slab *slab, size_t index)
{
	access->object = slab_object(slab, (unsigned)index);
	access->requested = slab_debug_requested(slab, (unsigned)index);
	access->cache = slab->cache->name;
	access->is_free = slab->state[index] != OBJECT_LIVE && access->p >= access->object &&
			  access->p < access->object + slab->cache->object_size;
}

/* In a gap between two objects: the nearer one. */
static void find_object(struct access *access, const struct slab *slab)
{
	size_t size = slab->cache->size, offset, index;

	if (access->p < slab->base) {
		aim_at(access, slab, 0);
		return;
	}
	offset = (size_t)(access->p - slab->base);
	index = min_size(offset / size, (size_t)slab->nr - 1);
	offset -= index * size;
	if (index + 1 < slab->nr && offset >= slab->cache->object_size &&
	    size - offset < offset - slab->cache->object_size)
		index++;
	aim_at(access, slab, index);
}

static void find_target(struct access *access)
{
	struct page *page = page_of_address(access->p), *head = page ? page_head(page) : NULL;

	if (!head)
		return;
	if (head->kind == PAGE_SLAB)
		find_object(access, head->slab);
	else
		access->is_free = head->kind == PAGE_FREE || head->kind == PAGE_LISTED;
}

static void report_access(const struct access *access)
{
	const char *end = access->object + access->requested, *p = access->p;
	const char *verb = access->write ? "write" : "read";
	enum mm_report_kind kind =
		access->is_free ? MM_REPORT_USE_AFTER_FREE : MM_REPORT_OUT_OF_BOUNDS;
	struct report report;

	if (!access->object)
		report_begin(&report, kind, (uintptr_t)p, access->ip, "%s of %zu bytes at %p",
			     verb, access->size, (const void *)p);
	else
		report_begin(&report, kind, (uintptr_t)p, access->ip,
			     "%s of %zu bytes at %p, %zu bytes %s the %zu-byte object at %p of "
			     "cache %s",
			     verb, access->size, (const void *)p,
			     p < access->object ? (size_t)(access->object - p)
			     : p < end          ? (size_t)(p - access->object)
						: (size_t)(p - end),
			     p < access->object ? "before"
			     : p < end          ? "inside"
						: "after",
			     access->requested, (const void *)access->object, access->cache);
	pointer_describe(&report, access->object ? access->object : p);
	report_end(&report, "the access goes on");
}

void mm_report_access(uintptr_t address, size_t size, bool write, uintptr_t ip)
{
	struct access access = {
		.p = (const char *)address, .size = size, .write = write, .ip = ip};
	struct mm_context context;

	mm_host_context(&context);
	if (context.kind == MM_CONTEXT_NMI)
		late_hold();
	find_target(&access);
	report_access(&access);
	if (context.kind == MM_CONTEXT_NMI)
		late_let_go();
}
