/* SPDX-License-Identifier: MIT */
/* Interrupt controllers and harts of device trees: those of QEMU's machines, and trees that lie. */
#include <base/cpu.h>
#include <base/intc.h>

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
    while (fdt_walk_next(&tree, &walk)) {
        const char *text = intc_add(&set, &tree, &walk);
        if (text != NULL) {
            sprintf(said + strlen(said), "%s %s\n", fdt_name(&tree, walk.chain[walk.depth - 1]), text);
        }
    }
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
        if (fdt_prop_number(&tree, cpu, "reg", &number) && number == id) {
            return cpu_intc(&tree, cpu);
        }
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
        if (set.intc[i].base == base) {
            return (int)i;
        }
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
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(target(0, i), 2 * i + 1);
    }
    cr_assert_eq(intc_target(&tree, &set.intc[0], 0), -1);
    cr_assert_eq(intc_target(&tree, &set.intc[0], 99), -1);
}

Test(intc, plic_of_sifive_u)
{
    load_machine("sifive_u -smp 5");
    cr_assert_eq(set.count, 1);
    cr_assert_eq(set.intc[0].sources, 53);
    cr_assert_eq(target(0, 0), -1, "it has no S-mode");
    for (uint32_t i = 1; i < 5; i++) {
        cr_assert_eq(target(0, i), 2 * i);
    }
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
    cr_assert_eq(target(second, 2), 1);
    cr_assert_eq(target(second, 3), 3);
    cr_assert_eq(target(second, 1), -1);
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
    const char *cells = "p@c000000 is not used: its interrupts have neither 1 nor 2 cells\n";

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
    load_source(HARTS PLIC("p@c000000",
                           "reg = <0xffffffff 0xfff00000 0 0x600000>;" PLIC_CELLS "riscv,ndev = <9>;") "};");
    expect(registers);
    cr_assert_eq(set.count, 0);
    cr_assert_eq(set.lines, 0);
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

static unsigned usable(const char *properties)
{
    struct fdt_walk walk = {0};
    unsigned count = 0;

    load_source("/dts-v1/; / { cpu { %s }; };", properties);
    while (fdt_walk_next(&tree, &walk)) {
        count += cpu_is_usable(&tree, &walk);
    }
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
