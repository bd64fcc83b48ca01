/* SPDX-License-Identifier: MIT */
/* Who did something, where and when.  See debug/track.c. */
#ifndef MM_INTERNAL_TRACK_H
#define MM_INTERNAL_TRACK_H

#include <report.h>

#define TRACK_FRAMES 6
#define TRACK_THREAD 12

struct track {
	uint64_t time;                  /* ns; mm_host_time() */
	uintptr_t caller;               /* 0: it never happened, or nobody noted it */
	uintptr_t frames[TRACK_FRAMES]; /* from the caller outwards; 0 ends them */
	uint32_t number;                /* in the order in which they were noted; it wraps */
	uint8_t cpu, kind;              /* enum mm_context_kind */
	char thread[TRACK_THREAD];
};

/* The caller of a public function does it now.  Any context. */
void track_note(struct track *track, uintptr_t caller);

/* The number of the last one that was noted.  Any context. */
uint32_t track_last(void);

/* Lines of a report. */
void track_describe(const struct report *report, const char *what, const struct track *track);

#endif
