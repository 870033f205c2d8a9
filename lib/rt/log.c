/* SPDX-License-Identifier: MIT */
/* Lines for the log: the kernel's, of those that may write there; what others say init keeps, with their
 * names. */
#include "internal.h"

#include <proto/proc.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One message: its first word is the length. */
#define LOG_MAX_BYTES ((MSG_MAX_WORDS - 1) * 8)

/* To init, which puts the name before it. */
static void say(const char *bytes, size_t count)
{
    struct proc_say_request request = {.length = count < PROC_SAY_BYTES ? count : PROC_SAY_BYTES};
    struct proto_empty none;

    memcpy(request.bytes, bytes, request.length);
    proc_say(rt_caps.proc, &request, &none);
}

/* To the kernel's log; false when this process may not write there. */
static bool log_piece(const char *bytes, size_t count)
{
    uint64_t words[MSG_MAX_WORDS];
    unsigned length = 1 + (unsigned)(count + 7) / 8;
    words[0] = count;
    words[length - 1] = 0;
    memcpy(words + 1, bytes, count);
    return !kernel_call(rt_caps.log, OP_DEBUG_LOG, words, length, NULL, 0);
}

void rt_log_bytes(const void *bytes, size_t count)
{
    const char *from = bytes;
    while (count > 0) {
        size_t piece = count < PROC_SAY_BYTES ? count : PROC_SAY_BYTES;
        if (!log_piece(from, piece))
            say(from, piece);
        from += piece;
        count -= piece;
    }
}

/* A line too long for one message is cut. */
static void log_line(const char *format, va_list arguments)
{
    char line[LOG_MAX_BYTES];
    size_t name = (size_t)snprintf(line, sizeof(line), "%.16s: ", rt_name()), length = name;
    int more = vsnprintf(line + length, sizeof(line) - length, format, arguments);
    if (more > 0)
        length += (size_t)more;
    if (length > sizeof(line) - 1)
        length = sizeof(line) - 1;
    line[length] = '\n';
    if (!log_piece(line, length + 1))
        say(line + name, length + 1 - name);
}

void rt_log(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_line(format, arguments);
    va_end(arguments);
}

void rt_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_line(format, arguments);
    va_end(arguments);
    exit(1);
}
