/* SPDX-License-Identifier: MIT */
/* Descriptions compiled by dtc and read by init's reader, and what it says of them. */
#pragma once

#include "../../user/init/description.h"
#include "support.h"

#include <limits.h>

#define OUTPUT 4096

/* What every description needs, for the tests to add to. */
#define CORE                                                                                                 \
    "init: init { priority = <210>; " SERVES "};\n"                                                          \
    "mm: mm { priority = <220>; " SERVES "kernel = \"log\", \"memory\"; };\n"
#define DEV    "dev: dev { priority = <200>; memory = <4096>; " SERVES "uses = <&mm 3>; };\n"
#define SERVES "serves = \"x\"; "
#define COMMON "priority = <10>; memory = <1024>; "

static char lines[OUTPUT]; /* that were reported */
static struct description description;

static inline bool has_program(void *context, const char *name)
{
    (void)context;
    return strcmp(name, "nothing") != 0;
}

static inline void report(void *context, const char *line)
{
    size_t used = strlen(lines);

    (void)context;
    cr_assert_null(strchr(line, '\n'), "more than one line: %s", line);
    snprintf(lines + used, sizeof(lines) - used, "%s\n", line);
}

static inline bool read_blob(const void *blob, size_t size)
{
    const struct description_source source = {
        .blob = blob, .size = size, .has_program = has_program, .report = report};

    lines[0] = 0;
    return description_read(&description, &source);
}

/* Compiles the nodes of a description and reads it. */
static inline bool read_nodes(const char *compatible, const char *nodes)
{
    char scratch[64], source[8192];

    enter_scratch(scratch);
    snprintf(source, sizeof(source), "/dts-v1/; / { compatible = \"%s\"; %s };", compatible, nodes);
    write_file("t.dts", source, strlen(source));
    run("dtc -q -f -I dts -O dtb -o t.dtb t.dts");
    struct exact blob = read_file("t.dtb");
    bool good = read_blob(blob.data, blob.size);
    exact_free(&blob);
    leave_scratch(scratch);
    return good;
}

/* Names of the processes to start, in order, with a blank after each. */
static inline const char *order(void)
{
    static char text[OUTPUT];
    size_t used = 0;

    text[0] = 0;
    for (unsigned i = 0; i < description.order_count; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s ",
                                 description.process[description.order[i]].name);
    }
    return text;
}

/* Descriptions that start what is in `order` and say `lines`. */
static inline void check(const char *nodes, const char *expected_order, const char *expected_lines)
{
    cr_assert(read_nodes("cardea,system", nodes), "refused:\n%s\nwith:\n%s", nodes, lines);
    cr_assert_str_eq(lines, expected_lines, "for:\n%s\nsaid:\n%s\nnot:\n%s", nodes, lines, expected_lines);
    cr_assert_str_eq(order(), expected_order, "for:\n%s\norder: %s\nnot:   %s", nodes, order(),
                     expected_order);
}

/* Descriptions with which nothing can be started. */
static inline void check_refused(const char *compatible, const char *nodes, const char *expected_lines)
{
    cr_assert_not(read_nodes(compatible, nodes), "not refused:\n%s", nodes);
    cr_assert_str_eq(lines, expected_lines, "for:\n%s\nsaid:\n%s\nnot:\n%s", nodes, lines, expected_lines);
}

static inline const struct description_process *process(const char *name)
{
    unsigned i = description_find(&description, name);

    cr_assert_lt(i, description.count, "no process %s", name);
    return &description.process[i];
}
