/* SPDX-License-Identifier: MIT */
/* Whose the terminal is: reads, modes and the interrupt key of its owner hold, and the attention key is
 * nobody's. */
// sources: user/console/console.c user/console/foreground.c user/console/line.c user/console/size.c
#include "console_world.h"

#define SHELL   7
#define PROGRAM 8
#define OTHER   9

TestSuite(console_foreground, .init = set_up, .timeout = 30);

static void set_interrupt(uint64_t client, cap_t cap)
{
    cr_assert_eq(invoke(client, OP_console_interrupt, "", 0, &got, cap), ERR_OK);
}

static void give(uint64_t process)
{
    struct console_foreground_request request = {process};

    cr_assert_eq(invoke(SHELL, OP_console_foreground, &request, sizeof(request), &got, 0), ERR_OK);
}

Test(console_foreground, only_the_owner_is_read_for)
{
    read_some(OTHER, 100, 0);
    give(0);
    type("a\r");
    cr_assert(caller[1].waiting, "the terminal was everybody's when it asked");
    cr_assert_eq(read_some(SHELL, 100, 0), ERR_OK);
    expect_got(&got, "a\n");
    cr_assert_eq(read_some(PROGRAM, 100, CONSOLE_NONBLOCK), ERR_WOULD_BLOCK);
    read_some(SHELL, 100, 0);
    read_some(PROGRAM, 100, 0);
    type("b\r");
    expect_answer(2, "b\n");
    give(PROGRAM);
    type("c\r");
    expect_answer(3, "c\n");
    cr_assert(caller[1].waiting);
}

Test(console_foreground, who_gets_the_terminal_gets_what_was_typed)
{
    give(0);
    read_some(PROGRAM, 100, 0);
    type("ahead\r");
    cr_assert(caller[1].waiting);
    give(PROGRAM);
    expect_answer(1, "ahead\n");
}

Test(console_foreground, modes_of_others_mean_nothing)
{
    give(0);
    set_mode(PROGRAM, CONSOLE_RAW);
    set_interrupt(SHELL, 55);
    type("\x03");
    cr_assert_eq(interrupts, 1);
    give(PROGRAM);
    type("\x03");
    cr_assert_eq(interrupts, 1);
    cr_assert_eq(read_some(PROGRAM, 100, 0), ERR_OK);
    expect_got(&got, "\x03");
    give(0);
    type("\x03");
    cr_assert_eq(interrupts, 2);
}

Test(console_foreground, interrupt_of_the_owner_or_else_of_the_shell)
{
    set_interrupt(SHELL, 55);
    set_interrupt(PROGRAM, 56);
    give(0);
    type("\x03");
    cr_assert(interrupts == 1 && others == 0);
    give(PROGRAM);
    type("\x03");
    cr_assert(interrupts == 1 && others == 1);
    set_interrupt(PROGRAM, 0);
    type("\x03");
    cr_assert(interrupts == 2 && others == 1);
    give(OTHER); /* that never asked for it */
    type("\x03");
    cr_assert_eq(interrupts, 3);
}

Test(console_foreground, all_ends_with_the_owner)
{
    set_interrupt(SHELL, 55);
    give(PROGRAM);
    set_mode(PROGRAM, CONSOLE_RAW);
    set_interrupt(PROGRAM, 56);
    console_client_gone(PROGRAM);
    type("\x03");
    cr_assert(interrupts == 1 && others == 0);
    read_some(SHELL, 100, 0);
    type("a\r");
    expect_answer(1, "a\n");
    console_client_gone(SHELL);
    cr_assert_eq(freed, 1);
    read_some(OTHER, 100, 0);
    type("b\r");
    expect_answer(2, "b\n"); /* everybody's again */
}

Test(console_foreground, attention_is_the_third_in_a_row)
{
    give(PROGRAM);
    set_mode(PROGRAM, CONSOLE_RAW);
    set_interrupt(PROGRAM, 56);
    type("\x1c\x1cx\x1c\x1c");
    cr_assert_eq(attentions, 0);
    type("\x1c");
    cr_assert(attentions == 1 && attention_program == PROGRAM);
    cr_assert(interrupts == 0 && others == 0);
    cr_assert_eq(read_some(PROGRAM, 100, CONSOLE_NONBLOCK), ERR_WOULD_BLOCK, "what was typed before is gone");
    type("\x1c\x1c");
    cr_assert_eq(attentions, 1, "the next needs three again");
    give(0);
    type("\x1c");
    cr_assert(attentions == 2 && attention_program == 0, "the shell is no program");
}

/* A program that takes bytes as they come knows no lines. */
Test(console_foreground, raw_program_loses_only_what_finds_no_room)
{
    give(PROGRAM);
    set_mode(PROGRAM, CONSOLE_RAW);
    for (unsigned i = 0; i < 70000; i++)
        console_receive((char)('a' + i % 26));
    cr_assert_eq(port.overruns, 70000 - 65536);
    for (unsigned i = 0; i < 65536; i++) {
        cr_assert_eq(read_some(PROGRAM, 1, CONSOLE_NONBLOCK), ERR_OK);
        cr_assert_eq(got.bytes[0], 'a' + (char)(i % 26));
    }
    cr_assert_eq(read_some(PROGRAM, 1, CONSOLE_NONBLOCK), ERR_WOULD_BLOCK);
}

Test(console_foreground, wants_are_bounded_and_given_back)
{
    for (uint64_t client = 100; client < 164; client++)
        cr_assert_eq(set_mode(client, CONSOLE_RAW), ERR_OK);
    cr_assert_eq(set_mode(200, CONSOLE_RAW), ERR_TOO_MANY);
    cr_assert_eq(invoke(200, OP_console_interrupt, "", 0, &got, 55), ERR_TOO_MANY);
    cr_assert_eq(freed, 0, "the loop gives it back");
    set_mode(130, CONSOLE_COOKED);
    cr_assert_eq(set_mode(200, CONSOLE_RAW), ERR_OK);
    console_client_gone(131);
    cr_assert_eq(set_mode(201, CONSOLE_RAW), ERR_OK);
    cr_assert_eq(set_mode(0, CONSOLE_RAW), ERR_BAD_ARG);
}
