/* SPDX-License-Identifier: MIT */
/* The size of the terminal: its answers are found among what is typed, and nothing else is lost. */
// sources: user/console/size.c
#include "../../user/console/size.h"
#include "support.h"

static struct size size;
static char typed[256];
static size_t count;

static void set_up(void)
{
    size = (struct size){0};
    count = 0;
}

TestSuite(console_size, .init = set_up);

/* What is left of these bytes. */
static const char *left(const char *bytes)
{
    count = 0;
    for (; *bytes != 0; bytes++)
        count += size_filter(&size, *bytes, typed + count);
    typed[count] = 0;
    return typed;
}

Test(console_size, answer_is_taken_out)
{
    size_asked(&size);
    cr_assert_str_eq(left("ab\x1b[24;132Rcd"), "abcd");
    cr_assert(size.columns == 132 && size.rows == 24);
    cr_assert_str_eq(left("\x1b[50;40R"), "\x1b[50;40R", "nobody asked");
    cr_assert_eq(size.columns, 132);
}

Test(console_size, keys_pass)
{
    static const char *const keys[] = {"\x1b[D",  "\x1b[1;5C", "\x1b[1;2R", "\x1b[3~",     "\x1b" "f",
                                       "\x1bOR",  "\x1b[R",    "\x1b[24R",  "\x1b[1;2;3R", "\x1b[;R",
                                       "\x1b\x1b[", "\x03",   "\x1b[99999999;99999999R"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char text[64];
        size_asked(&size);
        snprintf(text, sizeof(text), "%sx", keys[i]);
        cr_expect_str_eq(left(text), text, "%zu", i);
        cr_expect_eq(size.columns, 0);
    }
}

Test(console_size, patience_ends)
{
    size_asked(&size);
    for (unsigned i = 0; i < 64; i++)
        cr_assert_str_eq(left("x"), "x");
    cr_assert_not(size.asked);
    cr_assert_str_eq(left("\x1b"), "\x1b", "the escape key is given at once again");
}
