// SPDX-License-Identifier: MIT
/* What tests/unit/world.h asks for, of a hosted machine. */
#include "host.h"
#include <mm_host.h>
#include <unit/world.h>

unsigned world_cpus(void)
{
	return MM_HOST_NR_CPUS;
}

unsigned world_set_cpu(unsigned cpu)
{
	unsigned before = mm_cpu_id();

	host_set_cpu(cpu);
	return before;
}

/* The sanitizers would stop the process before the fault does. */
__attribute__((no_sanitize("address", "undefined"))) static void touch(void *address)
{
	*(volatile const char *)address;
}

bool world_faults(const void *address)
{
	return host_faults(touch, (void *)(uintptr_t)address);
}

unsigned long world_flushes(void)
{
	return host_flushes();
}
