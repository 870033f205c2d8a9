/* SPDX-License-Identifier: MIT */
/* The terminal for programs, behind plain calls. stdio of lib/rt goes through these. */
#pragma once

#include <proto/console.h>

#include <stdbool.h>

/* Writes all bytes. Without a console capability they go to the kernel log. */
enum error terminal_write(const void *bytes, size_t count);
/* Waits for input; *count 0 is the end of it. */
enum error terminal_read(void *bytes, size_t size, size_t *count);
/* enum console_mode */
enum error terminal_mode(uint64_t mode);
/* What is typed goes to `process` from now on, until it ends; 0: to this process. */
enum error terminal_foreground(uint64_t process);
/* Columns of the terminal, 0 where they are not known; `ask`: find out anew, for the next time. */
unsigned terminal_columns(bool ask);
/* ctrl-c (while nobody reads raw) signals `notification`; 0: nobody. */
enum error terminal_interrupt(cap_t notification);
