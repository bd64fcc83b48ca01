// SPDX-License-Identifier: MIT
/*
 * GFP flags: all 131,072 combinations of the defined bits are judged as a rule written
 * down here in another form judges them; unknown bits never pass; and what a mask says about
 * zone and type is what the tables in gfp.h say.  Then the words for flags, and the gate:
 * sleeping where it is not allowed is reported once for each call site.
 */
#include <bits.h>
#include <gfp.h>
#include <harness.h>
#include <mem.h>
#include <mm/page_alloc.h>
#include <mm/port.h>
#include <page_alloc.h>

/* Every bit that gfp.h defines, with its name, and Linux's number for it where it has one. */
static const struct {
	gfp_t bit, linux_bit;
	const char *name;
} bits[] = {
	{__GFP_DMA, 0x01, "GFP_DMA"},
	{__GFP_HIGHMEM, 0x02, "__GFP_HIGHMEM"},
	{__GFP_MOVABLE, 0x08, "__GFP_MOVABLE"},
	{__GFP_HIGH, 0x20, "__GFP_HIGH"},
	{__GFP_IO, 0x40, "__GFP_IO"},
	{__GFP_FS, 0x80, "__GFP_FS"},
	{__GFP_ZERO, 0x100, "__GFP_ZERO"},
	{__GFP_DIRECT_RECLAIM, 0x400, "__GFP_DIRECT_RECLAIM"},
	{__GFP_KSWAPD_RECLAIM, 0x800, "__GFP_KSWAPD_RECLAIM"},
	{__GFP_NOWARN, 0x2000, "__GFP_NOWARN"},
	{__GFP_RETRY_MAYFAIL, 0x4000, "__GFP_RETRY_MAYFAIL"},
	{__GFP_NOFAIL, 0x8000, "__GFP_NOFAIL"},
	{__GFP_NORETRY, 0x10000, "__GFP_NORETRY"},
	{__GFP_MEMALLOC, 0x20000, "__GFP_MEMALLOC"},
	{__GFP_COMP, 0x40000, "__GFP_COMP"},
	{__GFP_NOMEMALLOC, 0x80000, "__GFP_NOMEMALLOC"},
	{__GFP_USER, 0x100000, "__GFP_USER"},
};

#define NR_BITS (sizeof(bits) / sizeof(bits[0]))

/* No two of a group go together. */
static const gfp_t exclusive[][2] = {
	{__GFP_DMA, __GFP_HIGHMEM},         {__GFP_NORETRY, __GFP_RETRY_MAYFAIL},
	{__GFP_NORETRY, __GFP_NOFAIL},      {__GFP_RETRY_MAYFAIL, __GFP_NOFAIL},
	{__GFP_MEMALLOC, __GFP_NOMEMALLOC},
};

static bool makes_sense(gfp_t gfp)
{
	for (size_t i = 0; i < sizeof(exclusive) / sizeof(exclusive[0]); i++) {
		if ((gfp & exclusive[i][0]) && (gfp & exclusive[i][1]))
			return false;
	}
	return (gfp & (__GFP_NOFAIL | __GFP_DIRECT_RECLAIM)) != __GFP_NOFAIL;
}

/* The n-th combination: bit i of n stands for bits[i]. */
static gfp_t combination(uint32_t n)
{
	gfp_t gfp = 0;

	for (; n; n &= n - 1)
		gfp |= bits[lowest_bit(n)].bit;
	return gfp;
}

TEST(bits_are_as_told)
{
	gfp_t all = 0;

	for (size_t i = 0; i < NR_BITS; i++) {
		EXPECT_EQ(bits[i].bit, bits[i].linux_bit);
		EXPECT_EQ(all & bits[i].bit, 0);
		all |= bits[i].bit;
	}
	EXPECT_EQ(all, GFP_ALL_BITS);
	EXPECT_EQ(GFP_KERNEL, 0xcc0);
	EXPECT_EQ(GFP_ATOMIC, 0x820);
	EXPECT_EQ(GFP_NOWAIT, 0x2800);
	EXPECT_EQ(GFP_NOIO, 0xc00);
	EXPECT_EQ(GFP_NOFS, 0xc40);
	EXPECT_EQ(GFP_USER, 0x100cc0);
	EXPECT_EQ(GFP_HIGHUSER, 0x100cc2);
	EXPECT_EQ(GFP_HIGHUSER_MOVABLE, 0x100cca);
}

TEST(every_combination)
{
	uint32_t refused = 0;

	for (uint32_t n = 0; n < 1u << NR_BITS && !test_failed(); n++) {
		gfp_t gfp = combination(n);
		bool admitted = gfp_refusal(gfp) == NULL;

		EXPECTF(admitted == makes_sense(gfp), "gfp 0x%x: expected it %s", gfp,
			admitted ? "refused" : "admitted");
		/* The gate looks closer only at suspect masks. */
		EXPECTF(admitted || gfp_is_suspect(gfp), "gfp 0x%x: refused, not suspect", gfp);
		refused += !admitted;
	}
	/*
	 * 3/4 for each of two pairs, and of the 16 combinations of the other three and
	 * DIRECT_RECLAIM 7 (none, NORETRY, RETRY_MAYFAIL with and without; NOFAIL with).
	 */
	EXPECT_EQ((1u << NR_BITS) - refused, (1u << NR_BITS) / 16 * 9 / 16 * 7);
}

/* With every combination of one unknown bit and a known mask. */
TEST(unknown_bits)
{
	static const gfp_t masks[] = {0, GFP_KERNEL, GFP_ATOMIC, GFP_HIGHUSER, GFP_ALL_BITS};

	for (unsigned bit = 0; bit < 32; bit++) {
		gfp_t unknown = (gfp_t)1 << bit;

		if (unknown & GFP_ALL_BITS)
			continue;
		for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++)
			EXPECT(gfp_refusal(masks[i] | unknown));
		EXPECT(gfp_is_suspect(unknown));
	}
}

TEST(zone_and_type)
{
	for (uint32_t n = 0; n < 1u << NR_BITS && !test_failed(); n += 1 + n % 3) {
		gfp_t gfp = combination(n);
		enum mm_zone_id zone = MM_ZONE_NORMAL;

		if (!makes_sense(gfp))
			continue;
		if (gfp & __GFP_HIGHMEM)
			zone = MM_ZONE_HIGH;
		if (gfp & __GFP_DMA)
			zone = MM_ZONE_DMA;
		EXPECT_EQ(gfp_zone(gfp), zone);
		EXPECT_EQ(gfp_block_type(gfp),
			  gfp & __GFP_USER || gfp & __GFP_MOVABLE ? BLOCK_USER : BLOCK_KERNEL);
	}
}

/* --- in words ----------------------------------------------------------------------------- */

#define EXPECT_WORDS(gfp, text) EXPECT_STR(gfp_describe(gfp, buffer, sizeof(buffer)), text)

TEST(words)
{
	char buffer[200];

	EXPECT_WORDS(0, "0");
	EXPECT_WORDS(GFP_KERNEL, "GFP_KERNEL");
	EXPECT_WORDS(GFP_ATOMIC, "GFP_ATOMIC");
	EXPECT_WORDS(GFP_NOWAIT, "GFP_NOWAIT");
	EXPECT_WORDS(GFP_NOIO, "GFP_NOIO");
	EXPECT_WORDS(GFP_NOFS, "GFP_NOFS");
	EXPECT_WORDS(GFP_USER, "GFP_USER");
	EXPECT_WORDS(GFP_HIGHUSER, "GFP_HIGHUSER");
	EXPECT_WORDS(GFP_HIGHUSER_MOVABLE, "GFP_HIGHUSER_MOVABLE");
	EXPECT_WORDS(GFP_KERNEL | GFP_DMA, "GFP_KERNEL|GFP_DMA");
	EXPECT_WORDS(GFP_KERNEL | __GFP_ZERO, "GFP_KERNEL|__GFP_ZERO");
	EXPECT_WORDS(GFP_ATOMIC | __GFP_NOWARN | __GFP_COMP,
		     "GFP_ATOMIC|__GFP_NOWARN|__GFP_COMP");
	EXPECT_WORDS(GFP_USER | __GFP_MOVABLE, "GFP_USER|__GFP_MOVABLE");
	EXPECT_WORDS(0x80000000, "0x80000000");
	EXPECT_WORDS(GFP_KERNEL | 0x1004, "GFP_KERNEL|0x1004");
	for (size_t i = 0; i < NR_BITS; i++)
		EXPECT_WORDS(bits[i].bit, bits[i].name);
}

static bool is_word(const char *name, const char *word, size_t length)
{
	size_t i = 0;

	while (i < length && name[i] == word[i])
		i++;
	return i == length && !name[i];
}

/* Every bit is named once, whatever the mask: the names lead back to it. */
static gfp_t mask_of_word(const char *word, size_t length)
{
	static const struct {
		const char *name;
		gfp_t gfp;
	} composed[] = {
		{"GFP_KERNEL", GFP_KERNEL},     {"GFP_ATOMIC", GFP_ATOMIC},
		{"GFP_NOWAIT", GFP_NOWAIT},     {"GFP_NOIO", GFP_NOIO},
		{"GFP_NOFS", GFP_NOFS},         {"GFP_USER", GFP_USER},
		{"GFP_HIGHUSER", GFP_HIGHUSER}, {"GFP_HIGHUSER_MOVABLE", GFP_HIGHUSER_MOVABLE},
	};

	for (size_t i = 0; i < sizeof(composed) / sizeof(composed[0]); i++) {
		if (is_word(composed[i].name, word, length))
			return composed[i].gfp;
	}
	for (size_t i = 0; i < NR_BITS; i++) {
		if (is_word(bits[i].name, word, length))
			return bits[i].bit;
	}
	return 0x80000000;
}

static gfp_t mask_of_words(const char *text)
{
	gfp_t gfp = 0;

	for (const char *at = text;; at++) {
		if (*at && *at != '|')
			continue;
		gfp |= mask_of_word(text, (size_t)(at - text));
		if (!*at)
			return gfp;
		text = at + 1;
	}
}

TEST(words_lead_back)
{
	uint32_t step = 1 + 200 / test_effort();

	for (uint32_t n = 1; n < 1u << NR_BITS && !test_failed();
	     n += 1 + test_random_below(step)) {
		char buffer[400];
		gfp_t gfp = combination(n);

		EXPECT_EQ(mask_of_words(gfp_describe(gfp, buffer, sizeof(buffer))), gfp);
	}
}

/* Cut off at every length: a prefix of the whole, terminated, nothing behind it touched. */
TEST(words_in_a_small_buffer)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_ZERO | 0x10000000;
	char whole[64], buffer[64];
	size_t length = 0;

	gfp_describe(gfp, whole, sizeof(whole));
	while (whole[length])
		length++;
	EXPECT_STR(whole, "GFP_KERNEL|__GFP_ZERO|0x10000000");
	for (size_t size = 0; size <= length + 1; size++) {
		size_t kept = size ? size - 1 : 0;

		memset(buffer, 'x', sizeof(buffer));
		EXPECT_EQ(gfp_describe(gfp, buffer, size), buffer);
		EXPECT_EQ(memcmp(buffer, whole, kept), 0);
		EXPECT_EQ(buffer[kept], size ? '\0' : 'x');
		for (size_t i = kept + 1; i < sizeof(buffer); i++)
			EXPECT_EQ(buffer[i], 'x');
	}
}

/* --- the gate -------------------------------------------------------------------------------- */

/* Call sites that no other case and no earlier run can have used up. */
static const char sites[4];

static uintptr_t site(unsigned i)
{
	return (uintptr_t)&sites[i];
}

TEST(gate_refuses)
{
	gfp_t gfp = GFP_KERNEL | __GFP_DMA | __GFP_HIGHMEM;

	expect_report(MM_REPORT_BAD_FLAGS, 2);
	EXPECT(!gfp_admit(&gfp, site(0)));
	EXPECT_REPORT_TEXT("DMA and HIGHMEM");
	EXPECT_REPORT_TEXT("gfp 0xcc3");
	EXPECT_EQ(test_last_report()->caller, site(0));
	EXPECT_EQ(gfp, GFP_KERNEL | __GFP_DMA | __GFP_HIGHMEM);
	gfp = 0x40000000;
	EXPECT(!gfp_admit(&gfp, site(0)));
	EXPECT_REPORT_TEXT("unknown");
}

TEST(gate_admits_as_it_is)
{
	static const gfp_t masks[] = {0,
				      GFP_KERNEL,
				      GFP_ATOMIC,
				      GFP_NOWAIT,
				      GFP_HIGHUSER_MOVABLE | __GFP_ZERO,
				      GFP_KERNEL | GFP_DMA | __GFP_NOFAIL,
				      GFP_ATOMIC | __GFP_MEMALLOC,
				      GFP_KERNEL | __GFP_NORETRY};

	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		gfp_t gfp = masks[i];

		EXPECT(gfp_admit(&gfp, site(0)));
		EXPECT_EQ(gfp, masks[i]);
	}
}

static gfp_t admit_with_interrupts_off(gfp_t gfp, uintptr_t caller)
{
	mm_irqflags_t flags = mm_irq_save();

	EXPECT(gfp_admit(&gfp, caller));
	mm_irq_restore(flags);
	return gfp;
}

/* Sleeping flags are cut back each time, and told about once for each call site. */
TEST(might_sleep_once_a_site)
{
	expect_report(MM_REPORT_MIGHT_SLEEP, 2);
	for (unsigned i = 0; i < 3; i++) {
		EXPECT_EQ(admit_with_interrupts_off(GFP_KERNEL, site(1)),
			  GFP_KERNEL & ~__GFP_DIRECT_RECLAIM);
		EXPECT_EQ(test_reports_seen(MM_REPORT_MIGHT_SLEEP), 1);
		EXPECT_EQ(test_last_report()->caller, site(1));
	}
	for (unsigned i = 0; i < 3; i++)
		admit_with_interrupts_off(GFP_HIGHUSER, site(2));
	EXPECT_EQ(test_last_report()->caller, site(2));
}

/* As GFP_NOWAIT would be served: no sleep, no reserve, no promise.  The rest stays. */
TEST(might_sleep_cuts_back)
{
	const gfp_t cut = __GFP_DIRECT_RECLAIM | __GFP_HIGH | __GFP_NOFAIL;

	expect_report(MM_REPORT_MIGHT_SLEEP, 1);
	for (uint32_t n = 0; n < 1u << NR_BITS && !test_failed(); n += 1 + n % 5) {
		gfp_t gfp = combination(n);

		if (makes_sense(gfp) && (gfp & __GFP_DIRECT_RECLAIM))
			EXPECT_EQ(admit_with_interrupts_off(gfp, site(3)), gfp & ~cut);
	}
}

/* Flags that cannot sleep pass anywhere, untouched and in silence. */
TEST(atomic_passes_anywhere)
{
	EXPECT_EQ(admit_with_interrupts_off(GFP_ATOMIC, site(0)), GFP_ATOMIC);
	EXPECT_EQ(admit_with_interrupts_off(GFP_NOWAIT | __GFP_ZERO, site(0)),
		  GFP_NOWAIT | __GFP_ZERO);
	EXPECT_EQ(admit_with_interrupts_off(GFP_ATOMIC | __GFP_MEMALLOC, site(0)),
		  GFP_ATOMIC | __GFP_MEMALLOC);
}

TEST_SUITE(gfp, bits_are_as_told, every_combination, unknown_bits, zone_and_type, words,
	   words_lead_back, words_in_a_small_buffer, gate_refuses, gate_admits_as_it_is,
	   might_sleep_once_a_site, might_sleep_cuts_back, atomic_passes_anywhere);
