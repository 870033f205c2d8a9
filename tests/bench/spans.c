/* SPDX-License-Identifier: MIT */
/*
 * A plugin for QEMU 7.2 that counts, for each hart and each function of kernel and programs, the instructions
 * of spans that a program marks: `slti zero, zero, N`, which does nothing, begins span N (1 to 63), and N = 0
 * ends it. What all harts do in between counts, the mark itself does not.
 *
 *   output=PATH     where the figures go when QEMU ends
 *   functions=PATH  lines ADDRESS NAME, as tests/bench/spans.py makes them
 *
 * Waiting for other harts counts as `(waiting)` of each.
 *
 * The output: `span N begun TIMES ipis COUNT` for each span, and for each hart and function with a part in it
 * `part N HART NAME INSTRUCTIONS CALLS`, CALLS being how often the function's first instruction was executed.
 * An IPI is a store by one hart to what interrupts another: MSIP of the CLINT, or a file of an IMSIC.
 */
#include "plugin.h"

/* Where QEMU's machine `virt` has what one hart interrupts another with. */
#define MSIP_BASE  0x02000000ull
#define MSIP_END   0x02004000ull
#define IMSIC_BASE 0x24000000ull
#define IMSIC_END  0x2c000000ull
#define MARK       0x00002013u /* slti zero, zero, 0 */
#define MARK_MASK  0x000fffffu
#define MAX_SPANS  64

struct part {
    uint64_t instructions, calls;
};

static struct part parts[MAX_SPANS][MAX_HARTS][MAX_FUNCTIONS];
static uint64_t begun[MAX_SPANS], ipis[MAX_SPANS], waiting[MAX_SPANS][MAX_HARTS];
static struct loop loops[MAX_HARTS];
static unsigned now; /* the span, 0: none */
static const char *path;

static void at_exit(uint64_t id, void *data)
{
    FILE *file = fopen(path, "w");

    (void)id, (void)data;
    for (unsigned n = 1; file && n < MAX_SPANS; n++) {
        if (!begun[n])
            continue;
        fprintf(file, "span %u begun %" PRIu64 " ipis %" PRIu64 "\n", n, begun[n], ipis[n]);
        for (unsigned hart = 0; hart < MAX_HARTS; hart++) {
            if (waiting[n][hart])
                fprintf(file, "part %u %u (waiting) %" PRIu64 " 0\n", n, hart, waiting[n][hart]);
            for (unsigned f = 0; f < function_count; f++) {
                const struct part *part = &parts[n][hart][f];
                if (part->instructions)
                    fprintf(file, "part %u %u %s %" PRIu64 " %" PRIu64 "\n", n, hart, function[f].name,
                            part->instructions, part->calls);
            }
        }
    }
    if (file)
        fclose(file);
}

/* --- What happens at each instruction --- */

static void executed(unsigned hart, void *data)
{
    unsigned of = (uintptr_t)data;

    if (!now)
        return;
    parts[now][hart % MAX_HARTS][of].instructions++;
    loop_note(&loops[hart % MAX_HARTS], of, 1);
}

static void entered(unsigned hart, void *data)
{
    executed(hart, data);
    if (now)
        parts[now][hart % MAX_HARTS][(uintptr_t)data].calls++;
}

static void waited(unsigned hart, void *data)
{
    struct loop *loop = &loops[hart % MAX_HARTS];

    (void)data;
    if (!now)
        return;
    for (unsigned i = 0; loop->open && i < loop->used; i++) {
        parts[now][hart % MAX_HARTS][loop->piece[i].function].instructions -= loop->piece[i].count;
        waiting[now][hart % MAX_HARTS] += loop->piece[i].count;
    }
    waiting[now][hart % MAX_HARTS]++;
    loop_begin(loop);
}

static void marked(unsigned hart, void *data)
{
    (void)hart;
    now = (uintptr_t)data;
    begun[now]++;
    memset(loops, 0, sizeof(loops));
}

static bool interrupts_another(unsigned hart, uint64_t address)
{
    if (address >= MSIP_BASE && address < MSIP_END)
        return (address - MSIP_BASE) / 4 != hart;
    return address >= IMSIC_BASE && address < IMSIC_END && (address >> 12 & 0xfff) != hart;
}

static void stored(unsigned hart, uint32_t info, uint64_t address, void *data)
{
    (void)data;
    if (!now)
        return;
    struct qemu_plugin_hwaddr *place = qemu_plugin_get_hwaddr(info, address);
    if (place && qemu_plugin_hwaddr_is_io(place) &&
        interrupts_another(hart, qemu_plugin_hwaddr_phys_addr(place)))
        ipis[now]++;
}

/* --- Translation --- */

/* The number of the mark; -1: it is none. */
static int mark_of(const struct qemu_plugin_insn *insn)
{
    uint32_t code = code_of(insn);

    return (code & MARK_MASK) == MARK && code >> 20 < MAX_SPANS ? (int)(code >> 20) : -1;
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint64_t address = qemu_plugin_insn_vaddr(insn);
        uintptr_t of = function_at(address);
        int mark = mark_of(insn);

        if (mark >= 0) {
            qemu_plugin_register_vcpu_insn_exec_cb(insn, marked, CB_NO_REGS, (void *)(uintptr_t)mark);
            continue;
        }
        qemu_plugin_register_vcpu_insn_exec_cb(insn,
                                               code_of(insn) == INSN_PAUSE       ? waited
                                               : address == function[of].address ? entered
                                                                                 : executed,
                                               CB_NO_REGS, (void *)of);
        if (of == 0 || address >= KERNEL_BASE)
            qemu_plugin_register_vcpu_mem_cb(insn, stored, CB_NO_REGS, MEM_WRITES, NULL);
    }
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    const char *functions = NULL;

    (void)info;
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], "output=", 7) == 0)
            path = strdup(argv[i] + 7);
        else if (strncmp(argv[i], "functions=", 10) == 0)
            functions = argv[i] + 10;
    if (!path || !functions || !read_functions(functions)) {
        fprintf(stderr, "spans: wants output=PATH and functions=PATH with lines ADDRESS NAME\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, at_exit, NULL);
    return 0;
}
