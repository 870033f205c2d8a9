/* SPDX-License-Identifier: MIT */
/* What the terminal shows of a line editor, with as few bytes as serve: appending to a line just echoes. */
#pragma once

#include "lineedit.h"

/* Sends bytes to the terminal as they are. */
void view_write(const struct line_editor *editor, const char *bytes, size_t count);
/* Columns of the prompt. */
unsigned view_prompt_width(const char *prompt);
/* Prompt, the part of the line around the cursor, and the cursor. */
void view_refresh(struct line_editor *editor);
/* The cursor was at `from` and what is shown has not changed since. */
void view_move(struct line_editor *editor, size_t from);
/* The text before the cursor, from `from` on, is new. */
void view_inserted(struct line_editor *editor, size_t from);
/* The end of the line, from the cursor on, is gone; the cursor was `back` columns to the right. */
void view_cut(struct line_editor *editor, unsigned back);
/* Columns of text[from] to text[to]. */
unsigned view_columns(const struct line_editor *editor, size_t from, size_t to);
