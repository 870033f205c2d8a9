/* SPDX-License-Identifier: MIT */
/*
 * The system description: sources compiled by dtc, one for each mistake that can be made, with the lines that
 * init says about them and the order in which it starts the rest; the real one; and damaged ones.
 */
// sources: user/init/description.c user/init/uses.c user/init/order.c
#include "description_world.h"

/* Everything but init and mm starts, each after what it uses. */
static void check_order(void)
{
    uint32_t started = 1u << description.init | 1u << description.mm;

    cr_assert_eq(description.order_count, description.count - 2);
    for (unsigned i = 0; i < description.order_count; i++) {
        const struct description_process *each = &description.process[description.order[i]];
        for (unsigned target = 0; target < description.count; target++)
            cr_assert(!description_uses(each, target) || (started >> target & 1), "%s", each->name);
        started |= 1u << description.order[i];
    }
}

Test(description, the_real_one_has_no_mistake)
{
    char scratch[64], tree[PATH_MAX];

    cr_assert_not_null(getcwd(tree, sizeof(tree)));
    enter_scratch(scratch);
    run("gcc -E -P -nostdinc -undef -x assembler-with-cpp -I '%s/include' '%s/dts/system.dts' -o s.dts", tree,
        tree);
    run("dtc -q -I dts -O dtb -o s.dtb s.dts");
    struct exact blob = read_file("s.dtb");
    cr_assert(read_blob(blob.data, blob.size));
    exact_free(&blob);
    leave_scratch(scratch);

    cr_assert_str_eq(lines, "");
    check_order();
    const struct description_process *shell = process("sh"), *blk = process("virtio-blk");
    cr_assert(shell->spawns);
    cr_assert_eq(shell->serves[0], 0);
    cr_assert(description_uses(shell, description_find(&description, "fs")));
    cr_assert_not(description_uses(shell, description_find(&description, "virtio-blk")));
    cr_assert_str_eq(blk->compatible, "virtio,mmio");
    cr_assert_eq(blk->virtio_id, 2);
    cr_assert_neq(blk->irq_deadline, 0);
    cr_assert_neq(process("console")->irq_deadline, 0);
    for (unsigned i = 0; i < description.count; i++) {
        const struct description_process *each = &description.process[i];
        cr_assert(each->irq_deadline == 0 || each->compatible[0] != 0, "%s", each->name);
        cr_assert_eq(each->own.deadline, 0, "%s would not use the fast lanes", each->name);
    }
}

Test(description, says_what_is_written)
{
    check(CORE DEV
          "a: a { program = \"b\"; priority = <255>; memory = <300>; budget = <2000>; period = <50000>;"
          "hart = <3>; restart = \"never\"; kernel = \"log\", \"echo\"; uses = <&mm 1>, <&dev 0xffff>;"
          "deadline-us = <700>; compatible = \"x\"; irq-deadline-us = <10000000>; };"
          "p { " COMMON "programs { priority = <9>; memory = <512>; uses = <&init 1>; }; };",
          "dev a p ", "");
    const struct description_process *a = process("a"), *p = process("p");
    cr_assert_str_eq(a->program, "b");
    cr_assert_eq(a->own.priority, 255);
    cr_assert_eq(a->own.memory, 300 * 1024);
    cr_assert_eq(a->own.budget, 2000);
    cr_assert_eq(a->own.period, 50000);
    cr_assert_eq(a->own.deadline, 700);
    cr_assert_eq(a->irq_deadline, 10000000);
    cr_assert_eq(a->own.hart, 3);
    cr_assert_eq(a->own.kernel, GRANT_LOG | GRANT_ECHO);
    cr_assert_not(a->restart);
    cr_assert_eq(a->own.use_count, 2);
    cr_assert_eq(a->own.use[0].target, description.mm);
    cr_assert_eq(a->own.use[1].target, description.dev);
    cr_assert_eq(a->own.use[1].rights, 0xffff);
    cr_assert(p->spawns && p->restart);
    cr_assert_str_eq(p->program, "p");
    cr_assert_eq(p->own.budget, 10000);
    cr_assert_eq(p->own.period, 10000);
    cr_assert_eq(p->own.deadline, 0);
    cr_assert_eq(p->irq_deadline, 0);
    cr_assert_eq(p->programs.priority, 9);
    cr_assert_eq(p->programs.memory, 512 * 1024);
    cr_assert_eq(p->programs.hart, HART_ANY);
    cr_assert_eq(p->programs.use_count, 1);
    cr_assert_eq(p->programs.use[0].target, description.init);
}

/* A budget that is longer than the usual period is its own period. */
Test(description, long_budget)
{
    check(CORE "a { " COMMON "budget = <50000>; };", "a ", "");
    cr_assert_eq(process("a")->own.period, 50000);
}

Test(description, order_follows_uses)
{
    check(CORE "a { " COMMON "uses = <&b 1>; }; b: b { " COMMON SERVES "uses = <&c 1>; };"
               "c: c { " COMMON SERVES "}; d { " COMMON "programs { " COMMON "uses = <&b 1>; }; };",
          "c b d a ", "");
}

Test(description, unknown_program)
{
    check(CORE "a { " COMMON "program = \"nothing\"; }; b { " COMMON "};", "b ",
          "system.dtb: a: program nothing is not in the archive\n");
    check(CORE "nothing { " COMMON "};", "", "system.dtb: nothing: program nothing is not in the archive\n");
}

Test(description, phandle_that_points_nowhere)
{
    check(CORE "console { " COMMON "uses = <7 1>; };", "console ",
          "system.dtb: console: starts without phandle 7, which no process has\n");
    check(CORE "a { " COMMON "uses = <0 1>; };", "a ",
          "system.dtb: a: starts without phandle 0, which no process has\n");
    check(CORE "a { " COMMON "programs { phandle = <9>; " COMMON "}; };", "",
          "system.dtb: a: programs: unknown property 'phandle'\n");
    check(CORE "a { " COMMON "uses = <&b 1>; }; b: b { " COMMON "};", "a b ",
          "system.dtb: a: starts without b, which serves nothing\n");
    /* The mistake is the name's. */
    check(CORE "a { " COMMON "uses = <&b 1>; }; b: abcdefghijklmnop { " COMMON SERVES "};", "a ",
          "system.dtb: the name of process abcdefghijklmnop is longer than 15 characters\n"
          "system.dtb: a: starts without phandle 1, which no process has\n");
}

Test(description, two_drivers_for_one_device)
{
#define DRIVER(name, more) #name " { " COMMON "uses = <&dev 1>; compatible = \"virtio,mmio\"; " more " };"
    check(CORE DEV DRIVER(a, "virtio-id = <2>;") DRIVER(b, "virtio-id = <2>;"), "dev a ",
          "system.dtb: b: drives virtio,mmio, as a does already\n");
    check(CORE DEV DRIVER(a, "virtio-id = <2>;") DRIVER(b, "virtio-id = <3>;"), "dev a b ", "");
    check(CORE DEV DRIVER(a, "virtio-id = <2>;") DRIVER(b, ""), "dev a ",
          "system.dtb: b: drives virtio,mmio, as a does already\n");
    check(CORE DEV "a { " COMMON "compatible = \"ns16550a\"; };", "dev ",
          "system.dtb: a: drives ns16550a but does not use dev\n");
    check(CORE "a { " COMMON "compatible = \"ns16550a\"; };", "",
          "system.dtb: a: drives ns16550a but does not use dev\n");
    check(CORE "a { " COMMON "virtio-id = <1>; };", "", "system.dtb: a: virtio-id without compatible\n");
}

Test(description, several_kinds_of_hardware)
{
    check(CORE DEV "a { " COMMON "uses = <&dev 1>; compatible = \"ns16550a\", \"sifive,uart0\"; };"
                   "b { " COMMON "uses = <&dev 1>; compatible = \"x\", \"sifive,uart0\"; };"
                   "c { " COMMON "uses = <&dev 1>; compatible = \"x\", \"virtio,mmio\"; virtio-id = <1>; };"
                   "d { " COMMON "uses = <&dev 1>; compatible = \"virtio,mmio\", \"y\"; virtio-id = <2>; };"
                   "e { " COMMON "uses = <&dev 1>; compatible = \"y\"; virtio-id = <3>; };",
          "dev a c d ",
          "system.dtb: b: drives sifive,uart0, as a does already\n"
          "system.dtb: e: drives y, as d does already\n");
    const char expected[] = "ns16550a\0sifive,uart0\0";
    cr_assert_eq(memcmp(process("a")->compatible, expected, sizeof(expected)), 0);
}

/* The longest list has room for the empty string at its end, and one that is longer is told. */
Test(description, long_lists_of_hardware)
{
    char nodes[2048] = CORE DEV "a { " COMMON "uses = <&dev 1>; compatible = ";

    for (unsigned i = 0; i < 8; i++) {
        char *end = nodes + strlen(nodes);
        snprintf(end, (size_t)(nodes + sizeof(nodes) - end), "%s\"a%u2345678901234567890123456789%s\"",
                 i == 0 ? "" : ", ", i, i == 7 ? "" : "0");
    }
    strcat(nodes, "; };");
    check(nodes, "dev a ", "");
    const char *last = process("a")->compatible + DESCRIPTION_COMPATIBLE - 2;
    cr_assert(last[-1] == '9' && last[0] == 0 && last[1] == 0);
    memcpy(strrchr(nodes, '"'), "0\"; };", sizeof("0\"; };"));
    check(nodes, "dev ", "system.dtb: a: compatible has more than 255 characters\n");
}

#define DRIVES "uses = <&dev 1>; compatible = \"x\"; "
Test(description, names)
{
    check(CORE "a@1 { " COMMON "}; a@2 { " COMMON "}; b { " COMMON "};", "a@1 a@2 b ", "");
    cr_assert_str_eq(description.process[2].program, "a");
    check(CORE DEV "a@1 { " COMMON DRIVES "}; a@02 { " COMMON DRIVES "}; a { " COMMON DRIVES "};",
          "dev a@1 a@02 ", "system.dtb: a: drives x, as a@1 does already\n");
    cr_assert_eq(description.process[3].instance, 1);
    cr_assert_eq(description.process[4].instance, 2);
    cr_assert_eq(description.process[5].instance, INSTANCE_ALL);
    check(CORE DEV "a@x { " COMMON DRIVES "}; a@1000 { " COMMON DRIVES "};", "dev ",
          "system.dtb: a@x: drives hardware: behind the @ must be a number\n"
          "system.dtb: a@1000: drives hardware: behind the @ must be a number\n");
    check(CORE "a23456789012345 { " COMMON "}; b234567890123456 { " COMMON "};", "a23456789012345 ",
          "system.dtb: the name of process b234567890123456 is longer than 15 characters\n");
}

Test(description, numbers)
{
    const struct {
        const char *properties, *line;
    } cases[] = {
        {"memory = <1024>;", "has no priority"},
        {"priority = <10>;", "has no memory"},
        {"priority = <256>; memory = <1024>;", "priority 256 is not between 0 and 255"},
        {"priority = <1 2>; memory = <1024>;", "priority is not one number"},
        {"priority = \"ten\"; memory = <1024>;", "priority 1952804352 is not between 0 and 255"},
        {"priority = \"much\"; memory = <1024>;", "priority is not one number"},
        {"priority; memory = <1024>;", "priority is not one number"},
        {"priority = <1>; memory = <0>;", "memory 0 is not between 256 and 16777216"},
        {"priority = <1>; memory = <0xffffffff>;", "memory 4294967295 is not between 256 and 16777216"},
        {COMMON "budget = <0>;", "budget 0 is not between 100 and 10000000"},
        {COMMON "period = <10000001>;", "period 10000001 is not between 100 and 10000000"},
        {COMMON "budget = <3000>; period = <2000>;", "budget 3000 is more than period 2000"},
        {COMMON "hart = <8>;", "hart 8 is not between 0 and 7"},
        {COMMON "compatible = \"x\"; virtio-id = <0>;", "virtio-id 0 is not between 1 and 65535"},
        {COMMON "deadline-us = <0>;", "deadline-us 0 is not between 1 and 10000000"},
        {COMMON "deadline-us = <10000001>;", "deadline-us 10000001 is not between 1 and 10000000"},
        {COMMON "deadline-us;", "deadline-us is not one number"},
        {COMMON "compatible = \"x\"; irq-deadline-us = <0>;",
         "irq-deadline-us 0 is not between 1 and 10000000"},
        {COMMON "compatible = \"x\"; irq-deadline-us = \"soon\";", "irq-deadline-us is not one number"},
        {COMMON "irq-deadline-us = <1000>;", "irq-deadline-us without compatible"},
        {"programs { priority = <1>; }; " COMMON, "programs: has no memory"},
        {"programs { priority = <1000>; memory = <512>; }; " COMMON,
         "programs: priority 1000 is not between 0 and 255"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char nodes[1024], line[256];
        snprintf(nodes, sizeof(nodes), CORE "a { %s }; b { " COMMON "};", cases[i].properties);
        /* dtc wants properties before nodes. */
        if (strncmp(cases[i].properties, "programs", 8) == 0) {
            const char *end = strstr(cases[i].properties, "}; ");
            snprintf(nodes, sizeof(nodes), CORE "a { %s %.*s }; }; b { " COMMON "};", end + 3,
                     (int)(end - cases[i].properties), cases[i].properties);
        }
        snprintf(line, sizeof(line), "system.dtb: a: %s\n", cases[i].line);
        check(nodes, "b ", line);
    }
}

Test(description, wrong_types_and_names)
{
    const struct {
        const char *properties, *line;
    } cases[] = {
        {COMMON "priorty = <1>;", "unknown property 'priorty'"},
        {COMMON "program = <1>;", "program is not one string"},
        {COMMON "program = \"a\", \"b\";", "program is not one string"},
        {COMMON "program = \"\";", "program is not one string"},
        {COMMON "program = \"12345678901234567890123456789012\";", "program is longer than 31 characters"},
        {COMMON "restart = \"sometimes\";", "restart is neither \"always\" nor \"never\""},
        {COMMON "serves = <1>;", "serves is not one string"},
        {COMMON "compatible = <1>;", "compatible is not a list of strings"},
        {COMMON "compatible;", "compatible is not a list of strings"},
        {COMMON "compatible = \"a\", \"\", \"b\";", "compatible is not a list of strings"},
        {COMMON "compatible = \"a\", \"12345678901234567890123456789012\";",
         "compatible \"12345678901234567890123456789012\" is longer than 31 characters"},
        {COMMON "kernel = <0x41424344>;", "kernel is not a list of strings"},
        {COMMON "kernel = \"log\", \"everything\";", "kernel: there is no \"everything\" to have"},
        {COMMON "kernel = \"memory\";", "kernel: only mm can have \"memory\""},
        {COMMON "kernel = \"devices\";", "kernel: only dev can have \"devices\""},
        {COMMON "uses;", "uses is not a list of pairs <&process rights>"},
        {COMMON "uses = <&mm>;", "uses is not a list of pairs <&process rights>"},
        {COMMON "uses = \"mm\";", "uses is not a list of pairs <&process rights>"},
        {COMMON "uses = <&mm 0>;", "rights 0x0 to mm are not between 1 and 0xffff"},
        {COMMON "uses = <&mm 0x10000>;", "rights 0x10000 to mm are not between 1 and 0xffff"},
        {COMMON "uses = <&mm 1>, <&mm 2>;", "uses mm twice"},
        {COMMON "uses = <1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1>;",
         "uses 17 processes, more than 16"},
        {COMMON "child { };", "unknown node 'child'"},
        {COMMON "programs { " COMMON "restart = \"never\"; };", "programs: unknown property 'restart'"},
        {COMMON "programs { " COMMON "deadline-us = <500>; };", "programs: unknown property 'deadline-us'"},
        {COMMON "programs { " COMMON "kernel = \"irq\"; };", "programs: kernel: only dev can have \"irq\""},
        {COMMON "programs { " COMMON "uses = <&mm 0>; };",
         "programs: rights 0x0 to mm are not between 1 and 0xffff"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char nodes[1024], line[256];
        snprintf(nodes, sizeof(nodes), CORE "a { %s }; b { " COMMON "};", cases[i].properties);
        snprintf(line, sizeof(line), "system.dtb: a: %s\n", cases[i].line);
        check(nodes, "b ", line);
    }
}

Test(description, too_many_processes)
{
    char nodes[4096] = CORE;

    for (unsigned i = 0; i < DESCRIPTION_MAX_PROCESSES; i++)
        snprintf(nodes + strlen(nodes), sizeof(nodes) - strlen(nodes), "p%u { " COMMON "};", i);
    cr_assert(read_nodes("cardea,system", nodes));
    cr_assert_str_eq(lines, "system.dtb: more than 32 processes; left out from p30 on\n");
    cr_assert_eq(description.order_count, DESCRIPTION_MAX_PROCESSES - 2);
}

Test(description, nothing_can_start)
{
    const char *no_mm = "system.dtb: describes no process mm, without which no other can run\n";

    check_refused(
        "something,else", CORE,
        "system.dtb: not a system description: its root is not compatible with \"cardea,system\"\n");
    check_refused("cardea,system", "",
                  "system.dtb: describes no process init, without which no other can run\n");
    check_refused("cardea,system", "init { priority = <1>; " SERVES "};", no_mm);
    check_refused("cardea,system", "init { priority = <1>; " SERVES "}; mm { " SERVES "};",
                  "system.dtb: mm: has no priority\n");
    check_refused("cardea,system",
                  "init { priority = <1>; " SERVES "}; mm { priority = <1>; program = \"nothing\"; };",
                  "system.dtb: mm: program nothing is not in the archive\n");
}

Test(description, no_device_tree)
{
    uint8_t text[] = "This is no device tree, but it is long enough to be one, or so one might think.";

    cr_assert_not(read_blob(text, sizeof(text)));
    cr_assert_str_eq(lines, "system.dtb: bad magic number\n");
    cr_assert_not(read_blob(text, 0));
    cr_assert(strncmp(lines, "system.dtb: ", 12) == 0 && strchr(lines, '\n') == strrchr(lines, '\n'), "%s",
              lines);
}

/* Damage anywhere: no crash, no read outside, at most a line for each process and each cycle, and what is
 * started stands after what it uses. */
Test(description, damage, .timeout = 60)
{
    char scratch[64];
    uint64_t random = 0x5eed;
    unsigned refused = 0, partly = 0, whole = 0;
    const char *nodes = "/dts-v1/; / { compatible = \"cardea,system\";" CORE DEV "a: a { " COMMON
                        SERVES "uses = <&mm 1>, <&dev 1>; compatible = \"x\"; };"
                        "b { " COMMON "uses = <&a 1>; programs { " COMMON "uses = <&a 1>; }; }; };";

    enter_scratch(scratch);
    write_file("t.dts", nodes, strlen(nodes));
    run("dtc -q -I dts -O dtb -o t.dtb t.dts");
    struct exact good = read_file("t.dtb");
    for (unsigned round = 0; round < 20000; round++) {
        struct exact bad = exact_copy(good.data, good.size, 0);
        for (uint64_t n = random_below(&random, 3); n < 3; n++)
            bad.data[random_below(&random, bad.size)] = (uint8_t)random_next(&random);
        if (!read_blob(bad.data, bad.size)) {
            refused++;
            cr_assert_neq(lines[0], 0, "refused without a word");
        } else if (lines[0] != 0) {
            partly++;
        } else {
            whole++;
        }
        bool started[DESCRIPTION_MAX_PROCESSES] = {false};
        for (unsigned i = 0; i < description.order_count; i++) {
            unsigned index = description.order[i];
            cr_assert_not(started[index] || description.process[index].bad);
            for (unsigned target = 0; target < description.count; target++) {
                cr_assert(!description_uses(&description.process[index], target) || started[target] ||
                          target == description.init || target == description.mm);
            }
            started[index] = true;
        }
        exact_free(&bad);
    }
    exact_free(&good);
    leave_scratch(scratch);
    cr_assert(refused > 100 && partly > 100 && whole > 100, "%u, %u, %u", refused, partly, whole);
}
