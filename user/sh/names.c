/* SPDX-License-Identifier: MIT */
/* Lists of names and how they are shown. */
#include "names.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP     2   /* columns between names */
#define LONGEST 255 /* bytes of a name that are shown */

static bool grow(struct name_list *list)
{
    size_t room = list->room > 0 ? 2 * list->room : 16;
    struct name *name = room <= SIZE_MAX / sizeof(*name) ? realloc(list->name, room * sizeof(*name)) : NULL;

    if (name == NULL)
        return false;
    list->name = name;
    list->room = room;
    return true;
}

bool name_list_add(struct name_list *list, const char *text, size_t length, bool directory)
{
    if (list->count == list->room && !grow(list))
        return false;
    char *copy = malloc(length + 1);
    if (copy == NULL)
        return false;
    memcpy(copy, text, length);
    copy[length] = 0;
    list->name[list->count++] = (struct name){.text = copy, .length = length, .directory = directory};
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    size_t shorter = x->length < y->length ? x->length : y->length;
    int order = memcmp(x->text, y->text, shorter);

    return order != 0 ? order : (x->length > y->length) - (x->length < y->length);
}

void name_list_sort(struct name_list *list)
{
    size_t kept = 0;

    if (list->count == 0)
        return;
    qsort(list->name, list->count, sizeof(list->name[0]), compare);
    for (size_t i = 1; i < list->count; i++) {
        if (compare(&list->name[kept], &list->name[i]) == 0)
            free(list->name[i].text);
        else
            list->name[++kept] = list->name[i];
    }
    list->count = kept + 1;
}

void name_list_free(struct name_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->name[i].text);
    free(list->name);
    *list = (struct name_list){0};
}

static size_t escape_byte(char *form, uint8_t byte)
{
    const char *known = byte == '\n' ? "\\n" : byte == '\t' ? "\\t" : byte == '\\' ? "\\\\" : NULL;

    if (known != NULL) {
        memcpy(form, known, 2);
        return 2;
    }
    return (size_t)snprintf(form, 5, "\\x%02x", byte);
}

/* The form of one character of `bytes` bytes in `form`; returns its length. */
static size_t escape_character(char *form, const char *text, size_t bytes, uint32_t code)
{
    size_t length = 0;

    if (code != UTF8_INVALID && code != '\\' && !utf8_is_control(code)) {
        memcpy(form, text, bytes);
        return bytes;
    }
    for (size_t i = 0; i < bytes; i++)
        length += escape_byte(form + length, (uint8_t)text[i]);
    return length;
}

size_t escape_name(char *escaped, size_t size, const char *text, size_t length)
{
    char form[4 * UTF8_MAX + 1];
    size_t used = 0;

    while (length > 0) {
        uint32_t code;
        size_t bytes = utf8_decode(text, length, &code);
        size_t form_length = escape_character(form, text, bytes, code);
        if (form_length >= size - used)
            break;
        memcpy(escaped + used, form, form_length);
        used += form_length;
        text += bytes;
        length -= bytes;
    }
    escaped[used] = 0;
    return used;
}

unsigned name_columns(const char *escaped, size_t length)
{
    unsigned columns = 0;

    while (length > 0) {
        uint32_t code;
        size_t bytes = utf8_decode(escaped, length, &code);
        columns += utf8_width(code);
        escaped += bytes;
        length -= bytes;
    }
    return columns;
}

/* A name as it is shown in `form`; returns its bytes. */
static size_t shown_name(const struct name *name, bool mark, char form[ESCAPED_SIZE(LONGEST) + 1],
                         unsigned *columns)
{
    size_t length = escape_name(form, ESCAPED_SIZE(LONGEST), name->text, name->length);

    if (mark && name->directory)
        form[length++] = '/';
    *columns = name_columns(form, length);
    return length;
}

static unsigned widest(const struct name_list *list, size_t count, bool mark)
{
    char form[ESCAPED_SIZE(LONGEST) + 1];
    unsigned most = 0, columns;

    for (size_t i = 0; i < count; i++) {
        shown_name(&list->name[i], mark, form, &columns);
        most = columns > most ? columns : most;
    }
    return most;
}

void name_list_print(const struct name_list *list, size_t limit, unsigned width, bool mark,
                     void (*write)(void *context, const char *bytes, size_t count), void *context)
{
    char form[ESCAPED_SIZE(LONGEST) + 1];
    size_t count = list->count < limit ? list->count : limit;
    unsigned cell = widest(list, count, mark) + GAP, columns;
    size_t across = (width + GAP - 1) / cell > 0 ? (width + GAP - 1) / cell : 1;
    size_t rows = (count + across - 1) / across;

    for (size_t row = 0; row < rows; row++) {
        for (size_t i = row; i < count; i += rows) {
            size_t length = shown_name(&list->name[i], mark, form, &columns);
            write(context, form, length);
            for (; columns < cell && i + rows < count; columns++)
                write(context, " ", 1);
        }
        write(context, "\n", 1);
    }
}
