/* SPDX-License-Identifier: MIT */
/*
 * Memory at boot: shows the map, completes the reservations, and hands both to mm.
 *
 * The boot loader's pieces are reserved by multiboot_read(); here come the
 * image, with page tables and stacks in its .bss, and what the firmware keeps
 * below 1 MiB.
 */
#include <kernel/cpu.h>
#include <kernel/image.h>
#include <kernel/memory.h>
#include <kernel/options.h>
#include <kernel/paging.h>
#include <kernel/panic.h>
#include <kernel/printk.h>
#include <kernel/smp.h>

#define KIB          1024u
#define MIB          (1024u * KIB)

#define VIDEO_MEMORY 0xa0000u /* conventional memory ends here at the latest */
#define EBDA_LOWEST  0x80000u
#define BDA_EBDA     0x40eu /* segment of the extended BIOS data area */
/* Who checks each access wants to know of objects what debugged caches tell. */
#ifdef KASAN
#define SLAB_DEBUG_DEFAULT "-,test-*;ZU"
#else
#define SLAB_DEBUG_DEFAULT NULL
#endif

#define REACH_BITS_MAX 36u /* 64 GiB: more would not leave room for its page array */

static const char *type_name(uint32_t type)
{
	switch (type) {
	case 1: return "usable";
	case 2: return "reserved";
	case 3: return "ACPI tables";
	case 4: return "ACPI NVS";
	case 5: return "bad RAM";
	case 7: return "persistent";
	case 20: return "firmware code";
	default: return "unknown, not used";
	}
}

static void show_map(const struct boot *boot)
{
	paddr_t total = 0;

	printk("memory map%s:", boot->map_missing ? " (none given, sizes only)" : "");
	for (size_t i = 0; i < boot->nr_regions; i++) {
		const struct boot_region *r = &boot->regions[i];
		paddr_t size = r->end - r->start;

		printk("  %010llx - %010llx  %10llu KiB  %s", (unsigned long long)r->start,
		       (unsigned long long)r->end, (unsigned long long)(size / KIB),
		       type_name(r->type));
		if (r->type == MULTIBOOT_RAM_USABLE)
			total += size;
	}
	printk("  usable: %llu KiB", (unsigned long long)(total / KIB));
}

/* What does not look right, each in a line. */
static void show_flaws(const struct boot *boot)
{
	if (boot->bad_entries)
		printk("memory map: %u bad entries, ignored", boot->bad_entries);
	if (boot->bad_modules)
		printk("modules: %u bad ones, ignored", boot->bad_modules);
	if (boot->cmdline_cut)
		printk("command line: too long, cut to %zu bytes", sizeof(boot->cmdline) - 1);
	if (boot->lost_regions)
		printk("memory map: %u more entries than can be shown", boot->lost_regions);
	if (boot->ram.lost)
		printk("memory map: %zu ranges of RAM too many, left unused", boot->ram.lost);
	if (boot->reserved.widened)
		printk("memory map: %zu reserved ranges too many, joined with neighbours",
		       boot->reserved.widened);
}

/*
 * The real-mode interrupt table and BIOS data at 0, and from the extended BIOS
 * data area to 1 MiB.  Where UEFI booted, the pointer to that area is noise.
 */
static void reserve_firmware(struct boot *boot)
{
	uint32_t ebda = VIDEO_MEMORY;
	uint16_t segment;

	if (phys_read(BDA_EBDA, &segment, sizeof(segment))) {
		uint32_t told = (uint32_t)segment << 4;

		if (told >= EBDA_LOWEST && told < VIDEO_MEMORY)
			ebda = told;
	}
	range_set_cover(&boot->reserved, 0, PAGE_SIZE);
	range_set_cover(&boot->reserved, ebda, MIB);
}

/* Where the direct map must end: behind all RAM below LOW_LIMIT. */
static paddr_t end_of_low_memory(const struct boot *boot)
{
	paddr_t end = virt_to_phys(kernel_end);

	for (size_t i = 0; i < boot->ram.nr; i++) {
		const struct mm_range *range = &boot->ram.ranges[i];
		paddr_t range_end = range->end < LOW_LIMIT ? range->end : LOW_LIMIT;

		if (range->start < LOW_LIMIT && range_end > end)
			end = range_end;
	}
	return (end + PAGE_SIZE - 1) & ~(paddr_t)(PAGE_SIZE - 1);
}

/* mm leaves RAM beyond this unused, and says so. */
static paddr_t reach_of_cpu(void)
{
	unsigned bits = cpu_features.phys_bits;

	return (paddr_t)1 << (bits < REACH_BITS_MAX ? bits : REACH_BITS_MAX);
}

static struct mm_range modules[BOOT_MODULES_KEPT];
static paddr_t tables;

static void keep_places(const struct boot *boot)
{
	tables = boot->tables;
	for (unsigned i = 0; i < BOOT_MODULES_KEPT; i++)
		modules[i] = boot->modules[i];
}

const void *memory_module(unsigned i, size_t *size)
{
	if (i >= BOOT_MODULES_KEPT || modules[i].start == modules[i].end ||
	    modules[i].end > LOW_LIMIT)
		return NULL;
	*size = (size_t)(modules[i].end - modules[i].start);
	return phys_to_virt(modules[i].start);
}

paddr_t memory_boot_tables(void)
{
	return tables;
}

void memory_init(struct boot *boot)
{
	struct mm_boot_info info = {
		.ram = boot->ram.ranges,
		.nr_ram = boot->ram.nr,
		.reserved = boot->reserved.ranges,
		.dma_limit = DMA_LIMIT,
		.low_limit = LOW_LIMIT,
		.max_paddr = reach_of_cpu(),
		.window_start = WINDOW_START,
		.window_end = WINDOW_END,
		.slab_debug =
			options.slab_debug_given ? options.slab_debug : SLAB_DEBUG_DEFAULT,
		.shuffle_seed = options.shuffle_seed,
		.panic_on_report = options.panic_on_report,
	};

	keep_places(boot);
	reserve_firmware(boot);
	range_set_cover(&boot->reserved, virt_to_phys(kernel_start), virt_to_phys(kernel_end));
	smp_reserve(boot);
	info.nr_reserved = boot->reserved.nr;
	show_map(boot);
	show_flaws(boot);
	paging_init(end_of_low_memory(boot));
	if (!mm_init(&info))
		panic("no memory to work with");
}
