/* SPDX-License-Identifier: MIT */
/*
 * A plugin for QEMU 7.2 that marks which instructions of the kernel were executed, and for each conditional
 * branch whether it was taken and whether it was not. Arguments: virtual=ADDRESS and physical=ADDRESS of the
 * kernel's image, size=BYTES, output=PATH. The file is mapped and shared: several machines add to it at the
 * same time, and what they wrote stays when they are killed.
 *
 * The file has for each two bytes of the image a 64-bit count, and then for each a byte: 1 not taken, 2
 * taken.
 *
 * The declarations are QEMU's plugin interface, version 1; no Debian package has them as a header.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_HARTS 64

struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { CB_NO_REGS };
enum { INLINE_ADD_U64 };

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
                                           void (*translated)(uint64_t, struct qemu_plugin_tb *));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int operation, void *operand,
                                                uint64_t value);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, void (*executed)(unsigned, void *),
                                            int flags, void *data);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, void (*executed)(unsigned, void *),
                                          int flags, void *data);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
__attribute__((visibility("default"))) int qemu_plugin_install(uint64_t id, const void *info, int argc,
                                                               char **argv);

static uint64_t virtual, physical, size;
static const char *path;
static uint64_t *executions;
static uint8_t *outcomes;

/* A branch whose outcome the next block tells. Offsets into the image; ~0: none. */
struct branch {
    uint64_t at, next, target;
};
static struct branch *branches; /* of each two bytes of the image */
static struct branch *pending[MAX_HARTS];

/* Offset into the image, which runs at its physical address before paging is on; ~0: not the kernel. */
static uint64_t offset_of(uint64_t address)
{
    if (address - virtual < size)
        return address - virtual;
    return address - physical < size ? address - physical : ~0ull;
}

static int64_t sign_extend(uint64_t value, unsigned bits)
{
    return (int64_t)(value << (64 - bits)) >> (64 - bits);
}

/* Whether these bytes are a conditional branch, and how far it goes (RISC-V Unprivileged Specification,
 * B-type; C.BEQZ, C.BNEZ). */
static bool decode_branch(const uint8_t *bytes, size_t length, int64_t *distance)
{
    uint32_t code = length == 4 ? bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24
                                : (uint32_t)(bytes[0] | bytes[1] << 8);

    if (length == 4) {
        *distance = sign_extend((code >> 31) << 12 | (code >> 7 & 1) << 11 | (code >> 25 & 0x3f) << 5 |
                                    (code >> 8 & 15) << 1,
                                13);
        return (code & 0x7f) == 0x63;
    }
    *distance = sign_extend((code >> 12 & 1) << 8 | (code >> 5 & 3) << 6 | (code >> 2 & 1) << 5 |
                                (code >> 10 & 3) << 3 | (code >> 3 & 3) << 1,
                            9);
    return (code & 3) == 1 && code >> 14 == 3;
}

static void branching(unsigned hart, void *data)
{
    pending[hart] = data;
}

/* The first block after a branch: where it leads, unless an interrupt came between. */
static void block_begins(unsigned hart, void *data)
{
    struct branch *branch = pending[hart];
    uint64_t at = (uint64_t)(uintptr_t)data;

    if (!branch)
        return;
    pending[hart] = NULL;
    if (at == branch->next)
        outcomes[branch->at / 2] |= 1;
    else if (at == branch->target)
        outcomes[branch->at / 2] |= 2;
}

static void translate(struct qemu_plugin_insn *insn)
{
    uint64_t at = offset_of(qemu_plugin_insn_vaddr(insn));
    size_t length = qemu_plugin_insn_size(insn);
    int64_t distance;

    if (at == ~0ull)
        return;
    qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD_U64, &executions[at / 2], 1);
    if (!decode_branch(qemu_plugin_insn_data(insn), length, &distance))
        return;
    branches[at / 2] = (struct branch){at, at + length, at + distance};
    qemu_plugin_register_vcpu_insn_exec_cb(insn, branching, CB_NO_REGS, &branches[at / 2]);
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
    uint64_t at = offset_of(qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0)));

    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, block_begins, CB_NO_REGS, (void *)(uintptr_t)at);
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++)
        translate(qemu_plugin_tb_get_insn(tb, i));
}

static bool map_output(void)
{
    uint64_t places = size / 2, bytes = places * (sizeof(uint64_t) + 1);
    int file = open(path, O_RDWR | O_CREAT, 0666);

    if (file < 0 || ftruncate(file, bytes) != 0)
        return false;
    executions = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    outcomes = (uint8_t *)(executions + places);
    branches = calloc(places, sizeof(*branches));
    return executions != MAP_FAILED && branches;
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], "virtual=", 8) == 0)
            virtual = strtoull(argv[i] + 8, NULL, 0);
        else if (strncmp(argv[i], "physical=", 9) == 0)
            physical = strtoull(argv[i] + 9, NULL, 0);
        else if (strncmp(argv[i], "size=", 5) == 0)
            size = strtoull(argv[i] + 5, NULL, 0);
        else if (strncmp(argv[i], "output=", 7) == 0)
            path = argv[i] + 7;
    if (!virtual || !physical || !size || !path || !map_output()) {
        fprintf(stderr, "cover: wants virtual=ADDRESS, physical=ADDRESS, size=BYTES, output=PATH\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
