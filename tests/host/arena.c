// SPDX-License-Identifier: MIT
/*
 * The memory of a made-up machine: a memfd, sparse, so that only what is touched costs.
 *
 * I1. The frame at physical address p is at offset p - base of the memfd, where base is
 *     the first address of RAM, rounded down to a largest block.
 * I2. Virtual and physical address of low memory differ by a multiple of the largest
 *     block, so that alignment carries over.
 * I3. What is accessible: pages of low memory that may be handed out, and pages of the
 *     window whose entry in `mapped` is not NOT_MAPPED.
 * I4. A page that was unmapped lazily is STALE: it leads nowhere for those who ask, but
 *     stays accessible until the flush, and nothing may be mapped there before.  (Real
 *     processors forget some earlier: this is the worst that they do.)
 *
 * Locks: a page of the window is its owner's; flush_lock lets one flush at a time meet those
 * that are stale, whose owners do nothing to them before.  Where threads map at once,
 * machines have no page_tables and no map fails.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "arena.h"
#include "host.h"
#include <harness.h>
#include <mm/page_alloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define MIB              ((paddr_t)1 << 20)
#define BLOCK_BYTES      ((paddr_t)PAGE_SIZE << MM_MAX_ORDER)
#define GARBAGE          0x03 /* PAGE_FREE of order 3 and zone 3, say */
#define NOT_MAPPED       (~(pfn_t)0)
#define STALE            (~(pfn_t)1)
#define TABLE_SPAN_PAGES 512u /* what one page table maps */

static struct {
	struct host_machine machine;
	bool up;
	int fd;
	paddr_t base, end;
	void *low;
	size_t low_bytes;
	void *window;
	size_t window_bytes;
	uintptr_t window_start;
	pfn_t *mapped;         /* [a] frame that each page of the window leads to */
	bool *tables;          /* of each TABLE_SPAN_PAGES pages: is there one? */
	size_t nr_mapped;      /* [a] */
	unsigned long flushes; /* [a] */
	void (*on_flush)(void);
	unsigned fail_map_in;
} arena;

static pthread_mutex_t flush_lock = PTHREAD_MUTEX_INITIALIZER;

#ifdef HOST_SLAB_MAP_WORDS
_Alignas(4096) uintptr_t host_slab_map[HOST_SLAB_MAP_WORDS];
#endif

static const struct mm_range pc_ram[] = {{0, 0x9fc00}, {MIB, 24 * MIB}};

/* The real-mode tables; a kernel image that ends in the middle of a page; a module. */
static const struct mm_range pc_reserved[] = {
	{0, PAGE_SIZE}, {MIB, MIB + 0x32345}, {9 * MIB + 0x800, 9 * MIB + 0x20010}};

const struct host_machine host_pc = {
	.ram = pc_ram,
	.nr_ram = sizeof(pc_ram) / sizeof(pc_ram[0]),
	.reserved = pc_reserved,
	.nr_reserved = sizeof(pc_reserved) / sizeof(pc_reserved[0]),
	.dma_limit = 4 * MIB,
	.low_limit = 12 * MIB,
	.window_pages = 2048,
};

/* --- what is RAM ---------------------------------------------------------------------- */

static bool range_covers(const struct mm_range *range, paddr_t byte)
{
	return range->start <= byte && byte < range->end;
}

/* The first byte after `byte` at which some range of the list begins or ends; `end` if none. */
static paddr_t next_edge(const struct mm_range *ranges, size_t n, paddr_t byte, paddr_t end)
{
	for (size_t i = 0; i < n; i++) {
		if (ranges[i].start > byte && ranges[i].start < end)
			end = ranges[i].start;
		if (ranges[i].end > byte && ranges[i].end < end)
			end = ranges[i].end;
	}
	return end;
}

static bool any_covers(const struct mm_range *ranges, size_t n, paddr_t byte)
{
	for (size_t i = 0; i < n; i++) {
		if (range_covers(&ranges[i], byte))
			return true;
	}
	return false;
}

/* Between two edges all bytes are alike: one of each stretch is looked at. */
bool host_page_usable(const struct host_machine *m, pfn_t pfn)
{
	paddr_t byte = (paddr_t)pfn << PAGE_SHIFT, end = byte + PAGE_SIZE;

	if (m->max_paddr && end > m->max_paddr)
		return false;
	while (byte < end) {
		if (!any_covers(m->ram, m->nr_ram, byte) ||
		    any_covers(m->reserved, m->nr_reserved, byte))
			return false;
		byte = next_edge(m->ram, m->nr_ram, byte,
				 next_edge(m->reserved, m->nr_reserved, byte, end));
	}
	return true;
}

/* --- building --------------------------------------------------------------------------- */

static void *reserve(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		       0);

	if (p == MAP_FAILED)
		host_die("no room for %zu bytes of address space", bytes);
	return p;
}

/* Where all RAM below `limit` lies, in whole largest blocks. */
static void find_span(const struct host_machine *m, paddr_t limit, paddr_t *start, paddr_t *end)
{
	*start = limit;
	*end = 0;
	for (size_t i = 0; i < m->nr_ram; i++) {
		if (m->ram[i].start >= m->ram[i].end || m->ram[i].start >= limit)
			continue;
		*start = m->ram[i].start < *start ? m->ram[i].start : *start;
		*end = m->ram[i].end > *end ? m->ram[i].end : *end;
	}
	*start &= ~(BLOCK_BYTES - 1);
	*end = *end < limit ? *end : limit;
	*end = (*end + BLOCK_BYTES - 1) & ~(BLOCK_BYTES - 1);
}

/* Map the usable pages of low memory, each run of them at once. */
static void map_low_memory(void)
{
	pfn_t pfn = (pfn_t)(host.low_start >> PAGE_SHIFT);
	pfn_t end = (pfn_t)(host.low_end >> PAGE_SHIFT);

	while (pfn < end) {
		pfn_t first = pfn;
		paddr_t phys = (paddr_t)first << PAGE_SHIFT;

		while (pfn < end && host_page_usable(&arena.machine, pfn))
			pfn++;
		if (pfn > first && mmap((void *)((uintptr_t)phys + host.low_offset),
					(size_t)(pfn - first) << PAGE_SHIFT,
					PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
					arena.fd, (off_t)(phys - arena.base)) == MAP_FAILED)
			host_die("no memory to map as low memory");
		if (pfn > first && arena.machine.dirty)
			memset((void *)((uintptr_t)phys + host.low_offset), GARBAGE,
			       (size_t)(pfn - first) << PAGE_SHIFT);
		while (pfn < end && !host_page_usable(&arena.machine, pfn))
			pfn++;
	}
}

static void build_low_memory(void)
{
	paddr_t limit =
		arena.machine.low_limit < arena.end ? arena.machine.low_limit : arena.end;
	uintptr_t low;

	find_span(&arena.machine, limit, &host.low_start, &host.low_end);
	/* With RAM above it, all below the limit has an address, holes included. */
	if (arena.end > arena.machine.low_limit || host.low_end > arena.machine.low_limit)
		host.low_end = arena.machine.low_limit & PAGE_MASK;
	if (host.low_end <= host.low_start) { /* nothing is low */
		host.low_end = host.low_start = 0;
		return;
	}
	arena.low_bytes = (size_t)(host.low_end - host.low_start + BLOCK_BYTES);
	arena.low = reserve(arena.low_bytes);
	low = ((uintptr_t)arena.low + (uintptr_t)BLOCK_BYTES - 1) &
	      ~((uintptr_t)BLOCK_BYTES - 1);
	host.low_offset = low - (uintptr_t)host.low_start;
	map_low_memory();
}

static void build_window(void)
{
	size_t pages = arena.machine.window_pages;
	uintptr_t start;

	if (pages == 0)
		return;
	arena.window_bytes = pages * PAGE_SIZE + (size_t)BLOCK_BYTES;
	arena.window = reserve(arena.window_bytes);
	start = ((uintptr_t)arena.window + (uintptr_t)BLOCK_BYTES - 1) &
		~((uintptr_t)BLOCK_BYTES - 1);
	arena.window_start = start;
	arena.mapped = malloc(pages * sizeof(*arena.mapped));
	for (size_t i = 0; i < pages; i++)
		arena.mapped[i] = NOT_MAPPED;
	arena.tables = calloc(pages / TABLE_SPAN_PAGES + 1, sizeof(*arena.tables));
}

/* The next machine's is to be all zeros again. */
static void forget_slab_map(void)
{
#ifdef HOST_SLAB_MAP_WORDS
	if (madvise(host_slab_map, HOST_SLAB_MAP_WORDS * sizeof(uintptr_t), MADV_DONTNEED))
		host_die("the slab map cannot be emptied");
#endif
}

static void tear_down(void)
{
	forget_slab_map();
	if (arena.fd > 0)
		close(arena.fd);
	if (arena.low)
		munmap(arena.low, arena.low_bytes);
	if (arena.window)
		munmap(arena.window, arena.window_bytes);
	free(arena.mapped);
	free(arena.tables);
	arena = (__typeof__(arena)){0};
	host = (struct host_state){0};
}

bool host_boot(const struct host_machine *machine)
{
	struct host_machine m = *machine; /* it may be the one that runs */
	struct mm_boot_info info = {
		.ram = m.ram,
		.nr_ram = m.nr_ram,
		.reserved = m.reserved,
		.nr_reserved = m.nr_reserved,
		.dma_limit = m.dma_limit,
		.low_limit = m.low_limit,
		.max_paddr = m.max_paddr,
		.panic_on_report = m.panic_on_report,
	};

	tear_down();
	arena.machine = m;
	arena.fd = memfd_create("quarry", 0);
	find_span(&m, m.max_paddr ? m.max_paddr : (paddr_t)1 << 44, &arena.base, &arena.end);
	if (arena.fd < 0 ||
	    (arena.end > arena.base && ftruncate(arena.fd, (off_t)(arena.end - arena.base))))
		host_die("no memfd for the machine's memory");
	build_low_memory();
	build_window();
	info.window_start = arena.window_start;
	info.window_end = arena.window_start + m.window_pages * PAGE_SIZE;
	arena.fail_map_in = m.fail_map;
	arena.up = mm_init(&info);
	test_memory_baseline();
	return arena.up;
}

bool test_host_memory_up(void)
{
	return arena.up;
}

const struct host_machine *host_machine(void)
{
	return &arena.machine;
}

/* The kernel is asked, since it knows: it copies from our own memory, or refuses. */
bool mm_host_readable(const void *address, size_t nr_bytes)
{
	uintptr_t at = (uintptr_t)address, end = at + nr_bytes;
	char byte;

	for (; at < end; at = (at & PAGE_MASK) + PAGE_SIZE) {
		struct iovec to = {&byte, 1}, from = {(void *)at, 1};

		if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != 1)
			return false;
	}
	return end >= (uintptr_t)address;
}

/* --- the window --------------------------------------------------------------------------- */

uintptr_t host_window_start(void)
{
	return arena.window_start;
}

uintptr_t host_window_end(void)
{
	return arena.window_start + arena.machine.window_pages * PAGE_SIZE;
}

size_t host_window_mapped(void)
{
	return arena.nr_mapped;
}

unsigned long host_flushes(void)
{
	return arena.flushes;
}

void host_on_flush(void (*f)(void))
{
	arena.on_flush = f;
}

void host_fail_map_at(unsigned n)
{
	arena.fail_map_in = n;
}

static size_t window_index(uintptr_t virt)
{
	size_t i = (virt - arena.window_start) >> PAGE_SHIFT;

	if (i >= arena.machine.window_pages)
		host_die("address %zx is not in the window", (size_t)virt);
	return i;
}

static pfn_t mapped_at(size_t i)
{
	return __atomic_load_n(&arena.mapped[i], __ATOMIC_RELAXED);
}

static void set_mapped(size_t i, pfn_t pfn)
{
	__atomic_store_n(&arena.mapped[i], pfn, __ATOMIC_RELAXED);
}

static bool have_table(size_t i)
{
	bool *table = &arena.tables[i / TABLE_SPAN_PAGES];

	if (!arena.machine.page_tables || *table)
		return true;
	if (!alloc_pages(GFP_ATOMIC | __GFP_ZERO | __GFP_NOWARN, 0))
		return false;
	*table = true;
	return true;
}

bool arena_map(uintptr_t virt, paddr_t phys)
{
	size_t i = window_index(virt);

	if (virt % PAGE_SIZE || phys % PAGE_SIZE)
		host_die("mm_host_map(%zx, %llx): not pages", (size_t)virt,
			 (unsigned long long)phys);
	if (phys < arena.base || phys >= arena.end)
		host_die("mm_host_map: %llx is not RAM", (unsigned long long)phys);
	if (mapped_at(i) == STALE)
		host_die("mm_host_map: %zx was unmapped lazily, and there was no flush since",
			 (size_t)virt);
	if (mapped_at(i) != NOT_MAPPED)
		host_die("mm_host_map: %zx is mapped already", (size_t)virt);
	if (arena.fail_map_in && arena.fail_map_in-- == 1) {
		arena.fail_map_in = 1;
		return false;
	}
	if (!have_table(i))
		return false;
	if (mmap((void *)virt, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 arena.fd, (off_t)(phys - arena.base)) == MAP_FAILED)
		host_die("mm_host_map: the system has no mapping left");
	set_mapped(i, (pfn_t)(phys >> PAGE_SHIFT));
	__atomic_fetch_add(&arena.nr_mapped, 1, __ATOMIC_RELAXED);
	return true;
}

/* Make pages of the window fault. */
static void hide(uintptr_t virt, size_t nr_pages)
{
	if (nr_pages &&
	    mmap((void *)virt, nr_pages * PAGE_SIZE, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		host_die("mm_host_unmap: the system refuses");
}

/* From mapped to NOT_MAPPED or STALE. */
static void mark_unmapped(uintptr_t virt, size_t nr_pages, pfn_t as)
{
	for (size_t n = 0; n < nr_pages; n++) {
		size_t i = window_index(virt + n * PAGE_SIZE);

		if (mapped_at(i) == NOT_MAPPED || mapped_at(i) == STALE)
			host_die("mm_host_unmap: %zx is not mapped", (size_t)virt);
		set_mapped(i, as);
		__atomic_fetch_sub(&arena.nr_mapped, 1, __ATOMIC_RELAXED);
	}
}

void arena_unmap(uintptr_t virt, size_t nr_pages)
{
	mark_unmapped(virt, nr_pages, NOT_MAPPED);
	hide(virt, nr_pages);
}

void arena_unmap_lazy(uintptr_t virt, size_t nr_pages)
{
	mark_unmapped(virt, nr_pages, STALE);
}

void arena_flush(void)
{
	pthread_mutex_lock(&flush_lock);
	__atomic_fetch_add(&arena.flushes, 1, __ATOMIC_RELAXED);
	for (size_t i = 0; i < arena.machine.window_pages; i++) {
		if (mapped_at(i) != STALE)
			continue;
		hide(arena.window_start + i * PAGE_SIZE, 1);
		set_mapped(i, NOT_MAPPED);
	}
	pthread_mutex_unlock(&flush_lock);
	if (arena.on_flush)
		arena.on_flush();
}

bool arena_translate(uintptr_t virt, paddr_t *phys)
{
	size_t i = (virt - arena.window_start) >> PAGE_SHIFT;
	pfn_t pfn = i < arena.machine.window_pages ? mapped_at(i) : NOT_MAPPED;

	if (pfn == NOT_MAPPED || pfn == STALE)
		return false;
	*phys = ((paddr_t)pfn << PAGE_SHIFT) + virt % PAGE_SIZE;
	return true;
}
