// SPDX-License-Identifier: MIT
/*
 * The model knows which pages are free, and nothing of lists.  It rests on one fact: if
 * free buddies always merge, then the blocks follow from the set of free pages; they are
 * the largest aligned ones that contain free pages only.  So the state that must
 * be there after any history is computed by looking, page by page, without remembering
 * how it came about.  Only the type of a block's list has a history:
 *
 *	alloc	takes the smallest block that is large enough of its own type's; if there
 *		is none the largest of the other's, with the pageblock if it is at least half
 *		of it.  What is left over goes to the requester's lists.
 *	free	puts the merged block on the list of its pageblock's type.
 *
 * A block lies either in the isolated range or outside; those inside are of a type that
 * nobody asks for.
 */
#include "buddy_model.h"
#include <check.h>
#include <harness.h>
#include <mem.h>

struct buddy_model model;
struct page model_pages[MODEL_PAGES];

static unsigned pageblock_of(pfn_t pfn)
{
	return (pfn / 1024) - (model.start / 1024);
}

void model_begin(pfn_t start, pfn_t end, enum block_type initial)
{
	memset(&model, 0, sizeof(model));
	memset(model_pages, 0, sizeof(model_pages));
	model.start = start;
	model.end = end;
	for (unsigned i = 0; i < MODEL_PAGES; i++)
		model.pages[i].order = MODEL_NO_HEAD;
	memset(model.pageblocks, initial, sizeof(model.pageblocks));
	memset(model.block_types, 0xee, sizeof(model.block_types));
	buddy_init(&model.buddy,
		   (uintptr_t)model_pages - (uintptr_t)start * sizeof(struct page), start, end,
		   1, model.block_types, initial);
}

static bool is_isolated(pfn_t pfn)
{
	return pfn >= model.isolated_start && pfn < model.isolated_end;
}

/* Free from end to end, and isolated from end to end or not at all. */
static bool all_free(pfn_t pfn, unsigned order)
{
	if (pfn < model.start || pfn >= model.end || model.end - pfn < 1u << order)
		return false;
	for (pfn_t i = pfn; i < pfn + (1u << order); i++) {
		if (model_page(i)->state != MODEL_FREE || is_isolated(i) != is_isolated(pfn))
			return false;
	}
	return true;
}

/* The free block around a free page: the largest aligned one. */
static pfn_t free_block(pfn_t pfn, unsigned *order)
{
	for (*order = 10; *order > 0; --*order) {
		pfn_t head = pfn / (1u << *order) * (1u << *order);

		if (all_free(head, *order))
			return head;
	}
	return pfn;
}

static void set_type(pfn_t pfn, unsigned order, uint8_t type)
{
	for (pfn_t i = pfn; i < pfn + (1u << order); i++)
		model_page(i)->type = type;
}

void model_hand_over(pfn_t from, pfn_t to)
{
	buddy_add_range(&model.buddy, from, to);
	for (pfn_t pfn = from; pfn < to; pfn++)
		model_page(pfn)->state = MODEL_FREE;
	for (pfn_t pfn = from; pfn < to; pfn++) {
		unsigned order;
		pfn_t head = free_block(pfn, &order);

		set_type(head, order, model.pageblocks[pageblock_of(pfn)]);
	}
}

/* How many free blocks there are of each type and order. */
static void count_blocks(size_t counts[NR_BLOCK_LISTS][MM_NR_ORDERS])
{
	memset(counts, 0, sizeof(size_t) * NR_BLOCK_LISTS * MM_NR_ORDERS);
	for (pfn_t pfn = model.start; pfn < model.end; pfn++) {
		unsigned order;

		if (model_page(pfn)->state == MODEL_FREE && free_block(pfn, &order) == pfn)
			counts[model_page(pfn)->type][order]++;
	}
}

/* Type and order of the block that an allocation must come from; false: it must fail. */
static bool predict(unsigned order, enum block_type type, enum block_type *from_type,
		    unsigned *from_order)
{
	size_t counts[NR_BLOCK_LISTS][MM_NR_ORDERS];

	count_blocks(counts);
	*from_type = type;
	for (*from_order = order; *from_order <= 10; ++*from_order) {
		if (counts[type][*from_order])
			return true;
	}
	*from_type = type == BLOCK_USER ? BLOCK_KERNEL : BLOCK_USER;
	for (*from_order = 10; *from_order + 1 > order; --*from_order) {
		if (counts[*from_type][*from_order])
			return true;
	}
	return false;
}

static void take(pfn_t pfn, unsigned order)
{
	for (pfn_t i = pfn; i < pfn + (1u << order); i++) {
		model_page(i)->state = MODEL_TAKEN;
		model_page(i)->order = MODEL_NO_HEAD;
	}
	model_page(pfn)->order = (uint8_t)order;
}

pfn_t model_alloc(unsigned order, enum block_type type)
{
	enum block_type from_type;
	unsigned from_order, found_order = 0;
	bool possible = predict(order, type, &from_type, &from_order);
	struct page *page = buddy_alloc(&model.buddy, order, type);
	pfn_t pfn;

	if (!possible || !page) {
		EXPECTF(!page == !possible, "order %u: expected %s, found otherwise", order,
			possible ? "a block" : "none");
		return PFN_NONE;
	}
	if (!EXPECTF(page >= model_pages && page < model_pages + (model.end - model.start),
		     "order %u: a page from nowhere", order))
		return PFN_NONE;
	pfn = model.start + (pfn_t)(page - model_pages);
	if (!EXPECTF(model_page(pfn)->state == MODEL_FREE, "frame %u: given out, was not free",
		     pfn))
		return PFN_NONE;
	EXPECTF(free_block(pfn, &found_order) == pfn && found_order == from_order &&
			model_page(pfn)->type == from_type,
		"order %u type %u: expected a block of order %u type %u, found %u type %u",
		order, type, from_order, from_type, found_order, model_page(pfn)->type);
	set_type(pfn, found_order, (uint8_t)type);
	if (from_type != type && from_order >= 9)
		model.pageblocks[pageblock_of(pfn)] = (uint8_t)type;
	take(pfn, order);
	return pfn;
}

void model_free(pfn_t pfn)
{
	unsigned order = model_page(pfn)->order;
	pfn_t head;

	buddy_free(&model.buddy, page_of_model(pfn), order);
	for (pfn_t i = pfn; i < pfn + (1u << order); i++)
		model_page(i)->state = MODEL_FREE;
	model_page(pfn)->order = MODEL_NO_HEAD;
	head = free_block(pfn, &order);
	set_type(head, order,
		 is_isolated(head) ? BLOCK_ISOLATED : model.pageblocks[pageblock_of(head)]);
}

/* It must lie in the zone, begin with a block that does not reach out of it, and not be free. */
static bool can_isolate(pfn_t start, unsigned order)
{
	const struct model_page *page;

	if (model.isolated_start != model.isolated_end || start < model.start ||
	    start >= model.end || model.end - start < 1u << order)
		return false;
	page = model_page(start);
	if (page->state == MODEL_FREE)
		return !all_free(start, order);
	return model_is_taken_head(start) && page->order <= order;
}

bool model_isolate(pfn_t start, unsigned order)
{
	bool possible = can_isolate(start, order);

	if (!EXPECT_EQ(buddy_isolate(&model.buddy, start, order), possible) || !possible)
		return false;
	model.isolated_start = start;
	model.isolated_end = start + (1u << order);
	for (pfn_t pfn = start; pfn < model.isolated_end; pfn++)
		model_page(pfn)->type = BLOCK_ISOLATED;
	return true;
}

/* Is all of the range free by now?  Each block of it goes to its pageblock's type, merged. */
bool model_end_isolation(void)
{
	pfn_t start = model.isolated_start, end = model.isolated_end;
	bool all = true;

	for (pfn_t pfn = start; pfn < end; pfn++)
		all = all && model_page(pfn)->state == MODEL_FREE;
	model.isolated_start = model.isolated_end;
	for (pfn_t pfn = start; pfn < end; pfn++) {
		unsigned order;
		pfn_t head;

		if (model_page(pfn)->state != MODEL_FREE)
			continue;
		head = free_block(pfn, &order);
		set_type(head, order, model.pageblocks[pageblock_of(head)]);
	}
	EXPECT_EQ(buddy_end_isolation(&model.buddy), all);
	return all;
}

size_t model_nr_free(void)
{
	size_t n = 0;

	for (pfn_t pfn = model.start; pfn < model.end; pfn++)
		n += model_page(pfn)->state == MODEL_FREE;
	return n;
}

/* --- comparing ------------------------------------------------------------------------ */

/* A head of this kind, order and type, and tails behind it. */
static bool verify_block(pfn_t pfn, unsigned kind, unsigned order, unsigned type)
{
	const struct page *page = page_of_model(pfn);

	if (!EXPECTF(page->kind == kind && page->order == order,
		     "frame %u: expected %s of order %u, found %s of order %u", pfn,
		     page_kind_name((enum page_kind)kind), order,
		     page_kind_name((enum page_kind)page->kind), page->order) ||
	    !EXPECTF(kind != PAGE_FREE || page->type == type,
		     "frame %u: expected on the lists of type %u, found %u", pfn, type,
		     page->type))
		return false;
	for (pfn_t i = 0; i < 1u << order; i++) {
		if (!EXPECTF(i == 0 || page[i].kind == PAGE_TAIL,
			     "frame %u: expected the inside of a block, found %s", pfn + i,
			     page_kind_name((enum page_kind)page[i].kind)) ||
		    !EXPECTF(page[i].zone == 1, "frame %u: expected zone 1, found %u", pfn + i,
			     page[i].zone))
			return false;
	}
	return true;
}

static bool verify_pages(void)
{
	unsigned order = 0;

	for (pfn_t pfn = model.start; pfn < model.end; pfn += 1u << order) {
		const struct model_page *page = model_page(pfn);

		if (page->state == MODEL_OUTSIDE) {
			order = 0;
			if (!EXPECTF(page_of_model(pfn)->kind == PAGE_HOLE,
				     "frame %u: outside, but touched", pfn))
				return false;
		} else if (page->state == MODEL_FREE) {
			free_block(pfn, &order);
			if (!verify_block(pfn, PAGE_FREE, order, page->type))
				return false;
		} else {
			order = page->order;
			if (!verify_block(pfn, PAGE_BLOCK, order, 0))
				return false;
		}
	}
	return true;
}

/* Walk a list: so many blocks, each linked both ways. */
static bool verify_list(unsigned type, unsigned order, size_t expected)
{
	const struct buddy_lists *lists = &model.buddy.types[type];
	pfn_t prev = PFN_NONE, pfn = lists->head[order];
	size_t n = 0;

	if (!EXPECTF(lists->count[order] == expected,
		     "blocks of order %u type %u: expected %zu, found %zu", order, type,
		     expected, lists->count[order]) ||
	    !EXPECTF((lists->orders >> order & 1) == (expected > 0),
		     "bitmap of type %u: order %u is wrong", type, order))
		return false;
	for (; pfn != PFN_NONE && n <= expected; n++) {
		const struct page *page;

		if (!EXPECTF(pfn >= model.start && pfn < model.end, "a list leads to %u", pfn))
			return false;
		page = page_of_model(pfn);
		if (!EXPECTF(page->kind == PAGE_FREE && page->order == order &&
				     page->type == type && page->prev == prev,
			     "frame %u: on the list of order %u type %u, but not such", pfn,
			     order, type))
			return false;
		prev = pfn;
		pfn = page->next;
	}
	return EXPECTF(n == expected, "list of order %u type %u: expected %zu, found %zu",
		       order, type, expected, n);
}

static bool verify_check(void)
{
	struct violations found = {0};

	buddy_check(&model.buddy, NULL, &found);
	return EXPECTF(found.count == 0, "buddy_check: at %zu: %s", found.kept[0].where,
		       found.kept[0].what);
}

bool model_verify(void)
{
	size_t counts[NR_BLOCK_LISTS][MM_NR_ORDERS], pages = 0, isolated = 0;

	if (!verify_pages())
		return false;
	count_blocks(counts);
	for (unsigned type = 0; type < NR_BLOCK_LISTS; type++) {
		for (unsigned order = 0; order < MM_NR_ORDERS; order++) {
			if (!verify_list(type, order, counts[type][order]))
				return false;
			*(type == BLOCK_ISOLATED ? &isolated : &pages) += counts[type][order]
									  << order;
		}
	}
	for (unsigned i = 0; i < buddy_nr_pageblocks(model.start, model.end); i++) {
		if (!EXPECTF(model.block_types[i] == model.pageblocks[i],
			     "pageblock %u: expected type %u, found %u", i, model.pageblocks[i],
			     model.block_types[i]))
			return false;
	}
	return EXPECT_EQ(model.buddy.nr_free, pages) &&
	       EXPECT_EQ(model.buddy.nr_isolated, isolated) && verify_check();
}
