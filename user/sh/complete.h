/* SPDX-License-Identifier: MIT */
/*
 * Completion of the word before the cursor: the first word of a command is a command, unless it has a slash;
 * the others are of the kind that the command takes. What all candidates have in common is typed; a second
 * tab lists them.
 */
#pragma once

#include "lineedit.h"
#include "names.h"

/* What is being looked for, as the sources of candidates see it. */
struct completion {
    const char *prefix;
    size_t prefix_length;
    struct name_list found;
};

/* Whether a name is a candidate: it begins with the prefix, and is not hidden unless the prefix is. */
bool completion_wants(const struct completion *completion, const char *name, size_t length);
/* Offers a candidate; nothing happens when it is none. */
void completion_add(struct completion *completion, const char *name, size_t length, bool directory);

enum completion_kind {
    COMPLETE_COMMANDS,    /* of the shell, and programs */
    COMPLETE_BUILTINS,    /* commands of the shell alone */
    COMPLETE_PROCESSES,   /* their names */
    COMPLETE_PROGRAMS,    /* by name, or paths */
    COMPLETE_FILES,       /* paths */
    COMPLETE_DIRECTORIES, /* paths that lead on */
};

struct completion_source {
    void *context;
    /* What the word number `index` of a command line is that begins with `command`. */
    enum completion_kind (*kind)(void *context, const char *command, unsigned index);
    /* Offer all names of a kind that is none of paths, and all names in a directory ("" is the current one,
     * otherwise it ends in /). */
    void (*names)(void *context, enum completion_kind kind, struct completion *completion);
    void (*files)(void *context, const char *directory, bool only_directories, struct completion *completion);
};

struct completer {
    struct completion_source source;
    char *storage; /* for the words of a line: one byte more than the longest line */
    size_t size;
};

/* Completes in the editor's line; `again`: the second tab in a row, which lists. */
void complete_line(struct completer *completer, struct line_editor *editor, bool again);
