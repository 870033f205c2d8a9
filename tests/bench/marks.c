/* SPDX-License-Identifier: MIT */
/*
 * A plugin for QEMU 7.2 that tells how many instructions the machine's only hart executed before it first
 * came to each of two addresses, from=ADDRESS and to=ADDRESS: one line with both in the file output=PATH.
 * Then QEMU ends.
 *
 * The declarations are QEMU's plugin interface, version 1; no Debian package has them as a header.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { CB_NO_REGS };

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
                                           void (*translated)(uint64_t, struct qemu_plugin_tb *));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, void (*executed)(unsigned, void *),
                                            int flags, void *data);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
__attribute__((visibility("default"))) int qemu_plugin_install(uint64_t id, const void *info, int argc,
                                                               char **argv);

static uint64_t count, from, to, at_from;
static const char *path;

static void executed(unsigned hart, void *data)
{
    uint64_t address = (uint64_t)(uintptr_t)data;

    (void)hart;
    if (address == from && at_from == 0)
        at_from = count;
    if (address == to && at_from != 0) {
        FILE *file = fopen(path, "w");
        if (file) {
            fprintf(file, "%" PRIu64 " %" PRIu64 "\n", at_from, count);
            fclose(file);
        }
        _exit(0);
    }
    count++;
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, CB_NO_REGS,
                                               (void *)(uintptr_t)qemu_plugin_insn_vaddr(insn));
    }
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], "output=", 7) == 0)
            path = argv[i] + 7;
        else if (strncmp(argv[i], "from=", 5) == 0)
            from = strtoull(argv[i] + 5, NULL, 0);
        else if (strncmp(argv[i], "to=", 3) == 0)
            to = strtoull(argv[i] + 3, NULL, 0);
    if (!path || !from || !to) {
        fprintf(stderr, "marks: wants from=ADDRESS, to=ADDRESS, output=PATH\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
