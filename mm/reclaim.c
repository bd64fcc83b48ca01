// SPDX-License-Identifier: MIT
/*
 * Reclaim: who gives memory back when there is not enough, and who waits for it.
 *
 * kswapd, a thread of the host's, wakes when a request finds every zone that it may use at
 * its low watermark, and works until all zones are at their high one.  A request that may
 * sleep and finds nothing goes round by round:
 *
 *	1. moves pages together (compact.c), if it wants more than one; reclaims itself;
 *	2. if nobody has freed a page since its last attempt, waits on the zones' queue,
 *	   which every free wakes, for WAIT_MS at most;
 *	3. after IDLE_ROUNDS rounds in which nobody freed anything, asks the host to
 *	   free something (mm_host_out_of_memory), and gives up if it cannot.
 *
 * NORETRY, and orders beyond COSTLY_ORDER without RETRY_MAYFAIL or NOFAIL, have one round.
 * RETRY_MAYFAIL does not ask the host.  NOFAIL goes on for ever, with all reserves.
 *
 * Progress is pages that came back to zones that the request may use, whoever freed them, less
 * those that reclaim itself has taken: a shrinker that claims more, or whose objects free no
 * page, deceives nobody.
 *
 * I1. A thread's word counts how many times it has entered reclaim: while it is not 0, its
 *     requests do not reclaim again, and may use the reserves.
 * I2. A waiter reads the queue's event before the attempt whose failure sends it to
 *     sleep; a free comes after that attempt, then it changes the event, or before,
 *     and then the attempt saw the page.  So no wake-up is lost.
 *
 * No locks of its own.
 */
#include <bits.h>
#include <compact.h>
#include <mem.h>
#include <mm/port.h>
#include <page_alloc.h>
#include <page_list.h>
#include <reclaim.h>
#include <zone.h>

#define COSTLY_ORDER  3u /* larger blocks are not promised, however long one reclaims */
#define IDLE_ROUNDS   16u
#define WAKES_A_ROUND 16u /* waits that were ended in vain, and make one idle round */
#define WAIT_MS       10u
#define DIRECT_TARGET 32u  /* pages that direct reclaim is content with */
#define HOPELESS_MS   100u /* kswapd's rest after a pass that freed nothing */
#define FOR_EVER      (~0u)

static size_t (*release_spare)(bool everywhere); /* [I] */
static void (*close_stacks)(void);               /* [I] */

/* Does somebody want kswapd to work?  It waits while this is 0. */
static uint32_t kswapd_wanted; /* [a] */

static bool kswapd_parked; /* [a] see reclaim_park_kswapd() */

void reclaim_reset(void)
{
	release_spare = NULL;
	close_stacks = NULL;
	kswapd_wanted = 0;
	kswapd_parked = false;
	shrinkers_reset();
}

void reclaim_set_spare(size_t (*release)(bool everywhere), void (*close)(void))
{
	release_spare = release;
	close_stacks = close;
}

/* --- who reclaims -------------------------------------------------------------- */

/* Atomic, for hosts whose threads share a word: they may be mistaken for each other, no more. */
void memalloc_noreclaim_enter(void)
{
	__atomic_fetch_add(mm_host_thread_word(), 1, __ATOMIC_RELAXED);
}

void memalloc_noreclaim_leave(void)
{
	__atomic_fetch_sub(mm_host_thread_word(), 1, __ATOMIC_RELAXED);
}

/* An interrupt on top of a thread that reclaims is no part of that. */
bool reclaim_is_running(void)
{
	struct mm_context context;

	mm_host_context(&context);
	return context.kind == MM_CONTEXT_THREAD &&
	       __atomic_load_n(mm_host_thread_word(), __ATOMIC_RELAXED) != 0;
}

/* --- one pass ------------------------------------------------------------------ */

/* `everywhere`: also what other CPUs have ready of each cache, which interrupts each of them. */
static void release(bool everywhere)
{
	if (release_spare)
		release_spare(everywhere);
	page_lists_drain();
}

/* Reclaim at one priority. */
static void shrink_once(gfp_t gfp, unsigned priority)
{
	if (shrink_all(gfp, priority))
		release(false); /* objects that were freed may have left slabs empty */
}

/* The zones that a request may use, a bit for each. */
static unsigned usable_zones(gfp_t gfp)
{
	return (2u << gfp_zone(gfp)) - 1;
}

/* What has come back between two looks; 0 when reclaim itself has taken more than that. */
static size_t came_back(size_t before, size_t now)
{
	return now - before > SIZE_MAX / 2 ? 0 : now - before;
}

/*
 * Ask ever more of everybody, until `target` pages have come back to the zones that these flags
 * may use.  Returns how many did.
 */
static size_t reclaim_pages(gfp_t gfp, size_t target)
{
	unsigned usable = usable_zones(gfp);
	size_t before = zones_freed(usable);

	memalloc_noreclaim_enter();
	release(true);
	for (unsigned priority = SHRINK_LIGHTLY + 1; priority-- > 0;) {
		if (came_back(before, zones_freed(usable)) >= target)
			break;
		shrink_once(gfp, priority);
	}
	memalloc_noreclaim_leave();
	return came_back(before, zones_freed(usable));
}

size_t mm_shrink_all(void)
{
	return reclaim_is_running() ? 0 : reclaim_pages(GFP_HIGHUSER, SIZE_MAX);
}

/* --- requests that may sleep --------------------------------------------------- */

/* Is one round all that this request gets? */
static bool gives_up_early(gfp_t gfp, unsigned order)
{
	if (gfp & (__GFP_RETRY_MAYFAIL | __GFP_NOFAIL))
		return false;
	return (gfp & __GFP_NORETRY) || order > COSTLY_ORDER;
}

/* May the host be asked to have somebody die for this request?  Nobody's death brings DMA memory. */
static bool is_worth_a_life(gfp_t gfp, unsigned order)
{
	return order <= COSTLY_ORDER && (gfp & __GFP_FS) &&
	       !(gfp & (__GFP_DMA | __GFP_RETRY_MAYFAIL));
}

/*
 * From now on whoever frees looks for us: objects by way of the slow path, and pages after it, not
 * one of which stays in a CPU's lists.  What came to a stack before it was closed wakes nobody, so
 * that is released here, for the attempt to come.  Each waiter does all of it: another one
 * who came first may not have come to its end.
 */
static void join_queue(void)
{
	__atomic_fetch_add(&zone_queue.waiters, 1, __ATOMIC_SEQ_CST);
	if (close_stacks)
		close_stacks();
	page_lists_close();
	release(true);
}

/* Join the queue, for the attempts to come; later look whether to sleep in it. */
static bool wait_for_pages(struct reclaim_effort *effort)
{
	bool slept = true;
	uint32_t event;

	if (effort->waiting)
		slept = mm_host_wait(&zone_queue.event, effort->event, WAIT_MS);
	else
		join_queue();
	event = __atomic_load_n(&zone_queue.event, __ATOMIC_ACQUIRE);
	effort->woken = effort->waiting && event != effort->event;
	effort->waiting = true;
	effort->event = event;
	return slept;
}

/* For who must not be told no.  The first time it only joins the queue. */
static bool wait_or_panic(struct reclaim_effort *effort)
{
	if (!wait_for_pages(effort))
		mm_host_panic("mm: no memory for a request that must not fail");
	return true;
}

/* Reclaim has come to its end.  True: there is a reason to try once more. */
static bool last_resort(struct reclaim_effort *effort, gfp_t gfp, unsigned order)
{
	if (is_worth_a_life(gfp, order) && mm_host_out_of_memory(gfp, order)) {
		effort->idle = 0;
		return true;
	}
	if (!(gfp & __GFP_NOFAIL))
		return false;
	if (effort->more || (gfp & __GFP_NOMEMALLOC))
		return wait_or_panic(effort);
	effort->more = __GFP_MEMALLOC;
	return true;
}

/*
 * Has anybody freed a page that would do, since the last round?  Who is woken by something else
 * has not waited for as long as it might have: objects that come free, one by one, may in the
 * end make a page.
 */
static bool note_progress(struct reclaim_effort *effort, gfp_t gfp)
{
	size_t freed = zones_freed(usable_zones(gfp));
	bool progress = effort->rounds == 1 || came_back(effort->freed, freed) > 0;

	if (progress) {
		effort->freed = freed;
		effort->idle = effort->in_vain = 0;
	} else if (!effort->woken || ++effort->in_vain % WAKES_A_ROUND == 0) {
		effort->idle++;
	}
	return progress;
}

bool reclaim_round(struct reclaim_effort *effort, gfp_t gfp, unsigned order)
{
	bool progress;

	if (!(gfp & __GFP_DIRECT_RECLAIM))
		return false;
	if (reclaim_is_running())
		return (gfp & __GFP_NOFAIL) && wait_or_panic(effort);
	if (effort->rounds > 0 && gives_up_early(gfp, order))
		return false;
	if (order > 0 && !effort->compacted) { /* it may be all that is wanting */
		effort->compacted = true;
		if (compact_for(gfp_zone(gfp), order))
			return true;
	}
	effort->rounds++;
	reclaim_pages(gfp, max_size(DIRECT_TARGET, (size_t)1 << order));
	if (order > 0)
		compact_for(gfp_zone(gfp), order);
	progress = note_progress(effort, gfp);
	if (effort->idle > IDLE_ROUNDS)
		return last_resort(effort, gfp, order);
	if (wait_for_pages(effort))
		return true;
	/* Where one cannot sleep, interrupts that free and take for ever must not keep us here. */
	return (progress && effort->rounds <= IDLE_ROUNDS) || last_resort(effort, gfp, order);
}

void reclaim_done(struct reclaim_effort *effort)
{
	if (effort->waiting)
		__atomic_fetch_sub(&zone_queue.waiters, 1, __ATOMIC_SEQ_CST);
}

/* --- kswapd -------------------------------------------------------------------- */

/* Called for each request that finds the zones at their low marks: mostly one load. */
void reclaim_wake_kswapd(void)
{
	if (__atomic_load_n(&kswapd_wanted, __ATOMIC_RELAXED) == 0 &&
	    __atomic_exchange_n(&kswapd_wanted, 1, __ATOMIC_SEQ_CST) == 0)
		mm_host_wake(&kswapd_wanted);
}

void reclaim_park_kswapd(bool park)
{
	__atomic_store_n(&kswapd_parked, park, __ATOMIC_RELEASE);
}

/* The zones below their high marks, a bit for each.  One that is too small for its mark is none. */
static unsigned zones_short(void)
{
	unsigned lacking = 0;

	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		if (zones[i].managed > zones[i].high &&
		    zone_own_pages(&zones[i]) < zones[i].high)
			lacking |= 1u << i;
	}
	return lacking;
}

static bool may_rest(void)
{
	return !zones_short() || __atomic_load_n(&kswapd_parked, __ATOMIC_ACQUIRE);
}

/*
 * Bring all zones to their high marks.  False: everything was asked for, and no page came to a
 * zone that lacks some.  Those that others free and take elsewhere are no reason to go on.
 */
static bool balance(void)
{
	unsigned lacking = zones_short();
	size_t before = zones_freed(lacking);

	release(true);
	for (unsigned priority = SHRINK_LIGHTLY + 1; priority-- > 0;) {
		if (may_rest())
			return true;
		shrink_once(GFP_KERNEL, priority);
	}
	return !zones_short() || came_back(before, zones_freed(lacking)) > 0;
}

void mm_kswapd(void *unused)
{
	static uint32_t nobody; /* changes it */

	(void)unused;
	memalloc_noreclaim_enter();
	while (mm_host_wait(&kswapd_wanted, 0, FOR_EVER)) {
		if (__atomic_exchange_n(&kswapd_wanted, 0, __ATOMIC_SEQ_CST) == 0)
			continue;
		while (!may_rest() && balance())
			;
		if (!may_rest())
			mm_host_wait(&nobody, 0, HOPELESS_MS);
	}
	memalloc_noreclaim_leave();
}
