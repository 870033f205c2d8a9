/* SPDX-License-Identifier: MIT */
/*
 * A plugin for QEMU 7.2 that counts, for each hart, the instructions of every stretch in which the kernel
 * keeps interrupts off: from the first instruction in the kernel after the hart was in user mode or waited,
 * to the `sret` that leaves it or the `wfi` that waits. Firmware that the kernel calls on the way counts too.
 * The boot does not, nor a boot after a reset: a hart's stretches begin when it first left the kernel or
 * waited.
 *
 *   output=PATH   where the figures go: when QEMU ends, and whenever there is a new longest stretch
 *   symbols=PATH  lines ADDRESS NAME of the kernel's functions, sorted (tests/bench/irqs_off.py makes them)
 *
 * The output: one line `stretches COUNT instructions SUM`, `over BOUND COUNT` for powers of two, and for each
 * of the functions that took most of some stretch the longest of these stretches: `max COUNT firmware COUNT`,
 * and behind it the functions with their shares.
 *
 * The count is exact but for translated blocks that touch device registers, which count whole twice.
 * The declarations are QEMU's plugin interface, version 1; no Debian package has them as a header.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { CB_NO_REGS };

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
                                           void (*translated)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, void (*executed)(unsigned, void *),
                                          int flags, void *data);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*at_exit)(uint64_t, void *), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

#define SEEN __attribute__((visibility("default")))
SEEN int qemu_plugin_version = 1;
SEEN int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

#define KERNEL_BASE   0xffffffc000000000ull
#define FIRMWARE_BASE 0x80000000ull
#define FIRMWARE_END  0x80200000ull /* and where the kernel begins */
#define INSN_SRET     0x10200073u
#define INSN_WFI      0x10500073u
#define MAX_FUNCTIONS 1024
#define MAX_HARTS     8
#define POWERS        32

/* Of a translated block. */
struct block {
    uint32_t count;
    uint16_t function; /* 0: firmware */
    bool ends;         /* in sret or wfi */
};

/* The longest stretch of which most was one function. */
struct worst {
    uint64_t count;
    uint32_t share[MAX_FUNCTIONS];
};

struct stretch {
    bool seen;  /* the hart has left the kernel or waited before: the boot is over */
    bool inside;
    uint64_t count;
    unsigned touched;
    uint16_t order[MAX_FUNCTIONS]; /* functions with a share, as they came */
    uint32_t share[MAX_FUNCTIONS];
};

static struct {
    uint64_t address;
    char name[60];
} function[MAX_FUNCTIONS] = {{0, "(firmware)"}};
static unsigned function_count = 1;
static struct stretch stretches[MAX_HARTS];
static struct worst *worst[MAX_FUNCTIONS];
static uint64_t stretch_count, instruction_sum, longest, over[POWERS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *path;

/* --- What comes out --- */

static void write_worst(FILE *file, const struct worst *of)
{
    uint32_t share[MAX_FUNCTIONS];

    memcpy(share, of->share, sizeof(share));
    fprintf(file, "max %" PRIu64 " firmware %" PRIu32, of->count, share[0]);
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
    fprintf(file, "stretches %" PRIu64 " instructions %" PRIu64 "\n", stretch_count, instruction_sum);
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
    memcpy(worst[most]->share, stretch->share, sizeof(stretch->share));
}

static void finish(struct stretch *stretch)
{
    pthread_mutex_lock(&mutex);
    stretch_count++;
    instruction_sum += stretch->count;
    over[63 - __builtin_clzll(stretch->count)]++;
    keep_worst(stretch);
    if (stretch->count > longest) {
        longest = stretch->count;
        write_all();
    }
    pthread_mutex_unlock(&mutex);
    for (unsigned i = 0; i < stretch->touched; i++)
        stretch->share[stretch->order[i]] = 0;
    stretch->touched = 0;
    stretch->count = 0;
    stretch->inside = false;
}

static void in_kernel(unsigned hart, void *data)
{
    struct stretch *stretch = &stretches[hart % MAX_HARTS];
    const struct block *block = data;

    if (!stretch->seen) {
        stretch->seen = block->ends;
        return;
    }
    if (!stretch->inside && block->function == 0)
        return; /* the firmware's own interrupts */
    stretch->inside = true;
    stretch->count += block->count;
    if (!stretch->share[block->function])
        stretch->order[stretch->touched++] = block->function;
    stretch->share[block->function] += block->count;
    if (block->ends)
        finish(stretch);
}

static void in_boot(unsigned hart, void *data)
{
    (void)hart, (void)data;
    memset(stretches, 0, sizeof(stretches));
}

/* --- Blocks --- */

static unsigned function_at(uint64_t address)
{
    unsigned low = 0, high = function_count;

    if (address < KERNEL_BASE)
        return 0;
    while (high - low > 1) {
        unsigned middle = (low + high) / 2;
        if (function[middle].address <= address)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool ends_stretch(struct qemu_plugin_insn *insn)
{
    uint32_t code;

    if (qemu_plugin_insn_size(insn) != sizeof(code))
        return false;
    memcpy(&code, qemu_plugin_insn_data(insn), sizeof(code));
    return code == INSN_SRET || code == INSN_WFI;
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
    size_t count = qemu_plugin_tb_n_insns(tb);
    uint64_t address = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
    bool firmware = address >= FIRMWARE_BASE && address < FIRMWARE_END;

    (void)id;
    if (address == FIRMWARE_END)
        qemu_plugin_register_vcpu_tb_exec_cb(tb, in_boot, CB_NO_REGS, NULL);
    if (address < KERNEL_BASE && !firmware)
        return;
    struct block *block = malloc(sizeof(*block)); /* kept: the translation may be used until the end */
    if (!block)
        abort();
    block->count = count;
    block->function = function_at(address);
    block->ends = !firmware && ends_stretch(qemu_plugin_tb_get_insn(tb, count - 1));
    qemu_plugin_register_vcpu_tb_exec_cb(tb, in_kernel, CB_NO_REGS, block);
}

static bool read_symbols(const char *name)
{
    FILE *file = fopen(name, "r");

    if (!file)
        return false;
    for (; function_count < MAX_FUNCTIONS; function_count++)
        if (fscanf(file, "%" SCNx64 " %59s", &function[function_count].address,
                   function[function_count].name) != 2)
            break;
    fclose(file);
    return function_count > 1;
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    const char *symbols = NULL;

    (void)info;
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], "output=", 7) == 0)
            path = strdup(argv[i] + 7);
        else if (strncmp(argv[i], "symbols=", 8) == 0)
            symbols = argv[i] + 8;
    if (!path || !symbols || !read_symbols(symbols)) {
        fprintf(stderr, "irqs_off: wants output=PATH and symbols=PATH with lines ADDRESS NAME\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, at_exit, NULL);
    return 0;
}
