// SPDX-License-Identifier: MIT
/*
 * Tracks: who called, from where, in which context, and when.
 *
 * A track is written by whoever owns what it belongs to, and read by reports.
 */
#include <mem.h>
#include <track.h>

#define NS_PER_MS     1000000ull

/* Room for the frames of the allocator itself, which are left out. */
#define FRAMES_INSIDE 6

static uint32_t last_number; /* [a] */

static void note_frames(struct track *track)
{
	uintptr_t frames[FRAMES_INSIDE + TRACK_FRAMES];
	size_t n = mm_host_backtrace(frames, FRAMES_INSIDE + TRACK_FRAMES);
	size_t i = 0, kept = 0;

	while (i < n && frames[i] != track->caller)
		i++;
	for (i++; i < n && kept < TRACK_FRAMES; i++)
		track->frames[kept++] = frames[i];
}

static void note_thread(struct track *track, const char *name)
{
	for (size_t i = 0; name && name[i] && i < TRACK_THREAD - 1; i++)
		track->thread[i] = name[i];
}

void track_note(struct track *track, uintptr_t caller)
{
	struct mm_context context;

	memset(track, 0, sizeof(*track));
	mm_host_context(&context);
	track->time = mm_host_time();
	track->number = __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED);
	track->caller = caller;
	track->cpu = (uint8_t)context.cpu;
	track->kind = (uint8_t)context.kind;
	note_thread(track, context.thread);
	note_frames(track);
}

uint32_t track_last(void)
{
	return __atomic_load_n(&last_number, __ATOMIC_RELAXED);
}

void track_describe(const struct report *report, const char *what, const struct track *track)
{
	static const char *const kinds[] = {[MM_CONTEXT_THREAD] = "thread",
					    [MM_CONTEXT_IRQ] = "an interrupt in thread",
					    [MM_CONTEXT_NMI] = "an NMI in thread"};
	uint64_t age = report->time - track->time;

	if (!track->caller)
		return;
	report_symbol(report, what, track->caller);
	for (size_t i = 0; i < TRACK_FRAMES && track->frames[i]; i++)
		report_symbol(report, "  from", track->frames[i]);
	report_line(report, "          CPU %u, %s %s, %llu.%06llu ms ago", track->cpu,
		    kinds[track->kind], track->thread[0] ? track->thread : "(none)",
		    (unsigned long long)(age / NS_PER_MS),
		    (unsigned long long)(age % NS_PER_MS));
}
