// SPDX-License-Identifier: MIT
/*
 * GFP flags in words, and the gate that every request passes: masks that make no
 * sense are refused here, and nowhere else; sleeping where it is not allowed is
 * found here, also when there is plenty of memory and nobody would have slept.
 *
 * I1. A mask that passed the gate has only known bits, at most one zone modifier,
 *     and __GFP_DIRECT_RECLAIM only if the caller may sleep.
 *
 * No state, no locks.
 */
#include <bits.h>
#include <gfp.h>
#include <mm/format.h>
#include <report.h>

struct flag_name {
	gfp_t bits;
	const char *name;
};

/* Composed flags first, larger before smaller: the first that fits is named. */
static const struct flag_name flag_names[] = {
	{GFP_HIGHUSER_MOVABLE, "GFP_HIGHUSER_MOVABLE"},
	{GFP_HIGHUSER, "GFP_HIGHUSER"},
	{GFP_USER, "GFP_USER"},
	{GFP_KERNEL, "GFP_KERNEL"},
	{GFP_NOFS, "GFP_NOFS"},
	{GFP_NOIO, "GFP_NOIO"},
	{GFP_ATOMIC, "GFP_ATOMIC"},
	{GFP_NOWAIT, "GFP_NOWAIT"},
	{__GFP_DMA, "GFP_DMA"},
	{__GFP_HIGHMEM, "__GFP_HIGHMEM"},
	{__GFP_MOVABLE, "__GFP_MOVABLE"},
	{__GFP_USER, "__GFP_USER"},
	{__GFP_HIGH, "__GFP_HIGH"},
	{__GFP_IO, "__GFP_IO"},
	{__GFP_FS, "__GFP_FS"},
	{__GFP_DIRECT_RECLAIM, "__GFP_DIRECT_RECLAIM"},
	{__GFP_KSWAPD_RECLAIM, "__GFP_KSWAPD_RECLAIM"},
	{__GFP_RETRY_MAYFAIL, "__GFP_RETRY_MAYFAIL"},
	{__GFP_NOFAIL, "__GFP_NOFAIL"},
	{__GFP_NORETRY, "__GFP_NORETRY"},
	{__GFP_MEMALLOC, "__GFP_MEMALLOC"},
	{__GFP_NOMEMALLOC, "__GFP_NOMEMALLOC"},
	{__GFP_ZERO, "__GFP_ZERO"},
	{__GFP_NOWARN, "__GFP_NOWARN"},
	{__GFP_COMP, "__GFP_COMP"},
};

#define NR_FLAG_NAMES (sizeof(flag_names) / sizeof(flag_names[0]))

/* Append a name to what stands in the buffer; what does not fit is cut off. */
static size_t append(char *buffer, size_t size, size_t used, const char *name)
{
	int length = mm_snprintf(buffer + used, size - used, "%s%s", used ? "|" : "", name);

	return min_size(used + (size_t)length, size - 1);
}

const char *gfp_describe(gfp_t gfp, char *buffer, size_t size)
{
	char unnamed[sizeof("0x12345678")];
	size_t used = 0;

	if (size == 0)
		return buffer;
	if (gfp == 0)
		append(buffer, size, 0, "0");
	for (size_t i = 0; i < NR_FLAG_NAMES; i++) {
		gfp_t bits = flag_names[i].bits;

		if ((gfp & bits) == bits) {
			used = append(buffer, size, used, flag_names[i].name);
			gfp &= ~bits;
		}
	}
	if (gfp) {
		mm_snprintf(unnamed, sizeof(unnamed), "0x%x", gfp);
		append(buffer, size, used, unnamed);
	}
	return buffer;
}

const char *gfp_refusal(gfp_t gfp)
{
	gfp_t persistence = gfp & (__GFP_NORETRY | __GFP_RETRY_MAYFAIL | __GFP_NOFAIL);

	if (gfp & ~GFP_ALL_BITS)
		return "unknown bits";
	if ((gfp & __GFP_DMA) && (gfp & __GFP_HIGHMEM))
		return "DMA and HIGHMEM exclude each other";
	if (persistence & (persistence - 1))
		return "only one of NORETRY, RETRY_MAYFAIL and NOFAIL can hold";
	if ((gfp & __GFP_NOFAIL) && !(gfp & __GFP_DIRECT_RECLAIM))
		return "NOFAIL needs flags that may sleep";
	if ((gfp & __GFP_MEMALLOC) && (gfp & __GFP_NOMEMALLOC))
		return "MEMALLOC and NOMEMALLOC exclude each other";
	return NULL;
}

#define FLAG_TEXT_MAX 200

static void report_refusal(gfp_t gfp, uintptr_t caller, const char *why)
{
	char text[FLAG_TEXT_MAX];
	struct report report;

	report_begin(&report, MM_REPORT_BAD_FLAGS, 0, caller, "gfp 0x%x: %s", gfp, why);
	report_line(&report, "flags     %s", gfp_describe(gfp, text, sizeof(text)));
	if (gfp & ~GFP_ALL_BITS)
		report_line(&report, "unknown   0x%x", gfp & ~GFP_ALL_BITS);
	report_end(&report, "the request fails: NULL");
}

static void report_might_sleep(gfp_t gfp, uintptr_t caller)
{
	char text[FLAG_TEXT_MAX];
	struct report report;

	report_begin(&report, MM_REPORT_MIGHT_SLEEP, 0, caller,
		     "allocation that may sleep, where sleeping is not allowed");
	report_line(&report, "flags     %s", gfp_describe(gfp, text, sizeof(text)));
	report_end(&report, "served without sleeping, as GFP_NOWAIT would be; reported once "
			    "for each call site");
}

bool gfp_admit_slow(gfp_t *gfp, uintptr_t caller)
{
	const char *why = gfp_refusal(*gfp);

	if (why) {
		report_refusal(*gfp, caller, why);
		return false;
	}
	if ((*gfp & __GFP_DIRECT_RECLAIM) && !mm_may_sleep()) {
		if (report_first_from(caller))
			report_might_sleep(*gfp, caller);
		*gfp &= ~(__GFP_DIRECT_RECLAIM | __GFP_HIGH | __GFP_NOFAIL);
	}
	return true;
}
