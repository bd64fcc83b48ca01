/* SPDX-License-Identifier: MIT */
/* The trace that came as boot module. */
#ifndef TESTS_KERNEL_REPLAY_MAIN_H
#define TESTS_KERNEL_REPLAY_MAIN_H

#include <replay/replay.h>

/* Open it; returns NULL, or what is wrong, in words. */
const char *replay_open_module(struct trace *trace);

/* Replay it, timed, and print what was found; true if all went well.  Contexts: a thread. */
bool replay_main(void);

#endif
