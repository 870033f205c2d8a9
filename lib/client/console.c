/* SPDX-License-Identifier: MIT */
/* The terminal for programs. */
#include <base/checked.h>
#include <client/console.h>
#include <rt/rt.h>
#include <string.h>

enum error terminal_write(const void *bytes, size_t count)
{
    const char *from = bytes;
    cap_t console = rt_server("console");

    if (console == 0) {
        rt_log_bytes(bytes, count);
        return ERR_OK;
    }
    while (count > 0) {
        struct console_write_request *request = proto_page();
        struct console_write_reply reply;
        size_t piece = count < CONSOLE_MAX_BYTES ? count : CONSOLE_MAX_BYTES;
        size_t size = align_up(offsetof(struct console_write_request, bytes) + piece, 8);

        memset((char *)request + size - 8, 0, 8);
        request->length = piece;
        memcpy(request->bytes, from, piece);
        enum error error = console_write_part(console, request, size, &reply);
        if (error)
            return error;
        if (reply.written == 0 || reply.written > piece)
            return ERR_IO;
        from += reply.written;
        count -= reply.written;
    }
    return ERR_OK;
}

enum error terminal_read(void *bytes, size_t size, size_t *count)
{
    struct console_read_request request = {.max = size < CONSOLE_MAX_BYTES ? size : CONSOLE_MAX_BYTES};
    struct console_read_reply *reply = proto_page();

    if (rt_server("console") == 0)
        return ERR_NO_CAP;
    enum error error = console_read(rt_server("console"), &request, reply);
    if (error)
        return error;
    if (reply->length > request.max)
        return ERR_IO;
    memcpy(bytes, reply->bytes, reply->length);
    *count = reply->length;
    return ERR_OK;
}

enum error terminal_mode(uint64_t mode)
{
    struct console_mode_request request = {.mode = mode};
    struct proto_empty none;

    return console_mode(rt_server("console"), &request, &none);
}

enum error terminal_foreground(uint64_t process)
{
    struct console_foreground_request request = {.process = process};
    struct proto_empty none;

    return console_foreground(rt_server("console"), &request, &none);
}

unsigned terminal_columns(bool ask)
{
    struct console_size_request request = {.flags = ask ? CONSOLE_ASK : 0};
    struct console_size_reply reply;

    return !console_size(rt_server("console"), &request, &reply) ? (unsigned)reply.columns : 0;
}

enum error terminal_interrupt(cap_t notification)
{
    return console_interrupt(rt_server("console"), NULL, NULL, notification);
}
