/* SPDX-License-Identifier: MIT */
/*
 * The system description: which processes there are, what each may use, and what happens when one ends. It is
 * a device tree (dts/system.dts); docs/SYSTEM.md is the reference of its format. Portable, so that host tests
 * run it as well.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DESCRIPTION_FILE          "system.dtb"
#define DESCRIPTION_MAX_PROCESSES 32
#define DESCRIPTION_MAX_USES      16
#define DESCRIPTION_COMPATIBLE    256 /* bytes of a list of `compatible` strings, with its end */
#define DESCRIPTION_LIMITS        384 /* bytes of a list of `limits` strings, with its end */
#define DESCRIPTION_LINE          200 /* bytes of the longest report, with its end */

/* Control capabilities of the kernel, by the names that the property `kernel` gives them. */
enum description_kernel {
    GRANT_LOG = 0x01,      /* "log": append to the kernel log */
    GRANT_LOG_READ = 0x02, /* "log-read": read it, and the kernel's statistics */
    GRANT_ECHO = 0x04,     /* "echo": switch the log's echo to the firmware console */
    GRANT_THREAD = 0x08,   /* "thread": its own thread, to bind notifications to it */
    GRANT_IRQ = 0x10,      /* "irq": interrupt lines; only dev */
    GRANT_DEVICES = 0x20,  /* "devices": all registers, and the hardware's device tree; only dev */
    GRANT_MEMORY = 0x40,   /* "memory": all RAM; only mm */
    GRANT_COMMAND_LINE = 0x80, /* "command-line": the words of the kernel's command line as arguments */
};

struct description_use {
    uint8_t target;  /* index of the process whose protocol it is */
    uint16_t rights; /* proto/rights.h */
};

#define HART_ANY     0xff
#define INSTANCE_ALL (~0u)

/* What one process, or every program that it spawns, gets. */
struct description_grant {
    uint8_t priority;
    uint8_t use_count;
    uint8_t hart;    /* number of the hart that it runs on, or HART_ANY: init chooses (hart.c) */
    uint32_t kernel; /* enum description_kernel bits */
    uint32_t budget, period; /* microseconds */
    uint32_t deadline;       /* of its thread, microseconds; 0: none; programs have none */
    uint64_t memory;         /* quota in bytes */
    struct description_use use[DESCRIPTION_MAX_USES];
    /* What servers limit it to, each string SERVER and words that the server knows: one after the other, then
     * an empty one. */
    char limits[DESCRIPTION_LIMITS];
};

struct description_process {
    char name[16];
    char program[32]; /* file in the archive */
    /* Of the hardware that it drives: strings one after the other, then an empty one. Only that: none. */
    char compatible[DESCRIPTION_COMPATIBLE];
    uint32_t virtio_id;    /* 0: any */
    uint32_t irq_deadline; /* of the lines of that hardware, microseconds; 0: none */
    char serves[16];       /* the protocol; empty: it serves nothing */
    uint32_t instance;     /* which of the devices it drives, from 0; INSTANCE_ALL: all */
    bool restart; /* started again when it ends */
    bool spawns;  /* `programs` is valid */
    bool bad;     /* reported; is not started */
    struct description_grant own, programs;
    uint32_t phandle; /* 0: none */
    int node;
};

struct description {
    unsigned count;
    struct description_process process[DESCRIPTION_MAX_PROCESSES];
    unsigned init, mm, dev; /* indexes; dev == count: not described */
    /* The processes to start, each after those that it uses; without init, mm and the bad ones. */
    unsigned order_count;
    uint8_t order[DESCRIPTION_MAX_PROCESSES];
};

/* Where a description comes from, and where complaints go. */
struct description_source {
    const void *blob;
    size_t size;
    bool (*has_program)(void *context, const char *name);
    void (*report)(void *context, const char *line); /* one line, without newline */
    void *context;
};

/*
 * Reads and checks the description. Each process with a mistake is reported in one line and marked bad; those
 * that use it do without, which is reported as well. The rest is put in order. False, after a line that says
 * why, when nothing at all can be started: no device tree, no usable init or mm.
 */
bool description_read(struct description *description, const struct description_source *source);
/* Index of the process of that name; description->count when there is none. */
unsigned description_find(const struct description *description, const char *name);
/* The n-th string of a grant's limits that is for the process `server`, behind that name; NULL: there is
 * none. */
const char *description_limit(const struct description_grant *grant, const char *server, unsigned n);
/* Whether `process` or a program that it spawns uses `target`. */
bool description_uses(const struct description_process *process, unsigned target);
