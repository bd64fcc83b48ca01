// SPDX-License-Identifier: MIT
/*
 * Memory maps: sets of physical addresses.
 *
 * Firmware's memory maps are hostile: unsorted, overlapping, with empty entries,
 * entries that wrap around 2^64, and page borders ignored.  Everything here is
 * arithmetic on one representation that makes such input harmless:
 *
 * I1. ranges[0 .. count - 1] are not empty, sorted, and do not touch: between two
 *     neighbours lies at least one byte that is not in the set.
 * I2. Nothing is in the set that was not added.  When the array is full, what
 *     does not fit is dropped and counted: memory may be lost that way, but a
 *     reserved byte never becomes usable.  (Removing from the middle of a range
 *     needs one more entry; without room the smaller piece is dropped.)
 *
 * The idea of keeping RAM and reservations as two such sets is Linux's memblock.
 * No locks, no state: the caller owns the map.
 */
#include <memmap.h>

static paddr_t min_paddr(paddr_t a, paddr_t b)
{
	return a < b ? a : b;
}

static paddr_t max_paddr(paddr_t a, paddr_t b)
{
	return a > b ? a : b;
}

static paddr_t range_size(const struct mm_range *range)
{
	return range->end - range->start;
}

static void delete_ranges(struct memmap *map, size_t at, size_t n)
{
	for (size_t i = at; i + n < map->count; i++)
		map->ranges[i] = map->ranges[i + n];
	map->count -= n;
}

static void insert_range(struct memmap *map, size_t at, struct mm_range range)
{
	for (size_t i = map->count; i > at; i--)
		map->ranges[i] = map->ranges[i - 1];
	map->ranges[at] = range;
	map->count++;
}

/* Index of the smallest of the ranges. */
static size_t smallest_range(const struct memmap *map)
{
	size_t smallest = 0;

	for (size_t i = 1; i < map->count; i++) {
		if (range_size(&map->ranges[i]) < range_size(&map->ranges[smallest]))
			smallest = i;
	}
	return smallest;
}

/*
 * Room for one more at index `at`: in a full map the smallest range, or the new
 * one if that is smaller still, is given up.  Returns the index to insert at, or
 * MEMMAP_MAX_RANGES when the new range is the one to drop.
 */
static size_t make_room(struct memmap *map, size_t at, struct mm_range range)
{
	size_t smallest;

	if (map->count < MEMMAP_MAX_RANGES)
		return at;
	map->dropped++;
	smallest = smallest_range(map);
	if (range_size(&range) <= range_size(&map->ranges[smallest]))
		return MEMMAP_MAX_RANGES;
	delete_ranges(map, smallest, 1);
	return smallest < at ? at - 1 : at;
}

void memmap_clear(struct memmap *map)
{
	map->count = 0;
	map->dropped = 0;
}

/* Add [start, end); an empty or wrapping range adds nothing. */
void memmap_add(struct memmap *map, paddr_t start, paddr_t end)
{
	size_t first = 0, last;

	if (start >= end)
		return;
	while (first < map->count && map->ranges[first].end < start)
		first++;
	/* [first, last) touch or overlap the new range, and become one with it. */
	for (last = first; last < map->count && map->ranges[last].start <= end; last++) {
		start = min_paddr(start, map->ranges[last].start);
		end = max_paddr(end, map->ranges[last].end);
	}
	delete_ranges(map, first, last - first);
	first = make_room(map, first, (struct mm_range){start, end});
	if (first < MEMMAP_MAX_RANGES)
		insert_range(map, first, (struct mm_range){start, end});
}

/* Cut [start, end) out of the range at `i`, which it lies strictly inside. */
static void split_range(struct memmap *map, size_t i, paddr_t start, paddr_t end)
{
	struct mm_range left = {map->ranges[i].start, start};
	struct mm_range right = {end, map->ranges[i].end};

	if (map->count == MEMMAP_MAX_RANGES) {
		map->dropped++;
		map->ranges[i] = range_size(&left) >= range_size(&right) ? left : right;
		return;
	}
	map->ranges[i] = left;
	insert_range(map, i + 1, right);
}

/* Take [start, end) out of the set; what is not in it does not matter. */
void memmap_remove(struct memmap *map, paddr_t start, paddr_t end)
{
	size_t i = 0;

	if (start >= end)
		return;
	while (i < map->count && map->ranges[i].end <= start)
		i++;
	while (i < map->count && map->ranges[i].start < end) {
		struct mm_range *range = &map->ranges[i];

		if (range->start < start && range->end > end) {
			split_range(map, i, start, end);
			return;
		}
		if (range->start < start) {
			range->end = start;
			i++;
		} else if (range->end > end) {
			range->start = end;
			return;
		} else {
			delete_ranges(map, i, 1);
		}
	}
}

/* Shrink every range to the whole pages inside it; ranges without one vanish. */
void memmap_trim_to_pages(struct memmap *map)
{
	const paddr_t mask = PAGE_SIZE - 1;
	size_t kept = 0;

	for (size_t i = 0; i < map->count; i++) {
		struct mm_range range = map->ranges[i];

		if (range.start > ~mask) /* the last page of all: rounding up would wrap */
			continue;
		range.start = (range.start + mask) & ~mask;
		range.end &= ~mask;
		if (range.start < range.end)
			map->ranges[kept++] = range;
	}
	map->count = kept;
}

/* Index of the first range that ends after `address`; count when there is none. */
static size_t first_ending_after(const struct memmap *map, paddr_t address)
{
	size_t low = 0, high = map->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (map->ranges[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Is all of [start, end), which is not empty, in the set? */
bool memmap_contains(const struct memmap *map, paddr_t start, paddr_t end)
{
	size_t i = first_ending_after(map, start);

	return i < map->count && map->ranges[i].start <= start && map->ranges[i].end >= end;
}

/* Is any byte of [start, end) in the set? */
bool memmap_intersects(const struct memmap *map, paddr_t start, paddr_t end)
{
	size_t i = first_ending_after(map, start);

	return start < end && i < map->count && map->ranges[i].start < end;
}

/*
 * The highest address, a multiple of `align` (a power of two), at which `size`
 * bytes of the set end at or below `limit`.  MEMMAP_NOT_FOUND when there is none.
 */
paddr_t memmap_find_top_down(const struct memmap *map, paddr_t size, paddr_t align,
			     paddr_t limit)
{
	for (size_t i = map->count; i-- > 0;) {
		paddr_t end = min_paddr(map->ranges[i].end, limit);
		paddr_t start = map->ranges[i].start;
		paddr_t address;

		if (end < start || end - start < size)
			continue;
		address = (end - size) & ~(align - 1);
		if (address >= start)
			return address;
	}
	return MEMMAP_NOT_FOUND;
}

/* How many bytes of [start, end) are in the set. */
paddr_t memmap_bytes(const struct memmap *map, paddr_t start, paddr_t end)
{
	paddr_t bytes = 0;

	for (size_t i = first_ending_after(map, start); i < map->count; i++) {
		const struct mm_range *range = &map->ranges[i];

		if (range->start >= end)
			break;
		bytes += min_paddr(range->end, end) - max_paddr(range->start, start);
	}
	return bytes;
}
