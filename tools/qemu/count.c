/* SPDX-License-Identifier: MIT */
/*
 * A plugin for QEMU 7.2 that counts the instructions which the machine's only hart executes, firmware
 * included. When the hart falls idle, the count so far is written into the file that the argument output=PATH
 * names.
 *
 * The declarations are QEMU's plugin interface, version 1; no Debian package has them as a header.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { INLINE_ADD_U64 };

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
                                           void (*translated)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_idle_cb(uint64_t id, void (*idle)(uint64_t, unsigned int));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int operation, void *operand,
                                                uint64_t value);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
__attribute__((visibility("default"))) int qemu_plugin_install(uint64_t id, const void *info, int argc,
                                                               char **argv);

static uint64_t count;
static const char *path;

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++)
        qemu_plugin_register_vcpu_insn_exec_inline(qemu_plugin_tb_get_insn(tb, i), INLINE_ADD_U64, &count, 1);
}

/* The file is never seen half written: the digits have a fixed number. */
static void idle(uint64_t id, unsigned int hart)
{
    (void)id, (void)hart;
    FILE *file = fopen(path, "w");
    if (file) {
        fprintf(file, "%020" PRIu64 "\n", count);
        fclose(file);
    }
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], "output=", 7) == 0)
            path = argv[i] + 7;
    if (!path) {
        fprintf(stderr, "count: no output=PATH\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_idle_cb(id, idle);
    return 0;
}
