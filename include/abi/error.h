/* SPDX-License-Identifier: MIT */
/*
 * Error codes, one space for the kernel and for every server: the label of a reply's tag. A server can stand
 * in for a kernel object and a client cannot tell, so both answer from this list. Numbers are part of the
 * ABI: append only.
 */
#pragma once

/* ERROR(number, name, text) */
#define ERROR_LIST(ERROR)                                                                        \
    ERROR(0, OK, "success")                                                                      \
    ERROR(1, NO_CAP, "no capability in that slot")                                               \
    ERROR(2, WRONG_TYPE, "capability of another type than is needed")                            \
    ERROR(3, NO_RIGHT, "capability lacks the right")                                             \
    ERROR(4, BAD_OP, "no such operation")                                                        \
    ERROR(5, BAD_ARG, "argument out of range")                                                   \
    ERROR(6, BAD_ALIGN, "misaligned address or size")                                            \
    ERROR(7, NO_MEMORY, "out of memory")                                                         \
    ERROR(8, SLOT_FULL, "destination slot is occupied")                                          \
    ERROR(9, IN_USE, "in use")                                                                   \
    ERROR(10, NO_TABLE, "page table missing")                                                    \
    ERROR(11, MAPPED, "already mapped")                                                          \
    ERROR(12, NOT_MAPPED, "not mapped")                                                          \
    ERROR(13, PEER_GONE, "the other side is gone")                                               \
    ERROR(14, WOULD_BLOCK, "would block")                                                        \
    ERROR(15, NO_CALLER, "nobody waits for an answer")                                           \
    ERROR(16, TOO_LONG, "message too long")                                                      \
    ERROR(17, BAD_ADDRESS, "no memory at that address")                                          \
    ERROR(18, NOT_CONFIGURED, "object is not configured yet")                                    \
    ERROR(19, NOT_FOUND, "not found")                                                            \
    ERROR(20, EXISTS, "exists already")                                                          \
    ERROR(21, NOT_DIR, "not a directory")                                                        \
    ERROR(22, IS_DIR, "is a directory")                                                          \
    ERROR(23, NAME_TOO_LONG, "name too long")                                                    \
    ERROR(24, LOOP, "too many levels of symbolic links")                                         \
    ERROR(25, NOT_LINK, "not a symbolic link")                                                   \
    ERROR(26, IO, "input/output error")                                                          \
    ERROR(27, CORRUPT, "data is damaged")                                                        \
    ERROR(28, UNSUPPORTED, "not supported")                                                      \
    ERROR(29, NO_DEVICE, "no such device")                                                       \
    ERROR(30, NO_FS, "no file system")                                                           \
    ERROR(31, READ_ONLY, "read-only")                                                            \
    ERROR(32, BAD_PROGRAM, "not a program that can run here")                                    \
    ERROR(33, QUOTA, "memory quota used up")                                                     \
    ERROR(34, TOO_MANY, "too many")                                                              \
    ERROR(35, DENIED, "not allowed")                                                             \
    ERROR(36, BUSY, "busy")                                                                      \
    ERROR(37, CANCELLED, "cancelled")                                                            \
    ERROR(38, TIMED_OUT, "timed out")                                                            \
    ERROR(39, NO_SPACE, "no space left on the disk")                                             \
    ERROR(40, NOT_EMPTY, "directory is not empty")                                               \
    ERROR(41, UNREACHABLE, "no way to that address")                                             \
    ERROR(42, NOT_CONNECTED, "not connected")                                                    \
    ERROR(43, CONNECTION_REFUSED, "connection refused")                                          \
    ERROR(44, CONNECTION_RESET, "connection reset by the other side")                            \
    ERROR(45, STALE, "of a server that has been restarted since")

enum error {
#define ERROR(number, name, text) ERR_##name = number,
    ERROR_LIST(ERROR)
#undef ERROR
};
