/* SPDX-License-Identifier: MIT */
/*
 * What the first process (init) is given. It starts with a0 = address of struct boot_info, mapped read-only,
 * sp at the top of its stack, and these capabilities in its CNode; boot_info lists the rest.
 */
#pragma once

#include <stdint.h>

enum boot_slot {
    BOOT_NULL,
    BOOT_CNODE,          /* its own CNode */
    BOOT_ADDRESS_SPACE,
    BOOT_THREAD,
    BOOT_SCHED_CONTEXT,
    BOOT_MSG_FRAME,      /* its message page */
    BOOT_IRQ_CONTROL,
    BOOT_DEBUG,
    BOOT_RESET,
    BOOT_SCHED_CONTROL,  /* of hart 0 of boot_info; hart n at BOOT_SCHED_CONTROL + n */
    BOOT_FIRST_OBJECT = BOOT_SCHED_CONTROL + 8,
};

#define BOOT_MAX_HARTS   8
#define BOOT_MAX_UNTYPED 230
#define BOOT_MAGIC       0x61656472616331ull

/* One range of physical memory handed over as an untyped capability. */
struct boot_untyped {
    uint64_t address;
    uint32_t slot;
    uint8_t size_bits;
    uint8_t device; /* 1: registers, not memory */
    uint16_t reserved;
};

struct boot_info {
    uint64_t magic;
    uint64_t cnode_slots;
    uint64_t first_free_slot;    /* from here on all slots are empty */
    uint64_t msg_page;           /* where the message page is mapped */
    uint64_t device_tree, device_tree_size; /* mapped read-only, any alignment */
    uint64_t archive, archive_size;         /* the cpio archive, mapped read-only, any alignment */
    uint64_t image_end;          /* first page after the init program */
    uint64_t timebase;           /* ticks per second */
    uint64_t ram_bytes;          /* all memory the device tree tells of */
    uint64_t untyped_count;
    uint32_t hart_count;
    uint32_t boot_hart;          /* index into hart_id of the hart that runs init */
    uint32_t hart_id[BOOT_MAX_HARTS];
    uint64_t isa;                /* enum boot_isa bits */
    char command_line[256];      /* of the kernel, terminated */
    struct boot_untyped untyped[BOOT_MAX_UNTYPED];
};
_Static_assert(sizeof(struct boot_info) <= 4096, "one page");

enum boot_isa { BOOT_ISA_SSTC = 1, BOOT_ISA_FP = 2 };
