/* SPDX-License-Identifier: MIT */
/*
 * A recorded workload in the form that is replayed: what a kernel asked of its allocator,
 * call by call.  text.h reads the form in which it was recorded and makes this one of it.
 *
 * The bytes, all little-endian, one part after the other: a header; its caches; its
 * flags, one word for each combination; the samples, which say what the recording kernel's own
 * allocator spent; the events, in order of time.
 */
#ifndef TESTS_REPLAY_TRACE_H
#define TESTS_REPLAY_TRACE_H

#include <mm/types.h>

#define TRACE_MAGIC      "QRYTRAC1"
#define TRACE_NAME_MAX   32
#define TRACE_SLOTS_MAX  (1u << 24)
#define TRACE_VALUE_MAX  ((1u << 24) - 1)
#define TRACE_GFPS_MAX   256u
#define TRACE_CACHES_MAX 4096u

struct trace_header {
	char magic[8];
	char name[TRACE_NAME_MAX]; /* of the workload; ends with 0 */
	uint32_t nr_slots, nr_caches, nr_gfps, nr_samples, nr_events;
};

/* One object cache, as its user made it. */
struct trace_cache {
	char name[TRACE_NAME_MAX]; /* ends with 0 */
	uint32_t size, align;
	uint32_t flags; /* TRACE_CACHE_* */
};

#define TRACE_CACHE_RECLAIMABLE 1u
#define TRACE_CACHE_LINE        2u /* aligned to cache lines */

/* A combination of flags: the class in the low four bits, modifiers above. */
enum trace_class {
	TRACE_NONE, /* neither sleeps nor wakes anybody */
	TRACE_NOWAIT,
	TRACE_ATOMIC,
	TRACE_NOIO,
	TRACE_NOFS,
	TRACE_KERNEL,
	TRACE_USER,
	TRACE_HIGHUSER,
	NR_TRACE_CLASSES
};

#define TRACE_CLASS_MASK    0xfu
#define TRACE_ZERO          0x10u
#define TRACE_DMA           0x20u
#define TRACE_HIGHMEM       0x40u
#define TRACE_MOVABLE       0x80u
#define TRACE_NOWARN        0x100u
#define TRACE_NORETRY       0x200u
#define TRACE_RETRY_MAYFAIL 0x400u
#define TRACE_NOFAIL        0x800u
#define TRACE_MEMALLOC      0x1000u
#define TRACE_NOMEMALLOC    0x2000u
#define TRACE_GFP_BITS      0x3fffu

/* What the recording kernel had at this moment.  Zero pages: it does not say. */
struct trace_sample {
	uint32_t slab_pages; /* pages of its slabs */
	uint32_t requested;  /* bytes asked for by the live objects in them */
};

enum trace_kind {
	TRACE_KMALLOC,     /* value: bytes */
	TRACE_KFREE,       /* value: 0, as of all frees */
	TRACE_CACHE_ALLOC, /* value: index of the cache */
	TRACE_CACHE_FREE,
	TRACE_PAGES_ALLOC, /* value: order */
	TRACE_PAGES_FREE,
	TRACE_VMALLOC, /* value: pages */
	TRACE_VFREE,
	TRACE_SAMPLE, /* value: index of the sample; slot 0 */
	NR_TRACE_KINDS
};

/* Bit fields from the least significant bit on, as the compilers have them on all that we use. */
struct trace_event {
	uint32_t slot : 24; /* where the block is kept from its allocation to its free */
	uint32_t kind : 4;
	uint32_t irqs_off : 1; /* in a handler, or where interrupts were off */
	uint32_t unused : 3;
	uint32_t value : 24;
	uint32_t gfp : 8; /* of allocations */
};

_Static_assert(sizeof(struct trace_event) == 8, "eight bytes an event");

struct trace {
	const struct trace_header *header;
	const struct trace_cache *caches;
	const uint32_t *gfps;
	const struct trace_sample *samples;
	const struct trace_event *events;
};

/*
 * trace_open - find the parts of a trace in memory, and look at every field of every record.
 *
 * Returns NULL, or what is wrong with it, in words.  `bytes` is aligned to 8 and stays the caller's.
 * Afterwards each index is known to be in range; whether slots are used as they should is for
 * the replay to see.
 */
const char *trace_open(struct trace *trace, const void *bytes, size_t size);

/* Is it an allocation, and not a free or a sample? */
bool trace_allocates(const struct trace_event *event);

#endif
