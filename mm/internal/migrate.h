/* SPDX-License-Identifier: MIT */
/* Moving one page.  See migrate.c. */
#ifndef MM_INTERNAL_MIGRATE_H
#define MM_INTERNAL_MIGRATE_H

#include <mm/migrate.h>
#include <zone.h>

/* Could this page be moved now?  A hint unless the zone lock is held. */
bool migrate_possible(const struct page *page);

/*
 * [z] Hold the page for a move; NULL if it cannot be moved now.  Each success wants
 * a migrate_page() or a migrate_let_go().
 */
struct mm_mover *migrate_hold_locked(struct page *page);

enum migrate_result {
	MIGRATE_MOVED,  /* and what it left is free */
	MIGRATE_FREED,  /* by its owner, meanwhile */
	MIGRATE_PINNED, /* moved, but somebody has a reference to what it left */
	MIGRATE_STAYED,
};

/* Move a page that is held to `to`, fresh from the zone, which is free again if it is not moved. */
enum migrate_result migrate_page(struct mm_mover *mover, struct page *from, struct page *to);

/* An owner frees the page: if that is not the end of it, at least it is the end of its mover. */
void migrate_forget(struct page *page);

/* Let a page that is held be; true if it is free by that: its owner has freed it. */
bool migrate_let_go(struct page *page);

#endif
