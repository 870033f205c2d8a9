/* SPDX-License-Identifier: MIT */
/*
 * A line editor as a state machine: one input byte goes in at a time, what the terminal is to show comes out
 * through a hook. Knows nothing of the system, so tests run it anywhere.
 *
 *   left right ctrl-b ctrl-f    a character             home end ctrl-a ctrl-e    ends of the line
 *   ctrl-left/right alt-b alt-f a word                  up down ctrl-p ctrl-n     history
 *   backspace ctrl-h, delete ctrl-d  erase a character  ctrl-w, alt-d             erase a word
 *   ctrl-u ctrl-k               erase to the beginning, to the end
 *   ctrl-t                      swap two characters     ctrl-l                    clear the screen
 *   tab                         completion              ctrl-c                    give up the line
 *
 * A line wider than the terminal scrolls sideways.
 */
#pragma once

#include "history.h"
#include "keys.h"
#include "utf8.h"

#define LINE_DEFAULT_WIDTH 80

enum line_event {
    LINE_EDITING,
    LINE_ENTERED,   /* the line is in text[], terminated, until line_editor_start() */
    LINE_ABANDONED, /* ctrl-c */
    LINE_END,       /* ctrl-d on an empty line */
};

struct line_editor;
struct line_hooks {
    void *context;
    void (*write)(void *context, const char *bytes, size_t count);
    /* Tab was typed; `again` when the key before it was tab as well. May be NULL. */
    void (*complete)(void *context, struct line_editor *editor, bool again);
};

struct line_editor {
    const struct line_hooks *hooks;
    char *text;
    size_t capacity; /* bytes of text[], terminator included */
    size_t length, cursor;
    size_t left; /* first byte that is on the screen */
    const char *prompt;
    unsigned prompt_width;
    unsigned width; /* columns of the terminal; may be set at any time */
    struct history_walk walk;
    struct key_decoder keys;
    char pending[UTF8_MAX]; /* the beginning of a character of several bytes */
    size_t pending_length;
    bool after_return; /* the last byte was CR: an LF that follows belongs to it */
    bool after_tab;
    bool overflowed; /* something was typed that did not fit, and nothing was erased since */
};

/* Makes an editor for lines of up to capacity - 1 bytes. `text` and `draft` have `capacity` bytes each and
 * stay the caller's, like `hooks` and `history`, as long as the editor is used. */
void line_editor_init(struct line_editor *editor, char *text, char *draft, size_t capacity,
                      const struct history *history, const struct line_hooks *hooks);
/* Begins an empty line: shows `prompt`, which must stay as it is meanwhile. */
void line_editor_start(struct line_editor *editor, const char *prompt);
/* The next byte from the terminal. What is typed when the line is full rings the bell, and marks the line as
 * `overflowed`. */
enum line_event line_editor_feed(struct line_editor *editor, uint8_t byte);

/* For completion: types `count` bytes at the cursor, all of them or, when they do not fit, none and rings the
 * bell. */
bool line_editor_insert(struct line_editor *editor, const char *bytes, size_t count);
/* Shows prompt and line anew, on the line where the terminal's cursor is. */
void line_editor_redraw(struct line_editor *editor);
/* Rings the bell. */
void line_editor_bell(struct line_editor *editor);
