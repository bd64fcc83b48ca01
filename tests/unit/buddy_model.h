/* SPDX-License-Identifier: MIT */
/*
 * A buddy allocator of our own pages next to the most naive model of it.  See
 * buddy_model.c.
 */
#ifndef TESTS_UNIT_BUDDY_MODEL_H
#define TESTS_UNIT_BUDDY_MODEL_H

#include <buddy.h>

/* Two whole pageblocks and a quarter, wherever they begin. */
#define MODEL_PAGES      2304u
#define MODEL_PAGEBLOCKS 4u

enum model_state {
	MODEL_OUTSIDE, /* never handed over */
	MODEL_FREE,
	MODEL_TAKEN,
};

/* What is known of each page; index 0 is frame `start`. */
struct model_page {
	uint8_t state;
	uint8_t type;  /* MODEL_FREE: of the list that holds its block */
	uint8_t order; /* MODEL_TAKEN: of the block, at its head; else MODEL_NO_HEAD */
};

#define MODEL_NO_HEAD 0xff

struct buddy_model {
	struct buddy buddy; /* under test */
	pfn_t start, end;
	pfn_t isolated_start, isolated_end; /* equal: nothing is isolated */
	struct model_page pages[MODEL_PAGES];
	uint8_t pageblocks[MODEL_PAGEBLOCKS];  /* expected types */
	uint8_t block_types[MODEL_PAGEBLOCKS]; /* those of the buddy allocator */
};

extern struct buddy_model model;
extern struct page model_pages[MODEL_PAGES]; /* page of frame model.start first */

/* A zone from start to end, all outside; its pageblocks are of type `initial`. */
void model_begin(pfn_t start, pfn_t end, enum block_type initial);
void model_hand_over(pfn_t from, pfn_t to);

/* Do it on both sides.  model_alloc: the first frame, PFN_NONE if there is no block. */
pfn_t model_alloc(unsigned order, enum block_type type);
void model_free(pfn_t pfn);
bool model_isolate(pfn_t start, unsigned order);
bool model_end_isolation(void);

/* Are both alike in every page, list and count?  False after a diagnostic. */
bool model_verify(void);

static inline struct model_page *model_page(pfn_t pfn)
{
	return &model.pages[pfn - model.start];
}

static inline struct page *page_of_model(pfn_t pfn)
{
	return &model_pages[pfn - model.start];
}

static inline bool model_is_taken_head(pfn_t pfn)
{
	return model_page(pfn)->state == MODEL_TAKEN && model_page(pfn)->order != MODEL_NO_HEAD;
}

size_t model_nr_free(void);

#endif
