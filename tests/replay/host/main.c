// SPDX-License-Identifier: MIT
/*
 * The hosted replay.
 *
 *	replay [-c] FILE	FILE: a trace as trace-pack writes it
 *	  -c	fill each block with bytes of its own, and compare them at its free
 *	replay -m SEED		the random mix (../mix.h), with MIX_OPERATIONS twice
 *
 * The machine is made up for it: 1 GiB, as a PC has it.  What was found is written as lines for
 * programs (../print.h).  The exit status is 1 after a replay that failed, 2 for what is no
 * trace or no seed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <harness.h>
#include <host/host.h>
#include <kernel/cmdline.h>
#include <mm/stats.h>
#include <replay/print.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB ((paddr_t)1 << 20)

static const struct mm_range ram[] = {{0, 0x9fc00}, {MIB, 1024 * MIB}};
static const struct mm_range reserved[] = {{0, PAGE_SIZE}, {MIB, 2 * MIB}};

static const struct host_machine pc_1g = {
	.ram = ram,
	.nr_ram = sizeof(ram) / sizeof(ram[0]),
	.reserved = reserved,
	.nr_reserved = sizeof(reserved) / sizeof(reserved[0]),
	.dma_limit = 16 * MIB,
	.low_limit = 896 * MIB,
	.window_pages = 30720,
};

void test_host_write(const char *line)
{
	puts(line);
}

void host_keep_log(const char *line)
{
	fprintf(stderr, "%s\n", line);
}

static _Noreturn void refuse(const char *file, const char *why)
{
	fprintf(stderr, "replay: %s: %s\n", file, why);
	exit(2);
}

static const void *map_file(const char *name, size_t *size)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *p;

	if (fd < 0 || fstat(fd, &status))
		refuse(name, strerror(errno));
	*size = (size_t)status.st_size;
	if (*size == 0)
		refuse(name, "it is empty");
	p = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		refuse(name, strerror(errno));
	close(fd);
	return p;
}

static void boot(void)
{
	if (!host_boot(&pc_1g)) {
		fprintf(stderr, "replay: the machine does not boot\n");
		exit(1);
	}
}

static bool run_file(const char *name, const struct replay_options *options)
{
	struct replay_result result;
	struct trace trace;
	size_t size;
	const void *bytes = map_file(name, &size);
	const char *wrong = trace_open(&trace, bytes, size);

	if (wrong)
		refuse(name, wrong);
	boot();
	replay_run(&trace, options, &result);
	replay_print(&trace, &result);
	return !result.error;
}

static bool run_mix(const char *seed)
{
	struct mix_waste waste[NR_MIX_MOMENTS];
	uint64_t number;

	if (!cmdline_number(seed, strlen(seed), &number))
		refuse(seed, "this is no seed");
	boot();
	if (!mix_run(number, MIX_OPERATIONS, waste))
		return false;
	mix_print(waste);
	return true;
}

static int usage(void)
{
	fprintf(stderr, "usage: replay [-c] FILE, or replay -m SEED\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct replay_options options = {0};
	const char *seed = NULL;
	bool passed;
	int option;

	while ((option = getopt(argc, argv, "cm:")) != -1) {
		switch (option) {
		case 'c': options.check = true; break;
		case 'm': seed = optarg; break;
		default: return usage();
		}
	}
	if (optind + !seed != argc)
		return usage();
	host_stack_top = (uintptr_t)__builtin_frame_address(0);
	passed = seed ? run_mix(seed) : run_file(argv[optind], &options);
	return passed && mm_check() == 0 && mm_report_total() == 0 ? 0 : 1;
}
