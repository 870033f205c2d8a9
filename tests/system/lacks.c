/* SPDX-License-Identifier: MIT */
/*
 * A process whose sessions all lack one right, whose number its name ends with (lack3 lacks 1 << 3): tries
 * every operation that needs it, of every protocol and server. Each must be denied, before anything else is
 * looked at. Every operation of another protocol must be none. The tables are those of include/proto, so no
 * operation can be forgotten.
 */
#include "tables.h"

#include <rt/rt.h>
#include <string.h>

TABLE(every, SERVER_OPS)

static const struct {
    const char *name;
    const struct proto_operation *const *operations;
} servers[] = {{"mm", mm},   {"init", proc},      {"dev", dev},    {"console", console},
               {"gpio", gpio}, {"virtio-blk", blk}, {"sd-spi", blk}, {"fs", fs},
               {"virtio-net", eth}, {"net", net}};
#define SERVERS (sizeof(servers) / sizeof(servers[0]))

static unsigned tries, granted, strange;

/* What the server answers; no capability goes with it, and none comes but by mistake. */
static enum error attempt(const char *server, const struct proto_operation *op)
{
    static uint64_t request[MSG_MAX_WORDS], reply[MSG_MAX_WORDS];
    cap_t cap[MSG_MAX_CAPS], *const take[] = {&cap[0], &cap[1], &cap[2], &cap[3]};

    return proto_call(rt_cap(server), op, request, op->size.request, reply, NULL, take);
}

static void expect_denied(const char *server, const struct proto_operation *op)
{
    enum error error = attempt(server, op);

    tries++;
    if (error == ERR_DENIED)
        return;
    granted++;
    rt_log("%s of %s: %s", op->name, server, error ? error_text(error) : "done");
}

static void expect_none(const char *server, const struct proto_operation *op)
{
    enum error error = attempt(server, op);

    if (error == ERR_BAD_OP)
        return;
    strange++;
    rt_log("%s of %s: %s", op->name, server, error ? error_text(error) : "done");
}

int main(void)
{
    unsigned bit = 0;

    for (const char *digit = rt_name() + strcspn(rt_name(), "0123456789"); *digit != 0; digit++)
        bit = bit * 10 + (unsigned)(*digit - '0');
    for (size_t i = 0; i < SERVERS; i++) {
        for (const struct proto_operation *const *op = servers[i].operations; *op != NULL; op++)
            if ((*op)->right >> bit & 1)
                expect_denied(servers[i].name, *op);
        for (const struct proto_operation *const *op = every; *op != NULL; op++)
            if ((*op)->right >> bit & 1)
                expect_denied(servers[i].name, *op);
        for (size_t other = 0; other < SERVERS; other++)
            for (const struct proto_operation *const *op = servers[other].operations; *op != NULL; op++)
                if (servers[other].operations != servers[i].operations)
                    expect_none(servers[i].name, *op);
    }
    rt_log("%u tries, %u granted, %u strange", tries, granted, strange);
}
