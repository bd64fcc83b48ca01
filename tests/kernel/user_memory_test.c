// SPDX-License-Identifier: MIT
/*
 * The memory of processes: every page that they had is free again afterwards; their pages lie
 * apart from the kernel's, so that the largest blocks become whole again, and move while
 * they run; and when memory is short, the one that has most of it dies.
 */
#include "user_programs.h"
#include <harness.h>
#include <kernel/layout.h>
#include <kernel/sched.h>
#include <kernel/time.h>
#include <mem.h>
#include <migrate.h>
#include <mm/format.h>
#include <mm/highmem.h>
#include <mm/kmalloc.h>
#include <mm/port.h>
#include <reclaim.h>
#include <unit/live.h>
#include <zone.h>

#define MIB_PAGES (((size_t)1 << 20) >> PAGE_SHIFT)

/* --- the end ------------------------------------------------------------------------------ */

/* Exactly these many pages go, and each one comes back. */
TEST(exit_returns_every_page)
{
	static const uint32_t sizes[] = {0, 1, 50,
					 600}; /* the last one needs two tables of pages */
	struct fingerprint before;

	allow_kept_pages(PROCESS_KEEPS);
	run_worker(JOB_STATUS, 0); /* what the first process ever makes stays */
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct process *worker;
		struct mm_memory_info info;
		size_t free, slabs;

		if (nr_free_pages() < sizes[i] + MIB_PAGES)
			break;
		live_settle(&before);
		mm_memory_info(&info);
		free = info.free_pages;
		slabs = info.slab_pages;
		worker = worker_start(JOB_HOLD, sizes[i]);
		ASSERT(worker);
		mm_memory_info(&info);
		EXPECT_EQ(process_pages(worker), WORKER_PAGES(sizes[i]));
		EXPECT_EQ(free - info.free_pages - (info.slab_pages - slabs),
			  process_pages(worker) + process_tables(worker) +
				  THREAD_STACK_BYTES / PAGE_BYTES);
		/* Directories of the first and the third gigabyte; tables of heap and stack. */
		EXPECT_EQ(process_tables(worker), 2 + 2 + (sizes[i] > 500));
		EXPECT_EQ(worker_stop(worker).status, 0);
		live_expect_settled(&before);
	}
}

/* However it ends. */
TEST(death_returns_every_page)
{
	static const enum offence offences[] = {OFFENCE_READ, OFFENCE_HALT, OFFENCE_OVERFLOW,
						OFFENCE_WRITE_CALL};
	struct fingerprint before;

	allow_kept_pages(PROCESS_KEEPS);
	run_worker(JOB_STATUS, 0);
	for (unsigned i = 0; i < sizeof(offences) / sizeof(offences[0]); i++) {
		live_settle(&before);
		offend(offences[i], KERNEL_BASE);
		live_expect_settled(&before);
	}
}

/* Each page of its heap by its physical address: zone, and type of the pageblock around it. */
static void expect_placed(struct process *worker, uint32_t pages, unsigned *high)
{
	struct mm_zone_info zone;
	bool has_high = mm_zone_info(MM_ZONE_HIGH, &zone) && zone.free > zone.high;

	for (uint32_t i = 0; i <= pages; i++) {
		paddr_t phys = 0;
		struct page *page;

		if (!EXPECT(process_translate(worker, worker_heap() + i * PAGE_SIZE, &phys)))
			return;
		page = pfn_to_page((pfn_t)(phys >> PAGE_SHIFT));
		*high += page_is_highmem(page);
		EXPECTF(!has_high || phys >= LOW_LIMIT, "%llx is not high memory",
			(unsigned long long)phys);
		EXPECTF(buddy_pageblock_type(&zones[live_zone_of(page)].buddy,
					     page_to_pfn(page)) == BLOCK_USER,
			"%llx lies among the kernel's pages", (unsigned long long)phys);
	}
}

/*
 * A whole block of the kernel's, if there is one.  Not just a page: what is left of a block that
 * was once taken from the users' in need is the kernel's, too.
 */
static void expect_kernel_block_apart(void)
{
	struct page *page =
		alloc_pages(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN, MM_MAX_ORDER);

	if (!page)
		return;
	EXPECT(buddy_pageblock_type(&zones[live_zone_of(page)].buddy, page_to_pfn(page)) ==
	       BLOCK_KERNEL);
	__free_pages(page, MM_MAX_ORDER);
}

TEST(user_pages_lie_apart)
{
	struct process *worker;
	unsigned high = 0;

	allow_kept_pages(PROCESS_KEEPS);
	if (nr_free_pages() < 8 * MIB_PAGES)
		SKIP("less than 8 MiB free: both types share pageblocks");
	worker = worker_start(JOB_HOLD, 300);
	ASSERT(worker);
	expect_placed(worker, 300, &high);
	test_note("301 pages in user pageblocks, %u of them in the High zone", high);
	expect_kernel_block_apart();
	EXPECT_EQ(worker_stop(worker).status, 0);
}

/* Many processes that come, fill memory and go, each in its own way. */
TEST(storm_leaves_large_blocks_whole)
{
	enum {
		PROCESSES = 12,
		ROUNDS = 3
	};
	struct process *workers[PROCESSES];
	struct fingerprint before;
	uint32_t budget;

	allow_kept_pages(PROCESS_KEEPS);
	run_worker(JOB_STATUS, 0);
	live_settle(&before);
	budget = (uint32_t)(nr_free_pages() / 2 / PROCESSES);
	budget = budget > 700 ? 700 : budget > 30 ? budget - 20 : 10;
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < PROCESSES; i++)
			workers[i] = worker_start(JOB_HOLD, test_random_below(budget));
		for (unsigned i = 0; i < PROCESSES; i++) {
			struct process_end end;

			if (!EXPECT(workers[i]))
				continue;
			if (test_random_below(3) == 0)
				process_kill(workers[i]);
			end = worker_stop(workers[i]);
			EXPECT(end.fate == PROCESS_KILLED ||
			       (end.fate == PROCESS_EXITED && end.status == 0));
		}
		live_expect_settled(&before); /* block for block */
	}
}

/* --- pages that move ------------------------------------------------------------------------ */

/* Move the page at `address` of the process to a fresh one, as compaction would; true if it went. */
static bool move(struct process *process, uintptr_t address)
{
	struct page *to = alloc_page(GFP_NOWAIT | __GFP_HIGHMEM | __GFP_USER | __GFP_MOVABLE),
		    *from;
	struct mm_mover *mover = NULL;
	uint32_t flags = irq_save();
	paddr_t phys, now = 0;

	if (to && process_translate(process, address, &phys)) {
		from = pfn_to_page((pfn_t)(phys >> PAGE_SHIFT));
		mover = migrate_hold_locked(from);
	}
	irq_restore(flags);
	if (!mover) {
		__free_page(to);
		return false;
	}
	if (!EXPECT_EQ(migrate_page(mover, from, to), MIGRATE_MOVED))
		return false;
	return process_translate(process, address, &now) &&
	       now == page_to_phys(to) + address % PAGE_SIZE;
}

/* Every page that it has, over and over, while it runs: text, data, stack and heap. */
TEST(pages_move_under_a_running_process)
{
	enum {
		PAGES = 24,
		ROUNDS = 40
	};
	const uintptr_t others[] = {USER_START, USER_START + PAGE_BYTES,
				    USER_STACK_TOP - PAGE_BYTES, worker_heap()};
	struct process *worker;
	struct process_end end;
	unsigned moved = 0;

	allow_kept_pages(PROCESS_KEEPS);
	worker = worker_start(JOB_HOLD, PAGES);
	ASSERT(worker);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < 4; i++)
			moved += move(worker, others[i]);
		for (unsigned i = 1; i <= PAGES; i++)
			moved += move(worker, worker_heap() + i * PAGE_BYTES);
		thread_yield();
	}
	EXPECT_EQ(moved, ROUNDS * (4 + PAGES));
	EXPECT_EQ(process_pages(worker), WORKER_PAGES(PAGES));
	end = worker_stop(worker);
	EXPECT_EQ(end.fate, PROCESS_EXITED);
	EXPECT_EQ(end.status, 0);
}

/* At random, while it is still touching them for the first time, and while it spins. */
TEST(pages_move_between_faults)
{
	enum {
		PAGES = 60
	};
	struct process *worker, *spinner;
	unsigned moved = 0;

	allow_kept_pages(PROCESS_KEEPS);
	spinner = worker_start(JOB_SPIN, 0);
	worker = worker_create(JOB_MIX, PAGES);
	ASSERT(worker && spinner);
	/* On another CPU it may have touched all before much was moved. */
	while (!worker_control(worker).ready || moved <= PAGES / 2) {
		moved += move(worker, worker_heap() + test_random_below(PAGES) * PAGE_BYTES);
		moved += move(spinner, worker_heap());
		thread_yield();
	}
	EXPECT(moved > PAGES / 2);
	EXPECT_EQ(worker_stop(spinner).fate, PROCESS_EXITED);
	EXPECT_EQ(worker_stop(worker).status, 0);
}

/*
 * When the space is in use, as it is when the process's own request compacts memory, the CPU
 * must forget where the page was.  Here the test's thread uses it, and looks, while the process has
 * no CPU.
 */
TEST(moved_pages_are_flushed)
{
	threads_start_on(BOOT_CPU);
	const volatile uint32_t *word = (const volatile uint32_t *)(worker_heap() + PAGE_BYTES);
	struct process *worker;
	uint32_t value = 0, seen[2];
	bool moved;

	allow_kept_pages(PROCESS_KEEPS);
	worker = worker_start(JOB_HOLD, 1);
	ASSERT(worker);
	preempt_disable();
	current()->process = worker;
	process_activate(worker);
	seen[0] = *word;
	moved = move(worker, (uintptr_t)word);
	process_peek(worker, (uintptr_t)word, &value, sizeof(value));
	value = ~value;
	process_poke(worker, (uintptr_t)word, &value, sizeof(value));
	seen[1] = *word;
	value = ~value;
	process_poke(worker, (uintptr_t)word, &value, sizeof(value));
	current()->process = NULL;
	process_activate(NULL);
	preempt_enable();
	EXPECT(moved);
	EXPECT_EQ(seen[0], value);
	EXPECT_EQ(seen[1], ~value);
	EXPECT_EQ(worker_stop(worker).status, 0);
}

/* Whoever has pinned a page keeps it where it is; and so do pages that are nobody's any more. */
TEST(pinned_pages_stay)
{
	struct process *worker;
	struct page *page;
	paddr_t phys = 0;

	allow_kept_pages(PROCESS_KEEPS);
	worker = worker_start(JOB_HOLD, 1);
	ASSERT(worker && process_translate(worker, worker_heap(), &phys));
	page = pfn_to_page((pfn_t)(phys >> PAGE_SHIFT));
	EXPECT(mm_is_movable(page));
	get_page(page);
	EXPECT(!move(worker, worker_heap()));
	EXPECT_EQ(worker_stop(worker).status, 0);
	EXPECT_EQ(page_count(page), 1);
	put_page(page);
}

/* --- large blocks ---------------------------------------------------------------------------- */

enum {
	BLOCKS_LEFT = 12, /* largest blocks, for the processes and what follows */
	BLOCKS_LEAST = 8, /* with fewer, the machine is too small */
	PIECE_ORDER = 3,  /* smaller free blocks are everywhere, larger ones out of the way */
	NR_WORKERS = 8,   /* fill all but half of one */
	NR_SURVIVORS = 2, /* and these remain, all over the place */
};

#define BLOCK_PAGES ((size_t)1 << MM_MAX_ORDER)

/* Where most user pages go. */
static enum mm_zone_id highest_zone(void)
{
	struct mm_zone_info info;

	if (mm_zone_info(MM_ZONE_HIGH, &info) && info.free > BLOCKS_LEAST * BLOCK_PAGES)
		return MM_ZONE_HIGH;
	return mm_zone_info(MM_ZONE_NORMAL, &info) ? MM_ZONE_NORMAL : MM_ZONE_DMA;
}

/*
 * Take all largest blocks but some of this zone, and what compaction leaves to others, and the
 * zone's smaller blocks, so that pages come from those that stay, if enough do; returns how many.
 */
static unsigned leave_blocks(enum mm_zone_id zone, struct held *held)
{
	struct mm_zone_info info = {0};
	struct held all, pieces;
	struct page *page;
	unsigned left = 0, most;

	mm_zone_info(zone, &info);
	most = BLOCKS_LEFT + (unsigned)(info.low / BLOCK_PAGES);
	held_init(&all);
	held_init(held);
	held_take(&all, GFP_NOWAIT | __GFP_HIGHMEM, MM_MAX_ORDER, SIZE_MAX);
	held_init(&pieces);
	for (unsigned order = MM_MAX_ORDER;
	     all.pages_in[zone] >= BLOCKS_LEAST * BLOCK_PAGES && order-- > PIECE_ORDER;)
		held_take(&pieces, GFP_NOWAIT | __GFP_HIGHMEM, order, SIZE_MAX);
	while ((page = held_pop(&pieces)) != NULL) {
		if (live_zone_of(page) == zone)
			held_add(held, page);
		else
			__free_pages(page, page->order);
	}
	while ((page = held_pop(&all)) != NULL) {
		if (left < most && live_zone_of(page) == zone) {
			__free_pages(page, MM_MAX_ORDER);
			left++;
		} else {
			held_add(held, page);
		}
	}
	return left;
}

/*
 * Pages for each of the workers, so that what remains cannot serve as a largest block, and is
 * enough for everybody to live on.
 */
static uint32_t pages_of_each(enum mm_zone_id zone)
{
	struct mm_zone_info info = {0};

	mm_zone_info(zone, &info);
	return (uint32_t)(info.free - info.min - BLOCK_PAGES / 2) / NR_WORKERS -
	       WORKER_PAGES(0);
}

/* How many largest blocks can be had with these flags; they are given back. */
static unsigned count_blocks(gfp_t gfp)
{
	struct held held;
	unsigned n;

	held_init(&held);
	n = (unsigned)held_take(&held, gfp, MM_MAX_ORDER, SIZE_MAX);
	held_free(&held);
	return n;
}

/* Start all together, on one CPU, so that their pages mix, and kill most of them. */
static bool scatter(struct process **workers, uint32_t pages)
{
	bool ready = true;

	threads_start_on(BOOT_CPU);
	for (unsigned i = 0; i < NR_WORKERS; i++)
		workers[i] = worker_create(JOB_MIX, pages);
	for (unsigned i = 0; i < NR_WORKERS; i++)
		ready = EXPECT(workers[i] && worker_await(workers[i])) && ready;
	for (unsigned i = NR_SURVIVORS; i < NR_WORKERS; i++) {
		if (!workers[i])
			continue;
		process_kill(workers[i]);
		process_wait(workers[i], NULL);
	}
	return ready;
}

/*
 * Pages of two processes, each among pages that are free: no large block is left.  A request
 * that may sleep gets one all the same, while the processes check what they have.
 */
TEST(scattered_pages_make_way_for_large_blocks)
{
	struct mm_zone_info info;
	enum mm_zone_id zone = highest_zone();
	gfp_t gfp = (zone == MM_ZONE_HIGH ? GFP_HIGHUSER : GFP_KERNEL) | __GFP_NORETRY;
	struct process *workers[NR_WORKERS] = {0};
	unsigned blocks, before, without, with, used;
	struct fingerprint fingerprint;
	struct held held;

	allow_kept_pages(PROCESS_KEEPS);
	run_worker(JOB_STATUS, 0);
	live_settle(&fingerprint);
	mm_zone_info(zone, &info);
	blocks = leave_blocks(zone, &held);
	if (blocks < BLOCKS_LEAST) {
		held_free(&held);
		SKIP("too few large blocks");
	}
	before = count_blocks(gfp & ~__GFP_DIRECT_RECLAIM);
	scatter(workers, pages_of_each(zone));
	without = count_blocks(gfp & ~__GFP_DIRECT_RECLAIM);
	with = count_blocks(gfp);
	used = 0;
	for (unsigned i = 0; i < NR_SURVIVORS; i++) {
		struct process_end end = worker_stop(workers[i]);

		EXPECT_EQ(end.fate, PROCESS_EXITED);
		EXPECT_EQ(end.status, 0);
		used += (unsigned)end.pages;
	}
	held_free(&held);
	test_note("requests of order %u that succeed, %u pages of processes scattered over %u "
		  "blocks: %u of %u without compaction, %u of %u with it",
		  MM_MAX_ORDER, used, blocks, without, before, with, before);
	EXPECT_EQ(without, 0);
	/* The zone keeps its low mark meanwhile; one block more may lie as it should not. */
	EXPECT(with + 2 + (used + info.low) / BLOCK_PAGES >= before);
	live_expect_settled(&fingerprint);
}

static size_t pages_moved(enum mm_zone_id zone)
{
	struct mm_zone_info info = {0};

	mm_zone_info(zone, &info);
	return info.moved;
}

/* Start one, and see it get some of its pages. */
static struct process *start_worker(uint32_t most)
{
	uint32_t pages = 1 + test_random_below(most);
	struct process *worker = worker_create(JOB_MIX, pages);

	if (!EXPECT(worker))
		return NULL;
	pages = test_random_below(pages);
	while (process_pages(worker) < pages)
		thread_yield();
	return worker;
}

/* End one in one of two ways. */
static void end_worker(struct process *worker)
{
	struct process_end end;

	if (test_random_below(2) == 0 && worker_await(worker)) {
		end = worker_stop(worker);
		EXPECT(end.fate == PROCESS_EXITED && end.status == 0);
	} else {
		process_kill(worker);
		mm_compact();
		process_wait(worker, &end);
		EXPECT_EQ(end.fate, PROCESS_KILLED);
	}
}

/* Distances of interrupts, in ticks of the PIT (0.84 us): a few thousand a second. */
#define TICKS_MIN 40u
#define TICKS_MAX 400u

static struct {
	uint64_t random;
	struct page *block;
	unsigned order;
	unsigned long failures;
} handler;

/* Allocates and frees, and ends the time slice of whoever is interrupted. */
static void random_interrupt(struct trap_frame *frame)
{
	uint32_t ticks =
		(uint32_t)(test_random_from(&handler.random) % (TICKS_MAX - TICKS_MIN));

	(void)frame;
	__free_pages(handler.block, handler.order);
	handler.order = ticks % 4;
	handler.block = alloc_pages(GFP_ATOMIC, handler.order);
	handler.failures += !handler.block;
	timer_arm(TICKS_MIN + ticks, random_interrupt);
}

/* In the middle of a page fault, of a move, of an end: the timer interrupts at random. */
TEST(pages_move_while_processes_come_and_go)
{
	enum {
		CHANGES = 60,
		MOST_PAGES = 900
	};
	enum mm_zone_id zone = highest_zone();
	struct process *workers[NR_WORKERS] = {0};
	struct fingerprint fingerprint;
	size_t moved = pages_moved(zone);
	struct held held;

	allow_kept_pages(PROCESS_KEEPS);
	run_worker(JOB_STATUS, 0);
	live_settle(&fingerprint);
	if (leave_blocks(zone, &held) < BLOCKS_LEAST) {
		held_free(&held);
		SKIP("too few large blocks");
	}
	memset(&handler, 0, sizeof(handler));
	handler.random = test_random64();
	timer_arm(TICKS_MIN, random_interrupt);
	for (unsigned i = 0; i < CHANGES && !test_failed(); i++) {
		struct process **worker = &workers[test_random_below(NR_WORKERS)];

		if (*worker)
			end_worker(*worker);
		*worker = *worker ? NULL : start_worker(MOST_PAGES);
		mm_compact();
	}
	timer_start(TIMER_HZ, NULL);
	__free_pages(handler.block, handler.order);
	EXPECT_EQ(handler.failures, 0);
	for (unsigned i = 0; i < NR_WORKERS; i++)
		if (workers[i])
			end_worker(workers[i]);
	test_note("%zu pages moved", pages_moved(zone) - moved);
	EXPECT(pages_moved(zone) > moved);
	held_free(&held);
	live_expect_settled(&fingerprint);
}

/* --- out of memory -------------------------------------------------------------------------- */

/* The policy alone: who must die is the one with most pages, though it is fast asleep. */
TEST(largest_process_is_the_victim)
{
	struct process *workers[3];
	char line[80];

	allow_kept_pages(PROCESS_KEEPS);
	EXPECT(!process_out_of_memory()); /* nobody there */
	for (uint32_t i = 0; i < 3; i++) {
		workers[i] = worker_start(i == 1 ? JOB_DOZE : JOB_HOLD, i == 1 ? 20 : 5 + i);
		ASSERT(workers[i]);
	}
	test_log_begin();
	EXPECT(process_out_of_memory());
	mm_snprintf(line, sizeof(line),
		    "process %u (worker): killed, because memory is short: it holds %u pages",
		    process_id(workers[1]), WORKER_PAGES(20));
	EXPECT_LOG(line);
	EXPECT(process_has_ended(workers[1]));
	EXPECT(!process_has_ended(workers[0]) && !process_has_ended(workers[2]));
	EXPECT_EQ(process_pages(workers[1]), 0);
	for (uint32_t i = 0; i < 3; i++) {
		struct process_end end = worker_stop(workers[i]);

		EXPECT_EQ(end.fate, i == 1 ? PROCESS_OUT_OF_MEMORY : PROCESS_EXITED);
		EXPECT_EQ(end.pages, WORKER_PAGES(i == 1 ? 20 : 5 + i));
	}
}

/* One that wants ever more gets it until there is no more; then it dies, and nobody else. */
TEST(hoarder_dies_alone)
{
	struct process *bystanders[2], *hoarder;
	struct fingerprint fingerprint;
	struct process_end end;
	struct held held;

	allow_kept_pages(PROCESS_KEEPS);
	run_worker(JOB_STATUS, 0);
	live_settle(&fingerprint);
	leave_blocks(highest_zone(), &held);
	for (unsigned i = 0; i < 2; i++) {
		bystanders[i] = worker_start(JOB_HOLD, 10);
		ASSERT(bystanders[i]);
	}
	hoarder = worker_create(JOB_HOARD, 0);
	ASSERT(hoarder);
	process_wait(hoarder, &end);
	EXPECT_EQ(end.fate, PROCESS_OUT_OF_MEMORY);
	EXPECT(end.pages > 100);
	test_note("it died with %zu pages", end.pages);
	for (unsigned i = 0; i < 2; i++) {
		EXPECT(!process_has_ended(bystanders[i]));
		EXPECT_EQ(worker_stop(bystanders[i]).status, 0);
	}
	held_free(&held);
	live_expect_settled(&fingerprint);
}

/* Two that want ever more: each death serves the other, until it is alone. */
TEST(two_hoarders_die)
{
	struct process *hoarders[2], *bystander;
	struct fingerprint fingerprint;
	struct held held;

	allow_kept_pages(PROCESS_KEEPS);
	run_worker(JOB_STATUS, 0);
	live_settle(&fingerprint);
	leave_blocks(highest_zone(), &held);
	bystander = worker_start(JOB_HOLD, 10);
	ASSERT(bystander);
	for (unsigned i = 0; i < 2; i++)
		hoarders[i] = worker_create(JOB_HOARD, 0);
	for (unsigned i = 0; i < 2; i++) {
		struct process_end end = {0};

		if (EXPECT(hoarders[i]))
			process_wait(hoarders[i], &end);
		EXPECT_EQ(end.fate, PROCESS_OUT_OF_MEMORY);
	}
	EXPECT_EQ(worker_stop(bystander).status, 0);
	held_free(&held);
	live_expect_settled(&fingerprint);
}

/* A request of the kernel's own takes all there is, and then what a sleeping process had. */
TEST(kernel_request_outlives_the_process)
{
	enum {
		DOZER_PAGES = 300
	};
	enum mm_zone_id zone = highest_zone();
	gfp_t gfp = zone == MM_ZONE_HIGH ? GFP_HIGHUSER : GFP_KERNEL;
	struct process *dozer;
	struct process_end end;
	struct held blocks, pages;

	allow_kept_pages(PROCESS_KEEPS);
	held_init(&pages);
	leave_blocks(zone, &blocks);
	dozer = worker_start(JOB_DOZE, DOZER_PAGES);
	ASSERT(dozer);
	while (!process_has_ended(dozer)) {
		struct page *page = alloc_page(gfp);

		if (!EXPECT(page))
			break;
		held_add(&pages, page);
	}
	process_wait(dozer, &end);
	EXPECT_EQ(end.fate, PROCESS_OUT_OF_MEMORY);
	EXPECT_EQ(end.pages, WORKER_PAGES(DOZER_PAGES));
	for (unsigned i = 0; i < DOZER_PAGES / 2; i++) {
		struct page *page = alloc_page(gfp);

		if (!EXPECT(page))
			break;
		held_add(&pages, page);
	}
	held_free(&pages);
	held_free(&blocks);
}

/* The victim itself may take reserves to get out of what it is at; but no more than once. */
TEST(dying_process_may_use_reserves)
{
	struct process *worker;
	uint32_t *word = mm_host_thread_word(), before = *word;
	bool first, again;

	allow_kept_pages(PROCESS_KEEPS);
	worker = worker_start(JOB_DOZE, 3);
	ASSERT(worker);
	preempt_disable();
	current()->process = worker;
	process_activate(worker);
	process_kill(worker);
	first = process_out_of_memory();
	again = process_out_of_memory();
	current()->process = NULL;
	process_activate(NULL);
	EXPECT(first && !again);
	EXPECT(reclaim_is_running());
	*word = before;
	preempt_enable();
	process_wait(worker, NULL);
}

TEST_SUITE(user_memory, exit_returns_every_page, death_returns_every_page, user_pages_lie_apart,
	   storm_leaves_large_blocks_whole, pages_move_under_a_running_process,
	   pages_move_between_faults, moved_pages_are_flushed, pinned_pages_stay,
	   scattered_pages_make_way_for_large_blocks, pages_move_while_processes_come_and_go,
	   largest_process_is_the_victim, hoarder_dies_alone, two_hoarders_die,
	   kernel_request_outlives_the_process, dying_process_may_use_reserves);
