/* SPDX-License-Identifier: MIT */
/* Starting and ending processes, behind plain calls: the protocol of init. */
#pragma once

#include <proto/proc.h>

/* Starts the ELF file of `length` bytes that `read` gives piece by piece (so that it can come straight off a
 * file) with the arguments; `output`: path of the file that its output is added to, NULL for the terminal;
 * `cause` (112 bytes) says in words why a program is no good. */
enum error process_spawn(enum error (*read)(void *context, uint64_t position, void *buffer, size_t size),
                         void *context, uint64_t length, unsigned argc, const char *const *argv,
                         const char *output, uint64_t *process, char *cause);
/* Signals `notification` when the process has ended. */
enum error process_watch(uint64_t process, cap_t notification);
