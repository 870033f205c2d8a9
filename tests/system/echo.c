/* SPDX-License-Identifier: MIT */
/* A server that does next to nothing, for what a long call costs. */
#include "echo.h"

#include <rt/rt.h>

PROTO_SERVER(echo, ECHO_OPS)

static enum error serve_echo_words(struct call *call, const struct echo_words *q, struct echo_words *r)
{
    (void)call;
    uint64_t first = q->word[0], last = q->word[MSG_MAX_WORDS - 1];
    r->word[0] = last;
    r->word[MSG_MAX_WORDS - 1] = first;
    return ERR_OK;
}

int main(void)
{
    serve(&(struct server){.name = rt_name(), .protocol = {&echo_protocol}, .in_place = true});
}
