/* SPDX-License-Identifier: MIT */
/* The line editor: what its keys do to the line and to a terminal. */
// sources: user/sh/lineedit.c user/sh/lineview.c user/sh/keys.c user/sh/history.c user/sh/utf8.c
// sources: user/sh/widths.c
// flags: -Iuser/sh
#include "lineedit_screen.h"

#define CAPACITY 128
#define PROMPT   "cardea:/$ "

static struct screen screen;
static struct line_editor editor;
static struct history history;
static char *text, *draft;
static unsigned tabs, second_tabs;

static void on_tab(void *context, struct line_editor *which, bool again)
{
    (void)context;
    cr_assert_eq(which, &editor);
    tabs++;
    second_tabs += again;
}

static const struct line_hooks hooks = {.context = &screen, .write = screen_write, .complete = on_tab};

static void set_up_capacity(size_t capacity)
{
    static char storage[4096];

    memset(&screen, 0, sizeof(screen));
    tabs = second_tabs = 0;
    text = malloc(capacity); /* exactly that much, so that AddressSanitizer sees a byte too many */
    draft = malloc(capacity);
    history_init(&history, storage, sizeof(storage));
    line_editor_init(&editor, text, draft, capacity, &history, &hooks);
    line_editor_start(&editor, PROMPT);
}

static void set_up(void)
{
    set_up_capacity(CAPACITY);
}

static void tear_down(void)
{
    free(text);
    free(draft);
}

/* Types bytes; returns the last event that was not LINE_EDITING. */
static enum line_event type_bytes(const char *bytes, size_t count)
{
    enum line_event last = LINE_EDITING;

    for (size_t i = 0; i < count; i++) {
        enum line_event event = line_editor_feed(&editor, (uint8_t)bytes[i]);
        last = event != LINE_EDITING ? event : last;
    }
    return last;
}

static enum line_event type(const char *keys)
{
    return type_bytes(keys, strlen(keys));
}

/* Line, cursor, and that the terminal shows just that. */
static void check_at(int line, const char *expected, size_t cursor)
{
    char shown[1024], wanted[1024];

    cr_assert_eq(editor.length, strlen(expected), "line %d: '%.*s' instead of '%s'", line, (int)editor.length,
                 text, expected);
    cr_assert_eq(memcmp(text, expected, editor.length), 0, "line %d: '%.*s' instead of '%s'", line,
                 (int)editor.length, text, expected);
    cr_assert_eq(editor.cursor, cursor, "line %d: cursor at %zu instead of %zu", line, editor.cursor, cursor);
    cr_assert(!screen.wrong, "line %d: the terminal got what it does not know", line);
    screen_text(&screen, shown, sizeof(shown));
    snprintf(wanted, sizeof(wanted), PROMPT "%s", expected);
    cr_assert_str_eq(shown, wanted, "line %d: shown '%s'", line, shown);
}
#define check(expected, cursor) check_at(__LINE__, expected, cursor)

static void enter(const char *line)
{
    cr_assert_eq(type(line), LINE_EDITING);
    cr_assert_eq(type("\r"), LINE_ENTERED);
    history_add(&history, text, editor.length);
    line_editor_start(&editor, PROMPT);
}

TestSuite(lineedit, .init = set_up, .fini = tear_down);

Test(lineedit, typing_echoes_each_character_alone)
{
    screen.bytes = 0;
    type("ls /bin");
    cr_assert_eq(screen.bytes, 7, "%zu bytes for 7 characters", screen.bytes);
    check("ls /bin", 7);
    cr_assert_eq(type("\r"), LINE_ENTERED);
    cr_assert_str_eq(text, "ls /bin");
    cr_assert_str_eq(screen.last_line, PROMPT "ls /bin");
    cr_assert_eq(screen.column, 0);
}

Test(lineedit, enter_is_return_or_line_feed_or_both_once)
{
    cr_assert_eq(type("a\n"), LINE_ENTERED);
    line_editor_start(&editor, PROMPT);
    cr_assert_eq(type("b\r"), LINE_ENTERED);
    line_editor_start(&editor, PROMPT);
    cr_assert_eq(type("\n"), LINE_EDITING, "the LF of CRLF");
    cr_assert_eq(type("\n"), LINE_ENTERED, "a second LF is a line of its own");
    line_editor_start(&editor, PROMPT);
    cr_assert_eq(type("\r"), LINE_ENTERED);
    cr_assert_eq(type("\r"), LINE_ENTERED);
    line_editor_start(&editor, PROMPT);
    type("\nx");
    check("x", 1);
}

Test(lineedit, cursor_keys_of_every_terminal)
{
    static const char *const home[] = {"\x1b[H", "\x1b[1~", "\x1bOH", "\x1b[7~", "\x01", "\x1b[1;2H"};
    static const char *const end[] = {"\x1b[F", "\x1b[4~", "\x1bOF", "\x1b[8~", "\x05", "\x1b[1;5F"};

    type("echo two");
    for (size_t i = 0; i < sizeof(home) / sizeof(home[0]); i++) {
        type(home[i]);
        check("echo two", 0);
        type(end[i]);
        check("echo two", 8);
    }
    type("\x1b[D\x1bOD\x02");
    check("echo two", 5);
    type("\x1b[C\x06");
    check("echo two", 7);
    type("\x1bOC\x1b[C\x1b[C");
    check("echo two", 8);
    type("\x01\x02\x1b[D");
    check("echo two", 0);
}

Test(lineedit, moving_by_words)
{
    type("cat /etc/motd x");
    type("\x1b[1;5D");
    check("cat /etc/motd x", 14);
    type("\x1b"
         "b\x1b[5D");
    check("cat /etc/motd x", 5);
    type("\x1bOd\x1b[1;3D\x1b[1;5D");
    check("cat /etc/motd x", 0);
    type("\x1b[1;5C");
    check("cat /etc/motd x", 3);
    type("\x1b"
         "f\x1bOc\x1b[1;5C\x1b[1;5C");
    check("cat /etc/motd x", 15);
}

Test(lineedit, inserting_and_erasing_anywhere)
{
    type("acd\x1b[D\x1b[D"
         "b");
    check("abcd", 2);
    type("\x1b[3~");
    check("abd", 2);
    type("\x7f");
    check("ad", 1);
    type("\x08\x04");
    check("", 0);
    cr_assert_eq(screen.bells, 0);
    type("\x7f\x1b[3~\x08");
    cr_assert_eq(screen.bells, 3, "nothing there to erase");
    check("", 0);
}

Test(lineedit, erasing_words_and_ends)
{
    type("one two three\x17");
    check("one two ", 8);
    type("\x17");
    check("one ", 4);
    type("two/three\x1b\x7f");
    check("one two/", 8);
    type("\x01\x0b");
    check("", 0);
    type("left right\x1b"
         "b\x15");
    check("right", 0);
    type("\x1b"
         "d");
    check("", 0);
    type("x  \x17");
    check("", 0);
}

Test(lineedit, swapping_characters)
{
    type("ab\x14");
    check("ba", 2);
    type("cd\x02\x02\x14");
    check("bcad", 3);
    type("\x15\x0b"
         "a\x14\x01\x14");
    cr_assert_eq(screen.bells, 2);
    check("a", 0);
    type("\x15\x0b\xc3\xa4\xe2\x82\xac\x14");
    check("\xe2\x82\xac\xc3\xa4", 5);
}

Test(lineedit, control_c_gives_the_line_up)
{
    type("rubbish");
    cr_assert_eq(type("\x03"), LINE_ABANDONED);
    cr_assert_str_eq(screen.last_line, PROMPT "rubbish^C");
    line_editor_start(&editor, PROMPT);
    check("", 0);
}

Test(lineedit, control_d_ends_only_an_empty_line)
{
    cr_assert_eq(type("ab\x01\x04"), LINE_EDITING);
    check("b", 0);
    cr_assert_eq(type("\x05\x04"), LINE_EDITING, "at the end of a line it rings");
    check("b", 1);
    cr_assert_eq(type("\x7f\x04"), LINE_END);
}

Test(lineedit, control_l_clears_and_redraws)
{
    type("ls -l\x1b[D\x0c");
    cr_assert_eq(screen.clears, 1);
    check("ls -l", 4);
}

Test(lineedit, history_walk_keeps_the_line_being_edited)
{
    enter("first");
    enter("second");
    enter("second");
    enter("   ");
    type("dra\xc3\xa4");
    type("\x1b[A");
    check("second", 6);
    type("\x10");
    check("first", 5);
    type("\x1bOA");
    cr_assert_eq(screen.bells, 1);
    check("first", 5);
    type("!\x1b[B");
    check("second", 6);
    type("\x0e");
    check("dra\xc3\xa4", 5);
    type("\x1b[B");
    cr_assert_eq(screen.bells, 2);
    type("\x1b[A\x1b[A\r");
    cr_assert_str_eq(text, "first", "what was changed on the way is not kept");
}

Test(lineedit, characters_of_several_bytes_are_one)
{
    type("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z");
    check("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z", 11);
    type("\x1b[D\x1b[D");
    check("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z", 6);
    type("\x7f");
    check("a\xc3\xa4\xf0\x9f\x98\x80z", 3);
    type("\x1b[3~\xe4\xb8\xad");
    check("a\xc3\xa4\xe4\xb8\xadz", 6);
    type("\x02\x02\x1b[C\x1b[C\x7f\x7f\x7f");
    check("z", 0);
}

Test(lineedit, half_a_character_is_kept_as_bytes)
{
    type("a\xe2\x82"
         "b\xff\xc3\r");
    cr_assert_eq(editor.length, 6);
    cr_assert_str_eq(text, "a\xe2\x82"
                           "b\xff\xc3");
    cr_assert_str_eq(screen.last_line, PROMPT "a??b??");
    cr_assert(!screen.wrong);
}

Test(lineedit, bytes_that_become_a_character_when_they_meet)
{
    type("\xe2|\x82\xac\x02\x02\x7f");
    check("\xe2\x82\xac", 3);
    type("x");
    check("\xe2\x82\xacx", 4);
}

Test(lineedit, full_line_rings_and_loses_nothing)
{
    char line[CAPACITY + 1] = "";

    for (int i = 0; i < CAPACITY + 10; i++) {
        char c[2] = {(char)('a' + i % 26), 0};
        type(c);
        strcat(line, i < CAPACITY - 1 ? c : "");
    }
    cr_assert_eq(screen.bells, 11);
    cr_assert_eq(editor.length, (size_t)CAPACITY - 1);
    type("\x01x");
    cr_assert_eq(screen.bells, 12);
    cr_assert_eq(type("\r"), LINE_ENTERED);
    cr_assert_str_eq(text, line);
    line_editor_start(&editor, PROMPT);
    for (int i = 0; i < CAPACITY - 2; i++)
        type("x");
    type("\xc3\xa4");
    cr_assert_eq(editor.length, (size_t)CAPACITY - 2, "a character goes in whole or not at all");
    cr_assert_eq(screen.bells, 13);
}

Test(lineedit, long_line_scrolls_sideways)
{
    char shown[1024];

    for (int i = 0; i < 120; i++) {
        char c = (char)('0' + i % 10);
        type_bytes(&c, 1);
        cr_assert(!screen.wrong && screen.column < LINE_DEFAULT_WIDTH, "after %d characters", i);
    }
    screen_text(&screen, shown, sizeof(shown));
    cr_assert_eq(strncmp(shown, PROMPT, strlen(PROMPT)), 0);
    cr_assert_eq(strcmp(shown + strlen(shown) - 5, "56789"), 0, "the end is visible: %s", shown);
    type("\x01");
    screen_text(&screen, shown, sizeof(shown));
    cr_assert_eq(strncmp(shown, PROMPT "0123456789", strlen(PROMPT) + 10), 0);
    cr_assert_eq(screen.column, strlen(PROMPT));
    cr_assert_eq(strlen(shown), (size_t)LINE_DEFAULT_WIDTH - 3);
}

Test(lineedit, unknown_sequences_are_swallowed_whole)
{
    static const char *const unknown[] = {"\x1b[15~",      "\x1b[200~",      "\x1b[?1;2c",
                                          "\x1b[[A",       "\x1bOP",         "\x1b(B",
                                          "\x1b]0;hi\x07", "\x1bPq#1\x1b\\", "\x1b[<0;1;1M",
                                          "\x1bz",         "\x1b[1;2;3C",    "\x1b[99999999999999999999~",
                                          "\x1b[ q",       "\x1b\x1bOQ"};

    type("ab");
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        screen.bytes = 0;
        type(unknown[i]);
        cr_assert_eq(screen.bytes, 0, "sequence %zu shows something", i);
        check("ab", 2);
    }
    type("\x1b[1\x01");
    check("ab", 0);
    cr_assert_eq(type("\x1b\r"), LINE_ENTERED, "escape alone does not swallow enter");
}

Test(lineedit, tab_asks_for_completion)
{
    type("a\t");
    cr_assert_eq(tabs, 1);
    type("\t");
    cr_assert_eq(second_tabs, 1);
    type("b\t");
    cr_assert_eq(second_tabs, 1, "a key in between makes it a first tab again");
    cr_assert_eq(tabs, 3);
    cr_assert(line_editor_insert(&editor, "xyz", 3));
    check("abxyz", 5);
}

Test(lineedit, other_control_characters_ring)
{
    type_bytes("a\0\x1c\x1e", 4);
    cr_assert_eq(screen.bells, 3);
    check("a", 1);
}

/* What the screen must show of the line: recomputed from nothing but text, cursor and scroll position. */
static void check_screen(uint64_t step)
{
    struct screen fresh = {0};
    unsigned column = (unsigned)strlen(PROMPT), cursor = column;

    screen_write(&fresh, PROMPT, strlen(PROMPT));
    for (size_t at = editor.left; at < editor.length;) {
        uint32_t code;
        size_t bytes = utf8_decode(text + at, editor.length - at, &code);
        bool plain = code != UTF8_INVALID && !utf8_is_control(code);
        unsigned width = plain ? utf8_width(code) : 1;
        if (column + width > LINE_DEFAULT_WIDTH - 3)
            break;
        screen_write(&fresh, plain ? text + at : "?", plain ? bytes : 1);
        column += width;
        at += bytes;
        cursor = at <= editor.cursor ? column : cursor;
    }
    cr_assert_eq(screen.end, fresh.end, "step %lu: %u columns instead of %u", step, screen.end, fresh.end);
    cr_assert_eq(memcmp(screen.cell, fresh.cell, fresh.end * sizeof(fresh.cell[0])), 0, "step %lu", step);
    cr_assert_eq(screen.column, cursor, "step %lu: cursor in column %u instead of %u", step, screen.column,
                 cursor);
    cr_assert(editor.left <= editor.cursor && editor.cursor <= editor.length);
}

/* Keys of all kinds, bytes of all kinds, and characters of several bytes. */
static uint8_t soup(uint64_t *random)
{
    static const char keys[] = "\x01\x02\x04\x05\x06\x08\x0b\x0c\x0e\x10\x14\x15\x17\x1b[ABCDHF~13;5O\x7f\t";

    switch (random_below(random, 8)) {
    case 0: return (uint8_t)random_next(random);
    case 1:
    case 2: return (uint8_t)keys[random_below(random, sizeof(keys) - 1)];
    case 3: return (uint8_t)(0x80 + random_below(random, 0x80));
    default: return (uint8_t)(' ' + random_below(random, 0x5f));
    }
}

/* A whole character, so that valid ones are common. */
static void type_character(uint64_t *random)
{
    static const char *const characters[] = {"\xc3\xa4",     "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                             "\xe4\xb8\xad", "e\xcc\x81",    "\xc2\x85"};

    type(characters[random_below(random, 6)]);
}

Test(lineedit, byte_soup_keeps_line_and_screen_together)
{
    uint64_t random = 0x5eed;

    for (uint64_t step = 0; step < 400000; step++) {
        enum line_event event = LINE_EDITING;
        if (random_below(&random, 6) == 0)
            type_character(&random);
        else
            event = line_editor_feed(&editor, soup(&random));
        cr_assert_lt(editor.length, editor.capacity, "step %lu", step);
        cr_assert(!screen.wrong, "step %lu: the terminal got what it does not know", step);
        if (event != LINE_EDITING) {
            cr_assert_eq(text[editor.length], 0);
            history_add(&history, text, editor.length);
            screen_write(&screen, "\r\x1b[K", 4);
            line_editor_start(&editor, PROMPT);
        }
        if (editor.pending_length == 0)
            check_screen(step);
    }
}

Test(lineedit, says_when_something_did_not_fit)
{
    tear_down();
    set_up_capacity(4);
    type("abc");
    cr_assert_not(editor.overflowed);
    type("d");
    cr_assert(editor.overflowed);
    type("\x7f");
    cr_assert_not(editor.overflowed, "who erases has seen it");
    type("xy");
    cr_assert(editor.overflowed);
    line_editor_start(&editor, PROMPT);
    cr_assert_not(editor.overflowed);
}

Test(lineedit, tiny_capacities)
{
    uint64_t random = 77;

    for (size_t capacity = 1; capacity < 6; capacity++) {
        tear_down();
        set_up_capacity(capacity);
        for (int step = 0; step < 3000; step++) {
            if (line_editor_feed(&editor, soup(&random)) != LINE_EDITING) {
                history_add(&history, text, editor.length);
                line_editor_start(&editor, PROMPT);
            }
            cr_assert_lt(editor.length, capacity);
        }
    }
}
