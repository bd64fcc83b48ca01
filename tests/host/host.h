/* SPDX-License-Identifier: MIT */
/*
 * Machines made up for hosted tests, and the strings that they hang on.
 *
 * "Physical memory" is a memfd.  Low memory is mapped from it for good: every page that
 * may be handed out can be touched, and no other (holes and reserved pages fault).  High
 * memory can only be touched where mm_host_map() maps it, in a window that faults elsewhere.
 */
#ifndef TESTS_HOST_H
#define TESTS_HOST_H

#include <mm/boot.h>
#include <mm/port.h>

struct host_machine {
	const struct mm_range *ram;
	size_t nr_ram;
	const struct mm_range *reserved;
	size_t nr_reserved;
	paddr_t dma_limit, low_limit, max_paddr; /* as in mm_boot_info */
	size_t window_pages;                     /* 0: no window */
	bool panic_on_report;
	bool dirty;       /* low memory is full of garbage, as RAM is, instead of zeros */
	bool fail_map;    /* mm_host_map() fails from the start, as where it does not exist */
	bool page_tables; /* mapping takes pages for tables, one for each 2 MiB of the window */
};

/*
 * The machine that each case finds booted: 24 MiB with the usual hole below 1 MiB; DMA below
 * 4 MiB, High above 12 MiB, a window of 8 MiB.
 */
extern const struct host_machine host_pc;

/*
 * host_boot - build the machine, run mm_init() on it; returns what that does.
 * Replaces the machine there was: nothing of it may be used any more.
 */
bool host_boot(const struct host_machine *machine);

/* May the allocator hand this page out?  Byte by byte, from the machine's ranges. */
bool host_page_usable(const struct host_machine *machine, pfn_t pfn);

/* The machine that runs, and its window. */
const struct host_machine *host_machine(void);
uintptr_t host_window_start(void);
uintptr_t host_window_end(void);
size_t host_window_mapped(void); /* pages mapped in it now */

/*
 * Pages that are unmapped lazily can be read and written until mm_host_flush(); mapping
 * one of them before that ends the case.  How often it was called on this machine:
 */
unsigned long host_flushes(void);

/* Call `f` at the end of each mm_host_flush(): what it unmaps lazily comes too late. */
void host_on_flush(void (*f)(void));

/* --- who runs, and where ----------------------------------------------------------- */

/* From now on this CPU runs.  With interrupts on, or in an interrupt (the thread migrates). */
void host_set_cpu(unsigned cpu);

/* Pretend a context; HOST_THREAD is the normal one.  With interrupts on. */
enum host_context {
	HOST_THREAD,
	HOST_THREAD_ATOMIC, /* a thread that may not sleep */
	HOST_IRQ,           /* an interrupt handler: interrupts are off */
	HOST_NMI,
};

void host_set_context(enum host_context context);

/*
 * Call `handler` as an interrupt each time that interrupts come on again, which is at the
 * end of every critical section: that makes all interleavings of handler and allocator
 * that one CPU allows happen, one after the other.  NULL ends it.  An interrupt is not
 * interrupted.
 */
void host_on_interrupt(void (*handler)(void));
unsigned long host_interrupts(void); /* delivered so far */

/*
 * Call `handler` as an NMI at the first-th step from now on, 1 being the next, and each
 * `every` steps after that (0: never again).  A step is the moment before or after interrupts are
 * turned off or on, and before or after a lock is taken, tried or released: so an NMI
 * comes before, in and after every critical section.  NULL ends it.
 */
void host_on_nmi(void (*handler)(void), unsigned long first, unsigned long every);

struct host_nmi_counts {
	unsigned long steps;      /* since host_on_nmi() */
	unsigned long delivered;  /* NMIs */
	unsigned long in_section; /* of these, came while a lock was held */
};

void host_nmi_counts(struct host_nmi_counts *counts);

/*
 * What others do while this thread sleeps: `sleep` is called for each mm_host_wait() whose word is
 * as it expects, and what it returns is what that returns.  NULL: this host cannot sleep.
 */
void host_on_sleep(bool (*sleep)(const uint32_t *word, unsigned ms));
unsigned long host_wakes(void); /* calls of mm_host_wake() so far */

/* What mm_host_out_of_memory() does.  NULL: it cannot help. */
void host_on_out_of_memory(bool (*ask)(gfp_t gfp, unsigned order));

/* What mm_host_time() says. */
void host_set_time(uint64_t ns);

/* The n-th call of mm_host_map() from now on fails, and all after it; 0: none does. */
void host_fail_map_at(unsigned n);

/* --- what must go wrong ------------------------------------------------------------ */

/* Does f(arg) panic?  It is left at that point; locks and interrupts are as before. */
bool host_panics(void (*f)(void *arg), void *arg);
const char *host_panic_text(void); /* of the last one */

/* Does f(arg) access memory that it must not?  It runs in a process of its own. */
bool host_faults(void (*f)(void *arg), void *arg);

/*
 * Run other suites in a process of its own, and catch what it prints; returns what
 * tests_run() does.  For tests of the harness and of the host.
 */
struct test_suite;
bool host_run_tests(const struct test_suite *const *suites, const char *filter, char *output,
		    size_t size);

/* --- for the port ------------------------------------------------------------------- */

/* The host is called: end the case if its caller holds a lock. */
void host_check_no_lock(const char *function);

/* --- for main.c ---------------------------------------------------------------------- */

/* Has the case left everything as it must: interrupts on, no lock, a thread?  Fails it if not. */
void host_check_quiet(void);

extern uintptr_t host_stack_top; /* backtraces end here */
extern bool host_verbose;        /* print the log as it comes */

/* [optional: _exit(1)]  The case cannot go on; its failure has been told to the harness. */
_Noreturn void host_end_process(void);

/* The log of this case, for the parent to show when the case failed. */
void host_keep_log(const char *line);

#endif
