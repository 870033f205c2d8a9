/* SPDX-License-Identifier: MIT */
/*
 * Completion of the word before the cursor: the first word of a command is a command, unless it has a slash;
 * all others are paths. What all candidates have in common is typed; a second tab lists them.
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

struct completion_source {
    void *context;
    /* Offer all commands, and all names in a directory ("" is the current one, otherwise it ends in /). */
    void (*commands)(void *context, struct completion *completion);
    void (*files)(void *context, const char *directory, struct completion *completion);
};

struct completer {
    struct completion_source source;
    char *storage; /* for the words of a line: one byte more than the longest line */
    size_t size;
};

/* Completes in the editor's line; `again`: the second tab in a row, which lists. */
void complete_line(struct completer *completer, struct line_editor *editor, bool again);
