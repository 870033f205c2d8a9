/* SPDX-License-Identifier: MIT */
/* The line discipline: what a terminal shows, character by character, against what the program gets. */
// sources: user/console/line.c
#include "../../user/console/line.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* A terminal of one row, as far as the line discipline uses it. UTF-8, one column per character. */
static struct {
    char cell[8192][4];
    size_t column;
    unsigned bells, rows;
    char bytes[32768]; /* all that was echoed */
    size_t count;
} screen;

static void show_byte(char byte)
{
    if (byte == '\b') {
        cr_assert_gt(screen.column, 0, "backspace over the left edge");
        screen.column--;
    } else if (byte == '\a') {
        screen.bells++;
    } else if (byte == '\n') {
        screen.rows++;
        screen.column = 0;
    } else if (byte == '\r') {
        screen.column = 0;
    } else if (((unsigned char)byte & 0xc0) == 0x80) {
        char *cell = screen.cell[screen.column - 1];
        cell[strlen(cell)] = byte;
    } else {
        cr_assert((unsigned char)byte >= ' ' && byte != 0x7f, "byte %d is no text", byte);
        memset(screen.cell[screen.column], 0, 4);
        screen.cell[screen.column++][0] = byte;
    }
}

static void echo(const char *bytes, size_t count)
{
    cr_assert_leq(screen.count + count, sizeof(screen.bytes));
    memcpy(screen.bytes + screen.count, bytes, count);
    screen.count += count;
    for (size_t i = 0; i < count; i++)
        show_byte(bytes[i]);
}

static struct line line;

static void set_up(void)
{
    memset(&screen, 0, sizeof(screen));
    memset(&line, 0, sizeof(line));
    line.echo = echo;
}

TestSuite(console_line, .init = set_up, .timeout = 30);

static void type(const char *text)
{
    for (; *text != 0; text++) {
        cr_assert_eq(line.state, LINE_EDITING, "typed on after the line was complete");
        line_type(&line, *text);
    }
}

/* The program gets exactly `text`, and the next line begins. */
static void expect_line(const char *text)
{
    char got[LINE_MAX];
    size_t length = line_take(&line, got, sizeof(got));

    cr_assert_eq(length, strlen(text), "%zu bytes instead of %zu", length, strlen(text));
    cr_assert_eq(memcmp(got, text, length), 0, "got '%.*s'", (int)length, got);
    cr_assert_eq(line.state, LINE_EDITING);
}

/* The row shows `text` from its start, and the cursor is behind it; what follows is blank. */
static void expect_screen(const char *text)
{
    char row[16384] = "";
    size_t used = 0;

    for (size_t i = 0; screen.cell[i][0] != 0; i++)
        used += (size_t)sprintf(row + used, "%s", screen.cell[i]);
    cr_assert_eq(strncmp(row, text, strlen(text)), 0, "shows '%s' instead of '%s'", row, text);
    for (size_t i = strlen(text); i < used; i++)
        cr_assert_eq(row[i], ' ', "'%s' was left over", row + i);
}

Test(console_line, plain_line)
{
    type("hello world");
    expect_screen("hello world");
    cr_assert_eq(line.state, LINE_EDITING);
    type("\r");
    cr_assert_eq(line.state, LINE_COMPLETE);
    cr_assert_eq(memcmp(screen.bytes + screen.count - 2, "\r\n", 2), 0);
    expect_line("hello world\n");
    type("again\n");
    expect_line("again\n");
}

Test(console_line, erases_characters)
{
    type("abX\bc\x7f\x7f");
    expect_screen("a");
    cr_assert_eq(screen.column, 1);
    type("\b\b\b\bxy\r");
    expect_line("xy\n");
}

Test(console_line, erases_characters_of_several_bytes_and_columns)
{
    type("a\xc3\xa4\xe2\x82\xac\b");
    expect_screen("a\xc3\xa4");
    type("\b");
    expect_screen("a");
    type("\x01z\b\b"); /* ctrl-a takes two columns */
    cr_assert_eq(screen.column, 1);
    type("\t\tq\b\b");
    cr_assert_eq(screen.column, 2);
    type("\r");
    expect_line("a\t\n");
}

Test(console_line, erases_words_and_lines)
{
    type("cat  one two   \x17");
    expect_screen("cat  one ");
    type("\x17");
    cr_assert_eq(screen.column, 5);
    type("x\x15");
    cr_assert_eq(screen.column, 0);
    expect_screen("");
    type("\x17\x15ls\r");
    expect_line("ls\n");
}

Test(console_line, end_of_input)
{
    char byte;

    type("ab\x04");
    cr_assert_eq(line.state, LINE_COMPLETE);
    expect_line("ab");
    type("\x04");
    cr_assert_eq(line.state, LINE_END);
    cr_assert_eq(line_take(&line, &byte, 1), 0);
    cr_assert_eq(line.state, LINE_EDITING);
    type("more\r");
    expect_line("more\n");
}

Test(console_line, control_characters_are_visible)
{
    type("a\x1b[A\x01");
    expect_screen("a^[[A^A");
    type("\r");
    expect_line("a\x1b[A\x01\n");
}

Test(console_line, long_line_is_taken_in_pieces)
{
    char got[LINE_MAX];

    type("0123456789\r");
    cr_assert_eq(line_take(&line, got, 4), 4);
    cr_assert_eq(line.state, LINE_COMPLETE);
    cr_assert_eq(line_take(&line, got + 4, 4), 4);
    cr_assert_eq(line_take(&line, got + 8, 4), 3);
    cr_assert_eq(memcmp(got, "0123456789\n", 11), 0);
    cr_assert_eq(line.state, LINE_EDITING);
}

Test(console_line, full_line_rings_and_can_still_be_ended)
{
    char expected[LINE_MAX + 1];

    for (size_t i = 0; i < LINE_MAX + 5; i++)
        line_type(&line, (char)('a' + i % 26));
    cr_assert_eq(screen.bells, 6);
    cr_assert_eq(screen.column, LINE_MAX - 1);
    for (size_t i = 0; i < LINE_MAX - 1; i++)
        expected[i] = (char)('a' + i % 26);
    memcpy(expected + LINE_MAX - 1, "\n", 2);
    type("\r");
    expect_line(expected);
}

Test(console_line, echo_of_one_byte_is_bounded)
{
    for (size_t i = 0; i < LINE_MAX; i++)
        line_type(&line, 1);
    screen.count = 0;
    type("\x15");
    cr_assert_leq(screen.count, LINE_MAX_ECHO);
    cr_assert_eq(screen.count, (LINE_MAX - 1) * 6);
}

Test(console_line, broken_utf8_does_no_harm)
{
    screen.column = 3; /* a terminal shows something or other */
    type("\x80\x80\x80");
    type("\b\b\b\b");
    cr_assert_eq(line.length, 0);
    type("ok\r");
    expect_line("ok\n");
}
