// SPDX-License-Identifier: MIT
/*
 * Reports that cannot be printed where they are raised: in an NMI, which may have come in
 * the middle of a critical section, of another report, or of the console's own code.
 *
 * Between late_hold() and late_let_go() the reports of this CPU are written into memory, to
 * be printed, and passed to the listener, by whoever comes next and may print: the slow
 * paths, mm_check(), mm_drain_deferred().
 *
 * I1. A slot belongs to one writer, while it is SLOT_FILLING, or to one printer, while it is
 *     SLOT_PRINTING: they get it by compare and exchange.
 * I2. With no slot left a report is counted, and lost.  How many were is printed.
 *
 * No locks.  holding[] is [p]: an NMI leaves it as it found it.
 */
#include <late.h>
#include <log.h>
#include <mem.h>
#include <mm/format.h>
#include <report.h>

#define SLOTS      4u
#define TEXT_BYTES 3072u

enum slot_state {
	SLOT_EMPTY,
	SLOT_FILLING,
	SLOT_READY,
	SLOT_PRINTING,
};

struct late_report {
	uint32_t state; /* [a] enum slot_state */
	struct report report;
	size_t used;
	char text[TEXT_BYTES]; /* lines, each with a 0 at its end */
};

static struct late_report slots[SLOTS];
static unsigned holding[MM_HOST_NR_CPUS]; /* [p] */
static uint32_t lost;                     /* [a] */

uint32_t late_pending;

void late_reset(void)
{
	memset(slots, 0, sizeof(slots));
	memset(holding, 0, sizeof(holding));
	lost = 0;
	late_pending = 0;
}

/* [p], but a thread that is just leaving this CPU may look (late_wanted()). */
static void change_holding(int by)
{
	unsigned *count = &holding[mm_cpu_id()];

	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(count, *count + (unsigned)by, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void late_hold(void)
{
	change_holding(1);
}

void late_let_go(void)
{
	change_holding(-1);
}

bool late_wanted(void)
{
	return __atomic_load_n(&holding[mm_cpu_id()], __ATOMIC_RELAXED) > 0;
}

static bool change_state(struct late_report *slot, uint32_t from, enum slot_state to)
{
	return __atomic_compare_exchange_n(&slot->state, &from, (uint32_t)to, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* A slot to write a report into; NULL when there is none. */
struct late_report *late_claim(void)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		if (change_state(&slots[i], SLOT_EMPTY, SLOT_FILLING)) {
			slots[i].used = 0;
			return &slots[i];
		}
	}
	__atomic_fetch_add(&lost, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&late_pending, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* One line more, if there is room for all of it. */
void late_line(struct late_report *slot, const char *line)
{
	size_t length = 0;

	while (line[length])
		length++;
	if (length + 1 > TEXT_BYTES - slot->used)
		return;
	memcpy(slot->text + slot->used, line, length + 1);
	slot->used += length + 1;
}

void late_commit(struct late_report *slot, const struct report *report)
{
	slot->report = *report;
	__atomic_store_n(&slot->state, SLOT_READY, __ATOMIC_RELEASE);
	__atomic_store_n(&late_pending, 1, __ATOMIC_RELEASE);
}

static void print_slot(const struct late_report *slot)
{
	for (size_t at = 0; at < slot->used; at++) {
		mm_host_log(slot->text + at);
		while (slot->text[at])
			at++;
	}
	report_tell(&slot->report);
}

/* Reports that come meanwhile set late_pending again. */
void late_flush_slow(void)
{
	uint32_t n;

	__atomic_store_n(&late_pending, 0, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < SLOTS; i++) {
		if (!change_state(&slots[i], SLOT_READY, SLOT_PRINTING))
			continue;
		print_slot(&slots[i]);
		__atomic_store_n(&slots[i].state, SLOT_EMPTY, __ATOMIC_RELEASE);
	}
	n = __atomic_exchange_n(&lost, 0, __ATOMIC_RELAXED);
	if (n)
		mm_log("mm: %u more reports came where nothing can be printed, and were lost",
		       n);
}
