// SPDX-License-Identifier: MIT
/* See tenant.h. */
#include "tenant.h"
#include <harness.h>
#include <mem.h>
#include <mm/highmem.h>
#include <page.h>

#define BLOCK_PAGES ((size_t)1 << MM_MAX_ORDER)

/* Words of a page that carry its stamp: the first, the last, and some between them. */
#define STAMP_STEP  (PAGE_SIZE / sizeof(uint32_t) / 8 - 1)

static uint32_t stamp_of(size_t number, size_t word)
{
	return (uint32_t)number * 2654435761u ^ (uint32_t)word;
}

static void stamp(struct page *page, size_t number)
{
	uint32_t *words = kmap_local_page(page);

	for (size_t i = 0; i < PAGE_SIZE / sizeof(*words); i += STAMP_STEP)
		words[i] = stamp_of(number, i);
	words[PAGE_SIZE / sizeof(*words) - 1] = stamp_of(number, 0);
	kunmap_local(words);
}

bool tenant_is_stamped(struct page *page, size_t number)
{
	const uint32_t *words = kmap_local_page(page);
	bool right = words[PAGE_SIZE / sizeof(*words) - 1] == stamp_of(number, 0);

	for (size_t i = 0; i < PAGE_SIZE / sizeof(*words); i += STAMP_STEP)
		right = right && words[i] == stamp_of(number, i);
	kunmap_local(words);
	return right;
}

/* The page that was left is written over, as its next owner would: the copy must not mind. */
static bool move_locked(struct tenant *tenant, struct page *from, struct page *to)
{
	size_t i = tenant_find(tenant, from);

	if (i == TENANT_PAGES || page_count(from) != MM_MOVING_REFS)
		return false;
	copy_highpage(to, from);
	stamp(from, TENANT_PAGES);
	tenant->pages[i] = to;
	tenant->moved++;
	return true;
}

static bool move(struct mm_mover *mover, struct page *from, struct page *to)
{
	struct tenant *tenant = (struct tenant *)mover; /* its first member */
	mm_irqflags_t flags;
	bool moved;

	tenant->asked++;
	if (tenant->hook && !tenant->hook(tenant, from, to))
		return false;
	flags = mm_irq_save();
	moved = move_locked(tenant, from, to);
	mm_irq_restore(flags);
	return moved;
}

void tenant_init(struct tenant *tenant)
{
	memset(tenant, 0, sizeof(*tenant));
	tenant->mover.move = move;
}

size_t tenant_find(const struct tenant *tenant, const struct page *page)
{
	size_t i = 0;

	while (i < TENANT_PAGES && tenant->pages[i] != page)
		i++;
	return i;
}

static void own(struct tenant *tenant, size_t i, struct page *page)
{
	tenant->pages[i] = page;
	tenant->nr++;
	stamp(page, i);
	mm_set_movable(page, &tenant->mover);
}

size_t tenant_adopt(struct tenant *tenant, struct page *page)
{
	size_t i = tenant_find(tenant, NULL);

	if (i < TENANT_PAGES)
		own(tenant, i, page);
	return i;
}

void tenant_drop(struct tenant *tenant, size_t i)
{
	struct page *page = tenant->pages[i];

	tenant->pages[i] = NULL;
	tenant->nr--;
	__free_page(page);
}

void tenant_drop_all(struct tenant *tenant)
{
	for (size_t i = 0; i < TENANT_PAGES; i++)
		if (tenant->pages[i])
			tenant_drop(tenant, i);
}

void tenant_nail(struct tenant *tenant, struct page *page)
{
	mm_clear_movable(page);
	tenant->nailed = page;
}

bool tenant_check(const struct tenant *tenant)
{
	size_t found = 0;

	for (size_t i = 0; i < TENANT_PAGES; i++) {
		struct page *page = tenant->pages[i];

		if (!page)
			continue;
		found++;
		if (!EXPECTF(tenant_is_stamped(page, i),
			     "page %zu at frame 0x%x lost its contents", i,
			     pfn_of_page(page)) ||
		    !EXPECT_EQ(page_count(page), 1) ||
		    !EXPECT_EQ(mm_is_movable(page), page != tenant->nailed) ||
		    !EXPECT_EQ(page->mover, &tenant->mover))
			return false;
	}
	return EXPECT_EQ(found, tenant->nr);
}

size_t tenant_pages_near(const struct tenant *tenant, pfn_t pfn)
{
	size_t n = 0;

	for (size_t i = 0; i < TENANT_PAGES; i++) {
		const struct page *page = tenant->pages[i];

		n += page && pfn_of_page(page) >> MM_MAX_ORDER == pfn >> MM_MAX_ORDER;
	}
	return n;
}

pfn_t tenant_settle(struct tenant *tenant, gfp_t gfp, unsigned used)
{
	struct page *block = alloc_pages(gfp | __GFP_NOWARN, MM_MAX_ORDER);
	size_t slot = 0;

	if (!block)
		return PFN_NONE;
	split_page(block, MM_MAX_ORDER);
	for (size_t i = 0; i < BLOCK_PAGES; i++) {
		if (i * used / BLOCK_PAGES == (i + 1) * used / BLOCK_PAGES) {
			__free_page(block + i);
			continue;
		}
		while (slot < TENANT_PAGES && tenant->pages[slot])
			slot++;
		if (!EXPECT(slot < TENANT_PAGES))
			return PFN_NONE;
		own(tenant, slot, block + i);
	}
	return pfn_of_page(block);
}
