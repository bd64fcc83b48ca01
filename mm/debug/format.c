// SPDX-License-Identifier: MIT
/*
 * printf's formatter, without floating point, for hosts that have none.
 *
 * I1. Nothing is written at or beyond buffer + size; `length` counts what the whole
 *     text would need.
 *
 * No locks, no state.
 */
#include <bits.h>
#include <mm/format.h>
#include <mm/types.h>

struct output {
	char *buffer;
	size_t size;
	size_t length;
};

struct spec {
	bool left, zero, upper;
	int width, precision; /* precision -1: none given */
	int longs;            /* number of l's; -1 for h, -2 for hh */
	bool size_t_length;   /* z or t */
};

static void put(struct output *out, char c)
{
	if (out->length + 1 < out->size)
		out->buffer[out->length] = c;
	out->length++;
}

static void put_many(struct output *out, char c, int n)
{
	while (n-- > 0)
		put(out, c);
}

/*
 * `text` in a field: blanks on one side, or zeros behind the sign.  A precision, which only
 * numbers still have here, says how many digits there are at least, and overrides `0`.
 */
static void put_field(struct output *out, const struct spec *spec, const char *prefix,
		      const char *text, int length)
{
	int prefix_length = 0, zeros = 0, blanks;

	while (prefix[prefix_length])
		prefix_length++;
	if (spec->precision >= 0)
		zeros = spec->precision - length;
	else if (spec->zero && !spec->left)
		zeros = spec->width - length - prefix_length;
	blanks = spec->width - length - prefix_length - (zeros > 0 ? zeros : 0);
	if (!spec->left)
		put_many(out, ' ', blanks);
	while (*prefix)
		put(out, *prefix++);
	put_many(out, '0', zeros);
	for (int i = 0; i < length; i++)
		put(out, text[i]);
	if (spec->left)
		put_many(out, ' ', blanks);
}

#define DIGITS_MAX 20 /* of 2^64 - 1 in decimal */

/* The digits of n, right-aligned in digits[]; returns where they begin. */
static const char *to_digits(uint64_t n, unsigned base, bool upper, char digits[DIGITS_MAX])
{
	const char *symbols = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char *p = digits + DIGITS_MAX;

	do {
		/* Most numbers fit 32 bits: a 64-bit division is a library call on i686. */
		if (n <= UINT32_MAX) {
			*--p = symbols[(uint32_t)n % base];
			n = (uint32_t)n / base;
		} else {
			*--p = symbols[n % base];
			n /= base;
		}
	} while (n);
	return p;
}

static void put_number(struct output *out, struct spec *spec, uint64_t n, unsigned base,
		       const char *prefix)
{
	char digits[DIGITS_MAX];
	const char *text = to_digits(n, base, spec->upper, digits);
	int length = (int)(digits + DIGITS_MAX - text);

	if (n == 0 && spec->precision == 0) /* as C has it: a zero of no digits is nothing */
		length = 0;
	put_field(out, spec, prefix, text, length);
}

static uint64_t read_unsigned(const struct spec *spec, va_list *args)
{
	if (spec->size_t_length)
		return va_arg(*args, size_t);
	if (spec->longs >= 2)
		return va_arg(*args, unsigned long long);
	if (spec->longs == 1)
		return va_arg(*args, unsigned long);
	if (spec->longs == -1)
		return (unsigned short)va_arg(*args, unsigned);
	if (spec->longs == -2)
		return (unsigned char)va_arg(*args, unsigned);
	return va_arg(*args, unsigned);
}

static int64_t read_signed(const struct spec *spec, va_list *args)
{
	if (spec->size_t_length)
		return va_arg(*args, ptrdiff_t);
	if (spec->longs >= 2)
		return va_arg(*args, long long);
	if (spec->longs == 1)
		return va_arg(*args, long);
	if (spec->longs == -1)
		return (short)va_arg(*args, int);
	if (spec->longs == -2)
		return (signed char)va_arg(*args, int);
	return va_arg(*args, int);
}

static void put_signed(struct output *out, struct spec *spec, int64_t n)
{
	/* Negating in unsigned: the least int64_t has no positive counterpart. */
	put_number(out, spec, n < 0 ? -(uint64_t)n : (uint64_t)n, 10, n < 0 ? "-" : "");
}

static void put_string(struct output *out, struct spec *spec, const char *s)
{
	int length = 0;

	if (!s)
		s = "(null)";
	while ((spec->precision < 0 || length < spec->precision) && s[length])
		length++;
	spec->zero = false;
	spec->precision = -1;
	put_field(out, spec, "", s, length);
}

/* A number, or * for the next argument. */
static int read_int(const char **format, va_list *args)
{
	int n = 0;

	if (**format == '*') {
		(*format)++;
		return va_arg(*args, int);
	}
	while (**format >= '0' && **format <= '9')
		n = n * 10 + (*(*format)++ - '0');
	return n;
}

/* Everything between the % and the conversion. */
static struct spec read_spec(const char **format, va_list *args)
{
	struct spec spec = {.precision = -1};

	for (;; (*format)++) {
		if (**format == '-')
			spec.left = true;
		else if (**format == '0')
			spec.zero = true;
		else
			break;
	}
	spec.width = read_int(format, args);
	if (spec.width < 0) {
		spec.left = true;
		spec.width = -spec.width;
	}
	if (**format == '.') {
		(*format)++;
		spec.precision = read_int(format, args);
	}
	for (;; (*format)++) {
		if (**format == 'l')
			spec.longs++;
		else if (**format == 'h')
			spec.longs--;
		else if (**format == 'z' || **format == 't')
			spec.size_t_length = true;
		else
			return spec;
	}
}

static void convert(struct output *out, char conversion, struct spec *spec, va_list *args)
{
	char c;

	switch (conversion) {
	case 'd':
	case 'i': put_signed(out, spec, read_signed(spec, args)); break;
	case 'u': put_number(out, spec, read_unsigned(spec, args), 10, ""); break;
	case 'X': spec->upper = true; __attribute__((fallthrough));
	case 'x': put_number(out, spec, read_unsigned(spec, args), 16, ""); break;
	case 'p':
		spec->zero = true;
		spec->precision = -1;
		spec->width = (int)max_size((size_t)spec->width, 2 + 2 * sizeof(void *));
		put_number(out, spec, (uintptr_t)va_arg(*args, void *), 16, "0x");
		break;
	case 's': put_string(out, spec, va_arg(*args, const char *)); break;
	case 'c':
		c = (char)va_arg(*args, int);
		spec->zero = false;
		spec->precision = -1;
		put_field(out, spec, "", &c, 1);
		break;
	case '%': put(out, '%'); break;
	default: /* shown, so that the mistake is seen */ put(out, '%'); put(out, conversion);
	}
}

int mm_vsnprintf(char *buffer, size_t size, const char *format, va_list args)
{
	struct output out = {buffer, size, 0};
	va_list copy;

	va_copy(copy, args);
	for (; *format; format++) {
		struct spec spec;

		if (*format != '%') {
			put(&out, *format);
			continue;
		}
		format++;
		spec = read_spec(&format, &copy);
		if (*format == '\0')
			break;
		convert(&out, *format, &spec, &copy);
	}
	va_end(copy);
	if (size > 0)
		buffer[min_size(out.length, size - 1)] = '\0';
	return (int)out.length;
}

int mm_snprintf(char *buffer, size_t size, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = mm_vsnprintf(buffer, size, format, args);
	va_end(args);
	return length;
}
