/* SPDX-License-Identifier: MIT */
/* What the terminal shows of a line editor. */
#include "lineview.h"

#include <stdio.h>
#include <string.h>

#define ERASE_TO_END "\x1b[K"

/* A character as it is shown: ^X for a control character, ? for what no terminal shows. */
struct shown {
    char text[UTF8_MAX];
    size_t bytes; /* of text[] */
    unsigned columns;
    size_t length; /* bytes of the line that it stands for */
};

static struct shown show(const char *text, size_t length)
{
    uint32_t code;
    struct shown shown = {.length = utf8_decode(text, length, &code)};

    if (code < 0x20 || code == 0x7f) {
        shown.text[0] = '^';
        shown.text[1] = (char)(code ^ 0x40);
        shown.bytes = shown.columns = 2;
    } else if (code == UTF8_INVALID || utf8_is_control(code)) {
        shown.text[0] = '?';
        shown.bytes = shown.columns = 1;
    } else {
        memcpy(shown.text, text, shown.length);
        shown.bytes = shown.length;
        shown.columns = utf8_width(code);
    }
    return shown;
}

/* Whether a byte is a character of one column that is shown as it is; most are, and are not worth a closer
 * look. */
static bool is_plain(char c)
{
    return c >= 0x20 && c < 0x7f;
}

void view_write(const struct line_editor *editor, const char *bytes, size_t count)
{
    editor->hooks->write(editor->hooks->context, bytes, count);
}

unsigned view_prompt_width(const char *prompt)
{
    unsigned columns = 0;

    for (size_t length = strlen(prompt); length > 0;) {
        struct shown shown = show(prompt, length);
        columns += shown.columns;
        prompt += shown.length;
        length -= shown.length;
    }
    return columns;
}

unsigned view_columns(const struct line_editor *editor, size_t from, size_t to)
{
    unsigned columns = 0;

    while (from < to) {
        if (is_plain(editor->text[from])) {
            columns++;
            from++;
            continue;
        }
        struct shown shown = show(editor->text + from, editor->length - from);
        columns += shown.columns;
        from += shown.length;
    }
    return columns;
}

/* Columns for text: the cursor and the ^C of a line that is given up must fit behind it without wrapping. */
static unsigned field(const struct line_editor *editor)
{
    unsigned behind = 3, least = 8;
    unsigned taken = editor->prompt_width + behind;

    return editor->width > taken + least ? editor->width - taken : least;
}

static bool cursor_visible(const struct line_editor *editor)
{
    return (editor->left < editor->cursor || editor->left == 0) &&
           view_columns(editor, editor->left, editor->cursor) <= field(editor);
}

/* Puts the cursor in the middle, unless the line begins nearer to it. */
static void scroll(struct line_editor *editor)
{
    unsigned room = field(editor) / 2;
    size_t left = editor->cursor;

    while (left > 0) {
        size_t previous = utf8_previous(editor->text, left);
        unsigned columns = view_columns(editor, previous, left);
        if (columns > room)
            break;
        room -= columns;
        left = previous;
    }
    editor->left = left;
}

/* Shows text from `from` on, no more than `room` columns and not past `to`; returns where it stopped. */
static size_t put_text(const struct line_editor *editor, size_t from, size_t to, unsigned room)
{
    while (from < to) {
        struct shown shown = show(editor->text + from, editor->length - from);
        if (shown.columns > room)
            break;
        view_write(editor, shown.text, shown.bytes);
        room -= shown.columns;
        from += shown.length;
    }
    return from;
}

static void put_sequence(const struct line_editor *editor, unsigned count, char final)
{
    char sequence[16];
    int length = snprintf(sequence, sizeof(sequence), "\x1b[%u%c", count, final);

    view_write(editor, sequence, (size_t)length);
}

static void move_left(const struct line_editor *editor, unsigned columns)
{
    if (columns == 1)
        view_write(editor, "\b", 1);
    else if (columns > 1)
        put_sequence(editor, columns, 'D');
}

void view_refresh(struct line_editor *editor)
{
    if (!cursor_visible(editor))
        scroll(editor);
    view_write(editor, "\r", 1);
    view_write(editor, editor->prompt, strlen(editor->prompt));
    size_t end = put_text(editor, editor->left, editor->length, field(editor));
    view_write(editor, ERASE_TO_END, strlen(ERASE_TO_END));
    move_left(editor, view_columns(editor, editor->cursor, end));
}

void view_move(struct line_editor *editor, size_t from)
{
    if (!cursor_visible(editor)) {
        view_refresh(editor);
    } else if (from >= editor->cursor) {
        move_left(editor, view_columns(editor, editor->cursor, from));
    } else {
        unsigned columns = view_columns(editor, from, editor->cursor);
        if (columns > 0)
            put_sequence(editor, columns, 'C');
    }
}

void view_inserted(struct line_editor *editor, size_t from)
{
    if (editor->cursor == editor->length && from >= editor->left && cursor_visible(editor))
        put_text(editor, from, editor->length, field(editor));
    else
        view_refresh(editor);
}

void view_cut(struct line_editor *editor, unsigned back)
{
    if (!cursor_visible(editor)) {
        view_refresh(editor);
        return;
    }
    move_left(editor, back);
    view_write(editor, ERASE_TO_END, strlen(ERASE_TO_END));
}
