/* SPDX-License-Identifier: MIT */
/* Lines of log.  Never call with a lock of mm's held: the console may be slow. */
#ifndef MM_INTERNAL_LOG_H
#define MM_INTERNAL_LOG_H

void mm_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
