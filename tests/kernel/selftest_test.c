// SPDX-License-Identifier: MIT
/*
 * Damage on purpose.  A zone's count of free pages goes wrong, as a broken step of the
 * allocator would leave it: the checker must find it.  With selftest=fail on the command
 * line nobody announces that, so the run must fail; the other modes of selftest= strike here.
 */
#include <harness.h>
#include <kernel/selftest.h>
#include <mm/page_alloc.h>
#include <mm/stats.h>
#include <zone.h>

TEST(selftest_strikes)
{
	selftest_strike();
}

static struct zone *zone_in_use(void)
{
	return &zones[zones[MM_ZONE_NORMAL].managed ? MM_ZONE_NORMAL : MM_ZONE_DMA];
}

TEST(lost_page_is_found)
{
	struct zone *zone = zone_in_use();

	if (selftest_mode() != SELFTEST_FAIL)
		allow_reports(MM_REPORT_CORRUPTION);
	zone->buddy.nr_free--;
	EXPECT(mm_check() > 0);
	zone->buddy.nr_free++;
	EXPECT_EQ(mm_check(), 0);
}

/* A block drops out of its list, but not out of the count. */
TEST(dropped_block_is_found)
{
	struct buddy_lists *lists;
	unsigned order = 0;
	pfn_t head;

	lists = &zone_in_use()->buddy.types[BLOCK_KERNEL];
	while (order < MM_MAX_ORDER && lists->head[order] == PFN_NONE)
		order++;
	head = lists->head[order];
	ASSERT(head != PFN_NONE);
	if (selftest_mode() != SELFTEST_FAIL)
		allow_reports(MM_REPORT_CORRUPTION);
	lists->head[order] = page_of_pfn(head)->next;
	EXPECT(mm_check() > 0);
	lists->head[order] = head;
	EXPECT_EQ(mm_check(), 0);
}

TEST_SUITE(selftest, selftest_strikes, lost_page_is_found, dropped_block_is_found);
