// SPDX-License-Identifier: MIT
/*
 * Magazines and depots (Bonwick and Adams 2001).
 *
 * For each cache and CPU there is a stack of objects that are ready to go.  An alloc that
 * finds one and a free that finds room touch nothing that another CPU writes, neither the
 * object nor its slab: mm_stack_pop() and mm_stack_push().  The slots of a stack are a
 * magazine, and when it is empty or full it is traded, under the cache's lock, for a full or
 * an empty one of the cache's depot.  Only when the depot has none do objects move one by
 * one between a magazine and the slabs.
 *
 * Few of them move at first.  Load that swings by little is soon back where it was: a random walk
 * on 62 slots that has got 8 objects takes 8 * 54 steps until it is at an end again, and
 * one that has got 31 takes 31 * 31; so most of what 31 cost would be for nothing, and for a
 * long call.  But a stack that is empty, or full, several times running serves a streak of
 * allocations, or of frees, and gets twice as many each time.
 *
 * How much a cache keeps ready follows how often that was not enough.  Magazines begin small;
 * each time a stack has been empty or full as often as its size suggests, or CPUs have
 * met at the lock, the next magazines are made larger, up to what the objects' size
 * allows, and after that the depot may hold more of them.  A shrink begins anew.
 *
 * A stack starts without a magazine, on a stopper that all such stacks share, empty and full at
 * the same time; its first slow path gives it a real one.  So a cache that is never used
 * costs nothing, and the caches that magazines are made of need no special case.
 *
 * I1. An object is in at most one slot, of a stack or of the depot, exactly if its state
 *     is MM_OBJECT_CACHED.  For its slab such an object counts as taken.
 * I2. A stack is touched by its own CPU only: by pop and push, or interrupts off.  Its
 *     `magazine` changes under the cache's lock, too; `limit` under it, by any CPU.
 * I3. Magazines of the depot's list `full` were full when they came there.  One that is
 *     smaller than today's, when it is empty, waits on `outgrown` to be freed.
 * I4. While somebody waits for memory no stack takes an object by a push: `limit` is NULL then,
 *     but for who has not come to it yet.
 *
 * Costs: what is done under the lock is at most, at the end of a streak, one magazine emptied into
 * the slabs or half filled from them: MAGAZINE_MAX objects.
 *
 * Locks: [p] by I2; cache->lock [c] in functions named _locked, interrupts off.
 */
#include <bits.h>
#include <fault_hook.h>
#include <magazine.h>
#include <mem.h>
#include <mm/format.h>
#include <slab_debug.h>
#include <zone.h>

/* Where the stacks without a magazine end.  Nobody writes to it. */
static struct mm_slot no_slots[2];

static const struct mm_stack no_stack = {&no_slots[1], &no_slots[1], NULL, 0, 0, 0, false};

/* With stopper and links each fills a power of two of bytes, where pointers have 32 bits. */
static const uint16_t capacities[] = {2, 6, 14, 30, MAGAZINE_MAX};

#define NR_CAPACITIES     (sizeof(capacities) / sizeof(capacities[0]))
#define FIRST_CAPACITY    6u

/*
 * Bytes of objects that one CPU's stack may sit on, and that a depot may; roughly.  More costs
 * memory (see README.md), less costs slow paths.
 */
#define STACK_BYTES       8192u
#define DEPOT_BYTES       4096u
#define DEPOT_MOST        8u

/* Slow paths, in magazines' worth of them, after which a cache keeps more ready. */
#define PATIENCE          8u
/* A wait for the lock counts as so many of them. */
#define CONTENTION_WEIGHT 8u

/* The first move between a stack and the slabs is this part of a magazine. */
#define MOVE_PART         8u
/* Two moves of a stack's belong to one streak if there are fewer on this CPU between them. */
#define STREAK_GAP        48u

static struct kmem_cache magazine_caches[NR_CAPACITIES];

static size_t magazine_bytes(size_t capacity)
{
	return sizeof(struct magazine) + capacity * sizeof(struct mm_slot);
}

void magazine_init(void)
{
	for (size_t i = 0; i < NR_CAPACITIES; i++) {
		char name[KMEM_CACHE_NAME_MAX];

		mm_snprintf(name, sizeof(name), "magazine-%u", capacities[i]);
		cache_setup(&magazine_caches[i], name, magazine_bytes(capacities[i]), 0,
			    SLAB_INTERNAL, NULL, NULL);
	}
}

/* Larger objects get smaller magazines. */
unsigned magazine_capacity_for(size_t size)
{
	size_t i = NR_CAPACITIES - 1;

	if (size > 2 * PAGE_SIZE)
		return 0;
	while (i > 0 && capacities[i] * size > STACK_BYTES &&
	       (capacities[i] > FIRST_CAPACITY || size > PAGE_SIZE))
		i--;
	return capacities[i];
}

static size_t step_of(unsigned capacity)
{
	size_t i = 0;

	while (capacities[i] < capacity)
		i++;
	return i;
}

/* Numbers of the depot that are looked at without the lock: [a]. */
static void set_number(uint16_t *number, unsigned value)
{
	__atomic_store_n(number, (uint16_t)value, __ATOMIC_RELAXED);
}

/* As little is kept ready as ever. */
static void begin_anew(struct kmem_cache *cache)
{
	set_number(&cache->capacity, (unsigned)min_size(cache->capacity_max, FIRST_CAPACITY));
	set_number(&cache->depot_limit, 0);
	cache->misses = 0;
}

/* Stacks without a magazine, for all CPUs; `stacks` NULL: a cache that is to have none. */
void magazine_init_cache(struct kmem_cache *cache, struct mm_stack *stacks)
{
	static struct mm_stack none[MM_HOST_NR_CPUS];

	cache->stacks = stacks ? stacks : none;
	for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++)
		cache->stacks[cpu] = no_stack;
	cache->capacity_max = stacks && !slab_is_debugged(cache)
				      ? (uint16_t)magazine_capacity_for(cache->size)
				      : 0;
	begin_anew(cache);
}

/* --- magazines from memory, and back --------------------------------------------- */

static struct magazine *new_magazine(unsigned capacity, gfp_t gfp)
{
	struct magazine *magazine;

	gfp = (gfp & __GFP_KSWAPD_RECLAIM) | __GFP_NOWARN | __GFP_NOMEMALLOC;
	magazine = cache_alloc_internal(&magazine_caches[step_of(capacity)], gfp, CALLER());
	if (!magazine)
		return NULL;
	magazine->capacity = (uint16_t)capacity;
	magazine->count = 0;
	magazine->stopper = (struct mm_slot){NULL, NULL};
	return magazine;
}

static void free_magazine(struct magazine *magazine)
{
	cache_free_internal(&magazine_caches[step_of(magazine->capacity)], magazine);
}

/* Lists of magazines, which are looked at without the lock, too: [a]. */
static void chain(struct magazine **list, struct magazine *magazine)
{
	magazine->next = *list;
	__atomic_store_n(list, magazine, __ATOMIC_RELAXED);
}

static struct magazine *unchain(struct magazine **list)
{
	struct magazine *magazine = *list;

	if (magazine)
		__atomic_store_n(list, magazine->next, __ATOMIC_RELAXED);
	return magazine;
}

/*
 * [c] Where pushes end.  While somebody waits for memory that is before the first slot: each
 * free shall come to the slow path, which sees the waiter.
 */
static void set_limit(struct mm_stack *stack, struct mm_slot *limit)
{
	__atomic_store_n(&stack->limit, zone_has_waiters() ? NULL : limit, __ATOMIC_RELAXED);
}

/* [c] This CPU's stack gets `magazine` and what is in it; returns the one that it had, or NULL. */
static struct magazine *trade_locked(struct mm_stack *stack, struct magazine *magazine)
{
	struct magazine *old = stack->magazine;

	if (old)
		old->count = (uint16_t)stack_count(stack);
	stack_set_top(stack, magazine->slots + magazine->count);
	set_limit(stack, magazine->slots + magazine->capacity);
	__atomic_store_n(&stack->capacity, magazine->capacity, __ATOMIC_RELAXED);
	stack->magazine = magazine;
	return old;
}

/* [c] A new magazine to the depot; one from there to a stack that has none. */
static void add_empty_locked(struct kmem_cache *cache, struct magazine *magazine)
{
	struct mm_stack *stack = this_stack(cache);

	if (magazine)
		chain(&cache->depot_empty, magazine);
	if (!stack->magazine && cache->depot_empty && !fault_is_armed())
		trade_locked(stack, unchain(&cache->depot_empty));
}

/*
 * Before a slow path: see that this CPU has a magazine and that there is an empty one to
 * trade, and let go of those that were outgrown.  Without memory nothing happens: the cache
 * works without, only slower.  Called without locks.
 */
void magazine_provide_slow(struct kmem_cache *cache, gfp_t gfp)
{
	struct magazine *magazine = NULL, *outgrown;
	mm_irqflags_t flags;

	/* Who waits for memory shall have it, not what would hold back freed objects. */
	if (cache->capacity_max == 0 || zone_has_waiters() || fault_is_armed())
		return;
	if (!__atomic_load_n(&cache->depot_empty, __ATOMIC_RELAXED))
		magazine =
			new_magazine(__atomic_load_n(&cache->capacity, __ATOMIC_RELAXED), gfp);
	flags = mm_irq_save();
	cache_lock(cache);
	add_empty_locked(cache, magazine);
	outgrown = cache->outgrown;
	cache->outgrown = NULL;
	cache_unlock(cache);
	mm_irq_restore(flags);
	while ((magazine = unchain(&outgrown)) != NULL)
		free_magazine(magazine);
}

/* --- the depot ----------------------------------------------------------------------- */

/* [c] Full magazines that the depot may hold at most: none of large objects. */
static unsigned depot_most(const struct kmem_cache *cache)
{
	size_t fit = DEPOT_BYTES / ((size_t)cache->capacity * cache->size);

	return (unsigned)min_size(fit, DEPOT_MOST);
}

/* [c] Stacks were empty or full often. */
static __attribute__((noinline)) void keep_more_locked(struct kmem_cache *cache)
{
	cache->misses = 0;
	if (cache->capacity < cache->capacity_max)
		set_number(&cache->capacity, capacities[step_of(cache->capacity) + 1]);
	else if (cache->depot_limit < depot_most(cache))
		set_number(&cache->depot_limit, cache->depot_limit + 1u);
}

/* [c] Two CPUs wanted the lock at a time. */
void magazine_count_contention_locked(struct kmem_cache *cache)
{
	if (cache->capacity_max)
		cache->misses += CONTENTION_WEIGHT;
}

/* [c] An empty magazine that nobody uses. */
static void retire_locked(struct kmem_cache *cache, struct magazine *magazine)
{
	magazine->count = 0;
	chain(magazine->capacity < cache->capacity ? &cache->outgrown : &cache->depot_empty,
	      magazine);
}

static void add_full_locked(struct kmem_cache *cache, struct magazine *magazine)
{
	chain(&cache->depot_full, magazine);
	set_number(&cache->nr_full, cache->nr_full + 1u);
	cache->nr_depot += magazine->count;
}

static struct magazine *take_full_locked(struct kmem_cache *cache)
{
	struct magazine *magazine = unchain(&cache->depot_full);

	if (magazine) {
		set_number(&cache->nr_full, cache->nr_full - 1u);
		cache->nr_depot -= magazine->count;
	}
	return magazine;
}

/* [c] A magazine of the depot's with its objects gone to the slabs; NULL when it has none. */
static struct magazine *drain_full_locked(struct kmem_cache *cache)
{
	struct magazine *magazine = take_full_locked(cache);

	if (magazine) {
		slab_give_many_locked(cache, magazine->slots, magazine->count);
		magazine->count = 0;
	}
	return magazine;
}

/* --- between stacks and slabs ---------------------------------------------------------- */

/* Moves on each CPU so far: the time by which streaks are told. */
static uint32_t clocks[MM_HOST_NR_CPUS];

/*
 * [p] How many objects a stack that is empty gets from the slabs, or one that is full gives to
 * them: a few, and in a streak each time twice as many as before, up to `most`.
 */
static unsigned next_move(const struct mm_stack *stack, bool came, unsigned most)
{
	unsigned few = (stack->magazine->capacity + MOVE_PART - 1) / MOVE_PART;

	if (stack->came != came || clocks[mm_cpu_id()] - stack->when >= STREAK_GAP)
		return few;
	return (unsigned)min_size(max_size(2 * stack->moved, few), most);
}

static void note_move(struct mm_stack *stack, bool came, unsigned n)
{
	stack->came = came;
	stack->moved = n;
	stack->when = ++clocks[mm_cpu_id()];
}

/* Below the lowest slot is one without an object. */
static inline bool has_objects(const struct mm_stack *stack)
{
	return stack->top[-1].object;
}

/* [c] A stack whose magazine is outgrown gets a larger one, if there is one, with the same objects. */
static __attribute__((noinline)) void enlarge_locked(struct kmem_cache *cache,
						     struct mm_stack *stack)
{
	const struct magazine *small = stack->magazine;
	struct magazine *large = cache->depot_empty;

	if (!small || !large || large->capacity <= small->capacity)
		return;
	unchain(&cache->depot_empty);
	large->count = (uint16_t)stack_count(stack);
	memcpy(large->slots, small->slots, large->count * sizeof(struct mm_slot));
	retire_locked(cache, trade_locked(stack, large));
}

/* [c] A stack was empty or full. */
static inline void adapt_locked(struct kmem_cache *cache, struct mm_stack *stack)
{
	if (unlikely(++cache->misses >= PATIENCE * cache->capacity))
		keep_more_locked(cache);
	if (unlikely(stack->capacity < cache->capacity))
		enlarge_locked(cache, stack);
}

/* [c] An empty stack gets objects from the slabs. */
static void fill_locked(struct kmem_cache *cache, struct mm_stack *stack)
{
	unsigned n = next_move(stack, true, stack->magazine->capacity / 2);

	stack_set_top(stack, stack->top + slab_take_many_locked(cache, stack->top, n));
	note_move(stack, true, n);
}

/* [c] A full stack gives the objects that came last to the slabs. */
static void spill_locked(struct kmem_cache *cache, struct mm_stack *stack)
{
	unsigned n = next_move(stack, false, stack->magazine->capacity);

	stack_set_top(stack, stack->top - n);
	slab_give_many_locked(cache, stack->top, n);
	note_move(stack, false, n);
}

/* [c] A full magazine of the depot's, or the first one at all, for a stack that has no object. */
static __attribute__((noinline)) void trade_empty_locked(struct kmem_cache *cache,
							 struct mm_stack *stack)
{
	struct magazine *magazine = take_full_locked(cache);

	if (!magazine && !stack->magazine)
		magazine = unchain(&cache->depot_empty);
	if (magazine)
		magazine = trade_locked(stack, magazine);
	if (magazine)
		retire_locked(cache, magazine);
}

/* Objects for this CPU's stack if it has none: from the depot, else some from the slabs. */
void magazine_refill_locked(struct kmem_cache *cache)
{
	struct mm_stack *stack = this_stack(cache);

	if (cache->capacity_max == 0 || has_objects(stack) || fault_is_armed())
		return;
	adapt_locked(cache, stack);
	if (unlikely(cache->depot_full || !stack->magazine))
		trade_empty_locked(cache, stack);
	if (likely(stack->magazine && !has_objects(stack)))
		fill_locked(cache, stack);
}

/*
 * One object for the caller, live, and, if this CPU's stack is empty, others for that.  NULL
 * when there is none.
 */
void *magazine_alloc_locked(struct kmem_cache *cache)
{
	struct mm_stack *stack = this_stack(cache);
	struct mm_slot slot;

	if (!has_objects(stack) && !slab_has_free_locked(cache) && !cache->depot_full)
		return NULL;
	magazine_refill_locked(cache);
	slot = stack->top[-1];
	if (likely(slot.object))
		stack_set_top(stack, stack->top - 1);
	else if (slab_take_many_locked(cache, &slot, 1) == 0)
		return NULL;
	*slot.state = OBJECT_LIVE;
	return slot.object;
}

/* Room for an object on this CPU's stack; false when it has no magazine and gets none. */
bool magazine_make_room_locked(struct kmem_cache *cache)
{
	struct mm_stack *stack = this_stack(cache);
	struct magazine *magazine;

	if (cache->capacity_max == 0 || zone_has_waiters() || fault_is_armed())
		return false;
	if (stack->magazine && stack_count(stack) < stack->magazine->capacity) {
		set_limit(stack, stack->magazine->slots + stack->magazine->capacity);
		return true;
	}
	adapt_locked(cache, stack);
	if (stack->magazine && stack_count(stack) < stack->magazine->capacity)
		return true;
	if (cache->depot_empty && (!stack->magazine || cache->nr_full < cache->depot_limit)) {
		magazine = trade_locked(stack, unchain(&cache->depot_empty));
		if (magazine)
			add_full_locked(cache, magazine);
	} else if (stack->magazine) {
		spill_locked(cache, stack);
	}
	return stack->magazine;
}

/* Free a live object, to this CPU's stack if there can be room. */
void magazine_free_locked(struct kmem_cache *cache, void *object, uint8_t *state)
{
	struct mm_stack *stack = this_stack(cache);

	if (magazine_make_room_locked(cache)) {
		*state = OBJECT_CACHED;
		*stack->top = (struct mm_slot){object, state};
		stack_set_top(stack, stack->top + 1);
	} else {
		struct slab *slab = page_of_address(object)->slab;

		slab_give_locked(cache, slab, (unsigned)(state - slab->state));
	}
}

/* --- the ordinary cases of both, straight on ------------------------------------------------ */

/*
 * What nearly every slow path is: nobody else has the lock, nothing was left for whoever comes
 * with it, magazine and depot are as they should be, and a few objects move.  Then all
 * of it is done here, and the many questions of the general way are asked together.
 */

/* [p] A stack with a magazine that needs no other one. */
static inline bool is_settled(const struct kmem_cache *cache, const struct mm_stack *stack)
{
	return stack->magazine &&
	       stack->capacity >= __atomic_load_n(&cache->capacity, __ATOMIC_RELAXED);
}

/* [c] Nothing is to be done before objects can move. */
static inline bool is_quiet_locked(const struct kmem_cache *cache)
{
	return !__atomic_load_n(&cache->deferred, __ATOMIC_RELAXED) &&
	       !__atomic_load_n(&cache->fresh, __ATOMIC_RELAXED) &&
	       cache->misses + 1u < PATIENCE * cache->capacity;
}

/* [c] Objects to an empty stack, and of these one to the caller, live.  NULL: there are none. */
static inline void *fill_and_take_locked(struct kmem_cache *cache, struct mm_stack *stack)
{
	unsigned n = next_move(stack, true, stack->magazine->capacity / 2);
	struct mm_slot *top = stack->top + slab_take_many_locked(cache, stack->top, n);

	if (unlikely(top == stack->top))
		return NULL;
	cache->misses++;
	note_move(stack, true, n);
	stack_set_top(stack, --top);
	*top->state = OBJECT_LIVE;
	return top->object;
}

/*
 * An object, if this is an ordinary case.  NULL: nothing was done; *none is set if the one thing that
 * was missing are free objects.  Called without locks.
 */
void *magazine_alloc_ordinary(struct kmem_cache *cache, bool *none)
{
	mm_irqflags_t flags = mm_irq_save();
	struct mm_stack *stack = this_stack(cache);
	void *object = NULL;

	if (likely(is_settled(cache, stack) && !has_objects(stack)) &&
	    likely(mm_spin_trylock(&cache->lock))) {
		if (likely(is_quiet_locked(cache) && !cache->depot_full)) {
			object = fill_and_take_locked(cache, stack);
			*none = !object;
		}
		mm_spin_unlock(&cache->lock);
	}
	mm_irq_restore(flags);
	return object;
}

/*
 * Free a live object to a full stack, if this is an ordinary case; *surplus: empty slabs that are
 * to go back.  False: nothing was done.  Called without locks.
 */
bool magazine_free_ordinary(struct kmem_cache *cache, void *object, uint8_t *state,
			    size_t *surplus)
{
	mm_irqflags_t flags = mm_irq_save();
	struct mm_stack *stack = this_stack(cache);
	bool done = false;

	if (likely(is_settled(cache, stack) &&
		   stack->top == __atomic_load_n(&stack->limit, __ATOMIC_RELAXED)) &&
	    likely(mm_spin_trylock(&cache->lock))) {
		done = is_quiet_locked(cache) && cache->nr_full >= cache->depot_limit &&
		       *state == OBJECT_LIVE;
		if (likely(done)) {
			cache->misses++;
			spill_locked(cache, stack);
			*state = OBJECT_CACHED;
			*stack->top = (struct mm_slot){object, state};
			stack_set_top(stack, stack->top + 1);
			*surplus = magazine_surplus_locked(cache);
		}
		mm_spin_unlock(&cache->lock);
	}
	mm_irq_restore(flags);
	return done;
}

/* --- looking at it, and ending it -------------------------------------------------- */

/*
 * [c] Objects in the cache's magazines, on all CPUs; a snapshot.  The lock keeps the
 * magazines where they are, not from being used.
 */
size_t magazine_count(const struct kmem_cache *cache)
{
	size_t count = cache->nr_depot;

	for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++) {
		const struct mm_stack *stack = &cache->stacks[cpu];

		if (stack->magazine)
			count += (size_t)(__atomic_load_n(&stack->top, __ATOMIC_RELAXED) -
					  stack->magazine->slots);
	}
	return count;
}

/* Spare magazines, off their lists. */
static struct magazine *take_spare_locked(struct kmem_cache *cache)
{
	struct magazine *magazine = unchain(&cache->depot_empty);

	return magazine ? magazine : unchain(&cache->outgrown);
}

/* One step of what magazine_trim() does under the lock: false when there is nothing left. */
static bool trim_step(struct kmem_cache *cache)
{
	mm_irqflags_t flags = mm_irq_save();
	struct magazine *magazine;

	cache_lock(cache);
	magazine = drain_full_locked(cache);
	if (!magazine)
		magazine = take_spare_locked(cache);
	cache_unlock(cache);
	mm_irq_restore(flags);
	if (!magazine)
		return false;
	free_magazine(magazine);
	return true;
}

/* Somebody is about to wait for memory: see set_limit().  Stacks open again at their next slow path. */
void magazine_close(struct kmem_cache *cache)
{
	mm_irqflags_t flags = mm_irq_save();

	cache_lock(cache);
	for (unsigned cpu = 0; cache->capacity_max && cpu < MM_HOST_NR_CPUS; cpu++)
		__atomic_store_n(&cache->stacks[cpu].limit, NULL, __ATOMIC_RELAXED);
	cache_unlock(cache);
	mm_irq_restore(flags);
}

/* Take the magazine from a stack of a CPU that does not use it now. */
static struct magazine *detach_locked(struct kmem_cache *cache, struct mm_stack *stack)
{
	struct magazine *magazine = stack->magazine;

	if (magazine) {
		slab_give_many_locked(cache, magazine->slots, stack_count(stack));
		stack_set_top(stack, no_stack.top);
		__atomic_store_n(&stack->limit, no_stack.limit, __ATOMIC_RELAXED);
		stack->magazine = NULL;
		__atomic_store_n(&stack->capacity, 0, __ATOMIC_RELAXED);
	}
	return magazine;
}

/*
 * What this CPU's stack and the depot hold goes to the slabs, their magazines go back to
 * memory, and the cache begins to find out anew how much it has to keep ready.
 */
void magazine_trim(struct kmem_cache *cache)
{
	mm_irqflags_t flags = mm_irq_save();
	struct magazine *magazine;

	cache_lock(cache);
	magazine = detach_locked(cache, this_stack(cache));
	begin_anew(cache);
	cache_unlock(cache);
	mm_irq_restore(flags);
	if (magazine)
		free_magazine(magazine);
	while (trim_step(cache))
		;
}

/* A hint: does another CPU have a magazine of this cache's? */
bool magazine_is_elsewhere(const struct kmem_cache *cache)
{
	unsigned self = mm_cpu_id();

	for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++) {
		if (cpu != self &&
		    __atomic_load_n(&cache->stacks[cpu].capacity, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}

/* [p] What this CPU's stack holds goes to the slabs, its magazine to the depot.  Interrupts are off. */
void magazine_empty_here(struct kmem_cache *cache)
{
	struct magazine *magazine;

	cache_lock(cache);
	magazine = detach_locked(cache, this_stack(cache));
	if (magazine)
		retire_locked(cache, magazine);
	cache_unlock(cache);
}

/* The same for the stacks of all CPUs.  Nobody may be using the cache. */
void magazine_trim_all(struct kmem_cache *cache)
{
	for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++) {
		mm_irqflags_t flags = mm_irq_save();
		struct magazine *magazine;

		cache_lock(cache);
		magazine = detach_locked(cache, &cache->stacks[cpu]);
		cache_unlock(cache);
		mm_irq_restore(flags);
		if (magazine)
			free_magazine(magazine);
	}
	magazine_trim(cache);
}
