/* SPDX-License-Identifier: MIT */
/*
 * Fuzzing: the bytes of an input say what happens, and libFuzzer, which sees what code they
 * reach, makes the inputs (see `make fuzz`).
 *
 * A target is a suite of one case for the harness, which judges each input as it judges
 * any case: no report but those announced, every invariant whole, nothing left behind.  A
 * target reads its input with the functions below; at the end of it they yield zeros.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <harness.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool fuzz_more(void);
uint8_t fuzz_byte(void);
uint16_t fuzz_u16(void);
uint32_t fuzz_u32(void);
uint64_t fuzz_u64(void);

/* The next bytes, at most size - 1 of them and none of them 0, as a string. */
void fuzz_text(char *text, size_t size);

/* Each target defines its suite. */
extern const struct test_suite fuzz_suite;

#endif
