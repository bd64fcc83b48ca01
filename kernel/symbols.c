/* SPDX-License-Identifier: MIT */
/*
 * The symbol table.  The kernel is linked twice: symbols.awk makes an assembly
 * file of what nm finds in the first link, and the second link includes it.  The
 * table lies behind all text, so no function moves in between.
 *
 * I1: entries are sorted by address, and the last one marks the end of the text.
 */
#include <kernel/image.h>
#include <kernel/symbols.h>
#include <mm/format.h>

struct symbol {
	uint32_t address;
	uint32_t name; /* offset into symbol_names */
};

extern const struct symbol symbol_table_start[], symbol_table_end[];
extern const char symbol_names[] __attribute__((weak)); /* absent in the first link */

bool symbol_find(uintptr_t address, const char **name, size_t *offset)
{
	size_t low = 0, high = (size_t)(symbol_table_end - symbol_table_start);

	if (!image_is_text(address) || high == 0 || address < symbol_table_start[0].address)
		return false;
	while (high - low > 1) { /* table[low].address <= address < table[high].address */
		size_t middle = low + (high - low) / 2;

		if (symbol_table_start[middle].address <= address)
			low = middle;
		else
			high = middle;
	}
	*name = symbol_names + symbol_table_start[low].name;
	*offset = address - symbol_table_start[low].address;
	return true;
}

static const char *describe(uintptr_t lookup, size_t extra, char *text, size_t size)
{
	const char *name;
	size_t offset;

	if (symbol_find(lookup, &name, &offset))
		mm_snprintf(text, size, "%s+0x%zx", name, offset + extra);
	else
		mm_snprintf(text, size, "?");
	return text;
}

const char *symbol_describe(uintptr_t address, char *text, size_t size)
{
	return describe(address, 0, text, size);
}

const char *symbol_describe_return(uintptr_t address, char *text, size_t size)
{
	return describe(address - 1, 1, text, size);
}
