/* SPDX-License-Identifier: MIT */
/* The protocol of the server that answers with what it was sent: echo.c. */
#pragma once

#include <proto/proto.h>

#define ECHO_USE 0x0001

enum { PROTOCOL_echo = PROTOCOL_FIRST_OWN + 0x100 };

struct echo_words {
    uint64_t word[MSG_MAX_WORDS];
};

/* echo_words: the first word and the last change places. */
#define ECHO_OPS(OP) OP(echo, 1, words, struct echo_words, struct echo_words, ECHO_USE, (), ())
PROTO_CLIENT(ECHO_OPS)
