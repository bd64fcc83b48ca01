/* SPDX-License-Identifier: MIT */
/* Somebody who sees each line that mm logs before it is printed: the tests. */
#ifndef KERNEL_PORT_LOG_FILTER_H
#define KERNEL_PORT_LOG_FILTER_H

#include <stdbool.h>

/* Returns true to keep the line from being printed.  Any context.  NULL: all is printed. */
typedef bool (*mm_log_filter)(const char *line);
void mm_log_set_filter(mm_log_filter filter);

#endif
