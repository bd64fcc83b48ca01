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

/* Move a page that is held to `to`, fresh from the zone; false, and `to` is free again, if not. */
bool migrate_page(struct mm_mover *mover, struct page *from, struct page *to);

/* Let a page that is held be. */
void migrate_let_go(struct page *page);

#endif
