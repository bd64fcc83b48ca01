/* SPDX-License-Identifier: MIT */
/*
 * The first C code: consoles, so that whatever follows can be heard; exceptions,
 * so that whatever goes wrong is told; then the boot information.
 */
#include <boot/multiboot.h>
#include <drivers/serial.h>
#include <drivers/vga.h>
#include <kernel/cpu.h>
#include <kernel/gdt.h>
#include <kernel/main.h>
#include <kernel/panic.h>
#include <kernel/time.h>
#include <kernel/trap.h>

/* Called by entry.S: what the boot loader left in EAX and EBX. */
_Noreturn void boot_main(uint32_t magic, uint32_t info);

static struct boot boot;

_Noreturn void boot_main(uint32_t magic, uint32_t info)
{
	cpu_detect();
	time_start();
	gdt_init();
	trap_init();
	cpu_forbid_fpu();
	serial_init();
	if (magic != MULTIBOOT_MAGIC) {
		vga_init(false);
		panic("not started by a multiboot 1 loader: magic %08x, not %08x", magic,
		      MULTIBOOT_MAGIC);
	}
	multiboot_read(info, &boot);
	if (boot.screen != BOOT_SCREEN_GRAPHIC)
		vga_init(boot.screen == BOOT_SCREEN_TEXT);
	kernel_main(&boot);
}
