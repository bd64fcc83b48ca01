// SPDX-License-Identifier: MIT
/*
 * Page lists: for each zone, type and order 0 to 3, each CPU has a stack of free blocks.  An
 * allocation that finds one there and a free that finds room write nothing that another CPU
 * writes.  An empty or full one moves a batch from or to the zone, under its lock.
 *
 * A list is *open* or *shut*.  A shut one has nothing to take and no room, whatever lies in it,
 * so that the fast paths ask no further question; two words say so (`bottom`, `limit`), which
 * whoever holds the zone's lock writes, for any CPU.  What lies in a shut list goes back to the
 * zone when its CPU comes by with the lock, or is told to (mm_host_on_each_cpu()).
 *
 * When they are open: while the zone has more pages free, these not counted, than any request
 * must leave: its high watermark and its largest reserve (`lists_shut`).  It is below that that
 * watermarks decide anything; so there every free page is the zone's, and each flag's
 * boundary is exact, as if there were no lists.  More than that:
 *
 * I1. A block is PAGE_LISTED exactly if it is in one slot of one list, below its top.
 *     It has its list's order and zone, the one reference that its taker gets, and buddies do
 *     not merge with it.
 * I2. A list's slots and top are touched by its own CPU only: by mm_page_pop() and _push(), and
 *     else with interrupts off.
 * I3. Whoever takes a block from a list leaves `lists_shut` pages free: so many the zone alone
 *     had when the list was seen open, and those in lists are more.  Who lowers the zone's
 *     pages below that shuts all lists first, in the same section.
 * I4. While somebody waits for pages, or holds the lists (compaction, reclaim), they are shut:
 *     every free goes to the zone, wakes, counts as progress, and merges.  A waiter is counted
 *     before it shuts them, and who opens them looks for waiters, both under the zone's lock.
 *     What another CPU has begun before is done when mm_host_on_each_cpu() returns.
 * I5. A block that has or had a mover goes back by the zone's lock: migrate.c's I1.
 *
 * A push looks at a block's references without a locked instruction, and leaves them alone.  It may:
 * one reference, and no mover ever, means that the caller is the only one who may do anything
 * with the block.  Others can get a reference only from somebody who has one (get_page()), or
 * under the zone's lock from a block with a mover (migrate.c), and such a block is not for lists.
 * What interrupts a push starts it anew, so a handler that frees the block too is found out.
 * Two CPUs that free one block within the same few instructions are not; then it is in two
 * lists, or twice in one.  The first pop makes it PAGE_BLOCK, so that whoever comes upon it for
 * the second time sees that, lets it lie, and it is reported.
 *
 * Where other CPUs cannot be told (an interrupt wants memory), up to LISTED_MAX pages of each of
 * them stay out of reach until they next allocate or free, or somebody who can sleep comes.
 *
 * Bounds: a refill moves at most 8 blocks, a spill 8, each of which may merge 10 times; shutting writes two words for each
 * list; 16 blocks go back from shut lists with each visit of their CPU to the zone, and all
 * of them, 128, before a request fails for the want of them, or by page_lists_drain().
 *
 * Locks: the zone lock [z] in functions named _locked; [p] by I2.
 */
#include <mem.h>
#include <page_list.h>
#include <report.h>
#include <zone.h>

struct mm_page_stack mm_page_stacks[MM_PAGE_STACKS_ALL][MM_HOST_NR_CPUS];

/* Blocks that a list has room for, by order; how many come and how many go at a time. */
static const uint8_t capacities[PAGE_LIST_ORDERS] = {32, 16, 8, 8};
static const uint8_t refills[PAGE_LIST_ORDERS] = {8, 8, 4, 4};
static const uint8_t spills[PAGE_LIST_ORDERS] = {8, 8, 4, 4};

#define SLOTS_OF_TYPE (32 + 16 + 8 + 8)
#define LISTED_MAX    (2 * (32 + 2 * 16 + 4 * 8 + 8 * 8)) /* pages of a zone in a CPU's lists */

/* So many blocks go back from shut lists each time that their CPU comes by. */
#define DRAIN_BATCH   16u

/* A zone needs so many times as much before it can do without that. */
#define LEAST_SHARE   8u

static struct page *slots[MM_HOST_NR_CPUS][MM_NR_ZONES * NR_BLOCK_TYPES * SLOTS_OF_TYPE];

static unsigned order_of(unsigned number)
{
	return number % PAGE_LIST_ORDERS;
}

static enum block_type type_of(unsigned number)
{
	return (enum block_type)(number / PAGE_LIST_ORDERS % NR_BLOCK_TYPES);
}

static struct zone *zone_of(unsigned number)
{
	return &zones[number / PAGE_LISTS_OF_ZONE];
}

static unsigned first_of(const struct zone *zone)
{
	return zone->id * PAGE_LISTS_OF_ZONE;
}

unsigned page_list_capacity(unsigned number)
{
	return capacities[order_of(number)];
}

/* Nothing is below it, and there is no room above it. */
#define SHUT_BOTTOM ((struct page **)UINTPTR_MAX)
#define SHUT_LIMIT  ((struct page **)0)

static void set_bounds(struct mm_page_stack *list, struct page **bottom, struct page **limit)
{
	__atomic_store_n(&list->bottom, bottom, __ATOMIC_RELAXED);
	__atomic_store_n(&list->limit, limit, __ATOMIC_RELAXED);
}

static void set_top(struct mm_page_stack *list, struct page **top)
{
	__atomic_store_n(&list->top, top, __ATOMIC_RELAXED);
}

/* Nothing in any list, and all are shut. */
void page_lists_reset(void)
{
	memset(mm_page_stacks, 0, sizeof(mm_page_stacks));
	for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++) {
		struct page **at = slots[cpu];

		for (unsigned number = 0; number < MM_PAGE_STACKS_ALL; number++) {
			struct mm_page_stack *list = &mm_page_stacks[number][cpu];

			list->top = list->slots = number < NR_PAGE_LISTS ? at : NULL;
			set_bounds(list, SHUT_BOTTOM, SHUT_LIMIT);
			at += number < NR_PAGE_LISTS ? capacities[order_of(number)] : 0;
		}
	}
}

/* When may its lists be open?  One that is too small to spare the pages has none. */
void page_lists_set_marks(struct zone *zone)
{
	size_t most = 0;

	for (unsigned class = 0; class < MM_NR_ZONES; class ++)
		most = max_size(most, zone->reserve[class]);
	zone->lists_shut = zone->high + most;
	zone->lists_open = zone->managed / LEAST_SHARE < LISTED_MAX
				   ? SIZE_MAX
				   : zone->lists_shut + LISTED_MAX;
}

/* --- [z] between lists and zone -------------------------------------------------------- */

/* [z] Open all lists of the zone: each CPU opens its own when it comes by. */
static bool try_open_locked(struct zone *zone)
{
	if (zone->buddy.nr_free < zone->lists_open || zone->lists_held || zone_has_waiters())
		return false;
	__atomic_store_n(&zone->lists_are_open, true, __ATOMIC_RELAXED);
	return true;
}

/* [z] Whatever the CPUs are doing: from their next step on, they find nothing and no room. */
static void shut_locked(struct zone *zone)
{
	unsigned first = first_of(zone);

	__atomic_store_n(&zone->lists_are_open, false, __ATOMIC_RELAXED);
	for (unsigned number = first; number < first + PAGE_LISTS_OF_ZONE; number++)
		for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++)
			set_bounds(&mm_page_stacks[number][cpu], SHUT_BOTTOM, SHUT_LIMIT);
}

/*
 * Blocks in a list that are no longer what lists take in: freed twice at once.  To be reported by
 * whoever gives the lock back: so many as have room, and how many more.
 */
#define TWICE_MAX 8u
static struct {
	bool any;                      /* [a] */
	struct page *pages[TWICE_MAX]; /* [a] */
	unsigned more;                 /* [a] */
} twice;

/* [z][p] Such a block is out of the list: its second free was none. */
static void note_twice_locked(struct mm_page_stack *list, struct page *page)
{
	unsigned i = 0;
	struct page *none;

	__atomic_store_n(&list->frees, list->frees - 1, __ATOMIC_RELAXED);
	do
		none = NULL;
	while (!__atomic_compare_exchange_n(&twice.pages[i], &none, page, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED) &&
	       ++i < TWICE_MAX);
	if (i == TWICE_MAX)
		__atomic_fetch_add(&twice.more, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&twice.any, true, __ATOMIC_RELEASE);
}

/* [z][p] Give the n blocks that have been in this CPU's list longest back to the zone. */
static void spill_locked(struct zone *zone, struct mm_page_stack *list, unsigned number,
			 size_t n)
{
	size_t left = (size_t)(list->top - list->slots) - n, gone = 0;

	for (size_t i = 0; i < n; i++) {
		struct page *page = list->slots[i];

		if (likely(page_get_kind(page) == PAGE_LISTED)) {
			__atomic_store_n(&page->refs, 0, __ATOMIC_RELAXED);
			buddy_free(&zone->buddy, page, order_of(number));
			gone++;
		} else {
			note_twice_locked(list, page);
		}
	}
	memmove(list->slots, list->slots + n, left * sizeof(*list->slots));
	set_top(list, list->slots + left);
	list->taken -= gone;
}

/* [z][p] Shut this CPU's lists of the zone, and give back `most` blocks that are in them. */
static void drain_here_locked(struct zone *zone, size_t most)
{
	unsigned first = first_of(zone), cpu = mm_cpu_id();

	if (likely(!zone_lists_used(zone, cpu)))
		return;
	for (unsigned number = first; number < first + PAGE_LISTS_OF_ZONE; number++) {
		struct mm_page_stack *list = &mm_page_stacks[number][cpu];
		size_t n = min_size((size_t)(list->top - list->slots), most);

		set_bounds(list, SHUT_BOTTOM, SHUT_LIMIT);
		if (n > 0)
			spill_locked(zone, list, number, n);
		most -= n;
	}
	__atomic_store_n(&zone->lists_used[cpu], most == 0,
			 __ATOMIC_RELAXED); /* perhaps there is more */
}

/* [z][p] May this list of this CPU's be used?  Then it is open; else some of it goes back. */
static bool settle_locked(struct zone *zone, struct mm_page_stack *list, unsigned number)
{
	unsigned capacity = capacities[order_of(number)];
	size_t most = (size_t)capacity << order_of(number);

	if (zone->lists_are_open && zone->buddy.nr_free < zone->lists_shut + most)
		shut_locked(zone);
	if (!zone->lists_are_open && !try_open_locked(zone)) {
		drain_here_locked(zone, DRAIN_BATCH);
		return false;
	}
	__atomic_store_n(&zone->lists_used[mm_cpu_id()], true, __ATOMIC_RELAXED);
	set_bounds(list, list->slots, list->slots + capacity);
	return true;
}

/*
 * [z] A block of this order, or so many pages, are to be taken from the zone itself.  Does that
 * need what is in lists?
 */
static bool needs_lists_locked(const struct zone *zone, unsigned order, size_t pages)
{
	return zone->lists_are_open && (zone->buddy.nr_free < zone->lists_shut + pages ||
					!buddy_has_block(&zone->buddy, order));
}

/* [z] In any context: for those who may not touch this CPU's lists, either. */
void page_lists_make_room_nolock(struct zone *zone, unsigned order)
{
	if (unlikely(needs_lists_locked(zone, order, (size_t)1 << order)))
		shut_locked(zone);
}

/* [z][p] Before blocks of this order, so many pages in all, are taken from the zone itself. */
void page_lists_make_room_locked(struct zone *zone, unsigned order, size_t pages)
{
	if (unlikely(needs_lists_locked(zone, order, pages)))
		shut_locked(zone);
	if (unlikely(!zone->lists_are_open))
		drain_here_locked(zone, DRAIN_BATCH);
}

/* [z][p] All that this CPU has of the zone's goes back.  False if there is nothing. */
bool page_lists_give_back_locked(struct zone *zone)
{
	if (!zone_lists_used(zone, mm_cpu_id()))
		return false;
	drain_here_locked(zone, SIZE_MAX);
	return true;
}

/* [z][p] Put a batch of blocks there, if there are so many. */
static void refill_locked(struct zone *zone, struct mm_page_stack *list, unsigned number)
{
	unsigned order = order_of(number), want = refills[order], left = want;

	while (left > 0) {
		struct page *block = buddy_alloc_within(
			&zone->buddy, order, order + highest_bit(left), type_of(number));
		unsigned home, n;

		if (!block)
			break;
		n = 1u << (block->order - order);
		home = page_home(zone->id, buddy_type_of(&zone->buddy, block), order);
		for (unsigned i = n; i-- > 0;) { /* the first one will be the next to take */
			struct page *page = block + ((size_t)i << order);

			page->order = (uint8_t)order;
			page_set_home(page, home);
			__atomic_store_n(&page->refs, 1, __ATOMIC_RELAXED);
			page_set_kind(page, PAGE_LISTED);
			*list->top = page;
			set_top(list, list->top + 1);
		}
		left -= n;
	}
	list->taken += want - left;
}

/* --- when a list is empty, full or shut ------------------------------------------------- */

static mm_irqflags_t lock(struct zone *zone)
{
	mm_irqflags_t flags = mm_irq_save();

	mm_spin_lock(&zone->lock);
	zone_drain_locked(zone);
	return flags;
}

static __attribute__((noinline)) void report_twice(void)
{
	unsigned more;

	__atomic_store_n(&twice.any, false, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < TWICE_MAX; i++) {
		struct page *page =
			__atomic_exchange_n(&twice.pages[i], NULL, __ATOMIC_SEQ_CST);

		if (page)
			report_now(MM_REPORT_DOUBLE_FREE, (uintptr_t)page, 0,
				   "it is given out once",
				   "page frame 0x%x was freed twice at the same time",
				   pfn_of_page(page));
	}
	for (more = __atomic_exchange_n(&twice.more, 0, __ATOMIC_RELAXED); more > 0; more--)
		report_now(MM_REPORT_DOUBLE_FREE, 0, 0, "it is given out once",
			   "one more page was freed twice at the same time");
}

static void unlock(struct zone *zone, mm_irqflags_t flags)
{
	mm_spin_unlock(&zone->lock);
	mm_irq_restore(flags);
	if (unlikely(__atomic_load_n(&twice.any, __ATOMIC_RELAXED)))
		report_twice();
}

/* [z][p] The block to take next from this CPU's list; NULL when there is none. */
static struct page *pop_locked(struct mm_page_stack *list, unsigned number)
{
	while (list->top > list->slots && page_get_kind(list->top[-1]) != PAGE_LISTED) {
		struct page *page = list->top[-1];

		set_top(list, list->top - 1);
		note_twice_locked(list, page);
	}
	return mm_page_pop(mm_page_stacks[number]);
}

/* A block for who found this CPU's list empty; NULL when it stays so. */
struct page *page_list_refill(unsigned number)
{
	struct zone *zone = zone_of(number);
	struct page *page = NULL;
	struct mm_page_stack *list;
	mm_irqflags_t flags;

	if (!__atomic_load_n(&zone->lists_are_open, __ATOMIC_RELAXED) &&
	    zone_own_pages(zone) < zone->lists_open)
		return NULL; /* a hint only; what this CPU still has goes back elsewhere */
	flags = lock(zone);
	list = &mm_page_stacks[number][mm_cpu_id()];
	if (settle_locked(zone, list, number)) {
		page = pop_locked(list,
				  number); /* it was shut only, or filled by an interrupt */
		if (!page) {
			refill_locked(zone, list, number);
			page = pop_locked(list, number);
		}
	}
	unlock(zone, flags);
	return page;
}

/* [z][p] To this CPU's list, if it is open. */
static bool free_to_list_locked(struct zone *zone, struct page *page, unsigned number)
{
	struct mm_page_stack *list = &mm_page_stacks[number][mm_cpu_id()];

	if (!settle_locked(zone, list, number))
		return false;
	if (list->top == list->limit)
		spill_locked(zone, list, number, spills[order_of(number)]);
	__atomic_store_n(&page->refs, 1, __ATOMIC_RELAXED);
	page_set_kind(page, PAGE_LISTED);
	*list->top = page;
	set_top(list, list->top + 1);
	__atomic_store_n(&list->frees, list->frees + 1, __ATOMIC_RELAXED);
	return true;
}

/*
 * Free what should be a block of this order with one reference, which found no room in this CPU's
 * list, or has none; false, and nothing is done, if it is not.
 */
bool page_list_free(struct page *page, unsigned order)
{
	struct zone *zone = &zones[page->zone];
	mm_irqflags_t flags = lock(zone);
	bool only = page_drop_only(page, order);

	if (likely(only)) {
		unsigned number = page_get_home(page);

		if (number >= NR_PAGE_LISTS || !free_to_list_locked(zone, page, number))
			zone_free_locked(zone, page, order);
	}
	unlock(zone, flags);
	if (likely(only))
		zone_wake_waiters();
	return only;
}

/* --- for those who need all of a zone's pages ------------------------------------------- */

/* Of this CPU only.  True if something came back. */
bool page_lists_drain_here(void)
{
	bool some = false;

	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		mm_irqflags_t flags = lock(&zones[i]);

		some |= page_lists_give_back_locked(&zones[i]);
		unlock(&zones[i], flags);
	}
	return some;
}

/* Several CPUs may be at it at once. */
static void drain_one(void *some)
{
	if (page_lists_drain_here())
		__atomic_store_n((bool *)some, true, __ATOMIC_RELAXED);
}

/* All that is in lists goes back to the zones.  They may be filled again at once. */
void page_lists_drain(void)
{
	bool some = false;

	mm_host_on_each_cpu(drain_one, &some);
	if (some)
		zone_wake_waiters();
}

/* The same, and from now on each CPU has to ask the zones before it fills its lists. */
void page_lists_close(void)
{
	for (unsigned i = 0; i < MM_NR_ZONES; i++) {
		mm_irqflags_t flags = lock(&zones[i]);

		shut_locked(&zones[i]);
		unlock(&zones[i], flags);
	}
	page_lists_drain();
}

static void add_hold(struct zone *zone, unsigned n)
{
	mm_irqflags_t flags = lock(zone);

	zone->lists_held += n;
	shut_locked(zone);
	unlock(zone, flags);
}

/* page_lists_hold(), but what is in lists goes back only when their CPUs next come by. */
void page_lists_shut(struct zone *zone)
{
	add_hold(zone, 1);
}

/* No page of the zone is in any list until page_lists_release().  They nest. */
void page_lists_hold(struct zone *zone)
{
	page_lists_shut(zone);
	page_lists_drain();
}

void page_lists_release(struct zone *zone)
{
	add_hold(zone, -1u);
}

/* --- numbers ------------------------------------------------------------------------------ */

static size_t count_of(const struct mm_page_stack *list)
{
	return (size_t)(__atomic_load_n(&list->top, __ATOMIC_RELAXED) - list->slots);
}

/* [z] What is in the zone's lists, and went through them; a snapshot. */
void page_lists_sum(const struct zone *zone, struct page_list_sum *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned i = 0; i < PAGE_LISTS_OF_ZONE; i++) {
		unsigned number = first_of(zone) + i;

		for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++) {
			const struct mm_page_stack *list = &mm_page_stacks[number][cpu];
			size_t blocks = count_of(list);
			unsigned long frees = __atomic_load_n(&list->frees, __ATOMIC_RELAXED);

			sum->blocks[type_of(number)][order_of(number)] += blocks;
			sum->frees += frees;
			sum->allocs += list->taken + frees - blocks;
		}
	}
}

/* Pages in the zone's lists, on all CPUs; a snapshot. */
size_t page_lists_pages(const struct zone *zone)
{
	size_t pages = 0;

	for (unsigned i = 0; i < PAGE_LISTS_OF_ZONE; i++)
		for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++)
			pages += count_of(&mm_page_stacks[first_of(zone) + i][cpu])
				 << order_of(i);
	return pages;
}

/* Pages that were ever freed into them; wraps. */
size_t page_lists_freed(const struct zone *zone)
{
	size_t pages = 0;

	for (unsigned i = 0; i < PAGE_LISTS_OF_ZONE; i++)
		for (unsigned cpu = 0; cpu < MM_HOST_NR_CPUS; cpu++)
			pages += (size_t)__atomic_load_n(
					 &mm_page_stacks[first_of(zone) + i][cpu].frees,
					 __ATOMIC_RELAXED)
				 << order_of(i);
	return pages;
}
