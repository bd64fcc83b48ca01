// SPDX-License-Identifier: MIT
/* Guard pages of a hosted machine: mprotect(), and the signal of whoever touches one. */
#define _GNU_SOURCE
#include "host.h"
#include <mm/guard.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#define ERROR_WRITE 2 /* of the page fault's error code */

#ifdef __i386__
#define REG_IP REG_EIP
#else
#define REG_IP REG_RIP
#endif

static struct sigaction before;

/* What is not mm's goes to who had the signal before: the instruction is tried again. */
static void on_fault(int signal, siginfo_t *info, void *context)
{
	const greg_t *registers = ((const ucontext_t *)context)->uc_mcontext.gregs;

	if (!mm_guard_fault((uintptr_t)info->si_addr, registers[REG_ERR] & ERROR_WRITE,
			    (uintptr_t)registers[REG_IP]))
		sigaction(signal, &before, NULL);
}

bool mm_host_guard(void *page, bool guarded)
{
	const struct sigaction action = {.sa_sigaction = on_fault,
					 .sa_flags = SA_SIGINFO | SA_NODEFER};
	struct sigaction now;

	host_check_no_lock("mm_host_guard");
	if (mprotect(page, PAGE_SIZE, guarded ? PROT_NONE : PROT_READ | PROT_WRITE))
		host_die("mm_host_guard: the system refuses");
	sigaction(SIGSEGV, NULL, &now);
	if (now.sa_sigaction != on_fault)
		sigaction(SIGSEGV, &action, &before);
	return true;
}
