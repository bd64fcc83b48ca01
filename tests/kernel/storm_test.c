// SPDX-License-Identifier: MIT
/*
 * The allocator on all CPUs at once.  On each, a thread that stays there and one that wanders, a
 * timer interrupt at random distances, and NMIs that the threads send each other, allocate and
 * free memory of all kinds.  Every block knows its owner (owner.h).  Many change hands: they go into
 * the mailbox of another CPU, and whoever looks there frees them.  Now and then, and at the end,
 * all invariants are looked at while the other CPUs are held.
 *
 * How long: storm=N on the command line, seconds; where the clock counts instructions, each thread
 * has a number of steps, N thousand.  With mischief=N each thread does something wrong in one of N
 * steps, which must end in one report each; now and then all memory is taken away for a while, and
 * now and then one in fifty requests fails though there is memory.
 */
#include "icount.h"
#include "mischief.h"
#include "owner.h"
#include <harness.h>
#include <kernel/ipi.h>
#include <kernel/nmi.h>
#include <kernel/options.h>
#include <kernel/shootdown.h>
#include <kernel/smp.h>
#include <kernel/spinlock.h>
#include <kernel/thread.h>
#include <kernel/tick.h>
#include <kernel/time.h>
#include <mem.h>
#include <mm/fault.h>
#include <mm/kmalloc.h>
#include <mm/nolock.h>
#include <mm/page_alloc.h>
#include <mm/port.h>
#include <unit/live.h>

#define THREAD_OBJECTS  64u
#define HANDLER_OBJECTS 24u
#define NMI_OBJECTS     6u
#define BOX_OBJECTS     16u
#define NR_WORKERS      (2 * MAX_CPUS)

/* Distances of the timer's interrupts, in microseconds. */
#define TICK_MIN        60u
#define TICK_MAX        400u

#define NS_PER_S        1000000000ull
#define CHECK_MS        60u
#define WARM_STEPS      400u
#define TICKS_LEAST     20u
#define NMIS_LEAST      20u

struct worker {
	struct owner owner;
	struct object objects[THREAD_OBJECTS];
	struct thread *thread;
	uint32_t home; /* CPUs where it may run */
	uint32_t seen; /* and where it has */
	unsigned long posted, collected, dozed, wrong;
};

/* What interrupts and NMIs of one CPU have. */
static struct handler {
	struct owner owner;
	struct object objects[HANDLER_OBJECTS];
	unsigned long ticks, nmis, nmi_allocs, nmi_failures, nmi_damaged;
	struct page *nmi_page;
	uint32_t *nmi_objects[NMI_OBJECTS];
} handlers[MAX_CPUS];

static struct mailbox {
	struct spinlock lock;
	unsigned n;
	struct object objects[BOX_OBJECTS];
} boxes[MAX_CPUS];

static struct worker workers[NR_WORKERS];
static bool over;
static unsigned long steps_wanted;
static uint64_t mischief_every; /* 0: never */

static bool is_over(void)
{
	return __atomic_load_n(&over, __ATOMIC_RELAXED);
}

/* --- from hand to hand --------------------------------------------------------------------- */

static bool post(struct owner *owner)
{
	struct mailbox *box = &boxes[owner_random(owner, smp_count())];
	unsigned i = owner_random(owner, owner->nr_objects);
	uint32_t flags = spin_lock_irqsave(&box->lock);
	bool room = box->n < BOX_OBJECTS && owner->objects[i].what != NOTHING;

	if (room)
		owner_give(owner, i, &box->objects[box->n++]);
	spin_unlock_irqrestore(&box->lock, flags);
	return room;
}

static bool collect(struct owner *owner, unsigned cpu)
{
	struct mailbox *box = &boxes[cpu];
	uint32_t flags = spin_lock_irqsave(&box->lock);
	struct object object = {.what = NOTHING};

	if (box->n > 0)
		object = box->objects[--box->n];
	spin_unlock_irqrestore(&box->lock, flags);
	if (object.what == NOTHING)
		return false;
	owner_release(owner, &object);
	return true;
}

/* --- interrupts ------------------------------------------------------------------------------ */

static void storm_tick(struct trap_frame *frame)
{
	struct handler *handler = &handlers[cpu_here->id];
	struct owner *owner = &handler->owner;

	(void)frame;
	handler->ticks++;
	owner_step(owner);
	if (owner_random(owner, 4) == 0)
		post(owner);
	if (owner_random(owner, 4) == 0)
		collect(owner, cpu_here->id);
	if (!is_over())
		tick_arm(TICK_MIN + owner_random(owner, TICK_MAX - TICK_MIN), storm_tick);
}

static void nmi_object(struct handler *handler, uint32_t **object)
{
	if (*object) {
		handler->nmi_damaged += **object != (uint32_t)*object;
		kfree_nolock(*object);
		*object = NULL;
		return;
	}
	*object = kmalloc_nolock(16u << handler->nmis % 5, 0);
	if (!*object) {
		handler->nmi_failures++;
		return;
	}
	handler->nmi_allocs++;
	**object = (uint32_t)*object;
}

static void storm_nmi(struct trap_frame *frame)
{
	struct handler *handler = &handlers[cpu_here->id];

	(void)frame;
	handler->nmis++;
	nmi_object(handler, &handler->nmi_objects[handler->nmis % NMI_OBJECTS]);
	if (handler->nmis % 2)
		return;
	if (handler->nmi_page) {
		free_pages_nolock(handler->nmi_page, 0);
		handler->nmi_page = NULL;
	} else {
		handler->nmi_page = alloc_pages_nolock(0, 0);
	}
}

static void start_ticks(void *arg)
{
	(void)arg;
	tick_arm(TICK_MIN, storm_tick);
}

static void stop_ticks(void *arg)
{
	(void)arg;
	if (cpu_here->id)
		tick_start(TIMER_HZ, NULL);
	else
		tick_stop();
}

/* --- threads --------------------------------------------------------------------------------- */

static void work(void *arg)
{
	struct worker *worker = arg;
	struct owner *owner = &worker->owner;

	thread_run_on(worker->home);
	for (unsigned long step = 0; !is_over() && (!steps_wanted || step < steps_wanted);
	     step++) {
		owner_step(owner);
		worker->seen |= 1u << cpu_here->id;
		worker->dozed += shootdown_dozes();
		switch (owner_random(owner, 16)) {
		case 0:
		case 1: worker->posted += post(owner); break;
		case 2:
		case 3: worker->collected += collect(owner, cpu_here->id); break;
		case 4: ipi_nmi(owner_random(owner, smp_count())); break;
		case 5: thread_yield(); break;
		default: break;
		}
		if (mischief_every && owner_random(owner, (uint32_t)mischief_every) == 0) {
			mischief(owner);
			worker->wrong++;
		}
	}
	owner_release_all(owner);
}

static bool start_workers(void)
{
	memset(workers, 0, sizeof(workers));
	for (unsigned i = 0; i < 2 * smp_count(); i++) {
		struct worker *worker = &workers[i];

		owner_init(&worker->owner, GFP_KERNEL | __GFP_NOWARN, worker->objects,
			   THREAD_OBJECTS);
		worker->home = i % 2 ? CPUS_ALL : 1u << i / 2;
		worker->thread = thread_create("storm", work, worker);
		if (!EXPECT(worker->thread))
			return false;
	}
	return true;
}

static bool all_have_ended(void)
{
	unsigned ended = 0;

	for (unsigned i = 0; i < 2 * smp_count(); i++)
		ended += __atomic_load_n(&workers[i].thread->state, __ATOMIC_RELAXED) ==
			 THREAD_DEAD;
	return ended == 2 * smp_count();
}

static void prepare(unsigned long steps)
{
	__atomic_store_n(&over, false, __ATOMIC_RELAXED);
	steps_wanted = steps;
	memset(boxes, 0, sizeof(boxes));
	memset(handlers, 0, sizeof(handlers));
	for (unsigned i = 0; i < smp_count(); i++)
		owner_init(&handlers[i].owner, GFP_ATOMIC | __GFP_NOWARN, handlers[i].objects,
			   HANDLER_OBJECTS);
}

/* Nobody but this thread is left: all that the handlers and the boxes have is freed. */
static void clean_up(void)
{
	for (unsigned i = 0; i < smp_count(); i++) {
		while (collect(&handlers[i].owner, i))
			;
		owner_release_all(&handlers[i].owner);
		for (unsigned j = 0; j < NMI_OBJECTS; j++)
			kfree(handlers[i].nmi_objects[j]);
		__free_pages(handlers[i].nmi_page, 0);
	}
	mm_drain_deferred();
}

/* A host that is busy with other things may give us little of a second. */
static bool each_cpu_took_part(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < smp_count(); i++)
		n += __atomic_load_n(&handlers[i].ticks, __ATOMIC_RELAXED) >= TICKS_LEAST &&
		     __atomic_load_n(&handlers[i].nmis, __ATOMIC_RELAXED) >= NMIS_LEAST;
	return n == smp_count();
}

#define FAMINE_MS 20u

/* Nothing is left for a while, but what may be had without waiting only. */
static void famine(void)
{
	struct held held;

	held_init(&held);
	held_take(&held, GFP_HIGHUSER & ~__GFP_DIRECT_RECLAIM, 0, SIZE_MAX);
	thread_sleep_ms(FAMINE_MS);
	for (struct page *page; (page = held_pop(&held)) != NULL;)
		__free_page(page);
}

/* Looks at all, of which one begins a famine, and a few see requests that fail. */
#define SEASON 24u
#define FAMINE 11u
#define FAULTS 19u

static unsigned long faults_injected;

static void end_faults(void)
{
	struct mm_fault_stats stats;

	mm_fault_stats(&stats);
	if (!stats.armed)
		return;
	mm_fault_clear();
	mm_fault_stats(&stats);
	faults_injected += stats.injected;
}

static void misfortune(unsigned check)
{
	const struct mm_fault fault = {.probability = MM_FAULT_PER / 50, .seed = check};

	switch (check % SEASON) {
	case FAMINE: famine(); break;
	case FAULTS: mm_fault_set(&fault); break;
	case SEASON - 1: end_faults(); break;
	default: break;
	}
}

/*
 * `steps` of each thread; or, if that is 0, as many as there are until `limit_ns` have passed, and
 * each CPU has had something of it.  Returns how often all was looked at meanwhile.
 */
static unsigned storm(unsigned long steps, uint64_t limit_ns)
{
	uint64_t start = time_ns();
	unsigned checks = 0;

	prepare(steps);
	nmi_set_ipi_handler(storm_nmi);
	ipi_call_each(start_ticks, NULL);
	if (start_workers()) {
		while (!all_have_ended() &&
		       (steps || time_ns() - start < limit_ns || !each_cpu_took_part())) {
			thread_sleep_ms(CHECK_MS);
			EXPECT_EQ(mm_check(), 0);
			if (mischief_every)
				misfortune(checks);
			checks++;
		}
	}
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	if (mischief_every)
		end_faults();
	for (unsigned i = 0; i < 2 * smp_count(); i++)
		if (workers[i].thread)
			thread_join(workers[i].thread);
	ipi_call_each(stop_ticks, NULL);
	nmi_set_ipi_handler(NULL);
	clean_up();
	EXPECT_EQ(mm_check(), 0);
	return checks;
}

static void expect_each_cpu_took_part(void)
{
	unsigned long ticks = 0, nmis = 0, nmi_allocs = 0, allocs = 0, passed_on = 0,
		      elsewhere = 0, wrong = 0, failures = 0;

	for (unsigned i = 0; i < smp_count(); i++) {
		const struct handler *handler = &handlers[i];

		EXPECTF(handler->ticks >= TICKS_LEAST && handler->nmis >= NMIS_LEAST &&
				handler->nmi_allocs > 0,
			"CPU %u had %lu timer interrupts, %lu NMIs, which got %lu objects", i,
			handler->ticks, handler->nmis, handler->nmi_allocs);
		EXPECT_EQ(handler->nmi_damaged, 0);
		owner_expect_undamaged(&handler->owner, "handlers");
		ticks += handler->ticks;
		nmis += handler->nmis;
		nmi_allocs += handler->nmi_allocs;
	}
	for (unsigned i = 0; i < 2 * smp_count(); i++) {
		const struct worker *worker = &workers[i];

		owner_expect_undamaged(&worker->owner, "threads");
		EXPECT(i % 2 || worker->seen == 1u << i / 2);
		EXPECT_EQ(worker->dozed, 0);
		allocs += worker->owner.allocs;
		failures += worker->owner.failures;
		wrong += worker->wrong;
		passed_on += worker->posted;
		elsewhere += i % 2 && (worker->seen & (worker->seen - 1));
	}
	EXPECT(passed_on > 0);
	test_note(
		"%u CPUs: %lu allocations by threads, %lu passed on; %lu timer interrupts; %lu "
		"NMIs with %lu allocations; %lu threads wandered",
		smp_count(), allocs, passed_on, ticks, nmis, nmi_allocs, elsewhere);
	EXPECT_EQ(mischief_reports(), wrong);
	if (mischief_every)
		test_note("%lu wrong calls, each reported; %lu requests of threads failed; in "
			  "all %lu failures were injected",
			  wrong, failures, faults_injected);
}

#define SECONDS 3u
#define STEPS_K 6u

TEST(all_cpus_at_once)
{
	bool exact = clock_counts_instructions();
	uint64_t amount = exact ? STEPS_K : SECONDS;
	struct fingerprint before;
	unsigned checks;

	if (smp_count() == 1)
		SKIP("one CPU only");
	cmdline_u64("storm", &amount);
	mischief_every = 0;
	faults_injected = 0;
	allow_kept_pages(1 + OWNER_TABLES);
	if (!owner_make_caches())
		return;
	storm(WARM_STEPS, 0);
	owner_warm_up();
	live_settle(&before);
	if (cmdline_u64("mischief", &mischief_every))
		mischief_allow_reports();

	checks = storm(exact ? (unsigned long)amount * 1000 : 0, exact ? 0 : amount * NS_PER_S);
	expect_each_cpu_took_part();
	EXPECT(checks > 0);
	live_expect_settled(&before);
	owner_destroy_caches();
}

TEST_SUITE(storm, all_cpus_at_once);
