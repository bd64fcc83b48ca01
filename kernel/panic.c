/* SPDX-License-Identifier: MIT */
/*
 * Panic: one block of log, then the end.
 *
 * A panic may hit another one, for instance when the backtrace faults.  So each
 * level does less: the first says all, the second only why, the third nothing.
 */
#include <drivers/debug_exit.h>
#include <kernel/cpu.h>
#include <kernel/ipi.h>
#include <kernel/layout.h>
#include <kernel/panic.h>
#include <kernel/printk.h>
#include <kernel/stack.h>
#include <kernel/symbols.h>
#include <mm/format.h>

#define TEXT_MAX 160u

static unsigned panicking = MAX_CPUS; /* the CPU that does */
static unsigned depth;                /* panics that this one is inside of, and itself */
static bool tests_running;

void panic_bails_out(bool on)
{
	tests_running = on;
}

_Noreturn void halt_forever(void)
{
	for (;;) {
		irqs_disable();
		cpu_halt();
	}
}

static void show_registers(const struct trap_frame *f)
{
	char text[SYMBOL_TEXT_MAX];

	printk("  eip %08x  %s", f->eip, symbol_describe(f->eip, text, sizeof(text)));
	printk("  eax %08x  ebx %08x  ecx %08x  edx %08x", f->eax, f->ebx, f->ecx, f->edx);
	printk("  esi %08x  edi %08x  ebp %08x  esp %08x", f->esi, f->edi, f->ebp,
	       trap_frame_esp(f));
	printk("  cs %04x  ds %04x  es %04x  fs %04x  gs %04x  eflags %08x", f->cs & 0xffff,
	       f->ds & 0xffff, f->es & 0xffff, f->fs & 0xffff, f->gs & 0xffff, f->eflags);
	printk("  cr0 %08x  cr2 %08x  cr3 %08x  cr4 %08x", read_cr0(), read_cr2(), read_cr3(),
	       read_cr4());
}

static void show_all(const struct trap_frame *frame, uint32_t eflags, uintptr_t ebp,
		     const char *why)
{
	char text[TEXT_MAX];

	printk("---- kernel panic --------------------------------------------------");
	printk("%s", why);
	printk("context: %s", cpu_context(eflags, text, sizeof(text)));
	if (frame)
		show_registers(frame);
	printk("backtrace:");
	backtrace_show(ebp);
	printk("---- end of panic --------------------------------------------------");
	if (tests_running) {
		mm_snprintf(text, sizeof(text), "Bail out! %s", why);
		printk_raw(text);
	}
}

/* The first CPU that panics says why, and stops the others. */
static bool panic_is_mine(void)
{
	unsigned me = cpu_here->id, expected = MAX_CPUS;

	return __atomic_compare_exchange_n(&panicking, &expected, me, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE) ||
	       expected == me;
}

static _Noreturn void stop(const struct trap_frame *frame, uintptr_t ebp, const char *why)
{
	uint32_t eflags = frame ? frame->eflags : read_eflags();

	irqs_disable();
	if (!panic_is_mine())
		halt_forever();
	depth++;
	if (depth == 1)
		ipi_stop_others();
	printk_wait_for_nobody();
	if (depth == 1)
		show_all(frame, eflags, ebp, why);
	else if (depth == 2)
		printk("panic inside a panic: %s", why);
	debug_exit(EXIT_PANIC);
	if (depth <= 2)
		printk("halted after a panic; it is safe to power off");
	halt_forever();
}

_Noreturn void panic_frame(const struct trap_frame *frame, const char *why)
{
	stop(frame, frame->ebp, why);
}

_Noreturn void panic(const char *format, ...)
{
	char why[TEXT_MAX];
	va_list args;

	va_start(args, format);
	mm_vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	stop(NULL, (uintptr_t)__builtin_frame_address(0), why);
}
