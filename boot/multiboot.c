/* SPDX-License-Identifier: MIT */
/*
 * Reads the multiboot information.
 *
 * It lies anywhere below 4 GiB, in memory that the map may call free, and it is
 * written by loaders of varying care: so every byte is fetched by phys_read(),
 * lengths bound every walk, and each piece is reserved.
 *
 * I1: memory is usable only when the map calls it so, and no other entry says
 *     otherwise: the others are reserved, which wins over an overlap.
 * I2: all that the loader placed and we or others may read later (modules,
 *     strings, the tables themselves) is reserved.  The ELF section headers and
 *     symbols are not: nobody reads them, the image carries its own symbols.
 */
#include <boot/multiboot.h>
#include <kernel/string.h>

#define KIB            1024u
#define MIB            (1024u * KIB)
#define STRING_MAX     4096u /* strings are believed up to this length */
#define MODULES_MAX    1024u
#define MMAP_BYTES_MAX (1u << 20)
#define ENTRY_MIN      (sizeof(struct multiboot_mmap_entry) - sizeof(uint32_t))

/*
 * Copy the string at `address` and reserve where it lies.  Returns false when
 * it was cut off at `size`.
 */
static bool read_string(struct boot *boot, uint32_t address, char *to, size_t size)
{
	size_t length = 0;
	char c;

	while (length < STRING_MAX && phys_read((paddr_t)address + length, &c, 1) && c) {
		if (length + 1 < size)
			to[length] = c;
		length++;
	}
	if (size)
		to[length < size ? length : size - 1] = '\0';
	range_set_cover(&boot->reserved, address, (paddr_t)address + length + 1);
	return length < size;
}

static void add_region(struct boot *boot, paddr_t start, paddr_t end, uint32_t type)
{
	if (boot->nr_regions < RANGE_SET_MAX)
		boot->regions[boot->nr_regions++] = (struct boot_region){start, end, type};
	else
		boot->lost_regions++;
	if (type == MULTIBOOT_RAM_USABLE)
		range_set_add(&boot->ram, start, end);
	else
		range_set_cover(&boot->reserved, start, end);
}

static void read_mmap(struct boot *boot, uint32_t address, uint32_t length)
{
	uint32_t offset = 0;

	if (length > MMAP_BYTES_MAX) {
		boot->bad_entries++;
		length = MMAP_BYTES_MAX;
	}
	range_set_cover(&boot->reserved, address, (paddr_t)address + length);
	while (length - offset >= sizeof(struct multiboot_mmap_entry)) {
		struct multiboot_mmap_entry entry;

		if (!phys_read((paddr_t)address + offset, &entry, sizeof(entry)) ||
		    entry.size < ENTRY_MIN ||
		    entry.size > length - offset - sizeof(entry.size)) {
			boot->bad_entries++;
			return;
		}
		paddr_t end = entry.base + entry.length;

		if (end < entry.base)
			end = UINT64_MAX; /* wraps at 2^64 */
		add_region(boot, entry.base, end, entry.type);
		offset += entry.size + sizeof(entry.size);
	}
	if (offset != length)
		boot->bad_entries++;
}

static void read_modules(struct boot *boot, uint32_t address, uint32_t count)
{
	if (count > MODULES_MAX) {
		boot->bad_modules += count - MODULES_MAX;
		count = MODULES_MAX;
	}
	range_set_cover(&boot->reserved, address,
			(paddr_t)address + count * sizeof(struct multiboot_module));
	for (uint32_t i = 0; i < count; i++) {
		struct multiboot_module module;
		paddr_t at = (paddr_t)address + i * sizeof(module);

		if (!phys_read(at, &module, sizeof(module)) || module.end < module.start) {
			boot->bad_modules++;
			continue;
		}
		if (boot->nr_modules < BOOT_MODULES_KEPT)
			boot->modules[boot->nr_modules] =
				(struct mm_range){module.start, module.end};
		boot->nr_modules++;
		range_set_cover(&boot->reserved, module.start, module.end);
		if (module.string)
			read_string(boot, module.string, NULL, 0);
	}
}

/* Without a map, what the BIOS counted: no more than one hole is possible, at 640 KiB. */
static void read_memory_sizes(struct boot *boot, const struct multiboot_info *info)
{
	boot->map_missing = true;
	if (!(info->flags & MULTIBOOT_HAS_MEMORY))
		return;
	add_region(boot, 0, (paddr_t)info->mem_lower * KIB, MULTIBOOT_RAM_USABLE);
	add_region(boot, MIB, MIB + (paddr_t)info->mem_upper * KIB, MULTIBOOT_RAM_USABLE);
}

void multiboot_read(uint32_t address, struct boot *boot)
{
	struct multiboot_info info = {0};

	boot->tables = address;
	phys_read(address, &info, sizeof(info));
	range_set_cover(&boot->reserved, address, (paddr_t)address + sizeof(info));
	if (info.flags & MULTIBOOT_HAS_CMDLINE)
		boot->cmdline_cut =
			!read_string(boot, info.cmdline, boot->cmdline, sizeof(boot->cmdline));
	if (info.flags & MULTIBOOT_HAS_LOADER_NAME)
		read_string(boot, info.boot_loader_name, boot->loader, sizeof(boot->loader));
	if (info.flags & MULTIBOOT_HAS_MODULES)
		read_modules(boot, info.mods_addr, info.mods_count);
	if (info.flags & MULTIBOOT_HAS_MMAP)
		read_mmap(boot, info.mmap_addr, info.mmap_length);
	if (boot->nr_regions == 0)
		read_memory_sizes(boot, &info);
	if (info.flags & MULTIBOOT_HAS_FRAMEBUFFER)
		boot->screen = info.framebuffer_type == MULTIBOOT_FRAMEBUFFER_TEXT
				       ? BOOT_SCREEN_TEXT
				       : BOOT_SCREEN_GRAPHIC;
}
