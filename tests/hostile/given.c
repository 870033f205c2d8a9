/* SPDX-License-Identifier: MIT */
/*
 * What the kernel gives back when its boot is over: all of it is among the memory that init is handed, all
 * can be written to, and the kernel goes on without it. On its command line `code` and `code_end` say where
 * in memory it has the code and constants of its boot, `variables` and `variables_end` the rest.
 */
#include "../guest/probe.h"

#define VIEW      (GUEST_MAP + 0x400000)
#define PAGE_SIZE (1ull << PAGE_BITS)
#define SPOILT    0xffffffffffffffffull /* no address, no table, no instruction */

/* Whether the page, which was new, is empty and keeps what is written. */
static bool spoil_page(cap_t frame)
{
    volatile uint64_t *word = (volatile uint64_t *)VIEW;
    bool good = true;

    map_at(frame, BOOT_ADDRESS_SPACE, VIEW, RIGHT_READ | RIGHT_WRITE);
    for (unsigned i = 0; i < PAGE_SIZE / sizeof(*word); i++) {
        good &= word[i] == 0;
        word[i] = SPOILT;
        good &= word[i] == SPOILT;
    }
    must(frame_unmap(frame), "unmap a frame");
    return good;
}

/* Spoils a whole untyped; returns how many of its bytes could be. */
static uint64_t spoil(const struct boot_untyped *untyped)
{
    uint64_t pages = 1ull << (untyped->size_bits - PAGE_BITS), good = 0;
    cap_t first = slots_take(pages);

    must(untyped_retype(untyped->slot, OBJ_FRAME, PAGE_BITS, 0, first, pages, 0), "make frames");
    for (uint64_t i = 0; i < pages; i++)
        good += spoil_page(first + i) ? PAGE_SIZE : 0;
    return good;
}

static void given_back(const char *name, const char *name_end)
{
    uint64_t start = guest_option(name, 0), end = guest_option(name_end, 0), found = 0;

    for (uint64_t i = 0; i < rt_boot->untyped_count; i++) {
        const struct boot_untyped *untyped = &rt_boot->untyped[i];
        if (!untyped->device && untyped->address >= start && untyped->address < end)
            found += spoil(untyped);
    }
    verdict(found && found == end - start, name, "%lu of %lu bytes", found, end - start);
}

static void faults_on_each_hart(void)
{
    unsigned right = 0;

    for (uint32_t hart = 0; hart < rt_boot->hart_count; hart++) {
        struct worker worker = {0};
        probe_make(&worker, hart);
        struct outcome outcome = probe(&worker, probe_load, 0xffffffff80201000);
        right += probe_refused(&outcome, RIGHT_READ, 0xffffffff80201000);
    }
    verdict(right == rt_boot->hart_count, "harts_go_on", "%u of %u", right, rt_boot->hart_count);
}

int main(void)
{
    guest_init("given");
    given_back("code", "code_end");
    given_back("variables", "variables_end");
    faults_on_each_hart();
    guest_finish();
}
