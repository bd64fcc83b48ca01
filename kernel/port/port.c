/* SPDX-License-Identifier: MIT */
/* The slow half of mm's host contract: each hook, by the part of the kernel that has it. */
#include <kernel/ipi.h>
#include <kernel/panic.h>
#include <kernel/printk.h>
#include <kernel/process.h>
#include <kernel/stack.h>
#include <kernel/symbols.h>
#include <kernel/thread.h>
#include <kernel/time.h>
#include <kernel/trap.h>
#include <log_filter.h>
#include <mm/port.h>

_Noreturn void mm_host_panic(const char *why)
{
	panic("mm: %s", why);
}

static mm_log_filter log_filter;

void mm_log_set_filter(mm_log_filter filter)
{
	log_filter = filter;
}

void mm_host_log(const char *line)
{
	if (!log_filter || !log_filter(line))
		printk("%s", line);
}

void mm_host_context(struct mm_context *context)
{
	const struct trap_frame *fault = cpu_here->fault;

	*context = (struct mm_context){
		.kind = cpu_in_nmi()      ? MM_CONTEXT_NMI
			: cpu_irq_depth() ? MM_CONTEXT_IRQ
					  : MM_CONTEXT_THREAD,
		.cpu = cpu_here->id,
		.irq_depth = cpu_irq_depth(),
		.irqs_off = fault ? !(fault->eflags & EFLAGS_IF) : !irqs_enabled(),
		.thread = current()->name,
	};
}

/* While a fault of the kernel's own is looked at, the chain begins at the instruction. */
size_t mm_host_backtrace(uintptr_t *frames, size_t max)
{
	const struct trap_frame *fault = cpu_here->fault;

	if (fault && max > 0) {
		frames[0] = fault->eip;
		return 1 + backtrace_from(fault->ebp, frames + 1, max - 1);
	}
	return backtrace_from((uintptr_t)__builtin_frame_address(0), frames, max);
}

bool mm_host_symbol(uintptr_t address, const char **name, size_t *offset)
{
	return symbol_find(address, name, offset);
}

uint64_t mm_host_time(void)
{
	return time_ns();
}

uint32_t *mm_host_thread_word(void)
{
	return &current()->mm_word;
}

void mm_host_pin(void)
{
	preempt_disable();
}

void mm_host_unpin(void)
{
	preempt_enable();
}

bool mm_host_map(uintptr_t virt, paddr_t phys)
{
	return paging_map(virt, phys);
}

void mm_host_unmap(uintptr_t virt, size_t nr_pages)
{
	paging_unmap(virt, nr_pages);
}

void mm_host_unmap_lazy(uintptr_t virt, size_t nr_pages)
{
	paging_unmap_lazy(virt, nr_pages);
}

MM_FASTCALL size_t mm_host_map_run(uintptr_t virt, const pfn_t *frames, size_t n)
{
	return paging_map_run(virt, frames, n);
}

MM_FASTCALL void mm_host_unmap_run(uintptr_t virt, pfn_t *frames, size_t n)
{
	paging_unmap_run(virt, frames, n);
}

void mm_host_unmap_local(uintptr_t virt, size_t nr_pages)
{
	paging_unmap_local(virt, nr_pages);
}

bool mm_host_guard(void *page, bool guarded)
{
	return paging_guard((uintptr_t)page, guarded);
}

void mm_host_flush(void)
{
	paging_flush();
}

MM_FASTCALL bool mm_host_translate(uintptr_t virt, paddr_t *phys)
{
	return virt >= WINDOW_START && virt < WINDOW_END && paging_translate(virt, phys);
}

bool mm_host_readable(const void *address, size_t nr_bytes)
{
	uintptr_t first = (uintptr_t)address;
	uintptr_t last = first + nr_bytes - 1;
	paddr_t phys;

	if (nr_bytes == 0)
		return true;
	if (last < first)
		return false;
	for (uintptr_t page = first & PAGE_MASK;; page += PAGE_SIZE) {
		if (!paging_translate(page, &phys))
			return false;
		if (page == (last & PAGE_MASK))
			return true;
	}
}

void mm_host_stop_cpus(void)
{
	ipi_hold_others();
}

void mm_host_start_cpus(void)
{
	ipi_release_others();
}

void mm_host_on_each_cpu(void (*function)(void *arg), void *arg)
{
	ipi_call_each(function, arg);
}

bool mm_host_out_of_memory(gfp_t gfp, unsigned order)
{
	(void)gfp;
	(void)order;
	return process_out_of_memory();
}
