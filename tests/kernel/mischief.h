/* SPDX-License-Identifier: MIT */
/* Wrong calls on purpose, each of which must end in one report and change nothing. */
#ifndef TESTS_KERNEL_MISCHIEF_H
#define TESTS_KERNEL_MISCHIEF_H

#include "owner.h"

/* The case allows the reports that may come. */
void mischief_allow_reports(void);

/* How many of these came so far in this case. */
unsigned long mischief_reports(void);

/* Something wrong with an object of the owner's, or with nothing at all.  Context: a thread. */
void mischief(struct owner *owner);

#endif
