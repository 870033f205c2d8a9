/* SPDX-License-Identifier: MIT */
/* The system description: who starts after whom, cycles, and that a mistake costs only the process that has
 * it. */
// sources: user/init/description.c user/init/uses.c user/init/order.c
#include "description_world.h"

Test(description_order, cycles)
{
    check(CORE "a: a { " COMMON SERVES "uses = <&b 1>; }; b: b { " COMMON SERVES "uses = <&a 1>; };"
               "c { " COMMON "};",
          "c ", "system.dtb: cycle of uses: a -> b -> a\n");
    check(CORE "a: a { " COMMON SERVES "uses = <&a 1>; };", "", "system.dtb: cycle of uses: a -> a\n");
    /* What leads into a cycle is no part of it; and two cycles are two lines. */
    check(CORE "x: x { " COMMON "uses = <&a 1>; };"
               "a: a { " COMMON SERVES "uses = <&b 1>; }; b: b { " COMMON SERVES "uses = <&c 1>; };"
               "c: c { " COMMON SERVES "uses = <&a 1>; };"
               "d: d { " COMMON SERVES "uses = <&e 1>; }; e: e { " COMMON SERVES "uses = <&d 1>; };",
          "x ",
          "system.dtb: cycle of uses: a -> b -> c -> a\n"
          "system.dtb: x: starts without a, which is left out\n"
          "system.dtb: cycle of uses: d -> e -> d\n");
    /* What a process's programs use counts as its own. */
    check(CORE "a: a { " COMMON SERVES "programs { " COMMON "uses = <&a 1>; }; };", "",
          "system.dtb: cycle of uses: a -> a\n");
}

/* init and mm run before all others, so using them closes no cycle. */
Test(description_order, no_cycle_through_init_or_mm)
{
    check("init: init { priority = <210>; " SERVES "uses = <&dev 0x8000>; };"
          "mm: mm { priority = <220>; " SERVES "uses = <&init 1>; };"
          "dev: dev { " COMMON SERVES "uses = <&init 1>, <&mm 1>; };",
          "dev ", "");
}

Test(description_order, a_mistake_costs_nobody_else)
{
    check(CORE "z: z { " COMMON SERVES "}; a: a { memory = <1024>; " SERVES "};"
               "b: b { " COMMON SERVES "uses = <&a 1>, <&z 3>; }; c { " COMMON "uses = <&b 1>; };"
               "d { " COMMON "uses = <&z 1>, <&a 1>; programs { " COMMON "uses = <&a 1>, <&b 5>; }; };"
               "e { " COMMON "};",
          "z b c d e ",
          "system.dtb: a: has no priority\n"
          "system.dtb: b: starts without a, which is left out\n"
          "system.dtb: d: starts without a, which is left out\n"
          "system.dtb: d: programs: starts without a, which is left out\n");
    const struct description_grant *own = &process("b")->own, *programs = &process("d")->programs;
    cr_assert_eq(own->use_count, 1);
    cr_expect(own->use[0].target == description_find(&description, "z") && own->use[0].rights == 3);
    cr_assert_eq(programs->use_count, 1);
    cr_expect(programs->use[0].target == description_find(&description, "b") && programs->use[0].rights == 5);
    cr_expect_not(description_uses(process("d"), description_find(&description, "a")));
}

/* Each mistake that a new server kv can have takes kv away, and not the shell. */
Test(description_order, mistakes_of_a_new_server)
{
    static const char *const kv[] = {
        "kv: kv { memory = <1024>; " SERVES "}",
        "kv: kv { " COMMON "srves; }",
        "kv: kv { " COMMON "serves = <1>; }",
        "kv: kv { " COMMON SERVES "program = \"nothing\"; }",
        "kv: kv { " COMMON SERVES "uses = <&kv 1>; }",
        "kv: kv { " COMMON SERVES "uses = <&mm 0>; }",
        "kv: kv { " COMMON SERVES "kernel = \"nothing\"; }",
        "kv: kv { " COMMON SERVES "compatible = \"x\"; }",
        "kv: abcdefghijklmnop { " COMMON SERVES "}",
    };

    for (size_t i = 0; i < sizeof(kv) / sizeof(kv[0]); i++) {
        char nodes[1024];
        snprintf(nodes, sizeof(nodes), CORE "%s; sh { " COMMON "uses = <&mm 1>, <&kv 1>; programs { " COMMON
                                            "uses = <&kv 1>; }; };", kv[i]);
        cr_assert(read_nodes("cardea,system", nodes), "%s", lines);
        cr_expect_str_eq(order(), "sh ", "%s\n%s", kv[i], lines);
        cr_expect_not_null(strstr(lines, "system.dtb: sh: starts without "), "%s", lines);
        cr_expect_not_null(strstr(lines, "system.dtb: sh: programs: starts without "), "%s", lines);
        cr_expect_eq(process("sh")->own.use_count, 1);
    }
}

Test(description_order, drivers_are_nothing_without_dev)
{
    check(CORE "dev: dev { memory = <1024>; " SERVES "}; a: a { " COMMON
               SERVES "uses = <&dev 1>; compatible = \"x\"; }; b { " COMMON "uses = <&dev 2>, <&a 1>; };",
          "b ",
          "system.dtb: dev: has no priority\n"
          "system.dtb: a: left out, because it drives x and dev is left out\n"
          "system.dtb: b: starts without dev, which is left out\n"
          "system.dtb: b: starts without a, which is left out\n");
}
