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
    /* What console_mode said; 0: whatever console there is. ERR_STALE: it was restarted since, and knows
     * nothing of what this client said of the terminal. */
    uint64_t epoch;
};
/* Blocks until there is input (a line in cooked mode), unless CONSOLE_NONBLOCK: then ERR_WOULD_BLOCK. The
 * client that asked last gets the input, of those that the terminal is given to. Length 0 is end of input
 * (ctrl-d on an empty line in cooked mode). */
struct console_read_reply {
    uint64_t length;
    char bytes[CONSOLE_MAX_BYTES];
};

/* Whose the terminal is: the process that what is typed goes to, and whose mode and interrupt hold; 0: the
 * caller's own. It stays so until the caller says otherwise or that process ends; the terminal is the
 * caller's then. Before anybody has said it, and when who said it has ended, the terminal is everybody's. */
struct console_foreground_request {
    uint64_t process;
};

/* Per client, while the terminal is its own. Cooked (the default): the console echoes, edits a line
 * (backspace, ctrl-u, ctrl-w) and gives whole lines; ctrl-c raises the interrupt. Raw: every byte as it
 * comes, no echo, ctrl-c is a byte like any other. Ctrl-\ three times in a row is for init, in every mode. */
enum console_mode { CONSOLE_COOKED, CONSOLE_RAW };
struct console_mode_request {
    uint64_t mode;
};
struct console_mode_reply {
    uint64_t epoch; /* of this console, not 0: another one has another */
};

/* console_interrupt: + capability: a notification; signalled when ctrl-c is typed while the terminal is the
 * caller's own and not raw. No capability: no longer. Where its owner has none, that of who gave it the
 * terminal is signalled. */

struct console_info_reply {
    char driver[32]; /* what the device tree calls its device */
    char device[32];
    uint64_t bytes_in, bytes_out, overruns;
    uint64_t interrupts;
    uint64_t unfinished; /* 1: what was written last does not end its line */
};

/* How large the terminal is, as it answered last; 0: not known. With CONSOLE_ASK it is asked anew, and the
 * answer comes when it comes: no reader sees it. */
enum console_size_flags { CONSOLE_ASK = 1 };
struct console_size_request {
    uint64_t flags;
};
struct console_size_reply {
    uint64_t columns, rows;
};

#define CONSOLE_OPS(OP)                                                                                      \
    OP(console, 1, write, struct console_write_request, struct console_write_reply, CONSOLE_WRITE, (), ())   \
    OP(console, 2, read, struct console_read_request, struct console_read_reply, CONSOLE_READ, (), ())       \
    OP(console, 3, mode, struct console_mode_request, struct console_mode_reply, CONSOLE_READ, (), ())       \
    OP(console, 4, interrupt, struct proto_empty, struct proto_empty, CONSOLE_READ,                          \
       (OPTIONAL(NOTIFICATION)), ())                                                                         \
    OP(console, 5, info, struct proto_empty, struct console_info_reply, CONSOLE_WRITE, (), ())               \
    OP(console, 6, foreground, struct console_foreground_request, struct proto_empty, CONSOLE_CONTROL,       \
       (), ())                                                                                               \
    OP(console, 7, size, struct console_size_request, struct console_size_reply, CONSOLE_READ, (), ())
PROTO_CLIENT(CONSOLE_OPS)
