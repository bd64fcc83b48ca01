/* SPDX-License-Identifier: MIT */
/* Reports that are printed later than they are made.  See debug/late.c. */
#ifndef MM_INTERNAL_LATE_H
#define MM_INTERNAL_LATE_H

#include <bits.h>
#include <mm/port.h>

struct report;
struct late_report;

void late_reset(void);

/* Between the two, interrupts off, this CPU's reports are kept and not printed.  They nest. */
void late_hold(void);
void late_let_go(void);

/* For report.c. */
bool late_wanted(void);
struct late_report *late_claim(void);
void late_line(struct late_report *late, const char *line);
void late_commit(struct late_report *late, const struct report *report);

/* Print what was kept.  Any context but NMI, with no lock held. */
extern uint32_t late_pending; /* [a] not 0: there may be something */
void late_flush_slow(void);

static inline void late_flush(void)
{
	if (unlikely(__atomic_load_n(&late_pending, __ATOMIC_RELAXED)))
		late_flush_slow();
}

#endif
