/* SPDX-License-Identifier: MIT */
/* The kernel's log: a ring that forgets its oldest bytes, and its echo on the firmware's console. */
// sources: kernel/log.c
#include "../../kernel/arch.h"
#include "../../kernel/log.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING_BYTES (64 << 10)

uint64_t arch_timebase = 10000000;
static uint64_t now = 12345678;
static char console[1 << 20];
static size_t console_used;

uint64_t arch_time(void)
{
    return now;
}

void arch_putchar(char c)
{
    console[console_used++] = c;
}

/* What the log holds from a position on. */
static const char *log_from(uint64_t position)
{
    static char text[RING_BYTES + 1];
    uint64_t next;
    size_t count = log_read(position, text, RING_BYTES, &next);

    cr_assert_eq(next, log_end());
    text[count] = 0;
    return text;
}

static void log_all(const char *bytes)
{
    size_t count = strlen(bytes);

    while (count > 0) {
        size_t done = log_bytes(bytes, count);

        cr_assert(done > 0 && done <= count);
        bytes += done;
        count -= done;
        while (log_echo())
            continue;
    }
}

TestSuite(kernel_log, .timeout = 50);

Test(kernel_log, a_line_has_a_time_stamp_and_is_echoed)
{
    log_line("memory at 0x%lx, %s", 0x1234ul, "text");
    cr_assert_str_eq(log_from(0), "[    1.234567] memory at 0x1234, text\n");
    cr_assert_str_eq(console, log_from(0));
}

Test(kernel_log, before_the_clock_is_known_it_is_zero)
{
    arch_timebase = 0;
    log_line("early");
    cr_assert_str_eq(log_from(0), "[    0.000000] early\n");
}

Test(kernel_log, a_line_of_the_kernel_begins_a_new_one)
{
    log_all("half a ");
    log_line("whole");
    cr_assert_str_eq(log_from(0), "[    1.234567] half a \n[    1.234567] whole\n");
}

Test(kernel_log, bytes_are_taken_up_to_the_end_of_a_line)
{
    cr_assert_eq(log_bytes("one\ntwo\n", 8), 4);
    cr_assert_eq(log_bytes("two\n", 4), 4);
    cr_assert_str_eq(log_from(0), "[    1.234567] one\n[    1.234567] two\n");
}

Test(kernel_log, what_a_terminal_would_obey_is_not_kept)
{
    log_all("a\033[2Jb\tc\x7f\rd\xc3\xa4\n");
    cr_assert_str_eq(log_from(0), "[    1.234567] a.[2Jb\tc..d\xc3\xa4\n");
}

/* The name of a node in the device tree, for one, can be anything. */
Test(kernel_log, a_line_of_the_kernel_is_one_whatever_it_is_made_of)
{
    log_line("node %s", "a\n[    9.999999] b\033");
    cr_assert_str_eq(log_from(0), "[    1.234567] node a.[    9.999999] b.\n");
}

Test(kernel_log, lines_that_are_too_long_are_broken)
{
    static char line[1300];
    const char *at;

    memset(line, 'x', sizeof(line) - 1);
    log_all(line);
    at = log_from(0);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(strncmp(at, "[    1.234567] ", 15), 0);
        cr_assert_eq(strspn(at + 15, "x"), i < 2 ? 512 : 1299 - 2 * 512);
        at += 15 + strspn(at + 15, "x");
        cr_assert_eq(*at, i < 2 ? '\n' : 0);
        at++;
    }
}

Test(kernel_log, the_oldest_bytes_are_forgotten)
{
    char line[100], text[40];
    uint64_t next;

    for (unsigned i = 0; i < 3000; i++) {
        snprintf(line, sizeof(line), "line %04u ........................................\n", i);
        log_all(line);
    }
    cr_assert_eq(log_end(), 3000 * 66);
    cr_assert_eq(strlen(log_from(0)), RING_BYTES);
    cr_assert_str_eq(log_from(log_end() - 66),
                     "[    1.234567] line 2999 ........................................\n");
    cr_assert_eq(log_read(0, text, sizeof(text), &next), sizeof(text));
    cr_assert_eq(next, log_end() - RING_BYTES + sizeof(text), "it goes on after what it gave");
    cr_assert_eq(log_read(log_end(), text, sizeof(text), &next), 0);
    cr_assert_eq(log_read(log_end() + 1000, text, sizeof(text), &next), 0);
}

Test(kernel_log, the_echo_goes_on_from_where_it_was)
{
    cr_assert_eq(log_bytes("some text\n", 10), 10);
    cr_assert(log_echo());
    cr_assert_lt(console_used, 10);
    while (log_echo())
        continue;
    cr_assert_str_eq(console, log_from(0));
}

Test(kernel_log, without_echo_nothing_is_put_out_later_either)
{
    log_set_echo(0);
    log_line("quiet");
    log_set_echo(1);
    log_line("loud");
    cr_assert_str_eq(console, "[    1.234567] loud\n");
    cr_assert_str_eq(log_from(0), "[    1.234567] quiet\n[    1.234567] loud\n");
}

/* The same bytes in pieces of any size give the same log. */
Test(kernel_log, pieces_make_no_difference)
{
    static char bytes[4000], whole[RING_BYTES + 1];
    uint64_t start;

    srand(1);
    for (unsigned i = 0; i + 1 < sizeof(bytes); i++)
        bytes[i] = rand() % 40 ? ' ' + rand() % 95 : rand() % 2 ? '\n' : rand() % 31 + 1;
    bytes[sizeof(bytes) - 2] = '\n';
    log_all(bytes);
    strcpy(whole, log_from(0));
    start = log_end();
    for (size_t at = 0, piece; at < sizeof(bytes) - 1; at += piece) {
        piece = 1 + rand() % 50;
        piece = piece < sizeof(bytes) - 1 - at ? piece : sizeof(bytes) - 1 - at;
        for (size_t done = 0; done < piece;)
            done += log_bytes(bytes + at + done, piece - done);
    }
    cr_assert_str_eq(log_from(start), whole);
}
