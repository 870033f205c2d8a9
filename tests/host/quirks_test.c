/* SPDX-License-Identifier: MIT */
/* The faults of hardware that the kernel works around: for which hardware, and what changes. */
// sources: platform/quirks/*.c
// flags: -iquote kernel
#include "../../kernel/arch/riscv/machine.h"
#include "../../kernel/boot/riscv/quirk.h"
#include "support.h"

extern const struct quirk __start_quirks[], __stop_quirks[];
struct machine machine;

TestSuite(quirks, .timeout = 10);

static const struct quirk *find(const char *name)
{
    for (const struct quirk *quirk = __start_quirks; quirk < __stop_quirks; quirk++)
        if (strcmp(quirk->name, name) == 0)
            return quirk;
    cr_assert_fail("no quirk %s", name);
    return NULL;
}

static bool is_for(const struct quirk *quirk, const char *compatible)
{
    for (const char *const *name = quirk->compatible; *name; name++)
        if (strcmp(*name, compatible) == 0)
            return true;
    return false;
}

Test(quirks, each_is_complete)
{
    cr_assert_lt(__start_quirks, __stop_quirks);
    cr_assert_leq(__stop_quirks - __start_quirks, 32, "machine.quirks has a bit for each");
    for (const struct quirk *quirk = __start_quirks; quirk < __stop_quirks; quirk++) {
        cr_assert_not_null(quirk->name);
        cr_assert_not_null(quirk->apply);
        cr_assert_not_null(quirk->compatible[0], "%s", quirk->name);
        cr_assert_null(quirk->compatible[sizeof(quirk->compatible) / sizeof(char *) - 1], "%s", quirk->name);
        cr_assert_not(is_for(quirk, "riscv"), "%s is not for everybody", quirk->name);
        cr_assert_eq(find(quirk->name), quirk, "two are called %s", quirk->name);
    }
}

Test(quirks, cip_1200_is_for_both_socs_and_their_harts)
{
    const struct quirk *quirk = find("sifive-cip-1200");

    cr_assert(is_for(quirk, "sifive,fu740-c000") && is_for(quirk, "sifive,bullet0"));
    cr_assert(is_for(quirk, "sifive,fu540-c000") && is_for(quirk, "sifive,rocket0"));
    cr_assert_not(machine.fences_whole);
    quirk->apply();
    cr_assert(machine.fences_whole);
}

/* stval as the faulty hart gives it, beside what it should be. */
Test(quirks, cip_453_repeats_bit_38_of_a_fetch)
{
    static const uint64_t pc[] = {0, 0x10000, 0x3fffffffff, 0xffffffc000000000, 0xffffffff80200000};
    static const uint64_t right[] = {0x10000, 0x3ffffffffe, 0xffffffc000000000, 0xffffffff80200000, ~1ull};

    cr_assert_null(machine.fetch_address);
    find("sifive-cip-453")->apply();
    for (unsigned i = 0; i < sizeof(pc) / sizeof(pc[0]); i++)
        for (unsigned n = 0; n < sizeof(right) / sizeof(right[0]); n++) {
            /* A fetch goes on from the pc, or a jump went into the other half, which is as far as can be. */
            uint64_t away = right[n] > pc[i] ? right[n] - pc[i] : pc[i] - right[n];
            if (away >= 1ull << 38)
                continue;
            uint64_t faulty = right[n] & 0x7fffffffff;
            cr_assert_eq(machine.fetch_address(faulty, pc[i]), right[n], "%lx at %lx", right[n], pc[i]);
            cr_assert_eq(machine.fetch_address(right[n], pc[i]), right[n], "a hart that does it right");
        }
}
