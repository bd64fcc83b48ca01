/* SPDX-License-Identifier: MIT */
/*
 * Reports: what the allocator says when somebody breaks a rule.  After a
 * report the system goes on, unless panic_on_report is set.
 */
#ifndef MM_REPORT_H
#define MM_REPORT_H

#include <mm/types.h>

enum mm_report_kind {
	MM_REPORT_BAD_FLAGS,     /* GFP bits that are unknown or contradict each other */
	MM_REPORT_BAD_ORDER,     /* order beyond MM_MAX_ORDER */
	MM_REPORT_BAD_SIZE,      /* impossible size or alignment of a cache */
	MM_REPORT_BAD_ADDRESS,   /* free of memory that the allocator never gave out */
	MM_REPORT_BAD_PAGE,      /* page function on a page that is not its to take */
	MM_REPORT_DOUBLE_FREE,   /* free of what is free already */
	MM_REPORT_INTERIOR_FREE, /* free of an address inside an object or block */
	MM_REPORT_WRONG_CACHE,   /* object freed to a cache that it does not belong to */
	MM_REPORT_WRONG_ORDER,   /* block freed with another order than it has */
	MM_REPORT_OUT_OF_BOUNDS, /* memory beside an object was written (debugged caches), or accessed (guard pages) */
	MM_REPORT_USE_AFTER_FREE, /* a free object was written (debugged caches), or accessed (guard pages) */
	MM_REPORT_CACHE_IN_USE, /* cache destroyed with live objects */
	MM_REPORT_MISUSE,       /* a function used against its contract; the text says how */
	MM_REPORT_MIGHT_SLEEP,  /* sleeping, or flags for it, where that is not allowed */
	MM_REPORT_ALLOC_FAILED, /* no memory, and the caller did not say NOWARN (rate limited) */
	MM_REPORT_UNDEFINED,    /* undefined behaviour, which the host's compiler has noticed */
	MM_REPORT_CORRUPTION,   /* the allocator's own state is damaged: see mm_check() */
	MM_REPORT_LEAK,         /* memory that nobody has given back: see <mm/leak.h> */
	MM_NR_REPORT_KINDS
};

/* Short name of a kind: "double free".  Never NULL. */
const char *mm_report_kind_name(enum mm_report_kind kind);

/* Reports since mm_init, of one kind and in all.  Any context. */
unsigned long mm_report_count(enum mm_report_kind kind);
unsigned long mm_report_total(void);

/*
 * One report, as a listener sees it.  `what` is the headline without prefix;
 * it and the struct live only during the call.
 */
struct mm_report {
	enum mm_report_kind kind;
	const char *what;
	uintptr_t address; /* the address or page concerned; 0 when none */
	uintptr_t caller;  /* return address of the public function */
};

/*
 * mm_report_listen - call `listener` for each report, after it is printed;
 * NULL ends it.  The listener runs in the offender's context with no lock held
 * and may allocate.  When it returns true the report counts as expected: it
 * does not panic under panic_on_report.
 */
typedef bool (*mm_report_listener)(const struct mm_report *report);
void mm_report_listen(mm_report_listener listener);

/*
 * mm_report_access - the instruction at `ip` accessed `size` bytes at `address`, of which that one
 *	may not be: for a host whose compiler checks accesses (MM_HOST_POISON in
 *	<mm/port.h>).  Reported as out of bounds or use after free, with what lies there.  Any
 *	context; in an NMI it is kept for later.
 */
void mm_report_access(uintptr_t address, size_t size, bool write, uintptr_t ip);

/*
 * mm_report - a report of the host's own, counted, printed and passed on like those of
 * mm: its threads obey the same rules on sleeping.  `fix` says what was done about it;
 * the rest is the headline.  MM_REPORT_MIGHT_SLEEP: the first from each caller only, as
 * everywhere.  Any context; no lock of mm's may be held.
 */
void mm_report(enum mm_report_kind kind, uintptr_t caller, const char *fix, const char *format,
	       ...) __attribute__((format(printf, 4, 5)));

#endif
