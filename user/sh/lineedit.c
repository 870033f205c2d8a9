/* SPDX-License-Identifier: MIT */
/* The line editor: what each key does. */
#include "lineedit.h"
#include "lineview.h"

#include <string.h>

#define CTRL(letter) ((letter)&0x1f)
#define BACKSPACE    0x7f
#define CLEAR_SCREEN "\x1b[H\x1b[2J"

void line_editor_init(struct line_editor *editor, char *text, char *draft, size_t capacity,
                      const struct history *history, const struct line_hooks *hooks)
{
    *editor = (struct line_editor){
        .hooks = hooks,
        .text = text,
        .capacity = capacity,
        .prompt = "",
        .width = LINE_DEFAULT_WIDTH,
        .walk = {.history = history, .draft = draft},
    };
}

void line_editor_start(struct line_editor *editor, const char *prompt)
{
    editor->length = editor->cursor = editor->left = 0;
    editor->prompt = prompt;
    editor->prompt_width = view_prompt_width(prompt);
    editor->pending_length = 0;
    editor->after_tab = editor->overflowed = false;
    history_walk_start(&editor->walk);
    view_write(editor, prompt, strlen(prompt));
}

void line_editor_redraw(struct line_editor *editor)
{
    view_refresh(editor);
}

void line_editor_bell(struct line_editor *editor)
{
    view_write(editor, "\a", 1);
}

/* The next character boundary: bytes that come to stand side by side can make a character of what was
 * none. */
static size_t settle(const struct line_editor *editor, size_t position)
{
    uint32_t code;

    for (size_t back = 1; back < UTF8_MAX && back <= position; back++) {
        size_t start = position - back;
        size_t bytes = utf8_decode(editor->text + start, editor->length - start, &code);
        if (bytes > back)
            return start + bytes;
    }
    return position;
}

bool line_editor_insert(struct line_editor *editor, const char *bytes, size_t count)
{
    size_t from = editor->cursor;

    if (count > editor->capacity - 1 - editor->length) {
        line_editor_bell(editor);
        editor->overflowed = true;
        return false;
    }
    memmove(editor->text + from + count, editor->text + from, editor->length - from);
    memcpy(editor->text + from, bytes, count);
    editor->length += count;
    editor->cursor = settle(editor, from + count);
    editor->left = settle(editor, editor->left);
    if (settle(editor, from) == from)
        view_inserted(editor, from);
    else
        view_refresh(editor);
    return true;
}

/* Erases text[from] to text[to]; the cursor is at one of these. */
static void erase(struct line_editor *editor, size_t from, size_t to)
{
    bool shown_end = to == editor->length && from >= editor->left;
    unsigned back = view_columns(editor, from, editor->cursor);

    if (from == to) {
        line_editor_bell(editor);
        return;
    }
    memmove(editor->text + from, editor->text + to, editor->length - to);
    editor->length -= to - from;
    editor->overflowed = false;
    editor->cursor = settle(editor, from);
    editor->left = editor->left < editor->length ? settle(editor, editor->left) : editor->length;
    if (shown_end)
        view_cut(editor, back);
    else
        view_refresh(editor);
}

static void move(struct line_editor *editor, size_t to)
{
    size_t from = editor->cursor;

    editor->cursor = to;
    view_move(editor, from);
}

static size_t before(const struct line_editor *editor)
{
    return editor->cursor > 0 ? utf8_previous(editor->text, editor->cursor) : 0;
}

static size_t after(const struct line_editor *editor)
{
    uint32_t code;

    if (editor->cursor == editor->length)
        return editor->cursor;
    return editor->cursor +
           utf8_decode(editor->text + editor->cursor, editor->length - editor->cursor, &code);
}

/* Whether a byte is part of a word for moving by words; every byte of a character of several is. */
static bool in_word(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || (c & 0x80) != 0;
}

static bool in_argument(char c)
{
    return c != ' ' && c != '\t';
}

static size_t word_start(const struct line_editor *editor, bool (*in)(char))
{
    size_t position = editor->cursor;

    while (position > 0 && !in(editor->text[position - 1]))
        position--;
    while (position > 0 && in(editor->text[position - 1]))
        position--;
    return position;
}

static size_t word_end(const struct line_editor *editor)
{
    size_t position = editor->cursor;

    while (position < editor->length && !in_word(editor->text[position]))
        position++;
    while (position < editor->length && in_word(editor->text[position]))
        position++;
    return position;
}

/* Swaps the characters on both sides of the cursor, at the end of the line the last two. */
static void transpose(struct line_editor *editor)
{
    char swapped[2 * UTF8_MAX];
    size_t end = after(editor);
    size_t middle = editor->cursor < end ? editor->cursor : before(editor);
    size_t start = middle > 0 ? utf8_previous(editor->text, middle) : 0;

    if (start == middle) {
        line_editor_bell(editor);
        return;
    }
    memcpy(swapped, editor->text + middle, end - middle);
    memcpy(swapped + (end - middle), editor->text + start, middle - start);
    memcpy(editor->text + start, swapped, end - start);
    editor->cursor = settle(editor, end);
    editor->left = settle(editor, editor->left);
    view_refresh(editor);
}

static void recall(struct line_editor *editor, const char *line, size_t length)
{
    if (line == NULL || length >= editor->capacity) {
        line_editor_bell(editor);
        return;
    }
    memcpy(editor->text, line, length);
    editor->length = editor->cursor = length;
    editor->left = 0;
    editor->overflowed = false;
    view_refresh(editor);
}

static void recall_older(struct line_editor *editor)
{
    size_t length = 0;
    const char *line = history_older(&editor->walk, editor->text, editor->length, &length);

    recall(editor, line, length);
}

static void recall_newer(struct line_editor *editor)
{
    size_t length = 0;
    const char *line = history_newer(&editor->walk, &length);

    recall(editor, line, length);
}

static enum line_event finish(struct line_editor *editor, enum line_event event, const char *shown)
{
    editor->text[editor->length] = 0;
    view_write(editor, shown, strlen(shown));
    return event;
}

static void tab(struct line_editor *editor, bool again)
{
    if (editor->hooks->complete == NULL)
        line_editor_bell(editor);
    else
        editor->hooks->complete(editor->hooks->context, editor, again);
    editor->after_tab = true;
}

static void edit_key(struct line_editor *editor, int key)
{
    switch (key) {
    case KEY_NONE: break;
    case KEY_LEFT:
    case CTRL('b'): move(editor, before(editor)); break;
    case KEY_RIGHT:
    case CTRL('f'): move(editor, after(editor)); break;
    case KEY_WORD_LEFT: move(editor, word_start(editor, in_word)); break;
    case KEY_WORD_RIGHT: move(editor, word_end(editor)); break;
    case KEY_HOME:
    case CTRL('a'): move(editor, 0); break;
    case KEY_END:
    case CTRL('e'): move(editor, editor->length); break;
    case KEY_DELETE:
    case CTRL('d'): erase(editor, editor->cursor, after(editor)); break;
    case BACKSPACE:
    case CTRL('h'): erase(editor, before(editor), editor->cursor); break;
    case CTRL('w'): erase(editor, word_start(editor, in_argument), editor->cursor); break;
    case KEY_ERASE_WORD: erase(editor, word_start(editor, in_word), editor->cursor); break;
    case KEY_DELETE_WORD: erase(editor, editor->cursor, word_end(editor)); break;
    case CTRL('u'): erase(editor, 0, editor->cursor); break;
    case CTRL('k'): erase(editor, editor->cursor, editor->length); break;
    case CTRL('t'): transpose(editor); break;
    case KEY_UP:
    case CTRL('p'): recall_older(editor); break;
    case KEY_DOWN:
    case CTRL('n'): recall_newer(editor); break;
    case CTRL('l'):
        view_write(editor, CLEAR_SCREEN, strlen(CLEAR_SCREEN));
        view_refresh(editor);
        break;
    default: line_editor_bell(editor);
    }
}

/* Types the bytes of a character that did not become complete. */
static void flush_pending(struct line_editor *editor)
{
    size_t count = editor->pending_length;

    editor->pending_length = 0;
    if (count > 0)
        line_editor_insert(editor, editor->pending, count);
}

/* Bytes of one character are typed together, so that none is shown half. */
static void type(struct line_editor *editor, uint8_t byte)
{
    bool continues = (byte & 0xc0) == 0x80;

    if (!continues)
        flush_pending(editor);
    editor->pending[editor->pending_length++] = (char)byte;
    if (editor->pending_length >= utf8_sequence_length((uint8_t)editor->pending[0]))
        flush_pending(editor);
}

enum line_event line_editor_feed(struct line_editor *editor, uint8_t byte)
{
    bool line_feed_of_return = editor->after_return && byte == '\n';
    bool again = editor->after_tab;
    int key = key_feed(&editor->keys, byte);

    editor->after_return = key == '\r';
    if (line_feed_of_return || key == KEY_NONE)
        return LINE_EDITING;
    editor->after_tab = false;
    if (key < 256 && key >= 0x20 && key != BACKSPACE) {
        type(editor, (uint8_t)key);
        return LINE_EDITING;
    }
    flush_pending(editor);
    if (key == '\r' || key == '\n')
        return finish(editor, LINE_ENTERED, "\r\n");
    if (key == CTRL('c'))
        return finish(editor, LINE_ABANDONED, "^C\r\n");
    if (key == CTRL('d') && editor->length == 0)
        return finish(editor, LINE_END, "");
    if (key == '\t')
        tab(editor, again);
    else
        edit_key(editor, key);
    return LINE_EDITING;
}
