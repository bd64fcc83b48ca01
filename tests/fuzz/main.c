// SPDX-License-Identifier: MIT
/*
 * One input is one case of the harness, on a machine that has just been booted.  What the
 * harness says is kept, and printed if the case fails; then the process ends, as
 * libFuzzer wants it.
 */
#include "fuzz.h"
#include <host/host.h>
#include <run.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAID_BYTES 65536

static const uint8_t *input;
static size_t left;

static char said[SAID_BYTES];
static size_t said_used;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- the input ---------------------------------------------------------------------- */

bool fuzz_more(void)
{
	return left > 0;
}

uint8_t fuzz_byte(void)
{
	if (left == 0)
		return 0;
	left--;
	return *input++;
}

uint16_t fuzz_u16(void)
{
	uint16_t low = fuzz_byte();

	return (uint16_t)(low | fuzz_byte() << 8);
}

uint32_t fuzz_u32(void)
{
	uint32_t low = fuzz_u16();

	return low | (uint32_t)fuzz_u16() << 16;
}

uint64_t fuzz_u64(void)
{
	uint64_t low = fuzz_u32();

	return low | (uint64_t)fuzz_u32() << 32;
}

void fuzz_text(char *text, size_t size)
{
	size_t n = 0;

	while (n < size - 1 && fuzz_more()) {
		text[n] = (char)fuzz_byte();
		if (!text[n])
			break;
		n++;
	}
	text[n] = '\0';
}

/* --- what is said ------------------------------------------------------------------- */

static void say(const char *line)
{
	size_t length = strlen(line);

	if (said_used + length + 2 > SAID_BYTES)
		return;
	memcpy(said + said_used, line, length);
	said_used += length;
	said[said_used++] = '\n';
	said[said_used] = '\0';
}

void test_host_write(const char *line)
{
	say(line);
}

void host_keep_log(const char *line)
{
	say(line);
}

static _Noreturn void give_up(void)
{
	fputs(said, stderr);
	abort();
}

void host_end_process(void)
{
	give_up();
}

/* --- an input ----------------------------------------------------------------------- */

void test_host_run(void (*body)(struct test_result *result), struct test_result *result)
{
	running.result = result;
	if (!host_boot(&host_pc))
		test_fail(NULL, 0, "the machine does not boot");
	else
		body(result);
	host_check_quiet();
}

/* In the order of the inputs nothing is random: the bytes alone say what happens. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct test_suite *const suites[] = {&fuzz_suite, NULL};

	host_stack_top = (uintptr_t)__builtin_frame_address(0);
	input = data;
	left = size;
	said_used = 0;
	if (!tests_run(suites, "", 1))
		give_up();
	return 0;
}
