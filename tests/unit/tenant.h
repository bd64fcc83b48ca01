/* SPDX-License-Identifier: MIT */
/*
 * An owner of movable pages: a table, a stamp in each page, and a mover that obeys the
 * contract (mm/migrate.h) unless a test says otherwise.
 *
 * The table's lock is that interrupts are off: threads and handlers of one CPU may share it.
 */
#ifndef TESTS_UNIT_TENANT_H
#define TESTS_UNIT_TENANT_H

#include <mm/migrate.h>
#include <mm/port.h>
#include <mm/stats.h>

#define TENANT_PAGES 6144u

struct tenant {
	struct mm_mover mover;
	size_t nr;                        /* pages owned */
	struct page *pages[TENANT_PAGES]; /* NULL: none */
	const struct page *nailed;        /* the one page without the mover, or NULL */
	unsigned asked, moved;            /* calls of the mover, and those that moved */
	/* [optional] Called first in each move; false refuses it. */
	bool (*hook)(struct tenant *tenant, struct page *from, struct page *to);
};

void tenant_init(struct tenant *tenant);

/* Own a page from now on, stamped and movable; its number.  TENANT_PAGES when the table is full. */
size_t tenant_adopt(struct tenant *tenant, struct page *page);

/* Free page number i. */
void tenant_drop(struct tenant *tenant, size_t i);
void tenant_drop_all(struct tenant *tenant);

/* The number of a page; TENANT_PAGES if it is not the tenant's. */
size_t tenant_find(const struct tenant *tenant, const struct page *page);

/* Take the mover from a page of the tenant's: it stays where it is.  One at a time. */
void tenant_nail(struct tenant *tenant, struct page *page);

/* Does a page of any tenant's have the stamp of this number? */
bool tenant_is_stamped(struct page *page, size_t number);

/* EXPECT that each page has its stamp, one reference, and the tenant as its mover. */
bool tenant_check(const struct tenant *tenant);

/* How many of its pages lie in the largest block around `pfn`. */
size_t tenant_pages_near(const struct tenant *tenant, pfn_t pfn);

/*
 * Take one of the largest blocks that `gfp` can have, and keep `used` of its pages, spread
 * evenly; the others are free.  The first frame; PFN_NONE when there is no such block.
 */
pfn_t tenant_settle(struct tenant *tenant, gfp_t gfp, unsigned used);

#endif
