// SPDX-License-Identifier: MIT
/*
 * Reports: each is counted, told to whoever listens, and printed as a headline, its lines,
 * caller, context and what was done; only failures to allocate are printed at a limited rate.
 */
#include "live.h"
#include <mem.h>
#include <mm/format.h>
#include <mm/kmalloc.h>
#include <report.h>

TEST(every_kind_has_a_name)
{
	for (unsigned i = 0; i < MM_NR_REPORT_KINDS; i++) {
		const char *name = mm_report_kind_name((enum mm_report_kind)i);

		ASSERT(name);
		EXPECT(name[0] != '\0');
		for (unsigned j = 0; j < i; j++) {
			const char *other = mm_report_kind_name((enum mm_report_kind)j);

			EXPECT(!live_name_begins(name, other) ||
			       !live_name_begins(other, name));
		}
	}
	EXPECT(mm_report_kind_name(MM_NR_REPORT_KINDS) != NULL);
	EXPECT(mm_report_kind_name((enum mm_report_kind) - 1) != NULL);
}

TEST(each_is_counted)
{
	for (unsigned i = 0; i < MM_NR_REPORT_KINDS; i++) {
		enum mm_report_kind kind = (enum mm_report_kind)i;
		unsigned long count = mm_report_count(kind), total = mm_report_total();

		expect_report(kind, 1);
		report_now(kind, 0, 0, "nothing", "a report of kind %u", i);
		EXPECT_EQ(mm_report_count(kind), count + 1);
		EXPECT_EQ(mm_report_total(), total + 1);
		EXPECT_EQ(test_last_report()->kind, kind);
	}
}

/* --- listeners ------------------------------------------------------------------------------- */

static struct mm_report heard;
static char heard_what[80];
static unsigned heard_n;
static void *heard_memory;

static bool listen(const struct mm_report *report)
{
	heard = *report;
	mm_snprintf(heard_what, sizeof(heard_what), "%s", report->what);
	heard_n++;
	heard_memory = kmalloc(100, GFP_ATOMIC); /* a listener may */
	kfree(heard_memory);
	return true;
}

TEST(listener_hears_everything)
{
	heard_n = 0;
	mm_report_listen(listen);
	report_now(MM_REPORT_MISUSE, 0x1234, 0x5678, "nothing", "said to a %s", "listener");
	EXPECT_EQ(heard_n, 1);
	EXPECT_EQ(heard.kind, MM_REPORT_MISUSE);
	EXPECT_EQ(heard.address, 0x1234);
	EXPECT_EQ(heard.caller, 0x5678);
	EXPECT_STR(heard_what, "said to a listener");
	EXPECT(heard_memory != NULL);
	mm_report_listen(NULL);
	report_now(MM_REPORT_MISUSE, 0, 0, "nothing", "said to nobody");
	EXPECT_EQ(heard_n, 1);
	test_memory_baseline(); /* the harness listens again */
}

static __attribute__((noinline)) void misuse_an_order(void)
{
	EXPECT(!alloc_pages(GFP_KERNEL, 99));
}

/* The caller is whoever called the public function. */
TEST(caller_is_named)
{
	const char *name;
	size_t offset;

	expect_report(MM_REPORT_BAD_ORDER, 1);
	test_log_begin();
	misuse_an_order();
	EXPECT(test_last_report()->caller != 0);
	EXPECT_LOG("bad order: block of order 99 asked for; the largest is 10");
	EXPECT_LOG("caller    ");
	if (!mm_host_symbol(test_last_report()->caller, &name, &offset))
		return;
	EXPECT_STR(name, "misuse_an_order");
	EXPECT_LOG("misuse_an_order+0x");
	EXPECT_LOG("  from    "); /* the backtrace goes on from there */
	EXPECT_LOG("test_caller_is_named+0x");
}

/* --- text ------------------------------------------------------------------------------------- */

TEST(lines_and_bytes)
{
	static const char memory[] = "marble\n\001 slab and more";
	char line[120];
	struct report report;

	expect_report(MM_REPORT_MISUSE, 1);
	test_log_begin();
	report_begin(&report, MM_REPORT_MISUSE, 0, 0, "headline %d", 7);
	report_line(&report, "detail    %s", "here");
	report_bytes(&report, memory, 20);
	report_bytes(&report, (const void *)1, 16); /* cannot be read: left out */
	report_end(&report, "this was done");
	EXPECT_LOG("mm: misuse: headline 7");
	EXPECT_LOG("mm:   detail    here");
	mm_snprintf(line, sizeof(line), "bytes     %p:%s  %s", memory,
		    " 6d 61 72 62 6c 65 0a 01 20 73 6c 61 62 20 61 6e", "marble.. slab an");
	EXPECT_LOG(line);
	mm_snprintf(line, sizeof(line), "          %p: 64 20 6d 6f  d mo", memory + 16);
	EXPECT_LOG(line);
	EXPECT_EQ(live_log_count(" 6d "), 2); /* two lines, and none of address 1 */
	EXPECT_LOG("context   CPU 0, thread");
	EXPECT_LOG("FIX       this was done");
}

TEST(long_headlines_are_cut)
{
	char text[3 * REPORT_WHAT_MAX];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	expect_report(MM_REPORT_MISUSE, 1);
	report_now(MM_REPORT_MISUSE, 0, 0, "nothing", "%s", text);
	EXPECT(test_last_report()->what[0] == 'x');
}

/* --- how often ---------------------------------------------------------------------------------- */

/* Anything but a failure to allocate is a bug, and each occurrence is worth its lines. */
TEST(bugs_are_always_printed)
{
	expect_report(MM_REPORT_MISUSE, 30);
	test_log_begin();
	for (unsigned i = 0; i < 30; i++)
		report_now(MM_REPORT_MISUSE, 0, 0, "nothing", "bug %u.", i);
	EXPECT_EQ(live_log_count("misuse: bug "), 30);
}

TEST(failures_are_limited)
{
	unsigned printed;

	expect_report(MM_REPORT_ALLOC_FAILED, 200);
	test_log_begin();
	for (unsigned i = 0; i < 200; i++)
		report_now(MM_REPORT_ALLOC_FAILED, 0, 0, "nothing", "failure %u.", i);
	printed = live_log_count("allocation failed: failure ");
	EXPECTF(printed <= 10, "%u of 200 were printed", printed);
	/* What is not printed has no lines either. */
	EXPECT_EQ(live_log_count("FIX "), printed);
}

TEST(call_sites_are_remembered)
{
	uintptr_t here = (uintptr_t)&heard, there = here + 1;

	EXPECT(report_first_from(here));
	EXPECT(!report_first_from(here));
	EXPECT(report_first_from(there));
	EXPECT(!report_first_from(there));
	EXPECT(!report_first_from(here));
}

TEST_SUITE(report, every_kind_has_a_name, each_is_counted, listener_hears_everything,
	   caller_is_named, lines_and_bytes, long_headlines_are_cut, bugs_are_always_printed,
	   failures_are_limited, call_sites_are_remembered);
