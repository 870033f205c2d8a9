/* SPDX-License-Identifier: MIT */
#include <base/trap.h>

#include <abi/fault.h>
#include <abi/object.h>

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

struct trap_fault trap_fault(uint64_t cause)
{
    static const struct trap_fault kind[] = {
        [CAUSE_FETCH_MISALIGNED] = {FAULT_ALIGNMENT, RIGHT_EXEC},
        [CAUSE_FETCH_ACCESS] = {FAULT_ACCESS, RIGHT_EXEC},
        [CAUSE_LOAD_MISALIGNED] = {FAULT_ALIGNMENT, RIGHT_READ},
        [CAUSE_LOAD_ACCESS] = {FAULT_ACCESS, RIGHT_READ},
        [CAUSE_STORE_MISALIGNED] = {FAULT_ALIGNMENT, RIGHT_WRITE},
        [CAUSE_STORE_ACCESS] = {FAULT_ACCESS, RIGHT_WRITE},
        [CAUSE_FETCH_PAGE] = {FAULT_PAGE, RIGHT_EXEC},
        [CAUSE_LOAD_PAGE] = {FAULT_PAGE, RIGHT_READ},
        [CAUSE_STORE_PAGE] = {FAULT_PAGE, RIGHT_WRITE},
        [CAUSE_ILLEGAL] = {FAULT_ILLEGAL, 0},
        [CAUSE_BREAKPOINT] = {FAULT_BREAKPOINT, RIGHT_EXEC},
    };

    return cause < sizeof(kind) / sizeof(kind[0]) && kind[cause].fault ? kind[cause]
                                                                      : (struct trap_fault){FAULT_OTHER, 0};
}
