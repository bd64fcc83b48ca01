// SPDX-License-Identifier: MIT
/*
 * Storms: many threads on all CPUs allocate, resize, hand over and free whatever there is, while
 * others look, shrink, and make and end caches.  Whatever happens, each owner finds its stamp, the
 * allocator finds nothing wrong with itself, and in the end all memory is back.
 */
#include "goods.h"
#include <harness.h>
#include <highmem.h>
#include <host.h>
#include <mm/kmalloc.h>
#include <mm/port.h>
#include <mm/stats.h>
#include <mm/vmalloc.h>
#include <unit/live.h>

#define GOODS_HELD 48u
#define THREADS    8u

/* How often the threads' bodies go round; ThreadSanitizer makes each round slow. */
static unsigned rounds(unsigned at_least)
{
	return at_least * test_effort();
}

/* --- all memory is back -------------------------------------------------------------------- */

/* Each of kmalloc's caches gets the magazine of this CPU, which it never gives back. */
static void attach_magazines(void)
{
	static const gfp_t kinds[] = {GFP_KERNEL, GFP_USER, GFP_KERNEL | GFP_DMA};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (size_t size = 1; size <= KMALLOC_MAX_CACHE_SIZE;
		     size = kmalloc_size_roundup(size) + 1)
			kfree(kmalloc(size, kinds[i]));
	}
}

/* What each CPU's magazines and the caches hold goes back; then count. */
static void settle(struct fingerprint *fingerprint)
{
	for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++) {
		host_set_cpu(cpu);
		attach_magazines();
		live_settle(fingerprint);
	}
	host_set_cpu(0);
}

/* --- goods ---------------------------------------------------------------------------------- */

static void trade_once(struct worker *worker, struct good **held)
{
	struct good **slot = &held[worker_below(worker, GOODS_HELD)];

	switch (worker_below(worker, 8)) {
	case 0:
	case 1: *slot = mailbox_swap(worker_below(worker, NR_MAILBOXES), *slot); return;
	case 2:
		if (*slot)
			good_resize(worker, *slot);
		return;
	default: good_free(*slot); *slot = worker_below(worker, 4) ? good_alloc(worker) : NULL;
	}
}

static void trade(struct worker *worker)
{
	struct good *held[GOODS_HELD] = {NULL};

	for (unsigned i = 0; i < rounds(1200); i++) {
		trade_once(worker, held);
		worker_progress(worker, "trades goods");
		if (worker_below(worker, 256) == 0)
			goods_shrink(worker);
		if (worker_below(worker, 64) == 0)
			goods_bulk(worker);
	}
	for (unsigned i = 0; i < GOODS_HELD; i++)
		good_free(held[i]);
}

static void storm(void (*body)(struct worker *worker))
{
	struct fingerprint before, after;

	settle(&before);
	goods_begin();
	workers_run(THREADS, body, NULL);
	mailboxes_empty();
	goods_end();
	settle(&after);
	fingerprint_expect(&after, &before);
}

TEST(goods)
{
	storm(trade);
}

/* --- looking on ------------------------------------------------------------------------------- */

static bool look_at_cache(const struct mm_cache_info *info, void *arg)
{
	size_t *seen = arg;

	++*seen;
	EXPECT(info->name[0] != '\0');
	EXPECT(info->object_size <= info->slot_size);
	EXPECTF(info->live <= info->slabs * info->objects_per_slab,
		"%zu live objects in %zu slabs", info->live, info->slabs);
	return true;
}

static void look_at_numbers(void)
{
	struct mm_memory_info memory;
	struct mm_zone_info zone;
	size_t caches = 0;

	mm_memory_info(&memory);
	EXPECT(memory.free_pages <= memory.managed_pages);
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		if (mm_zone_info((enum mm_zone_id)i, &zone))
			EXPECT(zone.free <= zone.managed);
	}
	mm_for_each_cache(look_at_cache, &caches);
	EXPECT(caches > 0);
}

static void look(struct worker *worker)
{
	for (unsigned i = 0; i < rounds(20); i++) {
		switch (worker_below(worker, 3)) {
		case 0:
			worker_progress(worker, "mm_check()");
			EXPECT_EQ(mm_check(), 0);
			break;
		case 1:
			worker_progress(worker, "mm_show_summary()");
			mm_show_summary();
			break;
		default: worker_progress(worker, "reads the numbers"); look_at_numbers();
		}
	}
}

static void trade_or_look(struct worker *worker)
{
	if (worker->id < 2)
		look(worker);
	else
		trade(worker);
}

TEST(looking_on)
{
	storm(trade_or_look);
}

/* --- caches that come and go -------------------------------------------------------------------- */

#define BRIEF_OBJECTS 100u

static void one_brief_cache(struct worker *worker)
{
	void *objects[BRIEF_OBJECTS];
	size_t size = 1 + worker_below(worker, 2000);
	struct kmem_cache *cache = kmem_cache_create("brief", size, 0, 0, NULL);
	unsigned n = 0;

	if (!cache)
		return;
	while (n < BRIEF_OBJECTS &&
	       (objects[n] = kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NOWARN)) != NULL)
		*(uint8_t *)objects[n++] = (uint8_t)worker->id;
	while (n > 0) {
		EXPECT_EQ(*(uint8_t *)objects[--n], worker->id);
		kmem_cache_free(cache, objects[n]);
		if (n % 32 == 0)
			kmem_cache_shrink(cache);
	}
	EXPECT(kmem_cache_destroy(cache));
}

static void come_and_go(struct worker *worker)
{
	for (unsigned i = 0; i < rounds(30); i++) {
		one_brief_cache(worker);
		worker_progress(worker, "makes and ends caches");
	}
}

static void caches_body(struct worker *worker)
{
	if (worker->id < 3)
		come_and_go(worker);
	else if (worker->id < 5)
		look(worker);
	else
		trade(worker);
}

TEST(brief_caches)
{
	storm(caches_body);
}

/* --- pages that many map --------------------------------------------------------------------------- */

#define SHARED_PAGES 300u /* more than kmap() has slots */

static struct page *shared[SHARED_PAGES];

/* Each page says which one it is, and has a word for each thread that only it writes. */
static void set_up_shared(unsigned i)
{
	uint32_t *words;
	mm_irqflags_t flags;

	shared[i] = alloc_page(GFP_HIGHUSER | __GFP_ZERO);
	flags = mm_irq_save();
	words = kmap_local_page(shared[i]);
	words[WORKERS_MAX] = i;
	kunmap_local(words);
	mm_irq_restore(flags);
}

/* For long: by kmap(), which keeps the page at one address for all. */
static void use_shared(struct worker *worker, unsigned i)
{
	uint32_t *words = kmap(shared[i]);

	if (!words)
		return;
	EXPECT(page_address(shared[i]) == words);
	EXPECT_EQ(words[WORKERS_MAX], i);
	words[worker->id]++;
	kunmap(shared[i]);
}

/* For a moment: in this CPU's own slots. */
static void use_shared_locally(struct worker *worker, unsigned i)
{
	mm_irqflags_t flags = mm_irq_save();
	uint32_t *words = kmap_local_page(shared[i]);

	EXPECT_EQ(words[WORKERS_MAX], i);
	words[worker->id]++;
	kunmap_local(words);
	mm_irq_restore(flags);
}

static void map_pages(struct worker *worker)
{
	unsigned *uses = worker->arg;

	for (unsigned n = 0; n < rounds(2000); n++) {
		unsigned i = worker_below(worker, SHARED_PAGES);

		get_page(shared[i]);
		if (worker_below(worker, 2))
			use_shared(worker, i);
		else
			use_shared_locally(worker, i);
		put_page(shared[i]);
		worker_progress(worker, "maps pages");
	}
	__atomic_fetch_add(uses, rounds(2000), __ATOMIC_RELAXED);
}

TEST(shared_pages)
{
	unsigned uses = 0, found = 0;

	for (unsigned i = 0; i < SHARED_PAGES; i++)
		set_up_shared(i);
	workers_run(THREADS, map_pages, &uses);
	for (unsigned i = 0; i < SHARED_PAGES; i++) {
		uint32_t *words = kmap(shared[i]);

		for (unsigned worker = 0; worker < WORKERS_MAX; worker++)
			found += words[worker];
		kunmap(shared[i]);
		EXPECT_EQ(page_count(shared[i]), 1);
		__free_page(shared[i]);
	}
	EXPECT_EQ(found, uses);
}

/* --- areas of a small window -------------------------------------------------------------------- */

#define AREA_PAGES_MAX 5u
#define AREAS_HELD     4u
#define AREA_BOXES     8u

/* Each page says how many there are, and which it is. */
struct area_stamp {
	uint32_t key, n, i;
};

static void *area_boxes[AREA_BOXES]; /* [a] */
static unsigned areas_made, areas_failed;

static char *make_area(struct worker *worker)
{
	uint32_t n = 1 + worker_below(worker, AREA_PAGES_MAX), key = worker_below(worker, ~0u);
	char *p = vmalloc(n * PAGE_SIZE);

	__atomic_fetch_add(p ? &areas_made : &areas_failed, 1, __ATOMIC_RELAXED);
	for (uint32_t i = 0; p && i < n; i++)
		*(struct area_stamp *)(p + i * PAGE_SIZE) = (struct area_stamp){key, n, i};
	return p;
}

static void end_area(const char *p)
{
	const struct area_stamp *first = (const struct area_stamp *)p;

	if (!p)
		return;
	for (uint32_t i = 0; i < first->n; i++) {
		const struct area_stamp *stamp = (const struct area_stamp *)(p + i * PAGE_SIZE);

		EXPECTF(stamp->key == first->key && stamp->i == i && stamp->n == first->n,
			"page %u of %u is not its owner's", i, first->n);
	}
	vfree(p);
}

static void trade_areas(struct worker *worker)
{
	char *held[AREAS_HELD] = {NULL};

	for (unsigned i = 0; i < rounds(1500); i++) {
		char **slot = &held[worker_below(worker, AREAS_HELD)];

		if (worker_below(worker, 4) == 0) {
			*slot = __atomic_exchange_n(
				&area_boxes[worker_below(worker, AREA_BOXES)], *slot,
				__ATOMIC_ACQ_REL);
		} else {
			end_area(*slot);
			*slot = make_area(worker);
		}
		worker_progress(worker, "trades areas");
		if (worker->id == 0 && i % 64 == 0)
			EXPECT_EQ(mm_check(), 0);
	}
	for (unsigned i = 0; i < AREAS_HELD; i++)
		end_area(held[i]);
}

/* Many flush at the same time, because there is no gap, or because too much is stale. */
TEST(areas_of_a_small_window)
{
	struct host_machine m = host_pc;

	m.window_pages = HIGHMEM_SLOT_BYTES / PAGE_SIZE + 1 + 320;
	ASSERT(host_boot(&m));
	allow_reports(MM_REPORT_ALLOC_FAILED);
	areas_made = areas_failed = 0;
	workers_run(THREADS, trade_areas, NULL);
	for (unsigned i = 0; i < AREA_BOXES; i++) {
		end_area(area_boxes[i]);
		area_boxes[i] = NULL;
	}
	EXPECT(host_flushes() > areas_made / 80);
	EXPECTF(areas_failed < areas_made / 10, "%u of %u areas found no address", areas_failed,
		areas_made + areas_failed);
	test_note("%u areas, %u failed, %lu flushes", areas_made, areas_failed, host_flushes());
}

TEST_SUITE(storm, goods, looking_on, brief_caches, shared_pages, areas_of_a_small_window);
