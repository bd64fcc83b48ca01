/* SPDX-License-Identifier: MIT */
/* Guard pages (<mm/guard.h>) as the command line wants them. */
#ifndef KERNEL_GUARD_H
#define KERNEL_GUARD_H

/* guard_pages= on the command line.  Contexts: a thread; the other CPUs have started. */
void guard_start(void);

/* A line of log: what came of it.  Nothing, without the option. */
void guard_show(void);

/* Each timer interrupt on each CPU: now and then an object is sampled. */
void guard_tick(void);

#endif
