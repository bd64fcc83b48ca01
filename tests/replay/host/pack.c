// SPDX-License-Identifier: MIT
/*
 * From the text in which a workload was recorded to the bytes that are replayed (../trace.h).
 *
 *	trace-pack < TEXT > BYTES
 *
 * One record a line, its fields separated by one space; the first character is its kind:
 *
 *	# comment
 *	H <key> <value>				slots: all slots are below; events: how many; name
 *	C <id> <name> <size> <slot> <align> <flags>	a cache; flags of R reclaimable, H line-aligned
 *	G <id> <class> <modifiers> <hex>	a combination of flags
 *	k <slot> <bytes> <gfp> <ctx>		kmalloc			f <slot> <ctx>	its kfree
 *	a <slot> <cache> <gfp> <ctx>		object of a cache	c <slot> <ctx>	its free
 *	p <slot> <order> <gfp> <ctx>		block of pages		q <slot> <ctx>	its free
 *	v <slot> <bytes> <gfp> <ctx>		vmalloc			w <slot> <ctx>	its vfree
 *	P, Q as p, q: pages of the recording kernel's own slabs.  Not replayed.
 *	M <key>=<value> ...			what it had at this moment; here a sample is taken
 *	T, L					times and phases.  Not replayed.
 *
 * ctx is a sum of bits: 1 is a hard interrupt, 4 interrupts off.  Without any M there are about
 * a hundred samples, evenly spaced.
 *
 * Nothing is believed: every number, every index and every slot's use is checked, and the first
 * line that is wrong is named; the exit status is then 1, and nothing is written.
 */
#include "../trace.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX         8u
#define SAMPLES_WANTED     100u
#define CTX_HARD_INTERRUPT 1u
#define CTX_IRQS_OFF       4u
#define CTX_MAX            (64u * 256 - 1)
#define NO_KIND            0xffu /* in `kinds`: the slot is empty */

static unsigned long line_number;

static _Noreturn void refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

static _Noreturn void refuse(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "trace-pack: line %lu: ", line_number);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/* --- tables that grow --------------------------------------------------------------------- */

static void *grown(void *p, uint32_t n, size_t size)
{
	/* At each power of two there is no more room. */
	if (n & (n - 1))
		return p;
	p = realloc(p, (n ? n * 2 : 1) * size);
	if (!p)
		refuse("no memory for %u records", n);
	return p;
}

static struct trace_header header = {.magic = TRACE_MAGIC};
static struct trace_cache *caches;
static uint32_t *gfps;
static struct trace_sample *samples;
static struct trace_event *events;
static unsigned char *kinds; /* of each slot: the letter of its allocation, or NO_KIND */
static unsigned long long events_told, events_read;
static bool slots_told;

/* --- fields ------------------------------------------------------------------------------- */

static unsigned split(char *line, char **fields)
{
	unsigned n = 0;

	for (char *field = strtok(line, " "); field; field = strtok(NULL, " ")) {
		if (n == FIELDS_MAX)
			refuse("too many fields");
		fields[n++] = field;
	}
	return n;
}

static unsigned long long number(const char *text, unsigned long long max, const char *what)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end || errno)
		refuse("%s is no number: %.40s", what, text);
	if (value > max)
		refuse("%s is %llu; at most %llu is possible", what, value, max);
	return value;
}

static void need_fields(unsigned n, unsigned wanted)
{
	if (n != wanted)
		refuse("%u fields, where %u belong", n, wanted);
}

static void copy_name(char *to, const char *from)
{
	snprintf(to, TRACE_NAME_MAX, "%s", from);
}

/* --- headers ------------------------------------------------------------------------------ */

static void read_header(char **fields, unsigned n)
{
	if (n < 3)
		refuse("a header without a value");
	if (!strcmp(fields[1], "name"))
		copy_name(header.name, fields[2]);
	if (!strcmp(fields[1], "events"))
		events_told = number(fields[2], UINT32_MAX, "the number of events");
	if (strcmp(fields[1], "slots"))
		return;
	if (slots_told)
		refuse("the number of slots for a second time");
	slots_told = true;
	header.nr_slots = (uint32_t)number(fields[2], TRACE_SLOTS_MAX, "the number of slots");
	kinds = malloc(header.nr_slots + 1);
	if (!kinds)
		refuse("no memory for %u slots", header.nr_slots);
	memset(kinds, (int)NO_KIND, header.nr_slots + 1);
}

static void read_cache(char **fields, unsigned n)
{
	struct trace_cache cache = {0};

	need_fields(n, 7);
	if (header.nr_caches == TRACE_CACHES_MAX)
		refuse("too many caches");
	if (number(fields[1], UINT32_MAX, "the cache") != header.nr_caches)
		refuse("cache %s, where %u is next", fields[1], header.nr_caches);
	copy_name(cache.name, fields[2]);
	cache.size = (uint32_t)number(fields[3], TRACE_VALUE_MAX, "the size");
	cache.align = (uint32_t)number(fields[5], PAGE_SIZE, "the alignment");
	if (cache.size == 0 || (cache.align & (cache.align - 1)))
		refuse("a cache of %u bytes, aligned to %u", cache.size, cache.align);
	for (const char *flag = fields[6]; *flag; flag++) {
		if (*flag == 'R')
			cache.flags |= TRACE_CACHE_RECLAIMABLE;
		else if (*flag == 'H')
			cache.flags |= TRACE_CACHE_LINE;
		else if (*flag != '-')
			refuse("unknown flag of a cache: %c", *flag);
	}
	caches = grown(caches, header.nr_caches, sizeof(*caches));
	caches[header.nr_caches++] = cache;
}

static uint32_t class_named(const char *name)
{
	static const char *const names[NR_TRACE_CLASSES] = {
		[TRACE_NONE] = "NONE", [TRACE_NOWAIT] = "NOWAIT",     [TRACE_ATOMIC] = "ATOMIC",
		[TRACE_NOIO] = "NOIO", [TRACE_NOFS] = "NOFS",         [TRACE_KERNEL] = "KERNEL",
		[TRACE_USER] = "USER", [TRACE_HIGHUSER] = "HIGHUSER",
	};

	for (uint32_t i = 0; i < NR_TRACE_CLASSES; i++) {
		if (!strcmp(names[i], name))
			return i;
	}
	refuse("unknown class of flags: %.40s", name);
}

/* Those that mean nothing to us are 0. */
static uint32_t modifier_named(const char *name)
{
	static const struct {
		const char *name;
		uint32_t bit;
	} names[] = {
		{"ZERO", TRACE_ZERO},
		{"DMA", TRACE_DMA},
		{"HIGHMEM", TRACE_HIGHMEM},
		{"MOVABLE", TRACE_MOVABLE},
		{"NOWARN", TRACE_NOWARN},
		{"NORETRY", TRACE_NORETRY},
		{"NOFAIL", TRACE_NOFAIL},
		{"RETRY_MAYFAIL", TRACE_RETRY_MAYFAIL},
		{"MEMALLOC", TRACE_MEMALLOC},
		{"NOMEMALLOC", TRACE_NOMEMALLOC},
		{"DMA32", 0},
		{"RECLAIMABLE", 0},
		{"ACCOUNT", 0},
		{"COMP", 0},
		{"WRITE", 0},
		{"THISNODE", 0},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(names[i].name, name))
			return names[i].bit;
	}
	refuse("unknown modifier of flags: %.40s", name);
}

static void read_gfp(char **fields, unsigned n)
{
	uint32_t gfp;

	need_fields(n, 5);
	if (header.nr_gfps == TRACE_GFPS_MAX)
		refuse("too many combinations of flags");
	if (number(fields[1], UINT32_MAX, "the flags") != header.nr_gfps)
		refuse("flags %s, where %u is next", fields[1], header.nr_gfps);
	gfp = class_named(fields[2]);
	if (strcmp(fields[3], "-")) {
		for (char *name = strtok(fields[3], ","); name; name = strtok(NULL, ","))
			gfp |= modifier_named(name);
	}
	gfps = grown(gfps, header.nr_gfps, sizeof(*gfps));
	gfps[header.nr_gfps++] = gfp;
}

/* --- events ------------------------------------------------------------------------------- */

static void add_event(struct trace_event event)
{
	if (header.nr_events == UINT32_MAX)
		refuse("too many events");
	events = grown(events, header.nr_events, sizeof(*events));
	events[header.nr_events++] = event;
}

static void add_sample(struct trace_sample sample)
{
	samples = grown(samples, header.nr_samples, sizeof(*samples));
	add_event((struct trace_event){.kind = TRACE_SAMPLE, .value = header.nr_samples});
	samples[header.nr_samples++] = sample;
}

static uint32_t slot_of(const char *text)
{
	if (!slots_told)
		refuse("an event before the number of slots");
	if (header.nr_slots == 0)
		refuse("an event, but no slots");
	return (uint32_t)number(text, header.nr_slots - 1, "the slot");
}

static bool irqs_off(const char *text)
{
	return number(text, CTX_MAX, "the context") & (CTX_HARD_INTERRUPT | CTX_IRQS_OFF);
}

static enum trace_kind alloc_kind(char letter)
{
	switch (letter) {
	case 'k': return TRACE_KMALLOC;
	case 'a': return TRACE_CACHE_ALLOC;
	case 'p': return TRACE_PAGES_ALLOC;
	default: return TRACE_VMALLOC;
	}
}

static uint32_t value_of(char letter, const char *text)
{
	unsigned long long bytes;

	switch (letter) {
	case 'k': return (uint32_t)number(text, TRACE_VALUE_MAX, "the size");
	case 'a':
		if (header.nr_caches == 0)
			refuse("an object, but no caches");
		return (uint32_t)number(text, header.nr_caches - 1, "the cache");
	case 'v':
		bytes = number(text, (unsigned long long)TRACE_VALUE_MAX * PAGE_SIZE,
			       "the size");
		if (bytes == 0)
			refuse("an area of no bytes");
		return (uint32_t)((bytes + PAGE_SIZE - 1) / PAGE_SIZE);
	default: return (uint32_t)number(text, MM_MAX_ORDER, "the order");
	}
}

static void read_alloc(char letter, char **fields, unsigned n)
{
	struct trace_event event = {0};

	need_fields(n, 5);
	event.slot = slot_of(fields[1]);
	event.value = value_of(letter, fields[2]);
	if (header.nr_gfps == 0)
		refuse("an allocation, but no flags");
	event.gfp = (uint32_t)number(fields[3], header.nr_gfps - 1, "the flags");
	event.irqs_off = irqs_off(fields[4]);
	event.kind = alloc_kind(letter);
	if (kinds[event.slot] != NO_KIND)
		refuse("slot %u is taken, by a record %c", event.slot, kinds[event.slot]);
	kinds[event.slot] = (unsigned char)letter;
	events_read++;
	if (letter != 'P')
		add_event(event);
}

static void read_free(char letter, char allocated, char **fields, unsigned n)
{
	struct trace_event event = {0};

	need_fields(n, 3);
	event.slot = slot_of(fields[1]);
	event.irqs_off = irqs_off(fields[2]);
	event.kind = alloc_kind(allocated) + 1u;
	if (kinds[event.slot] == NO_KIND)
		refuse("slot %u is empty", event.slot);
	if (kinds[event.slot] != (unsigned char)allocated)
		refuse("slot %u holds a record %c, which no %c frees", event.slot,
		       kinds[event.slot], letter);
	kinds[event.slot] = (unsigned char)NO_KIND;
	events_read++;
	if (letter != 'Q')
		add_event(event);
}

/* Two of its many words. */
static void read_sample(const char *line)
{
	static const char pages_key[] = " traced_slab_pages=";
	static const char bytes_key[] = " live_req_in_traced_slabs=";
	const char *pages = strstr(line, pages_key), *bytes = strstr(line, bytes_key);
	struct trace_sample sample = {0};

	if (pages && bytes) {
		sample.slab_pages = (uint32_t)strtoul(pages + sizeof(pages_key) - 1, NULL, 10);
		sample.requested = (uint32_t)strtoul(bytes + sizeof(bytes_key) - 1, NULL, 10);
	}
	add_sample(sample);
}

static void read_line(char *line)
{
	static const char allocs[] = "kapvP", frees[] = "fcqwQ";
	char *fields[FIELDS_MAX], letter = line[0];
	const char *at;
	unsigned n;

	if (letter == '#' || letter == 'T' || letter == 'L' || letter == '\0')
		return;
	if (letter != '\0' && line[1] != ' ')
		refuse("no record: %.40s", line);
	if (letter == 'M') {
		read_sample(line);
		return;
	}
	if (letter == 'H' && strncmp(line, "H slots ", 8) && strncmp(line, "H events ", 9) &&
	    strncmp(line, "H name ", 7))
		return;
	n = split(line, fields);
	if (letter == 'H')
		read_header(fields, n);
	else if (letter == 'C')
		read_cache(fields, n);
	else if (letter == 'G')
		read_gfp(fields, n);
	else if ((at = strchr(allocs, letter)) != NULL)
		read_alloc(letter, fields, n);
	else if ((at = strchr(frees, letter)) != NULL)
		read_free(letter, allocs[at - frees], fields, n);
	else
		refuse("unknown record: %c", letter);
}

static void read_all(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	while ((length = getline(&line, &size, stdin)) > 0) {
		line_number++;
		if (line[length - 1] != '\n')
			refuse("it ends in the middle of a line");
		line[length - 1] = '\0';
		if (strlen(line) != (size_t)length - 1)
			refuse("a byte of zero");
		read_line(line);
	}
	if (ferror(stdin))
		refuse("it cannot be read: %s", strerror(errno));
	free(line);
}

/* --- the end ------------------------------------------------------------------------------ */

/* Samples at even distances, for a trace that has none. */
static void space_samples(void)
{
	uint32_t nr = header.nr_events, step = nr / SAMPLES_WANTED + 1;
	struct trace_event *before = events;

	events = NULL;
	header.nr_events = 0;
	for (uint32_t i = 0; i < nr; i++) {
		add_event(before[i]);
		if ((i + 1) % step == 0 || i + 1 == nr)
			add_sample((struct trace_sample){0});
	}
	free(before);
}

static void write_part(const void *part, size_t n, size_t size)
{
	if (n && fwrite(part, size, n, stdout) != n)
		refuse("the result cannot be written: %s", strerror(errno));
}

int main(void)
{
	read_all();
	if (events_read == 0)
		refuse("no events in it");
	if (events_told && events_told != events_read)
		refuse("it ends after %llu of %llu events", events_read, events_told);
	if (header.nr_samples == 0)
		space_samples();
	write_part(&header, 1, sizeof(header));
	write_part(caches, header.nr_caches, sizeof(*caches));
	write_part(gfps, header.nr_gfps, sizeof(*gfps));
	write_part(samples, header.nr_samples, sizeof(*samples));
	write_part(events, header.nr_events, sizeof(*events));
	if (fflush(stdout))
		refuse("the result cannot be written: %s", strerror(errno));
	return 0;
}
