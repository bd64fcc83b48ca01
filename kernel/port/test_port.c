/* SPDX-License-Identifier: MIT */
/* The host of the tests: their text goes to the log as it is, since `prove` reads it. */
#include "../../tests/harness/harness.h"
#include <kernel/printk.h>

void test_host_write(const char *line)
{
	printk_raw(line);
}
