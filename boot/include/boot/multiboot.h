/* SPDX-License-Identifier: MIT */
/*
 * What a multiboot 1 boot loader leaves in memory, and what we make of it.
 * Layout from the Multiboot Specification 0.6.96, section 3.3.
 */
#ifndef BOOT_MULTIBOOT_H
#define BOOT_MULTIBOOT_H

#include <boot/ranges.h>

#define MULTIBOOT_MAGIC            0x2BADB002u /* in EAX at entry */

#define MULTIBOOT_HAS_MEMORY       (1u << 0)
#define MULTIBOOT_HAS_CMDLINE      (1u << 2)
#define MULTIBOOT_HAS_MODULES      (1u << 3)
#define MULTIBOOT_HAS_MMAP         (1u << 6)
#define MULTIBOOT_HAS_LOADER_NAME  (1u << 9)
#define MULTIBOOT_HAS_FRAMEBUFFER  (1u << 12)

#define MULTIBOOT_FRAMEBUFFER_TEXT 2u

struct multiboot_info {
	uint32_t flags; /* MULTIBOOT_HAS_*: which of the fields below mean something */
	uint32_t mem_lower, mem_upper; /* KiB from 0, KiB from 1 MiB */
	uint32_t boot_device;
	uint32_t cmdline;
	uint32_t mods_count, mods_addr;
	uint32_t syms[4];
	uint32_t mmap_length, mmap_addr;
	uint32_t drives_length, drives_addr;
	uint32_t config_table;
	uint32_t boot_loader_name;
	uint32_t apm_table;
	uint32_t vbe[4];
	uint64_t framebuffer_addr;
	uint32_t framebuffer_pitch, framebuffer_width, framebuffer_height;
	uint8_t framebuffer_bpp, framebuffer_type;
	uint8_t colour_info[6];
} __attribute__((packed));

struct multiboot_module {
	uint32_t start, end;
	uint32_t string;
	uint32_t reserved;
};

/* `size` does not count itself: the next entry lies size + 4 bytes further. */
struct multiboot_mmap_entry {
	uint32_t size;
	uint64_t base, length;
	uint32_t type;
} __attribute__((packed));

#define MULTIBOOT_RAM_USABLE 1u

#define BOOT_CMDLINE_SIZE    1024
#define BOOT_LOADER_SIZE     64
#define BOOT_MODULES_KEPT    4u

/* One line of the machine's memory map, as told. */
struct boot_region {
	paddr_t start, end;
	uint32_t type;
};

enum boot_screen {
	BOOT_SCREEN_UNKNOWN, /* the loader does not say */
	BOOT_SCREEN_TEXT,
	BOOT_SCREEN_GRAPHIC,
};

/* Everything that we keep of the boot information; points to nothing outside itself. */
struct boot {
	char cmdline[BOOT_CMDLINE_SIZE];
	char loader[BOOT_LOADER_SIZE];
	struct boot_region regions[RANGE_SET_MAX];
	size_t nr_regions;
	struct range_set ram;
	struct range_set reserved;
	paddr_t tables; /* where the information lay that all this is from */
	unsigned nr_modules;
	struct mm_range modules[BOOT_MODULES_KEPT]; /* where the first of them lie */
	enum boot_screen screen;

	/* What was wrong with it, for the log. */
	bool map_missing;     /* no memory map: ram comes from mem_lower and mem_upper */
	bool cmdline_cut;     /* longer than BOOT_CMDLINE_SIZE */
	unsigned bad_entries; /* of the memory map: too short or beyond its end */
	unsigned
		bad_modules; /* that end before they start, or beyond the limit of their number */
	unsigned lost_regions; /* lines of the memory map that `regions` has no room for */
};

/*
 * multiboot_read - fill `boot` from the multiboot information at `address`.
 *
 * Believes no field that it can check.  Reserves nothing of the kernel's or the
 * firmware's own: only what the loader placed.
 */
void multiboot_read(uint32_t address, struct boot *boot);

/*
 * phys_read - copy `n` bytes of physical memory.
 *
 * Works before the memory map is known, for any address below 4 GiB; false when
 * [address, address + n) is not.  Not reentrant; boot only.
 */
bool phys_read(paddr_t address, void *to, size_t n);

#endif
