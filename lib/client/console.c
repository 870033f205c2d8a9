/* SPDX-License-Identifier: MIT */
/* The terminal for programs. */
#include <base/checked.h>
#include <client/console.h>
#include <rt/rt.h>
#include <string.h>

#define TRIES 3 /* of a call, when one console after the other dies of it, or meanwhile */

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

/* What this process has said of the terminal: a console that was restarted is told again. */
static struct {
    bool said;
    uint64_t value;
} mode, foreground, interrupt;
static uint64_t epoch; /* of the console that was told; 0: none was */

static enum error tell_mode(void)
{
    const struct console_mode_request request = {mode.value};
    struct console_mode_reply reply;
    enum error error = console_mode(rt_server("console"), &request, &reply);

    if (!error)
        epoch = reply.epoch;
    return error;
}

static enum error tell_foreground(void)
{
    const struct console_foreground_request request = {foreground.value};

    return console_foreground(rt_server("console"), &request, NULL);
}

static enum error tell_interrupt(void)
{
    return console_interrupt(rt_server("console"), NULL, NULL, (cap_t)interrupt.value);
}

/* The mode comes last: it tells which console it was. */
static enum error tell_all(void)
{
    enum error error = foreground.said ? tell_foreground() : ERR_OK;

    if (!error && interrupt.said)
        error = tell_interrupt();
    return !error && mode.said ? tell_mode() : error;
}

/* Whether a call that can be made twice is to be made again: a console that was restarted has been told. */
static bool again(enum error *error, unsigned *tries)
{
    if ((*error != ERR_STALE && *error != ERR_PEER_GONE) || ++*tries == TRIES)
        return false;
    do
        *error = tell_all();
    while (*error == ERR_PEER_GONE && ++*tries < TRIES);
    return !*error;
}

enum error terminal_read(void *bytes, size_t size, size_t *count)
{
    struct console_read_request request = {.max = size < CONSOLE_MAX_BYTES ? size : CONSOLE_MAX_BYTES};
    struct console_read_reply *reply = proto_page();
    unsigned tries = 0;
    enum error error;

    if (rt_server("console") == 0)
        return ERR_NO_CAP;
    do {
        request.epoch = epoch;
        error = console_read(rt_server("console"), &request, reply);
    } while (again(&error, &tries));
    if (error)
        return error;
    if (reply->length > request.max)
        return ERR_IO;
    memcpy(bytes, reply->bytes, reply->length);
    *count = reply->length;
    return ERR_OK;
}

enum error terminal_mode(uint64_t wanted)
{
    const uint64_t before = epoch;
    unsigned tries = 0;
    enum error error;

    mode.said = true;
    mode.value = wanted;
    error = tell_mode();
    if (!error && before != 0 && before != epoch)
        return tell_all();
    again(&error, &tries);
    return error;
}

enum error terminal_foreground(uint64_t process)
{
    unsigned tries = 0;
    enum error error;

    foreground.said = true;
    foreground.value = process;
    error = tell_foreground();
    again(&error, &tries);
    return error;
}

unsigned terminal_columns(bool ask)
{
    struct console_size_request request = {.flags = ask ? CONSOLE_ASK : 0};
    struct console_size_reply reply;

    return !console_size(rt_server("console"), &request, &reply) ? (unsigned)reply.columns : 0;
}

enum error terminal_interrupt(cap_t notification)
{
    unsigned tries = 0;
    enum error error;

    interrupt.said = true;
    interrupt.value = notification;
    error = tell_interrupt();
    again(&error, &tries);
    return error;
}
