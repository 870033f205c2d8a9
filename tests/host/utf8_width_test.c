/* SPDX-License-Identifier: MIT */
/* Widths of characters: all code points against the C library of the host, and the table against its
 * maker. */
// sources: user/sh/utf8.c user/sh/widths.c
// flags: -Iuser/sh
#include "support.h"

#include <limits.h>
#include <locale.h>
#include <utf8.h>
#include <wchar.h>

/* What the host's version of Unicode does not know yet cannot be compared. */
Test(utf8_width, as_the_host_has_them)
{
    unsigned compared = 0, wide = 0, none = 0, differ = 0;

    cr_assert_not_null(setlocale(LC_CTYPE, "C.UTF-8"), "the host has no locale C.UTF-8");
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        int width = wcwidth((wchar_t)code);
        if (width < 0 || code == 0)
            continue;
        compared++;
        wide += width == 2;
        none += width == 0;
        if (utf8_width(code) != (unsigned)width)
            cr_log_info("U+%04X is %u wide, on the host %d", code, utf8_width(code), width);
        differ += utf8_width(code) != (unsigned)width;
    }
    cr_expect_gt(compared, 200000);
    cr_expect(wide > 100000 && none > 1000, "the host knows no widths");
    cr_expect_eq(differ, 0, "%u differ", differ);
}

Test(utf8_width, these_were_wrong_once)
{
    static const uint32_t wide[] = {0x2705, 0x231a, 0x1fab2, 0x3042, 0xac00, 0x1f600};
    static const uint32_t none[] = {0x301, 0x200b, 0x20dd, 0xe0100, 0x1ab0, 0x5bf};

    for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
        cr_expect_eq(utf8_width(wide[i]), 2, "U+%04X", wide[i]);
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        cr_expect_eq(utf8_width(none[i]), 0, "U+%04X", none[i]);
    cr_expect(utf8_width('a') == 1 && utf8_width(0xe9) == 1 && utf8_width(0xad) == 1);
}

Test(utf8_width, the_table_is_what_its_maker_makes)
{
    run("tools/widths/make | cmp - user/sh/widths.c");
}
