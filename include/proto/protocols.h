/* SPDX-License-Identifier: MIT */
/*
 * The protocols of the system, each with its number. An operation's number is protocol * 256 + n, as kernel
 * objects have it (abi/object.h), and protocols begin above the kernel's types: what is asked of a stranger,
 * be it a server or a kernel object, is answered with ERR_BAD_OP. A program's own protocols, which are not in
 * this list, have numbers from PROTOCOL_FIRST_OWN on.
 */
#pragma once

/* PROTOCOL(number, name): its operations are in proto/NAME.h */
#define PROTOCOL_LIST(PROTOCOL)                                                                              \
    PROTOCOL(64, server) /* what every server answers: proto/proto.h */                                      \
    PROTOCOL(65, mm)                                                                                         \
    PROTOCOL(66, proc)                                                                                       \
    PROTOCOL(67, dev)                                                                                        \
    PROTOCOL(68, console)                                                                                    \
    PROTOCOL(69, blk)                                                                                        \
    PROTOCOL(70, fs)                                                                                         \
    PROTOCOL(71, gpio)                                                                                       \
    PROTOCOL(72, eth)                                                                                        \
    PROTOCOL(73, net)

#define PROTOCOL_FIRST_OWN 0x8000

enum protocol_number {
#define PROTOCOL(number, name) PROTOCOL_##name = number,
    PROTOCOL_LIST(PROTOCOL)
#undef PROTOCOL
};
