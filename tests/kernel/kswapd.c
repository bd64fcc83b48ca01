// SPDX-License-Identifier: MIT
/* See kswapd.h. */
#include "kswapd.h"
#include <kernel/main.h>
#include <kernel/thread.h>
#include <reclaim.h>

void kswapd_release(void)
{
	reclaim_park_kswapd(false);
}

void kswapd_park(void)
{
	reclaim_park_kswapd(true);
	while (kswapd_thread->state != THREAD_BLOCKED)
		thread_yield();
}
