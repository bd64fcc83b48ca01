/* SPDX-License-Identifier: MIT */
/*
 * mm's way to sleep, from the host contract: wait while a word has a value.  The waiters
 * for a word stand in one of a few queues, which the word's address chooses; who is woken
 * for another word of the same queue looks, and sleeps on.  A process that is to die does not
 * wait for anything: it shall find out.
 */
#include <kernel/process.h>
#include <kernel/wait.h>
#include <mm/port.h>

#define NR_QUEUES 16u

static struct wait_queue queues[NR_QUEUES];

static struct wait_queue *queue_of(const uint32_t *word)
{
	return &queues[(uintptr_t)word / sizeof(*word) % NR_QUEUES];
}

bool mm_host_wait(const uint32_t *word, uint32_t seen, unsigned ms)
{
	(void)wait_event_until(queue_of(word),
			       __atomic_load_n(word, __ATOMIC_ACQUIRE) != seen ||
				       process_is_dying(),
			       wait_deadline(ms));
	return true;
}

void mm_host_wake(const uint32_t *word)
{
	wait_wake_all(queue_of(word));
}
