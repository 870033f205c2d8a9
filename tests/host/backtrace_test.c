/* SPDX-License-Identifier: MIT */
/* What backtraces are made of: symbols by address, and calls told from other instructions. */
#include <base/backtrace.h>
#include <base/trap.h>
#include <abi/fault.h>
#include <abi/object.h>
#include <criterion/criterion.h>

TestSuite(backtrace, .timeout = 50);

static const struct symbol symbols[] = {{0x10, 0}, {0x20, 2}, {0x80, 4}};

static const char *symbol_at(uint32_t count, uint64_t offset, uint64_t *into)
{
    return symbol_find(symbols, count, "a\0b\0c", offset, into);
}

Test(backtrace, a_symbol_reaches_up_to_the_next)
{
    uint64_t into;

    cr_assert_null(symbol_at(0, 0x10, &into));
    cr_assert_null(symbol_at(3, 0xf, &into));
    cr_assert_str_eq(symbol_at(3, 0x10, &into), "a");
    cr_assert_eq(into, 0);
    cr_assert_str_eq(symbol_at(3, 0x1f, &into), "a");
    cr_assert_eq(into, 0xf);
    cr_assert_str_eq(symbol_at(3, 0x20, &into), "b");
    cr_assert_str_eq(symbol_at(3, 0x180, &into), "c");
    cr_assert_eq(into, 0x100);
    cr_assert_str_eq(symbol_at(1, 0x180, &into), "a");
}

Test(backtrace, only_calls_write_ra)
{
    static const uint16_t jal_ra[] = {0x00ef, 0x0010}, jal_zero[] = {0x006f, 0x0010},
                          jalr_ra[] = {0x80e7, 0x0007},
                          jalr_zero[] = {0x8067, 0x0000}, c_jalr[] = {0x0001, 0x9782},
                          c_ebreak[] = {0x0001, 0x9002}, c_jr[] = {0x0001, 0x8782};

    cr_assert(is_behind_call(jal_ra + 2));
    cr_assert(is_behind_call(jalr_ra + 2));
    cr_assert(is_behind_call(c_jalr + 2));
    cr_assert_not(is_behind_call(jal_zero + 2));
    cr_assert_not(is_behind_call(jalr_zero + 2));
    cr_assert_not(is_behind_call(c_ebreak + 2));
    cr_assert_not(is_behind_call(c_jr + 2));
}

Test(backtrace, causes_have_names)
{
    cr_assert_str_eq(trap_cause_text(0), "misaligned fetch");
    cr_assert_str_eq(trap_cause_text(7), "store access fault");
    cr_assert_str_eq(trap_cause_text(13), "load page fault");
    cr_assert_str_eq(trap_cause_text(15), "store page fault");
    cr_assert_str_eq(trap_cause_text(8), "unexpected trap");
    cr_assert_str_eq(trap_cause_text(1ull << 63), "unexpected trap");
    cr_assert_eq(trap_fault(13).fault, FAULT_PAGE);
    cr_assert_eq(trap_fault(13).access, RIGHT_READ);
    cr_assert_eq(trap_fault(2).fault, FAULT_ILLEGAL);
    cr_assert_eq(trap_fault(2).access, 0);
    cr_assert_eq(trap_fault(9).fault, FAULT_OTHER);
    cr_assert_eq(trap_fault(1ull << 63).fault, FAULT_OTHER);
}
