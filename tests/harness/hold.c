// SPDX-License-Identifier: MIT
/*
 * What the allocator logs because a case makes mistakes on purpose would bury the rest, so
 * it is held back: dropped when a report proves to be an announced one or the case has
 * passed, shown when a report was not announced or the case fails.
 *
 * What finds no room is shown at once.  Lines of an interrupt handler's report are
 * those of the case that it interrupts.
 */
#include "run.h"
#include <mem.h>
#include <mm/format.h>

#define HELD_BYTES 6144

static struct {
	size_t used;
	char text[HELD_BYTES]; /* lines, each ended by 0 */
} held;

bool test_log_hold(const char *line)
{
	size_t room = sizeof(held.text) - held.used;
	size_t length = 0;

	if (!running.suite)
		return false;
	while (line[length])
		length++;
	if (length + 1 > room)
		return false;
	memcpy(held.text + held.used, line, length + 1);
	held.used += length + 1;
	test_log_line(line);
	return true;
}

void hold_drop(void)
{
	held.used = 0;
}

void hold_show(void)
{
	size_t at = 0;

	while (at < held.used) {
		const char *line = held.text + at;

		test_host_write(line);
		while (held.text[at++])
			;
	}
	held.used = 0;
}
