/* SPDX-License-Identifier: MIT */
/*
 * The line discipline of cooked mode: a line is edited and echoed until it is complete. Portable.
 *
 * backspace and delete take a character away, ctrl-w a word, ctrl-u the line; enter ends it; ctrl-d ends it
 * without a newline, and on an empty line is the end of input. Other control characters are kept and echoed
 * as ^X, a tab as one blank. Text is UTF-8, one column per character.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define LINE_MAX      1024 /* bytes, with the newline */
/* Bytes that one typed byte can make appear at most: erasing a line of two columns per character. */
#define LINE_MAX_ECHO (LINE_MAX * 2 * 3)

enum line_state {
    LINE_EDITING,
    LINE_COMPLETE, /* to be taken */
    LINE_END,      /* end of input, to be taken */
};

struct line {
    enum line_state state;
    size_t length;
    size_t taken; /* of a complete line */
    char text[LINE_MAX];
    void (*echo)(const char *bytes, size_t count);
};

/* Handles one typed byte while the line is LINE_EDITING. */
void line_type(struct line *line, char byte);
/* Takes up to `size` bytes of a complete line, or 0 for the end of input; after the last byte a new line
 * begins. */
size_t line_take(struct line *line, char *bytes, size_t size);
/* Forgets what was typed. */
void line_discard(struct line *line);
