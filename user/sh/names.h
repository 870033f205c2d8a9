/* SPDX-License-Identifier: MIT */
/* Lists of names, sorted and shown in columns, and names as text that a terminal shows and does not obey. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name {
    char *text; /* terminated */
    size_t length;
    bool directory;
};

/* All zero is an empty list. */
struct name_list {
    struct name *name;
    size_t count, room;
};

/* Takes a copy of a name; false when there is no memory. */
bool name_list_add(struct name_list *list, const char *text, size_t length, bool directory);
/* Sorts by bytes and drops names that are there twice. */
void name_list_sort(struct name_list *list);
void name_list_free(struct name_list *list);
/* Shows the first `limit` names in columns, as many as fit `width`; with a / after directories if `mark`. */
void name_list_print(const struct name_list *list, size_t limit, unsigned width, bool mark,
                     void (*write)(void *context, const char *bytes, size_t count), void *context);

/* Bytes that escape_name() needs at most for a name of `length` bytes. */
#define ESCAPED_SIZE(length) (4 * (length) + 1)
/* Writes a name to `escaped`, terminated: control characters and bytes that are no UTF-8 as \n, \t or \xHH, a
 * backslash twice. Returns the bytes written; stops at the end of a character when `size` is not enough. */
size_t escape_name(char *escaped, size_t size, const char *text, size_t length);
/* Columns of an escaped name. */
unsigned name_columns(const char *escaped, size_t length);
