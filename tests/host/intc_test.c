/* SPDX-License-Identifier: MIT */
/* Interrupt controllers and harts of device trees: those of QEMU's machines, and trees that lie. */
#include <base/cpu.h>
#include <base/intc.h>
#include <base/range.h>

#include "support.h"

static char scratch[64];
static struct exact blob;
static struct fdt tree;
static struct intc_set set;
static char said[1024]; /* what intc_add() said, one line for each node */

static void set_up(void)
{
    enter_scratch(scratch);
}

static void tear_down(void)
{
    exact_free(&blob);
    leave_scratch(scratch);
}

TestSuite(intc, .init = set_up, .fini = tear_down, .timeout = 60);

static void load(const char *path)
{
    struct fdt_walk walk = {0};

    exact_free(&blob);
    blob = read_file(path);
    cr_assert_eq(fdt_open(&tree, blob.data, blob.size), FDT_OK);
    set = (struct intc_set){0};
    said[0] = 0;
    while (fdt_walk_next(&tree, &walk))
        intc_add(&set, &tree, &walk);
    for (unsigned i = 0; i < set.problems; i++)
        sprintf(said + strlen(said), "%s %s\n", fdt_name(&tree, set.problem[i].node), set.problem[i].text);
}

static void load_machine(const char *options)
{
    run("qemu-system-riscv64 -display none -machine dumpdtb=dtb -M %s", options);
    load("dtb");
}

static void load_source(const char *format, ...)
{
    char source[8192];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(source, sizeof(source), format, arguments);
    va_end(arguments);
    write_file("dts", source, strlen(source));
    run("dtc -q -f -I dts -O dtb -o dtb dts");
    load("dtb");
}

static uint32_t hart(uint32_t id)
{
    uint64_t number;

    for (int cpu = fdt_first_child(&tree, fdt_by_path(&tree, "/cpus")); cpu != FDT_NONE;
         cpu = fdt_next_sibling(&tree, cpu)) {
        if (fdt_prop_number(&tree, cpu, "reg", &number) && number == id)
            return cpu_intc(&tree, cpu);
    }
    cr_assert_fail("no hart %u", id);
    return 0;
}

static int32_t target(unsigned controller, uint32_t hart_id)
{
    return intc_target(&tree, &set.intc[controller], hart(hart_id));
}

static int by_base(uint64_t base)
{
    for (unsigned i = 0; i < set.count; i++) {
        if (set.intc[i].base == base)
            return (int)i;
    }
    cr_assert_fail("no controller at 0x%llx", (unsigned long long)base);
    return 0;
}

/* --- Machines --- */

#define NUMA                                                                                                 \
    " -smp 4 -m 512M -object memory-backend-ram,id=m0,size=256M -object memory-backend-ram,id=m1,size=256M " \
    "-numa node,memdev=m0,cpus=0-1,nodeid=0 -numa node,memdev=m1,cpus=2-3,nodeid=1"

Test(intc, plic_of_virt)
{
    load_machine("virt -smp 4");
    cr_assert_eq(set.count, 1);
    cr_assert_eq(set.intc[0].kind, INTC_PLIC);
    cr_assert_eq(set.intc[0].base, 0xc000000);
    cr_assert_eq(set.intc[0].sources, 96);
    cr_assert_eq(set.intc[0].cells, 1);
    cr_assert_eq(set.lines, 97);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(target(0, i), 2 * i + 1);
    cr_assert_eq(intc_target(&tree, &set.intc[0], 0), -1);
    cr_assert_eq(intc_target(&tree, &set.intc[0], 99), -1);
}

Test(intc, plic_of_sifive_u)
{
    load_machine("sifive_u -smp 5");
    cr_assert_eq(set.count, 1);
    cr_assert_eq(set.intc[0].sources, 53);
    cr_assert_eq(target(0, 0), -1, "it has no S-mode");
    for (uint32_t i = 1; i < 5; i++)
        cr_assert_eq(target(0, i), 2 * i);
}

Test(intc, plics_of_two_nodes)
{
    load_machine("virt" NUMA);
    cr_assert_eq(set.count, 2);
    cr_assert_eq(set.intc[0].first_line, 0);
    cr_assert_eq(set.intc[1].first_line, 97);
    cr_assert_eq(set.lines, 194);
    int first = by_base(0xc000000), second = by_base(0xc600000);
    cr_assert_eq(target(first, 0), 1);
    cr_assert_eq(target(first, 1), 3);
    cr_assert_eq(target(first, 2), -1);
    /* QEMU before 8.0 has them crossed: see target_at(). */
    int32_t crossed = set.intc[0].sources == 96 ? 1 : 0;
    cr_assert_eq(target(second, 2), 1 - crossed);
    cr_assert_eq(target(second, 3), 3 - crossed);
    cr_assert_eq(target(second, 1), -1);
}

static uint32_t line_of(uint64_t base, uint32_t source)
{
    return set.intc[by_base(base)].first_line + source;
}

Test(intc, aplic_of_virt)
{
    load_machine("virt,aia=aplic -smp 4");
    cr_assert_eq(set.count, 1, "the one for machine mode is the firmware's");
    cr_assert_eq(set.intc[0].kind, INTC_APLIC);
    cr_assert_eq(set.intc[0].base, 0xd000000);
    cr_assert_eq(set.intc[0].sources, 96);
    cr_assert_eq(set.intc[0].cells, 2);
    cr_assert_eq(set.intc[0].identities, 0);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(target(0, i), i);
    cr_assert_str_empty(said);
}

Test(intc, imsic_of_virt)
{
    load_machine("virt,aia=aplic-imsic,aia-guests=3 -smp 4");
    cr_assert_eq(set.count, 1);
    cr_assert_eq(set.intc[0].kind, INTC_APLIC_MSI);
    cr_assert_eq(set.intc[0].base, 0xd000000);
    cr_assert_eq(set.intc[0].identities, 255);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(target(0, i), i);
    cr_assert_str_empty(said);
}

Test(intc, aplics_of_two_nodes)
{
    load_machine("virt,aia=aplic" NUMA);
    cr_assert_eq(set.count, 2);
    cr_assert_eq(line_of(0xd000000, 96) + line_of(0xd008000, 96), 96 + 97 + 96);
    cr_assert_eq(target(by_base(0xd000000), 1), 1);
    cr_assert_eq(target(by_base(0xd000000), 2), -1);
    cr_assert_eq(target(by_base(0xd008000), 1), -1);
    cr_assert_eq(target(by_base(0xd008000), 3), 1);
}

/* Each APLIC reaches all harts; bit 1 of the target is the group, the node. */
Test(intc, imsics_of_two_nodes)
{
    load_machine("virt,aia=aplic-imsic" NUMA);
    cr_assert_eq(set.count, 2);
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(target(0, i), i);
        cr_assert_eq(target(1, i), i);
    }
}

Test(intc, controllers_are_aimed_at_harts)
{
    struct cpu_set cpus;
    struct range_set memory = {0}, registers = {0};
    struct fdt_walk walk = {0};
    uint32_t source;

    load_machine("virt" NUMA);
    cpu_set_begin(&cpus, 2);
    while (fdt_walk_next(&tree, &walk)) {
        cpu_set_read(&cpus, &tree, &walk);
        if (intc_kind(&walk) != INTC_NONE)
            intc_keep(&set, &tree, &walk, &registers);
    }
    cr_assert(cpus.boot_found && cpus.count == 4 && cpus.cpu[0].id == 2);
    cr_assert_eq(cpus.timebase, 10000000);
    cr_assert(range_covers(&registers, 0xc000000, 0xcc00000) &&
              range_covers(&registers, 0x2000000, 0x2010000));
    cr_assert_not(range_overlaps(&registers, 0x10000000, 0x10001000));
    intc_aim(&set, &tree, &cpus, &memory);
    struct intc *first = &set.intc[by_base(0xc000000)], *second = &set.intc[by_base(0xc600000)];
    cr_assert_eq(first->target[0], -1);
    cr_assert_geq(second->target[0], 0, "of hart 2");
    cr_assert_eq(intc_of_line(&set, first->first_line + 8, &source), first);
    cr_assert_eq(source, 8);
    cr_assert_null(intc_of_line(&set, 0, &source));
    cr_assert_null(intc_of_line(&set, 97, &source));
    cr_assert_null(intc_of_line(&set, 194, &source));
    range_add(&memory, 0xc700000, 0xc701000);
    intc_aim(&set, &tree, &cpus, &memory);
    cr_assert(second->kind == INTC_NONE && second->size == 0 && second->target[0] == -1);
    cr_assert_eq(first->kind, INTC_PLIC);
    cr_assert_eq(set.lines, 194, "the lines stay");
}

/* Aims at all harts, by their order in the tree. */
static void aim(const struct range_set *memory)
{
    struct cpu_set cpus;
    struct fdt_walk walk = {0};

    cpu_set_begin(&cpus, 0);
    while (fdt_walk_next(&tree, &walk))
        cpu_set_read(&cpus, &tree, &walk);
    cr_assert(cpus.boot_found);
    intc_aim(&set, &tree, &cpus, memory);
}

/* Messages among harts go to the pages where QEMU has the files of S-mode. */
Test(intc, messages_among_harts)
{
    struct range_set memory = {0};

    load_machine("virt,aia=aplic-imsic,aia-guests=3 -smp 4");
    aim(&memory);
    for (uint32_t i = 0; i < CPU_MAX; i++)
        cr_assert_eq(set.message[i], i < 4 ? 0x28000000 + i * 0x4000 : 0);
    range_add(&memory, 0x28005000, 0x28009000);
    aim(&memory);
    cr_assert_eq(set.message[1], 0x28004000);
    cr_assert_eq(set.message[2], 0, "it lies in memory");
    load_machine("virt,aia=aplic-imsic" NUMA);
    aim(&(struct range_set){0});
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(set.message[i], 0x28000000 + i / 2 * 0x1000000 + i % 2 * 0x1000);
    load_machine("virt,aia=aplic -smp 4");
    aim(&(struct range_set){0});
    cr_assert_eq(set.message[0], 0);
}

/* --- Trees that lie --- */

#define HEAD "/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; "
#define HART(id, intc)                                                                                       \
    "cpu@" id " { device_type = \"cpu\"; reg = <" id                                                         \
    ">; i { compatible = \"riscv,cpu-intc\"; phandle = <" intc ">; }; };"
#define CPU_CELLS        "#address-cells = <1>; #size-cells = <0>; "
#define HARTS            HEAD "cpus { " CPU_CELLS HART("0", "1") HART("1", "2") "};"
#define PLIC_REG         "reg = <0 0xc000000 0 0x600000>;"
#define PLIC_CELLS       "#interrupt-cells = <1>;"
#define PLIC(name, text) name " { compatible = \"sifive,plic-1.0.0\"; " text " };"

static void expect(const char *text)
{
    cr_assert_str_eq(said, text);
}

Test(intc, plics_that_cannot_be)
{
    const char *sources = "p@c000000 is not used: the number of its sources is not 1 to 1023\n";
    const char *registers = "p@c000000 is not used: its registers make no sense\n";
    const char *cells = "p@c000000 is not used: its interrupts have another number of cells than is known\n";

    load_source(HARTS PLIC("p@c000000", PLIC_REG PLIC_CELLS "riscv,ndev = <0>;") "};");
    expect(sources);
    load_source(HARTS PLIC("p@c000000", PLIC_REG PLIC_CELLS) "};");
    expect(sources);
    load_source(HARTS PLIC("p@c000000", PLIC_REG PLIC_CELLS "riscv,ndev = <1024>;") "};");
    expect(sources);
    load_source(HARTS PLIC("p@c000000", PLIC_REG PLIC_CELLS "riscv,ndev = <0xffffffff>;") "};");
    expect(sources);
    load_source(HARTS PLIC("p@c000000", PLIC_REG "riscv,ndev = <9>;") "};");
    expect(cells);
    load_source(HARTS PLIC("p@c000000", PLIC_REG "#interrupt-cells = <3>; riscv,ndev = <9>;") "};");
    expect(cells);
    load_source(HARTS PLIC("p@c000000", PLIC_CELLS "riscv,ndev = <9>;") "};");
    expect(registers);
    load_source(
        HARTS PLIC("p@c000000", "reg = <0 0xc000010 0 0x600000>;" PLIC_CELLS "riscv,ndev = <9>;") "};");
    expect(registers);
    load_source(HARTS PLIC("p@c000000", "reg = <0 0xc000000 0 0x1000>;" PLIC_CELLS "riscv,ndev = <9>;") "};");
    expect(registers);
    load_source(HARTS PLIC("p@c000000", "reg = <0 0xc000000 0 0x10001000>;" PLIC_CELLS "riscv,ndev = <9>;")
                "};");
    expect(registers);
    load_source(HARTS PLIC("p@c000000", "reg = <0x1000000 0 0 0x600000>;" PLIC_CELLS "riscv,ndev = <9>;")
                "};");
    expect(registers);
    load_source(HARTS PLIC("p@c000000",
                           "reg = <0xffffffff 0xfff00000 0 0x600000>;" PLIC_CELLS "riscv,ndev = <9>;") "};");
    expect(registers);
    cr_assert_eq(set.count, 0);
    cr_assert_eq(set.lines, 0);
}

/* They tell of each interrupt whether it is an edge. */
Test(intc, plics_of_other_makers)
{
    load_source(HARTS "p@c000000 { compatible = \"x\", \"thead,c900-plic\"; " PLIC_REG
                      "#interrupt-cells = <2>; riscv,ndev = <175>; }; };");
    cr_assert(set.count == 1 && set.intc[0].kind == INTC_PLIC && set.intc[0].cells == 2);
    load_source(HARTS "p@c000000 { compatible = \"x\", \"andestech,nceplic100\"; " PLIC_REG
                      "#interrupt-cells = <2>; riscv,ndev = <175>; }; };");
    cr_assert(set.count == 1 && set.intc[0].kind == INTC_PLIC && set.intc[0].cells == 2);
}

Test(intc, plics_that_are_left_alone)
{
    load_source(HARTS PLIC(
        "a@c000000", PLIC_REG PLIC_CELLS
        "riscv,ndev = <9>; status = \"disabled\";") "bus { status = \"disabled\"; "
                                                    "#address-cells = <2>; #size-cells = <2>; ranges; " PLIC(
                                                        "b@c000000",
                                                        PLIC_REG PLIC_CELLS "riscv,ndev = <9>;") "}; };");
    cr_assert_eq(set.count, 0);
    expect("");
}

/* What is not used takes no lines. */
Test(intc, plics_in_one_place)
{
    load_source(HARTS PLIC("a@c000000", PLIC_REG PLIC_CELLS "riscv,ndev = <9>;")
                    PLIC("b@c5ff000", "reg = <0 0xc5ff000 0 0x600000>;" PLIC_CELLS "riscv,ndev = <9>;") PLIC(
                        "c@c600000", "reg = <0 0xc600000 0 0x600000>;" PLIC_CELLS "riscv,ndev = <7>;") "};");
    expect("b@c5ff000 is not used: its registers overlap those of another\n");
    cr_assert_eq(set.count, 2);
    cr_assert_eq(set.intc[1].first_line, 10);
    cr_assert_eq(set.lines, 18);
}

Test(intc, more_controllers_and_lines_than_there_is_room_for)
{
    char source[4096] = HARTS;

    for (unsigned i = 0; i < INTC_MAX + 1; i++) {
        sprintf(source + strlen(source),
                PLIC("p%u", "reg = <0 0x%x 0 0x600000>;" PLIC_CELLS "riscv,ndev = <9>;"), i,
                0xc000000 + i * 0x1000000);
    }
    load_source("%s};", source);
    expect("p4 is not used: there are too many controllers or lines\n");
    load_source(HARTS PLIC("a@c000000", PLIC_REG PLIC_CELLS "riscv,ndev = <1000>;")
                    PLIC("b@d000000", "reg = <0 0xd000000 0 0x600000>;" PLIC_CELLS "riscv,ndev = <23>;") PLIC(
                        "c@e000000", "reg = <0 0xe000000 0 0x600000>;" PLIC_CELLS "riscv,ndev = <22>;") "};");
    expect("b@d000000 is not used: there are too many controllers or lines\n");
    cr_assert_eq(set.lines, INTC_LINES);
}

Test(intc, contexts)
{
    load_source(HARTS PLIC("p@c000000", "reg = <0 0xc000000 0 0x203000>;" PLIC_CELLS "riscv,ndev = <9>;"
                                        "interrupts-extended = <77 9 1 11 1 9 2 9>;") "};");
    cr_assert_eq(target(0, 0), 2);
    cr_assert_eq(target(0, 1), -1, "its context lies behind the registers");
    load_source(
        HARTS PLIC("p@c000000", PLIC_REG PLIC_CELLS "riscv,ndev = <9>; interrupts-extended = <2 9 1>;") "};");
    cr_assert_eq(target(0, 0), -1, "the list ends in the middle");
    cr_assert_eq(target(0, 1), 0);
    load_source(HARTS PLIC("p@c000000", PLIC_REG PLIC_CELLS "riscv,ndev = <9>;") "};");
    cr_assert_eq(target(0, 0), -1);
}

#define APLIC(name, text)                                                                                    \
    name " { compatible = \"riscv,aplic\"; #interrupt-cells = <2>; riscv,num-sources = <96>; " text " };"
#define APLIC_REG "reg = <0 0xd000000 0 0x8000>;"
#define IMSIC(ids, more)                                                                                     \
    "i: imsics@28000000 { compatible = \"riscv,imsics\"; reg = <0 0x28000000 0 0x2000>; "                    \
    "interrupts-extended = <1 9 2 9>; riscv,num-ids = <" ids ">; " more "};"

Test(intc, aplics_that_cannot_be)
{
    load_source(HARTS APLIC("a", APLIC_REG) "};");
    expect("a is not used: it is not said which harts it interrupts\n");
    load_source(HARTS APLIC("a", APLIC_REG "msi-parent = <2>;") "};");
    expect("a is not used: its msi-parent is no IMSIC\n");
    load_source(HARTS APLIC("a", APLIC_REG "msi-parent = <77>;") "};");
    expect("a is not used: its msi-parent is no IMSIC\n");
    load_source(HARTS APLIC("a", APLIC_REG "msi-parent = <&i>;") IMSIC("255", "status = \"disabled\";") "};");
    expect("a is not used: its msi-parent is no IMSIC\n");
    load_source(HARTS APLIC("a", APLIC_REG "#interrupt-cells = <1>; interrupts-extended = <1 9>;") "};");
    cr_assert_eq(set.count, 1, "of two properties with a name the first counts");
    load_source(HARTS APLIC("a", "reg = <0 0xd000000 0 0x3000>; interrupts-extended = <1 9>;") "};");
    expect("a is not used: its registers make no sense\n");
    load_source(HARTS APLIC("a", APLIC_REG "interrupts-extended = <1 11 2 11>;") "};");
    expect("");
    cr_assert_eq(set.count, 0, "it is the firmware's");
}

Test(intc, imsics_that_cannot_be)
{
    const char *wrong[] = {"<0>", "<64>", "<62>", "<2111>", "<0xffffffff>"};
    const char *bits[] = {"guest-index-bits = <8>", "hart-index-bits = <16>",
                          "hart-index-bits = <0xffffffff>", "group-index-bits = <8>",
                          "group-index-shift = <56>"};

    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        load_source(HARTS APLIC("a", APLIC_REG "msi-parent = <&i>;")
                        IMSIC("255", "") "}; &i { riscv,num-ids = %s; };",
                    wrong[i]);
        expect("a is not used: its IMSIC makes no sense\n");
        load_source(HARTS APLIC("a", APLIC_REG "msi-parent = <&i>;") IMSIC("255", "riscv,%s;") "};", bits[i]);
        expect("a is not used: its IMSIC makes no sense\n");
    }
}

Test(intc, fewer_identities_than_lines)
{
    load_source(HARTS APLIC("a", APLIC_REG "msi-parent = <&i>;")
                    APLIC("b", "reg = <0 0xd008000 0 0x8000>; msi-parent = <&i>;") IMSIC("127", "") "};");
    expect("b has sources that are not used: its IMSIC has too few identities\n");
    cr_assert_eq(set.intc[1].first_line + set.intc[1].sources, 127);
    load_source(HARTS APLIC("a", APLIC_REG "msi-parent = <&i>;")
                    APLIC("b", "reg = <0 0xd008000 0 0x8000>; msi-parent = <&i>;") IMSIC("63", "") "};");
    expect("a has sources that are not used: its IMSIC has too few identities\n"
           "b is not used: its IMSIC has too few identities\n");
    cr_assert_eq(set.lines, 64);
}

/* The identity after the lines is for messages among harts. */
Test(intc, no_identity_for_messages_among_harts)
{
    const struct cpu_set cpus = {.count = 2, .cpu = {{.intc = 1}, {.intc = 2}}};
    const struct range_set memory = {0};
    const char *sources[] = {"62", "63", "96"};

    for (unsigned i = 0; i < 3; i++) {
        load_source(HARTS APLIC("a", APLIC_REG "msi-parent = <&i>;")
                        IMSIC("63", "") "}; / { a { riscv,num-sources = <%s>; }; };",
                    sources[i]);
        intc_aim(&set, &tree, &cpus, &memory);
        cr_assert_eq(set.message[1], i == 0 ? 0x28001000 : 0);
    }
}

Test(intc, targets_of_messages)
{
    load_source(HARTS APLIC("a", APLIC_REG "msi-parent = <&i>;") IMSIC("63", "") "};");
    cr_assert_eq(target(0, 0), 0);
    cr_assert_eq(target(0, 1), 1);
    load_source(HARTS APLIC("a", APLIC_REG "msi-parent = <&i>;")
                    IMSIC("63", "") "}; &i { reg = <0 0x28000000 0 0x1000>; };");
    cr_assert_eq(target(0, 1), -1, "there is no page for it");
    load_source(HARTS APLIC("a", APLIC_REG "msi-parent = <&i>;")
                    IMSIC("63", "") "}; &i { reg = <0 0x28000000 0 0x1000 0 0x29000000 0 0x1000>; };");
    cr_assert_eq(target(0, 1), -1, "its page is not where messages go");
    load_source(HARTS APLIC("a", APLIC_REG "msi-parent = <&i>;") IMSIC(
        "63",
        "riscv,hart-index-bits = <0>; "
        "riscv,group-index-bits = <1>;") "}; &i { reg = <0 0x28000000 0 0x1000 0 0x29000000 0 0x1000>; };");
    cr_assert_eq(target(0, 0), 0);
    cr_assert_eq(target(0, 1), 1, "in another group");
}

Test(intc, aplics_number_harts_themselves)
{
    load_source(
        HARTS APLIC("a", APLIC_REG "interrupts-extended = <1 9 2 9>; riscv,hart-indexes = <5 600>;") "};");
    cr_assert_eq(target(0, 0), 5);
    cr_assert_eq(target(0, 1), -1, "it has no registers");
}

/* --- Harts --- */

static bool isa_of(const char *properties, const char *extension)
{
    load_source("/dts-v1/; / { cpu { %s }; };", properties);
    struct cpu_isa isa = cpu_isa(&tree, fdt_by_path(&tree, "/cpu"));
    return cpu_isa_has(&isa, extension);
}

Test(intc, extensions_of_a_hart)
{
    const char *text = "riscv,isa = \"rv64imafdc_zicsr_sstc\";";
    const char *list = "riscv,isa = \"rv64gc_sstc\"; riscv,isa-extensions = \"i\", \"m\", \"zicsr\";";

    cr_assert(isa_of(text, "f"));
    cr_assert(isa_of(text, "sstc"));
    cr_assert_not(isa_of(text, "v"));
    cr_assert_not(isa_of(text, "s"));
    cr_assert_not(isa_of(text, "sst"));
    cr_assert_not(isa_of(text, "zicsr_sstc_more"));
    cr_assert(isa_of("riscv,isa = \"rv64gc\";", "d"));
    cr_assert_not(isa_of("riscv,isa = \"rv6\";", "i"));
    cr_assert_not(isa_of("", "i"));
    cr_assert(isa_of(list, "zicsr"));
    cr_assert_not(isa_of(list, "sstc"), "the list counts, not the string");
    cr_assert_not(isa_of("riscv,isa-extensions = [69 00 6d];", "i"));
}

Test(intc, harts_of_a_set)
{
    struct cpu_set cpus;
    struct fdt_walk walk = {0};
    char source[8192] = HEAD "cpus { timebase-frequency = <7>; #address-cells = <1>; #size-cells = <0>; ";

    for (unsigned i = 0; i < CPU_MAX + 3; i++) {
        sprintf(
            source + strlen(source),
            "cpu@%x { device_type = \"cpu\"; mmu-type = \"riscv,sv39\"; reg = <%u>; riscv,isa = \"%s\"; "
            "riscv,cboz-block-size = <%u>; };",
            i, i == CPU_MAX + 2 ? 3 : i, i == 1 ? "rv64imac" : "rv64gc_sstc_zicbom_zicboz",
            i == 4 ? 128 : 64);
    }
    load_source("%s}; };", source);
    cpu_set_begin(&cpus, 9);
    while (fdt_walk_next(&tree, &walk))
        cpu_set_read(&cpus, &tree, &walk);
    cr_assert_eq(cpus.count, CPU_MAX);
    cr_assert_eq(cpus.unused, 2, "the last is named twice");
    cr_assert(cpus.boot_found && cpus.cpu[0].id == 9 && cpus.timebase == 7);
    cpu_set_end(&cpus);
    cr_assert(cpus.count == CPU_MAX - 1 && cpus.lesser == 1 && cpus.first_lesser == 1, "it has no FP");
    cr_assert(cpus.has_fp && cpus.has_sstc && cpus.has_zicbom);
    cr_assert_not(cpus.has_zicboz, "one clears blocks of another size");
    for (unsigned i = 0; i < cpus.count; i++)
        cpus.cpu[i].has_zicboz = true;
    cpus.cpu[0].has_fp = cpus.cpu[2].has_sstc = false;
    cpu_set_end(&cpus);
    cr_assert(cpus.count == CPU_MAX - 1 && !cpus.has_fp && !cpus.has_sstc && cpus.has_zicbom);
    cr_assert(cpus.has_zicboz);
}

static unsigned usable(const char *properties)
{
    struct fdt_walk walk = {0};
    unsigned count = 0;

    load_source("/dts-v1/; / { cpu { %s }; };", properties);
    while (fdt_walk_next(&tree, &walk))
        count += cpu_is_usable(&tree, &walk);
    return count;
}

Test(intc, harts_that_can_run_a_system)
{
    cr_assert_eq(usable("device_type = \"cpu\"; mmu-type = \"riscv,sv39\";"), 1);
    cr_assert_eq(usable("device_type = \"cpu\"; mmu-type = \"riscv,sv39\"; status = \"okay\";"), 1);
    cr_assert_eq(usable("device_type = \"cpu\"; mmu-type = \"riscv,sv39\"; status = \"disabled\";"), 0);
    cr_assert_eq(usable("device_type = \"cpu\"; mmu-type = \"riscv,none\";"), 0);
    cr_assert_eq(usable("device_type = \"cpu\";"), 0);
    cr_assert_eq(usable("device_type = \"memory\"; mmu-type = \"riscv,sv39\";"), 0);
}
