// SPDX-License-Identifier: MIT
/*
 * What the optional half of the host contract does when the host does not say: right
 * for one CPU, no high memory, no symbols, no clock.  All weak: the host's own wins.
 */
#include <bits.h>
#include <mm/port.h>

#define WEAK __attribute__((weak))

WEAK void mm_host_context(struct mm_context *context)
{
	*context = (struct mm_context){.kind = MM_CONTEXT_THREAD, .cpu = mm_cpu_id()};
}

WEAK size_t mm_host_backtrace(uintptr_t *frames, size_t max)
{
	(void)frames;
	(void)max;
	return 0;
}

WEAK bool mm_host_symbol(uintptr_t address, const char **name, size_t *offset)
{
	(void)address;
	(void)name;
	(void)offset;
	return false;
}

WEAK uint64_t mm_host_time(void)
{
	return 0;
}

WEAK bool mm_host_map(uintptr_t virt, paddr_t phys)
{
	(void)virt;
	(void)phys;
	return false;
}

WEAK void mm_host_unmap(uintptr_t virt, size_t nr_pages)
{
	(void)virt;
	(void)nr_pages;
}

WEAK void mm_host_unmap_lazy(uintptr_t virt, size_t nr_pages)
{
	mm_host_unmap(virt, nr_pages);
}

WEAK MM_FASTCALL size_t mm_host_map_run(uintptr_t virt, const pfn_t *frames, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!mm_host_map(virt + i * PAGE_SIZE, (paddr_t)frames[i] << PAGE_SHIFT))
			return i;
	return n;
}

WEAK MM_FASTCALL void mm_host_unmap_run(uintptr_t virt, pfn_t *frames, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		paddr_t phys = 0;

		mm_host_translate(virt + i * PAGE_SIZE, &phys);
		frames[i] = (pfn_t)(phys >> PAGE_SHIFT);
	}
	mm_host_unmap_lazy(virt, n);
}

WEAK void mm_host_unmap_local(uintptr_t virt, size_t nr_pages)
{
	mm_host_unmap(virt, nr_pages);
}

WEAK bool mm_host_guard(void *page, bool guarded)
{
	(void)page;
	(void)guarded;
	return false;
}

WEAK void mm_host_flush(void)
{
}

WEAK MM_FASTCALL bool mm_host_translate(uintptr_t virt, paddr_t *phys)
{
	(void)virt;
	(void)phys;
	return false;
}

WEAK bool mm_host_readable(const void *address, size_t nr_bytes)
{
	(void)address;
	(void)nr_bytes;
	return true;
}

WEAK void mm_host_stop_cpus(void)
{
}

WEAK void mm_host_start_cpus(void)
{
}

WEAK void mm_host_on_each_cpu(void (*function)(void *arg), void *arg)
{
	mm_irqflags_t flags = mm_irq_save();

	function(arg);
	mm_irq_restore(flags);
}

WEAK void mm_host_roots(const void *here)
{
	(void)here;
}

WEAK bool mm_host_wait(const uint32_t *word, uint32_t seen, unsigned ms)
{
	(void)word;
	(void)seen;
	(void)ms;
	return false;
}

WEAK void mm_host_wake(const uint32_t *word)
{
	(void)word;
}

WEAK uint32_t *mm_host_thread_word(void)
{
	static uint32_t words[MM_HOST_NR_CPUS];

	return &words[mm_cpu_id()];
}

WEAK void mm_host_pin(void)
{
}

WEAK void mm_host_unpin(void)
{
}

WEAK bool mm_host_out_of_memory(gfp_t gfp, unsigned order)
{
	(void)gfp;
	(void)order;
	return false;
}
