/* SPDX-License-Identifier: MIT */
/*
 * How many CPUs there are, from the ACPI tables: the root pointer in the BIOS's memory leads to
 * the table of tables, one of which, "APIC", has an entry for each CPU (ACPI specification,
 * 5.2.5 - 5.2.12).  Everything is checked, since it was written by firmware: signatures, sums,
 * lengths.
 */
#include <boot/acpi.h>
#include <boot/multiboot.h>
#include <kernel/string.h>

#define BIOS_START      0xe0000u
#define BIOS_END        0x100000u
#define BDA_EBDA        0x40eu /* segment of the extended BIOS data area */
#define EBDA_BYTES      1024u  /* so much of it is searched */
#define ROOT_STEP       16u
#define TABLE_MAX       0x10000u
#define APIC_ENTRIES_AT 44u
#define ENTRY_CPU       0u
#define CPU_ENABLED     1u

struct root_pointer {
	char signature[8];
	uint8_t sum, oem[6], revision;
	uint32_t table;
} __attribute__((packed));

struct table_header {
	char signature[4];
	uint32_t length;
	uint8_t rest[28];
} __attribute__((packed));

struct apic_entry {
	uint8_t type, length;
	uint8_t processor, apic_id; /* and the rest of a CPU's */
	uint32_t flags;
} __attribute__((packed));

static bool sums_to_zero(paddr_t at, size_t n)
{
	uint8_t sum = 0, byte;

	for (size_t i = 0; i < n; i++) {
		if (!phys_read(at + i, &byte, 1))
			return false;
		sum = (uint8_t)(sum + byte);
	}
	return sum == 0;
}

static bool find_root(paddr_t start, paddr_t end, struct root_pointer *root)
{
	for (paddr_t at = start; at + sizeof(*root) <= end; at += ROOT_STEP) {
		if (phys_read(at, root, sizeof(*root)) &&
		    strncmp(root->signature, "RSD PTR ", sizeof(root->signature)) == 0 &&
		    sums_to_zero(at, sizeof(*root)))
			return true;
	}
	return false;
}

/* The header of the table at `at`; false when it is no whole table. */
static bool read_table(paddr_t at, struct table_header *header)
{
	return phys_read(at, header, sizeof(*header)) && header->length >= sizeof(*header) &&
	       header->length <= TABLE_MAX && sums_to_zero(at, header->length);
}

static unsigned count_entries(paddr_t table, uint32_t length)
{
	unsigned cpus = 0;
	uint32_t at = APIC_ENTRIES_AT;
	struct apic_entry entry = {0};

	while (at + sizeof(entry) <= length && phys_read(table + at, &entry, sizeof(entry)) &&
	       entry.length >= 2) {
		cpus += entry.type == ENTRY_CPU && entry.flags & CPU_ENABLED;
		at += entry.length;
	}
	return cpus;
}

unsigned acpi_count_cpus(void)
{
	struct table_header all, one;
	struct root_pointer root;
	uint16_t segment = 0;
	uint32_t table;

	phys_read(BDA_EBDA, &segment, sizeof(segment));
	if (!find_root((paddr_t)segment << 4, ((paddr_t)segment << 4) + EBDA_BYTES, &root) &&
	    !find_root(BIOS_START, BIOS_END, &root))
		return 0;
	if (!read_table(root.table, &all))
		return 0;
	for (uint32_t at = sizeof(all); at + sizeof(table) <= all.length; at += sizeof(table)) {
		if (phys_read((paddr_t)root.table + at, &table, sizeof(table)) &&
		    read_table(table, &one) && strncmp(one.signature, "APIC", 4) == 0)
			return count_entries(table, one.length);
	}
	return 0;
}
