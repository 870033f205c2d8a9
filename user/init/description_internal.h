/* SPDX-License-Identifier: MIT */
/* Shared by the files that read the system description: description.c (processes), uses.c (who uses whom)
 * and order.c (what follows from that). */
#pragma once

#include "description.h"

#include <base/fdt.h>

/* A node that is being read: a process's own, or `programs` in it. */
struct reader {
    const struct description_source *source;
    struct description *description;
    const struct fdt *fdt;
    struct description_process *process;
    const char *part; /* "" or "programs: ", for messages */
    int node;
};

/* Reports one line, "system.dtb: NAME: ...", and marks the process bad. Always false, for `return
 * complain(...)`. */
bool complain(const struct description_source *source, struct description_process *process,
              const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Reports one line, "system.dtb: NAME: ...", of a process that is started all the same. */
void remark(const struct description_source *source, const struct description_process *process,
            const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Reads `uses` of every process that is not bad, and checks who drives what. */
void description_read_uses(struct description *description, const struct fdt *fdt,
                           const struct description_source *source);
/* Finds cycles of uses, takes bad processes out of everybody's uses, and fills description->order. */
void description_order(struct description *description, const struct description_source *source);
