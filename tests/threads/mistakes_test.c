// SPDX-License-Identifier: MIT
/*
 * Mistakes that many threads make at once, each with memory of its own, while others go on as
 * they should: every one is reported, none is lost, and none does any harm.
 */
#include "goods.h"
#include <harness.h>
#include <mm/kmalloc.h>
#include <mm/page_alloc.h>
#include <mm/report.h>
#include <mm/slab.h>

#define THREADS  6u
#define MISTAKEN 3u /* of the threads */
#define ROUNDS   40u

static struct kmem_cache *right, *wrong;

static void free_what_is_none(void)
{
	char local[64];
	char *object = kmalloc(100, GFP_KERNEL);

	kfree(object + 16);
	kfree(local);
	kfree(object);
}

static void free_to_the_wrong_cache(void)
{
	void *object = kmem_cache_alloc(right, GFP_KERNEL);

	kmem_cache_free(wrong, object);
	kmem_cache_free(right, object);
}

static void free_with_the_wrong_order(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 1);

	__free_pages(page, 0);
	__free_pages(page, 1);
}

static void ask_for_nonsense(void)
{
	EXPECT(!kmalloc(64, GFP_KERNEL | __GFP_DMA | __GFP_HIGHMEM));
	EXPECT(!alloc_pages(GFP_KERNEL, MM_MAX_ORDER + 1));
}

static void err(struct worker *worker)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		worker_progress(worker, "makes mistakes");
		free_what_is_none();
		free_to_the_wrong_cache();
		free_with_the_wrong_order();
		ask_for_nonsense();
	}
}

static void use(struct worker *worker)
{
	void *objects[20];

	for (unsigned i = 0; i < 4 * ROUNDS; i++) {
		worker_progress(worker, "does it right");
		for (unsigned j = 0; j < 20; j++)
			objects[j] = j % 2 ? kmalloc(100, GFP_KERNEL)
					   : kmem_cache_alloc(right, GFP_KERNEL);
		for (unsigned j = 0; j < 20; j++)
			kfree(objects[j]);
		good_free(good_alloc(worker));
	}
}

static void err_or_use(struct worker *worker)
{
	(worker->id < MISTAKEN ? err : use)(worker);
}

TEST(mistakes)
{
	static const enum mm_report_kind kinds[] = {
		MM_REPORT_INTERIOR_FREE, MM_REPORT_BAD_ADDRESS, MM_REPORT_WRONG_CACHE,
		MM_REPORT_WRONG_ORDER,   MM_REPORT_BAD_FLAGS,   MM_REPORT_BAD_ORDER,
	};

	right = kmem_cache_create("right", 100, 0, 0, NULL);
	wrong = kmem_cache_create("wrong", 100, 0, 0, NULL);
	goods_begin();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		expect_report(kinds[i], MISTAKEN * ROUNDS);
	workers_run(THREADS, err_or_use, NULL);
	goods_end();
	EXPECT(kmem_cache_destroy(right));
	EXPECT(kmem_cache_destroy(wrong));
}

TEST_SUITE(mistakes_threads, mistakes);
