/* SPDX-License-Identifier: MIT */
/* The console among its clients: who gets the input, in which order output goes out, what happens to those
 * that die. */
// sources: user/console/console.c user/console/foreground.c user/console/line.c user/console/size.c
#include "console_world.h"

TestSuite(console, .init = set_up, .timeout = 30);

/* --- Output --- */

Test(console, newlines_go_out_as_two_characters)
{
    cr_assert_eq(write_text(3, "a\nb\r\n\n"), ERR_OK);
    expect_sent("a\r\nb\r\n\r\n");
    cr_assert_eq(write_text(3, "x\r"), ERR_OK);
    cr_assert_eq(write_text(3, "\ny"), ERR_OK);
    expect_sent("x\r\ny");
    cr_assert_eq(port.bytes_out, 12);
}

Test(console, write_requests_that_are_wrong)
{
    struct console_write_request request = {.length = CONSOLE_MAX_BYTES + 1};
    struct console_write_reply reply;
    cr_assert_eq(invoke(3, OP_console_write, &request, sizeof(request), &reply, 0), ERR_BAD_ARG);
    request.length = 100;
    cr_assert_eq(invoke(3, OP_console_write, &request, 16, &reply, 0), ERR_BAD_ARG, "8 bytes came, not 100");
    request.length = UINT64_MAX;
    cr_assert_eq(invoke(3, OP_console_write, &request, 16, &reply, 0), ERR_BAD_ARG);
    expect_sent("");
    cr_assert_eq(write_text(3, ""), ERR_OK);
}

/* The n-th request of a client: its letter and a number, over and over, so that a torn request is noticed. */
static size_t make_request(char *text, char letter, unsigned n)
{
    size_t length = 0;

    while (length + 4 <= CONSOLE_MAX_BYTES - n % 40)
        length += (size_t)sprintf(text + length, "%c%02u\n", letter, n % 100);
    return length;
}

Test(console, full_output_makes_writers_wait_and_loses_nothing)
{
    char text[CONSOLE_MAX_BYTES + 8];
    unsigned written[3] = {0}, waiting[3] = {0};

    speed = 0;
    for (unsigned round = 0; round < 30000; round++) {
        unsigned c = round % 3;
        if (waiting[c] != 0 && caller[waiting[c]].waiting) {
            speed = round % 97;
            console_serve();
            continue;
        }
        if (written[c] == 40)
            continue;
        size_t length = make_request(text, (char)('a' + c), written[c]++);
        waiting[c] = write_length(c + 1, text, length) == ANSWER_NONE ? callers : 0;
    }
    speed = sizeof(sent);
    console_serve();
    for (unsigned c = 0; c < 3; c++)
        cr_assert_eq(written[c], 40);
    /* Every request whole, each client's in its order, and all of them. */
    unsigned next[3] = {0};
    for (size_t at = 0; at < sent_count;) {
        char expected[2 * CONSOLE_MAX_BYTES];
        unsigned c = (unsigned)(sent[at] - 'a');
        size_t length = make_request(text, sent[at], next[c]++), expanded = 0;
        for (size_t i = 0; i < length; i++) {
            if (text[i] == '\n')
                expected[expanded++] = '\r';
            expected[expanded++] = text[i];
        }
        cr_assert_eq(memcmp(sent + at, expected, expanded), 0, "request %u of client %u was torn", next[c],
                     c);
        at += expanded;
    }
    cr_assert(next[0] == 40 && next[1] == 40 && next[2] == 40);
    cr_assert_gt(callers, 20, "nobody ever waited");
}

/* Each newline is two bytes, for which there must be room before any of them is taken. */
Test(console, newlines_alone_overflow_nothing)
{
    char text[CONSOLE_MAX_BYTES];
    unsigned requests = 0;

    memset(text, '\n', sizeof(text));
    speed = 0;
    while (!write_length(1, text, sizeof(text)))
        requests++;
    speed = sizeof(sent);
    console_serve();
    cr_assert_eq(sent_count, (requests + 1) * 2 * sizeof(text));
    for (size_t i = 0; i < sent_count; i++)
        cr_assert_eq(sent[i], i % 2 == 0 ? '\r' : '\n', "byte %zu", i);
}

Test(console, writers_are_served_in_turn)
{
    char text[CONSOLE_MAX_BYTES];

    memset(text, 'x', sizeof(text));
    speed = 0;
    while (!write_length(1, text, sizeof(text)))
        continue;
    write_text(2, "second");
    write_length(1, text, sizeof(text));
    cr_assert_eq(callers, 3, "a short request does not overtake");
    speed = sizeof(sent);
    console_serve();
    console_serve();
    cr_assert_eq(order_count, 3);
    cr_assert(order[0] == 1 && order[1] == 2 && order[2] == 3);
    cr_assert_eq(caller[2].write.written, 6);
}

Test(console, dead_writer_is_forgotten)
{
    char text[CONSOLE_MAX_BYTES];

    memset(text, 'x', sizeof(text));
    speed = 0;
    while (!write_length(1, text, sizeof(text)))
        continue;
    write_text(2, "second");
    console_client_gone(1);
    cr_assert_eq(caller[1].error, ERR_CANCELLED);
    speed = sizeof(sent);
    console_serve();
    console_serve();
    cr_assert_eq(caller[2].error, ERR_OK);
    cr_assert_eq(memcmp(sent + sent_count - 7, "xsecond", 7), 0);
}

Test(console, too_many_waiting)
{
    char text[CONSOLE_MAX_BYTES];
    enum error error;

    memset(text, 'x', sizeof(text));
    speed = 0;
    for (unsigned i = 0; !(error = write_length(i, text, sizeof(text))) || error == ANSWER_NONE;
         i++) {
        cr_assert_lt(i, 1000);
    }
    cr_assert_eq(error, ERR_TOO_MANY);
    for (unsigned i = 1; (error = read_some(i, 10, 0)) == ANSWER_NONE; i++)
        cr_assert_lt(i, 1000);
    cr_assert_eq(error, ERR_TOO_MANY);
}

Test(console, no_memory_for_a_reply_object)
{
    no_memory = true;
    cr_assert_eq(read_some(1, 10, 0), ERR_NO_MEMORY);
    no_memory = false;
    cr_assert_eq(read_some(1, 10, 0), ANSWER_NONE);
    type("a\r");
    expect_answer(1, "a\n");
}

/* --- Input --- */

Test(console, line_reaches_the_waiting_reader)
{
    cr_assert_eq(read_some(1, 100, 0), ANSWER_NONE);
    type("helo\blo");
    cr_assert(caller[1].waiting);
    type("\r");
    expect_answer(1, "hello\n");
    expect_sent("helo\b \blo\r\n");
}

Test(console, what_is_typed_ahead_waits_and_is_echoed_when_read)
{
    type("one\rtwo\rthr");
    expect_sent("");
    cr_assert_eq(read_some(1, 100, 0), ERR_OK);
    expect_got(&got, "one\n");
    expect_sent("one\r\n");
    cr_assert_eq(read_some(1, 2, 0), ERR_OK);
    expect_got(&got, "tw");
    cr_assert_eq(read_some(1, 100, 0), ERR_OK);
    expect_got(&got, "o\n");
    cr_assert_eq(read_some(1, 100, 0), ANSWER_NONE);
    type("ee\r");
    expect_answer(1, "three\n");
}

Test(console, end_of_input)
{
    cr_assert_eq(read_some(1, 100, 0), ANSWER_NONE);
    type("\x04");
    expect_answer(1, "");
    type("no newline\x04");
    cr_assert_eq(read_some(1, 100, 0), ERR_OK);
    expect_got(&got, "no newline");
}

Test(console, last_to_ask_is_served_first)
{
    read_some(1, 100, 0);
    read_some(2, 100, 0);
    type("a\r");
    expect_answer(2, "a\n");
    cr_assert(caller[1].waiting);
    read_some(3, 100, 0);
    type("b\rc\r");
    expect_answer(3, "b\n");
    expect_answer(1, "c\n");
}

Test(console, not_blocking)
{
    cr_assert_eq(read_some(1, 100, CONSOLE_NONBLOCK), ERR_WOULD_BLOCK);
    type("ab");
    cr_assert_eq(read_some(1, 100, CONSOLE_NONBLOCK), ERR_WOULD_BLOCK);
    type("c\r");
    cr_assert_eq(read_some(1, 100, CONSOLE_NONBLOCK), ERR_OK);
    expect_got(&got, "abc\n");
    cr_assert_eq(read_some(1, 0, 0), ERR_BAD_ARG);
}

Test(console, raw_mode_passes_bytes_through)
{
    cr_assert_eq(set_mode(1, CONSOLE_RAW), ERR_OK);
    cr_assert_eq(read_some(1, 100, 0), ANSWER_NONE);
    type("\r");
    expect_answer(1, "\r"); /* as soon as there is any */
    type("\x03\x7f\x04");
    cr_assert_eq(read_some(1, 100, 0), ERR_OK);
    expect_got(&got, "\x03\x7f\x04");
    expect_sent("");
    cr_assert_eq(set_mode(1, CONSOLE_COOKED), ERR_OK);
    read_some(1, 100, 0);
    type("x\r");
    expect_answer(callers, "x\n");
    cr_assert_eq(set_mode(1, 2), ERR_BAD_ARG);
}

Test(console, mode_is_each_clients_own)
{
    set_mode(2, CONSOLE_RAW);
    read_some(1, 100, 0);
    read_some(2, 1, 0);
    type("r");
    expect_answer(2, "r");
    type("c\r");
    expect_answer(1, "c\n");
}

static void set_interrupt(uint64_t client, cap_t cap)
{
    cr_assert_eq(invoke(client, OP_console_interrupt, "", 0, &got, cap), ERR_OK);
}

Test(console, ctrl_c_interrupts_and_discards)
{
    set_interrupt(7, 55);
    read_some(1, 100, 0);
    type("half a line");
    type("\x03");
    cr_assert_eq(interrupts, 1);
    expect_sent("half a line^C\r\n");
    cr_assert(caller[1].waiting);
    type("new\r");
    expect_answer(1, "new\n");
    type("ahead\r\x03");
    cr_assert_eq(interrupts, 2, "also while nobody reads");
    cr_assert_eq(read_some(1, 100, CONSOLE_NONBLOCK), ERR_WOULD_BLOCK);
}

Test(console, what_was_said_to_an_earlier_console_is_stale)
{
    struct console_read_request request = {.max = 10, .flags = CONSOLE_NONBLOCK};
    struct console_mode_reply told = {0};

    const struct console_mode_request raw = {CONSOLE_RAW};
    cr_assert_eq(invoke(1, OP_console_mode, &raw, sizeof(raw), &told, 0), ERR_OK);
    request.epoch = told.epoch;
    cr_assert_eq(invoke(1, OP_console_read, &request, sizeof(request), &got, 0), ERR_WOULD_BLOCK);
    request.epoch--;
    cr_assert_eq(invoke(1, OP_console_read, &request, sizeof(request), &got, 0), ERR_STALE);
    request.epoch = 0;
    cr_assert_eq(invoke(1, OP_console_read, &request, sizeof(request), &got, 0), ERR_WOULD_BLOCK);
}

Test(console, ctrl_c_is_a_byte_while_a_client_is_raw)
{
    set_interrupt(7, 55);
    set_mode(1, CONSOLE_RAW);
    type("a\x03");
    cr_assert_eq(interrupts, 0);
    cr_assert_eq(read_some(1, 100, 0), ERR_OK);
    expect_got(&got, "a\x03");
    console_client_gone(1);
    type("\x03");
    cr_assert_eq(interrupts, 1, "dead clients are in no mode");
}

/* Typed right behind a line, before its reader has left raw mode. */
Test(console, ctrl_c_that_waits_interrupts_in_cooked_mode)
{
    set_interrupt(7, 55);
    set_mode(7, CONSOLE_RAW);
    type("dropped\x03kept\r");
    cr_assert_eq(interrupts, 0);
    set_mode(7, CONSOLE_COOKED);
    cr_assert_eq(interrupts, 1);
    cr_assert_eq(read_some(7, 100, CONSOLE_NONBLOCK), ERR_OK);
    expect_got(&got, "kept\n");
    set_mode(7, CONSOLE_COOKED);
    cr_assert_eq(interrupts, 1);
}

Test(console, interrupt_ends_with_its_client_or_on_request)
{
    set_interrupt(7, 55);
    set_interrupt(7, 0);
    cr_assert_eq(freed, 1);
    type("\x03");
    cr_assert_eq(interrupts, 0);
    set_interrupt(7, 55);
    console_client_gone(8);
    type("\x03");
    cr_assert_eq(interrupts, 1);
    console_client_gone(7);
    cr_assert_eq(freed, 2);
    type("\x03");
    cr_assert_eq(interrupts, 1);
}

Test(console, dead_reader_is_forgotten)
{
    read_some(1, 100, 0);
    read_some(2, 100, 0);
    read_some(1, 100, 0);
    console_client_gone(1);
    cr_assert_eq(caller[1].error, ERR_CANCELLED);
    cr_assert_eq(caller[3].error, ERR_CANCELLED);
    type("a\r");
    expect_answer(2, "a\n");
}

/* Lines of 100 characters, numbered; what finds no room is refused by whole lines. */
Test(console, input_that_nobody_reads_is_kept_by_whole_lines)
{
    const unsigned kept = 65536 / 101;
    char line[128];

    for (unsigned i = 0; i < 700; i++) {
        snprintf(line, sizeof(line), "%0100u\r", i);
        type(line);
    }
    cr_assert_eq(port.bytes_in, 700 * 101);
    cr_assert_gt(port.overruns, 0);
    cr_assert_eq(sent_count, 700 - kept, "a bell for each line that is refused");
    cr_assert_eq(sent[0], '\a');
    for (unsigned i = 0; i < kept; i++) {
        snprintf(line, sizeof(line), "%0100u\n", i);
        cr_assert_eq(read_some(1, 200, CONSOLE_NONBLOCK), ERR_OK);
        expect_got(&got, line);
    }
    cr_assert_eq(read_some(1, 200, CONSOLE_NONBLOCK), ERR_WOULD_BLOCK);
    type("next\r");
    cr_assert_eq(read_some(1, 200, CONSOLE_NONBLOCK), ERR_OK);
    expect_got(&got, "next\n");
}

Test(console, line_longer_than_all_room_is_refused)
{
    for (unsigned i = 0; i < 70000; i++)
        console_receive('x');
    type("\rnext\r");
    cr_assert_eq(read_some(1, 200, CONSOLE_NONBLOCK), ERR_OK);
    expect_got(&got, "next\n");
}

Test(console, says_whether_a_line_is_unfinished)
{
    static const struct {
        const char *text;
        uint64_t unfinished;
    } cases[] = {{"a\n", 0}, {"a", 1}, {"a\nb", 1}, {"\n", 0}};
    struct console_info_reply info;

    cr_assert_eq(invoke(1, OP_console_info, "", 0, &info, 0), ERR_OK);
    cr_assert_eq(info.unfinished, 0);
    for (unsigned i = 0; i < 4; i++) {
        write_text(1, cases[i].text);
        cr_assert_eq(invoke(1, OP_console_info, "", 0, &info, 0), ERR_OK);
        cr_assert_eq(info.unfinished, cases[i].unfinished, "%u", i);
    }
}

Test(console, echo_has_room_beside_waiting_writers)
{
    char text[CONSOLE_MAX_BYTES];

    memset(text, 'x', sizeof(text));
    speed = 0;
    while (!write_length(1, text, sizeof(text)))
        continue;
    read_some(2, 100, 0);
    type("typed\r");
    speed = sizeof(sent);
    console_serve();
    console_serve();
    expect_answer(2, "typed\n");
    sent[sent_count] = 0;
    cr_assert_not_null(strstr(sent, "xtyped\r\nx"), "whole, between two requests");
}

Test(console, tells_about_itself)
{
    struct console_info_reply info;

    port = (struct console_port){"ns16550a", "serial@10000000", 1, 2, 3, 4, transmit, attention};
    cr_assert_eq(invoke(1, OP_console_info, "", 0, &info, 0), ERR_OK);
    cr_assert_str_eq(info.driver, "ns16550a");
    cr_assert_str_eq(info.device, "serial@10000000");
    cr_assert(info.bytes_in == 1 && info.bytes_out == 2 && info.overruns == 3 && info.interrupts == 4);
}
