/* SPDX-License-Identifier: MIT */
/*
 * A plugin for QEMU 7.2 that counts, for each hart, the instructions of every stretch in which the kernel
 * keeps interrupts off: from the first instruction in the kernel after the hart was in user mode or waited,
 * to the `sret` that leaves it or the `wfi` that waits. Firmware that the kernel calls on the way counts too.
 * The boot does not, nor a boot after a reset: a hart's stretches begin when it first left the kernel or
 * waited.
 *
 *   output=PATH     where the figures go: when QEMU ends, and whenever there is a new longest stretch
 *   functions=PATH  lines ADDRESS NAME, as tests/bench/spans.py makes them
 *
 * Waiting for another hart is counted apart: `pause` with the loop around it, interrupts of the firmware that
 * come meanwhile, and loops of the firmware that go on for longer than any work of it.
 *
 * The output: one line `stretches COUNT instructions SUM waiting SUM`, `over BOUND COUNT` for powers of two,
 * and for each of the functions that took most of some stretch the longest of these stretches: `max COUNT
 * firmware COUNT waiting COUNT`, and behind it the functions with their shares. COUNT is without the waiting.
 *
 * The count is exact but for translated blocks that touch device registers, which count whole twice.
 */
#include "plugin.h"

#include <pthread.h>

#define INSN_SRET     0x10200073u
#define INSN_WFI      0x10500073u
#define INSN_ECALL    0x00000073u
#define POWERS        32
/* A block of the firmware waits that is executed so often in one call: in a row, or with others in between.
 */
#define FIRMWARE_ROW  64
#define FIRMWARE_LOOP 8

/* How often a block of the firmware was executed in one call, and how often after another block. */
struct visits {
    uint32_t call, times, returns;
    bool waits;
};

/* Of a translated block. */
struct block {
    uint32_t count;
    uint16_t function; /* 0: firmware */
    bool ends;         /* in sret or wfi */
    bool calls;        /* the firmware: ends in ecall */
    bool waits;
    struct visits of[MAX_HARTS];
};

/* The longest stretch of which most was one function. */
struct worst {
    uint64_t count, waiting;
    uint32_t share[MAX_FUNCTIONS];
};

struct stretch {
    bool seen;  /* the hart has left the kernel or waited before: the boot is over */
    bool inside;
    uint64_t count, waiting;
    struct loop loop;
    uint32_t call; /* number of the call of the firmware */
    bool called;   /* that call is not over */
    bool calling;  /* the kernel's last block called it; otherwise it takes an interrupt */
    const struct block *last; /* in that call */
    unsigned touched;
    uint16_t order[MAX_FUNCTIONS]; /* functions with a share, as they came */
    bool listed[MAX_FUNCTIONS];
    uint32_t share[MAX_FUNCTIONS];
};

static struct stretch stretches[MAX_HARTS];
static struct worst *worst[MAX_FUNCTIONS];
static uint64_t stretch_count, instruction_sum, waiting_sum, longest, over[POWERS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *path;
static bool many_harts;

/* --- What comes out --- */

static void write_worst(FILE *file, const struct worst *of)
{
    uint32_t share[MAX_FUNCTIONS];

    memcpy(share, of->share, sizeof(share));
    fprintf(file, "max %" PRIu64 " firmware %" PRIu32 " waiting %" PRIu64, of->count, share[0], of->waiting);
    for (;;) {
        unsigned most = 0;
        for (unsigned i = 0; i < function_count; i++)
            if (share[i] > share[most])
                most = i;
        if (!share[most])
            break;
        fprintf(file, " %s %" PRIu32, function[most].name, share[most]);
        share[most] = 0;
    }
    fprintf(file, "\n");
}

/* The file is never seen half written. */
static void write_all(void)
{
    char temporary[4096];

    snprintf(temporary, sizeof(temporary), "%s.new", path);
    FILE *file = fopen(temporary, "w");
    if (!file)
        return;
    fprintf(file, "stretches %" PRIu64 " instructions %" PRIu64 " waiting %" PRIu64 "\n", stretch_count,
            instruction_sum, waiting_sum);
    for (unsigned i = 0; i < POWERS; i++)
        if (over[i])
            fprintf(file, "over %" PRIu64 " %" PRIu64 "\n", (uint64_t)1 << i, over[i]);
    for (unsigned i = 0; i < function_count; i++)
        if (worst[i])
            write_worst(file, worst[i]);
    if (fclose(file) == 0)
        rename(temporary, path);
}

static void at_exit(uint64_t id, void *data)
{
    (void)id, (void)data;
    pthread_mutex_lock(&mutex);
    write_all();
    pthread_mutex_unlock(&mutex);
}

/* --- Stretches --- */

static void keep_worst(const struct stretch *stretch)
{
    unsigned most = stretch->order[0];

    for (unsigned i = 1; i < stretch->touched; i++)
        if (stretch->share[stretch->order[i]] > stretch->share[most])
            most = stretch->order[i];
    if (!worst[most] && !(worst[most] = calloc(1, sizeof(*worst[most]))))
        return;
    if (stretch->count <= worst[most]->count)
        return;
    worst[most]->count = stretch->count;
    worst[most]->waiting = stretch->waiting;
    memcpy(worst[most]->share, stretch->share, sizeof(stretch->share));
}

static void finish(struct stretch *stretch)
{
    pthread_mutex_lock(&mutex);
    stretch_count++;
    instruction_sum += stretch->count;
    waiting_sum += stretch->waiting;
    over[63 - __builtin_clzll(stretch->count)]++;
    keep_worst(stretch);
    if (stretch->count > longest) {
        longest = stretch->count;
        write_all();
    }
    pthread_mutex_unlock(&mutex);
    for (unsigned i = 0; i < stretch->touched; i++)
        stretch->share[stretch->order[i]] = stretch->listed[stretch->order[i]] = 0;
    stretch->touched = 0;
    stretch->count = stretch->waiting = 0;
    stretch->loop.open = stretch->called = false;
    stretch->inside = false;
}

/* Whether the firmware executes the block over and over, as it does until another hart has done what it is
 * to. The first times were waiting as well. Where there is one hart only, nobody waits. */
static bool firmware_waits(struct stretch *stretch, unsigned hart, struct block *block)
{
    if (block->function != 0) {
        stretch->called = false;
        stretch->calling = block->calls;
        return false;
    }
    if (stretch->loop.open && !stretch->calling)
        return true;
    if (!stretch->called)
        stretch->call++;
    stretch->called = true;
    struct visits *visits = &block->of[hart];
    if (visits->call != stretch->call)
        *visits = (struct visits){.call = stretch->call};
    visits->returns += stretch->last != block;
    stretch->last = block;
    uint32_t before = visits->times++;
    if (visits->waits || !many_harts)
        return visits->waits;
    if (before < FIRMWARE_ROW && visits->returns < FIRMWARE_LOOP)
        return false;
    visits->waits = true;
    stretch->share[0] -= before * block->count;
    stretch->count -= before * block->count;
    stretch->waiting += before * block->count;
    return true;
}

static void waited(struct stretch *stretch, unsigned count)
{
    const struct loop *loop = &stretch->loop;

    for (unsigned i = 0; loop->open && i < loop->used; i++) {
        stretch->share[loop->piece[i].function] -= loop->piece[i].count;
        stretch->count -= loop->piece[i].count;
        stretch->waiting += loop->piece[i].count;
    }
    stretch->waiting += count;
    loop_begin(&stretch->loop);
}

static void worked(struct stretch *stretch, unsigned of, unsigned count)
{
    stretch->count += count;
    if (!stretch->listed[of])
        stretch->order[stretch->touched++] = of;
    stretch->listed[of] = true;
    stretch->share[of] += count;
    loop_note(&stretch->loop, of, count);
}

static void in_kernel(unsigned number, void *data)
{
    unsigned hart = number % MAX_HARTS;
    struct stretch *stretch = &stretches[hart];
    struct block *block = data;

    many_harts |= hart != 0;
    if (!stretch->seen) {
        stretch->seen = block->ends;
        return;
    }
    if (!stretch->inside && block->function == 0)
        return; /* the firmware's own interrupts */
    stretch->inside = true;
    if (block->waits)
        waited(stretch, block->count);
    else if (firmware_waits(stretch, hart, block))
        stretch->waiting += block->count;
    else
        worked(stretch, block->function, block->count);
    if (block->ends)
        finish(stretch);
}

static void in_boot(unsigned hart, void *data)
{
    (void)hart, (void)data;
    memset(stretches, 0, sizeof(stretches));
}

/* --- Blocks --- */

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
    size_t count = qemu_plugin_tb_n_insns(tb);
    uint64_t address = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
    bool firmware = in_firmware(address);

    (void)id;
    if (address == FIRMWARE_END)
        qemu_plugin_register_vcpu_tb_exec_cb(tb, in_boot, CB_NO_REGS, NULL);
    if (address < KERNEL_BASE && !firmware)
        return;
    struct block *block = calloc(1, sizeof(*block)); /* kept: the translation may be used until the end */
    if (!block)
        abort();
    block->count = count;
    block->function = function_at(address);
    uint32_t last = firmware ? 0 : code_of(qemu_plugin_tb_get_insn(tb, count - 1));
    block->ends = last == INSN_SRET || last == INSN_WFI;
    block->calls = last == INSN_ECALL;
    block->waits = last == INSN_PAUSE;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, in_kernel, CB_NO_REGS, block);
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
        fprintf(stderr, "irqs_off: wants output=PATH and functions=PATH with lines ADDRESS NAME\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, at_exit, NULL);
    return 0;
}
