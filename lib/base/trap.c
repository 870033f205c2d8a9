/* SPDX-License-Identifier: MIT */
#include <base/trap.h>

const char *trap_cause_text(uint64_t cause)
{
    static const char *const text[] = {
        [CAUSE_FETCH_MISALIGNED] = "misaligned fetch", [CAUSE_FETCH_ACCESS] = "fetch access fault",
        [CAUSE_ILLEGAL] = "illegal instruction",       [CAUSE_BREAKPOINT] = "breakpoint",
        [CAUSE_LOAD_MISALIGNED] = "misaligned load",   [CAUSE_LOAD_ACCESS] = "load access fault",
        [CAUSE_STORE_MISALIGNED] = "misaligned store", [CAUSE_STORE_ACCESS] = "store access fault",
        [CAUSE_FETCH_PAGE] = "fetch page fault",       [CAUSE_LOAD_PAGE] = "load page fault",
        [CAUSE_STORE_PAGE] = "store page fault",
    };

    return cause < sizeof(text) / sizeof(text[0]) && text[cause] ? text[cause] : "unexpected trap";
}
