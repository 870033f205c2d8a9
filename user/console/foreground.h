/* SPDX-License-Identifier: MIT */
/*
 * Whose the terminal is, and what each client wants of it. The client that may say so (the shell) gives the
 * terminal to one at a time, the owner: its mode holds, its reads are served, its interrupt key is asked
 * first. What a client wants counts only while it is the owner, and is forgotten when it ends. While nobody
 * has said whose the terminal is, it is everybody's. Portable.
 */
#pragma once

#include <proto/console.h>

#include <stdbool.h>

/* Nobody wants anything, and the terminal is everybody's. */
void foreground_start(void);
/* `controller` gives the terminal to `owner`. */
void foreground_give(uint64_t controller, uint64_t owner);
/* The owner; 0: the terminal is everybody's. */
uint64_t foreground_owner(void);
/* The owner, unless that is who gives the terminal away; else 0. */
uint64_t foreground_program(void);
/* Whether what is typed may go to `client`. */
bool foreground_may_read(uint64_t client);

/* ERR_BAD_ARG: no client has the number 0. ERR_TOO_MANY: too many clients want something. */
enum error foreground_set_raw(uint64_t client, bool raw);
/* Keeps the notification; 0: none any more. Errors as above; nothing is kept then. */
enum error foreground_set_interrupt(uint64_t client, cap_t notification);
/* Whether the client reads raw. */
bool foreground_is_raw(uint64_t client);
/* Whether the interrupt key is a byte like any other: the owner reads raw, or anybody while all own it. */
bool foreground_takes_bytes(void);
/* What the interrupt key signals: the owner's notification; if it has none, that of who gave it the terminal;
 * while all own it, the one set last. 0: none. */
cap_t foreground_interrupt(void);
/* A client has ended. The terminal goes back to who gave it away, or to everybody when that has ended. */
void foreground_forget(uint64_t client);
