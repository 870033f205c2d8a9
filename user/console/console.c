/* SPDX-License-Identifier: MIT */
/* Readers, writers and modes. */
#include "console.h"

#include "bytes.h"
#include "foreground.h"
#include "line.h"
#include "size.h"

#include <base/checked.h>
#include <rt/rt.h>
#include <string.h>

#define INPUT_SIZE     65536
#define OUTPUT_SIZE    16384
#define MAX_WAITING    64 /* readers, and writers */
#define CTRL_C         3
#define CTRL_BACKSLASH 0x1c
#define ATTENTION_KEYS 3

_Static_assert(OUTPUT_SIZE > LINE_MAX_ECHO + 2 * CONSOLE_MAX_BYTES,
               "a write request fits beside the echo's reserve");

static struct console_port *port;
static char input_data[INPUT_SIZE], output_data[OUTPUT_SIZE];
static struct bytes input, output;
static struct line line;
static struct size size;
static char last_out;           /* byte put into the output last */
static unsigned attention_keys; /* typed in a row */
static bool refusing;           /* the rest of a line that found no room */

/* Blocked readers; the last is served first. */
static struct reader {
    uint64_t client;
    cap_t reply;
    uint64_t max;
} readers[MAX_WAITING];
static unsigned reader_count;

/* Blocked writers; the first is served first. */
static struct writer {
    uint64_t client;
    cap_t reply;
    uint64_t length;
    char bytes[CONSOLE_MAX_BYTES];
} writers[MAX_WAITING];
static unsigned writer_first, writer_count;

PROTO_SERVER(console, CONSOLE_OPS)
const struct protocol *const console_serves = &console_protocol;

/* --- Output --- */

static void put_output(const char *bytes, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        if (bytes[i] == '\n' && last_out != '\r')
            bytes_put(&output, '\r');
        bytes_put(&output, bytes[i]);
        last_out = bytes[i];
    }
}

static void echo(const char *bytes, size_t count)
{
    put_output(bytes, count);
}

/* Whether a write request of that length fits whatever is in it, and leaves room for the echo of a typed
 * byte. */
static bool has_room(uint64_t length)
{
    return bytes_room(&output) >= 2 * length + LINE_MAX_ECHO;
}

size_t console_output(const char **bytes)
{
    return bytes_front(&output, bytes);
}

void console_transmitted(size_t count)
{
    output.out += (uint32_t)count;
    port->bytes_out += count;
}

static enum error serve_console_write(struct call *call, const struct console_write_request *request,
                                      struct console_write_reply *reply)
{
    uint64_t length = request->length;

    if (length > CONSOLE_MAX_BYTES ||
        !range_inside(offsetof(struct console_write_request, bytes), length, call->size.request)) {
        return ERR_BAD_ARG;
    }
    reply->written = length;
    if (writer_count == 0 && has_room(length)) {
        put_output(request->bytes, length);
        port->transmit();
        return ERR_OK;
    }
    cap_t caller = writer_count < MAX_WAITING ? serve_defer(call) : 0;
    if (caller == 0)
        return writer_count < MAX_WAITING ? ERR_NO_MEMORY : ERR_TOO_MANY;
    struct writer *writer = &writers[(writer_first + writer_count++) % MAX_WAITING];
    *writer = (struct writer){.client = call->client, .reply = caller, .length = length};
    memcpy(writer->bytes, request->bytes, length);
    return ERR_OK;
}

/* Lets writers go on as far as there is room; true when any did. A writer that died while it waited has no
 * reply. */
static bool serve_writers(void)
{
    bool any = false;

    while (writer_count > 0 && has_room(writers[writer_first].length)) {
        struct writer *writer = &writers[writer_first];
        writer_first = (writer_first + 1) % MAX_WAITING;
        writer_count--;
        if (writer->reply != 0) {
            struct console_write_reply reply = {.written = writer->length};
            put_output(writer->bytes, writer->length);
            serve_answer(writer->reply, ERR_OK, &reply, sizeof(reply));
        }
        any = true;
    }
    return any;
}

/* --- Input --- */

/* What was typed before it and is still in the line does not count any more. */
static void raise_interrupt(const char *shown, cap_t notification)
{
    line_discard(&line);
    if (bytes_room(&output) >= LINE_MAX_ECHO)
        echo(shown, strlen(shown));
    if (notification != 0)
        notification_signal(notification);
}

static void discard_input(void)
{
    input.out = input.in;
    refusing = false;
}

/* Whether that byte makes ATTENTION_KEYS of the attention key in a row, which nobody but init gets. */
static bool is_attention(char byte)
{
    attention_keys = byte == CTRL_BACKSLASH ? attention_keys + 1 : 0;
    if (attention_keys < ATTENTION_KEYS)
        return false;
    attention_keys = 0;
    return true;
}

static bool ends_line(char byte)
{
    return byte == '\r' || byte == '\n';
}

/* Drops the line that the byte belongs to, from its beginning to its end: half a line must not be taken for a
 * whole one. A program in raw mode knows no lines. */
static void refuse(char byte)
{
    port->overruns++;
    if (foreground_program() != 0 && foreground_takes_bytes())
        return;
    if (!refusing && bytes_room(&output) >= LINE_MAX_ECHO)
        echo("\a", 1);
    while (!refusing && bytes_count(&input) > 0 && !ends_line(bytes_last(&input)))
        bytes_unput(&input);
    refusing = !ends_line(byte);
}

static void take_typed(char byte)
{
    if (is_attention(byte)) {
        discard_input();
        raise_interrupt("^\\\n", 0);
        port->attention(foreground_program());
    } else if (byte == CTRL_C && !foreground_takes_bytes()) {
        discard_input();
        raise_interrupt("^C\n", foreground_interrupt());
    } else if (refusing || !bytes_put(&input, byte)) {
        refuse(byte);
    }
}

void console_receive(char byte)
{
    char typed[SIZE_HELD_MAX + 1];
    size_t count = size_filter(&size, byte, typed);

    port->bytes_in++;
    for (size_t i = 0; i < count; i++)
        take_typed(typed[i]);
}

static uint64_t read_raw(char *bytes, uint64_t max)
{
    uint64_t count = 0;

    while (count < max && bytes_count(&input) > 0)
        bytes[count++] = bytes_get(&input);
    return count;
}

/* What `client` would get now; false when that is nothing. */
static bool try_read(uint64_t client, uint64_t max, struct console_read_reply *reply)
{
    if (!foreground_may_read(client))
        return false;
    if (foreground_is_raw(client)) {
        reply->length = read_raw(reply->bytes, max);
        return reply->length > 0;
    }
    while (line.state == LINE_EDITING && bytes_count(&input) > 0 && bytes_room(&output) >= LINE_MAX_ECHO)
        line_type(&line, bytes_get(&input));
    if (line.state == LINE_EDITING)
        return false;
    reply->length = line_take(&line, reply->bytes, max);
    return true;
}

static size_t reply_size(const struct console_read_reply *reply)
{
    return align_up(offsetof(struct console_read_reply, bytes) + reply->length, 8);
}

static enum error serve_console_read(struct call *call, const struct console_read_request *request,
                                     struct console_read_reply *reply)
{
    uint64_t max = request->max < CONSOLE_MAX_BYTES ? request->max : CONSOLE_MAX_BYTES;

    if (max == 0)
        return ERR_BAD_ARG;
    if (request->epoch != 0 && request->epoch != rt_start->epoch)
        return ERR_STALE;
    bool satisfied = try_read(call->client, max, reply);
    port->transmit();
    if (satisfied) {
        call->size.reply = reply_size(reply);
        return ERR_OK;
    }
    if (request->flags & CONSOLE_NONBLOCK)
        return ERR_WOULD_BLOCK;
    cap_t caller = reader_count < MAX_WAITING ? serve_defer(call) : 0;
    if (caller == 0)
        return reader_count < MAX_WAITING ? ERR_NO_MEMORY : ERR_TOO_MANY;
    readers[reader_count++] = (struct reader){call->client, caller, max};
    return ERR_OK;
}

/* The reader that asked last of those that may read; reader_count: there is none. */
static unsigned next_reader(void)
{
    for (unsigned i = reader_count; i > 0; i--) {
        if (foreground_may_read(readers[i - 1].client))
            return i - 1;
    }
    return reader_count;
}

/* Serves readers as far as there is input; true when any was. */
static bool serve_readers(void)
{
    struct console_read_reply reply;
    bool any = false;

    for (unsigned i; (i = next_reader()) < reader_count; any = true) {
        struct reader reader = readers[i];
        if (!try_read(reader.client, reader.max, &reply))
            break;
        reader_count--;
        memmove(&readers[i], &readers[i + 1], (reader_count - i) * sizeof(readers[0]));
        memset(reply.bytes + reply.length, 0,
               reply_size(&reply) - offsetof(struct console_read_reply, bytes) - reply.length);
        serve_answer(reader.reply, ERR_OK, &reply, reply_size(&reply));
    }
    return any;
}

/* --- Modes --- */

/* Serves a mode; in cooked mode a ctrl-c that waits among what was typed before is one that interrupts. */
static enum error serve_console_mode(struct call *call, const struct console_mode_request *request,
                                     struct console_mode_reply *reply)
{
    reply->epoch = rt_start->epoch;
    if (request->mode > CONSOLE_RAW)
        return ERR_BAD_ARG;
    enum error error = foreground_set_raw(call->client, request->mode == CONSOLE_RAW);
    if (!error && !foreground_takes_bytes() && bytes_drop_through(&input, CTRL_C))
        raise_interrupt("^C\n", foreground_interrupt());
    return error;
}

static enum error serve_console_foreground(struct call *call,
                                           const struct console_foreground_request *request,
                                           struct proto_empty *reply)
{
    (void)reply;
    if (call->client == 0)
        return ERR_BAD_ARG;
    foreground_give(call->client, request->process != 0 ? request->process : call->client);
    console_serve();
    return ERR_OK;
}

/* --- The rest --- */

static enum error serve_console_interrupt(struct call *call, const struct proto_empty *request,
                                          struct proto_empty *reply)
{
    enum error error = foreground_set_interrupt(call->client, call->cap[0]);

    (void)request;
    (void)reply;
    if (!error)
        call_keep(call, 0);
    return error;
}

static enum error serve_console_size(struct call *call, const struct console_size_request *request,
                                     struct console_size_reply *reply)
{
    static const char query[] = SIZE_QUERY;

    /* It leaves no mark, so it does not count as something written. */
    if ((request->flags & CONSOLE_ASK) && foreground_may_read(call->client) && has_room(sizeof(query))) {
        for (size_t i = 0; i + 1 < sizeof(query); i++)
            bytes_put(&output, query[i]);
        size_asked(&size);
        port->transmit();
    }
    reply->columns = size.columns;
    reply->rows = size.rows;
    return ERR_OK;
}

static enum error serve_console_info(struct call *call, const struct proto_empty *request,
                                     struct console_info_reply *reply)
{
    (void)call;
    (void)request;
    memcpy(reply->driver, port->driver, sizeof(reply->driver));
    memcpy(reply->device, port->device, sizeof(reply->device));
    reply->bytes_in = port->bytes_in;
    reply->bytes_out = port->bytes_out;
    reply->overruns = port->overruns;
    reply->interrupts = port->interrupts;
    reply->unfinished = last_out != 0 && last_out != '\n';
    return ERR_OK;
}

void console_start(struct console_port *the_port)
{
    port = the_port;
    input = (struct bytes){.data = input_data, .size = INPUT_SIZE};
    output = (struct bytes){.data = output_data, .size = OUTPUT_SIZE};
    line = (struct line){.echo = echo};
    size = (struct size){0};
    reader_count = writer_count = 0;
    foreground_start();
    attention_keys = 0;
    refusing = false;
    last_out = 0;
}

void console_serve(void)
{
    do {
        while (serve_writers() | serve_readers())
            continue;
        port->transmit();
        /* The transmitter may have taken all at once; then it does not interrupt, and nobody else asks. */
    } while (writer_count > 0 && has_room(writers[writer_first].length));
}

/* The answers go nowhere; giving them returns the reply objects. */
void console_client_gone(uint64_t client)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < reader_count; i++) {
        if (readers[i].client == client)
            serve_answer(readers[i].reply, ERR_CANCELLED, NULL, 0);
        else
            readers[kept++] = readers[i];
    }
    reader_count = kept;
    for (unsigned i = 0; i < writer_count; i++) {
        struct writer *writer = &writers[(writer_first + i) % MAX_WAITING];
        if (writer->client == client && writer->reply != 0) {
            serve_answer(writer->reply, ERR_CANCELLED, NULL, 0);
            writer->reply = 0;
        }
    }
    foreground_forget(client);
    console_serve();
}
