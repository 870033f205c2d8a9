/* SPDX-License-Identifier: MIT */
/* What a backtrace is made of, on RISC-V. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A table of symbols in ascending order, as tools/ksyms makes it. */
struct symbol {
    uint32_t offset; /* from the start of the program */
    uint32_t name;   /* offset into the names */
};

/* The name of the last symbol that does not lie behind `offset`, and how far behind it that is; NULL when
 * there is none. */
const char *symbol_find(const struct symbol *symbols, uint32_t count, const char *names, uint64_t offset,
                        uint64_t *into);
/* Whether the instruction in front of `pc` is a call: jal, jalr or c.jalr that writes ra. The four bytes in
 * front of it are code (RISC-V Unprivileged Specification, sections 2.5 and 16.4). */
bool is_behind_call(const uint16_t *pc);
/* Names of pc and x1 to x31. */
extern const char register_name[32][4];
