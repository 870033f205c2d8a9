/* SPDX-License-Identifier: MIT */
/*
 * What the plugins that attribute instructions to functions have in common: QEMU's plugin interface, version
 * 1 (no Debian package has it as a header), the functions of kernel and programs, and what waiting is.
 */
#pragma once

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;
enum { CB_NO_REGS };
enum { MEM_WRITES = 2 };

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
                                           void (*translated)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, void (*executed)(unsigned, void *),
                                          int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, void (*executed)(unsigned, void *),
                                            int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
                                      void (*accessed)(unsigned, uint32_t, uint64_t, void *), int flags,
                                      int which, void *data);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*at_exit)(uint64_t, void *), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(uint32_t info, uint64_t address);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *address);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *address);

#define SEEN __attribute__((visibility("default")))
SEEN int qemu_plugin_version = 1;
SEEN int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

#define KERNEL_BASE   0xffffffc000000000ull
#define FIRMWARE_BASE 0x80000000ull
#define FIRMWARE_END  0x80200000ull /* and where the kernel begins */
#define MAX_FUNCTIONS 8192
#define MAX_HARTS     8

/* --- Functions --- */

static struct {
    uint64_t address;
    char name[60];
} function[MAX_FUNCTIONS] = {{0, "(firmware)"}};
static unsigned function_count = 1;

static bool in_firmware(uint64_t address)
{
    return address >= FIRMWARE_BASE && address < FIRMWARE_END;
}

static unsigned function_at(uint64_t address)
{
    unsigned low = 0, high = function_count;

    if (in_firmware(address))
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

/* Lines ADDRESS NAME, sorted by address. */
static bool read_functions(const char *name)
{
    FILE *file = fopen(name, "r");

    if (!file)
        return false;
    for (; function_count < MAX_FUNCTIONS; function_count++)
        if (fscanf(file, "%" SCNx64 " %59s", &function[function_count].address,
                   function[function_count].name) != 2)
            break;
    fclose(file);
    return function_count > 1 && function_count < MAX_FUNCTIONS;
}

/* The 32 bits of an instruction, 0 when it is shorter. */
static uint32_t code_of(const struct qemu_plugin_insn *insn)
{
    uint32_t code = 0;

    if (qemu_plugin_insn_size(insn) == sizeof(code))
        memcpy(&code, qemu_plugin_insn_data(insn), sizeof(code));
    return code;
}

/* --- Waiting --- */

/* A hart that waits for another executes `pause` over and over. That, with the loop around it, is waiting. */
#define INSN_PAUSE  0x0100000fu
#define LOOP_MAX    32 /* instructions from one to the next */
#define LOOP_PIECES 8

/* What was executed since the last `pause`. */
struct loop {
    bool open; /* it may still be such a loop */
    unsigned sum, used;
    struct {
        unsigned function, count;
    } piece[LOOP_PIECES];
};

/* `count` instructions other than `pause`. */
static void loop_note(struct loop *loop, unsigned of, unsigned count)
{
    if (!loop->open)
        return;
    if (!loop->used || loop->piece[loop->used - 1].function != of) {
        if (loop->used == LOOP_PIECES) {
            loop->open = false;
            return;
        }
        loop->piece[loop->used].function = of;
        loop->piece[loop->used++].count = 0;
    }
    loop->piece[loop->used - 1].count += count;
    loop->sum += count;
    loop->open = loop->sum <= LOOP_MAX;
}

/* At a `pause`, when what was waiting since the last, if loop->open, is dealt with. */
static void loop_begin(struct loop *loop)
{
    loop->open = true;
    loop->sum = loop->used = 0;
}
