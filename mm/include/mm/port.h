/* SPDX-License-Identifier: MIT */
/*
 * The host contract: all that the allocator asks of the kernel, or of the
 * process, around it.  mm/ includes nothing else from outside itself.
 *
 * 1. The hot half: inline functions, in a header of the host's own that the
 *    compiler finds on the include path under the name <mm_host.h>.  It defines
 *
 *	MM_HOST_NR_CPUS			constant: CPUs that may ever run, at least 1
 *	mm_irqflags_t			type: what mm_irq_save() remembers
 *	mm_irqflags_t mm_irq_save(void)	interrupts off on this CPU; nests
 *	void mm_irq_restore(mm_irqflags_t)
 *	unsigned mm_cpu_id(void)	0 .. MM_HOST_NR_CPUS - 1; stable while interrupts are off
 *	struct mm_spinlock		type; all zero bytes is an unlocked lock
 *	void mm_spin_lock(struct mm_spinlock *)		always called with interrupts off
 *	bool mm_spin_trylock(struct mm_spinlock *)	true: taken; any context, NMI included
 *	void mm_spin_unlock(struct mm_spinlock *)
 *	bool mm_may_sleep(void)		may the caller block here?  (thread, interrupts on, no spinlock)
 *	void mm_cpu_relax(void)		body of a busy-wait loop
 *	void *mm_phys_to_virt(paddr_t)	low memory only: defined below mm_boot_info.low_limit
 *	paddr_t mm_virt_to_phys(const void *)	its inverse
 *
 *    It may include <mm/types.h> and <mm/stack.h>, and nothing else of mm.
 *
 *    A host that owns its interrupt entry may take objects from the stacks of its CPUs, and
 *    put them there, without turning interrupts off.  It then defines MM_HOST_RESTARTABLE,
 *    mm_stack_pop() and mm_stack_push(), which do what those of <mm/stack_irqsave.h> do.
 *
 *    Locks on one CPU.  Interrupts that are off are lock enough there, but for NMIs, if
 *    their handlers use <mm/nolock.h>: then the three lock functions must really write the
 *    lock, each in one instruction, and the compiler may move no access across them.
 *    __atomic_exchange_n(.., __ATOMIC_ACQUIRE) and __atomic_store_n(.., __ATOMIC_RELEASE)
 *    do, on any number of CPUs.
 *
 *
 *    A host with 32-bit addresses may define MM_HOST_SLAB_MAP: the address of 4 MiB for mm,
 *    one word for each page.  Finding the slab around an address, in every free, is one load
 *    then.  With page tables: nothing is there, and mm_init() may call mm_host_map(), before
 *    there is alloc_pages(); it maps one page there many times.  In a process: define
 *    MM_HOST_SLAB_MAP_ZEROED as 1, too; all is zero when mm_init() is called, and costs memory
 *    only where it is written.
 *
 *    A host whose compiler checks each access (-fsanitize=kernel-address) defines MM_HOST_POISON,
 *    and, any context, for memory that has an address for good:
 *
 *	void mm_host_poison(const void *p, size_t size, enum mm_poison why)	nobody may access it
 *	void mm_host_unpoison(const void *p, size_t size)	its first `size` bytes may be accessed
 *
 *    p is a multiple of 8, and all 8 bytes of which a part is meant belong to the same object.  Debugged
 *    caches tell about their objects; mm's page lists stay shut.  A bad access goes to
 *    mm_report_access() of <mm/report.h>.
 *
 * 2. The slow half: the functions below, found at link time.  Those marked
 *    [optional] have a weak default in mm/debug/port_default.c that is right for
 *    a uniprocessor with no extras; the others the host must write.
 */
#ifndef MM_PORT_H
#define MM_PORT_H

#include <mm/types.h>

/* Why memory may not be accessed. */
enum mm_poison {
	MM_POISON_FREE_PAGES,
	MM_POISON_FREE_OBJECT,
	MM_POISON_RED_ZONE, /* around the objects of a slab, and what their owners did not ask for */
};

#include <mm_host.h>

#include <mm/stack.h>
#ifndef MM_HOST_RESTARTABLE
#include <mm/stack_irqsave.h>
#endif

#ifndef MM_HOST_SLAB_MAP
#define MM_HOST_SLAB_MAP 0
#endif
#ifndef MM_HOST_SLAB_MAP_ZEROED
#define MM_HOST_SLAB_MAP_ZEROED 0
#endif

/* Stop the machine.  `why` is one line.  Called only when going on would lose data. */
_Noreturn void mm_host_panic(const char *why);

/*
 * Write one line of log; `line` has no newline.  Any context, NMI included; no
 * lock of mm's is held.
 */
void mm_host_log(const char *line);

/* Where execution is, for reports and for the rules on sleeping. */
enum mm_context_kind {
	MM_CONTEXT_THREAD,
	MM_CONTEXT_IRQ, /* in an interrupt handler */
	MM_CONTEXT_NMI,
};

struct mm_context {
	enum mm_context_kind kind;
	unsigned cpu;
	unsigned irq_depth; /* nested interrupts; 0 in a thread */
	bool irqs_off;
	const char *thread; /* name (who was interrupted), or NULL: the host has no threads */
};

/* [optional: a thread on CPU mm_cpu_id(), interrupts on]  Any context. */
void mm_host_context(struct mm_context *context);

/*
 * [optional: none]  Return addresses of the callers, innermost first, into
 * frames[0 .. max - 1]; returns how many.  Any context.
 */
size_t mm_host_backtrace(uintptr_t *frames, size_t max);

/*
 * [optional: false]  Name of the function around `address` and the distance
 * from its start.  The name lives for ever.  Any context.
 */
bool mm_host_symbol(uintptr_t address, const char **name, size_t *offset);

/* [optional: 0]  A clock for reports, in nanoseconds since boot.  Any context. */
uint64_t mm_host_time(void);

/*
 * [optional: false; give mm_init() no window then]  Map the page at `phys`,
 * writable and never executable, at `virt` in the window given to mm_init().
 * `virt` is unmapped before.  Returns false when a page table is needed and
 * there is no memory for one.  May call alloc_pages(GFP_ATOMIC).  Contexts: any
 * but NMI; no lock of mm's is held.
 */
bool mm_host_map(uintptr_t virt, paddr_t phys);

/*
 * mm_host_map_run - mm_host_map() for n pages side by side; returns how many are mapped: fewer
 *	if a page table is needed and there is no memory for one.
 *
 * mm_host_unmap_run - mm_host_unmap_lazy() for n pages, all of which are mapped; it tells
 *	their frames.
 *
 * [optional: page by page, by the functions above and below]  n is small.  Contexts: as theirs.
 */
MM_FASTCALL size_t mm_host_map_run(uintptr_t virt, const pfn_t *frames, size_t n);
MM_FASTCALL void mm_host_unmap_run(uintptr_t virt, pfn_t *frames, size_t n);

/*
 * [optional: nothing]  Unmap `nr_pages` pages from `virt` and forget their
 * translations on every CPU.  Contexts: any but NMI.
 */
void mm_host_unmap(uintptr_t virt, size_t nr_pages);

/*
 * [optional: mm_host_unmap()]  Unmap, but let stale translations be: a CPU may go on
 * reaching the pages until the next mm_host_flush(), and mm maps nothing there before
 * that.  Contexts: any but NMI.
 */
void mm_host_unmap_lazy(uintptr_t virt, size_t nr_pages);

/*
 * [optional: nothing]  Forget, on every CPU, the translations of all that was unmapped
 * lazily before.  Contexts: as mm_host_unmap(), so it cannot wait for a CPU that waits
 * for it with interrupts off.  A host has both of these, or neither.
 */
void mm_host_flush(void);

/*
 * [optional: mm_host_unmap()]  The same as that for addresses which only the CPU that calls it
 * has ever used, or will use before it maps them again: no other need forget them.
 * Contexts: as mm_host_unmap(); the thread is pinned.
 */
void mm_host_unmap_local(uintptr_t virt, size_t nr_pages);

/*
 * [optional: false]  With `guarded` true, every access to this page of low memory faults from
 * now on; every CPU knows that when this returns, or, in an NMI, this one.  Then the host calls
 * mm_guard_fault() (<mm/guard.h>).  With false the page can be reached again.  Returns
 * false, nothing done, if the host cannot, or has no memory for a page table; never for a page
 * that was guarded before.  May call alloc_pages(GFP_ATOMIC) the first time.  Contexts: the first
 * time, for each page, a thread; later any, NMI included.  No lock of mm's is held.
 */
bool mm_host_guard(void *page, bool guarded);

/*
 * [optional: false]  Translation of a window address that mm mapped; false when
 * there is none.  Any context; locks of mm's may be held.
 */
MM_FASTCALL bool mm_host_translate(uintptr_t virt, paddr_t *phys);

/*
 * [optional: true]  Can `nr_bytes` at `address` be read without a fault?  Asked
 * before a report dumps memory around a pointer nobody vouches for.
 */
bool mm_host_readable(const void *address, size_t nr_bytes);

/*
 * mm_host_stop_cpus - hold every other CPU at a point where its interrupts are on, so that
 *	none is in a critical section of mm's.  mm_host_start_cpus - let them go.
 *
 * [optional: nothing, right where one CPU runs]  mm_check() asks for it, since magazines
 * have no lock.  Meanwhile interrupts may be on here.  Contexts: a thread, interrupts on,
 * no lock held; does not nest.
 */
void mm_host_stop_cpus(void);
void mm_host_start_cpus(void);

/*
 * mm_host_on_each_cpu - run function(arg) on every CPU that runs, this one included, each with
 *	interrupts off; returns when all have.  The function takes no longer than an
 *	interrupt handler may, and calls nothing of the host's that waits for other CPUs.
 *
 * [optional: runs it here only, right where one CPU runs]  Contexts: a thread, interrupts on,
 * no lock held; does not nest.
 */
void mm_host_on_each_cpu(void (*function)(void *arg), void *arg);

/*
 * mm_host_roots - tell mm_leak_scan() where the host has references, by the functions of
 *	<mm/leak.h>: its .data and .bss, what each CPU has, the stacks of all threads and the
 *	registers of those that do not run; of this thread's stack what lies at `here` and
 *	above.  Registers of the running ones are on stacks.
 *
 * [optional: there are none, so all is reported]  Contexts: other CPUs stopped, interrupts off;
 * allocates nothing.
 */
void mm_host_roots(const void *here);

/*
 * Sleeping.  A host without threads leaves all of these out, and loses nothing else.
 *
 * mm_host_wait - sleep as long as *word equals `seen`, but no longer than `ms`
 *	milliseconds; may return early.  The comparison and going to sleep are one step
 *	against mm_host_wake() (a futex).  [optional: false, at once]  False means that
 *	this host cannot sleep.  Contexts: a thread that may sleep.
 *
 * mm_host_wake - wake all who wait for `word`, which has just been changed.
 *	[optional: nothing]  Contexts: any but NMI; no lock of mm's is held, but interrupts
 *	may be off.  It must not allocate.
 */
bool mm_host_wait(const uint32_t *word, uint32_t seen, unsigned ms);
void mm_host_wake(const uint32_t *word);

/*
 * [optional: one for each CPU, right where threads do not exist]  A word of mm's own for
 * the running thread, 0 when the thread starts.  Only asked for in threads.
 */
uint32_t *mm_host_thread_word(void);

/*
 * [optional: nothing]  From mm_host_pin() to mm_host_unpin() the running thread neither
 * sleeps nor gives way to another one of this CPU.  They nest.  Any context but NMI.
 */
void mm_host_pin(void);
void mm_host_unpin(void);

/*
 * [optional: false]  Out of memory: a request that may sleep finds no block of 2^order
 * pages, and reclaim finds nothing more to free.  Free something, or have somebody die
 * who holds memory.  True: memory is coming; the request goes on, and asks again, without
 * limit, if that was not enough.  False, when there is nobody, ends it with NULL.  It may
 * allocate only what need not sleep.  Contexts: a thread that may sleep.
 */
bool mm_host_out_of_memory(gfp_t gfp, unsigned order);

#endif
