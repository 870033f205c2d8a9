/* SPDX-License-Identifier: MIT */
/* Shared by the files that read the system description: description.c (processes) and order.c (how they hang together). */
#pragma once

#include "description.h"

/* Reports one line, "system.dtb: NAME: ...", and marks the process bad. Always false, for `return complain(...)`. */
bool complain(const struct description_source *source, struct description_process *process, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Finds cycles of uses, leaves out what depends on a bad process, and fills description->order. */
void description_order(struct description *description, const struct description_source *source);
