/* SPDX-License-Identifier: MIT */
/* Kernel failures on request, so that tests see what a failure prints: "selftest=fault" and so on, on the
 * command line. */
#include "boot/boot.h"
#include "boot/selftest.h"
#include "boot/tree.h"
#include "panic.h"

/* It is to be found in the backtrace. */
#define NAMED __attribute__((noinline))

static volatile uint64_t depth;

static NAMED uint64_t overflow_the_stack(uint64_t n)
{
    volatile uint64_t room[16];

    room[0] = depth = n;
    return n == 1 << 20 ? 0 : overflow_the_stack(n + 1) + room[0];
}

static NAMED void store_to_nowhere(void)
{
    *(volatile uint64_t *)0x1000 = 1;
}

static NAMED void store_to_text(void)
{
    *(volatile uint32_t *)(uint64_t)&selftest_crash = 0;
}

static NAMED void run_data(void)
{
    static uint32_t code[2] = {0x00008067, 0x00008067};

    ((void (*)(void))code)();
    depth = 0; /* so that this is no jump, and the function is in the backtrace */
}

void selftest_crash(void)
{
    if (boot_option("selftest=fault"))
        store_to_nowhere();
    if (boot_option("selftest=overflow"))
        overflow_the_stack(0);
    if (boot_option("selftest=text"))
        store_to_text();
    if (boot_option("selftest=data"))
        run_data();
    /* What the boot says of a tree that it cannot read. No emulator passes one, so it is made to read other
     * things. */
    if (boot_option("selftest=no-tree"))
        boot_read_tree(0);
    if (boot_option("selftest=bad-tree"))
        boot_read_tree(boot_state.initrd.start);
    if (boot_option("selftest=panic"))
        panic("asked for on the command line");
}
