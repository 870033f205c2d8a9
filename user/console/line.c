/* SPDX-License-Identifier: MIT */
/* The line discipline. */
#include "line.h"

#include <string.h>

#define CTRL(letter) ((letter)&0x1f)
#define DELETE       0x7f

static bool is_control(char byte)
{
    return (unsigned char)byte < ' ' || byte == DELETE;
}

/* Bytes of a UTF-8 character but the first have no column of their own. */
static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

static void echo_byte(struct line *line, char byte)
{
    const char caret[] = {'^', byte ^ 0x40};

    if (byte == '\t')
        line->echo(" ", 1);
    else if (is_control(byte))
        line->echo(caret, sizeof(caret));
    else
        line->echo(&byte, 1);
}

/* Takes the last character away, from the screen too. */
static void erase_character(struct line *line)
{
    while (line->length > 1 && is_continuation(line->text[line->length - 1]))
        line->length--;
    char byte = line->text[--line->length];
    unsigned columns = is_control(byte) && byte != '\t' ? 2 : 1;
    while (columns-- > 0)
        line->echo("\b \b", 3);
}

static bool ends_in_blank(const struct line *line)
{
    return line->text[line->length - 1] == ' ' || line->text[line->length - 1] == '\t';
}

static void erase_word(struct line *line)
{
    while (line->length > 0 && ends_in_blank(line))
        erase_character(line);
    while (line->length > 0 && !ends_in_blank(line))
        erase_character(line);
}

static void append(struct line *line, char byte)
{
    if (line->length >= LINE_MAX - 1) { /* room for the newline */
        line->echo("\a", 1);
        return;
    }
    line->text[line->length++] = byte;
    echo_byte(line, byte);
}

void line_type(struct line *line, char byte)
{
    switch (byte) {
    case '\r':
    case '\n':
        line->text[line->length++] = '\n';
        line->state = LINE_COMPLETE;
        line->echo("\r\n", 2);
        break;
    case '\b':
    case DELETE:
        if (line->length > 0)
            erase_character(line);
        break;
    case CTRL('u'):
        while (line->length > 0)
            erase_character(line);
        break;
    case CTRL('w'): erase_word(line); break;
    case CTRL('d'): line->state = line->length > 0 ? LINE_COMPLETE : LINE_END; break;
    default: append(line, byte); break;
    }
}

size_t line_take(struct line *line, char *bytes, size_t size)
{
    size_t count = line->length - line->taken;

    if (count > size)
        count = size;
    memcpy(bytes, line->text + line->taken, count);
    line->taken += count;
    if (line->taken == line->length)
        line_discard(line);
    return count;
}

void line_discard(struct line *line)
{
    line->state = LINE_EDITING;
    line->length = line->taken = 0;
}
