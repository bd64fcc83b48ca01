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

/* Is what lies there free? */
static bool is_free(const void *p)
{
	const struct page *page = page_of_address(p);
	const struct slab *slab;
	uintptr_t offset;

	if (!page || page->kind == PAGE_HOLE || page->kind == PAGE_RESERVED)
		return false;
	if (page->kind != PAGE_SLAB) {
		page = page_head((struct page *)(uintptr_t)page);
		return page && (page->kind == PAGE_FREE || page->kind == PAGE_LISTED);
	}
	slab = page->slab;
	offset = (uintptr_t)p - (uintptr_t)slab->base;
	return (uintptr_t)p >= (uintptr_t)slab->base && offset / slab->cache->size < slab->nr &&
	       offset % slab->cache->size < slab->cache->object_size &&
	       slab->state[offset / slab->cache->size] != OBJECT_LIVE;
}

static void report_access(uintptr_t address, size_t size, bool write, uintptr_t ip)
{
	const void *p = (const void *)address;
	struct report report;

	report_begin(&report,
		     is_free(p) ? MM_REPORT_USE_AFTER_FREE : MM_REPORT_OUT_OF_BOUNDS, address, ip,
		     "%s of %zu bytes at %p", write ? "write" : "read", size, p);
	pointer_describe(&report, p);
	report_end(&report, "the access goes on");
}

void mm_report_access(uintptr_t address, size_t size, bool write, uintptr_t ip)
{
	struct mm_context context;

	mm_host_context(&context);
	if (context.kind == MM_CONTEXT_NMI)
		late_hold();
	report_access(address, size, write, ip);
	if (context.kind == MM_CONTEXT_NMI)
		late_let_go();
}
