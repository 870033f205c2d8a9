/* SPDX-License-Identifier: MIT */
/*
 * The console between its clients and the terminal: who reads, who writes. Knows nothing of the hardware:
 * main.c brings received bytes and fetches those to transmit. Whose the terminal is, foreground.c knows.
 *
 * Output: each write request goes out in one piece, in the order in which the requests came; a newline
 * becomes carriage return and newline unless there is a carriage return before it already. Input waits, up to
 * 64 KiB, until somebody reads; it is echoed when it is used. A line that finds no room is refused as a
 * whole, with a bell.
 */
#pragma once

#include <proto/console.h>

/* What the console knows of its device, for console_info. */
struct console_port {
    char driver[32], device[32];
    uint64_t bytes_in, bytes_out, overruns, interrupts;
    void (*transmit)(void); /* there is output */
    /* The attention key was typed; `program` has the terminal, 0: none. */
    void (*attention)(uint64_t program);
};

/* `port` is kept up by main.c. */
void console_start(struct console_port *port);
/* A byte was received. */
void console_receive(char byte);
/* Bytes to transmit that lie in one piece, 0 when there are none; and that `count` of them were. */
size_t console_output(const char **bytes);
void console_transmitted(size_t count);
/* Serves whoever waits, after bytes were received or transmitted. */
void console_serve(void);
/* Forgets a dead client. */
void console_client_gone(uint64_t client);
/* The protocol, for serve(). */
extern const struct protocol *const console_serves;
