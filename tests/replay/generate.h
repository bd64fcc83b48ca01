/* SPDX-License-Identifier: MIT */
/* Traces made up from a seed, for tests and for those who have recorded none. */
#ifndef TESTS_REPLAY_GENERATE_H
#define TESTS_REPLAY_GENERATE_H

#include "trace.h"

/* Blocks that such a trace holds at most, and about how many bytes. */
#define GENERATED_SLOTS 512u

/* Bytes that a trace of so many events takes. */
size_t trace_generated_size(uint32_t nr_events);

/*
 * trace_generate - write a trace of nr_events events into trace_generated_size() bytes at `bytes`,
 * aligned to 8.
 *
 * The same seed makes the same bytes.  It has caches, kmalloc, pages and vmalloc, with all kinds of
 * flags; most blocks live shortly, some for long; about a hundred samples.  Some 200 KiB
 * are live at most, so that it runs on the smallest machines.
 */
void trace_generate(uint64_t seed, uint32_t nr_events, void *bytes);

#endif
