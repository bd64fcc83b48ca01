// SPDX-License-Identifier: MIT
/*
 * Touching pages that have no permanent address.
 *
 * The mapping window begins with two rows of page-sized slots:
 *
 *	local	KMAP_LOCAL_DEPTH slots for each CPU, used as a stack.  Entry and exit are
 *		one counter; nothing is searched, locked or allocated.  A thread is
 *		pinned while it has one: another's slots on top of its own would be in
 *		its way.
 *	shared	KMAP_SLOTS slots of kmap(), a hash table with open addressing whose
 *		buckets are the addresses themselves.  A slot that nobody holds keeps its
 *		mapping, so that mapping the page again is a look-up; it is unmapped when
 *		another page needs the slot.
 *
 * I1. No two shared slots, mapped or busy, have the same frame.
 * I2. A page table stands behind every local slot from highmem_init() on (it maps
 *     each once), so that kmap_local_page() cannot fail.
 *
 * Locks: kmap_lock [k], interrupts off, for the shared table only.  The host's map
 * function may allocate a page, so it is called without: SLOT_BUSY keeps others away
 * from the slot meanwhile.
 */
#include <highmem.h>
#include <mem.h>
#include <mm/port.h>
#include <report.h>

enum slot_state {
	SLOT_NEVER_USED, /* ends a search: no page hashed past it */
	SLOT_MAPPED,
	SLOT_UNMAPPED, /* its page could not be mapped */
	SLOT_BUSY,     /* its claimer is mapping pfn */
};

struct kmap_slot {
	pfn_t pfn;             /* [k] */
	uint32_t users;        /* [k] */
	enum slot_state state; /* [k] */
};

static struct {
	uintptr_t local; /* [I] address of the first slot; 0: no high memory */
	uintptr_t shared;
	unsigned depth[MM_HOST_NR_CPUS]; /* [p] local slots in use, handlers' included */
	struct mm_spinlock lock;         /* [k] */
	struct kmap_slot slots[KMAP_SLOTS];
} kmaps;

static uintptr_t local_address(unsigned cpu, unsigned depth)
{
	return kmaps.local + (uintptr_t)(cpu * KMAP_LOCAL_DEPTH + depth) * PAGE_SIZE;
}

static uintptr_t shared_address(size_t slot)
{
	return kmaps.shared + slot * PAGE_SIZE;
}

static paddr_t phys_of(const struct page *page)
{
	return (paddr_t)pfn_of_page(page) << PAGE_SHIFT;
}

static bool is_low(paddr_t phys)
{
	return phys < page_array.low_bytes;
}

bool page_is_highmem(const struct page *page)
{
	return !is_low(phys_of(page));
}

void highmem_reset(void)
{
	memset(&kmaps, 0, sizeof(kmaps));
}

/*
 * Set up the slots, in HIGHMEM_SLOT_BYTES of the window from `slots` on.  False when
 * the host cannot map.
 */
bool highmem_init(uintptr_t slots)
{
	const size_t nr_local = (size_t)MM_HOST_NR_CPUS * KMAP_LOCAL_DEPTH;
	paddr_t any = (paddr_t)page_array.start << PAGE_SHIFT;

	for (size_t i = 0; i < nr_local; i++) {
		uintptr_t address = slots + i * PAGE_SIZE;

		if (!mm_host_map(address, any))
			return false;
		mm_host_unmap(address, 1);
	}
	kmaps.local = slots;
	kmaps.shared = slots + nr_local * PAGE_SIZE;
	return true;
}

/* --- local slots --------------------------------------------------------------- */

void *kmap_local_page(struct page *page)
{
	paddr_t phys = phys_of(page);
	mm_irqflags_t flags;
	unsigned *depth;
	uintptr_t address;

	if (is_low(phys))
		return mm_phys_to_virt(phys);
	mm_host_pin();
	flags = mm_irq_save();
	depth = &kmaps.depth[mm_cpu_id()];
	if (*depth == KMAP_LOCAL_DEPTH)
		mm_host_panic("mm: kmap_local_page nested too deep");
	address = local_address(mm_cpu_id(), (*depth)++);
	if (!mm_host_map(address, phys))
		mm_host_panic("mm: kmap_local_page: the host lost a page table");
	mm_irq_restore(flags);
	return (void *)address;
}

void kunmap_local(const void *address)
{
	uintptr_t page = (uintptr_t)address & PAGE_MASK;
	mm_irqflags_t flags;
	unsigned *depth;
	bool right;

	if (page - kmaps.local >= (uintptr_t)MM_HOST_NR_CPUS * KMAP_LOCAL_DEPTH * PAGE_SIZE ||
	    kmaps.local == 0)
		return; /* a page of low memory: nothing was mapped */
	flags = mm_irq_save();
	depth = &kmaps.depth[mm_cpu_id()];
	right = *depth > 0 && page == local_address(mm_cpu_id(), *depth - 1);
	if (right) {
		(*depth)--;
		mm_host_unmap_local(page, 1);
	}
	mm_irq_restore(flags);
	if (right)
		mm_host_unpin();
	else
		report_now(MM_REPORT_MISUSE, page, CALLER(), "nothing is unmapped",
			   "kunmap_local of %p, which is not the last that this CPU mapped",
			   address);
}

/* With interrupts off, since whoever holds a local slot stays on its CPU. */
void clear_highpage(struct page *page)
{
	mm_irqflags_t flags = mm_irq_save();
	void *address = kmap_local_page(page);

	memset(address, 0, PAGE_SIZE);
	kunmap_local(address);
	mm_irq_restore(flags);
}

void copy_highpage(struct page *to, struct page *from)
{
	mm_irqflags_t flags = mm_irq_save();
	void *target = kmap_local_page(to);
	void *source = kmap_local_page(from);

	memcpy(target, source, PAGE_SIZE);
	kunmap_local(source);
	kunmap_local(target);
	mm_irq_restore(flags);
}

/* --- shared slots -------------------------------------------------------------- */

static size_t hash_of(pfn_t pfn)
{
	return pfn * 2654435761u >> 24; /* Knuth's multiplicative hash, to KMAP_SLOTS = 2^8 */
}

_Static_assert(KMAP_SLOTS == 1u << 8, "hash_of yields 8 bits");

/* [k] The slot of `pfn`, mapped or about to be; NULL if it has none. */
static struct kmap_slot *find_slot_locked(pfn_t pfn)
{
	for (size_t i = 0; i < KMAP_SLOTS; i++) {
		struct kmap_slot *slot = &kmaps.slots[(hash_of(pfn) + i) % KMAP_SLOTS];

		if (slot->state == SLOT_NEVER_USED)
			return NULL;
		if (slot->pfn == pfn && slot->state != SLOT_UNMAPPED)
			return slot;
	}
	return NULL;
}

/* [k] The first slot on the page's path that nobody holds, if any, still mapped as it was. */
static struct kmap_slot *free_slot_locked(pfn_t pfn)
{
	for (size_t i = 0; i < KMAP_SLOTS; i++) {
		struct kmap_slot *slot = &kmaps.slots[(hash_of(pfn) + i) % KMAP_SLOTS];

		if (slot->users == 0)
			return slot;
	}
	return NULL;
}

/* Point a busy slot at its page; false when the host cannot. */
static bool map_slot(struct kmap_slot *slot, bool unmap_first)
{
	uintptr_t address = shared_address((size_t)(slot - kmaps.slots));
	mm_irqflags_t flags;
	bool mapped;

	if (unmap_first)
		mm_host_unmap(address, 1);
	mapped = mm_host_map(address, (paddr_t)slot->pfn << PAGE_SHIFT);
	flags = mm_irq_save();
	mm_spin_lock(&kmaps.lock);
	slot->users = mapped ? 1 : 0;
	slot->state = mapped ? SLOT_MAPPED : SLOT_UNMAPPED;
	mm_spin_unlock(&kmaps.lock);
	mm_irq_restore(flags);
	return mapped;
}

enum hold_result {
	HOLD_FOUND,
	HOLD_CLAIMED,
	HOLD_BUSY,
	HOLD_FULL
};

/*
 * [k] Take a share in the slot of `pfn`, or claim one for it.  *unmap_first tells
 * whether a claimed slot still maps another page.
 */
static enum hold_result hold_slot_locked(pfn_t pfn, struct kmap_slot **slot, bool *unmap_first)
{
	*slot = find_slot_locked(pfn);
	if (*slot && (*slot)->state == SLOT_BUSY)
		return HOLD_BUSY;
	if (*slot) {
		(*slot)->users++;
		return HOLD_FOUND;
	}
	*slot = free_slot_locked(pfn);
	if (!*slot)
		return HOLD_FULL;
	*unmap_first = (*slot)->state == SLOT_MAPPED;
	**slot = (struct kmap_slot){.pfn = pfn, .users = 1, .state = SLOT_BUSY};
	return HOLD_CLAIMED;
}

void *kmap(struct page *page)
{
	struct kmap_slot *slot;
	bool unmap_first = false;
	enum hold_result result;

	if (is_low(phys_of(page)))
		return mm_phys_to_virt(phys_of(page));
	do { /* while another thread maps this very page, its result is waited for */
		mm_irqflags_t flags = mm_irq_save();

		mm_spin_lock(&kmaps.lock);
		result = hold_slot_locked(pfn_of_page(page), &slot, &unmap_first);
		mm_spin_unlock(&kmaps.lock);
		mm_irq_restore(flags);
	} while (result == HOLD_BUSY && (mm_cpu_relax(), true));
	if (result == HOLD_FULL || (result == HOLD_CLAIMED && !map_slot(slot, unmap_first)))
		return NULL;
	return (void *)shared_address((size_t)(slot - kmaps.slots));
}

/* [k] Is the page mapped by kmap(), for somebody? */
static struct kmap_slot *held_slot_locked(const struct page *page)
{
	struct kmap_slot *slot = find_slot_locked(pfn_of_page(page));

	return slot && slot->state == SLOT_MAPPED && slot->users > 0 ? slot : NULL;
}

void kunmap(struct page *page)
{
	struct kmap_slot *slot;
	mm_irqflags_t flags;

	if (is_low(phys_of(page)))
		return;
	flags = mm_irq_save();
	mm_spin_lock(&kmaps.lock);
	slot = held_slot_locked(page);
	if (slot)
		slot->users--;
	mm_spin_unlock(&kmaps.lock);
	mm_irq_restore(flags);
	if (!slot)
		report_now(MM_REPORT_MISUSE, (uintptr_t)page, CALLER(), "nothing is unmapped",
			   "kunmap of page frame 0x%x, which nobody has mapped",
			   pfn_of_page(page));
}

void *page_address(const struct page *page)
{
	paddr_t phys = phys_of(page);
	struct kmap_slot *slot;
	mm_irqflags_t flags;

	if (is_low(phys))
		return mm_phys_to_virt(phys);
	flags = mm_irq_save();
	mm_spin_lock(&kmaps.lock);
	slot = held_slot_locked(page);
	mm_spin_unlock(&kmaps.lock);
	mm_irq_restore(flags);
	return slot ? (void *)shared_address((size_t)(slot - kmaps.slots)) : NULL;
}
