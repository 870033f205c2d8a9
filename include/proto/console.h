/* SPDX-License-Identifier: MIT */
/* The console's protocol: a byte stream to and from the terminal, shared by several clients. */
#pragma once

#include <proto/proto.h>

#define CONSOLE_MAX_BYTES 480

struct console_write_request {
    uint64_t length;
    char bytes[CONSOLE_MAX_BYTES];
};
struct console_write_reply {
    uint64_t written;
};

enum console_flags { CONSOLE_NONBLOCK = 1 };
struct console_read_request {
    uint64_t max;
    uint64_t flags;
};
/* Blocks until there is input (a line in cooked mode), unless CONSOLE_NONBLOCK: then ERR_WOULD_BLOCK. The client that
 * asked last gets the input. Length 0 is end of input (ctrl-d on an empty line in cooked mode). */
struct console_read_reply {
    uint64_t length;
    char bytes[CONSOLE_MAX_BYTES];
};

/* Per client. Cooked (the default): the console echoes, edits a line (backspace, ctrl-u, ctrl-w) and gives whole
 * lines; ctrl-c raises the interrupt. Raw: every byte as it comes, no echo, ctrl-c is a byte like any other. */
enum console_mode { CONSOLE_COOKED, CONSOLE_RAW };
struct console_mode_request {
    uint64_t mode;
};

/* + capability: a notification; signalled when ctrl-c is typed while no client is in raw mode. No capability:
 * no longer. One for the whole console: the last one set. */

struct console_info_reply {
    char driver[32]; /* what the device tree calls its device */
    char device[32];
    uint64_t bytes_in, bytes_out, overruns;
    uint64_t interrupts;
};

#define CONSOLE_OPS(OP)                                                                                                \
    OP(1, console_write, struct console_write_request, struct console_write_reply, CONSOLE_WRITE)                     \
    OP(2, console_read, struct console_read_request, struct console_read_reply, CONSOLE_READ)                         \
    OP(3, console_mode, struct console_mode_request, struct proto_empty, CONSOLE_READ)                                \
    OP(4, console_interrupt, struct proto_empty, struct proto_empty, CONSOLE_READ)                                    \
    OP(5, console_info, struct proto_empty, struct console_info_reply, CONSOLE_WRITE)
PROTO_CLIENT(CONSOLE_OPS)
