// SPDX-License-Identifier: MIT
/*
 * What the kernel has counted of mm/, written to its log at the end: for each source file a
 * line "gcda: NAME", then its bytes in hexadecimal, 64 in a line.  tests/tools/coverage makes
 * files of them.  The format itself is known to the compiler's library only.
 */
#include <gcov.h>
#include <kernel/panic.h>
#include <kernel/printk.h>
#include <mm/format.h>
#include <stddef.h>

#define LINE_BYTES 64
#define NAME_MAX   256

/* The linker's: one pointer for each file that counts. */
extern const struct gcov_info *const gcov_info_start[], *const gcov_info_end[];

struct dump {
	char line[sizeof("gcda  ") + 2 * LINE_BYTES];
	unsigned used;
};

void coverage_dump(void);
/* Referred to, but never called: for counters of other kinds, and for files that exist already. */
void __gcov_merge_add(void);
_Noreturn void abort(void);
void *mmap64(void);

static void flush(struct dump *dump)
{
	if (dump->used)
		printk_raw(dump->line);
	dump->used = 0;
}

static void take_name(const char *name, void *arg)
{
	char line[NAME_MAX];

	(void)arg;
	mm_snprintf(line, sizeof(line), "gcda: %s", name);
	printk_raw(line);
}

static void take_bytes(const void *bytes, unsigned count, void *arg)
{
	struct dump *dump = arg;
	const unsigned char *byte = bytes;

	for (; count; count--, byte++) {
		if (!dump->used)
			mm_snprintf(dump->line, sizeof(dump->line), "gcda  ");
		mm_snprintf(dump->line + 6 + 2 * dump->used, 3, "%02x", *byte);
		if (++dump->used == LINE_BYTES)
			flush(dump);
	}
}

static void *no_memory(unsigned bytes, void *arg)
{
	(void)bytes;
	(void)arg;
	return NULL;
}

void coverage_dump(void)
{
	static struct dump dump;

	for (const struct gcov_info *const *info = gcov_info_start; info < gcov_info_end;
	     info++) {
		__gcov_info_to_gcda(*info, take_name, take_bytes, no_memory, &dump);
		flush(&dump);
	}
	printk_raw("gcda. end");
}

_Noreturn void abort(void)
{
	panic("libgcov gives up");
}

void __gcov_merge_add(void)
{
	panic("libgcov merges");
}

void *mmap64(void)
{
	panic("libgcov asks for memory");
}
