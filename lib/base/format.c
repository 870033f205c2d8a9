/* SPDX-License-Identifier: MIT */
/* printf-style formatting without a libc. */
#include <base/format.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define NO_PRECISION (-1)
#define FIELD_MAX    4096 /* padding and leading zeros go no further */
#define DIGITS_MAX   20   /* of 2^64 - 1 */

struct output {
    format_sink sink;
    void *context;
    int count;
};

/* What stands between '%' and the conversion character. */
struct field {
    bool left, zeros;
    int width, precision;
    int bytes; /* size of the integer argument */
};

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static void put(struct output *out, char c)
{
    out->sink(out->context, c);
    out->count++;
}

static void put_repeated(struct output *out, char c, int times)
{
    while (times-- > 0)
        put(out, c);
}

static void put_characters(struct output *out, const struct field *field, const char *s, int length)
{
    if (!field->left)
        put_repeated(out, ' ', field->width - length);
    for (int i = 0; i < length; i++)
        put(out, s[i]);
    if (field->left)
        put_repeated(out, ' ', field->width - length);
}

static void put_string(struct output *out, const struct field *field, const char *s)
{
    int length = 0;

    if (s == NULL)
        s = "(null)";
    /* A precision says that there may be no terminator behind it. */
    while (length != field->precision && s[length] != 0)
        length++;
    put_characters(out, field, s, length);
}

/* Writes padding, prefix ("-", "0x"), leading zeros and digits, in that order. */
static void put_number(struct output *out, const struct field *field, const char *prefix, uint64_t value,
                       const char *digit_set, unsigned base)
{
    char digits[DIGITS_MAX];
    int count = 0;

    for (; value != 0; value /= base)
        digits[count++] = digit_set[value % base];
    int prefix_length = (int)strlen(prefix);
    int wanted = field->precision == NO_PRECISION ? 1 : smaller(field->precision, FIELD_MAX);
    if (field->zeros && !field->left && field->precision == NO_PRECISION && field->width > prefix_length)
        wanted = field->width - prefix_length;
    int zeros = wanted > count ? wanted - count : 0;
    int padding = field->width - prefix_length - zeros - count;
    if (!field->left)
        put_repeated(out, ' ', padding);
    while (*prefix != 0)
        put(out, *prefix++);
    put_repeated(out, '0', zeros);
    while (count > 0)
        put(out, digits[--count]);
    if (field->left)
        put_repeated(out, ' ', padding);
}

static void put_signed(struct output *out, const struct field *field, int64_t value)
{
    uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;

    put_number(out, field, value < 0 ? "-" : "", magnitude, "0123456789", 10);
}

/* A decimal number of the format, INT_MAX at most, or the next argument for '*'. */
static int read_number(const char **format, va_list *arguments)
{
    int value = 0;

    if (**format == '*') {
        (*format)++;
        return va_arg(*arguments, int);
    }
    for (; **format >= '0' && **format <= '9'; (*format)++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, **format - '0', &value)) {
            value = INT_MAX;
        }
    }
    return value;
}

/* hh, h, l, ll and z. */
static int read_length(const char **format)
{
    switch (**format) {
    case 'h':
        (*format)++;
        if (**format != 'h')
            return sizeof(short);
        (*format)++;
        return sizeof(char);
    case 'l':
        (*format)++;
        if (**format == 'l')
            (*format)++;
        return sizeof(long);
    case 'z': (*format)++; return sizeof(size_t);
    default: return sizeof(int);
    }
}
_Static_assert(sizeof(long) == sizeof(long long) && sizeof(long) == sizeof(size_t),
               "l, ll and z are one size");

static uint64_t unsigned_argument(va_list *arguments, int bytes)
{
    if (bytes == sizeof(long))
        return va_arg(*arguments, unsigned long);
    return va_arg(*arguments, unsigned) & (UINT64_MAX >> (64 - 8 * bytes));
}

static int64_t signed_argument(va_list *arguments, int bytes)
{
    if (bytes == sizeof(long))
        return va_arg(*arguments, long);
    int value = va_arg(*arguments, int);
    return bytes == sizeof(short) ? (short)value : bytes == sizeof(char) ? (signed char)value : value;
}

/* One conversion; false when it is not known. */
static bool convert(struct output *out, const struct field *field, char conversion, va_list *arguments)
{
    static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";

    switch (conversion) {
    case '%': put(out, '%'); return true;
    case 'c': {
        char c = (char)va_arg(*arguments, int);
        put_characters(out, field, &c, 1);
        return true;
    }
    case 's': put_string(out, field, va_arg(*arguments, const char *)); return true;
    case 'd':
    case 'i': put_signed(out, field, signed_argument(arguments, field->bytes)); return true;
    case 'u': put_number(out, field, "", unsigned_argument(arguments, field->bytes), lower, 10); return true;
    case 'x': put_number(out, field, "", unsigned_argument(arguments, field->bytes), lower, 16); return true;
    case 'X': put_number(out, field, "", unsigned_argument(arguments, field->bytes), upper, 16); return true;
    case 'p': put_number(out, field, "0x", (uintptr_t)va_arg(*arguments, void *), lower, 16); return true;
    default: return false;
    }
}

static struct field read_field(const char **format, va_list *arguments)
{
    struct field field = {.precision = NO_PRECISION};

    for (; **format == '-' || **format == '0'; (*format)++) {
        field.left |= **format == '-';
        field.zeros |= **format == '0';
    }
    int width = read_number(format, arguments);
    field.left |= width < 0;
    field.width = width < -FIELD_MAX ? FIELD_MAX : width < 0 ? -width : smaller(width, FIELD_MAX);
    if (**format == '.') {
        (*format)++;
        field.precision = read_number(format, arguments);
        if (field.precision < 0)
            field.precision = NO_PRECISION;
    }
    field.bytes = read_length(format);
    return field;
}

int format_to(format_sink sink, void *context, const char *format, va_list arguments)
{
    struct output out = {.sink = sink, .context = context};
    va_list rest; /* of which a pointer can be passed on, as a parameter's cannot */

    va_copy(rest, arguments);
    while (*format != 0) {
        if (*format != '%') {
            put(&out, *format++);
            continue;
        }
        const char *conversion = format + 1;
        struct field field = read_field(&conversion, &rest);
        if (!convert(&out, &field, *conversion, &rest))
            break;
        format = conversion + 1;
    }
    /* Behind an unknown conversion the types of the arguments are anybody's guess. */
    while (*format != 0)
        put(&out, *format++);
    va_end(rest);
    return out.count;
}

struct buffer {
    char *start;
    size_t size, used;
};

static void put_in_buffer(void *context, char c)
{
    struct buffer *buffer = context;

    /* The last byte stays free for the terminator. */
    if (buffer->used + 1 < buffer->size)
        buffer->start[buffer->used++] = c;
}

int format_buffer(char *buffer, size_t size, const char *format, ...)
{
    struct buffer target = {.start = buffer, .size = size};
    va_list arguments;

    va_start(arguments, format);
    int count = format_to(put_in_buffer, &target, format, arguments);
    va_end(arguments);
    if (size > 0)
        buffer[target.used] = 0;
    return count;
}
