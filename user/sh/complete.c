/* SPDX-License-Identifier: MIT */
/* Completion of commands and paths. */
#include "complete.h"
#include "lineview.h"
#include "parse.h"

#include <stdio.h>
#include <string.h>

#define MAX_LISTED 300
#define MAX_TYPED  (4 * 255 + 4) /* a name of 255 bytes with every byte quoted, closing quote, space */

bool completion_wants(const struct completion *completion, const char *name, size_t length)
{
    bool hidden = length > 0 && name[0] == '.' && completion->prefix_length == 0;
    bool dots = (length == 1 && name[0] == '.') || (length == 2 && memcmp(name, "..", 2) == 0);

    return length > 0 && !hidden && !dots && length >= completion->prefix_length &&
           memcmp(name, completion->prefix, completion->prefix_length) == 0;
}

void completion_add(struct completion *completion, const char *name, size_t length, bool directory)
{
    if (completion_wants(completion, name, length)) {
        /* Without memory there are fewer candidates; the shell itself goes on. */
        (void)name_list_add(&completion->found, name, length, directory);
    }
}

/* What is typed for a word, quoted as the word is. */
struct typed {
    char bytes[MAX_TYPED];
    size_t length;
};

static void type(struct typed *typed, const char *bytes, size_t count)
{
    if (count <= sizeof(typed->bytes) - typed->length) {
        memcpy(typed->bytes + typed->length, bytes, count);
        typed->length += count;
    }
}

static void type_quoted(struct typed *typed, char c, char quote)
{
    if (quote == '\'') {
        type(typed, c == '\'' ? "'\\''" : &c, c == '\'' ? 4 : 1);
        return;
    }
    if (quote == '"' ? strchr("\"\\$`", c) != NULL : parse_is_special(c))
        type(typed, "\\", 1);
    type(typed, &c, 1);
}

/* Bytes that all candidates begin with, not ending within a character. */
static size_t common_length(const struct name_list *found)
{
    const struct name *first = &found->name[0];
    size_t common = first->length;
    uint32_t code;

    for (size_t i = 1; i < found->count; i++) {
        size_t same = 0;
        while (same < common && same < found->name[i].length &&
               found->name[i].text[same] == first->text[same]) {
            same++;
        }
        common = same;
    }
    for (size_t at = 0; at < common;) {
        size_t next = at + utf8_decode(first->text + at, first->length - at, &code);
        if (next > common)
            return at;
        at = next;
    }
    return common;
}

static void list(const struct name_list *found, const struct line_editor *editor)
{
    char more[48];

    view_write(editor, "\r\n", 2);
    name_list_print(found, MAX_LISTED, editor->width, true, editor->hooks->write, editor->hooks->context);
    if (found->count > MAX_LISTED) {
        int length = snprintf(more, sizeof(more), "... and %zu more\n", found->count - MAX_LISTED);
        view_write(editor, more, (size_t)length);
    }
}

/* Types what is certain, or lists what is possible. */
static void use(const struct completion *completion, char quote, struct line_editor *editor, bool again)
{
    const struct name_list *found = &completion->found;
    struct typed typed = {.length = 0};
    size_t common = found->count > 0 ? common_length(found) : 0;

    for (size_t i = completion->prefix_length; i < common; i++)
        type_quoted(&typed, found->name[0].text[i], quote);
    if (found->count == 1 && found->name[0].directory) {
        type(&typed, "/", 1);
    } else if (found->count == 1) {
        type(&typed, &quote, quote != 0);
        type(&typed, " ", 1);
    }
    if (typed.length > 0) {
        line_editor_insert(editor, typed.bytes, typed.length);
    } else if (found->count > 1 && again) {
        list(found, editor);
        line_editor_redraw(editor);
    } else {
        line_editor_bell(editor);
    }
}

static bool takes_paths(enum completion_kind kind)
{
    return kind != COMPLETE_BUILTINS && kind != COMPLETE_PROCESSES;
}

/* Offers what is in the directory that the word names before its last slash. */
static void offer_paths(const struct completion_source *source, const char *word, enum completion_kind kind,
                        struct completion *completion)
{
    char directory[4097] = "";
    size_t length = (size_t)(completion->prefix - word);

    if (length >= sizeof(directory))
        return;
    memcpy(directory, word, length);
    directory[length] = 0;
    source->files(source->context, directory, kind == COMPLETE_DIRECTORIES, completion);
}

void complete_line(struct completer *completer, struct line_editor *editor, bool again)
{
    struct completion_source *source = &completer->source;
    struct parse_point point = parse_point(editor->text, editor->cursor, completer->storage, completer->size);
    const char *slash = point.word ? strrchr(point.text, '/') : NULL;
    struct completion completion = {.prefix = slash != NULL ? slash + 1 : point.text};

    if (!point.word) {
        line_editor_bell(editor);
        return;
    }
    enum completion_kind kind =
        point.first ? COMPLETE_COMMANDS : source->kind(source->context, point.command, point.index);
    bool plain = slash == NULL;
    completion.prefix_length = strlen(completion.prefix);
    if (plain && kind < COMPLETE_FILES)
        source->names(source->context, kind, &completion);
    if (plain ? kind >= COMPLETE_PROGRAMS : takes_paths(kind))
        offer_paths(source, point.text, kind, &completion);
    name_list_sort(&completion.found);
    use(&completion, point.quote, editor, again);
    name_list_free(&completion.found);
}
