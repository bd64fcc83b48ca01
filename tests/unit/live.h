/* SPDX-License-Identifier: MIT */
/*
 * Helpers for tests that run on the live allocator, and leave it as they found it.
 *
 * Blocks that a test holds are linked through their struct page, which is the
 * holder's while it holds them: so all memory can be held without any to write
 * the list in.
 */
#ifndef TESTS_UNIT_LIVE_H
#define TESTS_UNIT_LIVE_H

#include <harness.h>
#include <mm/gfp.h>
#include <mm/page_alloc.h>
#include <mm/stats.h>
#include <slab.h>

/* --- blocks held ----------------------------------------------------------------- */

struct held {
	pfn_t first;
	size_t blocks, pages;
	size_t pages_in[MM_NR_ZONES];
};

void held_init(struct held *held);
void held_add(struct held *held, struct page *page);
struct page *held_pop(struct held *held);

/* Blocks of one order until there are no more, or until `most`; returns how many. */
size_t held_take(struct held *held, gfp_t gfp, unsigned order, size_t most);

/*
 * All that these flags can have: the largest blocks first, single pages last.  Before that, all
 * empty slabs and this CPU's magazines go back to the page allocator, so that nothing is
 * left for reclaim to find.
 */
void held_drain(struct held *held, gfp_t gfp);
void held_free(struct held *held);

/* --- the state of the free lists --------------------------------------------------- */

/* Free blocks by zone and order, and a sum over where each lies: page for page. */
struct fingerprint {
	size_t free[MM_NR_ZONES];
	size_t blocks[MM_NR_ZONES][MM_NR_ORDERS];
	uint64_t places[MM_NR_ZONES];
};

void fingerprint_take(struct fingerprint *fingerprint);

/* All empty slabs and this CPU's magazines back to the page allocator; then take one. */
void live_settle(struct fingerprint *fingerprint);

/* EXPECTs that nothing differs. */
void fingerprint_expect(const struct fingerprint *now, const struct fingerprint *before);

/* EXPECT that mm_check() finds nothing; not on machines with so much memory that it takes long. */
void live_expect_whole(void);

/* EXPECT that nothing changed since live_settle() gave `before`. */
void live_expect_settled(const struct fingerprint *before);

/* --- looking ----------------------------------------------------------------------- */

/* Zones of a request, the first to be tried first; returns how many. */
unsigned live_zones_of(gfp_t gfp, enum mm_zone_id order[MM_NR_ZONES]);

/* Zone of a page, by where the zones say that they lie. */
enum mm_zone_id live_zone_of(const struct page *page);

/* The cache of that name, or NULL. */
struct kmem_cache *live_cache(const char *name);
bool live_name_begins(const char *name, const char *part);

/* Fill or compare memory with bytes that follow from `seed`. */
void live_fill(void *memory, size_t size, uint32_t seed);
bool live_filled(const void *memory, size_t size, uint32_t seed);
bool live_all_bytes(const void *memory, size_t size, uint8_t byte);

/* The same for a block of pages, wherever it lies. */
void live_fill_pages(struct page *page, unsigned order, uint32_t seed);
bool live_filled_pages(struct page *page, unsigned order, uint32_t seed);
bool live_pages_all_bytes(struct page *page, unsigned order, uint8_t byte);

/* A page that nobody owns and that exists: NULL when the machine has none. */
struct page *live_reserved_page(void);

/* --- the log ----------------------------------------------------------------------- */

/* Since test_log_begin(), has the allocator said so? */
#define EXPECT_LOG(text) EXPECTF(test_log_has(text), "the log lacks \"%s\"", text)

/* Lines since test_log_begin() that contain `part`. */
unsigned live_log_count(const char *part);

/* Can reports name functions here? */
bool live_has_symbols(void);

#endif
