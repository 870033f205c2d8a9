/* SPDX-License-Identifier: MIT */
/* Lines for the kernel log, from either thread of init: neither the C library nor a message page is used. */
#include "init.h"

#include <base/format.h>

#include <stdarg.h>
#include <string.h>

#define LINE_BYTES 512
#define PIECE_BYTES                                                                                          \
    ((MSG_REGS - 1) * 8) /* of a message that fits the registers: the first word is the length */

struct line {
    char text[LINE_BYTES];
    size_t length;
};

static void append(void *context, char c)
{
    struct line *line = context;

    if (line->length < sizeof(line->text) - 1)
        line->text[line->length++] = c;
}

static void log_text(const char *format, va_list arguments)
{
    struct line line = {.length = 0};

    format_to(append, &line, format, arguments);
    line.text[line.length++] = '\n';
    for (size_t at = 0; at < line.length; at += PIECE_BYTES) {
        size_t count = line.length - at < PIECE_BYTES ? line.length - at : PIECE_BYTES;
        struct msg m = {.tag = tag_make(OP_DEBUG_LOG, MSG_REGS, 0), .word = {count}};
        memcpy(&m.word[1], line.text + at, count);
        sys_msg(SYS_CALL, BOOT_DEBUG, &m);
    }
}

void log_line(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_text(format, arguments);
    va_end(arguments);
}

/* Has the kernel print its log itself: nobody will read the terminal's process any more. */
static void echo_log(void)
{
    struct msg m = {.tag = tag_make(OP_DEBUG_SET_ECHO, 1, 0), .word = {1}};

    sys_msg(SYS_CALL, BOOT_DEBUG, &m);
}

void power_off(void)
{
    echo_log();
    log_line("init: the system cannot go on without that");
    for (;;) {
        struct msg m = {.tag = tag_make(OP_RESET_POWEROFF, 1, 0), .word = {1}};
        sys_msg(SYS_CALL, BOOT_RESET, &m);
    }
}

void give_up(const char *format, ...)
{
    va_list arguments;

    echo_log();
    va_start(arguments, format);
    log_text(format, arguments);
    va_end(arguments);
    power_off();
}
