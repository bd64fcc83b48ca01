// SPDX-License-Identifier: MIT
/*
 * Memory before there is an allocator: what firmware says, however absurd, becomes pages of
 * which every byte is RAM and none is reserved, compared byte by byte with the ranges
 * themselves; limits are cut to what can be used; and the first blocks come from the top of
 * low memory.
 *
 * The live map is put aside meanwhile, and comes back as it was.
 */
#include <bootmem.h>
#include <harness.h>
#include <mem.h>
#include <mm/port.h>
#include <page.h>

#define KIB        1024ull
#define MIB        (1024 * KIB)
#define GIB        (1024 * MIB)
#define TIB        (1024 * GIB)
#define ALL        (~(paddr_t)0)

#define RANGES_MAX 12u

static struct bootmem live;
static struct mm_range ram[RANGES_MAX], reserved[RANGES_MAX];
static struct mm_boot_info info;

static void begin(void)
{
	live = bootmem;
	memset(&info, 0, sizeof(info));
	info.ram = ram;
	info.reserved = reserved;
	info.low_limit = 896 * MIB;
}

static void end(void)
{
	bootmem = live;
}

static void add_ram(paddr_t from, paddr_t to)
{
	ram[info.nr_ram++] = (struct mm_range){from, to};
}

static void add_reserved(paddr_t from, paddr_t to)
{
	reserved[info.nr_reserved++] = (struct mm_range){from, to};
}

static paddr_t free_bytes(paddr_t from, paddr_t to)
{
	return memmap_bytes(&bootmem.free, from, to);
}

TEST(pc_with_64_gib)
{
	begin();
	add_ram(4 * GIB, 65 * GIB); /* unsorted, as it may come */
	add_ram(0, 0x9fc00);
	add_ram(MIB, 3 * GIB);
	add_reserved(0, 4096);
	add_reserved(MIB, 3 * MIB + 1);
	info.dma_limit = 16 * MIB;
	info.max_paddr = 64 * GIB;
	EXPECT(bootmem_init(&info, true));
	EXPECT_EQ(bootmem.ram.count, 3);
	EXPECT_EQ(memmap_bytes(&bootmem.ram, 0, ALL),
		  60 * GIB + 3 * GIB - MIB + 0x9f000); /* a GiB out of reach */
	EXPECT_EQ(free_bytes(0, MIB), 0x9e000);
	EXPECT_EQ(free_bytes(MIB, 4 * MIB), MIB - 4096);
	EXPECT_EQ(bootmem.dma_limit, 16 * MIB);
	EXPECT_EQ(bootmem.low_limit, 896 * MIB);
	EXPECT_EQ(bootmem.max_paddr, 64 * GIB);
	end();
}

/* Without a window to map it in, high memory is left out. */
TEST(high_memory_without_a_window)
{
	begin();
	add_ram(0, 2 * GIB);
	EXPECT(bootmem_init(&info, false));
	EXPECT_EQ(memmap_bytes(&bootmem.ram, 0, ALL), 896 * MIB);
	EXPECT(bootmem_init(&info, true));
	EXPECT_EQ(memmap_bytes(&bootmem.ram, 0, ALL), 2 * GIB);
	end();
}

TEST(limits_are_cut)
{
	begin();
	add_ram(0, GIB);
	info.dma_limit = 3 * GIB;
	info.low_limit = 2 * GIB + 123;
	info.max_paddr = GIB + 4095;
	EXPECT(bootmem_init(&info, true));
	EXPECT_EQ(bootmem.max_paddr, GIB);
	EXPECT_EQ(bootmem.low_limit, GIB);
	EXPECT_EQ(bootmem.dma_limit, GIB);
	info.low_limit = 64 * MIB + 4095;
	info.dma_limit = 16 * MIB + 1;
	EXPECT(bootmem_init(&info, true));
	EXPECT_EQ(bootmem.low_limit, 64 * MIB);
	EXPECT_EQ(bootmem.dma_limit, 16 * MIB);
	end();
}

/* Frame numbers, and entries of the page array, reach no further than this. */
TEST(reach_of_frame_numbers)
{
	paddr_t reach = sizeof(uintptr_t) > 4 ? 16 * TIB - 4096 : TIB - 4096;

	begin();
	add_ram(0, MIB);
	add_ram(512 * GIB, ALL);
	EXPECT(bootmem_init(&info, true));
	EXPECT_EQ(bootmem.max_paddr, reach);
	EXPECT_EQ(memmap_bytes(&bootmem.ram, 0, ALL), MIB + reach - 512 * GIB);
	EXPECT((reach >> PAGE_SHIFT) <= SIZE_MAX / sizeof(struct page));
	EXPECT((reach >> PAGE_SHIFT) <= PFN_NONE);
	info.max_paddr = ALL;
	EXPECT(bootmem_init(&info, true));
	EXPECT_EQ(bootmem.max_paddr, reach);
	end();
}

TEST(nothing_to_work_with)
{
	begin();
	EXPECT(!bootmem_init(&info, true)); /* no map */
	add_ram(5 * MIB, 5 * MIB + 4095);
	EXPECT(!bootmem_init(&info, true)); /* no whole page */
	add_ram(GIB, 2 * GIB);
	EXPECT(!bootmem_init(&info, true)); /* no low memory */
	add_ram(8 * MIB, 9 * MIB);
	EXPECT(bootmem_init(&info, true));
	add_reserved(0, GIB);
	EXPECT(!bootmem_init(&info, true)); /* none that is not reserved */
	info.low_limit = 0;
	info.nr_reserved = 0;
	EXPECT(!bootmem_init(&info, true));
	end();
}

/* Neighbours that share a page make it whole; a module in it takes it out again. */
TEST(shared_pages)
{
	begin();
	add_ram(0, 0x1800);
	add_ram(0x1800, 0x5000);
	EXPECT(bootmem_init(&info, true));
	EXPECT_EQ(free_bytes(0, ALL), 0x5000);
	add_reserved(0x1fff, 0x2001);
	EXPECT(bootmem_init(&info, true));
	EXPECT_EQ(free_bytes(0, ALL), 0x3000);
	EXPECT_EQ(free_bytes(0x1000, 0x3000), 0);
	EXPECT_EQ(memmap_bytes(&bootmem.ram, 0, ALL), 0x5000);
	end();
}

/* --- hostile maps at random --------------------------------------------------------------- */

#define PAGES 48u
#define STEP  512u /* borders are multiples of it: a page has 8 parts */

static void random_ranges(struct mm_range *ranges, size_t n, paddr_t base)
{
	for (size_t i = 0; i < n; i++) {
		paddr_t from = base + test_random_below(PAGES * 8 + 8) * STEP;
		paddr_t to = from + test_random_below(PAGES * 3) * STEP;

		switch (test_random_below(8)) {
		case 0: to = from; break;         /* empty */
		case 1: to = from - STEP; break;  /* backwards */
		case 2: from &= ~0xfffull; break; /* at a page */
		default: break;
		}
		ranges[i] = (struct mm_range){from, to};
	}
}

static bool covered(const struct mm_range *ranges, size_t n, paddr_t byte)
{
	for (size_t i = 0; i < n; i++) {
		if (ranges[i].start <= byte && byte < ranges[i].end)
			return true;
	}
	return false;
}

static void compare_page(paddr_t start)
{
	bool all_ram = start + PAGE_SIZE <= bootmem.max_paddr, any_reserved = false;

	for (paddr_t byte = start; byte < start + PAGE_SIZE; byte += STEP) {
		all_ram = all_ram && covered(ram, info.nr_ram, byte);
		any_reserved = any_reserved || covered(reserved, info.nr_reserved, byte);
	}
	EXPECTF(memmap_intersects(&bootmem.ram, start, start + PAGE_SIZE) == all_ram,
		"page %llx: expected %s", (unsigned long long)start,
		all_ram ? "RAM" : "no RAM");
	EXPECTF(memmap_intersects(&bootmem.free, start, start + PAGE_SIZE) ==
			(all_ram && !any_reserved),
		"page %llx: expected it %s", (unsigned long long)start,
		all_ram && !any_reserved ? "free" : "not free");
}

TEST(hostile_maps)
{
	for (unsigned round = 0; round < 40 * test_effort() && !test_failed(); round++) {
		paddr_t base = test_random_below(2) ? 0 : 512 * MIB;

		begin();
		info.nr_ram = 1 + test_random_below(RANGES_MAX);
		info.nr_reserved = test_random_below(RANGES_MAX + 1);
		random_ranges(ram, info.nr_ram, base);
		random_ranges(reserved, info.nr_reserved, base);
		if (test_random_below(6) == 0)
			info.max_paddr = base + (1 + test_random_below(PAGES)) * PAGE_SIZE;
		bootmem_init(&info, true);
		for (unsigned i = 0; i < PAGES * 2; i++)
			compare_page(base + i * PAGE_SIZE);
		end();
	}
}

/* Ranges that reach around the end of the address space, in either list. */
TEST(wrapping_ranges)
{
	begin();
	add_ram(MIB, 2 * MIB);
	add_ram(ALL - 0xfff, 0x1000); /* start + length wrapped */
	add_ram(ALL, 0);
	add_reserved(ALL - 0xfff, 3 * MIB);
	add_reserved(2 * MIB - 4096, ALL);
	EXPECT(bootmem_init(&info, true));
	EXPECT_EQ(free_bytes(0, ALL), MIB - 4096);
	EXPECT_EQ(memmap_bytes(&bootmem.ram, 0, ALL), MIB);
	end();
}

/* --- the first blocks ---------------------------------------------------------------------- */

/* Within what low memory every machine has: 1 MiB from 1 MiB on. */
static void begin_small(void)
{
	begin();
	add_ram(MIB, MIB + 64 * 4096);
	add_ram(GIB, 2 * GIB);
	add_reserved(MIB + 60 * 4096, MIB + 62 * 4096);
	EXPECT(bootmem_init(&info, true));
}

static paddr_t alloc_page_at(size_t size, size_t align)
{
	paddr_t phys;
	void *virt = bootmem_alloc(size, align, &phys);

	if (!virt)
		return 0;
	EXPECT_EQ(virt, mm_phys_to_virt(phys));
	EXPECT_EQ(phys % PAGE_SIZE, 0);
	return (phys - MIB) / PAGE_SIZE;
}

TEST(blocks_from_the_top)
{
	begin_small();
	EXPECT_EQ(alloc_page_at(1, 1), 63); /* below High, at the top */
	EXPECT_EQ(alloc_page_at(4096, 4096), 62);
	EXPECT_EQ(alloc_page_at(4097, 8), 58); /* below what is reserved: 58, 59 */
	EXPECT_EQ(alloc_page_at(8192, 65536), 48);
	EXPECT_EQ(alloc_page_at(10 * 4096, 4096), 38); /* beside the gap that this left */
	EXPECT_EQ(alloc_page_at(8 * 4096, 4096), 50);
	EXPECT_EQ(free_bytes(0, GIB), 38 * 4096);
	EXPECT_EQ(alloc_page_at(39 * 4096, 4096), 0); /* NULL */
	EXPECT_EQ(free_bytes(0, GIB), 38 * 4096);
	EXPECT_EQ(free_bytes(GIB, 2 * GIB), GIB);
	end();
}

TEST(blocks_given_back)
{
	paddr_t phys;

	begin_small();
	ASSERT(bootmem_alloc(16 * 4096, 4096, &phys));
	bootmem_give_back(phys + 4096, phys + 3 * 4096);
	EXPECT_EQ(free_bytes(phys, phys + 16 * 4096), 2 * 4096);
	bootmem_give_back(phys, phys + 4096);
	bootmem_give_back(phys + 3 * 4096, phys + 16 * 4096);
	EXPECT_EQ(free_bytes(0, GIB), 62 * 4096);
	end();
}

TEST_SUITE(bootmem, pc_with_64_gib, high_memory_without_a_window, limits_are_cut,
	   reach_of_frame_numbers, nothing_to_work_with, shared_pages, hostile_maps,
	   wrapping_ranges, blocks_from_the_top, blocks_given_back);
