/* SPDX-License-Identifier: MIT */
/*
 * Formatting against the C library's snprintf, over combinations of flags, widths, precisions and lengths.
 *
 * flags: -Wno-format -Wno-format-security
 */
#include <base/format.h>
#include <limits.h>

#include "support.h"

#define CASE_SIZE 256

/* Compares one call. */
#define COMPARE(format, ...)                                                                                 \
    do {                                                                                                     \
        char theirs_[CASE_SIZE], ours_[CASE_SIZE];                                                           \
        int expected_ = snprintf(theirs_, sizeof(theirs_), format, __VA_ARGS__);                             \
        int length_ = format_buffer(ours_, sizeof(ours_), format, __VA_ARGS__);                              \
        cr_assert_str_eq(ours_, theirs_, "\"%s\": \"%s\", not \"%s\"", format, ours_, theirs_);              \
        cr_assert_eq(length_, expected_, "\"%s\"", format);                                                  \
    } while (0)

static const char *const flags[] = {"", "-", "0", "-0", "0-", "00"};
static const char *const widths[] = {"", "1", "2", "5", "12", "30"};
static const char *const precisions[] = {"", ".", ".0", ".1", ".3", ".20"};

/* Runs the statement behind it with `spec` holding each "%FLAGS WIDTH PRECISION LENGTH CONVERSION". */
#define FOR_EACH_SPEC(spec, ending)                                                                          \
    for (unsigned f_ = 0; f_ < 6; f_++)                                                                      \
        for (unsigned w_ = 0; w_ < 6; w_++)                                                                  \
            for (unsigned p_ = 0; p_ < 6; p_++)                                                              \
                if (snprintf(spec, sizeof(spec), "<%%%s%s%s%s>", flags[f_], widths[w_], precisions[p_],      \
                             ending) > 0)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

Test(format, integers)
{
    static const int values[] = {0, 1, -1, 7, -42, 100, 12345, INT_MAX, INT_MIN, 0x7f, 0x80, 0xffff, 0x8000};
    static const char *const conversions[] = {"d",  "i",  "u",   "x",   "X",   "hd",
                                              "hu", "hx", "hhd", "hhi", "hhu", "hhX"};
    char spec[64];

    for (unsigned c = 0; c < COUNT(conversions); c++) {
        FOR_EACH_SPEC(spec, conversions[c])
        {
            for (unsigned i = 0; i < COUNT(values); i++)
                COMPARE(spec, values[i]);
        }
    }
}

Test(format, long_integers)
{
    static const long values[] = {0, 1, -1, 4294967296, -4294967297, LONG_MAX, LONG_MIN};
    static const char *const conversions[] = {"ld",  "li",  "lu", "lx", "lX", "lld",
                                              "llu", "llx", "zu", "zd", "zx"};
    char spec[64];

    for (unsigned c = 0; c < COUNT(conversions); c++) {
        FOR_EACH_SPEC(spec, conversions[c])
        {
            for (unsigned i = 0; i < COUNT(values); i++)
                COMPARE(spec, values[i]);
        }
    }
}

Test(format, strings_and_characters)
{
    static const char *const values[] = {"", "a", "four", "a longer string than any of the widths"};
    static const char *const no_zero_flag[] = {"", "-"};
    char spec[64];

    for (unsigned f = 0; f < COUNT(no_zero_flag); f++) {
        for (unsigned w = 0; w < COUNT(widths); w++) {
            snprintf(spec, sizeof(spec), "<%%%s%sc>", no_zero_flag[f], widths[w]);
            COMPARE(spec, 'x');
            for (unsigned p = 0; p < COUNT(precisions); p++) {
                snprintf(spec, sizeof(spec), "<%%%s%s%ss>", no_zero_flag[f], widths[w], precisions[p]);
                for (unsigned i = 0; i < COUNT(values); i++)
                    COMPARE(spec, values[i]);
            }
        }
    }
}

Test(format, numbers_from_arguments)
{
    for (int width = -20; width <= 20; width++) {
        COMPARE("<%*d>", width, 42);
        COMPARE("<%0*d>", width, -42);
        COMPARE("<%*s>", width, "text");
        COMPARE("<%.*s>", width, "text");
        COMPARE("<%-*.*s>", width, width / 2, "some text");
        COMPARE("<%*.*x>", width, width / 3, 0xbeef);
        COMPARE("<%.*d>", width, 0);
    }
}

Test(format, pointers)
{
    int here;

    COMPARE("<%p>", (void *)&here);
    COMPARE("<%30p>", (void *)&here);
    COMPARE("<%-30p>", (void *)&here);
    COMPARE("<%p>", (void *)UINTPTR_MAX);
    char text[16];
    cr_assert_eq(format_buffer(text, sizeof(text), "%p", (void *)0), 3);
    cr_assert_str_eq(text, "0x0");
}

Test(format, text_between)
{
    COMPARE("no conversion%s", "");
    COMPARE("%d%%%s%c%x%%", 5, "five", '5', 0x55);
    COMPARE("%s/%lu/%s/%hhx/%zu", "a", 1ul << 40, "b", 0x1234, (size_t)7);
    COMPARE("%c%c%c", 'a', '\n', '\x7f');
    COMPARE("%s", "per%cent");
}

/* The %c of a NUL is counted and sent like any other. */
Test(format, null_character)
{
    char ours[8], theirs[8];

    cr_assert_eq(format_buffer(ours, sizeof(ours), "a%cb", 0), 3);
    snprintf(theirs, sizeof(theirs), "a%cb", 0);
    cr_assert_eq(memcmp(ours, theirs, 4), 0);
}

/* Whatever the buffer's size: nothing past it, always terminated, and the length it would have been. */
Test(format, truncation)
{
    for (size_t size = 0; size < 40; size++) {
        char whole[64];
        char *buffer = malloc(size);
        int length = format_buffer(buffer, size, "%s-%08x-%d", "prefix", 0xabcdef, -123456);
        cr_assert_eq(length, snprintf(whole, sizeof(whole), "%s-%08x-%d", "prefix", 0xabcdef, -123456));
        if (size > 0) {
            cr_assert_eq(strlen(buffer), size - 1 < (size_t)length ? size - 1 : (size_t)length);
            cr_assert_eq(strncmp(buffer, whole, size - 1), 0);
        }
        free(buffer);
    }
    cr_assert_eq(format_buffer(NULL, 0, "%d", 12345), 5);
}

/* A precision says how much may be read. */
Test(format, string_without_terminator)
{
    struct exact text = exact_copy("abcdef", 6, 0);
    char buffer[32];

    cr_assert_eq(format_buffer(buffer, sizeof(buffer), "%.6s|%.0s|%.*s", (char *)text.data, (char *)text.data,
                               3, (char *)text.data),
                 11);
    cr_assert_str_eq(buffer, "abcdef||abc");
    exact_free(&text);
}

Test(format, null_string)
{
    char buffer[32];

    cr_assert_eq(
        format_buffer(buffer, sizeof(buffer), "%s|%.3s|%8s", (char *)NULL, (char *)NULL, (char *)NULL), 19);
    cr_assert_str_eq(buffer, "(null)|(nu|  (null)");
}

/* Behind what is not understood the arguments cannot be trusted: the rest comes out as it is. */
Test(format, unknown_conversions)
{
    static const char *const unknown[] = {"%q",  "%5",  "%-", "%.", "%l",   "%+d",
                                          "%#x", "% d", "%f", "%n", "%5.3y"};
    char buffer[64], whole[64], expected[64];

    for (unsigned i = 0; i < COUNT(unknown); i++) {
        snprintf(whole, sizeof(whole), "%%d %s %%s", unknown[i]);
        snprintf(expected, sizeof(expected), "1 %s %%s", unknown[i]);
        cr_expect_eq(format_buffer(buffer, sizeof(buffer), whole, 1, (char *)1), (int)strlen(expected));
        cr_expect_str_eq(buffer, expected);
    }
    cr_assert_eq(format_buffer(buffer, sizeof(buffer), "100%"), 4);
    cr_assert_str_eq(buffer, "100%");
}

/* No format makes it write for ever. */
Test(format, padding_has_a_limit)
{
    char buffer[8];

    cr_assert_eq(format_buffer(buffer, sizeof(buffer), "%2147483647d", 1), 4096);
    cr_assert_eq(format_buffer(buffer, sizeof(buffer), "%99999999999999999999d", 1), 4096);
    cr_assert_eq(format_buffer(buffer, sizeof(buffer), "%*d", INT_MAX, 1), 4096);
    cr_assert_eq(format_buffer(buffer, sizeof(buffer), "%*d", INT_MIN, 1), 4096);
    cr_assert_eq(format_buffer(buffer, sizeof(buffer), "%.99999d", 1), 4096);
    cr_assert_eq(format_buffer(buffer, sizeof(buffer), "%0*d", INT_MAX, -1), 4096);
}

/* But a string is as long as it is. */
Test(format, long_string)
{
    static char text[10000], buffer[10001];

    memset(text, 'x', sizeof(text) - 1);
    cr_assert_eq(format_buffer(buffer, sizeof(buffer), "%s", text), 9999);
    cr_assert_str_eq(buffer, text);
    cr_assert_eq(format_buffer(buffer, sizeof(buffer), "%.9000s", text), 9000);
    cr_assert_eq(format_buffer(buffer, sizeof(buffer), "%.99999999999s", text), 9999);
}

static void append(void *context, char c)
{
    char **end = context;

    *(*end)++ = c;
}

static int format_through_sink(char *buffer, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = format_to(append, &buffer, format, arguments);
    va_end(arguments);
    return length;
}

Test(format, sink)
{
    char buffer[32] = {0};

    cr_assert_eq(format_through_sink(buffer, "%s=%d", "answer", 42), 9);
    cr_assert_str_eq(buffer, "answer=42");
}
