/* SPDX-License-Identifier: MIT */
/*
 * Sets of physical address ranges, filled while the boot information is read.
 * Arithmetic only: no state of its own, no locks.
 *
 * I1: every stored range is non-empty.
 * I2: what was given to range_set_cover() is covered, whatever happened since.
 */
#include <boot/ranges.h>

static paddr_t lower(paddr_t a, paddr_t b)
{
	return a < b ? a : b;
}

static paddr_t upper(paddr_t a, paddr_t b)
{
	return a > b ? a : b;
}

/* Bytes that the union of the two takes beyond `old`; 0 when `old` covers the other. */
static paddr_t growth(const struct mm_range *old, paddr_t start, paddr_t end)
{
	paddr_t joined = upper(old->end, end) - lower(old->start, start);

	return joined - (old->end - old->start);
}

static bool touches(const struct mm_range *range, paddr_t start, paddr_t end)
{
	return start <= range->end && end >= range->start;
}

static void join(struct mm_range *range, paddr_t start, paddr_t end)
{
	range->start = lower(range->start, start);
	range->end = upper(range->end, end);
}

bool range_set_add(struct range_set *set, paddr_t start, paddr_t end)
{
	if (start >= end)
		return true;
	if (set->nr == RANGE_SET_MAX) {
		set->lost++;
		return false;
	}
	set->ranges[set->nr++] = (struct mm_range){start, end};
	return true;
}

void range_set_cover(struct range_set *set, paddr_t start, paddr_t end)
{
	struct mm_range *best = NULL;

	if (start >= end)
		return;
	for (size_t i = 0; i < set->nr; i++) {
		struct mm_range *range = &set->ranges[i];

		if (touches(range, start, end)) {
			join(range, start, end);
			return;
		}
		if (!best || growth(range, start, end) < growth(best, start, end))
			best = range;
	}
	if (set->nr < RANGE_SET_MAX) {
		range_set_add(set, start, end);
		return;
	}
	join(best, start, end);
	set->widened++;
}
