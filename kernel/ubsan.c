// SPDX-License-Identifier: MIT
/*
 * The run-time half of gcc's -fsanitize=undefined (`make UBSAN=1`): each handler says what was
 * undefined, and where in the source; then the program goes on with whatever the processor made
 * of it.  Each place is reported once.
 *
 * The layout of the arguments is the compiler's.
 */
#ifdef UBSAN
#include <mm/format.h>
#include <mm/port.h>
#include <mm/report.h>

#define VALUE_TEXT 40
#define REPORTED   0xffffffffu /* as a column: this place has been reported */

struct location {
	const char *file;
	uint32_t line;
	uint32_t column; /* [a] */
};

struct type {
	uint16_t kind; /* 0: an integer */
	uint16_t info; /* bit 0: signed; then the logarithm of its width in bits */
	char name[];
};

#define KIND_INTEGER 0

static bool is_new(struct location *location)
{
	return __atomic_exchange_n(&location->column, REPORTED, __ATOMIC_RELAXED) != REPORTED;
}

static unsigned width_of(const struct type *type)
{
	return 1u << (type->info >> 1);
}

static bool is_signed(const struct type *type)
{
	return type->info & 1;
}

/* A value is in the argument itself if it fits, else where that points to. */
static int64_t signed_value(const struct type *type, uintptr_t value)
{
	unsigned unused;

	if (width_of(type) > 8 * sizeof(value))
		return *(const int64_t *)value;
	unused = 8 * sizeof(value) - width_of(type);
	return (intptr_t)(value << unused) >> unused;
}

static uint64_t unsigned_value(const struct type *type, uintptr_t value)
{
	return width_of(type) > 8 * sizeof(value) ? *(const uint64_t *)value : value;
}

static const char *text_of(char text[VALUE_TEXT], const struct type *type, uintptr_t value)
{
	if (type->kind != KIND_INTEGER)
		mm_snprintf(text, VALUE_TEXT, "?");
	else if (is_signed(type))
		mm_snprintf(text, VALUE_TEXT, "%lld", (long long)signed_value(type, value));
	else
		mm_snprintf(text, VALUE_TEXT, "%llu",
			    (unsigned long long)unsigned_value(type, value));
	return text;
}

/* Once for each place. */
#define SAY(at, format, ...)                                                                   \
	do {                                                                                   \
		struct location *where = (at);                                                 \
		if (is_new(where))                                                             \
			mm_report(MM_REPORT_UNDEFINED, (uintptr_t)__builtin_return_address(0), \
				  "nothing: the program goes on", "%s:%u: " format,            \
				  where->file, where->line, ##__VA_ARGS__);                    \
	} while (0)

struct operation {
	struct location location;
	const struct type *type;
};

#define OVERFLOW(verb, sign)                                                                   \
	void __ubsan_handle_##verb##_overflow(struct operation *op, uintptr_t a, uintptr_t b); \
	void __ubsan_handle_##verb##_overflow(struct operation *op, uintptr_t a, uintptr_t b)  \
	{                                                                                      \
		char x[VALUE_TEXT], y[VALUE_TEXT];                                             \
                                                                                               \
		SAY(&op->location, "%s " sign " %s does not fit %s", text_of(x, op->type, a),  \
		    text_of(y, op->type, b), op->type->name);                                  \
	}

OVERFLOW(add, "+")
OVERFLOW(sub, "-")
OVERFLOW(mul, "*")

void __ubsan_handle_negate_overflow(struct operation *op, uintptr_t a);
void __ubsan_handle_divrem_overflow(struct operation *op, uintptr_t a, uintptr_t b);

void __ubsan_handle_negate_overflow(struct operation *op, uintptr_t a)
{
	char x[VALUE_TEXT];

	SAY(&op->location, "-(%s) does not fit %s", text_of(x, op->type, a), op->type->name);
}

void __ubsan_handle_divrem_overflow(struct operation *op, uintptr_t a, uintptr_t b)
{
	char x[VALUE_TEXT], y[VALUE_TEXT];

	SAY(&op->location, "%s / %s cannot be", text_of(x, op->type, a),
	    text_of(y, op->type, b));
}

struct shift {
	struct location location;
	const struct type *value, *distance;
};

void __ubsan_handle_shift_out_of_bounds(struct shift *op, uintptr_t a, uintptr_t b);

void __ubsan_handle_shift_out_of_bounds(struct shift *op, uintptr_t a, uintptr_t b)
{
	char x[VALUE_TEXT], y[VALUE_TEXT];

	SAY(&op->location, "%s shifted by %s bits, of %u", text_of(x, op->value, a),
	    text_of(y, op->distance, b), width_of(op->value));
}

struct bounds {
	struct location location;
	const struct type *array, *index;
};

void __ubsan_handle_out_of_bounds(struct bounds *op, uintptr_t index);

void __ubsan_handle_out_of_bounds(struct bounds *op, uintptr_t index)
{
	char x[VALUE_TEXT];

	SAY(&op->location, "index %s is beyond %s", text_of(x, op->index, index),
	    op->array->name);
}

/* A pointer that is NULL, not aligned, or to too small an object. */
struct mismatch {
	struct location location;
	const struct type *type;
	uint8_t log_alignment, kind;
};

void __ubsan_handle_type_mismatch_v1(struct mismatch *op, uintptr_t pointer);

void __ubsan_handle_type_mismatch_v1(struct mismatch *op, uintptr_t pointer)
{
	if (!pointer)
		SAY(&op->location, "NULL used as %s", op->type->name);
	else if (pointer & ((1u << op->log_alignment) - 1))
		SAY(&op->location, "%p is not aligned for %s, which wants %u bytes",
		    (void *)pointer, op->type->name, 1u << op->log_alignment);
	else
		SAY(&op->location, "%p: too little memory for %s", (void *)pointer,
		    op->type->name);
}

struct place {
	struct location location;
};

void __ubsan_handle_pointer_overflow(struct place *op, uintptr_t from, uintptr_t to);
void __ubsan_handle_nonnull_arg(struct place *op);
void __ubsan_handle_nonnull_return_v1(struct place *op, struct location *at);
_Noreturn void __ubsan_handle_builtin_unreachable(struct place *op);

void __ubsan_handle_pointer_overflow(struct place *op, uintptr_t from, uintptr_t to)
{
	SAY(&op->location, "a pointer wraps around: from %p to %p", (void *)from, (void *)to);
}

void __ubsan_handle_nonnull_arg(struct place *op)
{
	SAY(&op->location, "NULL for an argument that is never NULL");
}

void __ubsan_handle_nonnull_return_v1(struct place *op, struct location *location)
{
	(void)op;
	SAY(location, "NULL returned where that is never NULL");
}

/* The compiler has put nothing behind this call. */
_Noreturn void __ubsan_handle_builtin_unreachable(struct place *op)
{
	SAY(&op->location, "reached what cannot be reached");
	mm_host_panic("undefined behaviour: reached what cannot be reached");
}

struct invalid {
	struct location location;
	const struct type *type;
};

void __ubsan_handle_load_invalid_value(struct invalid *op, uintptr_t value);
void __ubsan_handle_vla_bound_not_positive(struct invalid *op, uintptr_t bound);

void __ubsan_handle_load_invalid_value(struct invalid *op, uintptr_t value)
{
	SAY(&op->location, "%zu is no value of %s", (size_t)value, op->type->name);
}

void __ubsan_handle_vla_bound_not_positive(struct invalid *op, uintptr_t bound)
{
	SAY(&op->location, "an array of %ld elements", (long)bound);
}

/* __builtin_ctz(0) and its like. */
struct builtin {
	struct location location;
	unsigned char kind;
};

void __ubsan_handle_invalid_builtin(struct builtin *op);

void __ubsan_handle_invalid_builtin(struct builtin *op)
{
	SAY(&op->location, "0 has no lowest or highest bit");
}

#endif
