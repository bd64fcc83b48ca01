/* SPDX-License-Identifier: MIT */
/*
 * What a replay found, as lines for programs: "replay" or "mix", a key, and numbers, with tabs
 * between.  They leave by test_host_write().
 *
 *	replay	trace		name, events, slots
 *	replay	error		event, what went wrong: only if something did
 *	replay	live		samples; bytes asked for by live objects: most, at the end
 *	replay	slabs		waste in 1/10000: mean, at the most, at the end
 *	replay	everything	the same with all that the allocator keeps
 *	replay	recorded	the first of the two, of the recording kernel
 *	replay	cost		step, calls, ticks: mean in 1/100, p99, p99.9, most
 *	mix	slabs		waste in 1/10000: at each moment of mix.h
 *	mix	everything
 */
#ifndef TESTS_REPLAY_PRINT_H
#define TESTS_REPLAY_PRINT_H

#include "mix.h"
#include "replay.h"

void replay_print(const struct trace *trace, const struct replay_result *result);
void mix_print(const struct mix_waste waste[NR_MIX_MOMENTS]);

#endif
